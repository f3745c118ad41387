//! Callers whose JWTs the service verifies itself (`IDENTITY=jwt`), with an issuer of the tests' own: over HTTP under
//! `cargo lambda watch` and from the server, once more behind the gateway, and while the issuer's keys change or cannot be
//! had.

mod authorizer;
mod forged;
mod in_query;
mod limits;

use crate::front::{Front, Running};
use crate::{functions, said};
use harness::http::{Request, Response};
use harness::issuer::{Algorithm, Issuer, SigningKey, Trouble};
use harness::lambda::Function;
use harness::{Env, project};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

const AUDIENCE: &str = "tokens.example.com";
const BACKEND_AUDIENCE: &str = "backends.example.com";
const BACKEND_SCOPE: &str = "tokens/app";

fn settings(issuer: &Issuer) -> Env {
    let credentials = project::root().join("tests/demo-credentials.json");
    Env::from([
        ("LOCAL_CREDENTIALS", credentials.to_str().expect("UTF-8")),
        ("IDENTITY", "jwt"),
        ("JWT_ISSUER", &issuer.url()),
        ("JWT_AUDIENCE", AUDIENCE),
        // One user asks for many tokens in most of these tests. `limits` has the limit.
        ("MINTS_PER_MINUTE", "0"),
    ])
}

/// With these settings, backends have JWTs.
fn backend() -> Env {
    Env::from([("BACKEND_AUDIENCE", BACKEND_AUDIENCE), ("BACKEND_SCOPE", BACKEND_SCOPE)])
}

fn ask(front: &Running, path: &str, authorization: &[&str]) -> Response {
    let request = Request::new("GET", &front.url(path));
    authorization.iter().fold(request, |request, value| request.header("authorization", value)).send()
}

fn status(front: &Running, path: &str, jwt: &str) -> u16 {
    ask(front, path, &[&format!("Bearer {jwt}")]).status
}

/// An event of the folder `events/`.
fn event(name: &str) -> Value {
    let path = project::root().join("events").join(name);
    serde_json::from_slice(&fs::read(path).expect("an event")).expect("JSON")
}

/// Each route for users that a GET asks. Its path by the user's id, and the caller's own.
const USERS_ROUTES: [(&str, &str, &str); 5] = [
    ("GET /chat/user/{user_id}/token", "/chat/user/ID/token", "/chat/user/me/token"),
    ("GET /rtm/{user_id}/token", "/rtm/ID/token", "/rtm/me/token"),
    ("GET /rtc/{channel}/token", "/rtc/demo/token?account=ID", "/rtc/demo/token"),
    ("GET /zego/{user_id}/token", "/zego/ID/token", "/zego/me/token"),
    ("GET /zim/{user_id}/token", "/zim/ID/token", "/zim/me/token"),
];

/// A key for every algorithm.
fn keys() -> Vec<SigningKey> {
    Algorithm::ALL.iter().map(|algorithm| SigningKey::generate(algorithm.name(), *algorithm)).collect()
}

#[test]
fn each_kind_is_served_to_its_user_and_to_nobody_else() {
    Front::ALL.into_iter().for_each(serves_each_kind_to_its_user);
}

