//! The machine at work: queues, stream and schedule invoke the functions, workers side by side, until
//! nothing is left to do.

use std::time::Duration;

use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use hub_domain::Timestamp;
use hub_local::lambda::tick;

use crate::lab::Lab;

/// Workers of one queue at a time.
const WORKERS: usize = 2;
/// How often the stream is looked at while something happens.
const STREAM_EVERY: Duration = Duration::from_secs(10);
/// How often the schedule fires here: less often than each minute, as it may.
const TICK_EVERY: Duration = Duration::from_mins(10);
/// What is not done by then will never be.
const LONGEST: Duration = Duration::from_hours(72);
/// Once a day, and a little later.
const DAY: Duration = Duration::from_hours(25);
/// More calls than any run needs.
const MOST_CALLS: usize = 20_000;
/// More turns at one and the same time than any run needs.
const MOST_TURNS: usize = 20_000;

/// What runs.
enum Lane {
    Source(usize),
    /// How many changes came, and how many of them come again.
    Stream(usize, usize),
    Tick,
}

/// When things are due.
struct Due {
    stream: Option<Timestamp>,
    tick: Timestamp,
}

fn after(now: Timestamp, wait: Duration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

impl Lab {
    /// Works while `driving` does what liveprompt and people do, then until everything is quiet; then
    /// perhaps a day more.
    ///
    /// # Errors
    /// What is still there although all its time is over.
    pub(crate) async fn work(
        &self,
        driving: impl Future<Output = ()>,
        mut and_a_day: bool,
    ) -> Result<(), String> {
        let mut driving = std::pin::pin!(driving);
        let mut is_driven = false;
        let mut lanes: FuturesUnordered<BoxFuture<'static, Lane>> = FuturesUnordered::new();
        let mut busy = vec![0_usize; self.sources.len()];
        let (mut is_streaming, mut is_ticking) = (false, false);
        let begun = self.now();
        let mut due = Due {
            stream: Some(begun),
            tick: after(begun, TICK_EVERY),
        };
        let (mut stood_since, mut turns) = (begun, 0);
        loop {
            let now = self.now();
            turns = if now == stood_since { turns + 1 } else { 0 };
            stood_since = now;
            for (place, source) in self.sources.iter().enumerate() {
                let is_due = self
                    .world
                    .aws
                    .next_due(&source.queue)
                    .is_some_and(|due| due <= now);
                if let Some(busy) = busy
                    .get_mut(place)
                    .filter(|busy| is_due && **busy < WORKERS)
                {
                    *busy += 1;
                    let (aws, source) = (self.world.aws.clone(), source.clone());
                    lanes.push(Box::pin(async move {
                        aws.poll_once(&source).await;
                        Lane::Source(place)
                    }));
                }
            }
            if !is_streaming && due.stream.is_some_and(|due| due <= now) {
                is_streaming = true;
                let (aws, changes) = (self.world.aws.clone(), self.changes.clone());
                lanes.push(Box::pin(async move {
                    let brought = aws.stream_once(&changes).await.unwrap_or_default();
                    Lane::Stream(brought.changes, brought.again)
                }));
            }
            if !is_ticking && due.tick <= now {
                is_ticking = true;
                due.tick = after(now, TICK_EVERY);
                let work = (self.batch)(tick(now));
                lanes.push(Box::pin(async move {
                    // A tick that fails is one that the next one makes up for.
                    drop(work.await);
                    Lane::Tick
                }));
            }
            if is_driven
                && lanes.is_empty()
                && due.stream.is_none()
                && due.tick > now
                && self.left().is_empty()
            {
                if !std::mem::take(&mut and_a_day) {
                    return Ok(());
                }
                // What is looked at once a day is due then.
                tokio::time::sleep(DAY).await;
                due.tick = self.now();
                continue;
            }
            let is_late = now > after(begun, LONGEST);
            if is_late || turns > MOST_TURNS || self.seam.calls() > MOST_CALLS {
                return Err(format!("not quiet at {now}: {}", self.left().join(", ")));
            }
            let queues = self
                .sources
                .iter()
                .zip(&busy)
                .filter(|(_, busy)| **busy < WORKERS);
            let wake = queues
                .filter_map(|(source, _)| self.world.aws.next_due(&source.queue))
                .chain(due.stream.filter(|_| !is_streaming))
                .chain((!is_ticking).then_some(due.tick))
                .min();
            tokio::select! {
                biased;
                Some(lane) = lanes.next(), if !lanes.is_empty() => {
                    let now = self.now();
                    match lane {
                        Lane::Source(place) => {
                            if let Some(busy) = busy.get_mut(place) {
                                *busy -= 1;
                            }
                            due.stream = due.stream.or(Some(after(now, STREAM_EVERY)));
                        }
                        Lane::Stream(changes, again) => {
                            is_streaming = false;
                            due.stream = match (changes, again) {
                                (0, _) => None,
                                (_, 0) => Some(now),
                                _ => Some(after(now, Duration::from_secs(1))),
                            };
                        }
                        Lane::Tick => {
                            is_ticking = false;
                            // Its grant is lost with the answer to a refresh that took effect: somebody is told,
                            // and connects again.
                            if is_driven && self.needs_somebody().await {
                                self.mend().await;
                            }
                            due.stream = due.stream.or(Some(now));
                        }
                    }
                }
                () = &mut driving, if !is_driven => is_driven = true,
                () = self.bell.notified() => {}
                () = self.sleep_until(wake) => {}
            }
        }
    }

    async fn sleep_until(&self, due: Option<Timestamp>) {
        let Some(due) = due else {
            return std::future::pending().await;
        };
        let wait = Duration::try_from(due.duration_since(self.now())).unwrap_or_default();
        tokio::time::sleep(wait + Duration::from_millis(1)).await;
    }

    /// What is not done yet.
    fn left(&self) -> Vec<String> {
        let queues = self.sources.iter();
        let queues = queues.filter_map(|source| {
            let due = self.world.aws.next_due(&source.queue)?;
            Some(format!("{} has a message due at {due}", source.queue))
        });
        let late = self.seam.on_their_way();
        let late = (late > 0).then(|| format!("{late} calls are on their way"));
        queues.chain(late).chain(self.held()).collect()
    }
}
