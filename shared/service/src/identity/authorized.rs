//! The claims of a user's JWT that our authorizer function hands on. They reach the token functions through API Gateway.
//!
//! API Gateway hands on only texts. So the claims travel as one JSON text, and each keeps its type.

use super::jwt::Claims;
use crate::config::Policy;
use crate::json::{self, Json, object};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What API Gateway calls the authorizer's context.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Context {
    /// A JSON object.
    claims: String,
}

impl Context {
    /// Only the claims on which a decision may depend. So the answer is short, and no other claim gets into another
    /// function.
    pub(crate) fn of(policy: &Policy, mut claims: Claims) -> Context {
        claims.retain(|name, _| policy.reads(name));
        Context { claims: serde_json::to_string(&claims).expect("claims are plain data") }
    }
}

/// The claims in a context. `None`: it is not what our authorizer function sends.
pub(super) fn claims(context: &Value) -> Option<Claims> {
    let context: Context = object(context).ok()?;
    match json::parse(context.claims.as_bytes()) {
        Ok(Json::Object(claims)) => Some(claims),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::AuthorizerConfig;
    use serde_json::json;

    fn policy(variables: &[(&str, &str)]) -> Policy {
        let fixed = [("IDENTITY", "jwt"), ("JWT_ISSUER", "https://id.example.com/"), ("JWT_AUDIENCE", "a")];
        let variables = fixed.iter().chain(variables);
        let variables = variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        AuthorizerConfig::parse(&variables).expect("valid").policy
    }

    fn jwt() -> Claims {
        let claims = json!({
            "sub": "alice",
            "exp": 1_800_000_000,
            "iss": "https://id.example.com/",
            "email": "alice@example.com",
            "rooms": ["a b", "c"],
            "app": { "uid": 7, "nested": { "no": -1.5, "yes": null } },
            "https://example.com/guest": false,
            "scope": "join publish",
            "scp": ["publish"],
            "permissions": ["publish"],
        });
        let Json::Object(claims) = json::parse(claims.to_string().as_bytes()).expect("JSON") else { unreachable!() };
        claims
    }

    fn names(policy: &Policy) -> Vec<String> {
        let context = serde_json::to_value(Context::of(policy, jwt())).expect("plain data");
        let claims = claims(&context).expect("it is ours");
        for (name, value) in &claims {
            assert_eq!(jwt().get(name), Some(value), "{name} is as it was");
        }
        claims.into_keys().collect()
    }

    #[test]
    fn the_claims_that_decide_come_through_with_their_types() {
        assert_eq!(names(&policy(&[])), ["exp", "iss", "sub"]);
        let all = [
            ("USER_ID_CLAIM", "app.uid"),
            ("ROOMS_CLAIM", "rooms"),
            ("PUBLISH_SCOPE", "publish"),
            ("REFUSED_CLAIMS", "https://example.com/guest=true,app.nested.yes=null"),
        ];
        assert_eq!(
            names(&policy(&all)),
            ["app", "exp", "https://example.com/guest", "iss", "rooms", "scope", "scp"],
            "and no e-mail address"
        );
        let scopes = [("PUBLISH_SCOPE", "publish"), ("SCOPE_CLAIM", "permissions"), ("RTC_UID_CLAIM", "app.uid")];
        assert_eq!(names(&policy(&scopes)), ["app", "exp", "iss", "permissions", "sub"]);
    }
}
