//! How a function starts: with the right settings or not at all, with its own secret and no other, and through bad
//! times of Secrets Manager.

use harness::lambda::Function;
use harness::secrets::{Fault, SecretsManager, Vendor};
use harness::{Env, project};
use serde_json::{Value, json};
use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

const FUNCTIONS: [(&str, Vendor); 6] = [
    ("chat-app-token", Vendor::Agora),
    ("chat-user-token", Vendor::Agora),
    ("rtm-token", Vendor::Agora),
    ("rtc-token", Vendor::Agora),
    ("zego-token", Vendor::Zego),
    ("zim-token", Vendor::Zego),
];

const CERTIFICATE: &str = "c0ffee0ff1cec0ffee0ff1cec0ffee0f";

fn agora() -> Value {
    json!({ "app_id": "970ca35de60c44645bbae8a215061b33", "app_certificate": CERTIFICATE })
}

fn zego() -> Value {
    json!({ "app_id": 1_234_567_890, "server_secret": "another-32-character-server-key!" })
}

fn secrets() -> SecretsManager {
    let secrets = SecretsManager::start();
    secrets.put(Vendor::Agora.secret_id(), &agora());
    secrets.put(Vendor::Zego.secret_id(), &zego());
    secrets
}

fn event(name: &str) -> Value {
    let text = fs::read_to_string(project::root().join("events").join(name)).expect("the event is here");
    serde_json::from_str(&text).expect("it is JSON")
}

fn demo() -> String {
    project::root().join("tests/demo-credentials.json").to_str().expect("UTF-8").to_owned()
}

/// Starts a function that must refuse to, and returns its one line.
fn refused(env: impl Into<Env>) -> String {
    let function = Function::start("rtc-token", env);
    let status = function.wait_exit(Duration::from_secs(10)).expect("it ends by itself");
    assert!(!status.success());
    let logs = function.logs();
    assert_eq!(logs.lines().count(), 1, "{logs}");
    let line: Value = serde_json::from_str(&logs).expect("a JSON line");
    assert_eq!((&line["level"], &line["message"]), (&json!("ERROR"), &json!("cannot start")), "{line}");
    line["reason"].as_str().expect("a reason").to_owned()
}

#[test]
fn a_wrong_setting_ends_the_start_with_one_line_that_names_it() {
    let demo = demo();
    let with = |name: &str, value: &str| refused(Env::from([("LOCAL_CREDENTIALS", &*demo)]).and(name, value));
    assert_eq!(refused([]), "AGORA_SECRET_ID must be the name or ARN of the secret");
    assert_eq!(refused([("ZEGO_SECRET_ID", "zego")]), "AGORA_SECRET_ID must be the name or ARN of the secret");
    assert_eq!(with("AUTH", "None"), "AUTH must be jwt or none");
    assert_eq!(with("USER_ID_FORM", "UUID"), "USER_ID_FORM must be verbatim, lower or uuid");
    assert_eq!(with("MAX_TOKEN_TTL_SECONDS", "100000"), "MAX_TOKEN_TTL_SECONDS must be 1 to 86400 seconds");
    assert_eq!(with("DEFAULT_TOKEN_TTL_SECONDS", "x"), "DEFAULT_TOKEN_TTL_SECONDS must be a whole number of seconds");
    assert_eq!(with("CREDENTIALS_TTL_SECONDS", "-5"), "CREDENTIALS_TTL_SECONDS must be a whole number of seconds");
}

#[test]
fn real_lambda_takes_no_setting_for_local_runs() {
    for kind in ["on-demand", "provisioned-concurrency", "snap-start", ""] {
        let lambda = [("AWS_LAMBDA_INITIALIZATION_TYPE", kind), ("AGORA_SECRET_ID", "agora")];
        let with = |name: &str, value: &str| refused(Env::from(lambda).and(name, value));
        assert_eq!(with("AUTH", "none"), "AUTH must not be none in Lambda: it is for local runs");
        assert_eq!(
            with("LOCAL_CREDENTIALS", &demo()),
            "LOCAL_CREDENTIALS must not be set in Lambda: it is for local runs"
        );
    }
}

#[test]
fn each_function_reads_its_own_secret_before_the_first_event() {
    for (name, vendor) in FUNCTIONS {
        let secrets = secrets();
        // Both ids are set, as nothing keeps a deployment from doing that.
        let function = Function::start(name, secrets.env_for_all());
        function.wait_ready();
        assert_eq!(secrets.read_secret_ids(), [vendor.secret_id()], "{name}");
        assert_eq!(secrets.calls(), ["secretsmanager.GetSecretValue"], "{name} needs one action");
        assert!(function.logs().contains("credentials loaded"), "{name}: {}", function.logs());
    }
}

