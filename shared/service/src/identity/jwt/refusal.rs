//! Why a JWT is refused.

use crate::problem::Problem;

/// The rule that a JWT, or the header that carries it, breaks. It contains nothing of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "`rule` says what each one is")]
pub enum Refusal {
    /// Two `Authorization` headers. A reader of the first header and a reader of the last one would see different callers.
    AuthorizationTwice,
    /// The `Authorization` header is not `Bearer`, one space and a token.
    Authorization,
    TooLong,
    Parts,
    Base64,
    HeaderNotJson,
    HeaderNameTwice,
    Critical,
    Algorithm,
    Type,
    KeyIdType,
    PayloadNotJson,
    PayloadNameTwice,
    Issuer,
    ExpiryType,
    Expired,
    NotBeforeType,
    NotYetValid,
    IssuedAtType,
    IssuedInFuture,
    IdToken,
    AudienceType,
    Audience,
    /// The JWT is for backends alone, and lacks their scope.
    BackendScope,
    /// No key has the token's `kid`, or no key has the algorithm of a token without `kid`. Newer keys may have it.
    UnknownKey,
    /// The key with the token's `kid` is for another algorithm.
    OtherAlgorithm,
    /// More than one key fits, so `kid` doesn't say which.
    SeveralKeys,
    Signature,
    /// The JWT is genuine, and its user lacks the scope.
    InsufficientScope,
}

impl Refusal {
    /// The broken rule, for one line in the log. The texts stay the same, so that alarms can count them.
    pub fn rule(&self) -> &'static str {
        match self {
            Refusal::AuthorizationTwice => "Authorization: must be sent once",
            Refusal::Authorization => "Authorization: must be Bearer, one space and a token",
            Refusal::TooLong => "JWT: must be at most 8192 bytes",
            Refusal::Parts => "JWT: must have three parts",
            Refusal::Base64 => "JWT: must be base64url without padding",
            Refusal::HeaderNotJson => "header: must be a JSON object",
            Refusal::HeaderNameTwice => "header: must have each name once",
            Refusal::Critical => "crit: must not be there",
            Refusal::Algorithm => {
                "alg: must be one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 and EdDSA"
            }
            Refusal::Type => "typ: must be JWT or at+jwt",
            Refusal::KeyIdType => "kid: must be a string",
            Refusal::PayloadNotJson => "payload: must be a JSON object",
            Refusal::PayloadNameTwice => "payload: must have each name once",
            Refusal::Issuer => "iss: must be the configured issuer",
            Refusal::ExpiryType => "exp: must be a number",
            Refusal::Expired => "exp: must be in the future",
            Refusal::NotBeforeType => "nbf: must be a number",
            Refusal::NotYetValid => "nbf: must not be in the future",
            Refusal::IssuedAtType => "iat: must be a number",
            Refusal::IssuedInFuture => "iat: must not be in the future",
            Refusal::IdToken => "token_use, typ, at_hash, c_hash, nonce: must not be those of an ID token",
            Refusal::AudienceType => "aud: must be a string or an array of strings; client_id, azp: a string",
            Refusal::Audience => "aud (without aud: client_id or azp): must name a configured audience",
            Refusal::BackendScope => "scope: must contain the backend's scope",
            Refusal::UnknownKey => "kid: must name a key of the issuer",
            Refusal::OtherAlgorithm => "alg: must be the algorithm of the key",
            Refusal::SeveralKeys => "kid: must say which of several keys signed",
            Refusal::Signature => "signature: must be made with the issuer's key",
            Refusal::InsufficientScope => "scope: must contain the configured scope",
        }
    }
}

/// The log says which rule the JWT breaks. The answer says less.
impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        match refusal {
            Refusal::InsufficientScope => Problem::insufficient_scope(refusal.rule()),
            _ => Problem::invalid_token(refusal.rule()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// All of them, in the order in which they are declared.
    const ALL: [Refusal; Refusal::InsufficientScope as usize + 1] = [
        Refusal::AuthorizationTwice,
        Refusal::Authorization,
        Refusal::TooLong,
        Refusal::Parts,
        Refusal::Base64,
        Refusal::HeaderNotJson,
        Refusal::HeaderNameTwice,
        Refusal::Critical,
        Refusal::Algorithm,
        Refusal::Type,
        Refusal::KeyIdType,
        Refusal::PayloadNotJson,
        Refusal::PayloadNameTwice,
        Refusal::Issuer,
        Refusal::ExpiryType,
        Refusal::Expired,
        Refusal::NotBeforeType,
        Refusal::NotYetValid,
        Refusal::IssuedAtType,
        Refusal::IssuedInFuture,
        Refusal::IdToken,
        Refusal::AudienceType,
        Refusal::Audience,
        Refusal::BackendScope,
        Refusal::UnknownKey,
        Refusal::OtherAlgorithm,
        Refusal::SeveralKeys,
        Refusal::Signature,
        Refusal::InsufficientScope,
    ];

    #[test]
    fn each_rule_is_one_line_of_its_own_that_names_a_thing() {
        let rules: BTreeSet<_> = ALL.iter().map(Refusal::rule).collect();
        assert_eq!(rules.len(), ALL.len());
        for rule in rules {
            assert!(rule.contains(": ") && rule.len() <= 100 && rule.bytes().all(|byte| matches!(byte, b' '..=b'~')));
        }
    }
}
