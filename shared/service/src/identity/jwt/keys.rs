//! An issuer's public keys, as a JWK set (RFC 7517).

use super::Refusal;
use super::algorithm::{Algorithm, Kind};
use super::unverified::base64url;
use crate::json::{self, Json, JsonError};
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use jsonwebtoken::{DecodingKey, DecodingKeyKind};
use std::collections::BTreeMap;
use std::fmt;

const MAX_BYTES: usize = 64 * 1024;
const MAX_KEYS: usize = 50;

/// The keys of an issuer that we can use. There is at least one.
#[derive(Debug, PartialEq)]
pub(crate) struct KeySet {
    keys: Vec<Key>,
}

/// Why a set of keys cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeySetError {
    #[error("the key set must be at most {MAX_BYTES} bytes")]
    TooLarge,
    #[error("the key set must be a JSON object with an array \"keys\"")]
    NotKeys,
    #[error("the key set must have each name once")]
    NameTwice,
    #[error("the key set must have at most {MAX_KEYS} keys")]
    TooMany,
    #[error("the key set must have a key for RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 or EdDSA")]
    NoUsableKey,
}

impl KeySet {
    /// How many keys can be used.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Reads a JWK set. Skips each key that cannot verify a JWT: one of another type, curve, use or algorithm, one that
    /// is too short, and one that cannot be read. So an issuer may publish keys for others too.
    pub(crate) fn parse(json: &[u8]) -> Result<KeySet, KeySetError> {
        if json.len() > MAX_BYTES {
            return Err(KeySetError::TooLarge);
        }
        let set = json::parse(json).map_err(|error| match error {
            JsonError::NotJson => KeySetError::NotKeys,
            JsonError::NameTwice => KeySetError::NameTwice,
        })?;
        let Json::Object(set) = set else { return Err(KeySetError::NotKeys) };
        let Some(Json::List(keys)) = set.get("keys") else { return Err(KeySetError::NotKeys) };
        if keys.len() > MAX_KEYS {
            return Err(KeySetError::TooMany);
        }
        let keys: Vec<Key> = keys.iter().filter_map(Key::read).collect();
        if keys.is_empty() { Err(KeySetError::NoUsableKey) } else { Ok(KeySet { keys }) }
    }

    /// Checks that a message is signed with the key that the token's header points at.
    pub(super) fn check(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
        message: &[u8],
        signature: &Vec<u8>,
    ) -> Result<(), Refusal> {
        let key = self.pick(id, algorithm)?;
        // This provider and no other. The library's own functions take the process's default. It panics if some other
        // crate enables the library's second provider too.
        let verifier = (DEFAULT_PROVIDER.verifier_factory)(&algorithm.library(), &key.public);
        let verified = verifier.is_ok_and(|verifier| verifier.verify(message, signature).is_ok());
        if verified { Ok(()) } else { Err(Refusal::Signature) }
    }

    /// The only key that fits. The token says its `kid` and its algorithm. The key says which algorithms it is for.
    fn pick(&self, id: Option<&str>, algorithm: Algorithm) -> Result<&Key, Refusal> {
        let mut named = self.keys.iter().filter(|key| id.is_none() || key.id.as_deref() == id).peekable();
        let mut fitting = named.clone().filter(|key| key.fits(algorithm));
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Ok(key),
            (Some(_), Some(_)) => Err(Refusal::SeveralKeys),
            (None, _) if id.is_some() && named.peek().is_some() => Err(Refusal::OtherAlgorithm),
            (None, _) => Err(Refusal::UnknownKey),
        }
    }
}

/// A public key that can verify JWTs.
struct Key {
    id: Option<String>,
    kind: Kind,
    /// The only algorithm that the key is for, if the issuer says so.
    algorithm: Option<Algorithm>,
    public: DecodingKey,
}

