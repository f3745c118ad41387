//! What forgers send. Each attack has its row here, and the same row in SECURITY.md.

use super::{AUDIENCE, BACKEND_AUDIENCE, backend, multi_value, settings};
use crate::said;
use harness::http::Request;
use harness::issuer::{Algorithm, Issuer, SigningKey, encoded, pem, signed_with_hmac};
use harness::lambda::Function;
use harness::project;
use harness::server::TokenServer;
use serde_json::{Value, json};
use std::fs;

/// An attack, the headers `Authorization` of its request, and the rule that the log names.
pub(super) type Row = (&'static str, Vec<String>, &'static str);

const ALGORITHM: &str = "alg: must be one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 and EdDSA";
const KEYS_ALGORITHM: &str = "alg: must be the algorithm of the key";
const UNKNOWN_KEY: &str = "kid: must name a key of the issuer";
pub(super) const SIGNATURE: &str = "signature: must be made with the issuer's key";
pub(super) const AUTHORIZATION: &str = "Authorization: must be Bearer, one space and a token";
pub(super) const EXPIRED: &str = "exp: must be in the future";
pub(super) const WRONG_AUDIENCE: &str = "aud (without aud: client_id or azp): must name a configured audience";
const BASE64: &str = "JWT: must be base64url without padding";
const ID_TOKEN: &str = "token_use, typ, at_hash, c_hash, nonce: must not be those of an ID token";
const AUDIENCE_TYPE: &str = "aud: must be a string or an array of strings; client_id, azp: a string";

/// The issuer's keys, and a forger's.
pub(super) struct Keys {
    rsa: SigningKey,
    pub(super) p256: SigningKey,
    p384: SigningKey,
    pub(super) forgers: SigningKey,
}

impl Keys {
    pub(super) fn generate() -> Keys {
        Keys {
            rsa: SigningKey::generate("rsa", Algorithm::Rs256),
            p256: SigningKey::generate("p256", Algorithm::Es256),
            p384: SigningKey::generate("p384", Algorithm::Es384),
            // It has the name of the issuer's key.
            forgers: SigningKey::generate("rsa", Algorithm::Rs256),
        }
    }
}

/// What a forger tries who has no key of the issuer's.
fn without_a_key(keys: &Keys, claims: &Value) -> Vec<Row> {
    let bearer = |jwt: String| vec![format!("Bearer {jwt}")];
    let der = keys.rsa.public_der();
    let pem = pem(&der);
    let header = |algorithm: &str| json!({ "alg": algorithm, "kid": "rsa" });
    let none = |signature: &str| {
        bearer(format!("{}.{}.{signature}", encoded(header("none").to_string()), encoded(claims.to_string())))
    };
    let genuine = keys.rsa.sign(&json!({}), claims);
    let forged = |change: Value| bearer(keys.forgers.sign(&change, claims));
    let hmac = |algorithm: &str, secret: &[u8]| bearer(signed_with_hmac(secret, &header(algorithm), claims));
    vec![
        ("`alg` is `none`, and there is no signature", none(""), ALGORITHM),
        ("`alg` is `none`, with the signature of a good JWT", none(last_part(&genuine)), ALGORITHM),
        ("HMAC with the public key as the secret, in PEM", hmac("HS256", pem.as_bytes()), ALGORITHM),
        ("HMAC with the public key as the secret, in DER", hmac("HS256", &der), ALGORITHM),
        ("`alg` is `RS256`, but the signature is an HMAC with the public key", hmac("RS256", &der), SIGNATURE),
        ("another key under the issuer's `kid`", forged(json!({})), SIGNATURE),
        ("a `kid` that nobody has", forged(json!({ "kid": "forged" })), UNKNOWN_KEY),
        ("a `kid` that is a path", forged(json!({ "kid": "../../../dev/null" })), UNKNOWN_KEY),
        ("a `kid` that is SQL", forged(json!({ "kid": "rsa' OR '1'='1" })), UNKNOWN_KEY),
        ("a `kid` that is no string", forged(json!({ "kid": ["rsa"] })), "kid: must be a string"),
        ("an embedded `jwk`", forged(json!({ "jwk": keys.forgers.public() })), SIGNATURE),
        ("a `jku` of the forger's", forged(json!({ "jku": "https://evil.example.com/keys" })), SIGNATURE),
        ("an `x5u` of the forger's", forged(json!({ "x5u": "https://evil.example.com/chain" })), SIGNATURE),
        ("a good JWT with other claims", bearer(with_other_claims(&genuine, claims)), SIGNATURE),
        ("no signature behind a good header", bearer(genuine.replace(last_part(&genuine), "")), SIGNATURE),
    ]
}

