//! The line about a question to the authorizer.

use super::request::microseconds;
use crate::problem::Problem;
use ::metrics::counter;
use std::time::Duration;
use tracing::info;

/// Logs and counts the authorizer's answer about a request. `problem` says why the request was refused.
pub(crate) fn authorization_answered(request_id: &str, problem: Option<&Problem>, took: Duration) {
    let Some(problem) = problem else {
        info!(request_id, "authorized");
        counter!("Authorized").increment(1);
        return;
    };
    let (error, detail, rule, duration_us) = (problem.name(), problem.detail(), problem.rule(), microseconds(took));
    info!(request_id, error, detail, rule, duration_us, "refused");
    counter!("Refusals", "reason" => error).increment(1);
}