impl Key {
    /// `None`: the key cannot verify JWTs, or it cannot be read.
    fn read(jwk: &Json) -> Option<Key> {
        let Json::Object(jwk) = jwk else { return None };
        let signs = text(jwk, "use")?.is_none_or(|used| used == "sig");
        let verifies = match jwk.get("key_ops") {
            None => true,
            Some(Json::List(operations)) => operations.iter().any(|operation| operation.as_text() == Some("verify")),
            Some(_) => false,
        };
        let algorithm = match text(jwk, "alg")? {
            None => None,
            Some(name) => Some(Algorithm::of_name(name)?),
        };
        let (kind, public) = public(jwk)?;
        let fits = algorithm.is_none_or(|algorithm| algorithm.kind() == kind);
        (signs && verifies && fits).then_some(Key { id: text(jwk, "kid")?.map(str::to_owned), kind, algorithm, public })
    }

    fn fits(&self, algorithm: Algorithm) -> bool {
        self.algorithm.is_none_or(|only| only == algorithm) && self.kind == algorithm.kind()
    }

    fn material(&self) -> (&[u8], &[u8]) {
        match self.public.kind() {
            DecodingKeyKind::SecretOrDer(point) => (point, &[]),
            DecodingKeyKind::RsaModulusExponent { n, e } => (n, e),
        }
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        (&self.id, self.kind, self.algorithm, self.material())
            == (&other.id, other.kind, other.algorithm, other.material())
    }
}

/// Without the key itself, which is long and tells a reader nothing.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Key { id, kind, algorithm, public: _ } = self;
        f.debug_struct("Key").field("id", id).field("kind", kind).field("algorithm", algorithm).finish_non_exhaustive()
    }
}

/// The kind of key, and the key itself.
fn public(jwk: &BTreeMap<String, Json>) -> Option<(Kind, DecodingKey)> {
    let bytes = |name| base64url(text(jwk, name)??);
    let exactly = |name, length| bytes(name).filter(|bytes| bytes.len() == length);
    // `crv` means nothing in an RSA key, so it may be anything there (RFC 7517, 4).
    match (text(jwk, "kty")??, text(jwk, "crv").flatten()) {
        ("RSA", _) => {
            let (n, e) = (rsa_modulus(&bytes("n")?)?.to_vec(), rsa_exponent(&bytes("e")?)?.to_vec());
            Some((Kind::Rsa, DecodingKey::from_rsa_raw_components(&n, &e)))
        }
        ("EC", Some("P-256")) => {
            Some((Kind::P256, DecodingKey::from_ec_der(&[&[4], &*exactly("x", 32)?, &*exactly("y", 32)?].concat())))
        }
        ("EC", Some("P-384")) => {
            Some((Kind::P384, DecodingKey::from_ec_der(&[&[4], &*exactly("x", 48)?, &*exactly("y", 48)?].concat())))
        }
        ("OKP", Some("Ed25519")) => Some((Kind::Ed25519, DecodingKey::from_ed_der(&exactly("x", 32)?))),
        _ => None,
    }
}

/// 2,048 to 8,192 bits. AWS-LC takes no longer ones.
fn rsa_modulus(bytes: &[u8]) -> Option<&[u8]> {
    let bytes = without_zeros(bytes);
    let bits = bytes.len() * 8 - bytes.first()?.leading_zeros() as usize;
    (2048..=8192).contains(&bits).then_some(bytes)
}

/// Odd, not 1, and 32 bits at most.
fn rsa_exponent(bytes: &[u8]) -> Option<&[u8]> {
    let bytes = without_zeros(bytes);
    let odd = bytes.last()? % 2 == 1;
    (odd && bytes != [1] && bytes.len() <= 4).then_some(bytes)
}

/// Without the zeros in front, which some issuers write.
fn without_zeros(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    &bytes[start..]
}

/// `Some(None)`: there is no such member. `None`: it is not a string.
fn text<'a>(jwk: &'a BTreeMap<String, Json>, name: &str) -> Option<Option<&'a str>> {
    match jwk.get(name) {
        None => Some(None),
        Some(member) => member.as_text().map(Some),
    }
}

#[cfg(test)]
mod tests;
