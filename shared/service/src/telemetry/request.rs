//! The line about a request.

use crate::problem::Problem;
use crate::route::RouteKey;
use ::metrics::{counter, histogram};
use std::net::IpAddr;
use std::time::Duration;
use tracing::info;

/// What is known about a request when it is answered. A part is `None` if the request was refused before that part was
/// known.
pub(crate) struct RequestLog<'a> {
    pub(crate) request_id: &'a str,
    pub(crate) gateway_request_id: Option<&'a str>,
    /// The server alone knows it.
    pub(crate) client: Option<IpAddr>,
    pub(crate) route: Option<RouteKey>,
    /// The caller's pseudonym. No log contains the id.
    pub(crate) user: Option<&'a str>,
    pub(crate) status: u16,
    /// The token's kind, or why there is none. A `ping` asks for none.
    pub(crate) minted: Result<Option<&'static str>, &'a Problem>,
    pub(crate) took: Duration,
}

impl RequestLog<'_> {
    /// Writes the line, and counts the request.
    pub(crate) fn write(self) {
        let problem = self.minted.err();
        info!(
            request_id = self.request_id,
            gateway_request_id = self.gateway_request_id,
            client = self.client.map(display),
            route = self.route.map(display),
            kind = self.minted.ok().flatten(),
            user = self.user,
            status = self.status,
            outcome = problem.map_or(if self.minted == Ok(None) { "pong" } else { "minted" }, Problem::name),
            detail = problem.map(Problem::detail),
            rule = problem.and_then(Problem::rule),
            duration_us = microseconds(self.took),
            "answered"
        );
        match self.minted {
            Ok(None) => {}
            Ok(Some(kind)) => {
                counter!("TokensMinted", "kind" => kind).increment(1);
                histogram!("MintDuration").record(self.took.as_secs_f64() * 1e6);
            }
            Err(problem) => counter!("Refusals", "reason" => problem.name()).increment(1),
        }
    }
}

pub(super) fn microseconds(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Callers;
    use crate::telemetry::logs::captured::Captured;
    use serde_json::json;

    #[test]
    fn a_line_has_what_is_known_of_the_request() {
        let captured = Captured::begin();
        let route = RouteKey { method: "GET", path: "/rtm/{user_id}/token", callers: Callers::Users, drop_in: false };
        let minted = RequestLog {
            request_id: "id",
            gateway_request_id: Some("gateway-id"),
            client: Some(IpAddr::from([192, 0, 2, 7])),
            route: Some(route),
            user: Some("pseudonym"),
            status: 200,
            minted: Ok(Some("agora-rtm")),
            took: Duration::from_nanos(1_234_999),
        };
        minted.write();
        let problem = Problem::bad_parameter("uid", "is required");
        let refused = RequestLog {
            request_id: "id",
            gateway_request_id: None,
            client: None,
            route: None,
            user: None,
            status: 400,
            minted: Err(&problem),
            took: Duration::MAX,
        };
        refused.write();
        let problem = Problem::invalid_token("exp: must be in the future");
        let forged = RequestLog {
            request_id: "id",
            gateway_request_id: None,
            client: None,
            route: Some(route),
            user: None,
            status: 401,
            minted: Err(&problem),
            took: Duration::ZERO,
        };
        forged.write();
        let expected = [
            json!({
                "level": "INFO",
                "message": "answered",
                "request_id": "id",
                "gateway_request_id": "gateway-id",
                "client": "192.0.2.7",
                "route": "GET /rtm/{user_id}/token",
                "kind": "agora-rtm",
                "user": "pseudonym",
                "status": 200,
                "outcome": "minted",
                "duration_us": 1234,
            }),
            json!({
                "level": "INFO",
                "message": "answered",
                "request_id": "id",
                "status": 400,
                "outcome": "bad-parameter",
                "detail": "uid: is required",
                "duration_us": u64::MAX,
            }),
            json!({
                "level": "INFO",
                "message": "answered",
                "request_id": "id",
                "route": "GET /rtm/{user_id}/token",
                "status": 401,
                "outcome": "invalid-token",
                "detail": "the JWT is not valid for this service",
                "rule": "exp: must be in the future",
                "duration_us": 0,
            }),
        ];
        assert_eq!(captured.lines(), expected);
    }
}
