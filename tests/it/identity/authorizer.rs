//! The authorizer function that API Gateway may ask, and the token functions that believe it (`IDENTITY=authorizer`).

use super::forged::{self, Keys};
use super::{AUDIENCE, USERS_ROUTES, event, keys, settings};
use crate::{functions, said};
use harness::issuer::{Algorithm, Issuer, SigningKey, Trouble};
use harness::lambda::{Function, Outcome};
use harness::{Env, project};
use serde_json::{Value, json};

/// The policy of the authorizer and of the token functions.
const POLICY: [(&str, &str); 3] =
    [("ROOMS_CLAIM", "app_metadata.rooms"), ("PUBLISH_SCOPE", "publish"), ("MINTS_PER_MINUTE", "0")];

fn authorizer(issuer: &Issuer) -> Function {
    Function::start(functions::JWT_AUTHORIZER, settings(issuer).and_all(POLICY))
}

/// A token function that believes the authorizer.
fn believing(name: &str, policy: &[(&str, &str)]) -> Function {
    let credentials = project::root().join("tests/demo-credentials.json");
    let env = Env::from([("LOCAL_CREDENTIALS", credentials.to_str().expect("UTF-8")), ("IDENTITY", "authorizer")]);
    Function::start(name, env.and_all(policy))
}

/// What the gateway asks about a request with this header `Authorization`.
fn question(authorization: &str) -> Value {
    let mut question = event("jwt-authorizer/question.json");
    question["identitySource"] = json!([authorization]);
    question["headers"]["authorization"] = json!(authorization);
    question
}

/// What the authorizer says of this JWT. `None`: it refuses it.
fn context(authorizer: &Function, authorization: &str) -> Option<Value> {
    let answer = authorizer.invoke(&question(authorization)).response();
    let context = answer.get("context").cloned();
    let expected = if context.is_some() {
        json!({ "isAuthorized": true, "context": context })
    } else {
        json!({ "isAuthorized": false })
    };
    assert_eq!(answer, expected);
    let all_texts = |context: &Value| context.as_object().expect("an object").values().all(Value::is_string);
    assert!(context.as_ref().is_none_or(all_texts), "API Gateway hands on texts: {context:?}");
    context
}

/// The event of a request that the authorizer let pass. The gateway decodes the path.
fn passed(route: &str, path: &str, context: &Value) -> Value {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let (method, template) = route.split_once(' ').expect("a method");
    let segments = template.split('/').zip(path.split('/'));
    let named = segments.filter_map(|(name, value)| Some((name.strip_prefix('{')?.strip_suffix('}')?, value)));
    let parameters: serde_json::Map<_, _> = named.map(|(name, value)| (name.to_owned(), json!(value))).collect();
    json!({
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": query,
        "headers": {},
        "pathParameters": parameters,
        "requestContext": {
            "http": { "method": method },
            "requestId": "id",
            "routeKey": route,
            "authorizer": { "lambda": context },
        },
        "isBase64Encoded": false,
    })
}

fn status(function: &Function, event: &Value) -> u64 {
    function.invoke(event).response()["statusCode"].as_u64().expect("a status")
}

#[test]
fn users_get_their_own_tokens_whatever_algorithm_their_issuer_has() {
    let keys = keys();
    let issuer = Issuer::start(&keys.iter().collect::<Vec<_>>());
    let authorizer = authorizer(&issuer);
    let of_route = functions::routes_in_code();
    let running: Vec<_> =
        USERS_ROUTES.iter().map(|route| (route, believing(&of_route[route.0], &[("MINTS_PER_MINUTE", "0")]))).collect();
    for key in &keys {
        let jwt = key.sign(&json!({}), &issuer.claims("alice", AUDIENCE));
        let context = context(&authorizer, &format!("Bearer {jwt}")).expect("a good JWT");
        assert!(!context.to_string().contains(&jwt), "the JWT itself is not handed on");
        for ((route, named, own), function) in &running {
            let what = format!("{} {route}", key.id);
            assert_eq!(status(function, &passed(route, &named.replace("ID", "alice"), &context)), 200, "{what}");
            assert_eq!(status(function, &passed(route, own, &context)), 200, "{what}");
            assert_eq!(status(function, &passed(route, &named.replace("ID", "bob"), &context)), 403, "{what}");
        }
    }
    said::check_logs("authorizer", &authorizer.end(), &said::credentials());
}

