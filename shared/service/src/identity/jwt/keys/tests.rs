use super::super::samples::{ED25519, P256, P384, P521, RSA, SECP256K1, base64url, key_set};
use super::*;
use serde_json::{Value, json};

fn parse(set: &Value) -> Result<usize, KeySetError> {
    KeySet::parse(set.to_string().as_bytes()).map(|set| set.keys.len())
}

/// Whether a key can be used. The set has another one, so that it is never without a key.
fn usable(jwk: &Value) -> bool {
    parse(&json!({ "keys": [jwk, P384.jwk] })).expect("a set") == 2
}

/// The key, with this change.
fn changed(jwk: &Value, member: &str, value: Value) -> Value {
    let mut jwk = jwk.clone();
    jwk[member] = value;
    jwk
}

fn without(jwk: &Value, member: &str) -> Value {
    let mut jwk = jwk.clone();
    jwk.as_object_mut().expect("an object").remove(member).expect("a member");
    jwk
}

fn rsa_with(n: impl AsRef<[u8]>, e: impl AsRef<[u8]>) -> Value {
    json!({ "kty": "RSA", "n": base64url(n), "e": base64url(e) })
}

/// A modulus of this many bits.
fn modulus(bits: usize) -> Vec<u8> {
    let mut bytes = vec![0xff; bits.div_ceil(8)];
    bytes[0] = 0xff >> (bytes.len() * 8 - bits);
    bytes
}

#[test]
fn a_set_has_the_keys_that_can_be_used() {
    let keys = [&RSA.jwk, &P256.jwk, &P384.jwk, &ED25519.jwk];
    assert_eq!(parse(&json!({ "keys": keys, "other": 1 })), Ok(4));
    let oct = json!({ "kty": "oct", "kid": "oct", "alg": "HS256", "k": base64url([7; 32]) });
    let x25519 = json!({ "kty": "OKP", "crv": "X25519", "x": base64url([7; 32]) });
    let ed448 = json!({ "kty": "OKP", "crv": "Ed448", "x": base64url([7; 57]) });
    let akp = json!({ "kty": "AKP", "alg": "ML-DSA-44", "pub": base64url([7; 1312]) });
    let skipped = [&oct, &x25519, &ed448, &akp, &P521.jwk, &SECP256K1.jwk];
    for jwk in skipped {
        assert!(!usable(jwk), "{jwk}");
        assert_eq!(parse(&json!({ "keys": [jwk] })), Err(KeySetError::NoUsableKey), "{jwk}");
    }
    for no_key in [json!(null), json!(1), json!("key"), json!([RSA.jwk]), json!({})] {
        assert!(!usable(&no_key), "{no_key}");
    }
}

#[test]
fn a_key_is_skipped_if_the_issuer_says_it_is_for_something_else() {
    for jwk in [&RSA.jwk, &P256.jwk, &ED25519.jwk] {
        for used in [json!("enc"), json!("SIG"), json!(""), json!(null), json!(["sig"])] {
            assert!(!usable(&changed(jwk, "use", used.clone())), "use {used}");
        }
        for operations in [json!(["sign"]), json!(["encrypt", "wrapKey"]), json!([]), json!("verify"), json!(null)] {
            assert!(!usable(&changed(jwk, "key_ops", operations.clone())), "key_ops {operations}");
        }
        assert!(usable(&changed(jwk, "use", json!("sig"))));
        assert!(usable(&changed(jwk, "key_ops", json!(["sign", "verify"]))));
        for algorithm in ["HS256", "none", "RSA-OAEP", "ES512", "ES256K", "ES384", "rs256", ""] {
            assert!(!usable(&changed(jwk, "alg", json!(algorithm))), "alg {algorithm}");
        }
        assert!(!usable(&changed(jwk, "alg", json!(256))));
        assert!(!usable(&changed(jwk, "kid", json!(1))));
    }
    assert!(!usable(&changed(&RSA.jwk, "alg", json!("ES256"))));
    assert!(!usable(&changed(&P256.jwk, "alg", json!("PS256"))));
    assert!(usable(&changed(&RSA.jwk, "alg", json!("PS512"))));
    assert!(usable(&changed(&P256.jwk, "alg", json!("ES256"))));
    assert!(usable(&changed(&ED25519.jwk, "alg", json!("EdDSA"))));
}

