//! An issuer of JWTs on this machine. It serves its configuration and its public keys, signs any claims, and can refuse,
//! delay or break its answers.

use crate::process::lock;
use crate::serve::{Request, Response, Server, status};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize, PublicKeyComponents};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding,
};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use hyper::header::HOST;
use serde_json::{Value, json};
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::sleep;

/// How the issuer answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It refuses every connection.
    Refused,
    /// With this status.
    Status(u16),
    /// Correctly, after this delay.
    Slow(Duration),
    /// With something that is no key set.
    Malformed,
    /// With a set without keys.
    Empty,
}

/// The algorithm of a key (RFC 7518, RFC 8037).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each has the name that a JWT has in alg")]
pub enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    /// With Ed25519.
    EdDsa,
}

impl Algorithm {
    /// Every algorithm that the service accepts.
    pub const ALL: [Algorithm; 9] = [
        Algorithm::Rs256,
        Algorithm::Rs384,
        Algorithm::Rs512,
        Algorithm::Ps256,
        Algorithm::Ps384,
        Algorithm::Ps512,
        Algorithm::Es256,
        Algorithm::Es384,
        Algorithm::EdDsa,
    ];

    /// Its name in a JWT.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Rs256 => "RS256",
            Algorithm::Rs384 => "RS384",
            Algorithm::Rs512 => "RS512",
            Algorithm::Ps256 => "PS256",
            Algorithm::Ps384 => "PS384",
            Algorithm::Ps512 => "PS512",
            Algorithm::Es256 => "ES256",
            Algorithm::Es384 => "ES384",
            Algorithm::EdDsa => "EdDSA",
        }
    }
}

/// A key that signs.
pub struct SigningKey {
    /// Its name in the key set.
    pub id: String,
    algorithm: Algorithm,
    pair: Pair,
}

enum Pair {
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
    Ecdsa(EcdsaKeyPair, &'static str),
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
        let rsa = |encoding| Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).expect("a key"), encoding);
        let ecdsa = |signing, curve| Pair::Ecdsa(EcdsaKeyPair::generate(signing).expect("a key"), curve);
        let pair = match algorithm {
            Algorithm::Rs256 => rsa(&RSA_PKCS1_SHA256),
            Algorithm::Rs384 => rsa(&RSA_PKCS1_SHA384),
            Algorithm::Rs512 => rsa(&RSA_PKCS1_SHA512),
            Algorithm::Ps256 => rsa(&RSA_PSS_SHA256),
            Algorithm::Ps384 => rsa(&RSA_PSS_SHA384),
            Algorithm::Ps512 => rsa(&RSA_PSS_SHA512),
            Algorithm::Es256 => ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING, "P-256"),
            Algorithm::Es384 => ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING, "P-384"),
            Algorithm::EdDsa => Pair::Ed25519(Ed25519KeyPair::generate().expect("a key")),
        };
        SigningKey { id: id.to_owned(), algorithm, pair }
    }

    /// The public key, as a key set has it (RFC 7517).
    pub fn public(&self) -> Value {
        let mut key = match &self.pair {
            Pair::Rsa(pair, _) => {
                let PublicKeyComponents { n, e } = PublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                json!({ "kty": "RSA", "n": encoded(&n), "e": encoded(&e) })
            }
            Pair::Ecdsa(pair, curve) => {
                // A byte that says "uncompressed", and then both coordinates.
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                json!({ "kty": "EC", "crv": curve, "x": encoded(x), "y": encoded(y) })
            }
            Pair::Ed25519(pair) => json!({ "kty": "OKP", "crv": "Ed25519", "x": encoded(pair.public_key().as_ref()) }),
        };
        key["kid"] = json!(self.id);
        key["alg"] = json!(self.algorithm.name());
        key["use"] = json!("sig");
        key
    }

    /// A JWT with these claims, and this header beside `alg` and `kid`.
    ///
    /// # Panics
    /// The library cannot sign.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let mut head = json!({ "alg": self.algorithm.name(), "kid": self.id, "typ": "JWT" });
        for (name, value) in header.as_object().into_iter().flatten() {
            head[name] = value.clone();
        }
        self.sign_text(&head.to_string(), &claims.to_string())
    }

    /// A JWT with these texts as its header and its claims.
    ///
    /// # Panics
    /// The library cannot sign.
    pub fn sign_text(&self, header: &str, claims: &str) -> String {
        let random = SystemRandom::new();
        jwt(header, claims, |message| match &self.pair {
            Pair::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &random, message, &mut signature).expect("a signature");
                signature
            }
            Pair::Ecdsa(pair, _) => pair.sign(&random, message).expect("a signature").as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
        })
    }

    /// The public key in DER (SubjectPublicKeyInfo).
    ///
    /// # Panics
    /// The library cannot write it.
    pub fn public_der(&self) -> Vec<u8> {
        let der = match &self.pair {
            Pair::Rsa(pair, _) => pair.public_key().as_der(),
            Pair::Ecdsa(pair, _) => pair.public_key().as_der(),
            Pair::Ed25519(pair) => pair.public_key().as_der(),
        };
        let der: PublicKeyX509Der<'_> = der.expect("a public key");
        der.as_ref().to_vec()
    }
}

