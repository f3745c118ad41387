//! The drop-in routes, as existing clients ask them. `tests/recorded/` has the requests of each client, and how it reads
//! an answer. Each request goes to the server over HTTP, and to the function as an event of API Gateway.

mod pages;
mod reading;

use crate::said::{self, Handed};
use crate::{functions, openapi};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use harness::http::Request;
use harness::issuer::{Algorithm, Issuer, SigningKey};
use harness::lambda::Function;
use harness::server::TokenServer;
use harness::{Env, project};
use reading::{Answer, Client};
use serde_json::{Value, json};
use service::Callers;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use tokens::agora::Uid;

const AUDIENCE: &str = "tokens.example.com";
/// The audience of JWTs in a query.
const UIKIT_AUDIENCE: &str = "uikit.example.com";
const UID_CLAIM: &str = "rtc_uid";

/// Somebody who signs in.
#[derive(Debug, Clone, Copy)]
struct Person {
    id: &'static str,
    /// The uid in the JWT.
    second_uid: u32,
}

const PEOPLE: [Person; 4] = [
    Person { id: "alice", second_uid: 77 },
    Person { id: "bob", second_uid: 88 },
    Person { id: "1234", second_uid: 1234 },
    Person { id: "5678", second_uid: 5678 },
];

impl Person {
    fn of(id: &str) -> Person {
        *PEOPLE.iter().find(|person| person.id == id).unwrap_or_else(|| panic!("nobody is called {id}"))
    }

    /// Somebody else.
    fn other(self) -> Person {
        Person::of(match self.id {
            "alice" => "bob",
            _ => "5678",
        })
    }

    /// The assigned uid.
    fn uid(self, app_id: &str) -> u32 {
        Uid::of_user(app_id, self.id).get()
    }
}

/// Whose JWT a request carries, and whose token it asks for.
#[derive(Debug, Clone, Copy)]
struct Asked {
    caller: Option<Person>,
    whose: Person,
}

/// An issuer and what it signs.
struct Stage {
    key: SigningKey,
    issuer: Issuer,
    app_id: String,
}

impl Stage {
    fn new() -> Stage {
        let key = SigningKey::generate("current", Algorithm::Es256);
        let issuer = Issuer::start(&[&key]);
        let app_id = said::credentials()["agora"]["app_id"].as_str().expect("a text").to_owned();
        Stage { key, issuer, app_id }
    }

    fn settings(&self) -> Env {
        let credentials = project::root().join("tests/demo-credentials.json");
        Env::from([
            ("LOCAL_CREDENTIALS", credentials.to_str().expect("UTF-8")),
            ("DROP_IN", "true"),
            ("UIKIT_JWT_IN_QUERY", "true"),
            ("UIKIT_JWT_AUDIENCE", UIKIT_AUDIENCE),
            ("JWT_AUDIENCE", AUDIENCE),
            ("RTC_UID_CLAIM", UID_CLAIM),
            ("MINTS_PER_MINUTE", "0"),
        ])
    }

    fn server(&self) -> TokenServer {
        self.server_with(&[])
    }

    fn server_with(&self, more: &[(&str, &str)]) -> TokenServer {
        let jwt =
            [("IDENTITY", "jwt"), ("JWT_ISSUER", &self.issuer.url()), ("ALLOWED_ORIGINS", "https://app.example.com")];
        TokenServer::start(self.settings().and_all(jwt).and_all(more))
    }

    fn claims(&self, person: Person, audience: &str) -> Value {
        let mut claims = self.issuer.claims(person.id, audience);
        claims[UID_CLAIM] = json!(person.second_uid);
        claims
    }

    fn jwt(&self, person: Person, audience: &str) -> String {
        self.key.sign(&json!({}), &self.claims(person, audience))
    }

    /// The text with the ids of this person, and a JWT of the caller if the request carries it in the query.
    fn filled(&self, text: &str, asked: Asked) -> String {
        let person = asked.whose;
        let filled = text
            .replace("<uid>", &person.uid(&self.app_id).to_string())
            .replace("<second uid>", &person.second_uid.to_string())
            .replace("<user>", person.id)
            .replace("<app id>", &self.app_id);
        match asked.caller {
            Some(caller) if filled.contains("<jwt>") => filled.replace("<jwt>", &self.jwt(caller, UIKIT_AUDIENCE)),
            Some(_) => filled,
            None => filled.replace("jwt=<jwt>&", ""),
        }
    }

    /// The client's request over HTTP.
    fn ask(&self, server: &TokenServer, client: &Client, asked: Asked) -> Answer {
        let path = self.filled(&client.path, asked);
        let mut request = Request::new(&client.method, &server.url(&path));
        for (name, value) in &client.headers {
            request = request.header(name, value);
        }
        if let (Some(caller), false) = (asked.caller, client.sends_jwt_in_query()) {
            request = request.header("authorization", &format!("Bearer {}", self.jwt(caller, AUDIENCE)));
        }
        if let Some(body) = &client.body {
            request = request.body(self.filled(body, asked));
        }
        let response = request.send();
        let header = |name: &str| response.header(name).map(str::to_owned);
        Answer {
            status: response.status,
            body: response.text().to_owned(),
            cache_control: header("cache-control"),
            referrer_policy: header("referrer-policy"),
            has_length: response.header("content-length").is_some(),
        }
    }

