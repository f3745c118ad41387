//! A request in another one's query, with the caller's JWT: `?jwt=...&path=/rtc/...`.
//!
//! UI kits for Agora send no headers. They only append a path to an address that the app gives them. If that address ends
//! in `?jwt=...&path=`, the query has all that a request needs. Addresses get into logs and histories, so such a JWT must
//! have an audience of its own and a short life: see [`check`].

use crate::identity::Verified;
use crate::problem::Problem;
use crate::request::{Authorization, Path, Request};

/// The longest life of a JWT in a query, in seconds.
const LONGEST: u64 = 300;

/// Makes of a request the one that its query describes.
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
            _ => return Err(Problem::bad_parameter("query", "must have jwt and path alone")),
        };
        if place.replace(value.to_owned()).is_some() {
            return Err(Problem::bad_parameter(if name == "jwt" { "jwt" } else { "path" }, "must be given only once"));
        }
    }
    // Kits append a path as it stands in an address. So it is read as one, and not as a value of a form.
    let path = path.ok_or_else(|| Problem::bad_parameter("path", "is required"))?;
    let (path, query) = path.split_once('?').unwrap_or((&path, ""));
    request.path = Path::Sent(path.to_owned());
    request.query = query.to_owned();
    request.authorization = Authorization(jwt.into_iter().map(|jwt| format!("Bearer {jwt}")).collect());
    request.jwt_in_query = true;
    Ok(())
}

/// Checks what a JWT in a query must say beyond all others: it is for this audience, and lives at most five minutes.
///
/// # Errors
/// It is not such a JWT.
pub(crate) fn check(verified: Option<&Verified>, audience: &str) -> Result<(), Problem> {
    let Some(Verified::Jwt(jwt)) = verified else { return Ok(()) };
    if !jwt.is_for(audience) {
        return Err(Problem::invalid_token("aud: a JWT in a query must be for UIKIT_JWT_AUDIENCE"));
    }
    match (jwt.time("iat"), jwt.time("exp")) {
        (Some(issued), Some(ends)) if ends.saturating_sub(issued) <= LONGEST => Ok(()),
        _ => Err(Problem::invalid_token("exp: a JWT in a query must end at most 300 seconds after its iat")),
    }
}
