//! Tokens that an attacker may send, each with the rule that refuses it.

use super::super::samples::{
    AUDIENCE, ED25519, FORGED_P256, FORGED_RSA, ISSUER, KEYS, NOW, P256, P384, P521, RSA, SECP256K1, TestKey,
    base64url, claims, claims_with, expected, key_set,
};
use super::super::{Expected, KeySet, Refusal, verify};
use aws_lc_rs::hmac;
use serde_json::{Value, json};

/// An attack's name, its token, and the rule that refuses it.
type Row = (&'static str, String, Refusal);

#[track_caller]
fn refused(keys: &KeySet, rows: Vec<Row>) {
    for (name, token, refusal) in rows {
        assert_eq!(verify(&expected(), keys, &token, NOW), Err(refusal), "{name}");
    }
}

/// The header that the issuer writes for its key, with this change.
fn header(key: &TestKey, algorithm: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut header = key.header(algorithm);
    change(&mut header);
    header
}

/// A genuine token with these claims changed.
fn genuine(change: impl FnOnce(&mut Value)) -> String {
    RSA.token(&RSA.header("RS256"), &claims_with(change))
}

/// A token of the issuer's, in its three parts.
fn parts(key: &TestKey, algorithm: &str) -> [String; 3] {
    let token = key.token(&key.header(algorithm), &claims());
    let parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    parts.try_into().expect("three parts")
}

/// A token with this header and signature.
fn signed_with(header: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let message = format!("{}.{}", base64url(header.to_string()), base64url(claims().to_string()));
    let signature = sign(message.as_bytes());
    format!("{message}.{}", base64url(signature))
}

#[test]
fn no_signature_and_the_public_key_as_a_secret() {
    let none = |name: &str| json!({ "alg": name, "kid": "rsa" });
    let hmac = |name: &str, algorithm, secret: &[u8]| {
        let key = hmac::Key::new(algorithm, secret);
        signed_with(&header(&RSA, name, |_| ()), |message| hmac::sign(&key, message).as_ref().to_vec())
    };
    let pem = RSA.pem();
    let modulus = RSA.jwk["n"].as_str().expect("a string").as_bytes();
    let mut rows = vec![
        ("HS256 with the PEM", hmac("HS256", hmac::HMAC_SHA256, pem.as_bytes()), Refusal::Algorithm),
        (
            "HS256 with the PEM's text alone",
            hmac("HS256", hmac::HMAC_SHA256, pem.trim().as_bytes()),
            Refusal::Algorithm,
        ),
        ("HS256 with the DER", hmac("HS256", hmac::HMAC_SHA256, &RSA.der), Refusal::Algorithm),
        ("HS384 with the DER", hmac("HS384", hmac::HMAC_SHA384, &RSA.der), Refusal::Algorithm),
        ("HS512 with the JWK's n", hmac("HS512", hmac::HMAC_SHA512, modulus), Refusal::Algorithm),
        ("HS256 with nothing", hmac("HS256", hmac::HMAC_SHA256, b""), Refusal::Algorithm),
        ("RS256 that is an HMAC with the DER", hmac("RS256", hmac::HMAC_SHA256, &RSA.der), Refusal::Signature),
    ];
    for algorithm in ["none", "None", "NONE", "nOnE", ""] {
        rows.push(("none with an empty signature", signed_with(&none(algorithm), |_| Vec::new()), Refusal::Algorithm));
        let signed = |message: &[u8]| RSA.sign("RS256", message);
        rows.push(("none with a good signature", signed_with(&none(algorithm), signed), Refusal::Algorithm));
    }
    refused(&KEYS, rows);
}

#[test]
fn another_algorithm_than_the_keys() {
    let signed_as = |key: &TestKey, algorithm: &str, said: &str| {
        signed_with(&header(key, said, |_| ()), |message| key.sign(algorithm, message))
    };
    let mut rows = vec![
        ("no alg", RSA.token_of("RS256", r#"{"kid":"rsa"}"#, &claims().to_string()), Refusal::Algorithm),
        ("ES384 with the ES256 key", signed_as(&P256, "ES256", "ES384"), Refusal::OtherAlgorithm),
        ("ES256 with the ES384 key", signed_as(&P384, "ES384", "ES256"), Refusal::OtherAlgorithm),
        ("ES256 with the RSA key", signed_as(&RSA, "RS256", "ES256"), Refusal::OtherAlgorithm),
        ("RS256 with the ES256 key", signed_as(&P256, "ES256", "RS256"), Refusal::OtherAlgorithm),
        ("EdDSA with the ES256 key", signed_as(&P256, "ES256", "EdDSA"), Refusal::OtherAlgorithm),
        ("ES256 with the Ed25519 key", signed_as(&ED25519, "EdDSA", "ES256"), Refusal::OtherAlgorithm),
        ("RS512 that is RS256", signed_as(&RSA, "RS256", "RS512"), Refusal::Signature),
        ("RS256 that is PS256", signed_as(&RSA, "PS256", "RS256"), Refusal::Signature),
        ("PS256 that is RS256", signed_as(&RSA, "RS256", "PS256"), Refusal::Signature),
        ("ES256 in DER", signed_as(&P256, "ES256 as DER", "ES256"), Refusal::Signature),
        ("ES512", P521.token(&P521.header("ES512"), &claims()), Refusal::Algorithm),
        ("ES256K", SECP256K1.token(&SECP256K1.header("ES256K"), &claims()), Refusal::Algorithm),
        ("ES256 with the P-521 key", signed_as(&P521, "ES512", "ES256"), Refusal::UnknownKey),
        ("ES256 with the secp256k1 key", signed_as(&SECP256K1, "ES256K", "ES256"), Refusal::UnknownKey),
    ];
    for name in ["rs256", "RS256 ", "RS1", "RSA-OAEP", "dir", "ES256\0", "Ed25519", "EDDSA"] {
        rows.push(("an unknown alg", signed_as(&RSA, "RS256", name), Refusal::Algorithm));
    }
    for alg in [json!(null), json!(256), json!(["RS256"]), json!({ "alg": "RS256" })] {
        let header = header(&RSA, "RS256", |header| header["alg"] = alg).to_string();
        rows.push(("alg of another type", RSA.token_of("RS256", &header, &claims().to_string()), Refusal::Algorithm));
    }
    refused(&KEYS, rows);
}

#[test]
fn a_key_that_the_sender_chose() {
    let forged = |change: fn(&mut Value)| FORGED_RSA.token(&header(&RSA, "RS256", change), &claims());
    let mut rows = vec![
        ("another key under the issuer's kid", forged(|_| ()), Refusal::Signature),
        (
            "another issuer's EC key under the kid",
            FORGED_P256.token(&P256.header("ES256"), &claims()),
            Refusal::Signature,
        ),
        ("another kid of the issuer", RSA.token(&header(&P256, "RS256", |_| ()), &claims()), Refusal::OtherAlgorithm),
        ("embedded jwk", forged(|header| header["jwk"] = FORGED_RSA.jwk.clone()), Refusal::Signature),
        ("jku", forged(|header| header["jku"] = json!("https://evil.example/jwks.json")), Refusal::Signature),
        ("x5u", forged(|header| header["x5u"] = json!("https://evil.example/chain.pem")), Refusal::Signature),
        ("x5c", forged(|header| header["x5c"] = json!(["MIIB"])), Refusal::Signature),
        ("x5t", forged(|header| header["x5t"] = json!("AAAA")), Refusal::Signature),
    ];
    for member in ["jwk", "jku", "x5u", "x5c"] {
        let header = header(&RSA, "RS256", |header| {
            header["kid"] = json!("evil");
            header[member] = FORGED_RSA.jwk.clone();
        });
        rows.push(("a kid that only the token knows", FORGED_RSA.token(&header, &claims()), Refusal::UnknownKey));
    }
    let kids = ["", "../../../../dev/null", "/proc/self/environ", "file:///etc/passwd", "rsa' OR '1'='1", "rsa;id"];
    let kids =
        kids.into_iter().chain(["' UNION SELECT 'key", "rsa\0", "RSA", "rsa ", "https://evil.example/key", "%72sa"]);
    for kid in kids {
        let header = header(&RSA, "RS256", |header| header["kid"] = json!(kid));
        rows.push(("kid as a path, SQL, a command or a URL", RSA.token(&header, &claims()), Refusal::UnknownKey));
    }
    for kid in [json!(null), json!(1), json!(["rsa"]), json!({ "kid": "rsa" })] {
        let header = header(&RSA, "RS256", |header| header["kid"] = kid);
        rows.push(("kid of another type", RSA.token(&header, &claims()), Refusal::KeyIdType));
    }
    refused(&KEYS, rows);
    // What only points at a key doesn't spoil a genuine token.
    let harmless = header(&RSA, "RS256", |header| {
        header["jku"] = json!("https://evil.example/jwks.json");
        header["jwk"] = FORGED_RSA.jwk.clone();
    });
    assert!(verify(&expected(), &KEYS, &RSA.token(&harmless, &claims()), NOW).is_ok());
}

#[test]
fn keys_that_are_not_for_this() {
    let published = |kid: &str, change: &dyn Fn(&mut Value)| {
        let mut jwk = RSA.jwk.clone();
        jwk["kid"] = json!(kid);
        change(&mut jwk);
        jwk
    };
    let secret = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
    let jwks = [
        published("for encryption", &|jwk| jwk["use"] = json!("enc")),
        published("for signing only", &|jwk| jwk["key_ops"] = json!(["sign"])),
        published("for RSA-OAEP", &|jwk| jwk["alg"] = json!("RSA-OAEP")),
        published("of 1024 bits", &|jwk| jwk["n"] = json!(base64url([0xff; 128]))),
        published("for PS256", &|jwk| jwk["alg"] = json!("PS256")),
        json!({ "kty": "oct", "kid": "oct", "k": base64url([7; 32]) }),
        P384.jwk.clone(),
    ];
    let with_kid = |kid: &str| {
        let header = header(&RSA, "RS256", |header| header["kid"] = json!(kid));
        RSA.token(&header, &claims())
    };
    let hs256 = signed_with(&json!({ "alg": "HS256", "kid": "oct" }), |it| hmac::sign(&secret, it).as_ref().to_vec());
    let rs256 = signed_with(&json!({ "alg": "RS256", "kid": "oct" }), |it| hmac::sign(&secret, it).as_ref().to_vec());
    let rows = vec![
        ("use enc", with_kid("for encryption"), Refusal::UnknownKey),
        ("key_ops without verify", with_kid("for signing only"), Refusal::UnknownKey),
        ("alg for encryption", with_kid("for RSA-OAEP"), Refusal::UnknownKey),
        ("RSA of 1024 bits", with_kid("of 1024 bits"), Refusal::UnknownKey),
        ("RS256 with the key for PS256", with_kid("for PS256"), Refusal::OtherAlgorithm),
        ("HS256 with an oct key of the set", hs256, Refusal::Algorithm),
        ("RS256 with an oct key of the set", rs256, Refusal::UnknownKey),
    ];
    refused(&key_set(&jwks.each_ref()), rows);
}

#[test]
fn a_header_or_payload_that_readers_read_differently() {
    let (head, body) = (RSA.header("RS256").to_string(), claims().to_string());
    let token = |header: &str, payload: &str| RSA.token_of("RS256", header, payload);
    let with = |object: &str, member: &str| object.replacen('{', &format!("{{{member},"), 1);
    let header = |change: fn(&mut Value)| RSA.token(&header(&RSA, "RS256", change), &claims());
    let mut rows = vec![
        ("alg twice", token(&with(&head, r#""alg":"none""#), &body), Refusal::HeaderNameTwice),
        ("alg twice, once escaped", token(&with(&head, r#""\u0061lg":"none""#), &body), Refusal::HeaderNameTwice),
        ("kid twice", token(&with(&head, r#""kid":"rsa""#), &body), Refusal::HeaderNameTwice),
        ("twice in the jwk", token(&with(&head, r#""jwk":{"a":1,"a":2}"#), &body), Refusal::HeaderNameTwice),
        ("sub twice", token(&head, &with(&body, r#""sub":"bob""#)), Refusal::PayloadNameTwice),
        ("exp twice", token(&head, &with(&body, r#""exp":9999999999"#)), Refusal::PayloadNameTwice),
        ("twice in a claim", token(&head, &with(&body, r#""a":[{"b":{"c":1,"c":1}}]"#)), Refusal::PayloadNameTwice),
        ("crit", header(|header| header["crit"] = json!(["exp"])), Refusal::Critical),
        ("empty crit", header(|header| header["crit"] = json!([])), Refusal::Critical),
        ("crit null", header(|header| header["crit"] = json!(null)), Refusal::Critical),
        ("crit b64", header(|it| (it["crit"], it["b64"]) = (json!(["b64"]), json!(false))), Refusal::Critical),
        ("typ of a logout token", header(|header| header["typ"] = json!("logout+jwt")), Refusal::Type),
        ("typ of another type", header(|header| header["typ"] = json!(["JWT"])), Refusal::Type),
    ];
    let deep = format!("{}{}", "[".repeat(2000), "]".repeat(2000));
    let texts = ["", "null", "1", "\"text\"", "[]", "{", "{}{}", "{} x", "\u{feff}{}", "{'a':1}", "{\"a\":1,}", &deep];
    for text in texts {
        rows.push(("a header that is no object", token(text, &body), Refusal::HeaderNotJson));
        rows.push(("a payload that is no object", token(&head, text), Refusal::PayloadNotJson));
    }
    let parts = parts(&RSA, "RS256");
    let invalid = base64url(b"{\"a\":\"\xff\"}");
    rows.push(("a header that is no UTF-8", format!("{invalid}.{}.{}", parts[1], parts[2]), Refusal::HeaderNotJson));
    rows.push(("a payload that is no UTF-8", format!("{}.{invalid}.{}", parts[0], parts[2]), Refusal::PayloadNotJson));
    refused(&KEYS, rows);
}

#[test]
fn another_form_than_three_parts_of_base64url() {
    let [header, payload, signature] = parts(&RSA, "RS256");
    let whole = format!("{header}.{payload}.{signature}");
    let mut rows = vec![
        ("nothing", String::new(), Refusal::Parts),
        ("one part", header.clone(), Refusal::Parts),
        ("two parts", format!("{header}.{payload}"), Refusal::Parts),
        ("four parts", format!("{whole}."), Refusal::Parts),
        ("a dot in front", format!(".{whole}"), Refusal::Parts),
        ("five parts", format!("{whole}.AAAA.AAAA"), Refusal::Parts),
        ("no signature", format!("{header}.{payload}."), Refusal::Signature),
        ("no payload", format!("{header}..{signature}"), Refusal::PayloadNotJson),
        ("no header", format!(".{payload}.{signature}"), Refusal::HeaderNotJson),
        ("dots", "..".to_owned(), Refusal::HeaderNotJson),
        ("JSON serialization", json!({ "payload": payload, "signatures": [] }).to_string(), Refusal::Parts),
        ("half a signature", format!("{header}.{payload}.{}", &signature[..160]), Refusal::Signature),
        ("a longer signature", format!("{header}.{payload}.{signature}{signature}"), Refusal::Signature),
        ("9 KiB", genuine(|claims| claims["a"] = json!("a".repeat(9 * 1024))), Refusal::TooLong),
        ("9 KiB of dots", ".".repeat(9 * 1024), Refusal::TooLong),
    ];
    for added in ["=", "==", " ", "\t", "\n", "\r\n", ",", "%3D", "\0", "\u{e9}", "+", "/"] {
        for part in 0..3 {
            let mut parts = [header.clone(), payload.clone(), signature.clone()];
            parts[part] = format!("{}{added}", parts[part]);
            rows.push(("padding or whitespace behind a part", parts.join("."), Refusal::Base64));
            parts[part] = format!("{added}{}", [&header, &payload, &signature][part]);
            rows.push(("padding or whitespace before a part", parts.join("."), Refusal::Base64));
        }
    }
    refused(&KEYS, rows);
}

#[test]
fn a_genuine_token_that_is_not_for_us_or_not_now() {
    let without = |name: &'static str| genuine(move |it| drop(it.as_object_mut().map(|claims| claims.remove(name))));
    let mut rows = vec![
        ("expired by 61 seconds", genuine(|claims| claims["exp"] = json!(NOW - 61)), Refusal::Expired),
        ("without exp", without("exp"), Refusal::ExpiryType),
        ("not yet valid", genuine(|claims| claims["nbf"] = json!(NOW + 61)), Refusal::NotYetValid),
        ("issued in the future", genuine(|claims| claims["iat"] = json!(NOW + 61)), Refusal::IssuedInFuture),
        ("another audience", genuine(|claims| claims["aud"] = json!("https://other.example")), Refusal::Audience),
        ("an audience that is an object", genuine(|it| it["aud"] = json!({ AUDIENCE: true })), Refusal::AudienceType),
        ("audiences that are not all text", genuine(|it| it["aud"] = json!([AUDIENCE, 1])), Refusal::AudienceType),
        ("without aud", without("aud"), Refusal::Audience),
        ("without iss", without("iss"), Refusal::Issuer),
    ];
    let issuers = [
        "https://other.example/tenant",
        "https://issuer.example/tenant/",
        "https://issuer.example//tenant",
        "https://issuer.example/Tenant",
        "https://ISSUER.example/tenant",
        "http://issuer.example/tenant",
        "https://issuer.example:443/tenant",
        "https://issuer.example/tenant ",
        "https://issuer.example/tenant\0",
        "https://issuer.example/tenant#",
        "https://issuer.example/tenan\u{0442}",
        "",
    ];
    for issuer in issuers {
        // The same kid. With the issuer's key the rule is the claim's, with a forged key too.
        rows.push(("another issuer", genuine(|claims| claims["iss"] = json!(issuer)), Refusal::Issuer));
        let claims = claims_with(|claims| claims["iss"] = json!(issuer));
        rows.push(("another issuer's key", FORGED_RSA.token(&RSA.header("RS256"), &claims), Refusal::Issuer));
    }
    refused(&KEYS, rows);
    assert_eq!(claims()["iss"], ISSUER);
}

#[test]
fn an_id_token_unless_it_is_allowed() {
    let marks = [
        ("token_use", json!("id")),
        ("token_use", json!("refresh")),
        ("token_use", json!("Access")),
        ("token_use", json!(null)),
        ("typ", json!("ID")),
        ("typ", json!("id")),
        ("at_hash", json!("abc")),
        ("at_hash", json!(null)),
        ("c_hash", json!("abc")),
        ("nonce", json!("")),
    ];
    let allowed = Expected { id_tokens: true, ..expected() };
    for (name, value) in marks {
        let token = genuine(|claims| claims[name] = value.clone());
        assert_eq!(verify(&expected(), &KEYS, &token, NOW), Err(Refusal::IdToken), "{name}: {value}");
        assert!(verify(&allowed, &KEYS, &token, NOW).is_ok(), "{name}: {value}");
    }
    for (name, value) in [("token_use", "access"), ("typ", "Bearer")] {
        assert!(verify(&expected(), &KEYS, &genuine(|claims| claims[name] = json!(value)), NOW).is_ok(), "{name}");
    }
}
