//! The seam: every call of a function passes here, is named, counted, and maybe struck.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use hub_domain::Timestamp;
use hub_engine::Clock;
use tokio::sync::Notify;

use crate::{
    fault::{Fault, LATE, SLOW},
    life::{die, is_inside, stand_still},
    marker::{self, Versions},
    name::Name,
    tamper::{Forge, Tamper},
};

/// What happens to one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Strike {
    /// The fault, if one strikes.
    pub fault: Option<Fault>,
    /// How long it takes to get there: none unless workers are to overtake each other.
    pub latency: Duration,
}

/// Says what happens to a call, from its name and how often that came so far, this time included.
pub type Script = Box<dyn FnMut(Name, usize) -> Strike + Send>;

/// A call that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// When.
    pub at: Timestamp,
    /// What.
    pub name: Name,
    /// How often that came so far, this time included.
    pub nth: usize,
    /// What struck it.
    pub fault: Option<Fault>,
    /// What came back, in a word: a status, or what broke.
    pub answer: String,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, name, nth, .. } = self;
        write!(f, "{at} {name} #{nth} -> {}", self.answer)?;
        match self.fault {
            Some(fault) => write!(f, "   <== {fault}"),
            None => Ok(()),
        }
    }
}

/// Everything that passed.
#[derive(Debug, Clone, Default)]
pub struct Passed {
    /// The calls, in the order in which they began.
    pub calls: Vec<Call>,
    /// What each write to the CRM that took effect said, in the order of the effects.
    pub writes: Vec<Versions>,
    /// Texts of calls that have no name.
    pub unnamed: BTreeSet<String>,
}

impl Passed {
    /// How often a fault struck.
    pub fn faults(&self) -> usize {
        self.calls
            .iter()
            .filter(|call| call.fault.is_some())
            .count()
    }
}

struct Inner {
    /// What happens to calls, and the clock of the world that they are made in.
    script: Option<(Script, Clock)>,
    counts: BTreeMap<Name, usize>,
    passed: Passed,
}

/// The seam. Clones share it. Nothing is counted before it is armed.
#[derive(Clone)]
pub(crate) struct Seam {
    inner: Arc<Mutex<Inner>>,
    bell: Arc<Notify>,
    tamper: Option<Tamper>,
    forge: Option<Forge>,
    /// Calls that have yet to take effect, although nobody waits for them.
    on_their_way: Arc<AtomicUsize>,
}

impl fmt::Debug for Seam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seam")
    }
}

/// How a service fails, in its own terms.
pub(crate) struct Failing<T, E> {
    /// No connection: the call was never sent.
    pub(crate) not_sent: fn() -> Result<T, E>,
    /// The connection broke after it was sent.
    pub(crate) broken: fn() -> Result<T, E>,
    /// Somebody answers that it could not be done.
    pub(crate) refused: fn() -> Result<T, E>,
    /// How long the client waits for an answer, and what it makes of none; `None` where the client has a
    /// timeout of its own.
    pub(crate) timeout: Option<Duration>,
    /// An answer in a word.
    pub(crate) word: fn(&Result<T, E>) -> String,
}

impl Seam {
    /// One that rings `bell` when a call to a queue has passed.
    pub(crate) fn new(bell: Arc<Notify>, tamper: Option<Tamper>, forge: Option<Forge>) -> Self {
        let inner = Inner {
            script: None,
            counts: BTreeMap::new(),
            passed: Passed::default(),
        };
        Self {
            inner: Arc::new(Mutex::new(inner)),
            bell,
            tamper,
            forge,
            on_their_way: Arc::default(),
        }
    }

    /// What lies to the hub, if anything does.
    pub(crate) fn tamper(&self) -> Option<&Tamper> {
        self.tamper.as_ref()
    }

