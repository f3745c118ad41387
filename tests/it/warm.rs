//! Pre-warming: a round reaches as many environments as it should, reports the result, and mints no token.

use crate::starting::{agora, event, secrets, zego};
use harness::http::Request;
use harness::lambda::{Function, Outcome};
use harness::secrets::{Fault, SecretsManager, Vendor};
use harness::watch::Watch;
use harness::{Env, project};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

/// The pre-warming function that warms these functions at this address.
fn prewarm(functions: &str, lambda: &Watch) -> Function {
    let env = Env::from([("FUNCTIONS", functions)]).and("AWS_ENDPOINT_URL_LAMBDA", lambda.url(""));
    Function::start("prewarm", env)
}

/// What the schedule sends.
fn round(environments: u16, hold: u16) -> Value {
    json!({ "environments": environments, "hold_milliseconds": hold, "every_minutes": 4 })
}

/// Starts this many environments of each function, a few at a time. The emulator starts each through cargo: if dozens
/// start at once, they take longer than a warm-up waits.
fn start_environments<'a>(functions: impl IntoIterator<Item = &'a str>, environments: usize, watch: &Watch) {
    let held = json!({ "warm_up": { "for_seconds": 240, "hold_milliseconds": 2000 } }).to_string();
    for function in functions {
        let url = watch.url(&format!("/2015-03-31/functions/{function}/invocations"));
        let ask = || Request::new("POST", &url).body(held.clone()).send().json()["warmed"]["environment"].clone();
        let distinct = || {
            thread::scope(|scope| {
                let asked: Vec<_> = (0..environments).map(|_| scope.spawn(ask)).collect();
                let names = asked.into_iter().map(|asked| asked.join().expect("it answers").to_string());
                names.collect::<BTreeSet<_>>().len()
            })
        };
        let patience = Instant::now() + Duration::from_secs(60);
        while distinct() < environments {
            assert!(Instant::now() < patience, "{function} doesn't start {environments} times:\n{}", watch.logs());
        }
    }
}

/// The result of a round: its report, and whether Lambda would count an error.
fn report(prewarm: &Function, environments: u16) -> (Value, bool) {
    match prewarm.invoke(&round(environments, 1500)) {
        Outcome::Response(report) => (report, false),
        Outcome::Error(error) => {
            assert_eq!(error["errorType"], "WarmUpsFailed");
            let (said, report) =
                error["errorMessage"].as_str().and_then(|text| text.split_once(": ")).expect("a report");
            let report: Value = serde_json::from_str(report).expect("JSON");
            assert_eq!(said, format!("{} of {} warm-ups failed", report["failed"], report["sent"]));
            (report, true)
        }
    }
}

fn warm_up(for_seconds: u32) -> Value {
    json!({ "warm_up": { "for_seconds": for_seconds, "hold_milliseconds": 0 } })
}

/// An environment's answer to a warm-up.
fn warmed(function: &Function, for_seconds: u32) -> Value {
    let answer = function.invoke(&warm_up(for_seconds)).response();
    let fields: Vec<_> = answer["warmed"].as_object().expect("an object").keys().collect();
    assert_eq!(fields, ["cold", "environment", "fresh_for_seconds"], "nothing else is said");
    answer["warmed"].clone()
}

#[test]
fn a_round_warms_that_many_distinct_environments_of_each_function() {
    let demo = project::root().join("tests/demo-credentials.json");
    let watch = Watch::start_many([("LOCAL_CREDENTIALS", demo.to_str().expect("UTF-8"))], 4);
    // Two functions are enough: the emulator needs long to start an environment.
    let names = ["rtm-token", "zim-token"];
    let prewarm = prewarm(&names.join(","), &watch);
    let all = names.len() * 4;
    start_environments(names, 4, &watch);
    let of_each = json!({ "cold": 0, "warm": 4, "failed": 0, "doubled": 0, "fresh_too_short": 0 });
    let functions: Map<_, _> = names.iter().map(|name| ((*name).to_owned(), of_each.clone())).collect();
    let expected = json!({ "sent": all, "cold": 0, "warm": all, "failed": 0, "functions": functions });
    assert_eq!(report(&prewarm, 4), (expected, false));
    let processes = watch.function_pids();
    for name in names {
        assert_eq!(processes.iter().filter(|(function, _)| function == name).count(), 4, "{processes:?}");
    }
    let logs = prewarm.end();
    assert!(logs.matches("\"EnvironmentsWarm\":4").count() >= names.len(), "{logs}");
    assert!(!watch.end().contains("minted"), "a warm-up mints nothing");
}

#[test]
fn what_fails_is_told_and_keeps_nobody_else_cold() {
    // ZEGO's secret is missing, and the third function does not exist.
    let secrets = SecretsManager::start();
    secrets.put(Vendor::Agora.secret_id(), &agora());
    let watch = Watch::start_many(secrets.env_for_all(), 2);
    let prewarm = prewarm("rtm-token,zego-token,nobody-token", &watch);
    start_environments(["rtm-token", "zego-token"], 2, &watch);
    let (said, failed) = report(&prewarm, 2);
    assert!(failed, "Lambda counts an error");
    assert_eq!((&said["sent"], &said["failed"]), (&json!(6), &json!(4)), "{said}");
    assert_eq!(said["functions"]["rtm-token"]["warm"], 2, "{said}");
    assert_eq!(said["functions"]["zego-token"]["reasons"], json!({ "not ready": 2 }), "{said}");
    assert_eq!(said["functions"]["nobody-token"]["failed"], 2, "{said}");
    // ZEGO's secret is there now, so the next round warms its function.
    secrets.put(Vendor::Zego.secret_id(), &zego());
    let (said, failed) = report(&prewarm, 2);
    assert!(failed, "the third function still does not exist");
    assert_eq!((&said["functions"]["zego-token"]["warm"], &said["failed"]), (&json!(2), &json!(2)), "{said}");
    let logs = prewarm.end();
    assert!(logs.contains("\"EnvironmentsFailed\":2"), "{logs}");
}

