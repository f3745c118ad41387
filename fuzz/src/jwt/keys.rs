//! Keys that sign, two of each kind. They are always the same, so that each run can be repeated. They protect nothing.

use aws_lc_rs::agreement::{self, PrivateKey};
use aws_lc_rs::encoding::{AsDer as _, EcPrivateKeyRfc5915Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::signature::{
    self as sig, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RsaEncoding,
};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::sync::LazyLock;

/// The first four are the issuer's in a plain set. The other ones are strangers there.
pub(super) static KEYS: LazyLock<[Key; 8]> = LazyLock::new(|| {
    [
        ed25519("ed25519", 1),
        ec("p256", &P256, 1),
        rsa("rsa", include_bytes!("rsa-a.der")),
        ec("p384", &P384, 1),
        ed25519("ed25519-b", 2),
        ec("p256-b", &P256, 2),
        rsa("rsa-b", include_bytes!("rsa-b.der")),
        ec("p384-b", &P384, 2),
    ]
});

/// Each algorithm, and the issuer's key for it.
pub(super) const ALGORITHMS: [(&str, usize); 9] = [
    ("EdDSA", 0),
    ("ES256", 1),
    ("RS256", 2),
    ("RS384", 2),
    ("RS512", 2),
    ("PS256", 2),
    ("PS384", 2),
    ("PS512", 2),
    ("ES384", 3),
];

/// A key that signs.
pub(super) struct Key {
    pub(super) kid: &'static str,
    /// The members of the public JWK, without `kid`.
    pub(super) jwk: Vec<(&'static str, Value)>,
    /// The public key in DER, as a certificate has it.
    public: Vec<u8>,
    secret: Secret,
}

enum Secret {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair, &'static EcdsaSigningAlgorithm, Vec<u8>),
    Ed25519(Ed25519KeyPair),
}

impl Key {
    /// The algorithm of this number, among those of the key's kind.
    pub(super) fn algorithm(&self, which: u8) -> &'static str {
        const RSA: [&str; 6] = ["RS256", "PS256", "RS384", "PS384", "RS512", "PS512"];
        match &self.secret {
            Secret::Rsa(_) => RSA[usize::from(which) % RSA.len()],
            Secret::Ec(_, algorithm, _) if *algorithm == &sig::ECDSA_P256_SHA256_FIXED_SIGNING => "ES256",
            Secret::Ec(..) => "ES384",
            Secret::Ed25519(_) => "EdDSA",
        }
    }

    /// Signs a message. An algorithm of another kind of key counts as this kind's own.
    pub(super) fn sign(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
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
            Secret::Ec(pair, ..) => pair.sign(&SystemRandom::new(), message).expect("signed").as_ref().to_vec(),
            Secret::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    /// An ECDSA signature in DER, as certificates have it. JWTs have another form. Other keys sign as always.
    pub(super) fn sign_in_der(&self, message: &[u8]) -> Vec<u8> {
        let Secret::Ec(_, algorithm, der) = &self.secret else { return self.sign("", message) };
        let algorithm: &'static EcdsaSigningAlgorithm = match *algorithm == &sig::ECDSA_P256_SHA256_FIXED_SIGNING {
            true => &sig::ECDSA_P256_SHA256_ASN1_SIGNING,
            false => &sig::ECDSA_P384_SHA384_ASN1_SIGNING,
        };
        let pair = EcdsaKeyPair::from_private_key_der(algorithm, der).expect("of this curve");
        pair.sign(&SystemRandom::new(), message).expect("signed").as_ref().to_vec()
    }

    /// What a verifier computes if it takes a public key for the secret of an HMAC.
    pub(super) fn hmac(&self, form: u8, message: &[u8]) -> Vec<u8> {
        let raw = || {
            let last = self.jwk.iter().rev().find_map(|(_, value)| value.as_str());
            BASE64_URL_SAFE_NO_PAD.decode(last.unwrap_or_default()).unwrap_or_default()
        };
        let secret = match form % 4 {
            0 => self.public.clone(),
            1 => raw(),
            2 => format!(
                "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
                BASE64_STANDARD.encode(&self.public)
            )
            .into_bytes(),
            _ => Vec::new(),
        };
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), message).as_ref().to_vec()
    }
}

fn text(bytes: impl AsRef<[u8]>) -> Value {
    BASE64_URL_SAFE_NO_PAD.encode(bytes).into()
}

fn ed25519(kid: &'static str, seed: u8) -> Key {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("32 bytes");
    let jwk = vec![("kty", json!("OKP")), ("crv", json!("Ed25519")), ("x", text(pair.public_key()))];
    Key {
        kid,
        jwk,
        public: pair.public_key().as_der().expect("encoded").as_ref().to_vec(),
        secret: Secret::Ed25519(pair),
    }
}

struct Curve {
    name: &'static str,
    /// How long a number on the curve is, in bytes.
    length: usize,
    agreement: &'static agreement::Algorithm,
    signing: &'static EcdsaSigningAlgorithm,
}

static P256: Curve = Curve {
    name: "P-256",
    length: 32,
    agreement: &agreement::ECDH_P256,
    signing: &sig::ECDSA_P256_SHA256_FIXED_SIGNING,
};

static P384: Curve = Curve {
    name: "P-384",
    length: 48,
    agreement: &agreement::ECDH_P384,
    signing: &sig::ECDSA_P384_SHA384_FIXED_SIGNING,
};

fn ec(kid: &'static str, curve: &Curve, seed: u8) -> Key {
    // Only this type computes the public half.
    let private = PrivateKey::from_private_key(curve.agreement, &vec![seed; curve.length]).expect("a number");
    let der: EcPrivateKeyRfc5915Der<'_> = private.as_der().expect("encoded");
    let der = der.as_ref().to_vec();
    let pair = EcdsaKeyPair::from_private_key_der(curve.signing, &der).expect("of this curve");
    let (x, y) = pair.public_key().as_ref()[1..].split_at(curve.length);
    let jwk = vec![("kty", json!("EC")), ("crv", json!(curve.name)), ("x", text(x)), ("y", text(y))];
    let public = pair.public_key().as_der().expect("encoded").as_ref().to_vec();
    Key { kid, jwk, public, secret: Secret::Ec(pair, curve.signing, der) }
}

fn rsa(kid: &'static str, der: &[u8]) -> Key {
    let pair = RsaKeyPair::from_der(der).expect("a key");
    let (n, e) = (pair.public_key().modulus(), pair.public_key().exponent());
    let (n, e) = (n.big_endian_without_leading_zero(), e.big_endian_without_leading_zero());
    let jwk = vec![("kty", json!("RSA")), ("e", text(e)), ("n", text(n))];
    let public = pair.public_key().as_der().expect("encoded").as_ref().to_vec();
    Key { kid, jwk, public, secret: Secret::Rsa(pair) }
}
