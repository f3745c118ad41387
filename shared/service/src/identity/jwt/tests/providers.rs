//! Tokens in the shape in which each identity provider issues them. Ids and names are made up.

use super::super::samples::{AUDIENCE, NOW, P256, RSA, TestKey, backend, key_set};
use super::super::{Claims, Expected, Proven, Refusal, verify};
use crate::json::Json;
use serde_json::{Value, json};

struct Fixture {
    issuer: &'static str,
    audience: &'static str,
    header: Value,
    claims: Value,
}

impl Fixture {
    fn expected(&self) -> Expected {
        Expected {
            issuer: self.issuer.to_owned(),
            audiences: vec![self.audience.to_owned()],
            scope: None,
            backend: backend(),
            id_tokens: false,
        }
    }

    /// Verifies a token with these claims, signed by a key whose `kid` is the provider's.
    fn verify(&self, key: &TestKey, expected: &Expected, claims: &Value) -> Result<Proven, Refusal> {
        let mut jwk = key.jwk.clone();
        (jwk["kid"], jwk["alg"]) = (self.header["kid"].clone(), self.header["alg"].clone());
        let mut claims = claims.clone();
        claims["iss"] = json!(self.issuer);
        claims["exp"] = json!(NOW + 3600);
        claims["iat"] = json!(NOW);
        verify(expected, &key_set(&[&jwk]), &key.token(&self.header, &claims), NOW)
    }

    /// The claims of the user that it belongs to.
    fn user(&self, key: &TestKey) -> Claims {
        match self.verify(key, &self.expected(), &self.claims) {
            Ok(Proven::User(claims)) => claims,
            other => panic!("not a user: {other:?}"),
        }
    }

    /// What becomes of it with this change to its claims.
    fn with(&self, key: &TestKey, change: impl FnOnce(&mut Value)) -> Option<Refusal> {
        let mut claims = self.claims.clone();
        change(&mut claims);
        self.verify(key, &self.expected(), &claims).err()
    }
}

fn text(text: &str) -> Json {
    Json::Text(text.to_owned())
}

fn texts(texts: &[&str]) -> Json {
    Json::List(texts.iter().map(|it| text(it)).collect())
}

#[test]
fn cognito() {
    let fixture = Fixture {
        issuer: "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Example00",
        audience: "1example23456789",
        header: json!({ "kid": "cognito+key/1=", "alg": "RS256" }),
        claims: json!({
            "sub": "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
            "cognito:groups": ["teachers", "admins"],
            "client_id": "1example23456789",
            "origin_jti": "11111111-2222-4333-8444-555555555555",
            "event_id": "66666666-7777-4888-8999-000000000000",
            "token_use": "access",
            "scope": "aws.cognito.signin.user.admin tokens/mint",
            "auth_time": NOW,
            "jti": "aaaaaaaa-bbbb-4ccc-8ddd-ffffffffffff",
            "username": "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
        }),
    };
    assert_eq!(fixture.user(&RSA)["cognito:groups"], texts(&["teachers", "admins"]));
    let scoped = Expected { scope: Some("tokens/mint".to_owned()), ..fixture.expected() };
    assert!(fixture.verify(&RSA, &scoped, &fixture.claims).is_ok());
    // The same pool's ID token has the app as `aud`.
    let id_token = json!({ "sub": "alice", "aud": fixture.audience, "token_use": "id", "cognito:username": "alice" });
    assert_eq!(fixture.verify(&RSA, &fixture.expected(), &id_token), Err(Refusal::IdToken));
    let other_app = fixture.with(&RSA, |claims| claims["client_id"] = json!("2example23456789"));
    assert_eq!(other_app, Some(Refusal::Audience));
}

#[test]
fn firebase() {
    let fixture = Fixture {
        issuer: "https://securetoken.google.com/example-project",
        audience: "example-project",
        header: json!({ "alg": "RS256", "kid": "0123456789abcdef0123456789abcdef01234567", "typ": "JWT" }),
        claims: json!({
            "aud": "example-project",
            "auth_time": NOW,
            "user_id": "AbCdEfGhIjKlMnOpQrStUvWxYz01",
            "sub": "AbCdEfGhIjKlMnOpQrStUvWxYz01",
            "rooms": ["lobby"],
            "firebase": { "identities": {}, "sign_in_provider": "anonymous" },
        }),
    };
    // Nothing in it marks an ID token, so it is verified either way.
    let claims = fixture.user(&RSA);
    let Json::Object(firebase) = &claims["firebase"] else { panic!("{claims:?}") };
    assert_eq!(firebase["sign_in_provider"], text("anonymous"));
    let allowed = Expected { id_tokens: true, ..fixture.expected() };
    assert_eq!(fixture.verify(&RSA, &allowed, &fixture.claims), Ok(Proven::User(claims)));
    let other_project = fixture.with(&RSA, |claims| claims["aud"] = json!("another-project"));
    assert_eq!(other_project, Some(Refusal::Audience));
}

