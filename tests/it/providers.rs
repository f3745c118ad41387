//! The page with settings for each identity provider: every block on it works with a JWT in the shape in which that provider
//! issues it, and every row of its tables is what happens.

use crate::said::{self, Handed};
use crate::template::settings::SETTINGS;
use harness::http::{Request, Response};
use harness::issuer::{Algorithm, Issuer, SigningKey, signed_with_hmac};
use harness::lambda::Function;
use harness::server::TokenServer;
use harness::{Env, project};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

/// What a provider is known for.
struct Provider {
    /// The heading of its section.
    name: &'static str,
    algorithm: Algorithm,
    /// Words in capitals on the page, and what stands for them here.
    words: &'static [(&'static str, &'static str)],
    /// The header of its JWTs, without `alg` and `kid`.
    header: Value,
    /// A user's claims, without `iss`, `iat` and `exp`.
    user: Value,
    /// The vendors' id of this user.
    user_id: &'static str,
    /// A room that the user may enter, and one that only others may enter.
    rooms: Option<(&'static str, &'static str)>,
    /// The rows of its table, in their order.
    rows: Vec<Row>,
}

/// What one row of the table is about.
struct Row {
    /// What is sent, or set.
    what: &'static str,
    sent: Sent,
    /// Settings that are left out, or have other values than on the page.
    settings: Vec<(&'static str, &'static str)>,
    path: &'static str,
}

enum Sent {
    /// The user's JWT with other claims. Null takes a claim away.
    With(Value),
    Opaque,
    /// The user's JWT, signed with a secret (HS256).
    Hmac,
}

fn row(what: &'static str, sent: Sent) -> Row {
    Row { what, sent, settings: Vec::new(), path: "/chat/user/me/token" }
}

fn unchanged() -> Sent {
    Sent::With(json!({}))
}

impl Row {
    fn setting(mut self, name: &'static str, value: &'static str) -> Row {
        self.settings.push((name, value));
        self
    }

    fn path(self, path: &'static str) -> Row {
        Row { path, ..self }
    }
}

