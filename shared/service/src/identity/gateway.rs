//! What API Gateway's authorizer verified, as it stands in an event.
//!
//! What isn't exactly what the gateway sends is nobody. The rest of the request can still be answered.

use crate::json::object;
use serde_json::Value;
use std::collections::BTreeMap;

/// Who API Gateway's authorizer found the caller to be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Authorizer {
    /// A JWT whose signature, issuer, audience and expiry were checked.
    Jwt(Jwt),
    /// An IAM identity whose signature was checked.
    Iam,
}

/// What a checked JWT says. The gateway sends every claim as a string, an array as `[a b c]`.
#[derive(Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Jwt {
    pub(crate) claims: BTreeMap<String, String>,
    /// The token's scopes, where the route asks for some.
    pub(crate) scopes: Option<Vec<String>>,
}

impl Authorizer {
    /// Reads the authorizer's context. `None` is nobody: none was sent, or not what the gateway sends.
    pub(crate) fn read(context: Option<&Value>) -> Option<Authorizer> {
        let context = context?.as_object()?;
        match ["jwt", "iam", "lambda"].map(|authorizer| context.get(authorizer)) {
            [Some(jwt), None, None] => object(jwt).ok().map(Authorizer::Jwt),
            [None, Some(iam), None] => {
                let named = |field| iam.get(field).and_then(Value::as_str).is_some_and(|value| !value.is_empty());
                // A Cognito identity pool signs for end users, and even for guests: that is no backend.
                let pooled = iam.get("cognitoIdentity").is_some_and(|identity| !identity.is_null());
                (named("userArn") && named("accountId") && !pooled).then_some(Authorizer::Iam)
            }
            // The gateway runs one authorizer per route.
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_identity_is_exactly_what_the_gateway_sends_or_nobody() {
        let read = |context: Value| Authorizer::read(Some(&context));
        let jwt = read(json!({ "jwt": { "claims": { "sub": "alice" }, "scopes": null } }));
        assert!(matches!(jwt, Some(Authorizer::Jwt(jwt)) if jwt.claims["sub"] == "alice"));
        assert_eq!(
            read(json!({ "iam": { "userArn": "arn:aws:iam::1:user/x", "accountId": "1" } })),
            Some(Authorizer::Iam)
        );
        for nobody in [
            json!(null),
            json!({}),
            json!([]),
            json!("jwt"),
            json!({ "jwt": null }),
            json!({ "jwt": {} }),
            json!({ "jwt": { "claims": null } }),
            json!({ "jwt": [{ "sub": "alice" }, null] }),
            json!({ "jwt": { "claims": { "sub": 7 }, "scopes": null } }),
            json!({ "jwt": { "claims": { "sub": "alice", "exp": null }, "scopes": null } }),
            json!({ "jwt": { "claims": { "sub": ["alice"] }, "scopes": null } }),
            json!({ "jwt": { "claims": { "sub": "alice" }, "scopes": "all" } }),
            json!({ "lambda": { "sub": "alice" } }),
            json!({ "jwt": { "claims": { "sub": "alice" }, "scopes": null }, "lambda": {} }),
            json!({ "claims": { "sub": "alice" } }),
            json!({ "iam": {} }),
            json!({ "iam": { "userArn": "", "accountId": "1" } }),
            json!({ "iam": { "userArn": "arn:aws:iam::1:user/x", "accountId": "1", "cognitoIdentity": { "amr": ["unauthenticated"] } } }),
            json!({ "iam": { "userArn": "arn:aws:iam::1:user/x", "accountId": "1" }, "jwt": { "claims": { "sub": "a" }, "scopes": null } }),
        ] {
            assert_eq!(Authorizer::read(Some(&nobody)), None, "{nobody}");
        }
        assert_eq!(Authorizer::read(None), None);
    }
}