#[test]
fn auth0() {
    let fixture = Fixture {
        // With a slash at its end.
        issuer: "https://example.eu.auth0.com/",
        audience: AUDIENCE,
        header: json!({ "alg": "RS256", "typ": "at+jwt", "kid": "auth0-key" }),
        claims: json!({
            "sub": "auth0|0123456789abcdef01234567",
            "aud": [AUDIENCE, "https://example.eu.auth0.com/userinfo"],
            "azp": "exampleapp",
            "scope": "openid profile",
            "permissions": ["rooms:publish"],
            "https://app.example/rooms": ["lobby", "team a"],
        }),
    };
    let claims = fixture.user(&RSA);
    assert_eq!(claims["permissions"], texts(&["rooms:publish"]));
    assert_eq!(claims["https://app.example/rooms"], texts(&["lobby", "team a"]));
    let without_slash = Expected { issuer: "https://example.eu.auth0.com".to_owned(), ..fixture.expected() };
    assert_eq!(fixture.verify(&RSA, &without_slash, &fixture.claims), Err(Refusal::Issuer));
    // The ID token is for the app.
    let id_token = fixture.with(&RSA, |claims| {
        claims["aud"] = json!("exampleapp");
        claims["sid"] = json!("session");
    });
    assert_eq!(id_token, Some(Refusal::Audience));
    let machine = json!({ "sub": "app@clients", "aud": "backends", "gty": "client-credentials", "scope": "mint" });
    assert!(matches!(fixture.verify(&RSA, &fixture.expected(), &machine), Ok(Proven::Backend(_))));
}

#[test]
fn supabase() {
    let fixture = Fixture {
        issuer: "https://example.supabase.co/auth/v1",
        audience: "authenticated",
        header: json!({ "alg": "ES256", "kid": "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee", "typ": "JWT" }),
        claims: json!({
            "sub": "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
            "aud": "authenticated",
            "email": "",
            "phone": "",
            "app_metadata": { "provider": "email", "providers": ["email"], "rooms": ["lobby"] },
            "user_metadata": {},
            "role": "authenticated",
            "aal": "aal1",
            "amr": [{ "method": "password", "timestamp": NOW }],
            "session_id": "11111111-2222-4333-8444-555555555555",
            "is_anonymous": false,
        }),
    };
    let claims = fixture.user(&P256);
    let Json::Object(metadata) = &claims["app_metadata"] else { panic!("{claims:?}") };
    assert_eq!(metadata["rooms"], texts(&["lobby"]));
    assert_eq!(claims["is_anonymous"], Json::Bool(false));
    // The project's public API key is a JWT of old projects, for nobody.
    assert_eq!(fixture.with(&P256, |claims| *claims = json!({ "role": "anon" })), Some(Refusal::Audience));
}

#[test]
fn clerk() {
    let fixture = Fixture {
        issuer: "https://clerk.app.example",
        audience: "https://app.example",
        header: json!({ "alg": "RS256", "cat": "cl_example", "kid": "ins_example", "typ": "JWT" }),
        claims: json!({
            "azp": "https://app.example",
            "fva": [2, -1],
            "nbf": NOW - 10,
            "sid": "sess_example",
            "sts": "active",
            "sub": "user_example",
            "v": 2,
            "act": { "iss": "https://dashboard.example", "sub": "user_support" },
        }),
    };
    assert_eq!(fixture.user(&RSA)["fva"], Json::List(vec![Json::Number(2), Json::OtherNumber(-1.0)]));
    let other_origin = fixture.with(&RSA, |claims| claims["azp"] = json!("https://app.example.evil"));
    assert_eq!(other_origin, Some(Refusal::Audience));
}

#[test]
fn keycloak() {
    let fixture = Fixture {
        issuer: "https://id.example/realms/main",
        audience: "account",
        header: json!({ "alg": "RS256", "typ": "JWT", "kid": "keycloak-key" }),
        claims: json!({
            "jti": "onrtac:aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
            "aud": "account",
            "sub": "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
            "typ": "Bearer",
            "azp": "web",
            "sid": "11111111-2222-4333-8444-555555555555",
            "acr": "1",
            "allowed-origins": ["https://app.example"],
            "realm_access": { "roles": ["offline_access", "teacher"] },
            "resource_access": { "account": { "roles": ["view-profile"] } },
            "scope": "profile email",
            "email_verified": false,
        }),
    };
    let claims = fixture.user(&RSA);
    let Json::Object(access) = &claims["realm_access"] else { panic!("{claims:?}") };
    assert_eq!(access["roles"], texts(&["offline_access", "teacher"]));
    // Without an audience the app counts.
    let by_app = Expected { audiences: vec!["web".to_owned()], ..fixture.expected() };
    let mut without = fixture.claims.clone();
    without.as_object_mut().expect("an object").remove("aud");
    assert!(fixture.verify(&RSA, &by_app, &without).is_ok());
    assert_eq!(fixture.with(&RSA, |claims| claims["typ"] = json!("ID")), Some(Refusal::IdToken));
    assert_eq!(fixture.with(&RSA, |claims| claims["at_hash"] = json!("x")), Some(Refusal::IdToken));
}

#[test]
fn zitadel() {
    let roles = json!({ "publisher": { "100000000000000001": "org.zitadel.example" } });
    let fixture = Fixture {
        issuer: "https://example.zitadel.cloud",
        audience: "200000000000000002",
        header: json!({ "alg": "RS256", "kid": "300000000000000003", "typ": "JWT" }),
        claims: json!({
            "sub": "400000000000000004",
            "aud": ["500000000000000005", "200000000000000002"],
            "nbf": NOW,
            "client_id": "500000000000000005",
            "jti": "V2_example",
            "urn:zitadel:iam:org:project:roles": roles,
        }),
    };
    let claims = fixture.user(&RSA);
    let Json::Object(roles) = &claims["urn:zitadel:iam:org:project:roles"] else { panic!("{claims:?}") };
    assert!(roles.contains_key("publisher"));
    // Its app counts only if there is no `aud`.
    let by_app = fixture.with(&RSA, |claims| {
        claims["aud"] = json!(["500000000000000005"]);
        claims["client_id"] = json!("200000000000000002");
    });
    assert_eq!(by_app, Some(Refusal::Audience));
}
