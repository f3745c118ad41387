//! Reads a JWT in its compact form (RFC 7515). Nothing in it is believed yet.

use super::algorithm::Algorithm;
use super::{Claims, MAX_BYTES, Refusal};
use crate::json::{self, Json, JsonError};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A JWT whose form is right. Its signature has not been checked.
pub(super) struct Unverified<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) key_id: Option<String>,
    pub(super) claims: Claims,
    /// What the signature is over: header, dot and payload, as they were sent.
    pub(super) signed: &'a str,
    pub(super) signature: Vec<u8>,
}

impl Unverified<'_> {
    pub(super) fn read(token: &str) -> Result<Unverified<'_>, Refusal> {
        if token.len() > MAX_BYTES {
            return Err(Refusal::TooLong);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(Refusal::Parts)?;
        let (header, payload) = signed.split_once('.').ok_or(Refusal::Parts)?;
        if payload.contains('.') {
            return Err(Refusal::Parts);
        }
        let decode = |part| base64url(part).ok_or(Refusal::Base64);
        let (header, payload, signature) = (decode(header)?, decode(payload)?, decode(signature)?);
        let header = object(&header, Refusal::HeaderNotJson, Refusal::HeaderNameTwice)?;
        let (algorithm, key_id) = read_header(header)?;
        let claims = object(&payload, Refusal::PayloadNotJson, Refusal::PayloadNameTwice)?;
        Ok(Unverified { algorithm, key_id, claims, signed, signature })
    }
}

/// `jwk`, `jku`, `x5u` and `x5c` point at a key that the sender chose. Nothing reads them.
fn read_header(mut header: Claims) -> Result<(Algorithm, Option<String>), Refusal> {
    // Each extension in `crit` must be understood. We understand none.
    if header.contains_key("crit") {
        return Err(Refusal::Critical);
    }
    let algorithm = match header.get("alg") {
        Some(Json::Text(name)) => Algorithm::of_name(name).ok_or(Refusal::Algorithm)?,
        _ => return Err(Refusal::Algorithm),
    };
    match header.get("typ") {
        None => {}
        Some(Json::Text(name)) if is_access_token(name) => {}
        Some(_) => return Err(Refusal::Type),
    }
    let key_id = match header.remove("kid") {
        None => None,
        Some(Json::Text(id)) => Some(id),
        Some(_) => return Err(Refusal::KeyIdType),
    };
    Ok((algorithm, key_id))
}

/// RFC 9068 lets a sender write `application/` before `at+jwt`. Media types have no case.
fn is_access_token(name: &str) -> bool {
    ["JWT", "at+jwt", "application/at+jwt"].iter().any(|known| name.eq_ignore_ascii_case(known))
}

fn object(text: &[u8], not_json: Refusal, name_twice: Refusal) -> Result<Claims, Refusal> {
    match json::parse(text) {
        Ok(Json::Object(object)) => Ok(object),
        Ok(_) | Err(JsonError::NotJson) => Err(not_json),
        Err(JsonError::NameTwice) => Err(name_twice),
    }
}

/// Each value has one spelling: no padding, no whitespace, no bits that count for nothing.
pub(crate) fn base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}