#[test]
fn without_credentials_there_is_a_503_until_there_are_some() {
    let secrets = SecretsManager::start();
    let function = Function::start("rtm-token", secrets.env(Vendor::Agora));
    function.wait_ready();
    let ask = || function.invoke(&event("rtm-token/signed-in-caller.json")).response();
    let unavailable = |response: &Value| {
        assert_eq!(response["statusCode"], 503, "{response}");
        assert_eq!(response["headers"]["retry-after"], "5", "{response}");
        assert_eq!(response["headers"]["content-type"], "application/problem+json", "{response}");
        let body = response["body"].as_str().expect("a text");
        for inside in ["ResourceNotFound", "tokenmint/agora", "secret", "malformed"] {
            assert!(!body.contains(inside), "the answer says too much: {body}");
        }
    };
    unavailable(&ask());
    // Who is nobody, or asks badly, is told so all the same.
    assert_eq!(function.invoke(&event("rtm-token/no-identity.json")).response()["statusCode"], 401);
    assert_eq!(function.invoke(&event("rtm-token/bad-parameter.json")).response()["statusCode"], 400);

    let malformed = [
        "not JSON",
        "{}",
        r#"{"app_id":"970ca35de60c44645bbae8a215061b33","app_certificate":"c0ffee0ff1ce"}"#,
        r#"{"app_id":7,"app_certificate":"c0ffee0ff1cec0ffee0ff1cec0ffee0f"}"#,
    ];
    for secret in malformed {
        secrets.put_text(Vendor::Agora.secret_id(), secret);
        sleep(Duration::from_millis(1100));
        unavailable(&ask());
    }
    secrets.put(Vendor::Agora.secret_id(), &agora());
    sleep(Duration::from_millis(1100));
    assert_eq!(ask()["statusCode"], 200, "healed without a restart");
    let logs = function.logs();
    assert!(logs.contains("ResourceNotFoundException"), "the log says why: {logs}");
    assert!(logs.contains("app_certificate is not exactly 32 hexadecimal characters"), "the log says why: {logs}");
    assert!(!logs.contains("c0ffee"), "the log holds a part of a secret: {logs}");
}

#[test]
fn a_dead_secrets_manager_does_not_hold_up_the_start_or_the_answer() {
    let secrets = secrets();
    secrets.break_with(Fault::Late(Duration::from_secs(60)));
    let function = Function::start("rtm-token", secrets.env(Vendor::Agora));
    // Lambda gives a start ten seconds.
    assert!(function.wait_ready() < Duration::from_secs(8));
    let started = Instant::now();
    let response = function.invoke(&event("rtm-token/signed-in-caller.json")).response();
    assert_eq!(response["statusCode"], 503, "{response}");
    assert!(started.elapsed() < Duration::from_secs(8));
    secrets.heal();
    sleep(Duration::from_millis(1100));
    let response = function.invoke(&event("rtm-token/signed-in-caller.json")).response();
    assert_eq!(response["statusCode"], 200, "{response}");
}

#[test]
fn loaded_credentials_outlast_an_outage_and_follow_a_rotation() {
    let secrets = secrets();
    let function = Function::start("rtm-token", secrets.env(Vendor::Agora).and("CREDENTIALS_TTL_SECONDS", "1"));
    function.wait_ready();
    let app_id = || {
        let response = function.invoke(&event("rtm-token/signed-in-caller.json")).response();
        assert_eq!(response["statusCode"], 200, "{response}");
        let body: Value = serde_json::from_str(response["body"].as_str().expect("a text")).expect("JSON");
        body["app_id"].as_str().expect("a text").to_owned()
    };
    assert_eq!(app_id(), "970ca35de60c44645bbae8a215061b33");
    for fault in [
        Fault::Refuse(500, "InternalServiceError"),
        Fault::Refuse(400, "ThrottlingException"),
        Fault::Refuse(400, "AccessDeniedException"),
        Fault::Late(Duration::from_secs(3)),
        Fault::Say("nonsense"),
    ] {
        secrets.break_with(fault);
        sleep(Duration::from_millis(1100));
        assert_eq!(app_id(), "970ca35de60c44645bbae8a215061b33", "{fault:?}");
    }
    secrets.heal();
    let mut rotated = agora();
    rotated["app_id"] = json!("ffffffffffffffffffffffffffffffff");
    secrets.put(Vendor::Agora.secret_id(), &rotated);
    // A failed refresh is tried again after five seconds.
    sleep(Duration::from_millis(5200));
    assert_eq!(app_id(), "ffffffffffffffffffffffffffffffff");
}
