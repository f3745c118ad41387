//! What operators see: one log line for each request, and metrics in CloudWatch's embedded format. A user's id is in
//! neither.

use harness::lambda::Function;
use harness::secrets::{Fault, SecretsManager, Vendor};
use harness::{Env, project};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

fn event(user: &str, asked: &str) -> Value {
    json!({
        "version": "2.0",
        "pathParameters": { "user_id": asked },
        "headers": {},
        "requestContext": {
            "http": { "method": "GET" },
            "requestId": "gateway-id",
            "routeKey": "GET /rtm/{user_id}/token",
            "authorizer": { "jwt": { "claims": { "sub": user }, "scopes": null } },
        },
    })
}

/// Adds up each metric in the logs. A metric with a further dimension is listed as `name/value`.
fn metrics(logs: &str) -> BTreeMap<String, f64> {
    let mut sums = BTreeMap::new();
    for line in logs.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        for directive in line["_aws"]["CloudWatchMetrics"].as_array().into_iter().flatten() {
            assert_eq!(directive["Namespace"], "Tokenmint", "{line}");
            assert_eq!(line["function_name"], "rtm-token", "{line}");
            let dimensions: Vec<_> = directive["Dimensions"]
                .as_array()
                .into_iter()
                .flatten()
                .flat_map(|set| set.as_array().into_iter().flatten().filter_map(Value::as_str))
                .collect();
            assert!(dimensions.contains(&"function_name"), "{line}");
            let further = dimensions.iter().find(|name| **name != "function_name");
            for metric in directive["Metrics"].as_array().into_iter().flatten() {
                let name = metric["Name"].as_str().expect("a name");
                let key = match further {
                    Some(dimension) => format!("{name}/{}", line[*dimension].as_str().expect("a text")),
                    None => name.to_owned(),
                };
                let value = match &line[name] {
                    Value::Number(number) => number.as_f64().expect("a number"),
                    // For a histogram, this counts the values.
                    values => values["Counts"].as_array().map_or_else(
                        || values.as_array().map_or(0.0, |values| values.len() as f64),
                        |counts| counts.iter().filter_map(Value::as_f64).sum(),
                    ),
                };
                *sums.entry(key).or_default() += value;
            }
        }
    }
    sums
}

#[test]
fn each_request_is_one_line_and_is_counted() {
    let credentials = project::root().join("tests/demo-credentials.json");
    let function = Function::start("rtm-token", [("LOCAL_CREDENTIALS", credentials.to_str().expect("UTF-8"))]);
    let user = "somebody-with-a-telling-name";
    for _ in 0..3 {
        assert_eq!(function.invoke(&event(user, "me")).response()["statusCode"], 200);
    }
    assert_eq!(function.invoke(&event(user, "bob")).response()["statusCode"], 403);
    assert_eq!(function.invoke(&event("another", "me")).response()["statusCode"], 200);
    assert_eq!(function.invoke(&json!({})).response()["statusCode"], 400);
    let logs = function.end();

    let lines: Vec<Value> = logs.lines().map(|line| serde_json::from_str(line).expect("every line is JSON")).collect();
    let answered: Vec<_> = lines.iter().filter(|line| line["request_id"].is_string()).collect();
    let messages: Vec<_> = answered.iter().map(|line| line["message"].as_str().expect("a text")).collect();
    assert_eq!(messages, ["minted", "minted", "minted", "refused", "minted", "refused"]);
    let errors = [3, 5].map(|at: usize| answered[at]["error"].as_str().expect("a text"));
    assert_eq!(errors, ["forbidden", "bad-parameter"]);
    for line in &answered[..5] {
        assert_eq!(line["request_id"], "gateway-id", "the access log has the same id");
        // The access log has the route and the duration of each request.
        let whole = line["route"] == "GET /rtm/{user_id}/token" && line["duration_us"].is_number();
        let short = line["route"].is_null() && line["duration_us"].is_null();
        assert!(if line["message"] == "refused" { whole } else { short }, "{line}");
    }
    assert_ne!(answered[5]["request_id"], "gateway-id", "the event has no id, so this is Lambda's");
    // Each user has one pseudonym, which is not the id.
    let users: Vec<_> = answered[..5].iter().map(|line| line["user"].as_str().expect("a pseudonym")).collect();
    assert!(users[..4].iter().all(|other| *other == users[0]) && users[4] != users[0], "{users:?}");
    assert_eq!(users[0].len(), 12);
    assert!(!logs.contains(user), "{logs}");

    let metrics = metrics(&logs);
    let count = |name: &str| metrics.get(name).copied().unwrap_or_default();
    assert_eq!(count("TokensMinted/agora-rtm"), 4.0, "{metrics:?}");
    assert_eq!(count("Refusals/forbidden"), 1.0, "{metrics:?}");
    assert_eq!(count("Refusals/bad-parameter"), 1.0, "{metrics:?}");
    assert_eq!(count("ColdStarts"), 1.0, "{metrics:?}");
    assert_eq!(count("CredentialsRefreshed"), 1.0, "{metrics:?}");
    assert_eq!(count("MintDuration"), 4.0, "{metrics:?}");
    assert_eq!(count("CredentialsStale") + count("CredentialsFailed"), 0.0, "{metrics:?}");
}

