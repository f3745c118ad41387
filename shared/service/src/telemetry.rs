//! Logs: JSON lines on standard output, and never a secret in one of them.

use std::panic::PanicHookInfo;
use tracing::level_filters::LevelFilter;
use tracing::{Level, error};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts the logs. Ours from INFO on, everybody else's from WARN on, and no variable changes that: at lower levels the
/// SDK and the runtime write down what they send and receive.
pub(crate) fn start() {
    let ours = filter_fn(|line| line.target().starts_with(env!("CARGO_PKG_NAME")) || *line.level() <= Level::WARN);
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_target(false)
        .with_filter(ours)
        .with_filter(LevelFilter::INFO);
    // Only fails where a subscriber is set already, which then logs.
    let _ = tracing_subscriber::registry().with(lines).try_init();
    std::panic::set_hook(Box::new(log_panic));
}

/// A panic's own text could hold anything that was being worked on, so the log gets only the place.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string);
    error!(place, "panicked");
}
