//! Every event in `events/` runs through its function and gets the answer that stands beside it. The server gets each
//! event as an HTTP request, and gives the same answer.
//!
//! An answer's `env` configures the function. Without `env`, the function has its defaults. In an answer:
//!
//! | placeholder | stands for |
//! |---|---|
//! | `<token>` | a token. The vendor's code verifies it, and it must say what `token_says` says |
//! | `<now>`, `<now + n>` | the moment of issue, and n seconds later |
//! | `<renewal>` | a moment in the second half of the time until the first thing in the token ends |
//! | `<request id>` | the invocation's id |

use crate::said::{self, Handed};
use crate::{functions, openapi, repository};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use harness::http::Request;
use harness::issuer::{Algorithm, Issuer, SigningKey};
use harness::lambda::Function;
use harness::server::TokenServer;
use harness::watch::Watch;
use harness::{Env, project};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// The events of a function: name, event and expected answer.
fn events(function: &str) -> Vec<(String, Value, Value)> {
    let folder = project::root().join("events").join(function);
    let read = |path: &Path| -> Value {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = files.map(|file| file.expect("readable").path()).collect();
    paths.sort();
    let events = paths.iter().filter(|path| !path.to_string_lossy().ends_with(".answer.json"));
    let events = events.map(|path| {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        (name, read(path), read(&path.with_extension("answer.json")))
    });
    let events: Vec<_> = events.collect();
    assert_eq!(
        events.len() * 2,
        paths.len(),
        "{}: every event has an answer and every answer an event",
        folder.display()
    );
    events
}

/// The demo credentials, and the variables of an answer's `env`.
fn env(settings: &Value) -> Env {
    let credentials = project::root().join("tests/demo-credentials.json");
    let credentials = Env::from([("LOCAL_CREDENTIALS", credentials.to_str().expect("UTF-8"))]);
    let settings = settings.as_object().into_iter().flatten();
    settings.fold(credentials, |all, (name, value)| all.and(name, value.as_str().expect("a text")))
}

/// Compares a response with the answer beside its event. The tokens in it are verified later.
fn check(what: &str, expected: &Value, response: &Value, asked: RangeInclusive<u64>) -> Option<Handed> {
    assert_eq!(response["statusCode"], expected["status"], "{what}: {response}");
    for (header, value) in expected["headers"].as_object().expect("an object") {
        assert_eq!(&response["headers"][header], value, "{what}: {header}");
    }
    let text = response["body"].as_str().expect("a text");
    let handed = |token: &str, issued_at| {
        let (what, token) = (what.to_owned(), token.to_owned());
        Some(Handed { what, token, says: expected["token_says"].clone(), issued_at })
    };
    if expected["body"] == "<token>" {
        return handed(text, None);
    }
    let body: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{what}: {error}: {text}"));
    let issued_at = body["issued_at"].as_u64();
    assert!(issued_at.is_none_or(|moment| asked.contains(&moment)), "{what}: {body}");
    let mut wanted = said::in_time(&expected["body"], issued_at.unwrap_or_default());
    for (field, placeholder) in [("renew_at", "<renewal>"), ("request_id", "<request id>")] {
        if wanted[field] == placeholder {
            wanted[field] = body[field].clone();
        }
    }
    let token = token(&mut wanted, &body);
    assert_eq!(body, wanted, "{what}");
    if expected["body"]["renew_at"] == "<renewal>" {
        let privileges = body["privileges"].as_object().into_iter().flat_map(|all| all.values());
        let ends = privileges.filter_map(|privilege| privilege["expires_at"].as_u64());
        let first_end = ends.chain(body["expires_at"].as_u64()).min().expect("it ends");
        let (issued_at, renewal) = issued_at.zip(body["renew_at"].as_u64()).expect("moments");
        assert!(issued_at + (first_end - issued_at) / 2 <= renewal && renewal < first_end, "{what}: {body}");
    }
    if expected["body"]["request_id"] == "<request id>" {
        assert!(body["request_id"].as_str().is_some_and(|id| !id.is_empty()), "{what}: {body}");
    }
    token.and_then(|token| handed(&token, issued_at))
}

/// The token that the answer has where `<token>` stands. Puts it in that place.
fn token(wanted: &mut Value, body: &Value) -> Option<String> {
    match wanted {
        Value::String(text) if text == "<token>" => {
            *wanted = body.clone();
            body.as_str().map(str::to_owned)
        }
        Value::Object(fields) => fields.iter_mut().find_map(|(name, wanted)| token(wanted, &body[name])),
        _ => None,
    }
}

#[test]
fn every_event_gets_its_answer() {
    let credentials = said::credentials();
    for function in functions::minting() {
        let mut started: BTreeMap<String, Function> = BTreeMap::new();
        let mut handed = Vec::new();
        let mut answers = Vec::new();
        let mut names = BTreeSet::new();
        for (name, event, expected) in events(&function) {
            let settings = &expected["env"];
            let start = || Function::start(&function, env(settings));
            let running = started.entry(settings.to_string()).or_insert_with(start);
            let before = unix_seconds();
            let response = running.invoke(&event).response();
            handed.extend(check(&format!("{function}/{name}"), &expected, &response, before..=unix_seconds()));
            answers.push(openapi::answer(&event, &response));
            names.insert(name);
        }
        for needed in ["no-identity", "another-users-id", "bad-parameter", "iam-caller", "signed-in-caller"] {
            assert!(names.contains(needed), "events/{function} has no {needed}.json");
        }
        assert!(!handed.is_empty(), "{function} minted nothing");
        said::verify(&credentials, &handed);
        openapi::check(&answers);
        for running in started.into_values() {
            said::check_logs(&function, &running.end(), &credentials);
        }
    }
}

/// The events as a person sends them: `cargo lambda watch` with `IDENTITY` unset, and `cargo lambda invoke`.
#[test]
fn every_event_gets_its_answer_through_cargo_lambda_invoke() {
    let credentials = said::credentials();
    let mut by_settings: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for function in functions::minting() {
        for (name, _, expected) in events(&function) {
            by_settings.entry(expected["env"].to_string()).or_default().push((function.clone(), name, expected));
        }
    }
    for events in by_settings.into_values() {
        let (_, _, first) = events.first().expect("at least one");
        let watch = Watch::start(env(&first["env"]));
        let mut handed = Vec::new();
        for (function, name, expected) in &events {
            let before = unix_seconds();
            let response = watch.invoke(function, &project::root().join(format!("events/{function}/{name}.json")));
            handed.extend(check(&format!("{function}/{name}"), expected, &response, before..=unix_seconds()));
        }
        said::verify(&credentials, &handed);
        said::check_logs("cargo lambda watch", &watch.end(), &credentials);
    }
}

/// An event that the server answers otherwise: its status, and the detail of the problem if it is one.
type Difference = (&'static str, u16, Option<&'static str>);

const NO_JWT: Option<&str> = Some("the request carries no JWT (Authorization: Bearer)");
const NOT_VALID: Option<&str> = Some("the JWT is not valid for this service");
const BACKENDS: Option<&str> = Some("this token is for signed-in users; a backend's JWT is not one");

/// Where the server answers otherwise. Its callers have JWTs and no IAM identities. And a JWT may have numbers and nulls,
/// which the gateway never passes on.
const DIFFERENCES: [Difference; 23] = [
    ("agent-token/identity-pool-guest", 401, NOT_VALID),
    ("agent-token/identity-pool-user", 401, NOT_VALID),
    ("agent-token/no-identity", 401, NO_JWT),
    ("apaas-token/iam-caller", 403, BACKENDS),
    ("apaas-token/no-identity", 401, NO_JWT),
    ("chat-app-token/identity-pool-guest", 401, NOT_VALID),
    ("chat-app-token/identity-pool-user", 401, NOT_VALID),
    ("chat-app-token/no-identity", 401, NO_JWT),
    ("chat-user-token/iam-caller", 403, BACKENDS),
    ("chat-user-token/no-identity", 401, NO_JWT),
    ("chat-user-token/numeric-claim", 200, None),
    ("drop-in/iam-caller", 403, BACKENDS),
    ("drop-in/no-identity", 401, NO_JWT),
    ("rtc-token/iam-caller", 403, BACKENDS),
    ("rtc-token/no-identity", 401, NO_JWT),
    // The server's callers have JWTs that have not ended.
    ("rtm-token/beyond-jwt-that-ended", 200, None),
    ("rtm-token/iam-caller", 403, BACKENDS),
    ("rtm-token/no-identity", 401, NO_JWT),
    ("rtm-token/null-claim", 200, None),
    ("zego-token/iam-caller", 403, BACKENDS),
    ("zego-token/no-identity", 401, NO_JWT),
    ("zim-token/iam-caller", 403, BACKENDS),
    ("zim-token/no-identity", 401, NO_JWT),
];

/// Events that no HTTP request can be.
const NOT_HTTP: [&str; 1] = ["rtm-token/tutorial-broken-base64: a body in HTTP is not encoded"];

/// Every event as an HTTP request to the server. What the event's authorizer says of the caller, a JWT says.
#[test]
fn every_event_gets_its_answer_from_the_server() {
    let key = SigningKey::generate("current", Algorithm::Es256);
    let issuer = Issuer::start(&[&key]);
    let identity = Env::from([
        ("IDENTITY", "jwt"),
        ("JWT_ISSUER", &issuer.url()),
        ("JWT_AUDIENCE", AUDIENCE),
        ("BACKEND_AUDIENCE", BACKEND_AUDIENCE),
        ("BACKEND_SCOPE", BACKEND_SCOPE),
    ]);
    let mut servers: BTreeMap<String, TokenServer> = BTreeMap::new();
    let (mut handed, mut different, mut not_http) = (Vec::new(), Vec::new(), Vec::new());
    for function in functions::minting() {
        for (name, event, expected) in events(&function) {
            let what = format!("{function}/{name}");
            if let Some(reason) = NOT_HTTP.iter().find(|reason| reason.starts_with(&format!("{what}: "))) {
                not_http.push(*reason);
                continue;
            }
            let settings = &expected["env"];
            let start = || TokenServer::start(env(settings).and_all(identity.clone()));
            let server = servers.entry(settings.to_string()).or_insert_with(start);
            let before = unix_seconds();
            let answer = over_http(&event, server, jwt_of(&event, &issuer, &key)).send();
            let asked = before..=unix_seconds();
            if let Some(difference) = DIFFERENCES.iter().find(|(name, ..)| *name == what) {
                let (_, status, detail) = difference;
                assert_eq!(answer.status, *status, "{what}: {}", answer.text());
                let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
                assert_eq!(detail_of(&body), *detail, "{what}: {body}");
                let wanted = (expected["status"].as_u64(), detail_of(&expected["body"]));
                assert_ne!(wanted, (Some((*status).into()), *detail), "{what}: this is no difference any more");
                different.push(*difference);
                continue;
            }
            let headers: Value =
                answer.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().expect("text"))).collect();
            let response = json!({ "statusCode": answer.status, "headers": headers, "body": answer.text() });
            handed.extend(check(&what, &expected, &response, asked));
        }
    }
    assert_eq!((different.as_slice(), not_http.as_slice()), (DIFFERENCES.as_slice(), NOT_HTTP.as_slice()));
    let credentials = said::credentials();
    said::verify(&credentials, &handed);
    for server in servers.into_values() {
        said::check_logs("serve", &server.end(), &credentials);
    }
}

