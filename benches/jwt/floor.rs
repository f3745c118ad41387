//! The floor: AWS-LC checks the same signature over the same bytes with the same public key, and nothing else is done.
//! Base64 is decoded before.
//!
//! There are two. `unparsed` gets the key as bytes each time, as `UnparsedPublicKey` and `RsaPublicKeyComponents` do. The
//! ratio and its target are over this one: it is how libraries for JWTs call AWS-LC, and minting's floor derives from
//! the key anew too. `parsed` has the key ready. A verifier could do this if it kept the key in AWS-LC's form.

use aws_lc_rs::signature::{
    self, ParsedPublicKey, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use benches::turns::Work;
use harness::issuer::{Algorithm, SigningKey};
use serde_json::Value;
use std::hint::black_box;

/// Both floors for this key and token: unparsed and parsed.
pub(crate) fn both(algorithm: Algorithm, key: &SigningKey, token: &str) -> [Work; 2] {
    let (signed, signature) = token.rsplit_once('.').expect("a JWT");
    let (signed, signature) = (signed.to_owned().into_bytes(), decoded(signature));
    let jwk = key.public();
    match rsa(algorithm) {
        Some(parameters) => {
            let key = RsaPublicKeyComponents { n: member(&jwk, "n"), e: member(&jwk, "e") };
            let parsed = key.to_parsed_public_key(parameters).expect("a key");
            let ready = of_parsed(parsed, signed.clone(), signature.clone());
            let unparsed = works(move || key.verify(parameters, black_box(&signed), black_box(&signature)).is_ok());
            [unparsed, ready]
        }
        None => {
            let (by, bytes): (&'static dyn VerificationAlgorithm, Vec<u8>) = match algorithm {
                Algorithm::Es256 => (&signature::ECDSA_P256_SHA256_FIXED, point(&jwk)),
                Algorithm::Es384 => (&signature::ECDSA_P384_SHA384_FIXED, point(&jwk)),
                _ => (&signature::ED25519, member(&jwk, "x")),
            };
            let key = UnparsedPublicKey::new(by, bytes);
            let parsed = match algorithm {
                Algorithm::Es256 => ParsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, &key),
                Algorithm::Es384 => ParsedPublicKey::new(&signature::ECDSA_P384_SHA384_FIXED, &key),
                _ => ParsedPublicKey::new(&signature::ED25519, &key),
            };
            let ready = of_parsed(parsed.expect("a key"), signed.clone(), signature.clone());
            [works(move || key.verify(black_box(&signed), black_box(&signature)).is_ok()), ready]
        }
    }
}

fn of_parsed(key: ParsedPublicKey, signed: Vec<u8>, signature: Vec<u8>) -> Work {
    works(move || key.verify_sig(black_box(&signed), black_box(&signature)).is_ok())
}

/// Checks a good signature, and fails if it is refused.
fn works(check: impl Fn() -> bool + 'static) -> Work {
    Box::new(move |times| {
        for _ in 0..times {
            assert!(black_box(check()), "a good signature");
        }
    })
}

fn rsa(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    Some(match algorithm {
        Algorithm::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        Algorithm::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        Algorithm::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        Algorithm::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
        Algorithm::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
        Algorithm::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
        Algorithm::Es256 | Algorithm::Es384 | Algorithm::EdDsa => return None,
    })
}

/// A point of a curve, as AWS-LC takes it: a byte that says "uncompressed", and both coordinates.
fn point(jwk: &Value) -> Vec<u8> {
    [vec![4], member(jwk, "x"), member(jwk, "y")].concat()
}

fn member(jwk: &Value, name: &str) -> Vec<u8> {
    decoded(jwk[name].as_str().expect("the key has it"))
}

fn decoded(text: &str) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(text).expect("base64url")
}
