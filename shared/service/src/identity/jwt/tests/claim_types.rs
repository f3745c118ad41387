//! Each claim that we read has its type, and the others keep theirs.

use super::super::samples::{AUDIENCE, ISSUER, KEYS, NOW, P256, claims_with, expected};
use super::super::{Proven, Refusal, verify};
use crate::json::Json;
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn refusal(claims: &Value) -> Option<Refusal> {
    verify(&expected(), &KEYS, &P256.token(&P256.header("ES256"), claims), NOW).err()
}

#[test]
fn a_claim_of_another_type_is_refused() {
    let wrong = |right: &[&str]| {
        let all = [
            ("null", json!(null)),
            ("true", json!(true)),
            ("number", json!(NOW + 30)),
            ("text", json!((NOW + 30).to_string())),
            ("array", json!([NOW + 30])),
            ("mixed", json!([AUDIENCE, 1])),
            ("nested", json!([[AUDIENCE]])),
            ("object", json!({ "aud": AUDIENCE })),
        ];
        all.into_iter().filter(|(kind, _)| !right.contains(kind)).map(|(_, value)| value).collect::<Vec<_>>()
    };
    let rows: [(&str, Vec<Value>, Refusal); 6] = [
        ("iss", wrong(&[]), Refusal::Issuer),
        ("iss", vec![json!([ISSUER]), json!({ "iss": ISSUER })], Refusal::Issuer),
        ("aud", wrong(&["text"]), Refusal::AudienceType),
        ("exp", wrong(&["number"]), Refusal::ExpiryType),
        ("nbf", wrong(&["number"]), Refusal::NotBeforeType),
        ("iat", wrong(&["number"]), Refusal::IssuedAtType),
    ];
    for (name, values, expected) in rows {
        for value in values {
            let claims = claims_with(|claims| claims[name] = value.clone());
            assert_eq!(refusal(&claims), Some(expected), "{name}: {value}");
        }
    }
    for name in ["client_id", "azp"] {
        for value in wrong(&["text"]).into_iter().chain([json!([AUDIENCE])]) {
            let mut claims = json!({ "iss": ISSUER, "exp": NOW + 600 });
            claims[name] = value.clone();
            assert_eq!(refusal(&claims), Some(Refusal::AudienceType), "{name}: {value}");
        }
    }
    for name in ["token_use", "typ"] {
        for value in wrong(&["text"]) {
            let claims = claims_with(|claims| claims[name] = value.clone());
            assert_eq!(refusal(&claims), Some(Refusal::IdToken), "{name}: {value}");
        }
    }
}

#[test]
fn a_missing_claim_is_refused() {
    for (name, expected) in [("iss", Refusal::Issuer), ("aud", Refusal::Audience), ("exp", Refusal::ExpiryType)] {
        let claims = claims_with(|claims| drop(claims.as_object_mut().expect("an object").remove(name)));
        assert_eq!(refusal(&claims), Some(expected), "{name}");
    }
}

#[test]
fn a_user_gets_every_claim_with_its_type() {
    let claims = claims_with(|claims| {
        claims["sub"] = json!(42);
        claims["rooms"] = json!(["vip lounge", "a,b"]);
        claims["app_metadata"] = json!({ "rooms": ["x"], "level": -1.5 });
        claims["is_anonymous"] = json!(false);
        claims["nothing"] = json!(null);
    });
    let token = P256.token(&P256.header("ES256"), &claims);
    let Ok(Proven::User(claims)) = verify(&expected(), &KEYS, &token, NOW) else { panic!("refused") };
    let text = |text: &str| Json::Text(text.to_owned());
    assert_eq!(claims["sub"], Json::Number(42));
    assert_eq!(claims["rooms"], Json::List(vec![text("vip lounge"), text("a,b")]));
    let metadata = [("rooms", Json::List(vec![text("x")])), ("level", Json::OtherNumber(-1.5))];
    let metadata = BTreeMap::from(metadata.map(|(name, value)| (name.to_owned(), value)));
    assert_eq!(claims["app_metadata"], Json::Object(metadata));
    assert_eq!(claims["is_anonymous"], Json::Bool(false));
    assert_eq!(claims["nothing"], Json::Null);
}
