//! The issuer's keys through their life, in paused time.

use super::*;
use crate::config::jwt::BackendExpected;
use crate::identity::jwt::samples::{
    AUDIENCE, FORGED_P256, P256, RSA, TestKey, backend, claims, claims_with, expected,
};
use crate::system::fake::{FakeSystem, Randomness};
use crate::telemetry::captured::Captured;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::time::{Instant, sleep};

/// A server that has what a test puts there, and counts who asks.
#[derive(Clone)]
struct FakeServer {
    answer: Arc<Mutex<Result<String, &'static str>>>,
    takes: Arc<Mutex<Duration>>,
    asked: Arc<AtomicU32>,
}

impl FakeServer {
    fn with(keys: &[&TestKey]) -> FakeServer {
        let server = FakeServer {
            answer: Arc::new(Mutex::new(Err("new"))),
            takes: Arc::new(Mutex::new(Duration::ZERO)),
            asked: Arc::new(AtomicU32::new(0)),
        };
        server.publish(keys);
        server
    }

    fn publish(&self, keys: &[&TestKey]) {
        let keys: Vec<_> = keys.iter().map(|key| &key.jwk).collect();
        self.put(Ok(json!({ "keys": keys }).to_string()));
    }

    fn put(&self, answer: Result<String, &'static str>) {
        *self.answer.lock().expect("unpoisoned") = answer;
    }

    fn take(&self, time: Duration) {
        *self.takes.lock().expect("unpoisoned") = time;
    }

    fn asked(&self) -> u32 {
        self.asked.load(Ordering::Relaxed)
    }
}

impl KeyServer for FakeServer {
    fn read(&self) -> Reading<'_> {
        Box::pin(async {
            self.asked.fetch_add(1, Ordering::Relaxed);
            let (takes, answer) =
                (*self.takes.lock().expect("unpoisoned"), self.answer.lock().expect("unpoisoned").clone());
            sleep(takes).await;
            answer
                .map(String::into_bytes)
                .map_err(|outcome| LoadError { outcome, reason: "as the test says".to_owned() })
        })
    }
}

fn issuer(server: &FakeServer) -> Issuer {
    issuer_with(server, backend())
}

fn issuer_with(server: &FakeServer, backend: Option<BackendExpected>) -> Issuer {
    issuer_in(FakeSystem::new(Randomness::Always(0xff)), server, backend)
}

fn issuer_in(system: Arc<FakeSystem>, server: &FakeServer, backend: Option<BackendExpected>) -> Issuer {
    let system: Arc<dyn System> = system;
    let times = Times::new(Duration::from_secs(300), Duration::from_secs(3600));
    Issuer::new(Expected { backend, ..expected() }, Box::new(server.clone()), times, &system)
}

fn bearer(key: &TestKey, algorithm: &str, claims: &Value) -> Authorization {
    Authorization(vec![format!("Bearer {}", key.token(&key.header(algorithm), claims))])
}

/// A good token that is good for a day.
fn good(key: &TestKey) -> Authorization {
    let algorithm = if std::ptr::eq(key, &raw const *RSA) { "RS256" } else { "ES256" };
    bearer(key, algorithm, &claims_with(|claims| claims["exp"] = json!(1_800_090_000)))
}

async fn status(issuer: &Issuer, authorization: &Authorization) -> u16 {
    match issuer.prove(&issuer.expected, authorization, jwt::verify).await {
        Ok(Some(_)) => 200,
        Ok(None) => 0,
        Err(problem) => problem.status(),
    }
}

