//! Callers whose JWTs the service verifies itself (`IDENTITY=jwt`), with an issuer of the tests' own: under `cargo lambda
//! watch` over HTTP, as a second lock behind the gateway, and while the issuer's keys change or cannot be had.

use crate::said;
use harness::http::{Request, Response};
use harness::issuer::{Algorithm, Issuer, SigningKey, Trouble, encoded};
use harness::lambda::Function;
use harness::watch::Watch;
use harness::{Env, project};
use serde_json::{Value, json};
use std::fs;
use std::time::{Duration, Instant};

const AUDIENCE: &str = "tokens.example.com";

fn settings(issuer: &Issuer) -> Env {
    let credentials = project::root().join("tests/demo-credentials.json");
    Env::from([
        ("LOCAL_CREDENTIALS", credentials.to_str().expect("UTF-8")),
        ("IDENTITY", "jwt"),
        ("JWT_ISSUER", &issuer.url()),
        ("JWT_AUDIENCE", AUDIENCE),
    ])
}

fn ask(watch: &Watch, path: &str, authorization: &[&str]) -> Response {
    let request = Request::new("GET", &watch.url(path));
    authorization.iter().fold(request, |request, value| request.header("authorization", value)).send()
}

fn status(watch: &Watch, path: &str, jwt: &str) -> u16 {
    ask(watch, path, &[&format!("Bearer {jwt}")]).status
}

