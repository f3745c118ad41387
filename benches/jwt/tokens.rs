//! An issuer with a key for each algorithm, its tokens, and the verifier that a function with `IDENTITY=jwt` has.

use benches::turns::Work;
use harness::issuer::{Algorithm, SigningKey};
use serde_json::{Value, json};
use service::testing::{Jwts, Proven};
use std::hint::black_box;
use std::sync::Arc;

const ISSUER: &str = "https://login.example.com/realms/conferences";
const AUDIENCE: &str = "https://tokens.example.com";
/// When the tokens are verified, in seconds since 1970.
pub(crate) const NOW: i64 = 1_800_000_000;

pub(crate) struct Issuer {
    keys: Vec<(Algorithm, SigningKey)>,
    verifier: Arc<Jwts>,
}

impl Issuer {
    pub(crate) fn new() -> Issuer {
        // As long as the names that providers give their keys.
        let id = |algorithm: Algorithm| format!("{}-2027-01-15T08-00-00Z-7f3a91c0", algorithm.name());
        let keys: Vec<_> = Algorithm::ALL.into_iter().map(|it| (it, SigningKey::generate(&id(it), it))).collect();
        let verifier = Arc::new(verifier(&keys));
        Issuer { keys, verifier }
    }

    pub(crate) fn key(&self, algorithm: Algorithm) -> &SigningKey {
        let found = self.keys.iter().find(|(of, _)| *of == algorithm);
        &found.expect("there is a key for each").1
    }

    /// An access token as providers issue it.
    pub(crate) fn token(&self, algorithm: Algorithm, claims: &Value) -> String {
        self.key(algorithm).sign(&json!({ "typ": "at+jwt" }), claims)
    }

    /// Verifies a good token, and fails if it is refused.
    pub(crate) fn verifies(&self, algorithm: Algorithm) -> Work {
        let (verifier, header) = (Arc::clone(&self.verifier), header(&self.token(algorithm, &claims())));
        Box::new(move |times| {
            for _ in 0..times {
                let proven = verifier.verify(black_box(&header), NOW);
                assert!(matches!(black_box(proven), Ok(Some(Proven::User(_)))), "a good token");
            }
        })
    }

    /// Refuses this value of `Authorization`, and fails if another rule than this is broken.
    pub(crate) fn refuses(&self, token: &str, rule: &'static str) -> Work {
        let (verifier, header) = (Arc::clone(&self.verifier), header(token));
        Box::new(move |times| {
            for _ in 0..times {
                let proven = verifier.verify(black_box(&header), NOW);
                assert_eq!(black_box(proven), Err(rule));
            }
        })
    }
}

fn verifier(keys: &[(Algorithm, SigningKey)]) -> Jwts {
    let public: Vec<Value> = keys.iter().map(|(_, key)| key.public()).collect();
    let variables = [("JWT_ISSUER", ISSUER), ("JWT_AUDIENCE", AUDIENCE), ("JWT_SCOPE", "rooms:join")];
    Jwts::new(variables, json!({ "keys": public }).to_string().as_bytes()).expect("good settings and keys")
}

fn header(token: &str) -> Vec<String> {
    vec![format!("Bearer {token}")]
}

/// What a provider says of a user, with some claims of the app's own.
pub(crate) fn claims() -> Value {
    json!({
        "iss": ISSUER,
        "aud": [AUDIENCE, "https://login.example.com/userinfo"],
        "sub": "8f14e45f-ceea-467f-a0e6-7b0c7c1f2d3b",
        "client_id": "web-app",
        "iat": NOW - 60,
        "exp": NOW + 3540,
        "jti": "2c9d1b7e-64c1-4b0a-9d53-0f6f1f3a8e21",
        "scope": "openid profile rooms:join rooms:publish",
        "https://example.com/rooms": ["standup", "all-hands", "support-eu"],
        "app_metadata": { "plan": "team", "tenant": "t-4711" },
        "is_anonymous": false,
    })
}
