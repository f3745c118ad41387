//! Bad times of Secrets Manager, under load: nobody may notice. Each run prints what it sent and got.
//!
//! They measure, so they run one at a time: `make test` gives them a run of their own, and `make soak` a long one.

use crate::starting::{agora, event, secrets};
use harness::lambda::Function;
use harness::load::{Answered, load, percentile};
use harness::secrets::{Fault, SecretsManager, Vendor};
use harness::{Env, project};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tokens::agora::{AppCertificate, AppId, Key};
use tokens::read::{self, Unverified};

/// What a request may take longer during a fault than nearly all take without one.
const ALLOWANCE: Duration = Duration::from_millis(250);

/// One after the other, also where somebody runs all tests at once.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long a fault lasts: `SOAK` makes it so many times longer.
fn a_while() -> Duration {
    let times = std::env::var("SOAK").map_or(1, |times| times.parse().expect("SOAK is a whole number"));
    Duration::from_secs(5) * times
}

/// A function whose credentials are fresh for a second.
fn start(secrets: &SecretsManager, env: impl Into<Env>) -> Function {
    let settings = secrets.env(Vendor::Agora).and("CREDENTIALS_TTL_SECONDS", "1").and_all(env);
    let function = Function::start("rtm-token", settings);
    function.wait_ready();
    function
}

/// Requests from four clients while something happens.
fn during(function: &Function, meanwhile: impl FnOnce()) -> Vec<Answered> {
    load(function, &event("rtm-token/signed-in-caller.json"), 4, Duration::from_millis(10), meanwhile)
}

/// The fault happens to a function that has its credentials: every request gets its token, and in time.
fn outlast(what: &str, secrets: &SecretsManager, function: &Function, fault: impl FnOnce()) {
    let calm = percentile(&during(function, || sleep(Duration::from_secs(2))), 99);
    let calls = secrets.calls().len();
    let answers = during(function, fault);
    let calls = secrets.calls().len() - calls;
    let slowest = report(what, calm, &answers, calls);
    assert!(slowest <= calm + ALLOWANCE, "{what}: {slowest:?}:\n{}", function.logs());
}

/// Prints the run's line. Every request must have got its token.
fn report(what: &str, calm: Duration, answers: &[Answered], calls: usize) -> Duration {
    let tokens = answers.iter().filter(|answered| answered.token().is_some()).count();
    let slowest = answers.iter().map(|answered| answered.took).max().expect("it was asked");
    say(&format!(
        "{what}: {} requests sent, {tokens} tokens minted, {} errors; slowest answer {:.1} ms, fault-free p99 {:.1} ms; {calls} calls to Secrets Manager",
        answers.len(),
        answers.len() - tokens,
        slowest.as_secs_f64() * 1e3,
        calm.as_secs_f64() * 1e3,
    ));
    let failed = answers.iter().find(|answered| answered.token().is_none());
    assert!(failed.is_none(), "{what}: {failed:?}");
    slowest
}

#[allow(clippy::print_stdout, reason = "the figures are what these tests are for")]
fn say(line: &str) {
    println!("  {line}");
}

/// After a fault is over, a secret that was rotated meanwhile comes into use by itself.
fn recovers(secrets: &SecretsManager, function: &Function) {
    secrets.put(Vendor::Agora.secret_id(), &other());
    let began = Instant::now();
    while app_id(function) != OTHER_APP_ID {
        // The longest pause between two tries, and some.
        assert!(began.elapsed() < Duration::from_secs(70), "it does not recover:\n{}", function.logs());
        sleep(Duration::from_millis(50));
    }
    say(&format!("  recovered by itself, {:.1} s after the fault", began.elapsed().as_secs_f64()));
}

const OTHER_APP_ID: &str = "ffffffffffffffffffffffffffffffff";

fn other() -> Value {
    let mut other = agora();
    other["app_id"] = json!(OTHER_APP_ID);
    other
}

fn app_id(function: &Function) -> String {
    let answers = load_once(function);
    let token = answers.token().unwrap_or_else(|| panic!("{answers:?}"));
    token["app_id"].as_str().expect("a text").to_owned()
}

