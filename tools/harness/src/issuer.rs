//! An issuer of JWTs on this machine. It serves its configuration and its public keys, signs any claims, and can refuse,
//! delay or break its answers.

use crate::process::lock;
use crate::serve::{Request, Response, Server, status};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize, PublicKeyComponents};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::sleep;

/// How the issuer answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// With this status.
    Status(u16),
    /// Well, but so late.
    Slow(Duration),
    /// With something that is no key set.
    Malformed,
    /// With a set without keys.
    Empty,
}

/// The algorithm of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA with SHA-256, as most providers have it.
    Rs256,
    /// ECDSA on P-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

/// A key that signs.
pub struct SigningKey {
    /// Its name in the key set.
    pub id: String,
    pair: Pair,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl SigningKey {
    /// A new key.
    ///
    /// # Panics
    /// The library cannot make one.
    pub fn generate(id: &str, algorithm: Algorithm) -> SigningKey {
        let pair = match algorithm {
            Algorithm::Rs256 => Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).expect("a key")),
            Algorithm::Es256 => Pair::Ecdsa(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key")),
            Algorithm::EdDsa => Pair::Ed25519(Ed25519KeyPair::generate().expect("a key")),
        };
        SigningKey { id: id.to_owned(), pair }
    }

    /// Its algorithm's name in a JWT.
    pub fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::Ecdsa(_) => "ES256",
            Pair::Ed25519(_) => "EdDSA",
        }
    }

    /// The public key, as a key set has it (RFC 7517).
    pub fn public(&self) -> Value {
        let mut key = match &self.pair {
            Pair::Rsa(pair) => {
                let PublicKeyComponents { n, e } = PublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                json!({ "kty": "RSA", "n": encoded(&n), "e": encoded(&e) })
            }
            Pair::Ecdsa(pair) => {
                // A byte that says "uncompressed", and then both coordinates.
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({ "kty": "EC", "crv": "P-256", "x": encoded(x), "y": encoded(y) })
            }
            Pair::Ed25519(pair) => json!({ "kty": "OKP", "crv": "Ed25519", "x": encoded(pair.public_key().as_ref()) }),
        };
        key["kid"] = json!(self.id);
        key["alg"] = json!(self.algorithm());
        key["use"] = json!("sig");
        key
    }

    /// A JWT with these claims, and this header beside `alg` and `kid`.
    ///
    /// # Panics
    /// The library cannot sign.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let mut head = json!({ "alg": self.algorithm(), "kid": self.id, "typ": "JWT" });
        for (name, value) in header.as_object().into_iter().flatten() {
            head[name] = value.clone();
        }
        let message = format!("{}.{}", encoded(head.to_string()), encoded(claims.to_string()));
        let random = SystemRandom::new();
        let signature = match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature).expect("a signature");
                signature
            }
            Pair::Ecdsa(pair) => pair.sign(&random, message.as_bytes()).expect("a signature").as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.sign(message.as_bytes()).as_ref().to_vec(),
        };
        format!("{message}.{}", encoded(signature))
    }
}

/// As JWTs write bytes.
pub fn encoded(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

struct State {
    url: String,
    keys: Vec<Value>,
    trouble: Option<Trouble>,
    asked: u32,
}

/// An issuer that answers until it is dropped.
pub struct Issuer {
    server: Server,
    state: Arc<Mutex<State>>,
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer").field("url", &self.url()).finish_non_exhaustive()
    }
}

impl Issuer {
    /// An issuer with the public halves of these keys.
    pub fn start(keys: &[&SigningKey]) -> Issuer {
        let state = State { url: String::new(), keys: Vec::new(), trouble: None, asked: 0 };
        let state = Arc::new(Mutex::new(state));
        let answering = Arc::clone(&state);
        let server = Server::start(move |request| answer(request, Arc::clone(&answering)));
        lock(&state).url = format!("http://{}", server.address);
        let issuer = Issuer { server, state };
        issuer.publish(keys);
        issuer
    }

    /// What its JWTs have as `iss`.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// Has the public halves of these keys from now on.
    pub fn publish(&self, keys: &[&SigningKey]) {
        lock(&self.state).keys = keys.iter().map(|key| key.public()).collect();
    }

    /// Answers in this way until it is healed.
    pub fn trouble(&self, trouble: Trouble) {
        lock(&self.state).trouble = Some(trouble);
    }

    /// Answers well again.
    pub fn heal(&self) {
        lock(&self.state).trouble = None;
    }

    /// How often its key set was read.
    pub fn asked(&self) -> u32 {
        lock(&self.state).asked
    }

    /// Claims of a good access token for this user and audience: issued now, and good for five minutes.
    ///
    /// # Panics
    /// The clock is before 1970.
    pub fn claims(&self, user: &str, audience: &str) -> Value {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock that is set").as_secs();
        json!({ "iss": self.url(), "aud": audience, "sub": user, "iat": now, "exp": now + 300 })
    }
}

async fn answer(request: Request, state: Arc<Mutex<State>>) -> Response {
    let keys = request.path == "/keys";
    let (url, set, trouble) = {
        let mut state = lock(&state);
        if keys {
            state.asked += 1;
        }
        (state.url.clone(), state.keys.clone(), state.trouble)
    };
    match trouble {
        Some(Trouble::Status(code)) => return status(code, "{}"),
        Some(Trouble::Slow(late)) => sleep(late).await,
        Some(Trouble::Malformed) if keys => return status(200, "<html>"),
        Some(Trouble::Empty) if keys => return status(200, r#"{"keys":[]}"#),
        _ => {}
    }
    match request.path.as_str() {
        "/keys" => status(200, json!({ "keys": set }).to_string()),
        "/.well-known/openid-configuration" => {
            status(200, json!({ "issuer": url, "jwks_uri": format!("{url}/keys") }).to_string())
        }
        _ => status(404, ""),
    }
}
