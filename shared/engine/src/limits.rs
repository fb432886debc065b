//! The limits of CRM accounts, before and after each call to a CRM.
//!
//! [`permit`] waits a moment for the call's turn, or says until when its message is to wait. Leases are
//! kept in the process, per CRM account, so that many calls cost one write; what is decided, and why,
//! is in `hub_domain::limiter`. Calls to a token endpoint do not count for these limits.
//!
//! It refuses to sleep for long: a function is paid for while it sleeps, a hidden message is not.

mod webhooks;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use hub_aws::{
    AwsError, Entropy,
    store::{LimiterItem, LimiterOf},
};
use hub_connectors::{Manifest, Reply};
use hub_domain::{
    Connection, Scope, Timestamp, Verdict,
    limiter::{Book, Decision, HORIZON, Lane, Limiter, Micros, SECOND, Take, Terms, Want, Why},
};
pub(crate) use webhooks::permit_of_webhook;

use crate::{error::aws_verdict, hub::Hub};

/// CRM accounts whose leases one process keeps.
const MOST_ACCOUNTS: usize = 1_000;
/// How often a write that somebody else was faster than is tried again.
const TRIES: u32 = 8;
/// How soon a place among the calls at once is looked for again.
const SOON: Duration = Duration::from_millis(50);

tokio::task_local! {
    /// The lane of the batch that is worked on: set once per batch, needed at each call.
    static LANE: Lane;
}

/// Does work as of a lane; work of no lane is live.
pub(crate) async fn of_lane<F: Future>(lane: Lane, work: F) -> F::Output {
    LANE.scope(lane, work).await
}

/// The lane whose queue this is: `<crm>-bulk`, or `<crm>-live`.
pub(crate) fn lane_of(queue: &str) -> Lane {
    if queue.ends_with("-bulk") {
        Lane::Bulk
    } else {
        Lane::Live
    }
}

/// What this process holds.
#[derive(Default)]
pub(crate) struct Limits {
    accounts: Mutex<HashMap<LimiterOf, Arc<Account>>>,
}

struct Account {
    book: Mutex<Book>,
    /// One lease at a time: whoever waits for it finds what the one before brought.
    leasing: tokio::sync::Mutex<Known>,
    /// How many leases were asked for. Beside the lock: who waits for it knows the number from before.
    leases: AtomicU64,
}

/// The item as this process wrote it last.
#[derive(Default)]
struct Known {
    /// Nobody else wrote it between the last two writes: it can be written without being read.
    item: Option<LimiterItem>,
    last: u64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Limits {
    fn account(&self, entropy: &Entropy, whose: &LimiterOf) -> Arc<Account> {
        let mut accounts = lock(&self.accounts);
        if accounts.len() >= MOST_ACCOUNTS && !accounts.contains_key(whose) {
            // Those that no call is under way for: their leases lapse.
            accounts.retain(|_, account| Arc::strong_count(account) > 1);
        }
        let fresh = || {
            let worker = u32::try_from(entropy.u64() >> 32).unwrap_or_default();
            Arc::new(Account {
                book: Mutex::new(Book::new(worker)),
                leasing: tokio::sync::Mutex::default(),
                leases: AtomicU64::default(),
            })
        };
        accounts.entry(whose.clone()).or_insert_with(fresh).clone()
    }
}

/// The right to make one call. What came of the call is to be told: [`Permit::answered`] or
/// [`Permit::failed`].
pub(crate) struct Permit<'a> {
    hub: &'a Hub,
    whose: LimiterOf,
    manifest: Option<&'a Manifest>,
    account: Arc<Account>,
    terms: Terms,
    costs: Vec<u32>,
    probe: bool,
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        lock(&self.account.book).ended();
    }
}

fn now(hub: &Hub) -> Micros {
    hub.clock().now().as_microsecond()
}

fn dice(hub: &Hub) -> u32 {
    u32::try_from(hub.entropy().u64() % 1_000).unwrap_or_default()
}

fn moment(at: Micros) -> Timestamp {
    Timestamp::from_microsecond(at).unwrap_or(Timestamp::MAX)
}

fn throttle(until: Micros) -> Verdict {
    Verdict::Throttle {
        until: moment(until),
        scope: Scope::Connection,
    }
}