fn local() -> Env {
    let credentials = project::root().join("tests/demo-credentials.json");
    // One user asks for very many tokens here.
    Env::from([("LOCAL_CREDENTIALS", credentials.to_str().expect("UTF-8"))]).and("MINTS_PER_MINUTE", "0")
}

/// The lines of metrics in the logs.
fn metric_lines(logs: &str) -> usize {
    logs.matches("\"_aws\"").count()
}

#[test]
fn metrics_are_gathered_over_many_answers_and_none_is_lost_at_the_end() {
    let function = Function::start("rtm-token", local());
    for _ in 0..200 {
        assert_eq!(function.invoke(&event("alice", "me")).response()["statusCode"], 200);
    }
    let before_its_end = metrics(&function.logs());
    let logs = function.end();
    let metrics = metrics(&logs);
    // It writes after the first, the 81st and the 161st answer, and at its end.
    assert_eq!(before_its_end.get("TokensMinted/agora-rtm"), Some(&161.0), "{before_its_end:?}");
    assert_eq!(metrics.get("TokensMinted/agora-rtm"), Some(&200.0), "{metrics:?}");
    assert_eq!(metrics.get("MintDuration"), Some(&200.0), "{metrics:?}");
    // Each time one line for the function, and one for the kind of token.
    assert!(metric_lines(&logs) <= 8, "{logs}");
    assert!(!logs.contains("Failed to record"), "no value was dropped");
}

#[test]
fn metrics_are_written_with_a_warm_up() {
    let function = Function::start("rtm-token", local());
    for _ in 0..2 {
        assert_eq!(function.invoke(&event("alice", "me")).response()["statusCode"], 200);
    }
    let warm_up = json!({ "warm_up": { "for_seconds": 240, "hold_milliseconds": 0 } });
    assert_eq!(function.invoke(&warm_up).response()["warmed"]["cold"], false);
    // Lambda ends it without a word, for example after a time-out.
    let metrics = metrics(&function.kill());
    assert_eq!(metrics.get("TokensMinted/agora-rtm"), Some(&2.0), "{metrics:?}");
}

#[test]
fn where_the_end_is_not_announced_metrics_are_written_at_once() {
    let function = Function::start_without_extensions("rtm-token", local());
    for _ in 0..3 {
        assert_eq!(function.invoke(&event("alice", "me")).response()["statusCode"], 200);
    }
    // A signal still ends it.
    function.terminate();
    assert!(function.wait_exit(Duration::from_secs(5)).is_some(), "it goes on");
    let metrics = metrics(&function.kill());
    assert_eq!(metrics.get("TokensMinted/agora-rtm"), Some(&3.0), "{metrics:?}");
}

#[test]
fn stale_and_failed_credentials_are_counted() {
    let secrets = SecretsManager::start();
    let key =
        json!({ "app_id": "970ca35de60c44645bbae8a215061b33", "app_certificate": "c0ffee0ff1cec0ffee0ff1cec0ffee0f" });
    secrets.put(Vendor::Agora.secret_id(), &key);
    let env: Env = secrets.env(Vendor::Agora).and("CREDENTIALS_TTL_SECONDS", "1");
    let function = Function::start("rtm-token", env);
    function.wait_ready();
    secrets.break_with(Fault::Refuse(400, "AccessDeniedException"));
    let calls = secrets.calls().len();
    let patience = Instant::now() + Duration::from_secs(30);
    while secrets.calls().len() == calls {
        assert!(Instant::now() < patience, "it does not refresh");
        assert_eq!(function.invoke(&event("alice", "me")).response()["statusCode"], 200);
        sleep(Duration::from_millis(100));
    }
    // The refresh was tried before its time. Now the credentials are older than a second.
    sleep(Duration::from_millis(1000));
    assert_eq!(function.invoke(&event("alice", "me")).response()["statusCode"], 200);
    let logs = function.end();
    let metrics = metrics(&logs);
    assert_eq!(metrics.get("CredentialsRefreshed"), Some(&1.0), "{metrics:?}");
    assert!(metrics.get("CredentialsFailed").is_some_and(|count| *count >= 1.0), "{metrics:?}");
    assert!(metrics.get("CredentialsStale").is_some_and(|count| *count >= 1.0), "{metrics:?}");
    assert!(logs.contains("AccessDeniedException"), "{logs}");
}