    /// The events that API Gateway makes of the client's request: with a body as text and as base64, and with and without a
    /// slash at the end of the greedy variable.
    fn events(&self, client: &Client, asked: Asked) -> Vec<(String, Value)> {
        let sent = self.filled(&client.path, asked);
        let (path, query) = sent.split_once('?').unwrap_or((&sent, ""));
        let (route, function, parameters) = route(&client.method, path);
        let mut headers: BTreeMap<_, _> = client.headers.clone();
        headers.insert("host".to_owned(), "api.example.com".to_owned());
        let mut context = json!({
            "accountId": "123456789012",
            "apiId": "api-id",
            "domainName": "api.example.com",
            "http": { "method": client.method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1" },
            "requestId": "Hw1k9jXfoAMEPqA=",
            "routeKey": route,
            "stage": "$default",
        });
        if let Some(caller) = asked.caller {
            let audience = if client.sends_jwt_in_query() { UIKIT_AUDIENCE } else { AUDIENCE };
            let claims = self.claims(caller, audience);
            // The gateway writes numbers as texts.
            let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let claims: Value =
                claims.as_object().expect("claims").iter().map(|(name, value)| (name.clone(), text(value))).collect();
            context["authorizer"] = json!({ "jwt": { "claims": claims, "scopes": null } });
            if !client.sends_jwt_in_query() {
                headers.insert("authorization".to_owned(), "Bearer (checked by the gateway)".to_owned());
            }
        }
        let event = json!({
            "version": "2.0",
            "routeKey": route,
            "rawPath": path,
            "rawQueryString": query,
            "headers": headers,
            "pathParameters": parameters,
            "requestContext": context,
            "isBase64Encoded": false,
        });
        let mut events = Vec::new();
        let last_slash = parameters.values().any(|value| value.ends_with('/'));
        if last_slash {
            let mut without = event.clone();
            let cut = parameters.iter().map(|(name, value)| (name, value.trim_end_matches('/')));
            without["pathParameters"] = cut.collect();
            events.push((function.clone(), without));
        }
        if let Some(body) = &client.body {
            let body = self.filled(body, asked);
            let mut encoded = event.clone();
            encoded["body"] = json!(BASE64_STANDARD.encode(&body));
            encoded["isBase64Encoded"] = json!(true);
            let mut plain = event;
            plain["body"] = json!(body);
            events.extend([(function.clone(), encoded), (function, plain)]);
        } else {
            events.push((function, event));
        }
        events
    }
}

/// Each route of the stack, and its function: the code's routes, and those that only add a slash at the end.
fn routes_in_stack() -> BTreeMap<String, String> {
    let with_end = ::functions::ALL.iter().flat_map(|function| {
        let paths = function.paths_with_end().into_iter();
        paths.map(|(key, path)| (format!("{} {path}", key.method), function.name.to_owned()))
    });
    functions::routes_in_code().into_iter().chain(with_end).collect()
}

/// The route that API Gateway chooses, its function, and the path's parameters: fixed texts win over variables, and a
/// greedy variable takes the rest.
fn route(method: &str, path: &str) -> (String, String, BTreeMap<String, String>) {
    let parts: Vec<_> = path[1..].split('/').collect();
    let mut fitting: Vec<_> = routes_in_stack()
        .into_iter()
        .filter_map(|(route, function)| {
            let (of, pattern) = route.split_once(' ').expect("a method and a path");
            let parameters = (of == method).then(|| parameters(pattern, &parts)).flatten()?;
            Some((route, function, parameters))
        })
        .collect();
    fitting.sort_by_key(|(route, _, parameters)| (route.contains('+'), parameters.len()));
    fitting.into_iter().next().unwrap_or_else(|| panic!("no route is {method} {path}"))
}

fn parameters(pattern: &str, parts: &[&str]) -> Option<BTreeMap<String, String>> {
    let mut parameters = BTreeMap::new();
    let wanted: Vec<_> = pattern[1..].split('/').collect();
    for (at, want) in wanted.iter().enumerate() {
        let rest = parts.get(at..).filter(|rest| !rest.is_empty())?;
        match want.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) if name.ends_with('+') => {
                parameters.insert(name.trim_end_matches('+').to_owned(), rest.join("/"));
                return Some(parameters);
            }
            Some(name) if !rest[0].is_empty() => {
                parameters.insert(name.to_owned(), rest[0].to_owned());
            }
            _ if *want == rest[0] => {}
            _ => return None,
        }
    }
    (wanted.len() == parts.len()).then_some(parameters)
}

