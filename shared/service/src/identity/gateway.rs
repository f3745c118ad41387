//! Reads from an event what API Gateway's authorizer verified.
//!
//! Anything that isn't exactly what the gateway sends counts as no identity. The request can still be answered.

use super::claims::Jwt;
use super::{Verified, authorized};
use crate::json::object;
use serde_json::Value;

/// Reads the authorizer's context. `None`: no identity. There is no context, or it is not what the gateway sends.
pub(crate) fn verified(context: Option<&Value>) -> Option<Verified> {
    let context = context?.as_object()?;
    match ["jwt", "iam", "lambda"].map(|authorizer| context.get(authorizer)) {
        [Some(jwt), None, None] => object(jwt).ok().map(|claims| Verified::Jwt(Jwt::OfGateway(claims))),
        [None, Some(iam), None] => {
            let named = |field| iam.get(field).and_then(Value::as_str).is_some_and(|value| !value.is_empty());
            // A Cognito identity pool signs for end users, and even for guests. They are not backends.
            let pooled = iam.get("cognitoIdentity").is_some_and(|identity| !identity.is_null());
            (named("userArn") && named("accountId") && !pooled).then_some(Verified::Iam)
        }
        [None, None, Some(lambda)] => authorized::claims(lambda).map(Verified::Authorized),
        // The gateway runs one authorizer per route.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::samples;
    use crate::json::Json;
    use serde_json::json;

    #[test]
    fn an_identity_is_exactly_what_the_gateway_sends_or_nobody() {
        let read = |context: Value| verified(Some(&context));
        let jwt = read(json!({ "jwt": { "claims": { "sub": "alice" }, "scopes": null } }));
        assert_eq!(jwt, samples::jwt(&[("sub", "alice")]));
        assert_eq!(
            read(json!({ "iam": { "userArn": "arn:aws:iam::1:user/x", "accountId": "1" } })),
            Some(Verified::Iam)
        );
        let authorized = read(json!({ "lambda": { "claims": "{\"sub\":\"alice\",\"rooms\":[\"a b\"]}" } }));
        let Some(Verified::Authorized(claims)) = authorized else { panic!("not our authorizer's") };
        assert_eq!(claims["rooms"], Json::List(vec![Json::Text("a b".to_owned())]));
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
            json!({ "lambda": null }),
            json!({ "lambda": { "claims": { "sub": "alice" } } }),
            json!({ "lambda": { "claims": "alice" } }),
            json!({ "lambda": { "claims": "{\"sub\":\"alice\",\"sub\":\"bob\"}" } }),
            json!({ "lambda": { "claims": "{\"sub\":\"alice\"}", "sub": "bob" } }),
            json!({ "lambda": { "claims": "{\"sub\":\"alice\"}" }, "iam": { "userArn": "arn:aws:iam::1:user/x", "accountId": "1" } }),
            json!({ "jwt": { "claims": { "sub": "alice" }, "scopes": null }, "lambda": {} }),
            json!({ "claims": { "sub": "alice" } }),
            json!({ "iam": {} }),
            json!({ "iam": { "userArn": "", "accountId": "1" } }),
            json!({ "iam": { "userArn": "arn:aws:iam::1:user/x", "accountId": "1", "cognitoIdentity": { "amr": ["unauthenticated"] } } }),
            json!({ "iam": { "userArn": "arn:aws:iam::1:user/x", "accountId": "1" }, "jwt": { "claims": { "sub": "a" }, "scopes": null } }),
        ] {
            assert_eq!(verified(Some(&nobody)), None, "{nobody}");
        }
        assert_eq!(verified(None), None);
    }
}
