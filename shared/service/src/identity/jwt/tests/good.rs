//! Tokens that are verified, and how far each rule lets them go.

use super::super::samples::{
    ALGORITHMS, AUDIENCE, ISSUER, KEYS, NOW, P256, RSA, backend, claims, claims_with, expected, key_set,
};
use super::super::{Expected, Proven, Refusal, verify};
use crate::json::Json;
use serde_json::{Value, json};

/// What becomes of a token with these claims.
fn verified(expected: &Expected, claims: &Value) -> Result<Proven, Refusal> {
    verify(expected, &KEYS, &P256.token(&P256.header("ES256"), claims), NOW)
}

fn with_header(header: &Value) -> Result<(), Refusal> {
    verify(&expected(), &KEYS, &P256.token(header, &claims()), NOW).map(|_| ())
}

/// What becomes of a user's token with this change to its claims.
fn user(change: impl FnOnce(&mut Value)) -> Result<(), Refusal> {
    verified(&expected(), &claims_with(change)).map(|proven| assert!(matches!(proven, Proven::User(_))))
}

#[test]
fn a_token_of_each_algorithm_is_verified_with_its_claims() {
    for (algorithm, key) in ALGORITHMS.iter() {
        let token = key.token(&key.header(algorithm), &claims());
        let Ok(Proven::User(claims)) = verify(&expected(), &KEYS, &token, NOW) else { panic!("{algorithm}") };
        assert_eq!(claims.get("sub"), Some(&Json::Text("alice".to_owned())), "{algorithm}");
        assert_eq!(claims.len(), 5, "{algorithm}");
        // Without `kid` too: the issuer has one key of each kind.
        let token = key.token(&json!({ "alg": algorithm }), &claims_with(|_| ()));
        assert!(verify(&expected(), &KEYS, &token, NOW).is_ok(), "{algorithm} without kid");
    }
}

#[test]
fn the_header_says_what_kind_of_token_it_is() {
    for typ in ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt"] {
        assert_eq!(with_header(&json!({ "alg": "ES256", "kid": "p256", "typ": typ })), Ok(()), "{typ}");
    }
    assert_eq!(with_header(&json!({ "alg": "ES256", "kid": "p256" })), Ok(()));
    let others = [
        json!("ID"),
        json!("application/jwt"),
        json!("logout+jwt"),
        json!("dpop+jwt"),
        json!("JOSE"),
        json!(" JWT"),
        json!(""),
        json!(null),
        json!(["JWT"]),
    ];
    for typ in others {
        let refused = with_header(&json!({ "alg": "ES256", "kid": "p256", "typ": typ }));
        assert_eq!(refused, Err(Refusal::Type), "{typ}");
    }
}

#[test]
fn clocks_may_differ_by_60_seconds() {
    assert_eq!(user(|claims| claims["exp"] = json!(NOW - 59)), Ok(()));
    assert_eq!(user(|claims| claims["exp"] = json!(NOW as f64 - 59.5)), Ok(()));
    assert_eq!(user(|claims| claims["exp"] = json!(NOW - 60)), Err(Refusal::Expired));
    assert_eq!(user(|claims| claims["exp"] = json!(NOW - 61)), Err(Refusal::Expired));
    for (name, refusal) in [("nbf", Refusal::NotYetValid), ("iat", Refusal::IssuedInFuture)] {
        assert_eq!(user(|claims| claims[name] = json!(NOW + 60)), Ok(()), "{name}");
        assert_eq!(user(|claims| claims[name] = json!(NOW as f64 + 60.5)), Err(refusal), "{name}");
        assert_eq!(user(|claims| claims[name] = json!(NOW + 61)), Err(refusal), "{name}");
        assert_eq!(user(|claims| claims[name] = json!(-1)), Ok(()), "{name}");
    }
    assert_eq!(user(|claims| drop(claims.as_object_mut().map(|claims| claims.remove("iat")))), Ok(()));
}

