//! A request. It looks the same from every front.

use crate::identity::gateway::Said;
use crate::params::PathParameters;
use crate::problem::Problem;
use std::fmt;
use std::net::IpAddr;

/// The largest body that is read, in bytes.
pub const MAX_BODY_BYTES: usize = 8 * 1024;

/// What a front hands in. `Debug` prints the method alone: a JWT may be in the query, too.
pub(crate) struct Request {
    /// API Gateway's id for this request. Its access log has this id, too. `None`: no gateway logs the request.
    pub(crate) gateway_request_id: Option<String>,
    /// The address of the client. `None`: the front does not know it.
    pub(crate) client: Option<IpAddr>,
    pub(crate) method: String,
    pub(crate) path: Path,
    /// The query string as it was sent.
    pub(crate) query: String,
    /// The header `Accept`.
    pub(crate) accept: String,
    /// The body's bytes, or why they cannot be read. The service checks the identity before it tells the caller why.
    pub(crate) body: Result<Vec<u8>, Problem>,
    /// The headers `Authorization`.
    pub(crate) authorization: Authorization,
    /// Whether the JWT was in the query. Such a JWT has rules of its own: see [`in_query`](crate::in_query).
    pub(crate) jwt_in_query: bool,
    /// What an event says of its sender. `None`: it says nothing.
    pub(crate) said: Option<Said>,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("method", &self.method).finish_non_exhaustive()
    }
}

/// The path of a request.
#[derive(Debug)]
pub(crate) enum Path {
    /// The front has found the route.
    OfRoute {
        /// The route's path as in the template, such as `/rtm/{user_id}/token`.
        path: String,
        parameters: PathParameters,
    },
    /// The path as the client sent it, percent-encoded. The front knows no routes.
    Sent(String),
}

/// The values of the headers `Authorization`. `Debug` prints `[redacted]`, because a JWT is in them.
#[derive(Default)]
pub(crate) struct Authorization(pub(crate) Vec<String>);

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Request {
    /// Whether `Accept` asks for this media type by name. `*/*` names no type. A weight of 0 refuses the type.
    pub(crate) fn accepts_by_name(&self, media_type: &str) -> bool {
        self.accept.split(',').any(|range| {
            let mut parts = range.split(';').map(str::trim);
            let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(media_type));
            let refused = |parameter: &str| {
                let weight = parameter.to_ascii_lowercase().strip_prefix("q=").map(str::to_owned);
                weight.is_some_and(|weight| weight.parse() == Ok(0.0))
            };
            named && !parts.any(refused)
        })
    }
}

#[cfg(test)]
impl Request {
    /// An empty request for this route, without an identity.
    pub(crate) fn new(method: &str, route_path: &str) -> Request {
        Request {
            gateway_request_id: None,
            client: None,
            method: method.to_owned(),
            path: Path::OfRoute { path: route_path.to_owned(), parameters: PathParameters::new() },
            query: String::new(),
            accept: String::new(),
            body: Ok(Vec::new()),
            authorization: Authorization::default(),
            jwt_in_query: false,
            said: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_name_itself_asks_for_json() {
        let accepts = |accept: &str| {
            Request { accept: accept.to_owned(), ..Request::new("GET", "/") }.accepts_by_name("application/json")
        };
        for yes in ["application/json", "text/html, Application/JSON;q=0.5", "application/json; charset=utf-8"] {
            assert!(accepts(yes), "{yes}");
        }
        for no in ["", "*/*", "application/*", "text/plain", "application/json;q=0", "application/problem+json"] {
            assert!(!accepts(no), "{no}");
        }
    }
}
