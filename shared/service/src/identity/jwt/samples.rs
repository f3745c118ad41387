//! An issuer for tests. Its keys are made when the tests start, and exist nowhere else.

use super::KeySet;
use crate::config::Expected;
use crate::config::jwt::BackendExpected;
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    self as sig, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RsaEncoding,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::sync::LazyLock;

pub(in crate::identity) const NOW: i64 = 1_800_000_000;
pub(in crate::identity) const ISSUER: &str = "https://issuer.example/tenant";
pub(in crate::identity) const AUDIENCE: &str = "https://tokens.example";

/// Each algorithm, with the issuer's key for it.
pub(in crate::identity) static ALGORITHMS: LazyLock<[(&str, &TestKey); 9]> = LazyLock::new(|| {
    [
        ("RS256", &RSA),
        ("RS384", &RSA),
        ("RS512", &RSA),
        ("PS256", &RSA),
        ("PS384", &RSA),
        ("PS512", &RSA),
        ("ES256", &P256),
        ("ES384", &P384),
        ("EdDSA", &ED25519),
    ]
});

/// The issuer's keys. `kid` is their name.
pub(in crate::identity) static RSA: LazyLock<TestKey> = LazyLock::new(|| rsa("rsa"));
pub(in crate::identity) static P256: LazyLock<TestKey> = LazyLock::new(|| ec("p256", "P-256"));
pub(in crate::identity) static P384: LazyLock<TestKey> = LazyLock::new(|| ec("p384", "P-384"));
pub(in crate::identity) static ED25519: LazyLock<TestKey> = LazyLock::new(|| ed25519("ed25519"));
/// The attacker's keys. They say that they are the issuer's.
pub(in crate::identity) static FORGED_RSA: LazyLock<TestKey> = LazyLock::new(|| rsa("rsa"));
pub(in crate::identity) static FORGED_P256: LazyLock<TestKey> = LazyLock::new(|| ec("p256", "P-256"));
/// Keys that we don't know how to use. The issuer publishes them too.
pub(in crate::identity) static P521: LazyLock<TestKey> = LazyLock::new(|| ec("p521", "P-521"));
pub(in crate::identity) static SECP256K1: LazyLock<TestKey> = LazyLock::new(|| ec("secp256k1", "secp256k1"));

/// What the issuer publishes.
pub(in crate::identity) static KEYS: LazyLock<KeySet> =
    LazyLock::new(|| key_set(&[&RSA.jwk, &P256.jwk, &P384.jwk, &ED25519.jwk, &P521.jwk, &SECP256K1.jwk]));

/// A key that signs, and the public half as the issuer publishes it.
pub(in crate::identity) struct TestKey {
    pub(in crate::identity) jwk: Value,
    /// As a certificate has it: SubjectPublicKeyInfo.
    pub(in crate::identity) der: Vec<u8>,
    secret: Secret,
}

enum Secret {
    Rsa(RsaKeyPair),
    /// In PKCS #8.
    Ec(Vec<u8>),
    Ed25519(Ed25519KeyPair),
}

impl TestKey {
    /// Signs a message as this algorithm says.
    pub(in crate::identity) fn sign(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        match &self.secret {
            Secret::Rsa(pair) => {
                let encoding: &'static dyn RsaEncoding = match algorithm {
                    "RS384" => &sig::RSA_PKCS1_SHA384,
                    "RS512" => &sig::RSA_PKCS1_SHA512,
                    "PS256" => &sig::RSA_PSS_SHA256,
                    "PS384" => &sig::RSA_PSS_SHA384,
                    "PS512" => &sig::RSA_PSS_SHA512,
                    _ => &sig::RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &SystemRandom::new(), message, &mut signature).expect("signed");
                signature
            }
            Secret::Ec(pkcs8) => {
                let algorithm = match algorithm {
                    "ES384" => &sig::ECDSA_P384_SHA384_FIXED_SIGNING,
                    "ES512" => &sig::ECDSA_P521_SHA512_FIXED_SIGNING,
                    "ES256K" => &sig::ECDSA_P256K1_SHA256_FIXED_SIGNING,
                    "ES256 as DER" => &sig::ECDSA_P256_SHA256_ASN1_SIGNING,
                    _ => &sig::ECDSA_P256_SHA256_FIXED_SIGNING,
                };
                let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8).expect("of this curve");
                pair.sign(&SystemRandom::new(), message).expect("signed").as_ref().to_vec()
            }
            Secret::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    /// The public key in PEM.
    pub(in crate::identity) fn pem(&self) -> String {
        let text = STANDARD.encode(&self.der);
        let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
    }