/// What a refusal says, also in the form of the samples' token generator.
fn detail_of(body: &Value) -> Option<&str> {
    body["detail"].as_str().or(body["msg"].as_str())
}

const AUDIENCE: &str = "tokens.example.com";
const BACKEND_AUDIENCE: &str = "backends.example.com";
const BACKEND_SCOPE: &str = "tokens/app";

/// A JWT with the claims that the event's authorizer has read in one. An IAM identity is a backend. One of an identity
/// pool is a backend without the scope.
fn jwt_of(event: &Value, issuer: &Issuer, key: &SigningKey) -> Option<String> {
    let authorizer = &event["requestContext"]["authorizer"];
    let claims = if authorizer["iam"].is_object() {
        let mut claims = issuer.claims("backend", BACKEND_AUDIENCE);
        let of_a_pool = authorizer["iam"]["cognitoIdentity"].is_object();
        claims["scope"] = json!(if of_a_pool { "openid" } else { BACKEND_SCOPE });
        claims
    } else {
        let told = authorizer["jwt"]["claims"].as_object()?;
        let mut claims = issuer.claims("", AUDIENCE);
        claims.as_object_mut().expect("claims").remove("sub");
        // A JWT in a query has another audience, and a life that counts.
        if is_in_query(event) {
            let seconds = |name: &str| told[name].as_str().and_then(|text| text.parse::<u64>().ok()).expect("seconds");
            claims["aud"] = told["aud"].clone();
            claims["exp"] = json!(unix_seconds() + seconds("exp") - seconds("iat"));
            claims["iat"] = json!(unix_seconds());
        }
        let of_the_issuer = ["iss", "aud", "iat", "exp"];
        for (name, value) in told.iter().filter(|(name, _)| !of_the_issuer.contains(&name.as_str())) {
            // The gateway writes an array as one text.
            let items = value.as_str().and_then(|text| text.strip_prefix('[')?.strip_suffix(']'));
            claims[name] = items.map_or_else(|| value.clone(), |items| items.split(' ').collect());
        }
        // Most events are old. If an event's JWT has not ended yet, keep its end.
        let ends = told.get("exp").and_then(Value::as_str).and_then(|exp| exp.parse::<u64>().ok());
        if ends.is_some_and(|ends| ends > unix_seconds()) {
            claims["exp"] = json!(ends);
        }
        claims
    };
    Some(key.sign(&json!({}), &claims))
}

