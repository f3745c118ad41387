//! What a user with a good JWT gets: how long tokens live beside it, how many there are, and under which id.

use super::{AUDIENCE, BACKEND_AUDIENCE, BACKEND_SCOPE, USERS_ROUTES, ask, backend, multi_value, settings, status};
use crate::front::{Front, Running};
use crate::said::{self, Handed};
use harness::http::{Request, Response};
use harness::issuer::{Algorithm, Issuer, SigningKey};
use harness::lambda::Function;
use harness::project;
use serde_json::{Value, json};
use std::fs;
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

fn issuer() -> (Issuer, SigningKey) {
    let key = SigningKey::generate("current", Algorithm::Es256);
    (Issuer::start(&[&key]), key)
}

fn seconds(body: &Value, name: &str) -> u64 {
    body[name].as_u64().unwrap_or_else(|| panic!("{name} in {body}"))
}

#[test]
fn no_token_outlives_the_jwt_by_more_than_is_allowed() {
    let (issuer, key) = issuer();
    for front in Front::ALL {
        let running = Running::start(front, settings(&issuer).and("MAX_SECONDS_BEYOND_JWT", "30"));
        let mut handed = Vec::new();
        for lives in [100, 1] {
            for (route, _, own) in USERS_ROUTES {
                let mut claims = issuer.claims("alice", AUDIENCE);
                let exp = seconds(&claims, "iat") + lives;
                claims["exp"] = json!(exp);
                let authorization = format!("Bearer {}", key.sign(&json!({}), &claims));
                // Chat's route answers with the token alone, unless the client asks for JSON.
                let body = json_answer(&running, own, &authorization);
                assert_eq!(seconds(&body, "expires_at"), exp + 30, "{route} on {front:?}: {body}");
                let issued_at = seconds(&body, "issued_at");
                assert_eq!(seconds(&body, "expires_in"), exp + 30 - issued_at, "{body}");
                assert!((issued_at..exp + 30).contains(&seconds(&body, "renew_at")), "{body}");
                handed.push(Handed::by(route, &body));
            }
            let mut claims = issuer.claims("alice", AUDIENCE);
            let exp = seconds(&claims, "iat") + lives;
            claims["exp"] = json!(exp);
            let authorization = format!("Bearer {}", key.sign(&json!({}), &claims));
            let body = json_answer(&running, "/apaas/me/rooms/demo/token?role=2", &authorization);
            assert_eq!(seconds(&body, "expires_at"), exp + 30, "a classroom on {front:?}: {body}");
        }
        // Each privilege ends with the token. One that would end earlier still does.
        let mut claims = issuer.claims("alice", AUDIENCE);
        let exp = seconds(&claims, "iat") + 100;
        claims["exp"] = json!(exp);
        let jwt = key.sign(&json!({}), &claims);
        let asked = json!({ "role": "publisher", "expires_in": 900, "privileges": { "join_channel": 900, "publish_audio": 20 } });
        let answer = post(&running, "/rtc/demo/token", &jwt, &asked);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let body = answer.json();
        let privileges = &body["privileges"];
        assert_eq!(seconds(&privileges["join_channel"], "expires_at"), exp + 30, "{body}");
        assert_eq!(seconds(&privileges["publish_audio"], "expires_at"), seconds(&body, "issued_at") + 20, "{body}");
        // A request that is wrong without the limit is wrong with it, too.
        let asked = json!({ "expires_in": 60, "privileges": { "join_channel": 61 } });
        assert_eq!(post(&running, "/rtc/demo/token", &jwt, &asked).status, 400);
        // Such a token would live for a day.
        let answer = ask(&running, "/rtm/me/token?version=006", &[&format!("Bearer {jwt}")]);
        assert_eq!(answer.status, 403, "{}", answer.text());
        // The verifier allows a JWT a minute more. The limit does not.
        let mut ended = issuer.claims("alice", AUDIENCE);
        ended["exp"] = json!(seconds(&ended, "iat") - 31);
        let ended = key.sign(&json!({}), &ended);
        for (_, named, own) in USERS_ROUTES {
            for path in [own, &named.replace("ID", "bob")] {
                let answer = ask(&running, path, &[&format!("Bearer {ended}")]);
                assert_eq!(
                    (answer.status, answer.json()["detail"].as_str()),
                    (401, Some("the JWT has ended: sign in again")),
                    "{path}"
                );
            }
        }
        said::verify(&said::credentials(), &handed);
        said::check_logs("identity", &running.end(), &said::credentials());
    }
}

