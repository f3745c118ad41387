//! Every event in `events/` runs through its function and gets the answer that stands beside it.
//!
//! An answer's `env` configures the function; without one it has its defaults. In an answer `<token>` is a token, which is then judged by the vendor's code and must say what `token_says` says;
//! `<now>` and `<now + n>` are moments counted from its issue; `<renewal>` is between half of the time until something in it ends and that end;
//! `<request id>` is the invocation's.

use crate::functions;
use crate::said::{self, Handed};
use harness::lambda::Function;
use harness::{Env, project};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// The events of a function, by name, each with its expected answer.
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

/// Starts a function with the demo credentials and these variables on top.
fn start(function: &str, env: &Value) -> Function {
    let credentials = project::root().join("tests/demo-credentials.json");
    let credentials = Env::from([("LOCAL_CREDENTIALS", credentials.to_str().expect("UTF-8"))]);
    let env = env.as_object().into_iter().flatten();
    Function::start(
        function,
        env.fold(credentials, |all, (name, value)| all.and(name, value.as_str().expect("a text"))),
    )
}

fn run(function: &str) {
    let mut started: BTreeMap<String, Function> = BTreeMap::new();
    let mut handed = Vec::new();
    let mut names = BTreeSet::new();
    for (name, event, expected) in events(function) {
        let what = format!("{function}/{name}");
        let env = &expected["env"];
        let running = started.entry(env.to_string()).or_insert_with(|| start(function, env));
        let before = unix_seconds();
        let response = running.invoke(&event).response();
        let after = unix_seconds();
        assert_eq!(response["statusCode"], expected["status"], "{what}: {response}");
        for (header, value) in expected["headers"].as_object().expect("an object") {
            assert_eq!(&response["headers"][header], value, "{what}: {header}");
        }
        let text = response["body"].as_str().expect("a text").to_owned();
        if expected["body"] == "<token>" {
            handed.push(Handed { what, token: text, says: expected["token_says"].clone(), issued_at: None });
        } else {
            let body: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{what}: {error}: {text}"));
            let issued_at = body["issued_at"].as_u64();
            assert!(issued_at.is_none_or(|moment| (before..=after).contains(&moment)), "{what}: {body}");
            let mut wanted = said::in_time(&expected["body"], issued_at.unwrap_or_default());
            if wanted["token"] == "<token>" {
                let token = body["token"].as_str().expect("a text").to_owned();
                wanted["token"] = json!(token);
                handed.push(Handed { what: what.clone(), token, says: expected["token_says"].clone(), issued_at });
            }
            if wanted["renew_at"] == "<renewal>" {
                let privileges = body["privileges"].as_object().into_iter().flat_map(|all| all.values());
                let ends = privileges.filter_map(|privilege| privilege["expires_at"].as_u64());
                let first_end = ends.chain(body["expires_at"].as_u64()).min().expect("it ends");
                let moment = body["renew_at"].as_u64().expect("a moment");
                let issued_at = issued_at.expect("a moment");
                assert!(issued_at + (first_end - issued_at) / 2 <= moment && moment < first_end, "{what}: {body}");
                wanted["renew_at"] = body["renew_at"].clone();
            }
            if wanted["request_id"] == "<request id>" {
                assert!(body["request_id"].as_str().is_some_and(|id| !id.is_empty()), "{what}: {body}");
                wanted["request_id"] = body["request_id"].clone();
            }
            assert_eq!(body, wanted, "{what}");
        }
        names.insert(name);
    }
    for needed in ["no-identity", "another-users-id", "bad-parameter", "iam-caller", "signed-in-caller"] {
        assert!(names.contains(needed), "events/{function} has no {needed}.json");
    }
    assert!(!handed.is_empty(), "{function} minted nothing");
    let credentials = said::credentials();
    said::judge(&credentials, &handed);
    for running in started.into_values() {
        said::check_logs(function, &running.end(), &credentials);
    }
}

fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

#[test]
fn every_event_gets_its_answer() {
    for function in functions::names() {
        run(&function);
    }
}

/// What is no event of the gateway's gets no token, and costs nobody the next one.
#[test]
fn what_is_not_the_gateways_gets_nothing() {
    for function in functions::names() {
        let running = start(&function, &json!(null));
        let (_, good, _) = events(&function)
            .into_iter()
            .find(|(_, _, answer)| answer["status"] == 200 && answer["env"].is_null())
            .expect("every function mints something");
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
