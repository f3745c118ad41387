//! What a cold start costs, and each answer after it. Our function and others answer the same event under the same
//! Lambda Runtime API. Their secret is behind TLS.
//!
//! Each round starts each candidate once. Ratios are computed within a round. Arguments:
//!
//! * `rounds=20`: how many rounds
//! * `warm=5`: how many warm rounds, of 2,000 answers each
//! * `only=NAME,NAME`: only these candidates
//! * `also=NAME=BINARY`: another build of our function; may come several times
//! * `also-all=NAME=BINARY`: the same, for a build that reads all authorities of the system
//! * `also-jwt=NAME=BINARY`: the same, verifying the caller's JWT itself

#![allow(clippy::print_stdout, reason = "a report is meant to be seen")]

mod candidates;
mod cost;
mod emulator;
mod report;
mod start;

use candidates::{Candidate, Maker};
use emulator::Emulator;
use harness::issuer::{Algorithm, Issuer, SigningKey};
use harness::lambda::environment;
use harness::secrets::Vendor;
use harness::tls::SecretsManagerOverTls;
use harness::{Env, project};
use report::Report;
use serde_json::{Value, json};
use start::{Start, start};
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use tokens::agora::{AppCertificate, AppId, Key};
use tokens::read::{self, Unverified};

/// Answers in a warm round.
const ANSWERS: usize = 2000;
const AUDIENCE: &str = "https://tokens.example.com";
const APP_ID: &str = "970ca35de60c44645bbae8a215061b33";
const CERTIFICATE: &str = "c0ffee0ff1cec0ffee0ff1cec0ffee0f";

fn main() -> ExitCode {
    let (mut rounds, mut warm_rounds, mut only, mut also) = (20, 5, Vec::new(), Vec::new());
    for argument in std::env::args().skip(1).filter(|argument| argument != "--bench") {
        match argument.split_once('=') {
            None if argument == "echo" => return emulator::echo().map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS),
            Some(("rounds", number)) => rounds = number.parse().expect("rounds=NUMBER"),
            Some(("warm", number)) => warm_rounds = number.parse().expect("warm=NUMBER"),
            Some(("only", names)) => only = names.split(',').map(str::to_owned).collect(),
            Some((word @ ("also" | "also-all" | "also-jwt"), named)) => {
                let (name, binary) = named.split_once('=').expect("also=NAME=BINARY");
                let maker = match word {
                    "also" => Maker::Ours,
                    "also-jwt" => Maker::Verifier,
                    _ => Maker::Other,
                };
                also.push(Candidate::new(name, vec![binary.into()], maker));
            }
            _ => panic!("{argument} is none of rounds=, warm=, only=, also=, also-all=, also-jwt="),
        }
    }
    project::use_leash(candidates::build(&["--package", "harness", "--bin", "leash"], project::root()));
    let mut candidates = candidates::all(&only);
    candidates.extend(also);
    measure(&candidates, rounds, warm_rounds).print();
    ExitCode::SUCCESS
}

fn measure(candidates: &[Candidate], rounds: usize, warm_rounds: usize) -> Report {
    let secrets = SecretsManagerOverTls::start();
    let secret = Vendor::Agora.secret_id();
    secrets.put(secret, &json!({ "app_id": APP_ID, "app_certificate": CERTIFICATE }));
    let (ours, others) = (env(&secrets, &secrets.authority_and_amazons()), env(&secrets, &secrets.authority_and_all()));
    let event = fs::read(project::root().join("events/rtm-token/signed-in-caller.json")).expect("the event is here");
    let mut event: Value = serde_json::from_slice(&event).expect("it is JSON");
    let by_gateway = event.to_string();
    // A provider publishes its next key too.
    let keys = ["now", "next"].map(|id| SigningKey::generate(id, Algorithm::Rs256));
    let issuer = Issuer::start(&keys.each_ref());
    let verifying = ours.clone().and_all(settings(&issuer));
    event["headers"]["authorization"] = json!(format!("Bearer {}", jwt(&issuer, &keys[0])));
    let by_ours = event.to_string();
    let emulator = Emulator::start();
    let once = |candidate: &Candidate, events| {
        let (env, event) = match candidate.maker {
            Maker::Ours => (&ours, &by_gateway),
            Maker::Verifier => (&verifying, &by_ours),
            Maker::Other | Maker::Echo => (&others, &by_gateway),
        };
        let started = start(candidate, env, &emulator, event.as_bytes(), events);
        if candidate.maker != Maker::Echo {
            check(&candidate.name, &started);
        }
        started
    };
    // From here on, the system's cache should hold all files.
    for candidate in candidates {
        once(candidate, 1);
    }
    let in_turn = |round: usize, events| {
        // The order changes, so that a candidate does not always run after the same other one.
        let first = round % candidates.len();
        let mut starts: Vec<_> =
            candidates[first..].iter().chain(&candidates[..first]).map(|candidate| once(candidate, events)).collect();
        starts.rotate_right(first);
        starts
    };
    // Takes the last of three, because the client is warm by then.
    let timed = |round| (in_turn(round, 1), secrets.time(secret, 3)[2]);
    let (cold, moto) = (0..rounds).map(timed).unzip();
    let warm = (0..warm_rounds).map(|round| in_turn(round, 1 + ANSWERS)).collect();
    Report { candidates: candidates.to_vec(), moto, cold, warm }
}