fn post(front: &Running, path: &str, jwt: &str, body: &Value) -> Response {
    let request = Request::new("POST", &front.url(path));
    request.header("authorization", &format!("Bearer {jwt}")).json(body).send()
}

fn json_answer(front: &Running, path: &str, authorization: &str) -> Value {
    let request = Request::new("GET", &front.url(path));
    let answer = request.header("authorization", authorization).header("accept", "application/json").send();
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

#[test]
fn a_user_gets_no_more_tokens_in_a_minute_than_are_allowed() {
    let (issuer, key) = issuer();
    for front in Front::ALL {
        let running = Running::start(front, settings(&issuer).and_all(backend()).and("MINTS_PER_MINUTE", "3"));
        let jwt = |user: &str| key.sign(&json!({}), &issuer.claims(user, AUDIENCE));
        let (alice, bob) = (jwt("alice"), jwt("bob"));
        // Refusals take nothing.
        for _ in 0..5 {
            assert_eq!(status(&running, "/rtm/bob/token", &alice), 403);
            assert_eq!(status(&running, "/rtm/me/token?expires_in=0", &alice), 400);
        }
        let many = ["/rtm/me/token", "/rtm/alice/token", "/rtm/me/token?expires_in=60"];
        many.into_iter().for_each(|path| assert_eq!(status(&running, path, &alice), 200, "{path} on {front:?}"));
        // Another JWT is the same user.
        for jwt in [&alice, &jwt("alice")] {
            let refused = ask(&running, "/rtm/me/token", &[&format!("Bearer {jwt}")]);
            assert_eq!(refused.status, 429, "{}", refused.text());
            let wait: u64 = refused.header("retry-after").expect("when to come back").parse().expect("seconds");
            assert!((1..=20).contains(&wait), "{wait} seconds");
            let body = refused.json();
            assert_eq!(body["type"], "urn:tokenmint:problem:too-many-tokens");
            assert!(body["detail"].as_str().is_some_and(|detail| detail.contains("MINTS_PER_MINUTE")), "{body}");
            assert!(!said::holds_a_token(refused.text()) && refused.header("cache-control") == Some("no-store"));
        }
        // The vendor's tutorial has a form of its own, for refusals too.
        let tutorial = post(&running, "/fetch_rtm_token", &alice, &json!({ "uid": "me" }));
        assert_eq!((tutorial.status, &tutorial.json()["code"]), (429, &json!("429")), "{}", tutorial.text());
        // The server has one process, and so one allowance for all its routes. Each function has a process of its own.
        let elsewhere = if front == Front::Server { 429 } else { 200 };
        assert_eq!(status(&running, "/zim/me/token", &alice), elsewhere, "{front:?}");
        many.into_iter().take(1).for_each(|path| assert_eq!(status(&running, path, &bob), 200, "another user"));
        let mut of_backend = issuer.claims("backend", BACKEND_AUDIENCE);
        of_backend["scope"] = json!(BACKEND_SCOPE);
        let of_backend = key.sign(&json!({}), &of_backend);
        (0..10).for_each(|_| assert_eq!(status(&running, "/chat/app/token", &of_backend), 200, "a backend"));
        // If the user waits as told, the user gets a token.
        let refused = ask(&running, "/rtm/me/token", &[&format!("Bearer {alice}")]);
        sleep(Duration::from_secs(refused.header("retry-after").map_or(0, |wait| wait.parse().expect("seconds"))));
        assert_eq!(status(&running, "/rtm/me/token", &alice), 200, "{front:?}");
        said::check_logs("identity", &running.end(), &said::credentials());
    }
}

/// Without the limit, one user took 2,680 tokens in ten seconds, with four connections.
#[test]
fn a_user_who_asks_as_often_as_possible_gets_a_token_a_second() {
    let (issuer, key) = issuer();
    // An empty variable is unset, so this is the default.
    let running = Running::start(Front::Server, settings(&issuer).and("MINTS_PER_MINUTE", ""));
    let mallory = format!("Bearer {}", key.sign(&json!({}), &issuer.claims("mallory", AUDIENCE)));
    let begun = Instant::now();
    let taken = scope(|scope| {
        let hammer = || {
            let (mut taken, mut refused) = (0, 0);
            while begun.elapsed() < Duration::from_secs(10) {
                match ask(&running, "/rtm/me/token", &[&mallory]).status {
                    200 => taken += 1,
                    429 => refused += 1,
                    other => panic!("status {other}"),
                }
            }
            (taken, refused)
        };
        let hammering: Vec<_> = (0..4).map(|_| scope.spawn(hammer)).collect();
        hammering.into_iter().map(|it| it.join().expect("it ends")).collect::<Vec<(u64, u64)>>()
    });
    let (tokens, refusals) = taken.iter().fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
    eprintln!("{tokens} tokens and {refusals} refusals in {:?}", begun.elapsed());
    assert!((60..=61 + begun.elapsed().as_secs()).contains(&tokens), "{tokens} tokens");
    assert!(refusals > tokens, "{refusals} refusals: this is no flood");
    assert_eq!(status(&running, "/rtm/me/token", &key.sign(&json!({}), &issuer.claims("alice", AUDIENCE))), 200);
    let logs = running.end();
    assert!(logs.contains(r#""error":"too-many-tokens""#));
    said::check_logs("identity", &logs, &said::credentials());
}

/// Auth0's ids have a bar, which Chat refuses. Firebase's have capitals.
#[test]
fn every_vendor_takes_the_hash_of_any_id() {
    let (issuer, key) = issuer();
    let cases = fs::read(project::root().join("tests/user-ids.json")).expect("the shared cases");
    let cases: Vec<Value> = serde_json::from_slice(&cases).expect("a list");
    for front in Front::ALL {
        let running = Running::start(front, settings(&issuer).and("USER_ID_FORM", "hash"));
        let mut handed = Vec::new();
        for case in &cases {
            let [claim, user_id] = ["claim", "user_id"].map(|name| case[name].as_str().expect("a text"));
            let jwt = key.sign(&json!({}), &issuer.claims(claim, AUDIENCE));
            for (route, named, own) in USERS_ROUTES {
                let body = json_answer(&running, own, &format!("Bearer {jwt}"));
                if body["kind"] != "agora-rtc" {
                    assert_eq!(body["user_id"], user_id, "{claim}");
                }
                handed.push(Handed::by(route, &body));
                assert_eq!(status(&running, &named.replace("ID", user_id), &jwt), 200, "{claim}: {named}");
                let another = "ba7816bf8f01cfea414140de5dae2223";
                assert_eq!(status(&running, &named.replace("ID", another), &jwt), 403, "{claim}: {named}");
            }
        }
        said::verify(&said::credentials(), &handed);
        said::check_logs("identity", &running.end(), &said::credentials());
    }
}

/// A ZIM token of Express's project opens every Express room, so the limits hold for it too.
#[test]
fn only_zim_in_a_project_of_its_own_is_beyond_the_limits_of_rooms() {
    let (issuer, key) = issuer();
    let mut claims = issuer.claims("alice", AUDIENCE);
    claims["app_metadata"] = json!({ "rooms": ["lobby"] });
    let jwt = [format!("Bearer {}", key.sign(&json!({}), &claims))];
    for limit in [("ROOMS_CLAIM", "app_metadata.rooms"), ("PUBLISH_SCOPE", "publish")] {
        for (project, zim) in [("", 403), ("shared", 403), ("own", 200)] {
            let env = settings(&issuer).and_all([limit, ("ZIM_PROJECT", project)]);
            let status = |function, path| {
                let response = Function::start(function, env.clone()).invoke(&multi_value(path, &jwt)).response();
                response["statusCode"].clone()
            };
            assert_eq!(status("zim-token", "/zim/me/token"), zim, "{limit:?} {project}");
            assert_eq!(status("zego-token", "/zego/me/token"), 403, "{limit:?} {project}: no other function's limit");
        }
    }
}
