//! From start to end: the signal to end, and what changes in between.

use super::tls::Acceptor;
use metrics_exporter_prometheus::PrometheusHandle;
use service::http::Server;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::sleep;

/// How often to look whether something has changed or is missing.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Whether the process has been told to end (SIGTERM, SIGINT).
#[derive(Clone)]
pub(super) struct Life(watch::Receiver<bool>);

impl Life {
    pub(super) fn new() -> Life {
        let (sender, receiver) = watch::channel(false);
        tokio::spawn(async move {
            // Without signals the process can still be killed.
            let (Ok(mut terminate), Ok(mut interrupt)) =
                (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
            else {
                return std::future::pending::<()>().await;
            };
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            sender.send_replace(true);
            // Keeps the channel open, so that late receivers see the end too.
            std::future::pending::<()>().await
        });
        Life(receiver)
    }

    pub(super) fn is_ending(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until the process is told to end.
    pub(super) async fn ending(&self) {
        let mut receiver = self.0.clone();
        // The sender is never dropped.
        let _ = receiver.wait_for(|ending| *ending).await;
    }
}

/// Reads credentials, certificates and the private key again when their files have changed. Loads what is missing.
/// Counts the durations of requests into their buckets: until then each one takes memory.
pub(super) async fn look_after(server: Arc<Server>, acceptor: Option<Arc<Acceptor>>, metrics: PrometheusHandle) {
    loop {
        sleep(LOOK_EVERY).await;
        if let Some(acceptor) = &acceptor {
            acceptor.load_changed_files();
        }
        server.catch_up().await;
        metrics.run_upkeep();
    }
}