/// The gateway's own authorizer would write the list as `[a b c]`, and would not pass a nested claim on.
#[test]
fn claims_keep_their_types_on_the_way_through_the_gateway() {
    let key = SigningKey::generate("current", Algorithm::Es256);
    let issuer = Issuer::start(&[&key]);
    let authorizer = authorizer(&issuer);
    let rtc = believing("rtc-token", &POLICY);
    let mut claims = issuer.claims("alice", AUDIENCE);
    claims["app_metadata"] = json!({ "rooms": ["green room", "lobby-*"] });
    claims["scope"] = json!("openid publish");
    let asked = |claims: &Value, path: &str| {
        let context = context(&authorizer, &format!("Bearer {}", key.sign(&json!({}), claims))).expect("a good JWT");
        status(&rtc, &passed("GET /rtc/{channel}/token", path, &context))
    };
    assert_eq!(asked(&claims, "/rtc/green room/token?role=publisher"), 200);
    assert_eq!(asked(&claims, "/rtc/lobby-1/token?role=publisher"), 200);
    for another in ["green", "room", "red", "app_metadata"] {
        assert_eq!(asked(&claims, &format!("/rtc/{another}/token?role=subscriber")), 403, "{another}");
    }
    claims["scope"] = json!("openid");
    assert_eq!(asked(&claims, "/rtc/lobby-1/token?role=publisher"), 403);
    assert_eq!(asked(&claims, "/rtc/lobby-1/token?role=subscriber"), 200);
}

/// While a new setting is deployed, the authorizer may still have the old one. So it leaves out nothing that may decide.
#[test]
fn a_refused_claim_counts_whatever_the_authorizers_own_settings_are() {
    let key = SigningKey::generate("current", Algorithm::Es256);
    let issuer = Issuer::start(&[&key]);
    let mut claims = issuer.claims("alice", AUDIENCE);
    claims["is_anonymous"] = json!(true);
    let context = context(&authorizer(&issuer), &format!("Bearer {}", key.sign(&json!({}), &claims)));
    let event = passed("GET /rtm/{user_id}/token", "/rtm/me/token", &context.expect("a good JWT"));
    assert_eq!(status(&believing("rtm-token", &[]), &event), 200);
    assert_eq!(status(&believing("rtm-token", &[("REFUSED_CLAIMS", "is_anonymous=true")]), &event), 401);
}

#[test]
fn forged_jwts_are_refused_and_the_log_names_the_rule() {
    let keys = Keys::generate();
    let issuer = forged::issuer(&keys);
    let authorizer = authorizer(&issuer);
    let claims = issuer.claims("alice", AUDIENCE);
    let rows = forged::rows(&keys, &claims);
    let mut expected = Vec::new();
    for (what, authorization, rule) in &rows {
        // The gateway joins the values of a repeated header.
        let (joined, rule) = match authorization.as_slice() {
            [single] => (single.clone(), *rule),
            several => (several.join(","), forged::AUTHORIZATION),
        };
        assert_eq!(context(&authorizer, &joined), None, "{what}");
        // With `BACKEND_AUDIENCE` unset, a backend's audience is just another one.
        expected.push(if rule.contains("backend's scope") { forged::WRONG_AUDIENCE } else { rule });
    }
    // What is no bearer token breaks no rule of a JWT.
    for other in ["Basic YWxpY2U6", "AWS4-HMAC-SHA256 Credential=x"] {
        assert_eq!(context(&authorizer, other), None, "{other}");
    }
    let logs = authorizer.end();
    said::check_logs("authorizer", &logs, &said::credentials());
    let rules: Vec<_> = forged::refused(&logs).into_iter().map(|(_, rule)| rule).collect();
    assert_eq!(rules, expected);
}

