//! How a function starts: only with the right settings, only with its own secret, and also while Secrets Manager fails.

use crate::functions;
use harness::lambda::Function;
use harness::local::{LocalRun, Program};
use harness::secrets::{Fault, SecretsManager, Vendor};
use harness::tls::SecretsManagerOverTls;
use harness::{Env, project};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

const CERTIFICATE: &str = "c0ffee0ff1cec0ffee0ff1cec0ffee0f";

pub(crate) fn agora() -> Value {
    json!({ "app_id": "970ca35de60c44645bbae8a215061b33", "app_certificate": CERTIFICATE })
}

pub(crate) fn zego() -> Value {
    json!({ "app_id": 1_234_567_890, "server_secret": "another-32-character-server-key!" })
}

pub(crate) fn secrets() -> SecretsManager {
    let secrets = SecretsManager::start();
    secrets.put(Vendor::Agora.secret_id(), &agora());
    secrets.put(Vendor::Zego.secret_id(), &zego());
    secrets
}

pub(crate) fn event(name: &str) -> Value {
    let text = fs::read_to_string(project::root().join("events").join(name)).expect("the event is here");
    serde_json::from_str(&text).expect("it is JSON")
}

fn demo() -> String {
    text(&project::root().join("tests/demo-credentials.json"))
}

fn text(path: &Path) -> String {
    path.to_str().expect("UTF-8").to_owned()
}

/// Starts a function that must refuse to start, and returns the one line that it logs.
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
    assert_eq!(with("IDENTITY", "None"), "IDENTITY must be gateway, authorizer, jwt or none");
    assert_eq!(with("AUTH", "jwt"), "AUTH is called IDENTITY now: IDENTITY=gateway is what AUTH=jwt was");
    assert_eq!(with("JWT_ISSUER", "https://id.example.com/"), "JWT_ISSUER needs IDENTITY=jwt");
    assert_eq!(with("USER_ID_FORM", "UUID"), "USER_ID_FORM must be verbatim, lower, uuid or hash");
    assert_eq!(with("RTM_006", "no"), "RTM_006 must be allowed or refused");
    assert_eq!(with("RTM_BEYOND_ROOMS", "true"), "RTM_BEYOND_ROOMS must be refused, allowed or permissions");
    assert_eq!(with("MAX_TOKEN_TTL_SECONDS", "100000"), "MAX_TOKEN_TTL_SECONDS must be 1 to 86400 seconds");
    assert_eq!(with("DEFAULT_TOKEN_TTL_SECONDS", "x"), "DEFAULT_TOKEN_TTL_SECONDS must be a whole number of seconds");
    assert_eq!(with("CREDENTIALS_TTL_SECONDS", "-5"), "CREDENTIALS_TTL_SECONDS must be a whole number of seconds");
}