fn providers() -> Vec<Provider> {
    const UUID: &str = "0b5e6f2a-9c1d-4e8f-8a7b-6c5d4e3f2a1b";
    const UUID_32: &str = "0b5e6f2a9c1d4e8f8a7b6c5d4e3f2a1b";
    vec![
        Provider {
            name: "Amazon Cognito",
            algorithm: Algorithm::Rs256,
            words: &[("REGION", "eu-central-1"), ("POOL", "eu-central-1_Example00"), ("CLIENT_ID", "1example23456789")],
            header: json!({}),
            user: json!({
                "sub": UUID,
                "cognito:groups": ["teachers", "class-*"],
                "client_id": "1example23456789",
                "origin_jti": "11111111-2222-4333-8444-555555555555",
                "token_use": "access",
                "scope": "aws.cognito.signin.user.admin",
                "username": UUID,
            }),
            user_id: UUID_32,
            rooms: Some(("class-7", "admins")),
            rows: vec![
                row(
                    "the ID token",
                    Sent::With(
                        json!({ "token_use": "id", "aud": "1example23456789", "client_id": null, "scope": null }),
                    ),
                ),
                row("`JWT_AUDIENCE` names another client", unchanged()).setting("JWT_AUDIENCE", "2example23456789"),
                row(
                    "a machine's token",
                    Sent::With(json!({ "sub": "1example23456789", "username": null, "scope": "tokens/mint" })),
                ),
                row("`USER_ID_FORM` and `ROOMS_CLAIM` are not set: ZIM", unchanged())
                    .setting("USER_ID_FORM", "")
                    .setting("ROOMS_CLAIM", "")
                    .path("/zim/me/token"),
            ],
        },
        Provider {
            name: "Firebase Auth",
            algorithm: Algorithm::Rs256,
            words: &[("PROJECT", "example-project")],
            header: json!({ "typ": "JWT" }),
            user: json!({
                "aud": "example-project",
                "user_id": "AbCdEfGhIjKlMnOpQrStUvWxYz01",
                "sub": "AbCdEfGhIjKlMnOpQrStUvWxYz01",
                "firebase": { "identities": {}, "sign_in_provider": "password" },
            }),
            user_id: "548635ff7ec7b09e59a89306769dd31a",
            rooms: None,
            rows: vec![
                row(
                    "an anonymous user's token",
                    Sent::With(
                        json!({ "firebase": { "identities": {}, "sign_in_provider": "anonymous" }, "provider_id": "anonymous" }),
                    ),
                ),
                row("`JWT_AUDIENCE` names another project", unchanged()).setting("JWT_AUDIENCE", "another-project"),
                row("`USER_ID_FORM` is not set: Chat", unchanged()).setting("USER_ID_FORM", ""),
            ],
        },
        Provider {
            name: "Auth0",
            algorithm: Algorithm::Rs256,
            words: &[("TENANT", "example"), ("API", "tokens")],
            header: json!({ "typ": "at+jwt" }),
            user: json!({
                "sub": "auth0|5f7c8ec7c33c6c004bbafe82",
                "aud": ["https://tokens.example.com", "https://example.eu.auth0.com/userinfo"],
                "azp": "exampleapp",
                "scope": "openid profile",
                "permissions": ["rooms:publish"],
                "https://tokens.example.com/rooms": ["lobby"],
            }),
            user_id: "41aa487887e3c45c19b2448b2f036552",
            rooms: Some(("lobby", "vip")),
            rows: vec![
                row("an opaque token: the app asked for no audience", Sent::Opaque),
                row("the ID token", Sent::With(json!({ "aud": "exampleapp", "sid": "session", "scope": null }))),
                row("`USER_ID_FORM` is not set: Chat", unchanged()).setting("USER_ID_FORM", ""),
                row("`SCOPE_CLAIM` is not set: a publisher", unchanged())
                    .setting("SCOPE_CLAIM", "")
                    .path("/rtc/lobby/token?role=publisher"),
            ],
        },
        Provider {
            name: "Supabase Auth",
            algorithm: Algorithm::Es256,
            words: &[("PROJECT", "example")],
            header: json!({ "typ": "JWT" }),
            user: json!({
                "sub": UUID,
                "aud": "authenticated",
                "app_metadata": { "provider": "email", "providers": ["email"], "rooms": ["lobby"] },
                "user_metadata": { "rooms": ["vip"] },
                "role": "authenticated",
                "aal": "aal1",
                "is_anonymous": false,
            }),
            user_id: UUID_32,
            rooms: Some(("lobby", "vip")),
            rows: vec![
                row("a token of an older project (HS256)", Sent::Hmac),
                row("an anonymous user's token", Sent::With(json!({ "is_anonymous": true }))),
                row("the project's public API key (HS256)", Sent::Hmac),
            ],
        },
        Provider {
            name: "Clerk",
            algorithm: Algorithm::Rs256,
            words: &[("YOUR_APP", "app"), ("YOUR_AUDIENCE", "tokens")],
            header: json!({ "cat": "cl_example", "typ": "JWT" }),
            user: json!({
                "azp": "https://app.example",
                "fva": [2, -1],
                "sid": "sess_example",
                "sts": "active",
                "sub": "user_Abc123",
                "v": 2,
            }),
            user_id: "2cbe0bf6c3311d8f72d52cc1ee60a628",
            rooms: None,
            rows: vec![
                row("a token of another origin", Sent::With(json!({ "azp": "https://app.example.evil" }))),
                row("`USER_ID_FORM` is not set: Chat", unchanged()).setting("USER_ID_FORM", ""),
            ],
        },
        Provider {
            name: "Keycloak",
            algorithm: Algorithm::Rs256,
            words: &[("https://ID.", "https://id."), ("REALM", "main")],
            header: json!({ "typ": "JWT" }),
            user: json!({
                "aud": ["tokenmint", "account"],
                "sub": UUID,
                "typ": "Bearer",
                "azp": "web",
                "realm_access": { "roles": ["offline_access", "publisher"] },
                "resource_access": { "account": { "roles": ["view-profile"] } },
                "scope": "profile email",
            }),
            user_id: UUID_32,
            rooms: None,
            rows: vec![
                row("a token of a client without the mapper", Sent::With(json!({ "aud": "account" }))),
                row("the ID token", Sent::With(json!({ "typ": "ID", "at_hash": "x" }))),
                row(
                    "a publisher without the role",
                    Sent::With(json!({ "realm_access": { "roles": ["offline_access"] } })),
                )
                .path("/rtc/lobby/token?role=publisher"),
            ],
        },
        Provider {
            name: "Zitadel",
            algorithm: Algorithm::Rs256,
            words: &[("INSTANCE", "example"), ("PROJECT_ID", "200000000000000002")],
            header: json!({ "typ": "JWT" }),
            user: json!({
                "sub": "400000000000000004",
                "aud": ["500000000000000005", "200000000000000002"],
                "client_id": "500000000000000005",
                "jti": "V2_example",
                "urn:zitadel:iam:org:project:roles": { "publisher": { "100000000000000001": "org.zitadel.example" } },
            }),
            user_id: "400000000000000004",
            rooms: None,
            rows: vec![
                row("an opaque token", Sent::Opaque),
                row("the token of another project", Sent::With(json!({ "aud": ["500000000000000005"] }))),
            ],
        },
    ]
}