#[test]
fn what_a_kind_of_key_does_not_have_means_nothing() {
    for other in [json!(1), json!(null), json!("P-256")] {
        assert!(usable(&changed(&RSA.jwk, "crv", other.clone())), "crv {other}");
        assert!(usable(&changed(&ED25519.jwk, "y", other.clone())), "y {other}");
    }
    for other in [json!(1), json!(null)] {
        assert!(!usable(&changed(&P256.jwk, "crv", other.clone())), "crv {other}");
    }
}

#[test]
fn an_rsa_key_has_2048_to_8192_bits() {
    for bits in [2048, 3072, 4096, 8192] {
        assert!(usable(&rsa_with(modulus(bits), [1, 0, 1])), "{bits}");
    }
    for bits in [8, 512, 1024, 2040, 2047, 8193, 16384] {
        assert!(!usable(&rsa_with(modulus(bits), [1, 0, 1])), "{bits}");
    }
    // Zeros in front don't make it longer.
    let zeros = |bits: usize, zeros: usize| [vec![0; zeros], modulus(bits)].concat();
    assert!(!usable(&rsa_with(zeros(1024, 128), [1, 0, 1])));
    assert!(usable(&rsa_with(zeros(2048, 1), [0, 1, 0, 1])));
    assert!(!usable(&rsa_with([], [1, 0, 1])));
    assert!(!usable(&rsa_with([0; 256], [1, 0, 1])));
}

#[test]
fn an_rsa_exponent_is_odd_and_not_1() {
    for exponent in [&[3_u8][..], &[1, 0, 1], &[0xff; 4]] {
        assert!(usable(&rsa_with(modulus(2048), exponent)), "{exponent:?}");
    }
    for exponent in [&[][..], &[0], &[1], &[0, 1], &[2], &[1, 0, 0], &[0xff; 5]] {
        assert!(!usable(&rsa_with(modulus(2048), exponent)), "{exponent:?}");
    }
}

#[test]
fn each_number_of_a_key_has_its_length_and_its_spelling() {
    let all = [(&RSA.jwk, vec!["n", "e"]), (&P256.jwk, vec!["x", "y"]), (&ED25519.jwk, vec!["x"])];
    for (jwk, members) in all {
        for member in [&members[..], &["kty"]].concat() {
            assert!(!usable(&without(jwk, member)), "{member}");
            let right = jwk[member].as_str().expect("a string").to_owned();
            for wrong in [json!(null), json!(1), json!([right]), json!(""), json!(format!("{right}=")), json!("+/")] {
                assert!(!usable(&changed(jwk, member, wrong.clone())), "{member}: {wrong}");
            }
        }
    }
    for (jwk, length) in [(&P256.jwk, 32), (&P384.jwk, 48), (&ED25519.jwk, 32)] {
        for other in [length - 1, length + 1, 65] {
            assert!(!usable(&changed(jwk, "x", json!(base64url(vec![1; other])))), "{other}");
        }
        assert!(!usable(&without(jwk, "crv")));
        assert!(!usable(&changed(jwk, "crv", json!("p-256"))));
    }
    assert!(!usable(&changed(&P256.jwk, "crv", json!("P-384"))));
    assert!(!usable(&changed(&P256.jwk, "crv", json!("Ed25519"))));
}

