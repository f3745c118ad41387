//! Reads from an event what API Gateway and its authorizers say of a request's sender, and decides whether it counts.
//!
//! Anything that isn't exactly what the gateway sends says nothing. The request can still be answered.

use super::claims::{GatewayClaims, Jwt};
use super::jwt::{self, Claims};
use super::{Verified, authorized};
use crate::config::Verifier;
use crate::json::object;
use crate::problem::Problem;
use serde_json::Value;
use tokens::Moment;

/// What an event says of its sender. Whether it counts depends on the settings: see [`believed`].
#[derive(Debug, PartialEq)]
pub(crate) enum Said {
    /// By the gateway's own authorizer.
    Jwt(GatewayClaims),
    /// By the gateway itself: an IAM identity has signed the request.
    Iam,
    /// By our authorizer function, which has checked all but the end of the JWT.
    Authorized(Claims),
}

/// Reads the authorizer's context. `None`: it says nothing. There is no context, or it is not what the gateway sends.
pub(crate) fn said(context: Option<&Value>) -> Option<Said> {
    let context = context?.as_object()?;
    match ["jwt", "iam", "lambda"].map(|authorizer| context.get(authorizer)) {
        [Some(jwt), None, None] => object(jwt).ok().map(Said::Jwt),
        [None, Some(iam), None] => {
            let named = |field| iam.get(field).and_then(Value::as_str).is_some_and(|value| !value.is_empty());
            // A Cognito identity pool signs for end users, and even for guests. They are not backends.
            let pooled = iam.get("cognitoIdentity").is_some_and(|identity| !identity.is_null());
            (named("userArn") && named("accountId") && !pooled).then_some(Said::Iam)
        }
        [None, None, Some(lambda)] => authorized::claims(lambda).map(Said::Authorized),
        // The gateway runs one authorizer per route.
        _ => None,
    }
}

/// Whom an event proves, where the service verifies no JWT itself. Only the authorizer that the settings name is believed.
///
/// # Errors
/// The JWT has ended. The authorizer function lets it pass, so that its sender gets this answer. The gateway itself could
/// only answer 403.
pub(crate) fn believed(verifier: &Verifier, said: Option<Said>, now: Moment) -> Result<Option<Verified>, Problem> {
    Ok(match (verifier, said) {
        (Verifier::Gateway | Verifier::Authorizer, Some(Said::Iam)) => Some(Verified::Iam),
        (Verifier::Gateway, Some(Said::Jwt(claims))) => Some(Verified::Jwt(Jwt::OfGateway(claims))),
        (Verifier::Authorizer, Some(Said::Authorized(claims))) => {
            jwt::check_not_ended(&claims, now.as_unix_seconds().into())?;
            Some(Verified::Jwt(Jwt::Ours(claims)))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::jwt::Refusal;
    use crate::identity::samples::{claims_of_gateway, now};
    use crate::json::Json;
    use serde_json::json;

    #[test]
    fn an_identity_is_exactly_what_the_gateway_sends_or_nobody() {
        let read = |context: Value| said(Some(&context));
        let jwt = read(json!({ "jwt": { "claims": { "sub": "alice" }, "scopes": null } }));
        assert_eq!(jwt, Some(Said::Jwt(claims_of_gateway(&[("sub", "alice")]))));
        assert_eq!(read(json!({ "iam": { "userArn": "arn:aws:iam::1:user/x", "accountId": "1" } })), Some(Said::Iam));
        let authorized = read(json!({ "lambda": { "claims": "{\"sub\":\"alice\",\"rooms\":[\"a b\"]}" } }));
        let Some(Said::Authorized(claims)) = authorized else { panic!("not our authorizer's") };
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
            assert_eq!(said(Some(&nobody)), None, "{nobody}");
        }
        assert_eq!(said(None), None);
    }

    #[test]
    fn each_verifier_believes_its_own_authorizer_alone() {
        let claims = |exp: u64| {
            let claims = [("sub", Json::Text("alice".to_owned())), ("exp", Json::Number(exp))];
            claims.map(|(name, value)| (name.to_owned(), value)).into_iter().collect::<Claims>()
        };
        let ends = u64::from(now().as_unix_seconds()) + 60;
        let believed = |verifier: &Verifier, said: Option<Said>| {
            believed(verifier, said, now()).map_err(|problem| (problem.status(), problem.rule()))
        };
        let of_gateway = || Some(Said::Jwt(claims_of_gateway(&[("sub", "alice")])));
        let of_gateway_verified = || Some(Verified::Jwt(Jwt::OfGateway(claims_of_gateway(&[("sub", "alice")]))));
        let of_function = |exp| Some(Said::Authorized(claims(exp)));
        assert_eq!(believed(&Verifier::Gateway, of_gateway()), Ok(of_gateway_verified()));
        assert_eq!(believed(&Verifier::Gateway, of_function(ends)), Ok(None));
        assert_eq!(believed(&Verifier::None, of_function(ends)), Ok(None));
        assert_eq!(believed(&Verifier::Authorizer, of_gateway()), Ok(None));
        assert_eq!(believed(&Verifier::Authorizer, None), Ok(None));
        assert_eq!(believed(&Verifier::Authorizer, Some(Said::Iam)), Ok(Some(Verified::Iam)));
        assert_eq!(
            believed(&Verifier::Authorizer, of_function(ends)),
            Ok(Some(Verified::Jwt(Jwt::Ours(claims(ends)))))
        );
        assert_eq!(believed(&Verifier::Authorizer, of_function(ends - 120)), Err((401, Some(Refusal::Expired.rule()))));
        let endless = [("sub".to_owned(), Json::Text("alice".to_owned()))].into_iter().collect();
        let refused = believed(&Verifier::Authorizer, Some(Said::Authorized(endless)));
        assert_eq!(refused, Err((401, Some(Refusal::ExpiryType.rule()))));
    }
}