/// What the page says of a provider.
struct Section {
    /// The variables of its first block.
    variables: BTreeMap<String, String>,
    /// The parameters of its second block.
    parameters: Option<BTreeMap<String, String>>,
    /// The rows of its table: what, status, rule or detail.
    rows: Vec<(String, u16, String)>,
}

fn sections() -> BTreeMap<String, Section> {
    let page = fs::read_to_string(project::root().join("docs/how-to/providers.md")).expect("the page");
    page.split("\n## ").skip(1).map(section).collect()
}

fn section(text: &str) -> (String, Section) {
    let (name, text) = text.split_once('\n').expect("a heading");
    let block = |language: &str| {
        let (_, rest) = text.split_once(&format!("```{language}\n"))?;
        rest.split_once("\n```").map(|(block, _)| block)
    };
    let pairs = |block: &str| -> BTreeMap<String, String> {
        let words = block.split_whitespace().filter_map(|word| word.split_once('='));
        words.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    };
    let rows = text.lines().filter(|line| line.starts_with("| ")).skip(1).map(|line| {
        let line = line.replace("\\|", "\u{0}");
        let cells: Vec<_> = line.trim_matches('|').split(" | ").map(|cell| cell.trim().replace('\u{0}', "|")).collect();
        let [what, status, said] = &cells[..] else { panic!("{cells:?}") };
        (what.clone(), status.parse().expect("a status"), said.trim_matches('`').to_owned())
    });
    let variables = pairs(block("sh").unwrap_or_else(|| panic!("{name} has no settings")));
    (name.to_owned(), Section { variables, parameters: block("text").map(pairs), rows: rows.collect() })
}

impl Provider {
    fn written(&self, text: &str) -> String {
        self.words.iter().fold(text.to_owned(), |text, (word, value)| text.replace(word, value))
    }

    /// The settings of the page, with the keys of this issuer.
    fn env(&self, section: &Section, keys: &Issuer) -> Env {
        let credentials = project::root().join("tests/demo-credentials.json");
        let env = Env::from([("LOCAL_CREDENTIALS", credentials.to_str().expect("UTF-8"))]);
        let env = section.variables.iter().fold(env, |env, (name, value)| env.and(name, self.written(value)));
        env.and("JWT_KEYS_URL", format!("{}/keys", keys.url()))
    }

    /// The user's claims with these changes.
    fn claims(&self, section: &Section, changes: &Value) -> Value {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        let mut claims: Map<String, Value> = self.user.as_object().expect("claims").clone();
        claims.extend([
            ("iss".to_owned(), json!(self.written(&section.variables["JWT_ISSUER"]))),
            ("iat".to_owned(), json!(now)),
            ("exp".to_owned(), json!(now + 300)),
        ]);
        for (name, value) in changes.as_object().expect("claims") {
            if value.is_null() {
                claims.remove(name)
            } else {
                claims.insert(name.clone(), value.clone())
            };
        }
        Value::Object(claims)
    }

    fn jwt(&self, key: &SigningKey, section: &Section, sent: &Sent) -> String {
        match sent {
            Sent::With(changes) => key.sign(&self.header, &self.claims(section, changes)),
            Sent::Opaque => "dGhpcyBpcyBhbiBvcGFxdWUgYWNjZXNzIHRva2Vu".to_owned(),
            Sent::Hmac => {
                let header = json!({ "alg": "HS256", "typ": "JWT", "kid": key.id });
                signed_with_hmac(b"the project's secret", &header, &self.claims(section, &json!({})))
            }
        }
    }
}