fn serves_each_kind_to_its_user(front: Front) {
    let keys = keys();
    let issuer = Issuer::start(&keys.iter().collect::<Vec<_>>());
    let running = Running::start(front, settings(&issuer).and_all(backend()));
    for key in &keys {
        let alice = key.sign(&json!({}), &issuer.claims("alice", AUDIENCE));
        for (_, named, own) in USERS_ROUTES {
            let what = format!("{} {named}", key.id);
            assert_eq!(status(&running, &named.replace("ID", "alice"), &alice), 200, "{what}");
            assert_eq!(status(&running, own, &alice), 200, "{what}");
            assert_eq!(status(&running, &named.replace("ID", "bob"), &alice), 403, "{what}");
            assert_eq!(status(&running, &named.replace("ID", "alicе"), &alice), 400, "a Cyrillic letter: {what}");
            let nobody = ask(&running, own, &[]);
            assert_eq!(nobody.status, 401, "{what}");
            assert_eq!(nobody.header("www-authenticate"), Some(r#"Bearer realm="tokenmint""#), "{what}");
        }
        assert_eq!(status(&running, "/chat/app/token", &alice), 403, "{}", key.id);
    }
    let mut claims = issuer.claims("", BACKEND_AUDIENCE);
    claims["scope"] = json!(BACKEND_SCOPE);
    claims.as_object_mut().expect("claims").remove("sub");
    let of_backend = keys[0].sign(&json!({}), &claims);
    assert_eq!(status(&running, "/chat/app/token", &of_backend), 200);
    for (_, _, own) in USERS_ROUTES {
        assert_eq!(status(&running, own, &of_backend), 403, "a backend opens no user's route: {own}");
    }
    let answer: Value = serde_json::from_slice(
        &ask(
            &running,
            "/rtm/me/token",
            &[&format!("bearer {}", keys[6].sign(&json!({}), &issuer.claims("alice", AUDIENCE)))],
        )
        .body,
    )
    .expect("JSON");
    let token = answer["token"].as_str().expect("a token").to_owned();
    let says = json!({ "expire": 3600, "services": [{ "type": 2, "user_id": "alice", "privileges": { "1": 3600 } }] });
    let handed = said::Handed { what: "alice's RTM token".to_owned(), token, says, issued_at: None };
    said::verify(&said::credentials(), &[handed]);
    let logs = running.end();
    said::check_logs("identity", &logs, &said::credentials());
}

/// The request as a Function URL sends it, as a load balancer does, and as one does whose target group has multi-value
/// headers.
fn events(path: &str, authorization: Option<&str>) -> [Value; 3] {
    let (sent, query) = path.split_once('?').unwrap_or((path, ""));
    let headers: BTreeMap<_, _> = authorization.map(|value| ("authorization", value)).into_iter().collect();
    let function_url = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": sent,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "accountId": "anonymous",
            "domainName": "id.lambda-url.eu-central-1.on.aws",
            "http": { "method": "GET", "path": sent, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1" },
            "requestId": "0b5e6f2a-9c1d-4e8f-8a7b-6c5d4e3f2a1b",
            "routeKey": "$default",
            "stage": "$default",
        },
        "isBase64Encoded": false,
    });
    let mut load_balancer = load_balancer(sent);
    load_balancer["queryStringParameters"] = pairs(query).collect();
    load_balancer["headers"] = json!(headers);
    [function_url, load_balancer, multi_value(path, authorization.as_slice())]
}

/// With any number of headers `Authorization`: such a load balancer sends them one by one.
fn multi_value(path: &str, authorization: &[impl Serialize]) -> Value {
    let (sent, query) = path.split_once('?').unwrap_or((path, ""));
    let mut event = load_balancer(sent);
    event["multiValueQueryStringParameters"] = pairs(query).map(|(name, value)| (name, json!([value]))).collect();
    event["multiValueHeaders"] = json!({ "authorization": authorization });
    event
}

fn load_balancer(path: &str) -> Value {
    let group = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/tokens/6d0ecf831eec9f09";
    json!({
        "requestContext": { "elb": { "targetGroupArn": group } },
        "httpMethod": "GET",
        "path": path,
        "body": "",
        "isBase64Encoded": false,
    })
}

fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query.split('&').filter_map(|pair| pair.split_once('='))
}

#[test]
fn behind_a_function_url_and_a_load_balancer_too() {
    let keys = keys();
    let issuer = Issuer::start(&keys.iter().collect::<Vec<_>>());
    let functions = functions::routes_in_code();
    for (route, named, own) in USERS_ROUTES {
        let function = Function::start(&functions[route], settings(&issuer));
        let check = |path: &str, jwt: Option<&str>, expected: u16, what: &str| {
            let authorization = jwt.map(|jwt| format!("Bearer {jwt}"));
            for event in events(path, authorization.as_deref()) {
                let response = function.invoke(&event).response();
                assert_eq!(response["statusCode"], expected, "{path}, {what}: {response}");
                let body = response["body"].as_str().expect("a text");
                assert_eq!(said::holds_a_token(body), expected == 200, "{path}, {what}: {body}");
                let headers = if event["multiValueHeaders"].is_object() { "multiValueHeaders" } else { "headers" };
                assert!(response[headers]["cache-control"].to_string().contains("no-store"), "{response}");
            }
        };
        for key in &keys {
            let alice = key.sign(&json!({}), &issuer.claims("alice", AUDIENCE));
            let what = &key.id;
            check(own, Some(&alice), 200, what);
            check(&named.replace("ID", "alice"), Some(&alice), 200, what);
            check(&named.replace("ID", "%61lice"), Some(&alice), 200, what);
            check(&named.replace("ID", "bob"), Some(&alice), 403, what);
        }
        check(own, None, 401, "nobody");
        check("/", None, 404, "another path");
        check(&format!("{}/more", own.split('?').next().expect("a path")), None, 404, "a longer path");
    }
}