/// All clients of `tests/recorded/`.
fn clients() -> Vec<Client> {
    let folder = project::root().join("tests/recorded");
    let mut files: Vec<_> =
        fs::read_dir(folder).expect("a folder").map(|file| file.expect("readable").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    files
        .iter()
        .flat_map(|file| {
            let text = fs::read(file).expect("readable");
            let clients: Vec<Client> =
                serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            clients
        })
        .collect()
}

#[test]
#[allow(clippy::print_stdout, reason = "what each client was given is for a person")]
fn each_client_gets_its_own_users_token_and_understands_a_refusal() {
    let stage = Stage::new();
    let server = stage.server();
    let gateway = |name: &str| Function::start(name, stage.settings());
    let mut running: BTreeMap<String, Function> = BTreeMap::new();
    let (mut handed, mut documented, mut routes) = (Vec::new(), Vec::new(), BTreeSet::new());
    let clients = clients();
    assert!(clients.len() > 40, "{} clients: this test found nothing to check", clients.len());
    for client in &clients {
        let caller = Person::of(client.caller.as_deref().unwrap_or("alice"));
        let own = Asked { caller: Some(caller), whose: caller };
        let others = Asked { caller: Some(caller), whose: caller.other() };
        let nobodys = Asked { caller: None, whose: caller };
        for (asked, status) in [(own, client.own_status.unwrap_or(200)), (others, 403), (nobodys, 401)] {
            let mut answers = vec![("over HTTP", stage.ask(&server, client, asked))];
            for (function, event) in stage.events(client, asked) {
                let function = running.entry(function.clone()).or_insert_with(|| gateway(&function));
                let response = function.invoke(&event).response();
                routes.insert(event["routeKey"].as_str().expect("a text").to_owned());
                answers.push(("as an event", Answer::of_function(&response)));
                documented.push(openapi::answer(&event, &response));
            }
            for (how, answer) in answers {
                let what = format!("{}, {how}, {asked:?}", client.client);
                assert_eq!(answer.status, status, "{what}: {}", answer.body);
                assert_eq!(answer.cache_control.as_deref(), Some("no-store"), "{what}");
                let policy = client.sends_jwt_in_query().then_some("no-referrer");
                assert_eq!(answer.referrer_policy.as_deref(), policy, "{what}");
                if status == 200 {
                    let tokens = client.takes(&answer, &what);
                    for (token, opens) in tokens {
                        let says = client.says(&opens, |text| stage.filled(text, asked));
                        handed.push(Handed { what: what.clone(), token, says, issued_at: None });
                    }
                    client.check_answer(&answer, |text| stage.filled(text, asked), &what);
                } else {
                    client.check_refusal(&answer, &what);
                }
            }
        }
        println!("{}: {}", client.client, client.given(|text| stage.filled(text, own), caller.id));
    }
    openapi::check(&documented);
    let credentials = said::credentials();
    said::verify(&credentials, &handed);
    for (name, function) in running {
        check_logs(&name, &function.end(), &credentials);
    }
    check_logs("serve", &server.end(), &credentials);
    // Some client asks each drop-in route for users.
    let of_users = functions::routes().into_keys().filter(|route| route.drop_in && route.callers == Callers::Users);
    let missing: Vec<_> = of_users.map(|route| route.to_string()).filter(|route| !routes.contains(route)).collect();
    assert_eq!(missing, ["GET /ping"], "no client asks for these");
}

/// The server answers everybody's ping. Behind API Gateway the caller must be known.
#[test]
fn a_ping_needs_an_identity_only_behind_the_gateway() {
    let stage = Stage::new();
    let server = stage.server();
    for path in ["/ping", "/ping/"] {
        let answer = Request::new("GET", &server.url(path)).send();
        assert_eq!((answer.status, answer.text()), (200, r#"{"message":"pong"}"#), "{path}");
    }
    let function = Function::start("drop-in", stage.settings());
    let event = |authorizer: Value| {
        json!({
            "version": "2.0",
            "rawQueryString": "",
            "pathParameters": {},
            "headers": {},
            "requestContext": {
                "authorizer": authorizer, "http": { "method": "GET" }, "requestId": "id", "routeKey": "GET /ping",
            },
            "isBase64Encoded": false,
        })
    };
    let known = event(json!({ "jwt": { "claims": { "sub": "alice" }, "scopes": null } }));
    assert_eq!(function.invoke(&known).response()["statusCode"], 200);
    assert_eq!(function.invoke(&event(json!(null))).response()["statusCode"], 401);
}

/// Without the setting there are no such routes.
#[test]
fn without_drop_in_no_client_of_another_server_is_answered() {
    let stage = Stage::new();
    let server = stage.server_with(&[("DROP_IN", "false"), ("UIKIT_JWT_IN_QUERY", ""), ("UIKIT_JWT_AUDIENCE", "")]);
    let alice = Person::of("alice");
    for client in clients() {
        let answer = stage.ask(&server, &client, Asked { caller: Some(alice), whose: alice });
        assert!([404, 405].contains(&answer.status), "{}: {} {}", client.client, answer.status, answer.body);
    }
}

/// No token, no secret, no JWT, and nothing of a sample's app certificate.
fn check_logs(what: &str, logs: &str, credentials: &Value) {
    said::check_logs(what, logs, credentials);
    for secret in ["0123456789abcdef0123456789abcdef", "eyJ", "jwt="] {
        assert!(!logs.contains(secret), "{what}: {secret} stands in the log:\n{logs}");
    }
}
