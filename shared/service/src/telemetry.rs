//! Log lines and metrics for operators, as JSON on standard output. They never contain a secret.
//!
//! Each function of this file reports one thing that happened. `logs` and `metrics` write it.

mod authorization;
mod request;
mod logs;
pub(crate) mod metrics;

pub(crate) use authorization::authorization_answered;
pub(crate) use request::RequestLog;

use ::metrics::counter;
#[cfg(test)]
pub(crate) use logs::captured;
use std::fmt::Display;
use tracing::{info, warn};

/// Starts only the logs. The server hands out its metrics itself.
///
/// Lines are kept until [`write_logs`] is called. A busy server spends less time on its log if it writes several lines at
/// once. A function must not do this: Lambda may freeze it after any answer.
pub fn start_logs() {
    logs::start_kept();
}

/// Writes all lines that are kept.
pub fn write_logs() {
    logs::write_kept();
}

/// Starts logs and metrics.
pub fn start() {
    logs::start();
    metrics::start(std::env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default());
}

/// Credentials were loaded.
pub(crate) fn credentials_refreshed(vendor: &str, app_id: &dyn Display) {
    info!(vendor, %app_id, "credentials loaded");
    counter!("CredentialsRefreshed").increment(1);
}

/// Credentials were not loaded. The reason is safe to log.
pub(crate) fn credentials_failed(vendor: &str, outcome: &str, reason: &str) {
    warn!(vendor, outcome, reason, "credentials not loaded");
    counter!("CredentialsFailed").increment(1);
}

/// A request gets a token with credentials that should have been refreshed.
pub(crate) fn credentials_stale() {
    counter!("CredentialsStale").increment(1);
}

/// An issuer's keys were loaded.
pub(crate) fn keys_refreshed(issuer: &str, keys: usize) {
    info!(issuer, keys, "issuer's keys loaded");
    counter!("KeysRefreshed").increment(1);
}

/// An issuer's keys were not loaded. The reason is safe to log.
pub(crate) fn keys_failed(issuer: &str, outcome: &str, reason: &str) {
    warn!(issuer, outcome, reason, "issuer's keys not loaded");
    counter!("KeysFailed").increment(1);
}

/// A request was verified with keys that should have been refreshed.
pub(crate) fn keys_stale() {
    counter!("KeysStale").increment(1);
}

/// A warm-up was answered. Nobody waits for its end, so this is a good time to write the metrics.
pub(crate) fn warmed_up(request_id: &str, cold: bool, fresh_for_seconds: Option<u64>) {
    metrics::write_after_this_answer();
    info!(request_id, cold, fresh_for_seconds, "warmed up");
}

/// A function's environments were warmed, or not. The metrics are written after each round: the next one is minutes away,
/// and often in another environment.
pub fn environments(function: &str, cold: u64, warm: u64, failed: u64) {
    metrics::write_after_this_answer();
    info!(function, cold, warm, failed, "environments warmed");
    for (name, count) in [("EnvironmentsCold", cold), ("EnvironmentsWarm", warm), ("EnvironmentsFailed", failed)] {
        counter!(name, "warmed" => function.to_owned()).increment(count);
    }
}

#[cfg(test)]
mod tests {
    use super::captured::Captured;
    use super::*;
    use serde_json::json;

    #[test]
    fn what_happens_is_one_line_each() {
        let captured = Captured::begin();
        credentials_refreshed("agora", &"app");
        credentials_failed("zego", "refused", "AccessDeniedException");
        credentials_stale();
        keys_refreshed("https://id.example.com/", 2);
        keys_failed("https://id.example.com/", "refused", "503");
        keys_stale();
        warmed_up("id", true, Some(299));
        warmed_up("id", false, None);
        environments("a-token", 1, 2, 3);
        let expected = [
            json!({ "level": "INFO", "message": "credentials loaded", "vendor": "agora", "app_id": "app" }),
            json!({
                "level": "WARN",
                "message": "credentials not loaded",
                "vendor": "zego",
                "outcome": "refused",
                "reason": "AccessDeniedException",
            }),
            json!({ "level": "INFO", "message": "issuer's keys loaded", "issuer": "https://id.example.com/", "keys": 2 }),
            json!({
                "level": "WARN",
                "message": "issuer's keys not loaded",
                "issuer": "https://id.example.com/",
                "outcome": "refused",
                "reason": "503",
            }),
            json!({ "level": "INFO", "message": "warmed up", "request_id": "id", "cold": true, "fresh_for_seconds": 299 }),
            json!({ "level": "INFO", "message": "warmed up", "request_id": "id", "cold": false }),
            json!({
                "level": "INFO",
                "message": "environments warmed",
                "function": "a-token",
                "cold": 1,
                "warm": 2,
                "failed": 3,
            }),
        ];
        assert_eq!(captured.lines(), expected);
    }
}