#[test]
fn no_time_overflows() {
    let token = P256.token(&P256.header("ES256"), &claims());
    assert!(verify(&expected(), &KEYS, &token, i64::MIN).is_err());
    assert_eq!(verify(&expected(), &KEYS, &token, i64::MAX), Err(Refusal::Expired));
    for exp in [json!(u64::MAX), json!(1e300)] {
        assert_eq!(user(|claims| claims["exp"] = exp.clone()), Ok(()), "{exp}");
    }
    for exp in [json!(-1), json!(i64::MIN), json!(-1e300), json!(0)] {
        assert_eq!(user(|claims| claims["exp"] = exp.clone()), Err(Refusal::Expired), "{exp}");
    }
}

#[test]
fn one_of_the_audiences_must_be_ours() {
    for aud in [json!(AUDIENCE), json!("first"), json!([AUDIENCE]), json!(["other", AUDIENCE])] {
        assert_eq!(user(|claims| claims["aud"] = aud.clone()), Ok(()), "{aud}");
    }
    for aud in [json!("other"), json!(""), json!([]), json!(["other"]), json!(format!("{AUDIENCE}/"))] {
        assert_eq!(user(|claims| claims["aud"] = aud.clone()), Err(Refusal::Audience), "{aud}");
    }
}

#[test]
fn the_app_counts_only_where_there_is_no_audience() {
    let without_aud = |others: Value| {
        let mut claims = json!({ "iss": ISSUER, "exp": NOW + 600 });
        claims.as_object_mut().expect("an object").extend(others.as_object().expect("an object").clone());
        verified(&expected(), &claims).map(|_| ())
    };
    assert_eq!(without_aud(json!({ "client_id": AUDIENCE })), Ok(()));
    assert_eq!(without_aud(json!({ "azp": AUDIENCE })), Ok(()));
    assert_eq!(without_aud(json!({ "client_id": "other", "azp": AUDIENCE })), Ok(()));
    assert_eq!(without_aud(json!({ "client_id": "other" })), Err(Refusal::Audience));
    assert_eq!(without_aud(json!({})), Err(Refusal::Audience));
    for aud in [json!("other"), json!([])] {
        assert_eq!(without_aud(json!({ "aud": aud, "azp": AUDIENCE })), Err(Refusal::Audience), "{aud}");
    }
}

#[test]
fn a_user_needs_the_scope_where_one_is_configured() {
    let expected = Expected { scope: Some("tokens".to_owned()), ..expected() };
    let scoped =
        |name: &str, value: Value| verified(&expected, &claims_with(|claims| claims[name] = value)).map(|_| ());
    for scope in [json!("tokens"), json!("openid tokens"), json!(["openid", "tokens"])] {
        assert_eq!(scoped("scope", scope.clone()), Ok(()), "{scope}");
        assert_eq!(scoped("scp", scope.clone()), Ok(()), "{scope}");
    }
    let others = [
        json!(""),
        json!("Tokens"),
        json!("tokens2"),
        json!("openid\ttokens"),
        json!("openid,tokens"),
        json!(["openid tokens"]),
        json!([["tokens"]]),
        json!({ "tokens": true }),
        json!(null),
        json!(1),
    ];
    for scope in others {
        assert_eq!(scoped("scope", scope.clone()), Err(Refusal::InsufficientScope), "{scope}");
    }
    assert_eq!(scoped("permissions", json!(["tokens"])), Err(Refusal::InsufficientScope));
    let both = claims_with(|claims| {
        claims["scope"] = json!("openid");
        claims["scp"] = json!(["tokens"]);
    });
    assert!(verified(&expected, &both).is_ok());
}