    /// The header that the issuer writes.
    pub(in crate::identity) fn header(&self, algorithm: &str) -> Value {
        json!({ "alg": algorithm, "kid": self.jwk["kid"], "typ": "JWT" })
    }

    /// A token with this header and these claims, signed as the header's `alg` says.
    pub(in crate::identity) fn token(&self, header: &Value, claims: &Value) -> String {
        self.token_of(header["alg"].as_str().unwrap_or("none"), &header.to_string(), &claims.to_string())
    }

    /// A token of any texts, signed by this algorithm.
    pub(in crate::identity) fn token_of(&self, algorithm: &str, header: &str, payload: &str) -> String {
        let message = format!("{}.{}", base64url(header), base64url(payload));
        let signature = self.sign(algorithm, message.as_bytes());
        format!("{message}.{}", base64url(signature))
    }
}

pub(in crate::identity) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(in crate::identity) fn key_set(jwks: &[&Value]) -> KeySet {
    KeySet::parse(json!({ "keys": jwks }).to_string().as_bytes()).expect("a key set")
}

/// Users need an audience alone, and no JWT is a backend's.
pub(in crate::identity) fn expected() -> Expected {
    Expected {
        issuer: ISSUER.to_owned(),
        audiences: vec!["first".to_owned(), AUDIENCE.to_owned()],
        scope: None,
        backend: None,
        id_tokens: false,
    }
}

pub(in crate::identity) fn backend() -> Option<BackendExpected> {
    Some(BackendExpected { audience: "backends".to_owned(), scope: "mint".to_owned() })
}

/// Claims that break no rule.
pub(in crate::identity) fn claims() -> Value {
    json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "iat": NOW - 10, "exp": NOW + 600 })
}

/// The claims that break no rule, with this change.
pub(in crate::identity) fn claims_with(change: impl FnOnce(&mut Value)) -> Value {
    let mut claims = claims();
    change(&mut claims);
    claims
}

fn rsa(kid: &str) -> TestKey {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
    let public = pair.public_key();
    let (n, e) = (public.modulus(), public.exponent());
    let (n, e) = (base64url(n.big_endian_without_leading_zero()), base64url(e.big_endian_without_leading_zero()));
    let jwk = json!({ "kty": "RSA", "kid": kid, "use": "sig", "n": n, "e": e });
    let der = public.as_der().expect("encoded").as_ref().to_vec();
    TestKey { jwk, der, secret: Secret::Rsa(pair) }
}

fn ec(kid: &str, curve: &str) -> TestKey {
    let algorithm: &'static EcdsaSigningAlgorithm = match curve {
        "P-256" => &sig::ECDSA_P256_SHA256_FIXED_SIGNING,
        "P-384" => &sig::ECDSA_P384_SHA384_FIXED_SIGNING,
        "P-521" => &sig::ECDSA_P521_SHA512_FIXED_SIGNING,
        _ => &sig::ECDSA_P256K1_SHA256_FIXED_SIGNING,
    };
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).expect("a key");
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref()).expect("a key");
    let point = &pair.public_key().as_ref()[1..];
    let (x, y) = point.split_at(point.len() / 2);
    let jwk = json!({ "kty": "EC", "kid": kid, "crv": curve, "x": base64url(x), "y": base64url(y) });
    let der = pair.public_key().as_der().expect("encoded").as_ref().to_vec();
    TestKey { jwk, der, secret: Secret::Ec(pkcs8.as_ref().to_vec()) }
}

fn ed25519(kid: &str) -> TestKey {
    let pair = Ed25519KeyPair::generate().expect("a key");
    let jwk = json!({ "kty": "OKP", "kid": kid, "crv": "Ed25519", "x": base64url(pair.public_key()) });
    let der = pair.public_key().as_der().expect("encoded").as_ref().to_vec();
    TestKey { jwk, der, secret: Secret::Ed25519(pair) }
}