/// Behind the gateway, too: a direct invocation gets no user's token. If backends have JWTs, it gets nothing at all.
#[test]
fn behind_the_gateway_an_event_alone_gets_no_users_token() {
    let key = SigningKey::generate("current", Algorithm::Es256);
    let issuer = Issuer::start(&[&key]);
    let rtm = Function::start("rtm-token", settings(&issuer));
    let mut signed_in = event("rtm-token/signed-in-caller.json");
    assert_eq!(rtm.invoke(&signed_in).response()["statusCode"], 401, "the gateway's word is not enough");
    let sub = signed_in["requestContext"]["authorizer"]["jwt"]["claims"]["sub"].as_str().expect("a user").to_owned();
    let jwt = key.sign(&json!({}), &issuer.claims(&sub, AUDIENCE));
    signed_in["headers"]["authorization"] = json!(format!("Bearer {jwt}"));
    assert_eq!(rtm.invoke(&signed_in).response()["statusCode"], 200);
    let app = Function::start("chat-app-token", settings(&issuer));
    let iam = event("chat-app-token/iam-caller.json");
    assert_eq!(app.invoke(&iam).response()["statusCode"], 200, "routes for IAM callers keep the gateway's identity");
    let app = Function::start("chat-app-token", settings(&issuer).and_all(backend()));
    let response = app.invoke(&iam).response();
    assert_eq!(response["statusCode"], 401, "where backends have JWTs, an event alone gets nothing");
    assert_eq!(response["headers"]["www-authenticate"], r#"Bearer realm="tokenmint""#);
}

/// Good callers get tokens whatever happens to the issuer, once its keys were loaded.
#[test]
fn keys_rotate_under_load_and_the_issuer_goes_down_without_one_refusal() {
    let old = SigningKey::generate("old", Algorithm::Es256);
    let new = SigningKey::generate("new", Algorithm::Es256);
    let issuer = Issuer::start(&[&old]);
    let times = Env::from([("JWT_KEYS_TTL_SECONDS", "2"), ("JWT_KEYS_MAX_STALE_SECONDS", "600")]);
    let fronts = Front::ALL.map(|front| Running::start(front, settings(&issuer).and_all(times.clone())));
    let (by_old, by_new) = (
        || old.sign(&json!({}), &issuer.claims("alice", AUDIENCE)),
        || new.sign(&json!({}), &issuer.claims("alice", AUDIENCE)),
    );
    let load = |jwt: &dyn Fn() -> String, what: &str| {
        let begun = Instant::now();
        let mut tokens = 0;
        while begun.elapsed() < Duration::from_secs(5) {
            for front in &fronts {
                let response = ask(front, "/rtm/me/token", &[&format!("Bearer {}", jwt())]);
                assert_eq!(response.status, 200, "{what}: {}", response.text());
            }
            tokens += 1;
        }
        assert!(tokens > 20, "{what}: {tokens} tokens");
    };
    load(&by_old, "before");
    issuer.publish(&[&old, &new]);
    load(&by_old, "the new key is published");
    load(&by_new, "the new key signs");
    issuer.publish(&[&new]);
    load(&by_new, "the old key is gone");
    for (trouble, what) in [
        (Trouble::Refused, "the issuer refuses connections"),
        (Trouble::Status(503), "the issuer answers 503"),
        (Trouble::Slow(Duration::from_secs(5)), "the issuer is slow"),
        (Trouble::Malformed, "the key set is no JSON"),
        (Trouble::Empty, "the key set is empty"),
    ] {
        issuer.trouble(trouble);
        load(&by_new, what);
        issuer.heal();
    }
    // A flood of unknown keys hardly reaches the issuer, and disturbs nobody.
    let before = issuer.asked();
    for forged in 0..50 {
        let jwt = new.sign(&json!({ "kid": format!("forged-{forged}") }), &issuer.claims("alice", AUDIENCE));
        for front in &fronts {
            assert_eq!(status(front, "/rtm/me/token", &jwt), 401);
        }
    }
    assert!(issuer.asked() - before < 30, "{} key sets were read", issuer.asked() - before);
    load(&by_new, "after the flood");
    for front in fronts {
        said::check_logs("identity", &front.end(), &said::credentials());
    }
}

#[test]
fn without_keys_nobody_is_verified() {
    Front::ALL.into_iter().for_each(verifies_nobody_without_keys);
}

fn verifies_nobody_without_keys(front: Front) {
    let key = SigningKey::generate("current", Algorithm::Rs256);
    let issuer = Issuer::start(&[&key]);
    issuer.trouble(Trouble::Status(500));
    let running = Running::start(front, settings(&issuer));
    let jwt = key.sign(&json!({}), &issuer.claims("alice", AUDIENCE));
    let refused = ask(&running, "/rtm/me/token", &[&format!("Bearer {jwt}")]);
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("5")));
    issuer.heal();
    let begun = Instant::now();
    while status(&running, "/rtm/me/token", &jwt) != 200 {
        assert!(begun.elapsed() < Duration::from_secs(20), "the keys are there");
        std::thread::sleep(Duration::from_millis(200));
    }
    running.end();
}
