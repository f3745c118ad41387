//! Who asks, and what a good answer is.

use crate::candidates::Identity;
use benches::results;
use harness::issuer::{Algorithm, Issuer, SigningKey};
use serde_json::{Value, json};
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use tokens::agora::{AppCertificate, AppId, Key};
use tokens::read::{self, Unverified};

/// How many users take turns. Each has a JWT, which is signed beforehand.
const USERS: usize = 1000;
const CHANNEL: &str = "demo";
pub(crate) const AUDIENCE: &str = "https://tokens.example.com";
pub(crate) const APP_ID: &str = "970ca35de60c44645bbae8a215061b33";
pub(crate) const CERTIFICATE: &str = "c0ffee0ff1cec0ffee0ff1cec0ffee0f";

const ALGORITHMS: [Algorithm; 2] = [Algorithm::Rs256, Algorithm::Es256];

/// Where the bare server finds the bytes to send.
pub(crate) fn answer_file() -> PathBuf {
    results().join("serve-answer.json")
}

/// An issuer, and what its users send.
pub(crate) struct Users {
    issuer: Issuer,
    /// In the order of [`ALGORITHMS`].
    jwts: [Vec<String>; 2],
}

/// One request.
pub(crate) struct Asked {
    pub(crate) account: String,
    pub(crate) path: String,
    /// The value of `Authorization`.
    pub(crate) authorization: Option<String>,
}

impl Users {
    pub(crate) fn new() -> Users {
        let keys = ALGORITHMS.map(|algorithm| SigningKey::generate(algorithm.name(), algorithm));
        let issuer = Issuer::start(&keys.each_ref());
        let jwts = keys.map(|key| (0..USERS).map(|number| jwt(&issuer, &key, &account(number))).collect());
        let users = Users { issuer, jwts };
        for identity in [Identity::None, Identity::Jwt(Algorithm::Rs256), Identity::Jwt(Algorithm::Es256)] {
            let mut lines = String::new();
            for number in 0..USERS {
                let jwt = users.jwt(identity, number).unwrap_or_default();
                writeln!(lines, "{} {jwt}", path(&account(number))).expect("a text takes everything");
            }
            fs::write(users.requests(identity), lines).expect("the target folder is ours to write in");
        }
        users
    }

    pub(crate) fn issuer(&self) -> String {
        self.issuer.url()
    }

    /// The file with the requests of all users.
    pub(crate) fn requests(&self, identity: Identity) -> PathBuf {
        let name = match identity {
            Identity::None => "none",
            Identity::Jwt(algorithm) => algorithm.name(),
        };
        results().join(format!("serve-requests-{name}"))
    }

    /// What the user of this number sends.
    pub(crate) fn asks(&self, identity: Identity, number: usize) -> Asked {
        let account = account(number % USERS);
        let authorization = self.jwt(identity, number % USERS).map(|jwt| format!("Bearer {jwt}"));
        Asked { path: path(&account), account, authorization }
    }

    fn jwt(&self, identity: Identity, number: usize) -> Option<&str> {
        let Identity::Jwt(wanted) = identity else { return None };
        let at = ALGORITHMS.iter().position(|&algorithm| algorithm == wanted).expect("one that is measured");
        Some(&self.jwts[at][number])
    }

    /// Keeps an answer for the bare server.
    pub(crate) fn keep_answer(&self, answer: &[u8]) {
        fs::write(answer_file(), answer).expect("the target folder is ours to write in");
    }
}

/// Where a user asks for a token. `%d` in place of a number is wrk's to fill in.
pub(crate) fn path(account: &str) -> String {
    format!("/rtc/{CHANNEL}/token?account={account}")
}

fn account(number: usize) -> String {
    format!("user-{number:07}")
}

/// A JWT as providers issue it. It is good for longer than any run takes.
fn jwt(issuer: &Issuer, key: &SigningKey, account: &str) -> String {
    let mut claims = issuer.claims(account, AUDIENCE);
    claims["exp"] = json!(claims["iat"].as_u64().expect("a time") + 86_400);
    claims["aud"] = json!([AUDIENCE, format!("{}/userinfo", issuer.url())]);
    claims["scope"] = json!("openid profile rooms:join rooms:publish");
    claims["jti"] = json!("2c9d1b7e-64c1-4b0a-9d53-0f6f1f3a8e21");
    claims["app_metadata"] = json!({ "plan": "team", "tenant": "t-4711" });
    key.sign(&json!({ "typ": "at+jwt" }), &claims)
}

/// Fails if the answer has no token for this account that our key has signed.
pub(crate) fn check(name: &str, account: &str, body: &Value) {
    let token = read::token(body["token"].as_str().unwrap_or_else(|| panic!("{name}: no token in {body}")));
    let Ok(Unverified::AccessToken2(token)) = token else { panic!("{name}: not a 007 token") };
    let key = Key {
        app_id: AppId::new(APP_ID).expect("valid"),
        app_certificate: AppCertificate::new(CERTIFICATE).expect("valid"),
    };
    token.verify_signature(&key).unwrap_or_else(|refused| panic!("{name}: {refused}"));
    let service = &json!(token)["services"][0];
    assert_eq!((&service["channel_name"], &service["uid"]), (&json!(CHANNEL), &json!(account)), "{name}");
}