async fn pause(hub: &Hub, until: Micros) {
    let micros = u64::try_from(until - now(hub)).unwrap_or_default();
    tokio::time::sleep(Duration::from_micros(micros)).await;
}

/// Waits for the turn of a call that costs so much of each limit, for about two seconds at most.
///
/// # Errors
/// [`Verdict::Throttle`] where the turn is later, the CRM does not answer, or live work comes first;
/// [`Verdict::Retry`] where the store does not answer.
pub(crate) async fn permit<'a>(
    hub: &'a Hub,
    connection: &Connection,
    manifest: &'a Manifest,
    costs: Vec<u32>,
) -> Result<Permit<'a>, Verdict> {
    let terms = manifest.terms(connection);
    permit_of(hub, connection.into(), Some(manifest), terms, costs).await
}

async fn permit_of<'a>(
    hub: &'a Hub,
    whose: LimiterOf,
    manifest: Option<&'a Manifest>,
    terms: Terms,
    costs: Vec<u32>,
) -> Result<Permit<'a>, Verdict> {
    let account = hub.limits().account(hub.entropy(), &whose);
    let latest = now(hub) + HORIZON;
    loop {
        let at = now(hub);
        let (take, probe) = {
            let mut book = lock(&account.book);
            let take = book.take(&terms, &costs, at);
            (take, take == Take::Now && book.is_probe())
        };
        match take {
            Take::Now => {
                return Ok(Permit {
                    hub,
                    whose,
                    manifest,
                    account,
                    terms,
                    costs,
                    probe,
                });
            }
            Take::At(turn) if turn <= latest => pause(hub, turn).await,
            Take::At(turn) => return Err(throttle(turn)),
            Take::Full if at < latest => tokio::time::sleep(SOON).await,
            Take::Full => return Err(throttle(at + SECOND)),
            Take::Lease if at > latest => return Err(throttle(at + SECOND)),
            Take::Lease => lease(hub, &whose, &account, &terms, &costs, latest).await?,
        }
    }
}

/// Takes a lease, or waits a moment for one.
async fn lease(
    hub: &Hub,
    whose: &LimiterOf,
    account: &Account,
    terms: &Terms,
    costs: &[u32],
    latest: Micros,
) -> Result<(), Verdict> {
    let before = account.leases.load(Relaxed);
    let mut known = account.leasing.lock().await;
    if before != account.leases.load(Relaxed) {
        // Another call of this process has just taken one.
        return Ok(());
    }
    let lane = LANE.try_with(|lane| *lane).unwrap_or(Lane::Live);
    for _ in 0..TRIES {
        let item = read(hub, whose, &mut known).await?;
        let (at, dice) = (now(hub), dice(hub));
        let ask = lock(&account.book).ask(terms, costs, lane, at);
        let mut limiter = item.limiter;
        let decision = limiter.lease(terms, &ask, at);
        match &decision {
            Decision::Granted { .. } => {
                if write(hub, whose, &mut known, limiter, item.version).await? {
                    account.leases.fetch_add(1, Relaxed);
                    lock(&account.book).granted(&decision, at);
                    return Ok(());
                }
            }
            Decision::Wait {
                until,
                why,
                write: changed,
            } => {
                // Where somebody was faster it is told with the next ask.
                if *changed && write(hub, whose, &mut known, limiter, item.version).await? {
                    lock(&account.book).told();
                }
                account.leases.fetch_add(1, Relaxed);
                known.item = None;
                let soon = *until <= latest && *why != Why::Open && *why != Why::Live;
                if soon {
                    drop(known);
                    pause(hub, (*until).max(at + SECOND / 50)).await;
                    return Ok(());
                }
                let until = lock(&account.book).in_vain(*until, dice);
                let until = moment(until);
                tracing::info!(account = whose.of(), crm = %whose.crm(), %until, "no call is made: {}", words(*why));
                return Err(Verdict::Throttle {
                    until,
                    scope: Scope::Connection,
                });
            }
        }
    }
    // A crowd: it is not for a failure that the message waits.
    let until = lock(&account.book).in_vain(now(hub), dice(hub));
    Err(throttle(until))
}

fn words(why: Why) -> &'static str {
    match why {
        Why::Limit => "the limit of the CRM is given out until then",
        Why::AtOnce => "as many calls as the CRM takes at once are under way",
        Why::Live => "live work comes first",
        Why::Open => "the CRM did not answer again and again; one call will try it then",
    }
}

