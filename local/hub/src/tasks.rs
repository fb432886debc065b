//! What runs until it is told to stop.

use std::future::Future;

use axum::Router;
use futures_util::{FutureExt, future::BoxFuture};
use hub_local_aws::{EventSource, LocalAws};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

/// Servers and pollers that stop together.
pub(crate) struct Tasks {
    stop: watch::Sender<bool>,
    running: Vec<JoinHandle<()>>,
}

impl Tasks {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self {
            stop: watch::Sender::new(false),
            running: Vec::new(),
        }
    }

    /// Runs a server; it is given what resolves when it has to stop.
    pub(crate) fn serve<R>(&mut self, run: impl FnOnce(BoxFuture<'static, ()>) -> R)
    where
        R: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let running = run(self.until_stopped().boxed());
        self.running.push(tokio::spawn(async move {
            if let Err(error) = running.await {
                tracing::error!(error = %error, "a port was closed");
            }
        }));
    }

    /// Serves a router.
    pub(crate) fn http(&mut self, listener: TcpListener, router: Router) {
        self.serve(|stop| async move {
            Ok(axum::serve(listener, router)
                .with_graceful_shutdown(stop)
                .await?)
        });
    }

    /// Polls a queue, as Lambda does.
    pub(crate) fn poll(&mut self, aws: &LocalAws, source: EventSource) {
        let (aws, stop) = (aws.clone(), self.until_stopped());
        self.running.push(tokio::spawn(
            async move { aws.run_source(&source, stop).await },
        ));
    }

    /// Runs something that has no end of its own; it is dropped where it waits.
    pub(crate) fn until_stopped_run(&mut self, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.until_stopped();
        self.running.push(tokio::spawn(async move {
            tokio::select! {
                biased;
                () = stop => {}
                () = work => {}
            }
        }));
    }

    fn until_stopped(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut stopped = self.stop.subscribe();
        async move {
            // An error means the sender is gone, which is the same.
            let _ = stopped.wait_for(|stop| *stop).await;
        }
    }

    /// Stops everything and waits for it.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        for task in self.running {
            if let Err(error) = task.await {
                tracing::error!(error = %error, "a part of the hub did not stop cleanly");
            }
        }
    }
}