/// A public key in DER, as a PEM file has it.
pub fn pem(der: &[u8]) -> String {
    let base64 = BASE64_STANDARD.encode(der);
    let lines: Vec<_> = base64.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
}

/// What a forger makes who has only public data: a JWT whose signature is an HMAC (SHA-256) with this secret.
pub fn signed_with_hmac(secret: &[u8], header: &Value, claims: &Value) -> String {
    let secret = hmac::Key::new(hmac::HMAC_SHA256, secret);
    jwt(&header.to_string(), &claims.to_string(), |message| hmac::sign(&secret, message).as_ref().to_vec())
}

fn jwt(header: &str, claims: &str, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let message = format!("{}.{}", encoded(header), encoded(claims));
    let signature = sign(message.as_bytes());
    format!("{message}.{}", encoded(signature))
}

/// As JWTs write bytes.
pub fn encoded(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

struct State {
    keys: Vec<Value>,
    trouble: Option<Trouble>,
    asked: u32,
}

/// An issuer that answers until it is dropped.
pub struct Issuer {
    address: SocketAddr,
    /// `None`: it refuses every connection.
    server: Mutex<Option<Server>>,
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
        let state = Arc::new(Mutex::new(State { keys: Vec::new(), trouble: None, asked: 0 }));
        let server = serve((Ipv4Addr::LOCALHOST, 0).into(), &state);
        let issuer = Issuer { address: server.address, server: Mutex::new(Some(server)), state };
        issuer.publish(keys);
        issuer
    }

    /// What its JWTs have as `iss`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Has the public halves of these keys from now on.
    pub fn publish(&self, keys: &[&SigningKey]) {
        lock(&self.state).keys = keys.iter().map(|key| key.public()).collect();
    }

    /// Has these keys too, whatever they are.
    pub fn publish_also(&self, keys: &[Value]) {
        lock(&self.state).keys.extend_from_slice(keys);
    }

    /// Answers in this way until it is healed.
    pub fn trouble(&self, trouble: Trouble) {
        if trouble == Trouble::Refused {
            lock(&self.server).take();
        }
        lock(&self.state).trouble = Some(trouble);
    }

    /// Answers well again.
    pub fn heal(&self) {
        lock(&self.state).trouble = None;
        lock(&self.server).get_or_insert_with(|| serve(self.address, &self.state));
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

fn serve(address: SocketAddr, state: &Arc<Mutex<State>>) -> Server {
    let state = Arc::clone(state);
    Server::start_at(address, move |request| answer(request, Arc::clone(&state)))
}

async fn answer(request: Request, state: Arc<Mutex<State>>) -> Response {
    let keys = request.path == "/keys";
    let (set, trouble) = {
        let mut state = lock(&state);
        if keys {
            state.asked += 1;
        }
        (state.keys.clone(), state.trouble)
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
            let url = format!("http://{}", request.headers[HOST].to_str().expect("an address"));
            status(200, json!({ "issuer": url, "jwks_uri": format!("{url}/keys") }).to_string())
        }
        _ => status(404, ""),
    }
}