#[test]
fn each_kind_is_served_to_its_user_and_to_nobody_else() {
    let keys = [
        SigningKey::generate("rsa", Algorithm::Rs256),
        SigningKey::generate("ec", Algorithm::Es256),
        SigningKey::generate("ed", Algorithm::EdDsa),
    ];
    let issuer = Issuer::start(&keys.each_ref());
    let backend = [("BACKEND_AUDIENCE", "backends.example.com"), ("BACKEND_SCOPE", "tokens/app")];
    let watch = Watch::start(settings(&issuer).and_all(Env::from(backend)));
    let users_routes = [
        ("/chat/user/ID/token", "/chat/user/me/token"),
        ("/rtm/ID/token", "/rtm/me/token"),
        ("/rtc/demo/token?account=ID", "/rtc/demo/token"),
        ("/zego/ID/token", "/zego/me/token"),
        ("/zim/ID/token", "/zim/me/token"),
    ];
    for key in &keys {
        let alice = key.sign(&json!({}), &issuer.claims("alice", AUDIENCE));
        for (named, own) in users_routes {
            let what = format!("{} {named}", key.id);
            assert_eq!(status(&watch, &named.replace("ID", "alice"), &alice), 200, "{what}");
            assert_eq!(status(&watch, own, &alice), 200, "{what}");
            assert_eq!(status(&watch, &named.replace("ID", "bob"), &alice), 403, "{what}");
            assert_eq!(status(&watch, &named.replace("ID", "alicе"), &alice), 400, "a Cyrillic letter: {what}");
            let nobody = ask(&watch, own, &[]);
            assert_eq!(nobody.status, 401, "{what}");
            assert_eq!(nobody.header("www-authenticate"), Some(r#"Bearer realm="tokenmint""#), "{what}");
        }
        assert_eq!(status(&watch, "/chat/app/token", &alice), 403, "{}", key.id);
    }
    let mut claims = issuer.claims("", "backends.example.com");
    claims["scope"] = json!("tokens/app");
    claims.as_object_mut().expect("claims").remove("sub");
    let of_backend = keys[0].sign(&json!({}), &claims);
    assert_eq!(status(&watch, "/chat/app/token", &of_backend), 200);
    for (_, own) in users_routes {
        assert_eq!(status(&watch, own, &of_backend), 403, "a backend opens no user's route: {own}");
    }
    let answer: Value = serde_json::from_slice(
        &ask(
            &watch,
            "/rtm/me/token",
            &[&format!("bearer {}", keys[1].sign(&json!({}), &issuer.claims("alice", AUDIENCE)))],
        )
        .body,
    )
    .expect("JSON");
    let token = answer["token"].as_str().expect("a token").to_owned();
    let says = json!({ "expire": 3600, "services": [{ "type": 2, "user_id": "alice", "privileges": { "1": 3600 } }] });
    let handed = said::Handed { what: "alice's RTM token".to_owned(), token, says, issued_at: None };
    said::verify(&said::credentials(), &[handed]);
    let logs = watch.end();
    said::check_logs("identity", &logs, &said::credentials());
}

/// What is refused over HTTP, with the rule that the log names. The unit tests of the verifier have many more.
#[test]
fn a_forged_token_is_refused_and_its_rule_is_in_the_log_alone() {
    let key = SigningKey::generate("current", Algorithm::Rs256);
    let stranger = SigningKey::generate("current", Algorithm::Rs256);
    let issuer = Issuer::start(&[&key]);
    let watch = Watch::start(settings(&issuer));
    let good = issuer.claims("alice", AUDIENCE);
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        format!("Bearer {}", key.sign(&json!({}), &claims))
    };
    let now = good["iat"].as_u64().expect("a moment");
    let unsigned = format!("Bearer {}.{}.", encoded(r#"{"alg":"none"}"#), encoded(good.to_string()));
    let fine = format!("Bearer {}", key.sign(&json!({}), &good));
    let refused: Vec<(&str, Vec<String>)> = vec![
        ("another key under the same name", vec![format!("Bearer {}", stranger.sign(&json!({}), &good))]),
        ("no signature", vec![unsigned]),
        ("an unknown key", vec![format!("Bearer {}", key.sign(&json!({ "kid": "../../etc/passwd" }), &good))]),
        ("a critical header", vec![format!("Bearer {}", key.sign(&json!({ "crit": ["exp"] }), &good))]),
        ("expired", vec![with("exp", json!(now - 61))]),
        ("not yet valid", vec![with("nbf", json!(now + 90))]),
        ("another audience", vec![with("aud", json!("other"))]),
        ("an audience that is an object", vec![with("aud", json!({ AUDIENCE: 1 }))]),
        ("another issuer", vec![with("iss", json!("https://evil.example.com"))]),
        ("the issuer with a slash", vec![with("iss", json!(format!("{}/", issuer.url())))]),
        ("an ID token", vec![with("nonce", json!("n"))]),
        ("9 KiB", vec![with("padding", json!("x".repeat(9 * 1024)))]),
        ("two tokens in a header", vec![format!("{fine},{fine}")]),
        ("a tab", vec![fine.replace(' ', "\t")]),
        ("two spaces", vec![fine.replace(' ', "  ")]),
        ("padding", vec![format!("{fine}=")]),
    ];
    for (what, authorization) in &refused {
        let authorization: Vec<_> = authorization.iter().map(String::as_str).collect();
        let response = ask(&watch, "/rtm/me/token", &authorization);
        assert_eq!(response.status, 401, "{what}: {}", response.text());
        assert!(!response.text().contains("rule"), "{what}: {}", response.text());
    }
    let forged = ask(&watch, "/rtm/me/token", &[&with("exp", json!(now - 61))]);
    assert_eq!(forged.header("www-authenticate"), Some(r#"Bearer realm="tokenmint", error="invalid_token""#));
    assert_eq!(ask(&watch, "/rtm/me/token", &[&fine]).status, 200);
    let logs = watch.end();
    said::check_logs("identity", &logs, &said::credentials());
    assert_eq!(logs.matches(r#""message":"JWT refused""#).count(), refused.len() + 1, "one line each");
    for private in [fine.split('.').nth(1).expect("a payload"), "evil.example.com", "etc/passwd"] {
        assert!(!logs.contains(private), "{private} is in the log");
    }
}

/// Behind the gateway as well: a direct invocation with any identity in it gives nothing.
#[test]
fn as_a_second_lock_the_event_alone_opens_nothing() {
    let key = SigningKey::generate("current", Algorithm::Es256);
    let issuer = Issuer::start(&[&key]);
    let event = |name: &str| -> Value {
        let path = project::root().join("events").join(name);
        serde_json::from_slice(&fs::read(path).expect("an event")).expect("JSON")
    };
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
}

/// Good callers get tokens whatever happens to the issuer, once its keys were loaded.
#[test]
fn keys_rotate_under_load_and_the_issuer_goes_down_without_one_refusal() {
    let old = SigningKey::generate("old", Algorithm::Es256);
    let new = SigningKey::generate("new", Algorithm::Es256);
    let issuer = Issuer::start(&[&old]);
    let times = Env::from([("JWT_KEYS_TTL_SECONDS", "2"), ("JWT_KEYS_MAX_STALE_SECONDS", "600")]);
    let watch = Watch::start(settings(&issuer).and_all(times));
    let (by_old, by_new) = (
        || old.sign(&json!({}), &issuer.claims("alice", AUDIENCE)),
        || new.sign(&json!({}), &issuer.claims("alice", AUDIENCE)),
    );
    let load = |jwt: &dyn Fn() -> String, what: &str| {
        let begun = Instant::now();
        let mut tokens = 0;
        while begun.elapsed() < Duration::from_secs(5) {
            let response = ask(&watch, "/rtm/me/token", &[&format!("Bearer {}", jwt())]);
            assert_eq!(response.status, 200, "{what}: {}", response.text());
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
        (Trouble::Status(503), "the issuer answers 503"),
        (Trouble::Slow(Duration::from_secs(5)), "the issuer is slow"),
        (Trouble::Malformed, "the key set is no JSON"),
        (Trouble::Empty, "the key set is empty"),
    ] {
        issuer.trouble(trouble);
        load(&by_new, what);
        issuer.heal();
    }
    // A flood of keys that nobody has does not reach the issuer, and disturbs nobody.
    let before = issuer.asked();
    for forged in 0..50 {
        let jwt = new.sign(&json!({ "kid": format!("forged-{forged}") }), &issuer.claims("alice", AUDIENCE));
        assert_eq!(status(&watch, "/rtm/me/token", &jwt), 401);
    }
    assert!(issuer.asked() - before < 15, "{} key sets were read", issuer.asked() - before);
    load(&by_new, "after the flood");
    said::check_logs("identity", &watch.end(), &said::credentials());
}

#[test]
fn without_keys_nobody_is_verified() {
    let key = SigningKey::generate("current", Algorithm::Rs256);
    let issuer = Issuer::start(&[&key]);
    issuer.trouble(Trouble::Status(500));
    let watch = Watch::start(settings(&issuer));
    let jwt = key.sign(&json!({}), &issuer.claims("alice", AUDIENCE));
    let refused = ask(&watch, "/rtm/me/token", &[&format!("Bearer {jwt}")]);
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("5")));
    issuer.heal();
    let begun = Instant::now();
    while status(&watch, "/rtm/me/token", &jwt) != 200 {
        assert!(begun.elapsed() < Duration::from_secs(20), "the keys are there");
        std::thread::sleep(Duration::from_millis(200));
    }
    watch.end();
}
