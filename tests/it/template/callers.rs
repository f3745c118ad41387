//! Who may call: which authorizer each route has, which pages may ask, and how often.

use super::{AUDIENCE, ISSUER, NO_AGORA, NO_ZEGO, Stack, Target, everywhere, list, text, variable};
use crate::functions;
use serde_json::{Map, Value, json};
use service::Callers;
use std::collections::BTreeMap;

#[test]
fn no_route_is_open() {
    let callers: BTreeMap<_, _> = functions::routes().into_keys().map(|key| (key.to_string(), key.callers)).collect();
    for stack in Stack::all() {
        let api = &stack.only("AWS::ApiGatewayV2::Api")["Body"];
        let schemes = api["components"]["securitySchemes"].as_object().expect("authorizers");
        assert_eq!(schemes.keys().collect::<Vec<_>>(), ["AWS_IAM", "SignedInUser"]);
        assert_eq!(schemes["AWS_IAM"]["x-amazon-apigateway-authtype"], "awsSigv4");
        assert_eq!(schemes["SignedInUser"]["x-amazon-apigateway-authorizer"]["type"], "jwt");
        let routes = stack.routes();
        assert!(!routes.is_empty());
        for (route, Target { authorizer, .. }) in routes {
            let expected = match callers[&route] {
                Callers::Backends => "AWS_IAM",
                Callers::Users => "SignedInUser",
            };
            assert_eq!(authorizer.as_ref().map(|(name, _)| name.as_str()), Some(expected), "{route}");
            assert!(!route.starts_with("X-AMAZON") && !route.contains('$'), "{route} is no route of its own");
        }
    }
}

/// What the JWT authorizer wants: issuer, audience and scopes. All routes want the same scopes.
fn wanted(stack: &Stack) -> (String, Value, Value) {
    let schemes = &stack.only("AWS::ApiGatewayV2::Api")["Body"]["components"]["securitySchemes"];
    let authorizer = &schemes["SignedInUser"]["x-amazon-apigateway-authorizer"];
    assert_eq!(authorizer["identitySource"], "$request.header.Authorization");
    let jwt = &authorizer["jwtConfiguration"];
    let authorizers = stack.routes().into_values().filter_map(|target| target.authorizer);
    let scopes: Vec<Value> = authorizers.filter(|(name, _)| name == "SignedInUser").map(|(_, it)| it).collect();
    assert!(scopes.iter().all(|some| *some == scopes[0]), "{scopes:?}");
    (text(&jwt["issuer"]), jwt["audience"].clone(), scopes[0].clone())
}

#[test]
fn without_an_issuer_the_stack_signs_its_users_in_itself() {
    let stack = Stack::with(&[("UserIdClaim", "username"), ("UserIdForm", "lower")]);
    let issuer = "https://cognito-idp.eu-central-1.amazonaws.com/${UserPool}".to_owned();
    // An ID token also has the client's id as its audience. But it has no scope.
    let scopes = json!(["aws.cognito.signin.user.admin"]);
    assert_eq!(wanted(&stack), (issuer, json!([{ "Ref": "UserPoolClient" }]), scopes));
    // Users could choose their username. With its hyphens, a sub is too long for ZIM.
    assert_eq!(variable(&stack, "USER_ID_CLAIM"), everywhere("sub"));
    assert_eq!(variable(&stack, "USER_ID_FORM"), everywhere("uuid"));

    let pool = stack.only("AWS::Cognito::UserPool");
    assert_eq!(pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"], true);
    assert_eq!(stack.template["Resources"]["UserPool"]["DeletionPolicy"], "RetainExceptOnCreate");
    assert_eq!(stack.template["Resources"]["UserPool"]["UpdateReplacePolicy"], "Retain");
    let client = stack.only("AWS::Cognito::UserPoolClient");
    assert_eq!(client["UserPoolId"], json!({ "Ref": "UserPool" }));
    assert_eq!(client["GenerateSecret"], false);
    assert!(!list(&client["ExplicitAuthFlows"]).contains(&&json!("ALLOW_USER_PASSWORD_AUTH")));
    assert_eq!(client["PreventUserExistenceErrors"], "ENABLED");
    assert_eq!(stack.template["Outputs"]["UserPoolId"]["Value"], json!({ "Ref": "UserPool" }));
    assert_eq!(stack.template["Outputs"]["UserPoolClientId"]["Value"], json!({ "Ref": "UserPoolClient" }));
}

#[test]
fn with_an_issuer_only_its_tokens_count() {
    let stack = Stack::with(&[ISSUER, AUDIENCE, ("UserIdClaim", "uid"), ("UserIdForm", "lower")]);
    assert_eq!(wanted(&stack), (ISSUER.1.to_owned(), json!(["app", "web"]), json!([])));
    assert_eq!(variable(&stack, "USER_ID_CLAIM"), everywhere("uid"));
    assert_eq!(variable(&stack, "USER_ID_FORM"), everywhere("lower"));
    assert!(stack.resources("AWS::Cognito::UserPool").is_empty());
    assert!(stack.resources("AWS::Cognito::UserPoolClient").is_empty());
    assert!(stack.template["Outputs"].get("UserPoolId").is_none());
    assert!(stack.template["Outputs"].get("UserPoolClientId").is_none());

    let scoped = Stack::with(&[ISSUER, AUDIENCE, ("JwtScope", "tokens")]);
    assert_eq!(wanted(&scoped).2, json!(["tokens"]));
}

#[test]
fn pages_of_named_origins_may_call() {
    let cors = |stack: &Stack| stack.only("AWS::ApiGatewayV2::Api")["Body"].get("x-amazon-apigateway-cors").cloned();
    let stack = Stack::with(&[("AllowedOrigins", "https://app.example.com,http://localhost:5173")]);
    let expected = json!({
        "allowOrigins": ["https://app.example.com", "http://localhost:5173"],
        "allowMethods": ["GET", "POST"],
        "allowHeaders": ["authorization", "content-type"],
        "exposeHeaders": ["retry-after"],
        "maxAge": 3600,
    });
    assert_eq!(cors(&stack), Some(expected));
    assert_eq!(cors(&Stack::plain()), None);
}

#[test]
fn every_route_is_throttled() {
    let given = [("RateLimit", "7"), ("BurstLimit", "8"), ("AppTokenRateLimit", "2"), ("AppTokenBurstLimit", "3")];
    for vendors in [&[][..], &[NO_ZEGO], &[NO_AGORA]] {
        let stack = Stack::with(&[vendors, &given].concat());
        let stage = stack.only("AWS::ApiGatewayV2::Stage");
        let limits =
            |settings: &Value| (text(&settings["ThrottlingRateLimit"]), text(&settings["ThrottlingBurstLimit"]));
        let pair = |rate: &str, burst: &str| (rate.to_owned(), burst.to_owned());
        assert_eq!(limits(&stage["DefaultRouteSettings"]), pair("7", "8"));
        let none = Map::new();
        let own = stage.get("RouteSettings").map_or(&none, |own| own.as_object().expect("settings"));
        let mut backends = stack.routes();
        backends.retain(|_, to| to.authorizer.as_ref().is_some_and(|(name, _)| name == "AWS_IAM"));
        // API Gateway refuses settings for a route that does not exist.
        assert_eq!(own.keys().collect::<Vec<_>>(), backends.keys().collect::<Vec<_>>());
        for settings in own.values() {
            assert_eq!(limits(settings), pair("2", "3"));
        }
    }
}