#[test]
fn a_round_is_recognised_strictly() {
    let demo = project::root().join("tests/demo-credentials.json");
    let credentials = Env::from([("LOCAL_CREDENTIALS", demo.to_str().expect("UTF-8"))]);
    let watch = Watch::start(credentials.and("CREDENTIALS_TTL_SECONDS", "60"));
    let prewarm = prewarm("rtm-token", &watch);
    for wrong in [
        json!({}),
        json!(null),
        json!({ "environments": 1 }),
        json!([1, 0, 4]),
        json!({ "environments": -1, "hold_milliseconds": 0, "every_minutes": 4 }),
        json!({ "environments": 1, "hold_milliseconds": 5001, "every_minutes": 4 }),
        json!({ "environments": 1, "hold_milliseconds": 0, "every_minutes": 4, "function": "another" }),
    ] {
        let outcome = prewarm.invoke(&wrong);
        assert!(matches!(outcome, Outcome::Error(_)), "{wrong}: {outcome:?}");
    }
    assert!(!watch.logs().contains("warmed up"), "nothing was sent");
    // This emulator has one environment, and its credentials are fresh for a minute.
    let heard = |cold: u8, warm: u8, doubled: u8| json!({ "cold": cold, "warm": warm, "failed": 0, "doubled": doubled, "fresh_too_short": 1 + doubled });
    assert_eq!(report(&prewarm, 1).0["functions"]["rtm-token"], heard(1, 0, 0));
    assert_eq!(report(&prewarm, 2).0["functions"]["rtm-token"], heard(0, 1, 1));
    let logs = prewarm.end();
    for said in ["hold them longer", "not fresh until the next round", "\"EnvironmentsCold\":1"] {
        assert!(logs.contains(said), "{said}: {logs}");
    }
    drop(watch);
    for functions in ["", " ", "rtm-token,,zego-token"] {
        let refused = Function::start("prewarm", [("FUNCTIONS", functions)]);
        assert!(!refused.wait_exit(Duration::from_secs(10)).expect("it ends by itself").success());
        let logs = refused.logs();
        assert!(logs.lines().any(|line| line.contains("FUNCTIONS must be")), "{logs}");
    }
}

/// The app id of the token that a backend gets, and the token.
fn app_token(function: &Function) -> (String, String) {
    let mut asked = event("chat-app-token/iam-caller.json");
    asked["headers"]["accept"] = json!("application/json");
    let response = function.invoke(&asked).response();
    assert_eq!(response["statusCode"], 200, "{response}");
    let body: Value = serde_json::from_str(response["body"].as_str().expect("a text")).expect("JSON");
    let field = |name: &str| body[name].as_str().expect("a text").to_owned();
    (field("app_id"), field("token"))
}

#[test]
fn a_rotated_secret_is_in_use_at_once_after_a_warm_up() {
    let secrets = secrets();
    let function = Function::start("chat-app-token", secrets.env(Vendor::Agora));
    let first = app_token(&function);
    let mut rotated = agora();
    rotated["app_id"] = json!("ffffffffffffffffffffffffffffffff");
    secrets.put(Vendor::Agora.secret_id(), &rotated);
    assert_eq!(app_token(&function), first, "what was loaded is fresh for five minutes");
    assert_eq!(warmed(&function, 240)["cold"], false);
    assert_eq!(app_token(&function).0, "ffffffffffffffffffffffffffffffff");
}

#[test]
fn a_warm_up_replaces_the_app_token_that_is_due_before_the_next_one() {
    let secrets = secrets();
    let function = Function::start("chat-app-token", secrets.env(Vendor::Agora));
    let first = warmed(&function, 240);
    assert_eq!(first["cold"], true);
    let token = app_token(&function);
    let second = warmed(&function, 240);
    assert_eq!((&second["cold"], &second["environment"]), (&json!(false), &first["environment"]));
    assert_eq!(app_token(&function), token, "an hour's token is not due in four minutes");
    warmed(&function, 3600);
    assert_ne!(app_token(&function), token, "it is due in less than an hour");
}

#[test]
fn a_warm_up_through_bad_times_says_so_and_loses_nothing() {
    let secrets = secrets();
    let function = Function::start("rtm-token", secrets.env(Vendor::Agora));
    function.wait_ready();
    for fault in
        [Fault::Refuse(500, "InternalServiceError"), Fault::Say("nonsense"), Fault::Late(Duration::from_secs(5))]
    {
        secrets.break_with(fault);
        assert_eq!(warmed(&function, 240)["fresh_for_seconds"], Value::Null, "{fault:?}");
        let response = function.invoke(&event("rtm-token/signed-in-caller.json")).response();
        assert_eq!(response["statusCode"], 200, "{fault:?}: {response}");
    }
    secrets.heal();
    let fresh = warmed(&function, 240)["fresh_for_seconds"].as_u64().expect("seconds");
    assert!((290..=300).contains(&fresh), "{fresh}");
}