#[test]
fn a_set_that_cannot_be_read_is_an_error() {
    let read = |text: &str| KeySet::parse(text.as_bytes()).map(|_| ());
    for text in ["", "{", "null", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":null}"#, "<html></html>"] {
        assert_eq!(read(text), Err(KeySetError::NotKeys), "{text}");
    }
    assert_eq!(read(r#"{"keys":[]}"#), Err(KeySetError::NoUsableKey));
    let key = P256.jwk.to_string();
    assert_eq!(read(&format!(r#"{{"keys":[{key}],"keys":[{key}]}}"#)), Err(KeySetError::NameTwice));
    let twice = key.replacen('{', r#"{"kty":"EC","#, 1);
    assert_eq!(read(&format!(r#"{{"keys":[{twice}]}}"#)), Err(KeySetError::NameTwice));
}

#[test]
fn a_set_has_50_keys_and_64_kib_at_most() {
    let many = |count: usize| json!({ "keys": vec![P256.jwk.clone(); count] });
    assert_eq!(parse(&many(50)), Ok(50));
    assert_eq!(parse(&many(51)), Err(KeySetError::TooMany));
    // Those that are skipped count too.
    let mut skipped = vec![json!({}); 50];
    skipped.push(P256.jwk.clone());
    assert_eq!(parse(&json!({ "keys": skipped })), Err(KeySetError::TooMany));
    let padded = |length: usize| {
        let text = json!({ "keys": [P256.jwk] }).to_string();
        let spaces = " ".repeat(length - text.len());
        KeySet::parse(format!("{text}{spaces}").as_bytes()).map(|set| set.keys.len())
    };
    assert_eq!(padded(64 * 1024), Ok(1));
    assert_eq!(padded(64 * 1024 + 1), Err(KeySetError::TooLarge));
}

#[test]
fn the_kid_picks_the_key_and_the_key_says_the_algorithm() {
    let pick = |set: &KeySet, id: Option<&str>, algorithm| set.pick(id, algorithm).map(|key| key.kind);
    let set = key_set(&[&RSA.jwk, &P256.jwk, &P384.jwk]);
    assert_eq!(pick(&set, Some("p256"), Algorithm::Es256), Ok(Kind::P256));
    assert_eq!(pick(&set, Some("p256"), Algorithm::Es384), Err(Refusal::OtherAlgorithm));
    assert_eq!(pick(&set, Some("p256"), Algorithm::Rs256), Err(Refusal::OtherAlgorithm));
    for unknown in ["", "P256", "p256 ", "p25", "../p256", "p256' OR '1'='1", "p256\0"] {
        assert_eq!(pick(&set, Some(unknown), Algorithm::Es256), Err(Refusal::UnknownKey), "{unknown:?}");
    }
    let only = key_set(&[&changed(&RSA.jwk, "alg", json!("RS512"))]);
    assert_eq!(pick(&only, Some("rsa"), Algorithm::Rs512), Ok(Kind::Rsa));
    for other in [Algorithm::Rs256, Algorithm::Ps512] {
        assert_eq!(pick(&only, Some("rsa"), other), Err(Refusal::OtherAlgorithm));
    }
}

#[test]
fn without_a_kid_exactly_one_key_must_fit() {
    let pick = |set: &KeySet, algorithm| set.pick(None, algorithm).map(|key| key.kind);
    let set = key_set(&[&RSA.jwk, &P256.jwk, &without(&P384.jwk, "kid")]);
    assert_eq!(pick(&set, Algorithm::Ps384), Ok(Kind::Rsa));
    assert_eq!(pick(&set, Algorithm::Es384), Ok(Kind::P384));
    assert_eq!(pick(&set, Algorithm::EdDsa), Err(Refusal::UnknownKey));
    let two = key_set(&[&changed(&RSA.jwk, "alg", json!("RS256")), &changed(&RSA.jwk, "kid", json!("rsa-2"))]);
    assert_eq!(pick(&two, Algorithm::Rs256), Err(Refusal::SeveralKeys));
    assert_eq!(pick(&two, Algorithm::Rs384), Ok(Kind::Rsa));
}

#[test]
fn two_keys_of_one_kid_are_told_apart_by_the_algorithm_alone() {
    let set = key_set(&[&P256.jwk, &changed(&P384.jwk, "kid", json!("p256"))]);
    assert_eq!(set.pick(Some("p256"), Algorithm::Es384).map(|key| key.kind), Ok(Kind::P384));
    let same = key_set(&[&P256.jwk, &P256.jwk]);
    assert_eq!(same.pick(Some("p256"), Algorithm::Es256).map(|_| ()), Err(Refusal::SeveralKeys));
}

#[test]
fn sets_are_equal_if_their_keys_are() {
    let set = || key_set(&[&RSA.jwk, &P256.jwk]);
    assert_eq!(set(), set());
    let others = [
        key_set(&[&RSA.jwk]),
        key_set(&[&RSA.jwk, &P384.jwk]),
        key_set(&[&changed(&RSA.jwk, "kid", json!("other")), &P256.jwk]),
        key_set(&[&changed(&RSA.jwk, "alg", json!("RS256")), &P256.jwk]),
        key_set(&[&changed(&RSA.jwk, "e", json!("Aw")), &P256.jwk]),
        key_set(&[&RSA.jwk, &changed(&P256.jwk, "y", P256.jwk["x"].clone())]),
    ];
    for other in others {
        assert_ne!(set(), other);
    }
}

#[test]
fn a_set_prints_no_key() {
    let printed = format!("{:?}", key_set(&[&RSA.jwk, &P256.jwk]));
    assert!(printed.contains(r#"id: Some("rsa")"#), "{printed}");
    assert!(printed.len() < 200, "{printed}");
}
