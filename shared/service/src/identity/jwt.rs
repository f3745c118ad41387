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
pub(crate) use claims::{Claims, has_scope, holds_scope};
pub(crate) use keys::KeySet;
pub(crate) use refusal::Refusal;

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
    let Unverified { algorithm, key_id, claims, signed, signature } = Unverified::read(token)?;
    let for_backend = claims::check(expected, &claims, now)?;
    keys.check(key_id.as_deref(), algorithm, signed.as_bytes(), &signature)?;
    if for_backend {
        return Ok(Proven::Backend(claims));
    }
    match &expected.scope {
        Some(scope) if !has_scope(&claims, scope) => Err(Refusal::InsufficientScope),
        _ => Ok(Proven::User(claims)),
    }
}
