//! Verifies a JWT without the gateway. Pure: the keys and the time are handed in, and nothing is remembered.
//!
//! [`bearer`] finds the token in the request's headers. [`KeySet`] reads the issuer's public keys. [`verify`] decides.
//! We read header, payload and keys ourselves, with the strict reader of `crate::json`. Only the signature is checked
//! by a library.

mod refusal;
mod bearer;
mod algorithm;
mod keys;
mod unverified;
mod claims;
#[cfg(test)]
pub(super) mod samples;
#[cfg(test)]
mod tests;

pub(crate) use bearer::bearer;
pub(crate) use claims::{Claims, check_not_ended, has_scope, holds_scope, is_id_token};
pub(crate) use keys::KeySet;
pub use refusal::Refusal;
pub(crate) use unverified::base64url;

use crate::config::Expected;
use unverified::Unverified;

/// How long a JWT may be, in bytes.
const MAX_BYTES: usize = 8 * 1024;

/// Whose JWT it is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Proven {
    /// A user's, with all its claims. They keep their types. The user id is among them, or is not: policy decides.
    User(Claims),
    /// A backend's, with all its claims.
    Backend(Claims),
}

/// Verifies a JWT at this time, in seconds since 1970.
///
/// # Errors
/// The first rule that the JWT breaks. The order matters for two of them:
///
/// * The claims are checked before the key is picked. So a JWT that is expired, or another issuer's, is never an
///   `UnknownKey`. It causes no fetch of newer keys.
/// * A user's scope is checked last. So `InsufficientScope` means that the JWT is genuine and breaks no other rule.
pub(crate) fn verify(expected: &Expected, keys: &KeySet, token: &str, now: i64) -> Result<Proven, Refusal> {
    judge(expected, token, now, |jwt| {
        keys.check(jwt.key_id.as_deref(), jwt.algorithm, jwt.signed.as_bytes(), &jwt.signature)
    })
}

/// Like [`verify`], but a JWT that has ended is good, if it was good when it ended.
///
/// # Errors
/// See [`verify`].
pub(crate) fn verify_even_if_ended(
    expected: &Expected,
    keys: &KeySet,
    token: &str,
    now: i64,
) -> Result<Proven, Refusal> {
    let expired = match verify(expected, keys, token, now) {
        Err(Refusal::Expired) => Refusal::Expired,
        judged => return judged,
    };
    // If `exp` is no sensible time, this verifies at the first or the last moment, and refuses the JWT.
    let end = claims::end(&Unverified::read(token)?.claims)? as i64;
    verify(expected, keys, token, end).map_err(|_| expired)
}

/// What [`verify`] would say if the signature were good. It proves nothing. It is only for explaining a JWT to people: no
/// request calls it.
///
/// # Errors
/// See [`verify`]. It says nothing of keys and signatures.
pub(crate) fn judge_without_signature(expected: &Expected, token: &str, now: i64) -> Result<Proven, Refusal> {
    judge(expected, token, now, |_| Ok(()))
}

fn judge(
    expected: &Expected,
    token: &str,
    now: i64,
    check_signature: impl FnOnce(&Unverified<'_>) -> Result<(), Refusal>,
) -> Result<Proven, Refusal> {
    let jwt = Unverified::read(token)?;
    let for_backend = claims::check(expected, &jwt.claims, now)?;
    check_signature(&jwt)?;
    if for_backend {
        return Ok(Proven::Backend(jwt.claims));
    }
    match &expected.scope {
        Some(scope) if !has_scope(&jwt.claims, scope) => Err(Refusal::InsufficientScope),
        _ => Ok(Proven::User(jwt.claims)),
    }
}