fn is_in_query(event: &Value) -> bool {
    event["routeKey"] == "GET /uikit"
}

fn over_http(event: &Value, server: &TokenServer, jwt: Option<String>) -> Request {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (in_query, in_header) = if is_in_query(event) { (jwt, None) } else { (None, jwt) };
    let query = text(&event["rawQueryString"]);
    let query = query.replace("(checked%20by%20the%20gateway)", &in_query.unwrap_or_default());
    // The gateway has decoded the path.
    let path = text(&event["rawPath"]).replace(' ', "%20").replace('#', "%23");
    let path = format!("{path}{}{query}", if query.is_empty() { "" } else { "?" });
    let mut request = Request::new(&text(&event["requestContext"]["http"]["method"]), &server.url(&path));
    for (name, value) in event["headers"].as_object().expect("an object") {
        // The client writes these itself.
        if !["authorization", "content-length", "host"].contains(&name.as_str()) {
            request = request.header(name, &text(value));
        }
    }
    if let Some(jwt) = in_header {
        request = request.header("authorization", &format!("Bearer {jwt}"));
    }
    let body = text(&event["body"]);
    let decoded = if event["isBase64Encoded"] == true {
        BASE64_STANDARD.decode(body).expect("base64")
    } else {
        body.into_bytes()
    };
    request.body(decoded)
}

fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

/// The arm64 functions that would be deployed, on an emulated processor.
#[test]
#[ignore = "needs the artifacts of `make build` and qemu-user: `make test-arm64` has both"]
fn every_arm64_artifact_mints() {
    let mut handed = Vec::new();
    for function in functions::minting() {
        let running = Function::start_arm64(&function, env(&json!(null)));
        for (name, event, expected) in events(&function) {
            if expected["env"].is_null() {
                let before = unix_seconds();
                let response = running.invoke(&event).response();
                let what = format!("{function}/{name} on arm64");
                handed.extend(check(&what, &expected, &response, before..=unix_seconds()));
            }
        }
    }
    said::verify(&said::credentials(), &handed);
}

/// A cold start begins with loading the package, so a small package starts faster.
#[test]
#[ignore = "needs the artifacts of `make build`: `make test-arm64` has them"]
fn every_arm64_package_has_at_most_3_mb() {
    let build = project::root().join(".aws-sam/build");
    let folders = fs::read_dir(&build).expect("run `make build`").map(|entry| entry.expect("readable").path());
    let mut found = 0;
    for folder in folders.filter(|folder| folder.join("bootstrap").exists()) {
        // `sam deploy` also zips with Python.
        let script = "import io, sys, zipfile\n\
            zipped = io.BytesIO()\n\
            zipfile.ZipFile(zipped, 'w', zipfile.ZIP_DEFLATED).write(sys.argv[1])\n\
            print(len(zipped.getvalue()))";
        let bytes = repository::output(project::command("python3").arg("-c").arg(script).arg(folder.join("bootstrap")));
        assert!(bytes.as_u64().expect("a number") <= 3_000_000, "{}: {bytes} bytes", folder.display());
        found += 1;
    }
    assert_eq!(found, functions::names().len());
}