fn ask(server: &TokenServer, path: &str, jwt: &str) -> Response {
    let request = Request::new("GET", &server.url(path)).header("accept", "application/json");
    request.header("authorization", &format!("Bearer {jwt}")).send()
}

#[test]
fn each_provider_has_a_section_and_the_tables_have_the_rows_that_are_tried() {
    let sections = sections();
    let providers = providers();
    let names: Vec<_> = sections.keys().map(String::as_str).collect();
    let mut known: Vec<_> = providers.iter().map(|provider| provider.name).collect();
    known.sort_unstable();
    assert_eq!(names, known);
    for provider in &providers {
        let tried: Vec<_> = provider.rows.iter().map(|row| row.what.to_owned()).collect();
        let on_page: Vec<_> = sections[provider.name].rows.iter().map(|(what, ..)| what.clone()).collect();
        assert_eq!(on_page, tried, "{}", provider.name);
    }
}

#[test]
fn the_settings_of_the_page_let_each_providers_users_in_as_themselves() {
    let sections = sections();
    for provider in providers() {
        let (section, name) = (&sections[provider.name], provider.name);
        let key = SigningKey::generate("key/1=", provider.algorithm);
        let issuer = Issuer::start(&[&key]);
        let server = TokenServer::start(provider.env(section, &issuer));
        let jwt = provider.jwt(&key, section, &unchanged());
        let mut all = Vec::new();
        let limited = section.variables.contains_key("ROOMS_CLAIM");
        for path in ["/chat/user/me/token", "/rtm/me/token", "/zim/me/token"] {
            let answer = ask(&server, path, &jwt);
            // A ZIM token opens every room, and allows publishing there.
            if path.starts_with("/zim/") && limited {
                assert_eq!(answer.status, 403, "{name}, {path}: {}", answer.text());
                continue;
            }
            assert_eq!(answer.status, 200, "{name}, {path}: {}", answer.text());
            let body = answer.json();
            assert_eq!(body["user_id"], provider.user_id, "{name}, {path}");
            all.push(Handed::by(&format!("{name}, {path}"), &body));
        }
        said::verify(&said::credentials(), &all);
        for path in
            ["/chat/user/ID/token", "/rtm/ID/token", "/rtc/lobby/token?account=ID", "/zego/ID/token?room_id=lobby"]
        {
            let named = |id: &str| ask(&server, &path.replace("ID", id), &jwt).status;
            assert_eq!(named("b92f1e2ede3b5f6e3d7c2e1c2b24a4cb"), 403, "{name}, {path}: another user");
        }
        let (own, others) = provider.rooms.unwrap_or(("lobby", ""));
        for role in ["subscriber", "publisher"] {
            let joins = |room: &str| ask(&server, &format!("/rtc/{room}/token?role={role}"), &jwt).status;
            assert_eq!(joins(own), 200, "{name}: {role}");
            assert!(others.is_empty() || joins(others) == 403, "{name}: {role}");
        }
        let nobody = Request::new("GET", &server.url("/rtm/me/token")).send();
        assert_eq!(nobody.status, 401, "{name}");
        said::check_logs(name, &server.end(), &said::credentials());
    }
}

#[test]
fn each_row_of_the_tables_is_what_happens() {
    let sections = sections();
    for provider in providers() {
        let section = &sections[provider.name];
        let key = SigningKey::generate("key/1=", provider.algorithm);
        let issuer = Issuer::start(&[&key]);
        for (row, (what, status, said)) in provider.rows.iter().zip(&section.rows) {
            let mut env = provider.env(section, &issuer);
            for (name, value) in &row.settings {
                env = env.and(name, *value);
            }
            let server = TokenServer::start(env);
            let answer = ask(&server, row.path, &provider.jwt(&key, section, &row.sent));
            let text = answer.text().to_owned();
            let logs = server.end();
            let name = provider.name;
            assert_eq!(answer.status, *status, "{name}, {what}: {text}\n{logs}");
            let mut lines = logs.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let line = lines.rfind(|line| line["request_id"].is_string()).expect("a line");
            let words = [line["rule"].as_str(), line["detail"].as_str()];
            assert!(words.contains(&Some(said.as_str())), "{name}, {what}: the page says {said}, the log {words:?}");
        }
    }
}

