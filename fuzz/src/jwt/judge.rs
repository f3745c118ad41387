//! Judges headers `Authorization` by the contract alone. It shares no code with the verifier but AWS-LC's check of a
//! signature.

use super::json::{self, Members, Value};
use aws_lc_rs::signature::{self as sig, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey};
use std::ops::Range;

/// How far two clocks may differ, in seconds.
const LEEWAY: i64 = 60;

/// Beyond these times a float does not hold each second. There is no verdict there.
const EXACT: Range<i64> = -(1 << 52)..1 << 52;

/// What the settings say of a JWT.
#[derive(Debug)]
pub(super) struct Terms {
    pub(super) issuer: &'static str,
    pub(super) audiences: &'static [&'static str],
    pub(super) scope: Option<&'static str>,
    /// A backend's audience and scope.
    pub(super) backend: Option<(&'static str, &'static str)>,
    pub(super) id_tokens: bool,
}

/// Whom the headers prove.
#[derive(Debug, PartialEq)]
pub(super) enum Verdict {
    NoToken,
    Nobody,
    InsufficientScope,
    User(Members),
    Backend,
}

/// A public key that may verify JWTs.
#[derive(Debug)]
pub(super) struct Key {
    kid: Option<String>,
    alg: Option<String>,
    public: Public,
}

#[derive(Debug)]
enum Public {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// A point, as X9.62 writes it.
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

/// The verdict on these headers. `None`: the time is out of this judge's range.
pub(super) fn verdict(terms: &Terms, keys: &[Key], headers: &[String], now: i64) -> Option<Verdict> {
    EXACT.contains(&now).then_some(())?;
    Some(match headers {
        [] => Verdict::NoToken,
        // Readers that take the first one and readers that take the last one would see different callers.
        [_, _, ..] => Verdict::Nobody,
        [header] => match header.split_at(header.bytes().take_while(|byte| is_tchar(*byte)).count()) {
            ("", _) => Verdict::Nobody,
            (scheme, _) if !scheme.eq_ignore_ascii_case("bearer") => Verdict::NoToken,
            (_, rest) => {
                let token = rest.strip_prefix(' ');
                token.and_then(|token| proven(terms, keys, token, now)).unwrap_or(Verdict::Nobody)
            }
        },
    })
}

/// RFC 9110, 5.6.2.
fn is_tchar(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
}

/// Whom a token proves. `None`: nobody.
fn proven(terms: &Terms, keys: &[Key], token: &str, now: i64) -> Option<Verdict> {
    (token.len() <= 8192).then_some(())?;
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, signature] = parts[..] else { return None };
    let head = json::object(&base64url(header)?)?;
    let claims = json::object(&base64url(payload)?)?;
    let signature = base64url(signature)?;

    let alg = head.get("alg")?.text()?;
    // A `kid` that is no text is no name of a key.
    let kid = optional_text(&head, "kid")?;
    // RFC 9068 lets senders write the whole media type, and media types have no case.
    let typ = optional_text(&head, "typ")?.map(str::to_ascii_lowercase);
    let known = typ.is_none_or(|typ| typ == "jwt" || typ == "at+jwt" || typ == "application/at+jwt");
    (known && !head.contains_key("crit")).then_some(())?;

    let mut candidates = keys.iter().filter(|key| (kid.is_none() || key.kid.as_deref() == kid) && key.may(alg));
    let (Some(key), None) = (candidates.next(), candidates.next()) else { return None };
    let signed = token.rsplit_once('.')?.0;
    key.public.verifies(alg, signed.as_bytes(), &signature).then_some(())?;

    (claims.get("iss")?.text()? == terms.issuer).then_some(())?;
    is_later_than(claims.get("exp")?, now - LEEWAY)?.then_some(())?;
    for begins in ["nbf", "iat"].iter().filter_map(|name| claims.get(*name)) {
        (!is_later_than(begins, now + LEEWAY)?).then_some(())?;
    }
    (terms.id_tokens || !is_id_token(&claims)).then_some(())?;

    let for_whom = audiences(&claims)?;
    let for_users = terms.audiences.iter().any(|audience| for_whom.contains(audience));
    if let Some((audience, scope)) = terms.backend
        && !for_users
        && for_whom.contains(&audience)
        && scopes(&claims).contains(&scope)
    {
        return Some(Verdict::Backend);
    }
    for_users.then_some(())?;
    let scoped = terms.scope.is_none_or(|scope| scopes(&claims).contains(&scope));
    Some(if scoped { Verdict::User(claims) } else { Verdict::InsufficientScope })
}

/// `Some(None)`: it is not there. `None`: it is no text.
fn optional_text<'a>(members: &'a Members, name: &str) -> Option<Option<&'a str>> {
    members.get(name).map_or(Some(None), |value| value.text().map(Some))
}

/// `None`: the claim is no number.
fn is_later_than(claim: &Value, second: i64) -> Option<bool> {
    match claim {
        Value::Whole(number) => Some(i128::from(*number) > i128::from(second)),
        Value::Negative(number) => Some(*number > second),
        Value::Fraction(number) => Some(*number > second as f64),
        _ => None,
    }
}

/// A `typ` that is no text says nothing that we know. It could mean an ID token to its issuer, so it counts as one.
fn is_id_token(claims: &Members) -> bool {
    let other_use = claims.get("token_use").is_some_and(|used| used.text() != Some("access"));
    let id = claims.get("typ").is_some_and(|typ| typ.text().is_none_or(|typ| typ.eq_ignore_ascii_case("ID")));
    other_use || id || claims.keys().any(|name| matches!(&name[..], "at_hash" | "c_hash" | "nonce"))
}