/// An event that does not come from the gateway gets no token. The function still answers the next event.
#[test]
fn what_is_not_the_gateways_gets_nothing() {
    for function in functions::minting() {
        let plain = [json!(null), json!({ "DROP_IN": "true" })];
        let (_, good, answer) = events(&function)
            .into_iter()
            .find(|(_, _, answer)| answer["status"] == 200 && plain.contains(&answer["env"]))
            .expect("every function mints something");
        let running = Function::start(&function, env(&answer["env"]));
        let mut without_context = good.clone();
        without_context.as_object_mut().expect("an object").remove("requestContext");
        let mut of_a_rest_api = good.clone();
        of_a_rest_api["version"] = json!("1.0");
        let mut claims_on_top = good.clone();
        claims_on_top["requestContext"]["authorizer"] = json!({ "claims": { "sub": "alice" }, "principalId": "alice" });
        let mut somebody_elses_route = good.clone();
        somebody_elses_route["requestContext"]["routeKey"] = json!("GET /somebody/elses/token");
        let mut another_method = good.clone();
        another_method["requestContext"]["http"]["method"] = json!("DELETE");
        let strange = [
            (json!({}), 400),
            (json!(null), 400),
            (json!([1, 2]), 400),
            (json!("event"), 400),
            (json!({ "source": "aws.scheduler", "detail-type": "Scheduled Event", "detail": {} }), 400),
            (json!({ "warmUp": true, "requestContext": null }), 400),
            (json!({ "warm_up": { "for_seconds": 240, "hold_milliseconds": 0 }, "requestContext": {} }), 400),
            (json!({ "warm_up": { "for_seconds": 240, "hold_milliseconds": 60_000 } }), 400),
            (without_context, 400),
            (of_a_rest_api, 400),
            (claims_on_top, 401),
            (somebody_elses_route, 404),
            (another_method, 405),
        ];
        for (event, status) in strange {
            let response = running.invoke(&event).response();
            assert_eq!(response["statusCode"], status, "{function}: {event} got {response}");
            let body: Value = serde_json::from_str(response["body"].as_str().expect("a text")).expect("JSON");
            assert!(body.get("token").is_none(), "{function}: {event} got {response}");
        }
        assert_eq!(running.invoke(&good).response()["statusCode"], 200, "{function} answers the next one");
    }
}