/// What does not fit the key that signed.
fn of_another_key(keys: &Keys, claims: &Value) -> Vec<Row> {
    let with = |key: &SigningKey, header: Value| vec![format!("Bearer {}", key.sign(&header, claims))];
    vec![
        ("the `kid` of another key of the issuer", with(&keys.rsa, json!({ "kid": "p256" })), KEYS_ALGORITHM),
        ("another `alg` than the key has", with(&keys.rsa, json!({ "alg": "RS512" })), KEYS_ALGORITHM),
        ("`ES256` with the key for P-384", with(&keys.p384, json!({ "alg": "ES256" })), KEYS_ALGORITHM),
        ("`ES512`, which we do not accept", with(&keys.p384, json!({ "alg": "ES512" })), ALGORITHM),
        ("a `kid` of an RSA key that is too short", with(&keys.rsa, json!({ "kid": "short" })), UNKNOWN_KEY),
        ("a `kid` of a key for encryption", with(&keys.rsa, json!({ "kid": "encryption" })), UNKNOWN_KEY),
        ("a critical header", with(&keys.rsa, json!({ "crit": ["exp"] })), "crit: must not be there"),
        ("a logout token (`typ`)", with(&keys.rsa, json!({ "typ": "logout+jwt" })), "typ: must be JWT or at+jwt"),
    ]
}

/// What the issuer signed, but not for us or not for now.
fn genuine_but(keys: &Keys, claims: &Value) -> Vec<Row> {
    let now = claims["iat"].as_u64().expect("a moment");
    let issuer = claims["iss"].as_str().expect("an issuer");
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        vec![format!("Bearer {}", keys.p256.sign(&json!({}), &claims))]
    };
    let without_expiry = {
        let mut claims = claims.clone();
        claims.as_object_mut().expect("claims").remove("exp");
        vec![format!("Bearer {}", keys.p256.sign(&json!({}), &claims))]
    };
    let wrong_issuer = "iss: must be the configured issuer";
    vec![
        ("expired by 61 seconds", with("exp", json!(now - 61)), EXPIRED),
        ("without `exp`", without_expiry, "exp: must be a number"),
        ("`exp` is a string", with("exp", json!((now + 300).to_string())), "exp: must be a number"),
        ("not yet valid", with("nbf", json!(now + 90)), "nbf: must not be in the future"),
        ("`nbf` is a boolean", with("nbf", json!(false)), "nbf: must be a number"),
        ("issued in the future", with("iat", json!(now + 90)), "iat: must not be in the future"),
        ("`iat` is null", with("iat", json!(null)), "iat: must be a number"),
        ("another audience", with("aud", json!("https://other.example.com")), WRONG_AUDIENCE),
        ("an audience that begins with ours", with("aud", json!(format!("{AUDIENCE}.evil.example"))), WRONG_AUDIENCE),
        ("an audience that is an object", with("aud", json!({ AUDIENCE: true })), AUDIENCE_TYPE),
        ("an audience that is a number", with("aud", json!(1)), AUDIENCE_TYPE),
        (
            "a backend's audience without a backend's scope",
            with("aud", json!(BACKEND_AUDIENCE)),
            "scope: must contain the backend's scope",
        ),
        ("an ID token, by `nonce`", with("nonce", json!("n")), ID_TOKEN),
        ("an ID token, by `token_use`", with("token_use", json!("id")), ID_TOKEN),
        ("an ID token, by `typ` among the claims", with("typ", json!("ID")), ID_TOKEN),
        ("another issuer that has the same `kid`", with("iss", json!("https://evil.example.com")), wrong_issuer),
        ("the issuer with one slash more", with("iss", json!(format!("{issuer}/"))), wrong_issuer),
        ("`iss` is an array", with("iss", json!([issuer])), wrong_issuer),
    ]
}