/// The item: as this process wrote it if nobody else writes it, else as it stands.
async fn read(hub: &Hub, whose: &LimiterOf, known: &mut Known) -> Result<LimiterItem, Verdict> {
    if let Some(item) = known.item.take() {
        return Ok(item);
    }
    let read = hub.store().limiter(whose).await;
    read.map_err(|error| aws_verdict(&error))
}

/// Writes the item; `false` if somebody else was faster.
async fn write(
    hub: &Hub,
    whose: &LimiterOf,
    known: &mut Known,
    limiter: Limiter,
    before: u64,
) -> Result<bool, Verdict> {
    let put = hub.store();
    let put = put.put_limiter(whose, &limiter, before, hub.now_ms());
    match put.await {
        Ok(version) => {
            let alone = known.last == before;
            known.last = version;
            known.item = alone.then_some(LimiterItem { version, limiter });
            Ok(true)
        }
        Err(AwsError::Conflict { .. }) => Ok(false),
        Err(error) => Err(aws_verdict(&error)),
    }
}

impl Permit<'_> {
    /// The CRM answered: what the answer says of the limits, and of the CRM.
    pub(crate) async fn answered(&self, reply: &Reply, verdicts: &[Verdict]) {
        let seen = self.manifest.map(|manifest| manifest.seen(reply));
        let seen = seen.unwrap_or_default();
        {
            let mut book = lock(&self.account.book);
            for (place, seen) in seen.into_iter().enumerate() {
                if let Some(seen) = seen {
                    book.saw(place, seen);
                }
            }
        }
        let until = verdicts.iter().filter_map(refused).max();
        if let Some(until) = until {
            let until = until.as_microsecond();
            lock(&self.account.book).pause(until);
            let wants: Vec<Want> = self
                .costs
                .iter()
                .map(|cost| Want {
                    need: *cost,
                    up_to: *cost,
                })
                .collect();
            tracing::warn!(account = self.whose.of(), crm = %self.whose.crm(), until = %moment(until), "the CRM refused a call for a limit");
            self.change(|limiter, at| {
                limiter.refused(&self.terms, &wants, until, at);
                limiter.breaker.succeeded(self.probe);
            })
            .await;
        } else if reply.status.is_server_error() {
            self.failed().await;
        } else if self.probe || self.is_troubled().await {
            self.change(|limiter, _| limiter.breaker.succeeded(self.probe))
                .await;
        }
    }

    /// The CRM did not answer, or answered that it cannot. After some of these in a row no call is made
    /// for a while.
    pub(crate) async fn failed(&self) {
        let dice = dice(self.hub);
        self.change(|limiter, at| limiter.breaker.failed(self.probe, at, dice))
            .await;
        // Whether another may try is for the item to say.
        lock(&self.account.book).drop_leases();
    }

    /// Whether this process knows of failures that a success ends.
    async fn is_troubled(&self) -> bool {
        let known = self.account.leasing.lock().await;
        let item = known.item.as_ref();
        item.is_some_and(|item| item.limiter.breaker.is_troubled())
    }

    /// Changes the item. A change that cannot be written is let go: the next call finds out by itself.
    async fn change(&self, change: impl Fn(&mut Limiter, Micros)) {
        let (hub, whose) = (self.hub, &self.whose);
        let mut known = self.account.leasing.lock().await;
        for _ in 0..TRIES {
            let Ok(mut item) = read(hub, whose, &mut known).await else {
                break;
            };
            change(&mut item.limiter, now(hub));
            match write(hub, whose, &mut known, item.limiter, item.version).await {
                Ok(true) => return,
                Ok(false) => {}
                Err(_) => break,
            }
        }
        tracing::warn!(account = whose.of(), crm = %whose.crm(), "what a call told of the CRM could not be noted");
    }
}

/// Until when the CRM wants no call, if it refused one for a limit.
fn refused(verdict: &Verdict) -> Option<Timestamp> {
    match verdict {
        Verdict::Throttle { until, .. } => Some(*until),
        Verdict::Done { .. }
        | Verdict::Skip(_)
        | Verdict::Retry { .. }
        | Verdict::Refresh
        | Verdict::Reauthorize { .. }
        | Verdict::Reject(_)
        | Verdict::Misconfigured { .. }
        | Verdict::Bug { .. } => None,
    }
}
