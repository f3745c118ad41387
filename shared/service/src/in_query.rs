//! A query that describes another request, with the caller's JWT: `?jwt=...&path=/rtc/...`.
//!
//! UI kits for Agora send no headers. They only append a path to an address that the app gives them. If that address ends
//! in `?jwt=...&path=`, the query has all that a request needs. Addresses end up in logs and histories, so such a JWT must
//! have an audience of its own and a short life: see [`check`].

use crate::config::InQuery;
use crate::identity::Verified;
use crate::problem::Problem;
use crate::request::{Authorization, Path, Request};

/// The longest life of a JWT in a query, in seconds.
const LONGEST: u64 = 300;

/// Turns a request into the one that its query describes.
///
/// # Errors
/// The query is not one JWT and one path.
pub(crate) fn unwrap(request: &mut Request) -> Result<(), Problem> {
    let query = std::mem::take(&mut request.query);
    let (mut jwt, mut path) = (None, None);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let place = match name {
            "jwt" => &mut jwt,
            "path" => &mut path,
            _ => return Err(Problem::bad_parameter("query", "must have no parameters but jwt and path")),
        };
        if place.replace(value.to_owned()).is_some() {
            return Err(Problem::bad_parameter(if name == "jwt" { "jwt" } else { "path" }, "must be given only once"));
        }
    }
    // Kits append a path as it is in an address. So it is not decoded as a form's value: a `+` stays a `+`.
    let path = path.ok_or_else(|| Problem::bad_parameter("path", "is required"))?;
    let (path, query) = path.split_once('?').unwrap_or((&path, ""));
    request.path = Path::Sent(path.to_owned());
    request.query = query.to_owned();
    request.authorization = Authorization(jwt.into_iter().map(|jwt| format!("Bearer {jwt}")).collect());
    request.jwt_in_query = true;
    Ok(())
}

/// Checks the rules that only a JWT in a query has. It is for the audience of such JWTs, and would not count in a header.
/// It lives at most five minutes.
///
/// # Errors
/// It is not such a JWT.
pub(crate) fn check(verified: Option<&Verified>, expected: &InQuery) -> Result<(), Problem> {
    let jwt = match verified {
        Some(Verified::Jwt(jwt)) => jwt,
        // They have no user's JWT. The route refuses them.
        Some(Verified::Iam | Verified::Backend(_)) => return Ok(()),
        None => return Err(Problem::no_token_in_query()),
    };
    if !jwt.is_for(&expected.audience) {
        return Err(Problem::invalid_token("aud: a JWT in a query must be for UIKIT_JWT_AUDIENCE"));
    }
    if expected.audiences_of_headers.iter().any(|other| jwt.is_for(other)) {
        return Err(Problem::invalid_token("aud: a JWT in a query must not be for an audience that counts in headers"));
    }
    match (jwt.time("iat"), jwt.time("exp")) {
        (Some(issued), Some(ends)) if ends.checked_sub(issued).is_some_and(|lives| lives <= LONGEST) => Ok(()),
        _ => Err(Problem::invalid_token("exp: a JWT in a query must end at most 300 seconds after its iat")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::samples::jwt;

    fn unwrapped(query: &str) -> Result<Request, Problem> {
        let mut request = Request { query: query.to_owned(), ..Request::new("GET", "/uikit") };
        request.authorization = Authorization(vec!["Bearer of.the.header".to_owned()]);
        unwrap(&mut request).map(|()| request)
    }

    fn sent(request: &Request) -> (&str, &str, Option<&str>) {
        let Path::Sent(path) = &request.path else { panic!("a path as it was sent") };
        (path, &request.query, request.authorization.0.first().map(String::as_str))
    }

    #[test]
    fn the_query_says_all() {
        // As kits write it: they only append a path.
        let request = unwrapped("jwt=a.b.c&path=/rtc/a%20b+c/publisher/uid/7/").expect("a request");
        assert_eq!(sent(&request), ("/rtc/a%20b+c/publisher/uid/7/", "", Some("Bearer a.b.c")));
        assert!(request.jwt_in_query);
        let request = unwrapped("path=/rtm/alice/?expiry=60&jwt=a.b.c").expect("a request");
        assert_eq!(sent(&request), ("/rtm/alice/", "expiry=60", Some("Bearer a.b.c")));
        let request = unwrapped("path=/rtm/alice").expect("a request");
        assert_eq!(sent(&request), ("/rtm/alice", "", None), "what the header says does not count");
        for wrong in [
            "",
            "jwt=a.b.c",
            "jwt=a&jwt=a&path=/rtm/a",
            "jwt=a&path=/rtm/a&path=/rtm/b",
            "jwt=a&path=/a&x=1",
            "jwt=a&path=/a&b",
        ] {
            assert_eq!(unwrapped(wrong).map_err(|problem| problem.status()).err(), Some(400), "{wrong}");
        }
    }

    #[test]
    fn a_jwt_in_a_query_is_for_its_own_audience_and_lives_five_minutes() {
        let audiences_of_headers = vec!["api".to_owned(), "backends".to_owned()];
        let expected = InQuery { audience: "uikit".to_owned(), audiences_of_headers };
        let status = |claims: &[(&str, &str)]| {
            check(jwt(claims).as_ref(), &expected).map_or_else(|problem| problem.status(), |()| 200)
        };
        let lives = |aud, iat, exp| status(&[("sub", "alice"), ("aud", aud), ("iat", iat), ("exp", exp)]);
        assert_eq!(lives("uikit", "1800000000", "1800000300"), 200);
        // Auth0 adds such an audience.
        assert_eq!(lives("[uikit https://id.example.com/userinfo]", "1800000000", "1800000300"), 200);
        for other in ["api", "", "uikit2", "[api]", "[api uikit]", "[uikit backends]"] {
            assert_eq!(lives(other, "1800000000", "1800000300"), 401, "{other}");
        }
        assert_eq!(lives("uikit", "1800000000", "1800000301"), 401);
        assert_eq!(lives("uikit", "soon", "1800000300"), 401);
        assert_eq!(lives("uikit", "1800000301", "1800000300"), 401);
        assert_eq!(status(&[("sub", "alice"), ("aud", "uikit"), ("exp", "1800000300")]), 401, "no iat");
        // Cognito's access tokens have no `aud`.
        let cognito = [("sub", "a"), ("client_id", "uikit"), ("iat", "1800000000"), ("exp", "1800000300")];
        assert_eq!(status(&cognito), 200);
        assert_eq!(status(&[&cognito[..], &[("aud", "api")]].concat()), 401);
        assert_eq!(check(None, &expected).map_err(|problem| problem.status()), Err(401));
    }
}