fn load_once(function: &Function) -> Answered {
    let sent = Instant::now();
    let outcome = function.invoke(&event("rtm-token/signed-in-caller.json"));
    Answered { sent, took: sent.elapsed(), outcome }
}

#[test]
fn down_at_the_start() {
    let _alone = alone();
    let secrets = secrets();
    secrets.go_down();
    let function = start(&secrets, []);
    let mut refused = 0;
    let healed = Instant::now() + a_while() / 2;
    let answers = during(&function, || {
        sleep(healed.saturating_duration_since(Instant::now()));
        secrets.come_up();
        // The longest pause between two tries, and the try.
        sleep(Duration::from_secs(6));
    });
    for answered in answers.iter().filter(|answered| answered.token().is_none()) {
        let response = answered.outcome.clone().response();
        assert_eq!(response["statusCode"], 503, "{response}");
        assert!(response["headers"]["retry-after"].is_string(), "{response}");
        refused += 1;
    }
    let tokens = answers.len() - refused;
    let slowest = answers.iter().map(|answered| answered.took).max().expect("it was asked");
    say(&format!(
        "down at the start: {} requests sent, {tokens} tokens minted, {refused} times 503 with Retry-After; slowest answer {:.1} ms",
        answers.len(),
        slowest.as_secs_f64() * 1e3,
    ));
    assert!(refused > 0 && tokens > 0, "healed without a restart:\n{}", function.logs());
    let first = answers.iter().filter(|answered| answered.token().is_some()).map(|answered| answered.sent).min();
    let late = answers.iter().filter(|answered| answered.token().is_none()).map(|answered| answered.sent).max();
    assert!(late < first.map(|first| first + Duration::from_secs(1)), "once healed, it stays so");
}

#[test]
fn down_in_steady_load() {
    let _alone = alone();
    let secrets = secrets();
    let function = start(&secrets, []);
    outlast("down", &secrets, &function, || {
        secrets.go_down();
        sleep(a_while() * 2);
        secrets.come_up();
    });
    recovers(&secrets, &function);
}

#[test]
fn answers_after_three_seconds() {
    let _alone = alone();
    let secrets = secrets();
    let function = start(&secrets, []);
    outlast("slow (3 s)", &secrets, &function, || {
        secrets.break_with(Fault::Late(Duration::from_secs(3)));
        sleep(a_while() * 2);
        secrets.heal();
    });
    recovers(&secrets, &function);
}

#[test]
fn bursts_of_errors_and_throttling() {
    let _alone = alone();
    let secrets = secrets();
    let function = start(&secrets, []);
    outlast("5xx and throttling in bursts", &secrets, &function, || {
        let until = Instant::now() + a_while();
        while Instant::now() < until {
            for fault in [Fault::Refuse(500, "InternalServiceError"), Fault::Refuse(400, "ThrottlingException")] {
                secrets.break_with(fault);
                sleep(Duration::from_millis(700));
                secrets.heal();
                sleep(Duration::from_millis(300));
            }
        }
    });
    recovers(&secrets, &function);
}

#[test]
fn access_denied() {
    let _alone = alone();
    let secrets = secrets();
    let function = start(&secrets, []);
    outlast("access denied", &secrets, &function, || {
        secrets.break_with(Fault::Refuse(400, "AccessDeniedException"));
        sleep(a_while());
        secrets.heal();
    });
    recovers(&secrets, &function);
}

