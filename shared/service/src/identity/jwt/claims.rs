//! What a JWT's claims must say.

use super::Refusal;
use crate::config::Expected;
use crate::json::Json;
use std::collections::BTreeMap;

/// The claims of a JWT, with their types.
pub(crate) type Claims = BTreeMap<String, Json>;

/// How far the issuer's clock and ours may differ, in seconds.
const LEEWAY: i64 = 60;

/// Checks every claim but a user's scope. Returns whether the JWT is a backend's.
pub(super) fn check(expected: &Expected, claims: &Claims, now: i64) -> Result<bool, Refusal> {
    if claims.get("iss").and_then(Json::as_text) != Some(&expected.issuer) {
        return Err(Refusal::Issuer);
    }
    check_dates(claims, now)?;
    if !expected.id_tokens && is_id_token(claims) {
        return Err(Refusal::IdToken);
    }
    let audiences = audiences(claims)?;
    let is_for = |audience: &str| audiences.contains(&audience);
    // A JWT for users and for backends is a user's, whatever its scopes. Some issuers let users ask for any audience and
    // any scope.
    if expected.audiences.iter().any(|audience| is_for(audience)) {
        return Ok(false);
    }
    match expected.backend.as_ref().filter(|it| is_for(&it.audience)) {
        Some(backend) if has_scope(claims, &backend.scope) => Ok(true),
        Some(_) => Err(Refusal::BackendScope),
        None => Err(Refusal::Audience),
    }
}

/// Checks that the JWT has not ended.
pub(crate) fn check_not_ended(claims: &Claims, now: i64) -> Result<(), Refusal> {
    if end(claims)? <= now.saturating_sub(LEEWAY) as f64 { Err(Refusal::Expired) } else { Ok(()) }
}

/// When the JWT ends, in seconds since 1970.
pub(super) fn end(claims: &Claims) -> Result<f64, Refusal> {
    date(claims, "exp").map_err(|NotANumber| Refusal::ExpiryType)?.ok_or(Refusal::ExpiryType)
}

fn check_dates(claims: &Claims, now: i64) -> Result<(), Refusal> {
    check_not_ended(claims, now)?;
    let latest = now.saturating_add(LEEWAY) as f64;
    if date(claims, "nbf").map_err(|NotANumber| Refusal::NotBeforeType)?.is_some_and(|date| date > latest) {
        return Err(Refusal::NotYetValid);
    }
    if date(claims, "iat").map_err(|NotANumber| Refusal::IssuedAtType)?.is_some_and(|date| date > latest) {
        return Err(Refusal::IssuedInFuture);
    }
    Ok(())
}

struct NotANumber;

/// Seconds since 1970. RFC 7519 allows a fraction. A float holds every whole second of the next 285 million years.
fn date(claims: &Claims, name: &str) -> Result<Option<f64>, NotANumber> {
    claims.get(name).map(|claim| claim.as_number().ok_or(NotANumber)).transpose()
}

/// An ID token is for the app that its user signed in to, not for us. OpenID Connect has the last three claims, Cognito
/// has `token_use` and Keycloak has `typ`.
pub(crate) fn is_id_token(claims: &Claims) -> bool {
    let not_access = claims.get("token_use").is_some_and(|used| used.as_text() != Some("access"));
    let typ_id = match claims.get("typ") {
        None => false,
        Some(Json::Text(typ)) => typ.eq_ignore_ascii_case("ID"),
        Some(_) => true,
    };
    not_access || typ_id || ["at_hash", "c_hash", "nonce"].iter().any(|name| claims.contains_key(*name))
}

/// Whom the JWT is for. If it doesn't say, these are the apps that it was given to.
fn audiences(claims: &Claims) -> Result<Vec<&str>, Refusal> {
    match claims.get("aud") {
        Some(Json::Text(audience)) => Ok(vec![audience]),
        Some(Json::List(audiences)) => audiences.iter().map(text).collect(),
        Some(_) => Err(Refusal::AudienceType),
        None => ["client_id", "azp"].iter().filter_map(|name| claims.get(*name)).map(text).collect(),
    }
}

fn text(json: &Json) -> Result<&str, Refusal> {
    json.as_text().ok_or(Refusal::AudienceType)
}

/// Whether `scope` or `scp` contains this scope. Issuers use the one name or the other.
pub(crate) fn has_scope(claims: &Claims, needed: &str) -> bool {
    ["scope", "scp"].iter().filter_map(|name| claims.get(*name)).any(|claim| holds_scope(claim, needed))
}

/// Whether a claim contains this scope. It is a text with spaces between scopes (RFC 8693), or an array of scopes. A claim
/// of another type contains none.
pub(crate) fn holds_scope(claim: &Json, needed: &str) -> bool {
    match claim {
        Json::Text(scopes) => scopes.split(' ').any(|scope| scope == needed),
        Json::List(scopes) => scopes.iter().any(|scope| scope.as_text() == Some(needed)),
        _ => false,
    }
}