/// What two readers may read differently.
fn in_another_form(keys: &Keys, claims: &Value) -> Vec<Row> {
    let bearer = |jwt: String| vec![format!("Bearer {jwt}")];
    let header = r#"{"alg":"ES256","kid":"p256"}"#;
    let twice = |object: &str, member: &str| object.replacen('{', &format!("{{{member},"), 1);
    let payload = claims.to_string();
    let good = keys.p256.sign(&json!({}), claims);
    let mut long = claims.clone();
    long["padding"] = json!("x".repeat(9 * 1024));
    vec![
        (
            "a name twice in the header",
            bearer(keys.p256.sign_text(&twice(header, r#""alg":"none""#), &payload)),
            "header: must have each name once",
        ),
        (
            "a name twice among the claims",
            bearer(keys.p256.sign_text(header, &twice(&payload, r#""sub":"bob""#))),
            "payload: must have each name once",
        ),
        ("claims that are no object", bearer(keys.p256.sign_text(header, "[]")), "payload: must be a JSON object"),
        ("9 KiB", bearer(keys.p256.sign(&json!({}), &long)), "JWT: must be at most 8192 bytes"),
        ("padding behind the signature", bearer(format!("{good}=")), BASE64),
        ("two parts", bearer(good.rsplit_once('.').expect("parts").0.to_owned()), "JWT: must have three parts"),
        ("whitespace behind the JWT", bearer(format!("{good} ")), AUTHORIZATION),
        ("two spaces before the JWT", bearer(format!(" {good}")), AUTHORIZATION),
        ("a tab before the JWT", vec![format!("Bearer\t{good}")], AUTHORIZATION),
        ("two JWTs, with a comma between them", bearer(format!("{good},{good}")), AUTHORIZATION),
        (
            "two headers `Authorization`",
            [bearer(good.clone()), bearer(good)].concat(),
            "Authorization: must be sent once",
        ),
    ]
}

pub(super) fn rows(keys: &Keys, claims: &Value) -> Vec<Row> {
    [
        without_a_key(keys, claims),
        of_another_key(keys, claims),
        genuine_but(keys, claims),
        in_another_form(keys, claims),
    ]
    .concat()
}

fn last_part(jwt: &str) -> &str {
    jwt.rsplit_once('.').expect("parts").1
}

/// A token's header and signature, around another user's claims.
fn with_other_claims(jwt: &str, claims: &Value) -> String {
    let mut others = claims.clone();
    others["sub"] = json!("bob");
    let (header, rest) = jwt.split_once('.').expect("parts");
    format!("{header}.{}.{}", encoded(others.to_string()), last_part(rest))
}

/// What the answer tells the caller to find the log line by.
fn request_id(body: &str) -> Value {
    serde_json::from_str::<Value>(body).expect("JSON")["request_id"].clone()
}

/// The refused JWTs in the log: the id of the request, and the rule that the JWT breaks.
pub(super) fn refused(logs: &str) -> Vec<(Value, Value)> {
    let lines = logs.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let refused = lines.filter(|line| line["error"] == "invalid-token");
    refused.map(|line| (line["request_id"].clone(), line["rule"].clone())).collect()
}

/// An issuer with these keys, and two more that must not be used.
pub(super) fn issuer(keys: &Keys) -> Issuer {
    let issuer = Issuer::start(&[&keys.rsa, &keys.p256, &keys.p384]);
    let named = |mut key: Value, id: &str, member: &str, value: Value| {
        key["kid"] = json!(id);
        key[member] = value;
        key
    };
    issuer.publish_also(&[
        named(keys.rsa.public(), "short", "n", json!(encoded([0xff; 128]))),
        named(keys.rsa.public(), "encryption", "use", json!("enc")),
    ]);
    issuer
}

#[test]
fn a_forged_token_is_refused_and_its_rule_is_in_the_log_alone() {
    let keys = Keys::generate();
    let issuer = issuer(&keys);
    let function = Function::start("rtm-token", settings(&issuer).and_all(backend()));
    let claims = issuer.claims("alice", AUDIENCE);
    let fine = [format!("Bearer {}", keys.rsa.sign(&json!({}), &claims))];
    let rows = rows(&keys, &claims);
    let mut ids = Vec::new();
    for (what, authorization, rule) in &rows {
        let response = function.invoke(&multi_value("/rtm/me/token", authorization)).response();
        assert_eq!(response["statusCode"], 401, "{what}: {response}");
        let challenge = &response["headers"]["www-authenticate"];
        assert_eq!(challenge, r#"Bearer realm="tokenmint", error="invalid_token""#, "{what}");
        assert!(!response.to_string().contains(rule), "{what}: the answer tells the forger why: {response}");
        ids.push(request_id(response["body"].as_str().expect("a text")));
    }
    assert_eq!(function.invoke(&multi_value("/rtm/me/token", &fine)).response()["statusCode"], 200);
    // A genuine token whose user may not have this.
    for another in ["bob", "Alice", "alice%20", "%2A", "alice%00"] {
        let event = multi_value(&format!("/rtm/{another}/token"), &fine);
        let status = function.invoke(&event).response()["statusCode"].clone();
        assert!(status == 403 || status == 400, "{another}: {status}");
    }
    let logs = function.end();
    said::check_logs("forged", &logs, &said::credentials());
    let expected: Vec<_> = ids.into_iter().zip(rows.iter().map(|(_, _, rule)| json!(rule))).collect();
    assert_eq!(refused(&logs), expected, "the line of each request names the rule");
    for private in [last_part(&fine[0]), "evil.example.com", "dev/null", "OR '1'", "alice"] {
        assert!(!logs.contains(private), "{private} is in the log");
    }
}

/// What HTTP changes: it takes whitespace from both ends of a header's value (RFC 9110, 5.5).
const GENUINE_IN_HTTP: &str = "whitespace behind the JWT";

/// Headers in which others would pass on an identity: gateways, load balancers, proxies.
const OTHERS_IDENTITIES: [(&str, &str); 9] = [
    ("x-amzn-request-context", r#"{"authorizer":{"jwt":{"claims":{"sub":"alice"}}}}"#),
    ("x-amzn-lambda-context", r#"{"identity":{"cognitoIdentityId":"alice"}}"#),
    ("x-amzn-oidc-data", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9."),
    ("x-amzn-oidc-identity", "alice"),
    ("x-forwarded-user", "alice"),
    ("x-remote-user", "alice"),
    ("x-user-id", "alice"),
    ("proxy-authorization", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9."),
    ("cookie", "sub=alice; token=eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9."),
];

/// The same attacks over HTTP, and identities that are no JWTs.
#[test]
fn the_server_refuses_the_same_forged_tokens_and_believes_nothing_else() {
    let keys = Keys::generate();
    let issuer = issuer(&keys);
    let server = TokenServer::start(settings(&issuer).and_all(backend()));
    let claims = issuer.claims("alice", AUDIENCE);
    let ask = |method: &str, path: &str, headers: &[(&str, &str)], body: &str| {
        let request = Request::new(method, &server.url(path)).body(body);
        headers.iter().fold(request, |request, (name, value)| request.header(name, value)).send()
    };
    let rows = rows(&keys, &claims);
    let mut expected = Vec::new();
    for (what, authorization, rule) in &rows {
        let headers: Vec<_> = authorization.iter().map(|value| ("authorization", value.as_str())).collect();
        let answer = ask("GET", "/rtm/me/token", &headers, "");
        if *what == GENUINE_IN_HTTP {
            assert_eq!(answer.status, 200, "{what}: {}", answer.text());
            continue;
        }
        assert_eq!(answer.status, 401, "{what}: {}", answer.text());
        let challenge = answer.header("www-authenticate");
        assert_eq!(challenge, Some(r#"Bearer realm="tokenmint", error="invalid_token""#), "{what}");
        assert!(!answer.text().contains(rule), "{what}: the answer tells the forger why: {}", answer.text());
        assert!(!said::holds_a_token(answer.text()), "{what}");
        expected.push((request_id(answer.text()), json!(rule)));
    }
    let event = multi_value("/rtm/me/token", &["Bearer"]).to_string();
    let gateways =
        fs::read_to_string(project::root().join("events/rtm-token/signed-in-caller.json")).expect("it is here");
    for (header, path, body) in OTHERS_IDENTITIES
        .map(|header| (Some(header), "/rtm/me/token", ""))
        .into_iter()
        .chain([&event, &gateways].map(|event| (None, "/fetch_rtm_token", event.as_str())))
    {
        let method = if body.is_empty() { "GET" } else { "POST" };
        let answer = ask(method, path, header.as_slice(), body);
        assert_eq!(answer.status, 401, "{header:?} {body}: {}", answer.text());
        assert!(!said::holds_a_token(answer.text()), "{header:?} {body}");
    }
    let logs = server.end();
    said::check_logs("forged", &logs, &said::credentials());
    assert_eq!(refused(&logs), expected, "the line of each request names the rule");
    for private in ["evil.example.com", "dev/null", "OR '1'", "alice", "eyJ"] {
        assert!(!logs.contains(private), "{private} is in the log");
    }
}

#[test]
fn every_attack_is_a_row_in_the_security_document() {
    let keys = Keys::generate();
    let issuer = Issuer::start(&[]);
    let document = fs::read_to_string(project::root().join("SECURITY.md")).expect("the document");
    let section = document.split("\n## ").find(|section| section.starts_with("Forged JWTs")).expect("the section");
    let told: Vec<_> = section.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    let rows = rows(&keys, &issuer.claims("alice", AUDIENCE));
    let expected: Vec<_> = rows.iter().map(|(what, _, rule)| format!("| {what} | `{rule}` |")).collect();
    assert_eq!(told, expected);
}
