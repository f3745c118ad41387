//! The claims of a user's JWT that our authorizer function hands on. They reach the token functions through API Gateway.
//!
//! API Gateway hands on only texts. So the claims travel as one JSON text, and each keeps its type.

use super::jwt::Claims;
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
    /// With all claims. The authorizer and a token function may have different settings for a while, when both are deployed
    /// anew. So only the token function decides which claims it needs.
    pub(crate) fn of(claims: &Claims) -> Context {
        Context { claims: serde_json::to_string(claims).expect("claims are plain data") }
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
    use serde_json::json;

    #[test]
    fn every_claim_comes_through_with_its_type() {
        let claims = json!({
            "sub": "alice",
            "exp": 1_800_000_000,
            "rooms": ["a b", "c"],
            "app": { "uid": 7, "nested": { "no": -1.5, "yes": null } },
            "https://example.com/guest": false,
            "name": "\"\u{0}\\ \u{1f600}",
        });
        let Json::Object(jwt) = json::parse(claims.to_string().as_bytes()).expect("JSON") else { unreachable!() };
        let context = serde_json::to_value(Context::of(&jwt)).expect("plain data");
        assert_eq!(super::claims(&context), Some(jwt));
    }
}