#[test]
fn a_malformed_version() {
    let _alone = alone();
    let secrets = secrets();
    let function = start(&secrets, []);
    outlast("malformed version", &secrets, &function, || {
        secrets.put_text(Vendor::Agora.secret_id(), r#"{"app_id":"oops"}"#);
        sleep(a_while());
    });
    recovers(&secrets, &function);
}

#[test]
fn a_deleted_secret() {
    let _alone = alone();
    let secrets = secrets();
    let function = start(&secrets, []);
    outlast("deleted secret", &secrets, &function, || {
        secrets.delete(Vendor::Agora.secret_id());
        sleep(a_while());
    });
    recovers(&secrets, &function);
}

/// Tokens for the same app id under one certificate after the other: each token tells by its signature which one was in use.
#[test]
fn rotations_in_the_middle_of_load() {
    let _alone = alone();
    let ttl = Duration::from_secs(2);
    let secrets = secrets();
    let function = start(&secrets, [("CREDENTIALS_TTL_SECONDS", "2")]);
    let mut replaced: Vec<(Key, Option<Instant>)> = vec![(key(&agora()), None)];
    let calm = percentile(&during(&function, || sleep(Duration::from_secs(1))), 99);
    let calls = secrets.calls().len();
    let answers = during(&function, || {
        let until = Instant::now() + a_while() * 2;
        for generation in 1.. {
            sleep(Duration::from_millis(1500));
            let mut next = agora();
            next["app_certificate"] = json!(format!("{generation:032x}"));
            secrets.put(Vendor::Agora.secret_id(), &next);
            replaced.last_mut().expect("the first").1 = Some(Instant::now());
            replaced.push((key(&next), None));
            if Instant::now() > until {
                break;
            }
        }
    });
    let slowest = report("rotations", calm, &answers, secrets.calls().len() - calls);
    assert!(slowest <= calm + ALLOWANCE, "{slowest:?}:\n{}", function.logs());
    let mut oldest = Duration::ZERO;
    let mut used = vec![0; replaced.len()];
    for answered in &answers {
        let token = answered.token().expect("all were checked");
        let Ok(Unverified::AccessToken2(token)) = read::token(token["token"].as_str().expect("a text")) else {
            panic!("no 007 token")
        };
        let by =
            replaced.iter().position(|(key, _)| token.verify_signature(key).is_ok()).expect("one of them signed it");
        used[by] += 1;
        if let Some(replaced_at) = replaced[by].1 {
            oldest = oldest.max(answered.sent.saturating_duration_since(replaced_at));
        }
    }
    say(&format!(
        "  {} certificates in turn, tokens by each {used:?}; the longest that one was used after its replacement: {:.2} s of {ttl:?}",
        replaced.len(),
        oldest.as_secs_f64(),
    ));
    assert!(used.iter().filter(|tokens| **tokens > 0).count() > 3, "rotations were followed: {used:?}");
    assert!(oldest <= ttl, "{oldest:?}:\n{}", function.logs());
}

fn key(secret: &Value) -> Key {
    let text = |name: &str| secret[name].as_str().expect("a text");
    Key {
        app_id: AppId::new(text("app_id")).expect("valid"),
        app_certificate: AppCertificate::new(text("app_certificate")).expect("valid"),
    }
}

/// A function whose clock goes on from wherever this says.
struct Clock {
    library: PathBuf,
    file: PathBuf,
}

impl Clock {
    fn new() -> Clock {
        // Debian puts it below a folder that is named after the processor.
        let folders = fs::read_dir("/usr/lib").expect("a folder").map(|folder| folder.expect("readable").path());
        let library = folders.map(|folder| folder.join("faketime/libfaketimeMT.so.1")).find(|library| library.exists());
        let library = library.expect("libfaketime is missing: `make test` installs it (Debian's package libfaketime)");
        let clock = Clock { library, file: project::root().join(format!("target/clock-{}", std::process::id())) };
        clock.set("+0");
        clock
    }

    fn set(&self, offset: &str) {
        // Renamed into place, so that nobody reads half of it.
        let new = self.file.with_extension("new");
        fs::write(&new, offset).and_then(|()| fs::rename(&new, &self.file)).expect("target/ can be written");
    }

    fn env(&self) -> Env {
        Env::from([
            ("LD_PRELOAD", self.library.to_str().expect("UTF-8")),
            ("FAKETIME_TIMESTAMP_FILE", self.file.to_str().expect("UTF-8")),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ])
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = fs::remove_file(&self.file);
    }
}

#[test]
fn a_clock_that_jumps() {
    let _alone = alone();
    let secrets = secrets();
    let clock = Clock::new();
    let function = start(&secrets, clock.env());
    let issued_at = || load_once(&function).token().expect("a token")["issued_at"].as_u64().expect("a moment");
    let before = issued_at();
    outlast("clock jumps", &secrets, &function, || {
        for offset in ["+30h", "+0", "-2h", "+90d", "-90d", "+0"] {
            clock.set(offset);
            sleep(a_while() / 5);
        }
        // Less than the credentials may be stale.
        secrets.go_down();
        clock.set("+10h");
        sleep(a_while() / 2);
        secrets.come_up();
    });
    assert!(issued_at() > before + 9 * 3600, "the clock did jump");
    clock.set("+0");
    recovers(&secrets, &function);
}

/// Lambda freezes an environment once it has answered, also in the middle of a refresh, and its connection dies meanwhile.
#[test]
fn a_frozen_refresh_costs_nobody_anything_and_is_made_up_for() {
    let _alone = alone();
    let secrets = secrets();
    let function = start(&secrets, []);
    let calm = percentile(&during(&function, || sleep(Duration::from_secs(1))), 99);
    let mut slowest = Duration::ZERO;
    let ask = || assert!(load_once(&function).token().is_some(), "it has its credentials");
    // In the middle of a refresh, for longer than one may run by the wall clock; the connection breaks.
    secrets.break_with(Fault::Late(Duration::from_secs(60)));
    let calls = secrets.calls().len();
    while secrets.calls().len() == calls {
        ask();
        sleep(Duration::from_millis(20));
    }
    function.freeze();
    secrets.go_down();
    secrets.put(Vendor::Agora.secret_id(), &other());
    sleep(Duration::from_secs(4));
    // What a request waits is too short for this, again and again.
    secrets.break_with(Fault::Late(Duration::from_millis(150)));
    secrets.come_up();
    let mut requests = 0;
    loop {
        function.thaw();
        let answered = load_once(&function);
        let token = answered.token().unwrap_or_else(|| panic!("{answered:?}"));
        slowest = slowest.max(answered.took);
        requests += 1;
        if token["app_id"] == OTHER_APP_ID {
            break;
        }
        function.freeze();
        assert!(requests < 15, "it makes no progress:\n{}", function.logs());
        sleep(Duration::from_secs(1));
    }
    say(&format!("frozen in a refresh and after every answer: refreshed with request {requests} after the thaw"));
    say(&format!(
        "  slowest answer {:.1} ms, p99 before {:.1} ms",
        slowest.as_secs_f64() * 1e3,
        calm.as_secs_f64() * 1e3
    ));
    assert!(slowest <= calm + ALLOWANCE, "{slowest:?}:\n{}", function.logs());
}

#[test]
fn what_is_stale_for_too_long_is_not_used() {
    let _alone = alone();
    let secrets = secrets();
    let function = start(&secrets, [("CREDENTIALS_MAX_STALE_SECONDS", "2")]);
    assert!(load_once(&function).token().is_some());
    secrets.go_down();
    let down = Instant::now();
    let served = loop {
        let answered = load_once(&function);
        if answered.token().is_none() {
            assert_eq!(answered.outcome.response()["statusCode"], 503);
            break down.elapsed();
        }
        assert!(down.elapsed() < Duration::from_secs(30), "it goes on for ever:\n{}", function.logs());
        sleep(Duration::from_millis(20));
    };
    say(&format!("stale for too long: the older credentials served {:.1} s more, then 503", served.as_secs_f64()));
    let limits = Duration::from_millis(1500)..Duration::from_secs(6);
    assert!(limits.contains(&served), "fresh for one second, and two more: {served:?}");
    secrets.come_up();
    recovers_from_503(&function);
}

fn recovers_from_503(function: &Function) {
    // Without a key the pauses are short.
    let began = Instant::now();
    while load_once(function).token().is_none() {
        assert!(began.elapsed() < Duration::from_secs(10), "it does not recover:\n{}", function.logs());
        sleep(Duration::from_millis(50));
    }
}
