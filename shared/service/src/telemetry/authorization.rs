//! The line about a question to the authorizer.

use super::request::microseconds;
use crate::problem::Problem;
use ::metrics::counter;
use std::time::Duration;
use tracing::info;

/// Logs and counts the authorizer's answer about a request. `problem` says why the request was refused.
pub(crate) fn authorization_answered(
    request_id: &str,
    gateway_request_id: Option<&str>,
    problem: Option<&Problem>,
    took: Duration,
) {
    info!(
        request_id,
        gateway_request_id,
        outcome = problem.map_or("authorized", Problem::name),
        detail = problem.map(Problem::detail),
        rule = problem.and_then(Problem::rule),
        duration_us = microseconds(took),
        "authorization answered"
    );
    match problem {
        None => counter!("Authorized").increment(1),
        Some(problem) => counter!("Refusals", "reason" => problem.name()).increment(1),
    }
}