/// The variables that Lambda sets, and those that say where the secret is and whom to trust, for each language. Each
/// candidate reads Moto's authority together with as many others as in Lambda: ours has Amazon's five built in, all
/// others read the system's.
fn env(secrets: &SecretsManagerOverTls, roots: &Path) -> Env {
    let text = |path: &Path| path.to_str().expect("temporary folders have plain names").to_owned();
    let (roots, authority) = (text(roots), text(&secrets.authority()));
    environment("rtm-token")
        .and("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
        // One user asks for very many tokens. So the limit is very high. It still counts, and nobody reaches it.
        .and("MINTS_PER_MINUTE", "1000000")
        .and("SSL_CERT_FILE", &*roots)
        .and("AWS_CA_BUNDLE", &*roots)
        // Node has its authorities built in.
        .and("NODE_EXTRA_CA_CERTS", authority)
        .and_all(secrets.env(Vendor::Agora))
}

/// Verifies callers' JWTs with the keys of this issuer. The function asks the issuer where they are, and then reads them.
fn settings(issuer: &Issuer) -> Env {
    Env::from([("IDENTITY", "jwt"), ("JWT_ISSUER", &issuer.url()), ("JWT_AUDIENCE", AUDIENCE)])
}

/// A JWT as providers issue it. It is good for longer than any run takes.
fn jwt(issuer: &Issuer, key: &SigningKey) -> String {
    let mut claims = issuer.claims("alice", AUDIENCE);
    claims["exp"] = json!(claims["iat"].as_u64().expect("a time") + 86_400);
    claims["aud"] = json!([AUDIENCE, format!("{}/userinfo", issuer.url())]);
    claims["scope"] = json!("openid profile rooms:join rooms:publish");
    claims["jti"] = json!("2c9d1b7e-64c1-4b0a-9d53-0f6f1f3a8e21");
    claims["https://example.com/rooms"] = json!(["standup", "all-hands", "support-eu"]);
    claims["app_metadata"] = json!({ "plan": "team", "tenant": "t-4711" });
    key.sign(&json!({ "typ": "at+jwt" }), &claims)
}

/// The answers must be right too.
fn check(name: &str, started: &Start) {
    let answer: Value = serde_json::from_slice(&started.answer).expect("an answer is JSON");
    assert_eq!(answer["statusCode"], 200, "{name}: {answer}");
    let body: Value = serde_json::from_str(answer["body"].as_str().expect("a text")).expect("JSON");
    let token = read::token(body["token"].as_str().expect("a token"));
    let Ok(Unverified::AccessToken2(token)) = token else { panic!("{name}: not a 007 token") };
    let key = Key {
        app_id: AppId::new(APP_ID).expect("valid"),
        app_certificate: AppCertificate::new(CERTIFICATE).expect("valid"),
    };
    token.verify_signature(&key).unwrap_or_else(|refused| panic!("{name}: {refused}"));
    assert_eq!(json!(token)["services"][0]["user_id"], "alice", "{name}");
}