/// `None`: one of them is no text. RFC 7519 has no other type for them.
fn audiences(claims: &Members) -> Option<Vec<&str>> {
    match claims.get("aud") {
        Some(Value::List(all)) => all.iter().map(Value::text).collect(),
        Some(one) => Some(vec![one.text()?]),
        None => [claims.get("client_id"), claims.get("azp")].into_iter().flatten().map(Value::text).collect(),
    }
}

fn scopes(claims: &Members) -> Vec<&str> {
    let of = |name| match claims.get(name) {
        Some(Value::Text(scopes)) => scopes.split(' ').collect(),
        Some(Value::List(scopes)) => scopes.iter().filter_map(Value::text).collect(),
        _ => vec![],
    };
    [of("scope"), of("scp")].concat()
}

/// The keys of a JWK set that may verify JWTs. Others are left out. `None`: the set is unreadable, too large, or has no
/// such key.
pub(super) fn keys(set: &[u8]) -> Option<Vec<Key>> {
    (set.len() <= 64 * 1024).then_some(())?;
    let set = json::object(set)?;
    let Value::List(keys) = set.get("keys")? else { return None };
    (keys.len() <= 50).then_some(())?;
    let keys: Vec<Key> = keys.iter().filter_map(Key::of).collect();
    (!keys.is_empty()).then_some(keys)
}

impl Key {
    fn of(jwk: &Value) -> Option<Key> {
        let Value::Object(jwk) = jwk else { return None };
        let to_sign = optional_text(jwk, "use")?.is_none_or(|used| used == "sig");
        let to_verify = match jwk.get("key_ops") {
            None => true,
            Some(Value::List(operations)) => operations.iter().any(|operation| operation.text() == Some("verify")),
            Some(_) => false,
        };
        (to_sign && to_verify).then_some(())?;
        let owned = |name| optional_text(jwk, name).map(|text| text.map(str::to_owned));
        let key = Key { kid: owned("kid")?, alg: owned("alg")?, public: Public::of(jwk)? };
        // A key for an algorithm that its type doesn't have is for nothing.
        let useful = key.alg.as_ref().is_none_or(|alg| key.may(alg));
        useful.then_some(key)
    }

    /// Whether the key is for this algorithm.
    fn may(&self, alg: &str) -> bool {
        let of_type: &[&str] = match self.public {
            Public::Rsa { .. } => &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
            Public::P256(_) => &["ES256"],
            Public::P384(_) => &["ES384"],
            Public::Ed25519(_) => &["EdDSA"],
        };
        of_type.contains(&alg) && self.alg.as_ref().is_none_or(|only| only == alg)
    }
}

impl Public {
    fn of(jwk: &Members) -> Option<Public> {
        let bytes = |name| base64url(jwk.get(name)?.text()?);
        let of_length = |name, length| bytes(name).filter(|bytes| bytes.len() == length);
        let point = |length| Some([vec![4], of_length("x", length)?, of_length("y", length)?].concat());
        let curve = || jwk.get("crv")?.text();
        match jwk.get("kty")?.text()? {
            "RSA" => {
                let [n, e] = [bytes("n")?, bytes("e")?].map(number);
                // AWS-LC takes no other numbers than these.
                let bits = n.len() * 8 - n.first()?.leading_zeros() as usize;
                let exponent = e.iter().try_fold(0_u32, |all, byte| Some(all.checked_mul(256)? | u32::from(*byte)))?;
                ((2048..=8192).contains(&bits) && exponent >= 3 && exponent % 2 == 1).then_some(Public::Rsa { n, e })
            }
            "EC" if curve() == Some("P-256") => Some(Public::P256(point(32)?)),
            "EC" if curve() == Some("P-384") => Some(Public::P384(point(48)?)),
            "OKP" if curve() == Some("Ed25519") => Some(Public::Ed25519(of_length("x", 32)?)),
            _ => None,
        }
    }

    /// `alg` is one of the key's type.
    fn verifies(&self, alg: &str, message: &[u8], signature: &[u8]) -> bool {
        let plain = |algorithm: &'static dyn sig::VerificationAlgorithm, key: &[u8]| {
            UnparsedPublicKey::new(algorithm, key).verify(message, signature)
        };
        let checked = match self {
            Public::Rsa { n, e } => {
                let parameters: &RsaParameters = match alg {
                    "RS256" => &sig::RSA_PKCS1_2048_8192_SHA256,
                    "RS384" => &sig::RSA_PKCS1_2048_8192_SHA384,
                    "RS512" => &sig::RSA_PKCS1_2048_8192_SHA512,
                    "PS256" => &sig::RSA_PSS_2048_8192_SHA256,
                    "PS384" => &sig::RSA_PSS_2048_8192_SHA384,
                    _ => &sig::RSA_PSS_2048_8192_SHA512,
                };
                RsaPublicKeyComponents { n, e }.verify(parameters, message, signature)
            }
            Public::P256(point) => plain(&sig::ECDSA_P256_SHA256_FIXED, point),
            Public::P384(point) => plain(&sig::ECDSA_P384_SHA384_FIXED, point),
            Public::Ed25519(point) => plain(&sig::ED25519, point),
        };
        checked.is_ok()
    }
}

/// Without the zeros that some issuers write in front.
fn number(bytes: Vec<u8>) -> Vec<u8> {
    bytes.into_iter().skip_while(|byte| *byte == 0).collect()
}

/// RFC 4648, 5, without padding. Each value has one spelling, so the last bits that mean nothing are zeros.
fn base64url(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut pending, mut count) = (Vec::new(), 0_u32, 0);
    for byte in text.bytes() {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        (pending, count) = (pending << 6 | u32::from(six), count + 6);
        if count >= 8 {
            count -= 8;
            bytes.push((pending >> count) as u8);
            pending &= (1 << count) - 1;
        }
    }
    (count < 6 && pending == 0).then_some(bytes)
}
