//! Functions that take time, in simulated time: Lambda's pollers over the embedded queues, several batches at
//! once. What a batch waits for (a CRM, AWS) is a timer here; between two timers nothing passes.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::ensure;
use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};
use hub_local_aws::{EventSource, Handler, LocalAws};
use tokio::{sync::oneshot, task::yield_now};

use super::rig::Time;

/// How often everything may be looked at without anything happening before that is taken for a fault.
const LOOKS: usize = 100_000;

/// Timers of simulated time. Clones share them.
#[derive(Clone)]
pub(crate) struct Timers {
    time: Time,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    due: BinaryHeap<Reverse<(i64, u64)>>,
    wakes: BTreeMap<u64, oneshot::Sender<()>>,
    next: u64,
}

impl Timers {
    pub(crate) fn new(time: Time) -> Self {
        Self {
            time,
            inner: Arc::default(),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits so many milliseconds.
    pub(crate) fn sleep(&self, ms: i64) -> impl Future<Output = ()> + Send + use<> {
        let (wake, woken) = oneshot::channel();
        let mut inner = self.inner();
        let number = inner.next;
        inner.next += 1;
        inner.due.push(Reverse((self.time.now_ms() + ms, number)));
        inner.wakes.insert(number, wake);
        drop(inner);
        async move {
            // An error means that the simulation has ended.
            let _ = woken.await;
        }
    }

    fn waiting(&self) -> usize {
        self.inner().wakes.len()
    }

    /// When the next one is due.
    fn next(&self) -> Option<i64> {
        self.inner().due.peek().map(|Reverse((due, _))| *due)
    }

    /// Wakes all that are due by now.
    fn fire(&self) {
        let now = self.time.now_ms();
        let mut inner = self.inner();
        while let Some(Reverse((due, number))) = inner.due.peek().copied()
            && due <= now
        {
            inner.due.pop();
            if let Some(wake) = inner.wakes.remove(&number) {
                // Nobody waits any more if this fails.
                let _ = wake.send(());
            }
        }
    }
}

/// A handler that takes longer than the machine does: `ms` is drawn when it has answered.
pub(crate) fn lasting(
    handler: Handler,
    timers: Timers,
    ms: impl Fn() -> i64 + Send + Sync + 'static,
) -> Handler {
    let ms = Arc::new(ms);
    Arc::new(move |event| {
        let (handler, timers, ms) = (handler.clone(), timers.clone(), Arc::clone(&ms));
        async move {
            let answer = handler(event).await;
            timers.sleep(ms()).await;
            answer
        }
        .boxed()
    })
}

type Running = FuturesUnordered<Pin<Box<dyn Future<Output = usize>>>>;

/// Pollers at work.
pub(crate) struct Pollers {
    aws: LocalAws,
    timers: Timers,
    sources: Vec<EventSource>,
    /// Batches under way, by source.
    at_work: Vec<usize>,
    running: Running,
}

impl Pollers {
    pub(crate) fn new(aws: LocalAws, timers: Timers, sources: Vec<EventSource>) -> Self {
        Self {
            aws,
            timers,
            at_work: vec![0; sources.len()],
            sources,
            running: FuturesUnordered::new(),
        }
    }

    /// Starts whatever can be started, until all that runs waits for a timer.
    pub(crate) async fn settle(&mut self) -> anyhow::Result<()> {
        loop {
            let mut started = false;
            for (place, source) in self.sources.iter().enumerate() {
                let Some(at_work) = self.at_work.get_mut(place) else {
                    continue;
                };
                let depth = self.aws.queue(&source.queue).unwrap_or_default();
                if *at_work < source.max_concurrency && depth.visible > 0 {
                    *at_work += 1;
                    started = true;
                    let (aws, source) = (self.aws.clone(), source.clone());
                    self.running.push(Box::pin(async move {
                        aws.poll_once(&source).await;
                        place
                    }));
                }
            }
            self.drive().await?;
            if !started {
                return Ok(());
            }
        }
    }

    /// Drives what runs until all of it waits for a timer.
    async fn drive(&mut self) -> anyhow::Result<()> {
        for _ in 0..LOOKS {
            while let Some(Some(place)) = self.running.next().now_or_never() {
                if let Some(at_work) = self.at_work.get_mut(place) {
                    *at_work -= 1;
                }
            }
            if self.timers.waiting() >= self.running.len() {
                return Ok(());
            }
            yield_now().await;
        }
        ensure!(
            self.timers.waiting() >= self.running.len(),
            "a batch waits for something that is no timer"
        );
        Ok(())
    }

    /// When the next timer is due.
    pub(crate) fn next(&self) -> Option<i64> {
        self.timers.next()
    }

    /// Wakes what is due by now, and settles.
    pub(crate) async fn go_on(&mut self) -> anyhow::Result<()> {
        self.timers.fire();
        self.drive().await?;
        self.settle().await
    }
}
