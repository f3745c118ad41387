//! Logs and metrics: JSON lines on standard output, and never a secret in one of them.
//!
//! Metrics are in CloudWatch's embedded format, namespace `Tokenmint`, with the dimension `function_name`:
//!
//! | metric | unit | further dimension |
//! |---|---|---|
//! | `TokensMinted` | count | `kind` |
//! | `Refusals` | count | `reason`: the problem's name |
//! | `MintDuration` | microseconds, from event to answer | |
//! | `ColdStarts` | count | |
//! | `CredentialsRefreshed`, `CredentialsFailed` | count of loads | |
//! | `EnvironmentsCold`, `EnvironmentsWarm`, `EnvironmentsFailed` | count, by the pre-warming function | `warmed`: which function's |
//! | `CredentialsStale` | count of requests served with a key that should have been refreshed | |

use crate::problem::Problem;
use crate::route::RouteKey;
use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};
use metrics_cloudwatch_embedded::{Builder, Collector};
use std::io::{self, Write};
use std::panic::PanicHookInfo;
use std::sync::OnceLock;
use std::time::Duration;
use tracing::level_filters::LevelFilter;
use tracing::{Level, error, info, warn};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// The CloudWatch namespace of all metrics.
const NAMESPACE: &str = "Tokenmint";

/// All metrics that are plain counts.
const COUNTERS: [&str; 9] = [
    "TokensMinted",
    "Refusals",
    "ColdStarts",
    "CredentialsRefreshed",
    "CredentialsFailed",
    "CredentialsStale",
    "EnvironmentsCold",
    "EnvironmentsWarm",
    "EnvironmentsFailed",
];

/// What collects metrics until they are written.
static COLLECTOR: OnceLock<&'static Collector> = OnceLock::new();

/// Starts logs and metrics.
pub fn start() {
    start_logs();
    std::panic::set_hook(Box::new(log_panic));
    let function_name = std::env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default();
    let metrics = Builder::new().cloudwatch_namespace(NAMESPACE).with_dimension("function_name", function_name);
    match metrics.init() {
        Ok(collector) => {
            COLLECTOR.get_or_init(|| collector);
            describe_histogram!("MintDuration", Unit::Microseconds, "");
            for name in COUNTERS {
                describe_counter!(name, Unit::Count, "");
            }
            counter!("ColdStarts").increment(1);
        }
        // Tokens are worth more than their metrics.
        Err(_) => warn!("metrics cannot be collected"),
    }
}

/// Starts the logs. Ours from INFO on, everybody else's from WARN on, and no variable changes that: at lower levels the
/// SDK and the runtime write down what they send and receive.
fn start_logs() {
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
}

/// A panic's own text could hold anything that was being worked on, so the log gets only the place.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string);
    error!(place, "panicked");
}

/// What is known of a request when it is answered. A part is missing if the request did not get so far.
pub(crate) struct RequestLog<'a> {
    pub(crate) request_id: &'a str,
    pub(crate) gateway_request_id: Option<&'a str>,
    pub(crate) route: Option<RouteKey>,
    /// What stands for the caller. Their id is in no log.
    pub(crate) user: Option<&'a str>,
    pub(crate) status: u16,
    /// The token's kind, or why there is none.
    pub(crate) minted: Result<&'static str, &'a Problem>,
    pub(crate) took: Duration,
}

impl RequestLog<'_> {
    /// Writes the one line about this request, and counts it.
    pub(crate) fn write(self) {
        let problem = self.minted.err();
        info!(
            request_id = self.request_id,
            gateway_request_id = self.gateway_request_id,
            route = self.route.map(display),
            kind = self.minted.ok(),
            user = self.user,
            status = self.status,
            outcome = problem.map_or("minted", Problem::name),
            detail = problem.map(Problem::detail),
            duration_us = microseconds(self.took),
            "answered"
        );
        match self.minted {
            Ok(kind) => {
                counter!("TokensMinted", "kind" => kind).increment(1);
                histogram!("MintDuration").record(self.took.as_secs_f64() * 1e6);
            }
            Err(problem) => counter!("Refusals", "reason" => problem.name()).increment(1),
        }
    }
}

/// Credentials were loaded.
pub(crate) fn credentials_refreshed(vendor: &str, app_id: &dyn std::fmt::Display) {
    info!(vendor, %app_id, "credentials loaded");
    counter!("CredentialsRefreshed").increment(1);
}

/// Credentials were not loaded, for a reason that is safe to tell.
pub(crate) fn credentials_failed(vendor: &str, outcome: &str, reason: &str) {
    warn!(vendor, outcome, reason, "credentials not loaded");
    counter!("CredentialsFailed").increment(1);
}

/// A request is served with credentials that should have been refreshed.
pub(crate) fn credentials_stale() {
    counter!("CredentialsStale").increment(1);
}

/// A warm-up was answered.
pub(crate) fn warmed_up(request_id: &str, cold: bool, fresh_for_seconds: Option<u64>) {
    info!(request_id, cold, fresh_for_seconds, "warmed up");
}

/// A function's environments were warmed, or not.
pub fn environments(function: &str, cold: u64, warm: u64, failed: u64) {
    info!(function, cold, warm, failed, "environments warmed");
    for (name, count) in [("EnvironmentsCold", cold), ("EnvironmentsWarm", warm), ("EnvironmentsFailed", failed)] {
        counter!(name, "warmed" => function.to_owned()).increment(count);
    }
}

/// Writes the metrics collected since the last time.
pub(crate) fn flush() {
    if let Some(collector) = COLLECTOR.get() {
        let mut lines = Vec::new();
        // In one piece, and where standard output cannot be written there is nobody to tell.
        let _ = collector.flush(&mut lines).and_then(|()| io::stdout().write_all(&lines));
    }
}

fn microseconds(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}