/// The gateway could only answer 403, and the app would not sign its user in again. So the function answers 401.
#[test]
fn a_jwt_that_was_good_until_it_ended_gets_a_401_and_no_token() {
    let keys = Keys::generate();
    let issuer = forged::issuer(&keys);
    let authorizer = authorizer(&issuer);
    let mut claims = issuer.claims("alice", AUDIENCE);
    let now = claims["iat"].as_u64().expect("a moment");
    claims["iat"] = json!(now - 3661);
    claims["exp"] = json!(now - 61);
    let jwt = |key: &SigningKey, claims: &Value| format!("Bearer {}", key.sign(&json!({}), claims));
    let context_of_ended = context(&authorizer, &jwt(&keys.p256, &claims)).expect("it was good");
    let rtm = believing("rtm-token", &[]);
    let event = passed("GET /rtm/{user_id}/token", "/rtm/me/token", &context_of_ended);
    let answer = rtm.invoke(&event).response();
    assert_eq!(answer["statusCode"], 401);
    assert_eq!(answer["headers"]["www-authenticate"], r#"Bearer realm="tokenmint", error="invalid_token""#);
    let twice = Function::start("rtm-token", settings(&issuer));
    assert_eq!(status(&twice, &event), 401);
    // An ended JWT must keep every other rule.
    assert_eq!(context(&authorizer, &jwt(&keys.forgers, &claims)), None, "a forger's");
    let with = |name: &str, value: Value| {
        let mut others = claims.clone();
        others[name] = value;
        jwt(&keys.p256, &others)
    };
    for (name, value) in [
        ("aud", json!("https://other.example.com")),
        ("nonce", json!("n")),
        ("nbf", json!(now + 90)),
        ("iat", json!(now + 90)),
        ("exp", json!(-1e300)),
        ("exp", json!(0)),
    ] {
        assert_eq!(context(&authorizer, &with(name, value)), None, "{name}");
    }
    assert_eq!(rtm.end().matches(forged::EXPIRED).count(), 1, "the log says why");
}

#[test]
fn only_a_function_that_is_told_to_believes_the_authorizer() {
    let key = SigningKey::generate("current", Algorithm::Es256);
    let issuer = Issuer::start(&[&key]);
    let authorizer = authorizer(&issuer);
    let jwt = format!("Bearer {}", key.sign(&json!({}), &issuer.claims("alice", AUDIENCE)));
    let context = context(&authorizer, &jwt).expect("a good JWT");
    let good = passed("GET /rtm/{user_id}/token", "/rtm/me/token", &context);
    let believer = believing("rtm-token", &[]);
    assert_eq!(status(&believer, &good), 200);
    let of_gateway = event("rtm-token/signed-in-caller.json");
    assert_eq!(status(&believer, &of_gateway), 401, "another authorizer's word");
    let mut both = good.clone();
    both["requestContext"]["authorizer"]["jwt"] = of_gateway["requestContext"]["authorizer"]["jwt"].clone();
    let mut nobody = good.clone();
    nobody["requestContext"].as_object_mut().expect("an object").remove("authorizer");
    let mut no_route = good.clone();
    no_route["requestContext"]["routeKey"] = json!("$default");
    for (what, event) in [("two authorizers", &both), ("no authorizer", &nobody), ("no gateway", &no_route)] {
        assert_eq!(status(&believer, event), 401, "{what}");
    }
    for (what, claims) in [
        ("no end", json!({ "sub": "alice" }).to_string()),
        ("no claims", "{}".to_owned()),
        ("no object", "[]".to_owned()),
        ("a name twice", r#"{"sub":"bob","exp":9999999999,"sub":"alice"}"#.to_owned()),
    ] {
        let event = passed("GET /rtm/{user_id}/token", "/rtm/me/token", &json!({ "claims": claims }));
        assert_eq!(status(&believer, &event), 401, "{what}");
    }
    let demo = project::root().join("tests/demo-credentials.json");
    let demo = ("LOCAL_CREDENTIALS", demo.to_str().expect("UTF-8"));
    let gateway = Function::start("rtm-token", [demo]);
    assert_eq!((status(&gateway, &good), status(&gateway, &of_gateway)), (401, 200));
    // Verify twice: without the JWT itself, the event's claims do not count.
    let twice = Function::start("rtm-token", settings(&issuer));
    assert_eq!(status(&twice, &good), 401);
    let mut with_jwt = good.clone();
    with_jwt["headers"]["authorization"] = json!(jwt);
    assert_eq!(status(&twice, &with_jwt), 200);
    // A backend still signs with IAM, and a user is still no backend.
    let app = believing("chat-app-token", &[]);
    assert_eq!(status(&app, &event("chat-app-token/iam-caller.json")), 200);
    assert_eq!(status(&app, &passed("GET /chat/app/token", "/chat/app/token", &context)), 403);
}

#[test]
fn without_keys_nobody_is_authorized_and_lambda_counts_an_error() {
    let key = SigningKey::generate("current", Algorithm::Es256);
    let issuer = Issuer::start(&[&key]);
    issuer.trouble(Trouble::Refused);
    let authorizer = authorizer(&issuer);
    let jwt = format!("Bearer {}", key.sign(&json!({}), &issuer.claims("alice", AUDIENCE)));
    let Outcome::Error(error) = authorizer.invoke(&question(&jwt)) else { panic!("it verified without keys") };
    assert_eq!(error["errorType"], "no-keys");
    let warm_up = json!({ "warm_up": { "for_seconds": 240, "hold_milliseconds": 0 } });
    let warmed = authorizer.invoke(&warm_up).response();
    assert_eq!(warmed["warmed"]["fresh_for_seconds"], Value::Null, "{warmed}");
    issuer.heal();
    let warmed = authorizer.invoke(&warm_up).response();
    assert!(warmed["warmed"]["fresh_for_seconds"].as_u64().is_some_and(|seconds| seconds > 290), "{warmed}");
    assert!(context(&authorizer, &jwt).is_some());
    // Neither a question nor a warm-up: nobody.
    for other in [json!({}), json!(null), event("rtm-token/signed-in-caller.json")] {
        assert_eq!(authorizer.invoke(&other).response(), json!({ "isAuthorized": false }), "{other}");
    }
}
