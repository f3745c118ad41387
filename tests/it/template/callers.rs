//! Who may call: which authorizer each route has, which pages may ask, and how often.

use super::{
    AGENTS, AUDIENCE, CLASSROOMS, DROP_IN, ISSUER, NO_AGORA, NO_ZEGO, Stack, TOKENMINT, TWICE, Target, UIKIT,
    everywhere, list, text, variable,
};
use crate::functions;
use serde_json::{Map, Value, json};
use service::Callers;

#[test]
fn no_route_is_open() {
    let of_code = functions::routes_in_template();
    for stack in Stack::all() {
        let api = &stack.only("AWS::ApiGatewayV2::Api")["Body"];
        let schemes = api["components"]["securitySchemes"].as_object().expect("authorizers");
        let in_query = stack.holds("HasUikit").then_some("UikitUser");
        assert_eq!(
            schemes.keys().collect::<Vec<_>>(),
            ["AWS_IAM", "SignedInUser"].into_iter().chain(in_query).collect::<Vec<_>>()
        );
        assert_eq!(schemes["AWS_IAM"]["x-amazon-apigateway-authtype"], "awsSigv4");
        let authorizer = &schemes["SignedInUser"]["x-amazon-apigateway-authorizer"];
        assert_eq!(authorizer["identitySource"], "$request.header.Authorization");
        let identity = if stack.holds("HasJwtAuthorizer") {
            let uri = json!(["arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/",
                { "Ref": "JwtAuthorizerAliaslive" }, "/invocations"]);
            let expected = json!({
                "type": "request",
                "identitySource": "$request.header.Authorization",
                "authorizerUri": { "Fn::Join": ["", uri] },
                "authorizerPayloadFormatVersion": "2.0",
                "enableSimpleResponses": true,
                "authorizerResultTtlInSeconds": 0,
            });
            assert_eq!(*authorizer, expected);
            "authorizer"
        } else {
            assert_eq!(authorizer["type"], "jwt");
            "gateway"
        };
        // The functions believe the authorizer that the routes have. Or they verify the JWT themselves.
        let identity = if stack.holds("VerifiedTwice") { "jwt" } else { identity };
        assert_eq!(variable(&stack, "IDENTITY"), everywhere(identity));
        let routes = stack.routes();
        assert!(!routes.is_empty());
        for (route, Target { authorizer, .. }) in routes {
            let expected = match of_code[&route].0.callers {
                // Its JWT is in the query. On all other routes, a JWT in the query does not count.
                Callers::Users if route == "GET /uikit" => "UikitUser",
                Callers::Users => "SignedInUser",
                Callers::Backends => "AWS_IAM",
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

/// What verifies JWTs has the same issuer, audiences and scope, wherever it does so.
#[test]
fn the_functions_that_verify_jwts_want_what_the_gateway_would() {
    let own = ["https://cognito-idp.eu-central-1.amazonaws.com/${UserPool}", "aws.cognito.signin.user.admin"];
    for (given, issuer, audience, scope, id_tokens) in [
        (&[][..], own[0], json!({ "Ref": "UserPoolClient" }), own[1], "refused"),
        (&[ISSUER, AUDIENCE], ISSUER.1, json!(AUDIENCE.1), "", "refused"),
        (&[ISSUER, AUDIENCE, ("JwtScope", "tokens")], ISSUER.1, json!(AUDIENCE.1), "tokens", "refused"),
        (&[ISSUER, AUDIENCE, ("IdTokens", "allowed")], ISSUER.1, json!(AUDIENCE.1), "", "allowed"),
    ] {
        let with = |more: &[(&str, &str)]| Stack::with(&[given, more].concat());
        let (authorizer, twice, both) = (with(&[TOKENMINT]), with(&[TWICE]), with(&[TOKENMINT, TWICE]));
        let expected = [json!("jwt"), json!(issuer), audience, json!(scope), json!(id_tokens)];
        let wants = |stack: &Stack, function: &str| {
            let variables = &stack.resource(function)["Environment"]["Variables"];
            ["IDENTITY", "JWT_ISSUER", "JWT_AUDIENCE", "JWT_SCOPE", "ID_TOKENS"].map(|name| variables[name].clone())
        };
        for (stack, function) in [(&authorizer, "JwtAuthorizer"), (&both, "JwtAuthorizer")] {
            assert_eq!(wants(stack, function), expected, "{given:?}");
        }
        for stack in [&twice, &both] {
            for (function, _) in stack.token_functions() {
                assert_eq!(wants(stack, function), expected, "{function}: {given:?}");
            }
        }
        let mut nothing = [const { Value::Null }; 5];
        nothing[0] = json!("authorizer");
        assert_eq!(wants(&authorizer, "RtmToken"), nothing, "IDENTITY=authorizer takes no setting of IDENTITY=jwt");
        assert!(!with(&[]).exists("JwtAuthorizer"));
    }
}

/// Only this API may ask the authorizer. What it is told to hand on is the functions' policy.
#[test]
fn the_authorizer_serves_this_api_alone_and_knows_the_policy() {
    let policy = [ISSUER, AUDIENCE, TOKENMINT, ("RoomsClaim", "rooms"), ("RefusedClaims", "is_anonymous=true")];
    let stack = Stack::with(&policy);
    let permission = stack.resource("JwtAuthorizerPermission");
    assert_eq!(permission["Principal"], "apigateway.amazonaws.com");
    assert_eq!(permission["FunctionName"], json!({ "Ref": "JwtAuthorizerAliaslive" }));
    let source = text(&permission["SourceArn"]);
    assert_eq!(source, "arn:aws:execute-api:eu-central-1:123456789012:${Api}/authorizers/*");
    let variables = &stack.resource("JwtAuthorizer")["Environment"]["Variables"];
    assert_eq!(
        (&variables["ROOMS_CLAIM"], &variables["REFUSED_CLAIMS"]),
        (&json!("rooms"), &json!("is_anonymous=true"))
    );
    assert!(!variables.to_string().contains("SECRET_ID"), "it needs no secret");
    let role = super::policies::allowed(&stack, "JwtAuthorizerRole");
    assert!(!json!(role).to_string().contains("secretsmanager"), "{role:?}");
}

/// Others can easily see a JWT in an address. So such a JWT has an audience of its own, and counts on one route alone.
#[test]
fn a_jwt_in_the_query_has_an_audience_of_its_own() {
    let own = "https://cognito-idp.eu-central-1.amazonaws.com/${UserPool}";
    let sign_in = json!(["aws.cognito.signin.user.admin"]);
    for (given, issuer, scopes) in [
        (&[][..], own, sign_in),
        (&[ISSUER, AUDIENCE], ISSUER.1, json!([])),
        (&[ISSUER, AUDIENCE, ("JwtScope", "tokens")], ISSUER.1, json!(["tokens"])),
    ] {
        let stack = Stack::with(&[given, &[DROP_IN, UIKIT]].concat());
        let schemes = &stack.only("AWS::ApiGatewayV2::Api")["Body"]["components"]["securitySchemes"];
        let expected = json!({ "type": "oauth2", "x-amazon-apigateway-authorizer": {
            "type": "jwt",
            "identitySource": "$request.querystring.jwt",
            "jwtConfiguration": { "issuer": issuer, "audience": [UIKIT.1] },
        } });
        assert_eq!(schemes["UikitUser"], expected);
        let (signed_in_issuer, audience, _) = wanted(&stack);
        assert_eq!(signed_in_issuer, issuer);
        assert!(!list(&audience).contains(&&json!(UIKIT.1)), "{audience}");
        let authorizers = stack.routes().into_iter().filter_map(|(route, target)| Some((route, target.authorizer?)));
        let in_query: Vec<_> = authorizers.filter(|(_, (name, _))| name == "UikitUser").collect();
        assert_eq!(in_query, [("GET /uikit".to_owned(), ("UikitUser".to_owned(), scopes))]);
        for (function, properties) in stack.token_functions() {
            let variables = &properties["Environment"]["Variables"];
            let told = ["UIKIT_JWT_IN_QUERY", "UIKIT_JWT_AUDIENCE"].map(|name| variables.get(name).map(text));
            let expected = (function == "DropInToken").then(|| ["true", UIKIT.1].map(str::to_owned));
            assert_eq!(told, expected.map_or([None, None], |known| known.map(Some)), "{function}");
            // It refuses a JWT that also has an audience of these.
            let told = variables.get("JWT_AUDIENCE").map(|of_headers| match of_headers.as_str() {
                Some(listed) => json!(listed.split(',').collect::<Vec<_>>()),
                None => json!([of_headers]),
            });
            assert_eq!(told, (function == "DropInToken").then(|| audience.clone()), "{function}");
        }
    }
    // Without it there is no such route, and the function is told of none.
    let stack = Stack::with(&[DROP_IN]);
    assert!(!stack.routes().contains_key("GET /uikit"));
    assert!(!stack.template.to_string().contains("\"UIKIT_JWT"), "a function is told of it");
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
    for vendors in [
        &[][..],
        &[NO_ZEGO],
        &[NO_AGORA],
        &[DROP_IN, UIKIT],
        &[DROP_IN, NO_ZEGO],
        &[DROP_IN, NO_AGORA],
        &[CLASSROOMS],
        &[AGENTS],
    ] {
        let stack = Stack::with(&[vendors, &given].concat());
        let stage = stack.only("AWS::ApiGatewayV2::Stage");
        let limits =
            |settings: &Value| (text(&settings["ThrottlingRateLimit"]), text(&settings["ThrottlingBurstLimit"]));
        let pair = |rate: &str, burst: &str| (rate.to_owned(), burst.to_owned());
        assert_eq!(limits(&stage["DefaultRouteSettings"]), pair("7", "8"));
        let none = Map::new();
        let own = stage.get("RouteSettings").map_or(&none, |own| own.as_object().expect("settings"));
        let mut backends = stack.routes();
        // Only Chat's app token has lower limits, because few backends need it. There can be many agents.
        backends.retain(|_, to| {
            to.function == "chat-app-token" && to.authorizer.as_ref().is_some_and(|(name, _)| name == "AWS_IAM")
        });
        // API Gateway refuses settings for a route that does not exist.
        assert_eq!(own.keys().collect::<Vec<_>>(), backends.keys().collect::<Vec<_>>());
        for settings in own.values() {
            assert_eq!(limits(settings), pair("2", "3"));
        }
    }
}

/// While the API's own address is open, callers can go around what stands in front of a custom domain.
#[test]
fn the_apis_own_address_is_open_until_the_deployer_closes_it() {
    let closed = |given: &[(&str, &str)]| {
        let stack = Stack::with(given);
        let body = &stack.only("AWS::ApiGatewayV2::Api")["Body"];
        body["servers"][0]["x-amazon-apigateway-endpoint-configuration"]["disableExecuteApiEndpoint"].as_bool()
    };
    assert_eq!(closed(&[]), Some(false));
    assert_eq!(closed(&[("DefaultAddress", "open")]), Some(false));
    assert_eq!(closed(&[("DefaultAddress", "closed")]), Some(true));
    let error = Stack::try_with(&[("DefaultAddress", "none")], &json!({})).err();
    assert!(error.is_some_and(|error| error.starts_with("DefaultAddress breaks AllowedValues")));
}