#[test]
fn a_missing_scope_is_said_of_a_genuine_token_alone() {
    let expected = Expected { scope: Some("tokens".to_owned()), ..expected() };
    let genuine = P256.token(&P256.header("ES256"), &claims());
    assert_eq!(verify(&expected, &KEYS, &genuine, NOW), Err(Refusal::InsufficientScope));
    let forged = super::super::samples::FORGED_P256.token(&P256.header("ES256"), &claims());
    assert_eq!(verify(&expected, &KEYS, &forged, NOW), Err(Refusal::Signature));
    let expired = P256.token(&P256.header("ES256"), &claims_with(|claims| claims["exp"] = json!(NOW - 61)));
    assert_eq!(verify(&expected, &KEYS, &expired, NOW), Err(Refusal::Expired));
}

#[test]
fn a_backend_has_both_its_audience_and_its_scope() {
    let expected = Expected { backend: backend(), ..expected() };
    let proven = |aud: Value, scope: Value| {
        let claims = json!({ "iss": ISSUER, "exp": NOW + 600, "aud": aud, "scope": scope });
        verified(&expected, &claims).map(|proven| matches!(proven, Proven::Backend(_)))
    };
    assert_eq!(proven(json!("backends"), json!("mint")), Ok(true));
    assert_eq!(proven(json!(["other", "backends"]), json!(["read", "mint"])), Ok(true));
    assert_eq!(proven(json!("backends"), json!("read")), Err(Refusal::BackendScope));
    assert_eq!(proven(json!(["other", "backends"]), json!(null)), Err(Refusal::BackendScope));
    assert_eq!(proven(json!("other"), json!("mint")), Err(Refusal::Audience));
    // It is for users too, so it is a user's. Some issuers let users ask for any scope.
    assert_eq!(proven(json!([AUDIENCE, "backends"]), json!("read")), Ok(false));
    assert_eq!(proven(json!([AUDIENCE, "backends"]), json!("mint")), Ok(false));
    assert_eq!(proven(json!(["backends", AUDIENCE]), json!(["mint"])), Ok(false));
    assert_eq!(proven(json!(AUDIENCE), json!("mint")), Ok(false));
    let by_client = json!({ "iss": ISSUER, "exp": NOW + 600, "client_id": "backends", "scope": "mint" });
    assert!(matches!(verified(&expected, &by_client), Ok(Proven::Backend(_))));
    // Where no backend is configured, nobody is one.
    let none = Expected { backend: None, ..expected.clone() };
    let claims = json!({ "iss": ISSUER, "exp": NOW + 600, "aud": "backends", "scope": "mint" });
    assert_eq!(verified(&none, &claims), Err(Refusal::Audience));
}

#[test]
fn a_backend_must_keep_every_other_rule() {
    let expected = Expected { backend: backend(), scope: Some("users".to_owned()), ..expected() };
    let changed = |name: &str, value: Value| {
        let mut claims = json!({ "iss": ISSUER, "exp": NOW + 600, "aud": "backends", "scope": "mint" });
        claims[name] = value;
        verified(&expected, &claims)
    };
    assert!(matches!(changed("sub", json!("service")), Ok(Proven::Backend(_))));
    assert_eq!(changed("iss", json!("https://other.example")), Err(Refusal::Issuer));
    assert_eq!(changed("exp", json!(NOW - 61)), Err(Refusal::Expired));
    assert_eq!(changed("nonce", json!("n")), Err(Refusal::IdToken));
    let claims = json!({ "iss": ISSUER, "exp": NOW + 600, "aud": "backends", "scope": "mint" });
    let forged = super::super::samples::FORGED_P256.token(&P256.header("ES256"), &claims);
    assert_eq!(verify(&expected, &KEYS, &forged, NOW), Err(Refusal::Signature));
}

#[test]
fn a_token_without_a_kid_needs_a_set_with_one_key_for_it() {
    let mut second = RSA.jwk.clone();
    second["kid"] = json!("second");
    let two = key_set(&[&RSA.jwk, &second]);
    let token = RSA.token(&json!({ "alg": "RS256" }), &claims());
    assert_eq!(verify(&expected(), &two, &token, NOW), Err(Refusal::SeveralKeys));
    let token = RSA.token(&RSA.header("RS256"), &claims());
    assert!(verify(&expected(), &two, &token, NOW).is_ok());
}
