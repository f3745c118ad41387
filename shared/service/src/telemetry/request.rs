//! The line about a request.

use crate::problem::Problem;
use crate::route::RouteKey;
use ::metrics::{counter, histogram};
use std::net::IpAddr;
use std::time::Duration;
use tracing::field::display;
use tracing::info;

/// What is known about a request when it is answered. A part is `None` if the request was refused before that part was
/// known.
pub(crate) struct RequestLog<'a> {
    /// The id that the answer has, too.
    pub(crate) request_id: &'a str,
    /// Whether a gateway logs the request, too, with its route and how long it took. Then the line about a token does
    /// not repeat them, because each byte costs money.
    pub(crate) logged_by_gateway: bool,
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
        let RequestLog { request_id, client, user, status, .. } = self;
        let client = client.map(display);
        // A refusal is rare, and people look for its reason. So its line says all.
        let whole = !self.logged_by_gateway || self.minted.is_err();
        let route = self.route.filter(|_| whole).map(display);
        let duration_us = whole.then(|| microseconds(self.took));
        match self.minted {
            Ok(None) => info!(request_id, client, route, duration_us, "pong"),
            Ok(Some(kind)) => {
                info!(request_id, client, route, kind, user, duration_us, "minted");
                counter!("TokensMinted", "kind" => kind).increment(1);
                histogram!("MintDuration").record(self.took.as_secs_f64() * 1e6);
            }
            Err(problem) => {
                let (error, detail, rule) = (problem.name(), problem.detail(), problem.rule());
                info!(request_id, client, route, user, status, error, detail, rule, duration_us, "refused");
                counter!("Refusals", "reason" => error).increment(1);
            }
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

    const ROUTE: RouteKey =
        RouteKey { method: "GET", path: "/rtm/{user_id}/token", callers: Callers::Users, drop_in: false };

    /// A request of which only its id is known.
    fn log<'a>(minted: Result<Option<&'static str>, &'a Problem>, took: Duration) -> RequestLog<'a> {
        let status = minted.map_or_else(Problem::status, |_| 200);
        let (logged_by_gateway, client, route, user) = (false, None, None, None);
        RequestLog { request_id: "id", logged_by_gateway, client, route, user, status, minted, took }
    }

    #[test]
    fn a_line_has_what_is_known_of_the_request() {
        let captured = Captured::begin();
        let took = Duration::from_nanos(1_234_999);
        let client = Some(IpAddr::from([192, 0, 2, 7]));
        let minted = log(Ok(Some("agora-rtm")), took);
        RequestLog { client, route: Some(ROUTE), user: Some("pseudonym"), ..minted }.write();
        log(Ok(None), took).write();
        log(Err(&Problem::bad_parameter("uid", "is required")), Duration::MAX).write();
        let forged = Problem::invalid_token("exp: must be in the future");
        RequestLog { route: Some(ROUTE), ..log(Err(&forged), Duration::ZERO) }.write();
        let expected = [
            json!({
                "level": "INFO",
                "message": "minted",
                "request_id": "id",
                "client": "192.0.2.7",
                "route": "GET /rtm/{user_id}/token",
                "kind": "agora-rtm",
                "user": "pseudonym",
                "duration_us": 1234,
            }),
            json!({ "level": "INFO", "message": "pong", "request_id": "id", "duration_us": 1234 }),
            json!({
                "level": "INFO",
                "message": "refused",
                "request_id": "id",
                "status": 400,
                "error": "bad-parameter",
                "detail": "uid: is required",
                "duration_us": u64::MAX,
            }),
            json!({
                "level": "INFO",
                "message": "refused",
                "request_id": "id",
                "route": "GET /rtm/{user_id}/token",
                "status": 401,
                "error": "invalid-token",
                "detail": "the JWT is not valid for this service",
                "rule": "exp: must be in the future",
                "duration_us": 0,
            }),
        ];
        assert_eq!(captured.lines(), expected);
    }

    #[test]
    fn behind_a_gateway_only_a_refusal_repeats_what_the_access_log_says() {
        let captured = Captured::begin();
        let by_gateway = |minted| RequestLog {
            logged_by_gateway: true,
            route: Some(ROUTE),
            user: Some("pseudonym"),
            ..log(minted, Duration::ZERO)
        };
        by_gateway(Ok(Some("agora-rtm"))).write();
        by_gateway(Err(&Problem::bad_parameter("uid", "is required"))).write();
        let expected = [
            json!({
                "level": "INFO",
                "message": "minted",
                "request_id": "id",
                "kind": "agora-rtm",
                "user": "pseudonym",
            }),
            json!({
                "level": "INFO",
                "message": "refused",
                "request_id": "id",
                "route": "GET /rtm/{user_id}/token",
                "user": "pseudonym",
                "status": 400,
                "error": "bad-parameter",
                "detail": "uid: is required",
                "duration_us": 0,
            }),
        ];
        assert_eq!(captured.lines(), expected);
    }
}