#[test]
fn a_local_file_that_cannot_be_used_ends_the_start() {
    let written = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cannot-be-used.json");
    let ends = |file: &Path, why: &str| {
        let function = Function::start("rtc-token", [("LOCAL_CREDENTIALS", &*text(file))]);
        assert!(!function.wait_exit(Duration::from_secs(10)).expect("it ends by itself").success());
        let logs = function.logs();
        assert!(logs.contains("LOCAL_CREDENTIALS must be a JSON file") && logs.contains(why), "{why}: {logs}");
    };
    ends(Path::new("/nowhere.json"), "the file cannot be read");
    for (content, why) in [
        ("", "the file is not a JSON object"),
        ("[]", "the file is not a JSON object"),
        (r#"{"zego":{}"#, "the file is not a JSON object"),
        (r#"{"agora":null}"#, "the secret is not JSON of the form"),
        (r#"{"agora":{"app_id":"x","app_certificate":"y"}}"#, "app_id is not exactly 32 hexadecimal characters"),
    ] {
        fs::write(&written, content).expect("a folder of our own");
        ends(&written, why);
    }
}

#[test]
fn real_lambda_takes_no_setting_for_local_runs() {
    for start in ["on-demand", "provisioned-concurrency", "snap-start", ""] {
        let lambda = [("AWS_LAMBDA_INITIALIZATION_TYPE", start), ("AGORA_SECRET_ID", "agora")];
        let with = |name: &str, value: &str| refused(Env::from(lambda).and(name, value));
        assert_eq!(with("IDENTITY", "none"), "IDENTITY must not be none in Lambda: it is for local runs");
        assert_eq!(
            with("LOCAL_CREDENTIALS", &demo()),
            "LOCAL_CREDENTIALS must not be set in Lambda: it is for local runs"
        );
    }
}

#[test]
fn each_function_reads_its_own_secret_before_the_first_event() {
    for name in functions::minting() {
        let secrets = secrets();
        // Both ids are set, because a deployment may set both.
        let function = Function::start(&name, secrets.env_for_all());
        function.wait_ready();
        assert_eq!(secrets.read_secret_ids(), [functions::vendor(&name).secret_id()], "{name}");
        assert_eq!(secrets.calls(), ["secretsmanager.GetSecretValue"], "{name} needs one action");
        let logs = function.end();
        assert!(logs.contains("credentials loaded"), "{name}: {logs}");
    }
}

/// The emulator would start a function only with its first request, and that request would wait for the start.
#[test]
fn a_wrong_setting_ends_the_local_run_too() {
    let said = LocalRun::refused(Program::Watch, [("IDENTITY", "JWT")]);
    assert!(
        said.contains(" does not start:") && said.contains("IDENTITY must be gateway, authorizer, jwt or none"),
        "{said}"
    );
    assert!(!said.contains("Serving"), "{said}");
}

#[test]
fn who_names_authorities_names_some() {
    let folder = project::root().join("events");
    let (folder, event) = (text(&folder), text(&folder.join("prewarm/schedule.json")));
    let none = [("SSL_CERT_FILE", "/no/such/file"), ("SSL_CERT_FILE", &*event), ("SSL_CERT_DIR", &*folder)];
    for (variable, value) in none {
        let reason = refused([("AGORA_SECRET_ID", "agora"), (variable, value)]);
        assert_eq!(reason, "SSL_CERT_FILE or SSL_CERT_DIR must name PEM files with the authorities to trust");
    }
}

#[test]
fn a_secret_is_taken_only_from_a_server_that_a_trusted_authority_vouches_for() {
    let secrets = SecretsManagerOverTls::start();
    secrets.put(Vendor::Agora.secret_id(), &agora());
    let status = |env: Env| {
        let function = Function::start("rtm-token", env);
        let response = function.invoke(&event("rtm-token/signed-in-caller.json")).response();
        (response["statusCode"].clone(), function.end())
    };
    let env = secrets.env(Vendor::Agora);
    // Without a setting, a function trusts only Amazon's authorities. The system's list has no effect.
    let (answer, logs) = status(env.clone());
    assert_eq!(answer, 503, "{logs}");
    assert!(logs.contains(r#""outcome":"unreachable""#), "{logs}");
    // An empty value means unset. It never means the system's list.
    for variable in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
        assert_eq!(status(env.clone().and(variable, "")).0, 503, "{variable}");
    }
    for roots in [secrets.authority(), secrets.authority_and_all()] {
        let (answer, logs) = status(env.clone().and("SSL_CERT_FILE", roots.to_str().expect("UTF-8")));
        assert_eq!(answer, 200, "{logs}");
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
    // A missing identity or a bad parameter is still refused as usual.
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
        // Waits until this secret has been read, because each failure is followed by a pause.
        let calls = secrets.calls().len();
        let patience = Instant::now() + Duration::from_secs(30);
        while secrets.calls().len() == calls {
            assert!(Instant::now() < patience, "it does not try again:\n{}", function.logs());
            unavailable(&ask());
            sleep(Duration::from_millis(50));
        }
    }
    secrets.put(Vendor::Agora.secret_id(), &agora());
    let patience = Instant::now() + Duration::from_secs(30);
    while ask()["statusCode"] != 200 {
        assert!(Instant::now() < patience, "healed without a restart:\n{}", function.logs());
        sleep(Duration::from_millis(50));
    }
    let logs = function.logs();
    assert!(logs.contains("ResourceNotFoundException"), "the log says why: {logs}");
    assert!(logs.contains("app_certificate is not exactly 32 hexadecimal characters"), "the log says why: {logs}");
    assert!(!logs.contains("c0ffee"), "the log holds a part of a secret: {logs}");
}

#[test]
fn a_dead_secrets_manager_does_not_hold_up_the_start_or_the_answer() {
    let secrets = secrets();
    secrets.break_with(Fault::Late(Duration::from_secs(10)));
    let function = Function::start("rtm-token", secrets.env(Vendor::Agora));
    // Lambda allows ten seconds for a start.
    assert!(function.wait_ready() < Duration::from_secs(8));
    let started = Instant::now();
    let response = function.invoke(&event("rtm-token/signed-in-caller.json")).response();
    assert_eq!(response["statusCode"], 503, "{response}");
    assert!(started.elapsed() < Duration::from_secs(8));
    secrets.heal();
    let patience = Instant::now() + Duration::from_secs(30);
    while function.invoke(&event("rtm-token/signed-in-caller.json")).response()["statusCode"] != 200 {
        assert!(Instant::now() < patience, "healed without a restart:\n{}", function.logs());
        sleep(Duration::from_millis(50));
    }
}

/// A function whose credentials are fresh for a second.
struct Refreshing<'a> {
    function: Function,
    secrets: &'a SecretsManager,
}

impl Refreshing<'_> {
    fn start(secrets: &SecretsManager) -> Refreshing<'_> {
        let function = Function::start("rtm-token", secrets.env(Vendor::Agora).and("CREDENTIALS_TTL_SECONDS", "1"));
        function.wait_ready();
        Refreshing { function, secrets }
    }

    /// The app id that a token is signed for. There is always one.
    fn app_id(&self) -> String {
        let response = self.function.invoke(&event("rtm-token/signed-in-caller.json")).response();
        assert_eq!(response["statusCode"], 200, "{response}");
        let body: Value = serde_json::from_str(response["body"].as_str().expect("a text")).expect("JSON");
        body["app_id"].as_str().expect("a text").to_owned()
    }

    /// Asks until the function has called Secrets Manager once more.
    fn ask_until_it_calls(&self) {
        let calls = self.secrets.calls().len();
        let patience = Instant::now() + Duration::from_secs(30);
        while self.secrets.calls().len() == calls {
            assert!(Instant::now() < patience, "it does not refresh:\n{}", self.function.logs());
            assert_eq!(self.app_id(), "970ca35de60c44645bbae8a215061b33");
            sleep(Duration::from_millis(100));
        }
    }

    /// Asks until the rotated secret is in use.
    fn ask_until_rotated(&self) {
        let patience = Instant::now() + Duration::from_secs(30);
        while self.app_id() != "ffffffffffffffffffffffffffffffff" {
            assert!(Instant::now() < patience, "it does not follow:\n{}", self.function.logs());
            sleep(Duration::from_millis(100));
        }
    }
}

fn rotate(secrets: &SecretsManager) {
    let mut rotated = agora();
    rotated["app_id"] = json!("ffffffffffffffffffffffffffffffff");
    secrets.put(Vendor::Agora.secret_id(), &rotated);
}

/// During this fault, the loaded credentials serve on. After it, a rotated secret comes into use.
fn outlast(fault: Fault) {
    let secrets = secrets();
    let refreshing = Refreshing::start(&secrets);
    secrets.break_with(fault);
    refreshing.ask_until_it_calls();
    assert_eq!(refreshing.app_id(), "970ca35de60c44645bbae8a215061b33", "{fault:?}");
    rotate(&secrets);
    secrets.heal();
    refreshing.ask_until_rotated();
}

#[test]
fn loaded_credentials_outlast_failures() {
    outlast(Fault::Refuse(500, "InternalServiceError"));
}

#[test]
fn loaded_credentials_outlast_throttling() {
    outlast(Fault::Refuse(400, "ThrottlingException"));
}

#[test]
fn loaded_credentials_outlast_a_lost_permission() {
    outlast(Fault::Refuse(400, "AccessDeniedException"));
}

#[test]
fn loaded_credentials_outlast_nonsense() {
    outlast(Fault::Say("nonsense"));
}

#[test]
fn loaded_credentials_outlast_silence() {
    outlast(Fault::Late(Duration::from_secs(10)));
}

#[test]
fn a_refresh_that_takes_longer_than_a_request_waits_is_not_lost() {
    let secrets = secrets();
    let refreshing = Refreshing::start(&secrets);
    rotate(&secrets);
    secrets.break_with(Fault::Late(Duration::from_millis(700)));
    refreshing.ask_until_rotated();
}

#[test]
fn the_app_token_outlasts_a_refresh_but_not_a_rotation() {
    let secrets = secrets();
    let env = secrets.env(Vendor::Agora).and("CREDENTIALS_TTL_SECONDS", "1");
    let function = Function::start("chat-app-token", env);
    function.wait_ready();
    let token = || {
        let response = function.invoke(&event("chat-app-token/iam-caller.json")).response();
        assert_eq!(response["statusCode"], 200, "{response}");
        response["body"].as_str().expect("a text").to_owned()
    };
    let first = token();
    let patience = Instant::now() + Duration::from_secs(30);
    while secrets.calls().len() < 4 {
        assert!(Instant::now() < patience, "it does not refresh:\n{}", function.logs());
        assert_eq!(token(), first, "the secret is the same");
        sleep(Duration::from_millis(100));
    }
    rotate(&secrets);
    while token() == first {
        assert!(Instant::now() < patience, "it does not follow:\n{}", function.logs());
        sleep(Duration::from_millis(100));
    }
}

#[test]
fn many_requests_at_once_load_the_credentials_once() {
    let secrets = secrets();
    let demo = Env::from([("AWS_LAMBDA_MAX_CONCURRENCY", "64"), ("MINTS_PER_MINUTE", "0")])
        .and_all(secrets.env(Vendor::Agora));
    secrets.break_with(Fault::Refuse(500, "InternalServiceError"));
    let function = Function::start("rtm-token", demo);
    function.wait_ready();
    // Waits until the pause after the failed first load is over. Then all warm-ups find nothing loaded.
    sleep(Duration::from_millis(1500));
    secrets.break_with(Fault::Late(Duration::from_millis(300)));
    let before = secrets.calls().len();
    thread::scope(|scope| {
        let ask = || function.invoke(&event("rtm-token/signed-in-caller.json")).response();
        let asked: Vec<_> = (0..64).map(|_| scope.spawn(ask)).collect();
        for answered in asked {
            assert_eq!(answered.join().expect("answered")["statusCode"], 200);
        }
    });
    assert_eq!(secrets.calls().len(), before + 1);

    // One after the other, they would take half a minute.
    let started = Instant::now();
    let hold = json!({ "warm_up": { "for_seconds": 240, "hold_milliseconds": 500 } });
    thread::scope(|scope| {
        let held: Vec<_> = (0..64).map(|_| scope.spawn(|| function.invoke(&hold).response())).collect();
        for warmed in held {
            let warmed = warmed.join().expect("answered");
            assert!(warmed["warmed"]["fresh_for_seconds"].is_u64(), "{warmed}");
        }
    });
    assert!(started.elapsed() < Duration::from_secs(16), "64 at once: {:?}", started.elapsed());
    // One load may have run already. One more is for all that came meanwhile. Some may come too late for it.
    assert!(secrets.calls().len() <= before + 5, "{:?}", secrets.calls());
}
