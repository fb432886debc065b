//! The life of a worker: one invocation of a function, which can be ended between any two steps.

use std::{
    cell::RefCell,
    future::{Future, poll_fn},
    panic::AssertUnwindSafe,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::Poll,
    time::Duration,
};

use futures_util::FutureExt;
use tokio::sync::Notify;

tokio::task_local! {
    static LIFE: Arc<Life>;
}

thread_local! {
    static PANICS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

#[derive(Debug, Default)]
struct Life {
    over: Notify,
    stands_still: AtomicBool,
}

/// How an invocation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended<T> {
    /// With an answer.
    With(T),
    /// The worker died, or was killed at the end of its time.
    Dead,
}

/// Runs an invocation until it answers, dies, or has had its time. What is dropped then is all of it, as in
/// AWS: nothing of it goes on.
pub(crate) async fn invocation<T>(work: impl Future<Output = T>, most: Duration) -> Ended<T> {
    let life = Arc::new(Life::default());
    let mut work = pin!(AssertUnwindSafe(LIFE.scope(life.clone(), work)).catch_unwind());
    let moving = poll_fn(|context| {
        if life.stands_still.load(Relaxed) {
            return Poll::Pending;
        }
        work.as_mut().poll(context)
    });
    tokio::select! {
        biased;
        () = life.over.notified() => Ended::Dead,
        () = tokio::time::sleep(most) => Ended::Dead,
        done = moving => done.map_or(Ended::Dead, Ended::With),
    }
}

/// Ends the invocation that this is called in; never returns.
pub(crate) async fn die() -> ! {
    let _ = LIFE.try_with(|life| life.over.notify_one());
    loop {
        std::future::pending::<()>().await;
    }
}

/// Keeps the invocation that this is called in from taking another step, its timers too; never returns.
pub(crate) async fn stand_still() -> ! {
    let _ = LIFE.try_with(|life| life.stands_still.store(true, Relaxed));
    loop {
        std::future::pending::<()>().await;
    }
}

/// Whether this is called inside an invocation.
pub(crate) fn is_inside() -> bool {
    LIFE.try_with(|_| ()).is_ok()
}

/// From now on the panics of functions are noted instead of printed: they catch them, and a panic that is
/// caught is still a fault of ours. One of the laboratory itself ends it, and is printed.
pub fn note_panics() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if is_inside() {
            PANICS.with_borrow_mut(|all| all.push(panic.to_string()));
        } else {
            print(panic);
        }
    }));
}

/// The panics of this thread since the last call.
pub(crate) fn panics() -> Vec<String> {
    PANICS.take()
}
