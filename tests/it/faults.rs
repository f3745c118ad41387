//! Bad times of Secrets Manager, and a crowd of connections, under load: nobody may notice. Each run prints what it sent and got.
//!
//! `service` tests in paused time when credentials are loaded, and in which order anything may happen. These runs show
//! what only a real process can: that the AWS client takes each fault for a failure, and that requests do not wait for
//! it.
//!
//! They measure, so they run one at a time: `make faults` gives them a run of their own, and `make soak` a long one.

mod crowd;

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

/// During a fault, a request may take this much longer than the 99th percentile without one.
const ALLOWANCE: Duration = Duration::from_millis(250);

/// The longest pause between two loads is a minute.
const PATIENCE: Duration = Duration::from_secs(70);

/// The app id of the secret that [`Run::recovers`] puts in place.
const OTHER_APP_ID: &str = "ffffffffffffffffffffffffffffffff";

/// A fault lasts until the function has met it, and at least this long: `SOAK=n` makes it n times five seconds.
fn soak() -> Duration {
    let times = std::env::var("SOAK").map_or(0, |times| times.parse().expect("SOAK is a whole number"));
    Duration::from_secs(5) * times
}

#[allow(clippy::print_stdout, reason = "the figures are what these tests are for")]
fn say(line: &str) {
    println!("  {line}");
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

/// A function whose credentials are fresh for a second, and the Secrets Manager that it asks.
struct Run {
    function: Function,
    secrets: SecretsManager,
    /// Keeps other runs waiting, also where somebody runs all tests at once.
    _alone: MutexGuard<'static, ()>,
}

impl Run {
    fn start(env: impl Into<Env>) -> Run {
        Run::start_with(env, |_| ())
    }

    fn start_with(env: impl Into<Env>, before: impl FnOnce(&SecretsManager)) -> Run {
        static ONE: Mutex<()> = Mutex::new(());
        let alone = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let secrets = secrets();
        before(&secrets);
        // One user asks again and again.
        let load = [("CREDENTIALS_TTL_SECONDS", "1"), ("MINTS_PER_MINUTE", "0")];
        let settings = secrets.env(Vendor::Agora).and_all(load).and_all(env);
        let function = Function::start("rtm-token", settings);
        function.wait_ready();
        Run { function, secrets, _alone: alone }
    }

    /// One request.
    fn ask(&self) -> Answered {
        let sent = Instant::now();
        let outcome = self.function.invoke(&event("rtm-token/signed-in-caller.json"));
        Answered { sent, took: sent.elapsed(), outcome }
    }

    /// The app id of a token that it must give now.
    fn app_id(&self) -> Value {
        let answered = self.ask();
        answered.token().unwrap_or_else(|| panic!("{answered:?}"))["app_id"].clone()
    }

    /// Requests from four clients while something happens.
    fn during(&self, meanwhile: impl FnOnce()) -> Vec<Answered> {
        load(&self.function, &event("rtm-token/signed-in-caller.json"), 4, Duration::from_millis(10), meanwhile)
    }

    /// The 99th percentile without a fault. A refresh is in it.
    fn calm(&self) -> Duration {
        percentile(&self.during(|| sleep(Duration::from_secs(1))), 99)
    }

    fn until(&self, what: &str, done: impl Fn() -> bool) -> Duration {
        let began = Instant::now();
        while !done() {
            assert!(began.elapsed() < PATIENCE, "{what}: this does not happen:\n{}", self.function.logs());
            sleep(Duration::from_millis(20));
        }
        began.elapsed()
    }

    /// Waits until one more load has failed.
    fn meets_the_fault(&self) {
        let failures = || self.function.logs().matches("credentials not loaded").count();
        let (began, before) = (Instant::now(), failures());
        self.until("a load fails", || failures() > before && began.elapsed() >= soak());
    }

    /// Every request gets its token in time while something happens.
    fn outlasts(&self, what: &str, fault: impl FnOnce()) -> Vec<Answered> {
        let calm = self.calm();
        let calls = self.secrets.calls().len();
        let answers = self.during(fault);
        let calls = self.secrets.calls().len() - calls;
        let tokens = answers.iter().filter(|answered| answered.token().is_some()).count();
        let slowest = answers.iter().map(|answered| answered.took).max().expect("it was asked");
        say(&format!(
            "{what}: {} requests sent, {tokens} tokens minted, {} errors; slowest answer {}, fault-free p99 {}; {calls} calls to Secrets Manager",
            answers.len(),
            answers.len() - tokens,
            milliseconds(slowest),
            milliseconds(calm),
        ));
        let failed = answers.iter().find(|answered| answered.token().is_none());
        assert!(failed.is_none(), "{what}: {failed:?}");
        assert!(slowest <= calm + ALLOWANCE, "{what}: {slowest:?}:\n{}", self.function.logs());
        answers
    }

    /// The fault is over. A secret that was rotated meanwhile comes into use without a restart.
    fn recovers(&self) {
        self.secrets.put(Vendor::Agora.secret_id(), &other());
        let took = self.until("it recovers", || self.app_id() == OTHER_APP_ID);
        say(&format!("  recovered by itself, {:.1} s after the fault", took.as_secs_f64()));
    }
}

fn other() -> Value {
    let mut other = agora();
    other["app_id"] = json!(OTHER_APP_ID);
    other
}

/// A function that has its credentials outlasts a fault, and recovers once `end` has ended it.
fn outlasts(what: &str, begin: impl FnOnce(&SecretsManager), end: impl FnOnce(&SecretsManager)) {
    let run = Run::start([]);
    run.outlasts(what, || {
        begin(&run.secrets);
        run.meets_the_fault();
        end(&run.secrets);
    });
    run.recovers();
}

#[test]
fn down_in_steady_load() {
    outlasts("down", SecretsManager::go_down, SecretsManager::come_up);
}

#[test]
fn answers_after_three_seconds() {
    outlasts("slow (3 s)", |it| it.break_with(Fault::Late(Duration::from_secs(3))), SecretsManager::heal);
}

#[test]
fn server_errors() {
    outlasts("5xx", |it| it.break_with(Fault::Refuse(500, "InternalServiceError")), SecretsManager::heal);
}

#[test]
fn throttling() {
    outlasts("throttling", |it| it.break_with(Fault::Refuse(400, "ThrottlingException")), SecretsManager::heal);
}

#[test]
fn access_denied() {
    outlasts("access denied", |it| it.break_with(Fault::Refuse(400, "AccessDeniedException")), SecretsManager::heal);
}

#[test]
fn a_malformed_version() {
    // The next rotation ends it.
    outlasts("malformed version", |it| it.put_text(Vendor::Agora.secret_id(), r#"{"app_id":"oops"}"#), |_| ());
}

#[test]
fn a_deleted_secret() {
    outlasts("deleted secret", |it| it.delete(Vendor::Agora.secret_id()), |_| ());
}

#[test]
fn down_at_the_start() {
    let run = Run::start_with([], SecretsManager::go_down);
    let answers = run.during(|| {
        run.meets_the_fault();
        run.secrets.come_up();
        run.until("it mints", || run.ask().token().is_some());
        // Once healed, it stays so.
        sleep(Duration::from_millis(500));
    });
    let (minted, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answered| answered.token().is_some());
    let slowest = minted.iter().chain(&refused).map(|answered| answered.took).max().expect("it was asked");
    say(&format!(
        "down at the start: {} requests sent, {} tokens minted, {} times 503 with Retry-After; slowest answer {}",
        minted.len() + refused.len(),
        minted.len(),
        refused.len(),
        milliseconds(slowest),
    ));
    let last_refused = refused.iter().map(|answered| answered.sent).max().expect("it was down");
    for answered in refused {
        let response = answered.outcome.response();
        assert_eq!(response["statusCode"], 503, "{response}");
        assert!(response["headers"]["retry-after"].is_string(), "{response}");
    }
    let first_minted = minted.iter().map(|answered| answered.sent).min().expect("it healed");
    assert!(last_refused < first_minted + Duration::from_millis(500), "once healed, it stays so");
}

/// Tokens for the same app id under one certificate after the other: each token tells by its signature which one was in
/// use.
#[test]
fn rotations_in_the_middle_of_load() {
    let ttl = Duration::from_secs(2);
    let run = Run::start([("CREDENTIALS_TTL_SECONDS", "2")]);
    let mut replaced: Vec<(Key, Option<Instant>)> = vec![(key(&agora()), None)];
    let answers = run.outlasts("rotations", || {
        let began = Instant::now();
        while replaced.len() < 7 || began.elapsed() < soak() {
            sleep(Duration::from_millis(1500));
            let mut next = agora();
            next["app_certificate"] = json!(format!("{:032x}", replaced.len()));
            run.secrets.put(Vendor::Agora.secret_id(), &next);
            replaced.last_mut().expect("the first").1 = Some(Instant::now());
            replaced.push((key(&next), None));
        }
    });
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
    assert!(oldest <= ttl, "{oldest:?}:\n{}", run.function.logs());
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
    let clock = Clock::new();
    let run = Run::start(clock.env());
    let issued_at = || run.ask().token().expect("a token")["issued_at"].as_u64().expect("a moment");
    let before = issued_at();
    run.outlasts("clock jumps", || {
        for offset in ["+30h", "+0", "-2h", "+90d", "-90d", "+0"] {
            clock.set(offset);
            // Some tens of requests, and a load if one is due.
            sleep(Duration::from_millis(500) + soak() / 5);
        }
        // Less than the credentials may be stale.
        run.secrets.go_down();
        clock.set("+10h");
        run.meets_the_fault();
        run.secrets.come_up();
    });
    assert!(issued_at() > before + 9 * 3600, "the clock did jump");
    clock.set("+0");
    run.recovers();
}

/// Lambda freezes an environment once it has answered, also in the middle of a refresh, and its connection dies
/// meanwhile.
#[test]
fn a_frozen_refresh_costs_nobody_anything_and_is_made_up_for() {
    let run = Run::start([]);
    let calm = run.calm();
    // The refresh hangs, is frozen for longer than it may run by the wall clock, and its connection breaks.
    run.secrets.break_with(Fault::Late(Duration::from_secs(60)));
    let calls = run.secrets.calls().len();
    run.until("it refreshes", || {
        run.app_id();
        run.secrets.calls().len() > calls
    });
    run.function.freeze();
    run.secrets.go_down();
    run.secrets.put(Vendor::Agora.secret_id(), &other());
    sleep(Duration::from_secs(4));
    // One request does not wait long enough for this. Several do.
    run.secrets.break_with(Fault::Late(Duration::from_millis(150)));
    run.secrets.come_up();
    let mut slowest = Duration::ZERO;
    let mut requests = 0;
    loop {
        run.function.thaw();
        let answered = run.ask();
        let token = answered.token().unwrap_or_else(|| panic!("{answered:?}"));
        slowest = slowest.max(answered.took);
        requests += 1;
        if token["app_id"] == OTHER_APP_ID {
            break;
        }
        run.function.freeze();
        assert!(requests < 15, "it makes no progress:\n{}", run.function.logs());
        sleep(Duration::from_secs(1));
    }
    say(&format!("frozen in a refresh and after every answer: refreshed with request {requests} after the thaw"));
    say(&format!("  slowest answer {}, p99 before {}", milliseconds(slowest), milliseconds(calm)));
    assert!(slowest <= calm + ALLOWANCE, "{slowest:?}:\n{}", run.function.logs());
}

#[test]
fn what_is_stale_for_too_long_is_not_used() {
    let run = Run::start([("CREDENTIALS_MAX_STALE_SECONDS", "2")]);
    run.app_id();
    run.secrets.go_down();
    let served = run.until("it refuses", || {
        let answered = run.ask();
        let refused = answered.token().is_none();
        if refused {
            assert_eq!(answered.outcome.response()["statusCode"], 503);
        }
        refused
    });
    say(&format!("stale for too long: the older credentials served {:.1} s more, then 503", served.as_secs_f64()));
    let limits = Duration::from_millis(1500)..Duration::from_secs(6);
    assert!(limits.contains(&served), "fresh for one second, and two more: {served:?}");
    run.secrets.come_up();
    let took = run.until("it mints", || run.ask().token().is_some());
    assert!(took < Duration::from_secs(10), "without a key the pauses are short: {took:?}");
}