#[tokio::test(start_paused = true)]
async fn keys_are_loaded_once_and_kept() {
    let server = FakeServer::with(&[&P256, &RSA]);
    let issuer = issuer(&server);
    issuer.start().await;
    for key in [&*P256, &*RSA] {
        assert_eq!(status(&issuer, &good(key)).await, 200);
    }
    assert_eq!(status(&issuer, &Authorization::default()).await, 0);
    assert_eq!(server.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_new_key_is_fetched_at_once_and_the_old_one_goes_on() {
    let server = FakeServer::with(&[&P256]);
    let issuer = issuer(&server);
    assert_eq!(status(&issuer, &good(&P256)).await, 200);
    server.publish(&[&P256, &RSA]);
    assert_eq!(status(&issuer, &good(&RSA)).await, 200);
    assert_eq!(status(&issuer, &good(&P256)).await, 200);
    assert_eq!(server.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_unknown_keys_asks_three_times_and_then_once_in_ten_seconds() {
    let server = FakeServer::with(&[&P256]);
    let issuer = issuer(&server);
    issuer.start().await;
    let unknown = |name: usize| {
        let mut header = FORGED_P256.header("ES256");
        header["kid"] = json!(format!("forged-{name}"));
        Authorization(vec![format!("Bearer {}", FORGED_P256.token(&header, &claims()))])
    };
    for name in 0..100 {
        assert_eq!(status(&issuer, &unknown(name)).await, 401);
    }
    assert_eq!(server.asked(), 4, "one at the start, and three");
    for _ in 0..3 {
        sleep(Duration::from_secs(10)).await;
        for name in 0..10 {
            assert_eq!(status(&issuer, &unknown(name)).await, 401);
        }
    }
    assert_eq!(server.asked(), 7);
    sleep(Duration::from_secs(100)).await;
    for name in 0..10 {
        assert_eq!(status(&issuer, &unknown(name)).await, 401);
    }
    assert_eq!(server.asked(), 10, "the bucket holds three");
    assert_eq!(status(&issuer, &good(&P256)).await, 200);
}

/// A forger must not make the service ask: what is expired or another issuer's is refused before its key is looked for.
#[tokio::test(start_paused = true)]
async fn an_unknown_key_of_a_token_that_is_wrong_anyway_asks_nobody() {
    let server = FakeServer::with(&[&P256]);
    let issuer = issuer(&server);
    issuer.start().await;
    for wrong in [
        claims_with(|claims| claims["exp"] = json!(1)),
        claims_with(|claims| claims["iss"] = json!("https://other.example")),
        claims_with(|claims| claims["aud"] = json!("other")),
    ] {
        assert_eq!(status(&issuer, &bearer(&RSA, "RS256", &wrong)).await, 401);
    }
    assert_eq!(server.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn keys_serve_on_through_an_outage_until_they_are_too_old() {
    let server = FakeServer::with(&[&P256]);
    let issuer = issuer(&server);
    assert_eq!(status(&issuer, &good(&P256)).await, 200);
    for broken in
        [Err("unreachable"), Ok("<html>".to_owned()), Ok(r#"{"keys":[]}"#.to_owned()), Ok("x".repeat(65 * 1024))]
    {
        server.put(broken);
        sleep(Duration::from_secs(600)).await;
        assert_eq!(status(&issuer, &good(&P256)).await, 200);
    }
    server.take(Duration::from_secs(100));
    sleep(Duration::from_secs(600)).await;
    let begun = Instant::now();
    assert_eq!(status(&issuer, &good(&P256)).await, 200);
    assert!(begun.elapsed() <= Duration::from_millis(100), "a good caller never waits longer");
    sleep(Duration::from_secs(1000)).await;
    assert_eq!(status(&issuer, &good(&P256)).await, 503, "300 s fresh and 3600 s stale are over");
    server.take(Duration::ZERO);
    server.publish(&[&P256]);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(status(&issuer, &good(&P256)).await, 200);
}

#[tokio::test(start_paused = true)]
async fn without_keys_a_caller_is_told_to_come_again_and_a_caller_without_a_token_is_nobody() {
    let server = FakeServer::with(&[]);
    let issuer = issuer(&server);
    let problem = issuer.prove(&issuer.expected, &good(&P256), jwt::verify).await.expect_err("no keys");
    assert_eq!((problem.status(), problem.retry_after()), (503, Some(5)));
    assert_eq!(status(&issuer, &Authorization::default()).await, 0);
    assert_eq!(status(&issuer, &Authorization(vec!["Bearer nonsense".to_owned()])).await, 503);
}

#[tokio::test(start_paused = true)]
async fn what_the_gateway_says_of_a_user_opens_nothing_and_an_iam_identity_its_own_routes() {
    let server = FakeServer::with(&[&P256]);
    let (with_backends, without) = (issuer(&server), issuer_with(&server, None));
    let of_gateway = || Some(Said::Jwt(crate::identity::samples::claims_of_gateway(&[("sub", "alice")])));
    let backends = claims_with(|claims| {
        claims["aud"] = json!("backends");
        claims["scope"] = json!("mint");
        claims.as_object_mut().expect("claims").remove("sub");
    });
    let ask = async |issuer: &Issuer, callers, said, authorization: Authorization| {
        issuer.identify(callers, &authorization, false, said).await.expect("no forgery")
    };
    let who = async |callers, identity, authorization| ask(&without, callers, identity, authorization).await;
    let none = Authorization::default;
    assert_eq!(who(Callers::Users, of_gateway(), none()).await, None);
    assert_eq!(who(Callers::Backends, of_gateway(), none()).await, None);
    assert_eq!(who(Callers::Users, Some(Said::Iam), none()).await, None);
    assert_eq!(who(Callers::Backends, Some(Said::Iam), none()).await, Some(Verified::Iam));
    let sigv4 = || Authorization(vec!["AWS4-HMAC-SHA256 Credential=x, SignedHeaders=host, Signature=y".to_owned()]);
    assert_eq!(who(Callers::Backends, Some(Said::Iam), sigv4()).await, Some(Verified::Iam));
    let who_with_backends =
        async |callers, identity, authorization| ask(&with_backends, callers, identity, authorization).await;
    let backend = || bearer(&P256, "ES256", &backends);
    assert!(matches!(who_with_backends(Callers::Backends, None, backend()).await, Some(Verified::Backend(_))));
    let on_users_route = who_with_backends(Callers::Users, None, backend()).await;
    assert!(matches!(on_users_route, Some(Verified::Backend(_))), "which no user's route admits");
    let iam = who_with_backends(Callers::Backends, Some(Said::Iam), none()).await;
    assert_eq!(iam, None, "where backends have JWTs, an event alone gets nothing");
    let user = who(Callers::Users, of_gateway(), good(&P256)).await;
    assert!(matches!(user, Some(Verified::Jwt(Jwt::Ours(claims))) if claims.contains_key("aud")));
}

#[tokio::test(start_paused = true)]
async fn a_refused_jwts_rule_is_for_the_log_alone_and_says_nothing_of_the_jwt() {
    let captured = Captured::begin();
    let server = FakeServer::with(&[&P256]);
    let issuer = issuer(&server);
    issuer.start().await;
    let forged = good(&FORGED_P256);
    let problem = issuer.prove(&issuer.expected, &forged, jwt::verify).await.expect_err("forged");
    assert_eq!((problem.status(), problem.name()), (401, "invalid-token"));
    assert_eq!(problem.challenge(), Some(r#"Bearer realm="tokenmint", error="invalid_token""#));
    let rule = "signature: must be made with the issuer's key";
    assert_eq!(problem.rule(), Some(rule));
    let answer = serde_json::to_string(&problem.body("id")).expect("plain data");
    assert!(!answer.contains(rule) && !problem.tutorial_text().contains(rule), "{answer}");
    let text = format!("{} {answer} {problem:?}", captured.text());
    for private in [&forged.0[0]["Bearer ".len()..], AUDIENCE, "alice"] {
        assert!(!text.contains(private), "{private} in {text}");
    }
    assert_eq!(format!("{forged:?}"), "[redacted]");
}

#[tokio::test(start_paused = true)]
async fn with_a_clock_before_1970_nobody_is_verified() {
    let (server, system) = (FakeServer::with(&[&P256]), FakeSystem::new(Randomness::Always(0xff)));
    let issuer = issuer_in(Arc::clone(&system), &server, None);
    assert_eq!(status(&issuer, &good(&P256)).await, 200);
    system.set_back(Duration::from_secs(1_800_000_001));
    assert_eq!(status(&issuer, &good(&P256)).await, 503, "a JWT that has expired would be good at this time");
    system.set_forward(Duration::from_secs(1_800_000_001));
    assert_eq!(status(&issuer, &good(&P256)).await, 200);
}

#[test]
fn the_bucket_counts_by_the_wall_clock_and_a_clock_that_is_set_back_fills_nothing() {
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let at = |seconds: i64| match seconds {
        0.. => start + Duration::from_secs(seconds.unsigned_abs()),
        _ => start - Duration::from_secs(seconds.unsigned_abs()),
    };
    let mut bucket = Bucket::full(at(0));
    let mut taken = |seconds: i64| (0..10).filter(|_| bucket.take(at(seconds))).count();
    assert_eq!(taken(0), 3);
    assert_eq!(taken(9), 0);
    // Lambda had frozen the environment. No other clock went on.
    assert_eq!(taken(1800), 3);
    assert_eq!(taken(-3600), 0, "the clock was set back");
    assert_eq!(taken(-3591), 0);
    assert_eq!(taken(-3590), 1, "ten seconds after that");
}