/// A claim as the gateway writes it: every claim is a text.
fn as_the_gateway_writes(claim: &Value) -> Value {
    match claim {
        Value::String(text) => json!(text),
        Value::Array(items) => {
            let items: Vec<_> =
                items.iter().map(|item| item.as_str().map_or(item.to_string(), str::to_owned)).collect();
            json!(format!("[{}]", items.join(" ")))
        }
        // Nobody can read this again.
        Value::Object(_) => json!("map[]"),
        other => json!(other.to_string()),
    }
}

#[test]
fn the_parameters_of_the_page_do_the_same_behind_the_gateway() {
    let sections = sections();
    let mut without = Vec::new();
    for provider in providers() {
        let (section, name) = (&sections[provider.name], provider.name);
        let Some(parameters) = &section.parameters else {
            without.push(name);
            continue;
        };
        assert_eq!(parameters.get("JwtIssuer"), section.variables.get("JWT_ISSUER"), "{name}");
        // What the gateway itself checks is not the functions'.
        let of_gateway = ["JwtIssuer", "JwtAudience", "JwtScope"];
        let credentials = project::root().join("tests/demo-credentials.json");
        let mut env = Env::from([("LOCAL_CREDENTIALS", credentials.to_str().expect("UTF-8"))]);
        for (parameter, value) in parameters.iter().filter(|(name, _)| !of_gateway.contains(&name.as_str())) {
            let variable =
                SETTINGS.iter().find(|(known, ..)| known == parameter).expect("a parameter of the template").1;
            env = env.and(variable, provider.written(value));
        }
        let claims = provider.claims(section, &json!({}));
        let claims: Map<_, _> = claims
            .as_object()
            .expect("claims")
            .iter()
            .map(|(name, claim)| (name.clone(), as_the_gateway_writes(claim)))
            .collect();
        let ask_as = |claims: &Map<String, Value>, function: &Function, route: &str, parameters: Value, query: &str| {
            let (method, _) = route.split_once(' ').expect("a method and a path");
            let response = function.invoke(&json!({
                "version": "2.0",
                "rawQueryString": query,
                "pathParameters": parameters,
                "headers": { "accept": "application/json" },
                "requestContext": {
                    "http": { "method": method }, "requestId": "id", "routeKey": route,
                    "authorizer": { "jwt": { "claims": claims, "scopes": null } },
                },
                "isBase64Encoded": false,
            }));
            let response = response.response();
            let body: Value = serde_json::from_str(response["body"].as_str().expect("a text")).expect("JSON");
            (response["statusCode"].as_u64().expect("a status"), body)
        };
        let ask = |function: &Function, route: &str, parameters, query: &str| {
            ask_as(&claims, function, route, parameters, query)
        };
        let chat = Function::start("chat-user-token", env.clone());
        let (status, body) = ask(&chat, "GET /chat/user/{user_id}/token", json!({ "user_id": "me" }), "");
        assert_eq!((status, &body["user_id"]), (200, &json!(provider.user_id)), "{name}: {body}");
        said::verify(&said::credentials(), &[Handed::by(name, &body)]);
        let refused = parameters.get("RefusedClaims").map(|pair| pair.split_once('=').expect("a pair"));
        if let Some((claim, value)) = refused {
            let mut anonymous = claims.clone();
            anonymous.insert(claim.to_owned(), json!(value));
            let (status, body) =
                ask_as(&anonymous, &chat, "GET /chat/user/{user_id}/token", json!({ "user_id": "me" }), "");
            assert_eq!(status, 401, "{name}: {body}");
        }
        let rtc = Function::start("rtc-token", env);
        let (own, others) = provider.rooms.unwrap_or(("lobby", ""));
        let joins = |room: &str| ask(&rtc, "GET /rtc/{channel}/token", json!({ "channel": room }), "role=publisher").0;
        assert_eq!(joins(own), 200, "{name}");
        assert!(others.is_empty() || joins(others) == 403, "{name}");
    }
    assert_eq!(without, ["Supabase Auth"], "API Gateway verifies no ES256");
}