    /// What speaks for the hub, if anything does.
    pub(crate) fn forge(&self) -> Option<&Forge> {
        self.forge.as_ref()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on calls are counted, and struck as the script says.
    pub(crate) fn arm(&self, clock: Clock, script: Script) {
        self.inner().script = Some((script, clock));
    }

    /// From now on nothing is struck or counted.
    pub(crate) fn disarm(&self) {
        self.inner().script = None;
    }

    /// How many calls have yet to take effect.
    pub(crate) fn on_their_way(&self) -> usize {
        self.on_their_way.load(Relaxed)
    }

    /// Lets a call take effect later, whatever becomes of the worker that made it.
    fn later<T, E>(
        &self,
        name: Name,
        said: Versions,
        effect: impl Future<Output = Result<T, E>> + Send + 'static,
    ) {
        self.on_their_way.fetch_add(1, Relaxed);
        let seam = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(LATE).await;
            drop(effect.await);
            seam.took_effect(name, said);
            seam.on_their_way.fetch_sub(1, Relaxed);
            seam.bell.notify_one();
        });
    }

    fn took_effect(&self, name: Name, said: Versions) {
        if name.is_write() {
            self.inner().passed.writes.push(said);
        }
    }

    /// How many calls there were so far.
    pub(crate) fn calls(&self) -> usize {
        self.inner().passed.calls.len()
    }

    /// Everything that passed so far.
    pub(crate) fn passed(&self) -> Passed {
        self.inner().passed.clone()
    }

    /// Notes a call; its place in the list and what happens to it. `None` while the seam is not armed.
    fn begin(&self, text: &str) -> Option<(usize, Name, Strike)> {
        let mut inner = self.inner();
        let at = inner.script.as_ref().map(|(_, clock)| clock.now())?;
        let Some(name) = Name::of(text) else {
            inner.passed.unnamed.insert(text.to_owned());
            return None;
        };
        let nth = inner.counts.entry(name).or_default();
        *nth += 1;
        let nth = *nth;
        let (script, _) = inner.script.as_mut()?;
        let mut strike = script(name, nth);
        // Outside an invocation nobody can die, and of an answer nothing is left but that it is lost.
        if !is_inside() || (name.is_answer() && strike.fault != Some(Fault::DeathAfter)) {
            strike.fault = None;
        }
        let place = inner.passed.calls.len();
        inner.passed.calls.push(Call {
            at,
            name,
            nth,
            fault: strike.fault,
            answer: "nothing".to_owned(),
        });
        Some((place, name, strike))
    }

    fn end(&self, place: usize, answer: String) {
        if let Some(call) = self.inner().passed.calls.get_mut(place) {
            call.answer = answer;
        }
    }

    /// Lets a call pass, or not. `said` is what it writes to a CRM.
    pub(crate) async fn pass<T, E>(
        &self,
        text: &str,
        said: Versions,
        effect: impl Future<Output = Result<T, E>> + Send + 'static,
        failing: &Failing<T, E>,
    ) -> Result<T, E> {
        let Some((place, name, strike)) = self.begin(text) else {
            return effect.await;
        };
        if !strike.latency.is_zero() {
            tokio::time::sleep(strike.latency).await;
        }
        let answer = match strike.fault {
            Some(Fault::ErrorBefore) => (failing.not_sent)(),
            Some(Fault::DeathBefore) => die().await,
            Some(Fault::Late) => {
                self.later(name, said, effect);
                self.end(place, "late".to_owned());
                wait_in_vain(failing.timeout).await;
                (failing.broken)()
            }
            other => {
                let answer = effect.await;
                self.took_effect(name, said);
                self.end(place, format!("{}, lost", (failing.word)(&answer)));
                match other {
                    Some(Fault::ErrorAfter) => (failing.broken)(),
                    Some(Fault::RefusedAfter) => (failing.refused)(),
                    Some(Fault::TimeoutAfter) => {
                        wait_in_vain(failing.timeout).await;
                        (failing.broken)()
                    }
                    Some(Fault::DeathAfter) => die().await,
                    Some(Fault::Frozen) => stand_still().await,
                    Some(Fault::Slow) => {
                        tokio::time::sleep(SLOW).await;
                        answer
                    }
                    Some(Fault::ErrorBefore | Fault::DeathBefore | Fault::Late) | None => answer,
                }
            }
        };
        self.end(place, (failing.word)(&answer));
        if name.is_queue() {
            self.bell.notify_one();
        }
        answer
    }

    /// The answer of a function, which may get lost.
    pub(crate) async fn answer(&self, function: &str, service: &str) {
        let text = format!("{function}.{service}.answer");
        if let Some((place, _, strike)) = self.begin(&text) {
            if strike.fault.is_some() {
                die().await;
            }
            self.end(place, "heard".to_owned());
        }
    }
}

/// Waits as long as the client does.
async fn wait_in_vain(timeout: Option<Duration>) {
    match timeout {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}

/// What a request says of each part.
pub(crate) fn said(body: &[u8]) -> Versions {
    marker::newest(&String::from_utf8_lossy(body))
}
