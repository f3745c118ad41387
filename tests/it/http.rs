//! The whole API over HTTP: all functions under the real `cargo lambda watch`, and the server, both with credentials
//! from a real Secrets Manager API. The vendors' own code verifies every token. In the end no answer and no log line may
//! hold a secret, and no log line a token.
//!
//! Both fronts get the same requests. Each test lists where their answers differ. It fails if a difference is new, and
//! if one has gone.

use crate::front::{Front, Running};
use crate::said::{self, Handed};
use harness::Env;
use harness::http::{Request, Response};
use harness::secrets::{SecretsManager, Vendor};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

mod refused;

/// Secrets that occur nowhere else. So if a test finds one, it has leaked.
const CERTIFICATE: &str = "5ec2e70ffacade0ffee0badcab1edeed";
const SERVER_SECRET: &str = "5erver-5ecret-that-occurs-nowhere";

fn credentials() -> Value {
    json!({
        "agora": { "app_id": "970ca35de60c44645bbae8a215061b33", "app_certificate": CERTIFICATE },
        "zego": { "app_id": 3_087_654_321_u32, "server_secret": &SERVER_SECRET[..32] },
    })
}

/// A front at work, and what it answered so far.
struct Api {
    front: Front,
    running: Running,
    secrets: SecretsManager,
    handed: Vec<Handed>,
    answers: Vec<(String, Response)>,
}

impl Api {
    fn start(front: Front, env: impl Into<Env>) -> Api {
        let secrets = SecretsManager::start();
        secrets.put(Vendor::Agora.secret_id(), &credentials()["agora"]);
        secrets.put(Vendor::Zego.secret_id(), &credentials()["zego"]);
        let running = Running::start(front, secrets.env_for_all().and_all(env));
        Api { front, running, secrets, handed: Vec::new(), answers: Vec::new() }
    }

    fn ask(&mut self, method: &str, path: &str, change: impl FnOnce(Request) -> Request) -> Response {
        let answer = change(Request::new(method, &self.running.url(path))).send();
        assert!(answer.status < 500, "{method} {path}: {} {}", answer.status, answer.text());
        self.answers.push((format!("{method} {path}"), answer.clone()));
        answer
    }

    /// Asks for a token, and keeps it to be verified. Returns the answer's JSON.
    fn mint(&mut self, method: &str, path: &str, body: Option<Value>, says: Value) -> Value {
        let with_body = |request: Request| match &body {
            Some(body) => request.json(body),
            None => request,
        };
        self.mint_with(method, path, with_body, says)
    }

    fn mint_with(&mut self, method: &str, path: &str, change: impl FnOnce(Request) -> Request, says: Value) -> Value {
        let answer = self.ask(method, path, change);
        assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/json"), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        let json = answer.json();
        let token = json["token"].as_str().expect("a text").to_owned();
        self.handed.push(Handed {
            what: format!("{method} {path}"),
            token,
            says,
            issued_at: json["issued_at"].as_u64(),
        });
        json
    }

    /// Asks for a token as bare text.
    fn mint_text(&mut self, path: &str, accept: &str, says: Value) {
        let answer = self.ask("GET", path, |request| request.header("accept", accept));
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"), "{path}");
        self.handed.push(Handed {
            what: format!("GET {path}"),
            token: answer.text().to_owned(),
            says,
            issued_at: None,
        });
    }

    /// Sends a bad request. The problem must have this status, and its detail must contain these words.
    fn refuse(&mut self, method: &str, path: &str, body: Option<&str>, status: u16, detail: &str) {
        let answer = self.ask(method, path, |request| match body {
            Some(body) => request.header("content-type", "application/json").body(body),
            None => request,
        });
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{path}");
        let problem = answer.json();
        assert_eq!(problem["status"], status, "{path}: {problem}");
        assert!(problem["type"].as_str().is_some_and(|name| name.starts_with("urn:tokenmint:problem:")), "{problem}");
        assert!(problem["request_id"].as_str().is_some_and(|id| !id.is_empty()), "{problem}");
        assert!(problem["detail"].as_str().is_some_and(|text| text.contains(detail)), "{method} {path}: {problem}");
    }

    /// Verifies all tokens, and searches answers and logs for secrets. Returns the requests with their answers.
    fn finish(self) -> Vec<(String, Response)> {
        said::verify(&credentials(), &self.handed);
        said::check_logs(&format!("{:?}", self.front), &self.running.end(), &credentials());
        for (what, answer) in &self.answers {
            let answer = format!("{:?} {}", answer.headers, answer.text());
            said::check_secrets(what, &answer, &credentials());
            for trace in ["stack backtrace", ".rs:"] {
                assert!(!answer.contains(trace), "{what}: an answer shows the inside: {trace}");
            }
        }
        self.answers
    }
}

/// Runs a test against both fronts. Returns where their answers differ: the request, and each part of the answer that
/// differs, as the emulator and as the server has it.
fn differences(test: impl Fn(Front) -> Vec<(String, Response)>) -> Vec<(String, Value)> {
    let (of_emulator, of_server) = (test(Front::Emulator), test(Front::Server));
    assert_eq!(of_emulator.len(), of_server.len(), "both got the same requests");
    let mut different = Vec::new();
    for ((what, of_emulator), (same, of_server)) in of_emulator.into_iter().zip(of_server) {
        assert_eq!(what, same, "both got the same requests");
        let [of_emulator, of_server] = [of_emulator, of_server].map(|answer| parts(&answer));
        let names: BTreeSet<_> = of_emulator.keys().chain(of_server.keys()).collect();
        let both = names.into_iter().map(|name| (name.clone(), json!([of_emulator.get(name), of_server.get(name)])));
        let differing: Map<_, _> = both.filter(|(_, values)| values[0] != values[1]).collect();
        if !differing.is_empty() {
            different.push((what, differing.into()));
        }
    }
    different
}

/// What the emulator itself answers where it knows no route. API Gateway answers with a 404 of its own, too.
const EMULATORS_OWN: &str = "the emulator knows no such route";

/// Status, headers and body of an answer, without what the clock, randomness and the connection decide.
fn parts(answer: &Response) -> BTreeMap<String, Value> {
    let of_the_connection = ["connection", "content-length", "date", "transfer-encoding"];
    let headers = answer.headers.iter().filter(|(name, _)| !of_the_connection.contains(&name.as_str()));
    let headers = headers.map(|(name, value)| (name.to_string(), json!(value.to_str().expect("text"))));
    let body = match serde_json::from_slice(&answer.body) {
        Ok(Value::Object(body)) if body.get("title") == Some(&json!("Default function disabled")) => {
            Map::from_iter([("body".to_owned(), json!(EMULATORS_OWN))])
        }
        Ok(Value::Object(mut body)) => {
            // It is handed out again, with less of its life left.
            if body.get("kind") == Some(&json!("agora-chat-app")) {
                body.remove("expires_in");
            }
            body.into_iter().map(|(name, value)| steady(name, value)).collect()
        }
        _ => Map::from_iter([steady("token".to_owned(), json!(answer.text()))]),
    };
    headers.chain(body).chain([("HTTP".to_owned(), json!(answer.status))]).collect()
}

fn steady(name: String, value: Value) -> (String, Value) {
    let is_token = value.as_str().is_some_and(|text| ["006", "007", "04"].iter().any(|kind| text.starts_with(kind)));
    let value = match (name.as_str(), value) {
        ("issued_at" | "expires_at" | "renew_at" | "request_id", _) => json!("<changing>"),
        ("token" | "kit_token", _) if is_token => json!("<token>"),
        (_, Value::Object(fields)) => fields.into_iter().map(|(name, value)| steady(name, value)).collect(),
        (_, value) => value,
    };
    (name, value)
}

fn chat_user(user: &str, ttl: u32) -> Value {
    json!({ "type": 5, "privileges": { "1": ttl }, "user_id": user })
}

fn rtm_user(user: &str, ttl: u32) -> Value {
    json!({ "type": 2, "privileges": { "1": ttl }, "user_id": user })
}

fn rtc_user(channel: &str, uid: &str, privileges: Value) -> Value {
    json!({ "type": 1, "privileges": privileges, "channel_name": channel, "uid": uid })
}

fn says(expire: u32, services: Value) -> Value {
    json!({ "expire": expire, "services": services })
}

fn zego(user: &str, payload: &str) -> Value {
    json!({ "app_id": 3_087_654_321_u32, "user_id": user, "payload": payload })
}

#[test]
fn every_route_mints_what_the_vendors_accept() {
    assert_eq!(differences(mints_what_the_vendors_accept), []);
}

fn mints_what_the_vendors_accept(front: Front) -> Vec<(String, Response)> {
    let mut api = Api::start(front, [("IDENTITY", "none")]);

    let app = says(3600, json!([{ "type": 5, "privileges": { "2": 3600 }, "user_id": "" }]));
    api.mint_text("/chat/app/token", "*/*", app.clone());
    // The app token is minted once and handed out again.
    api.mint_text("/chat/app/token", "text/html,application/xhtml+xml,*/*;q=0.8", app);
    let [first, second] = api.handed.as_slice() else { panic!("two tokens") };
    assert_eq!(first.token, second.token, "the app token is handed out again");
    let answer = api.ask("GET", "/chat/app/token", |request| request.header("accept", "application/json")).json();
    assert_eq!(answer["token"], json!(api.handed[0].token));
    assert_eq!(answer["kind"], "agora-chat-app");
    let times = ["issued_at", "expires_at", "expires_in"].map(|name| answer[name].as_u64().expect("seconds"));
    assert!(times[0] + 3600 == times[1] && times[2] <= 3600, "{answer}");

    api.mint_text("/chat/user/alice/token", "*/*", says(3600, json!([chat_user("alice", 3600)])));
    api.mint_text("/chat/user/a.b-c_9/token?expires_in=1", "*/*", says(1, json!([chat_user("a.b-c_9", 1)])));
    let answer = api
        .ask("GET", "/chat/user/alice/token?expires_in=86400", |request| request.header("accept", "application/json"));
    assert_eq!(answer.json()["user_id"], "alice");
    assert_eq!(answer.json()["expires_in"], 86_400);
    assert_eq!(answer.json()["app_id"], "970ca35de60c44645bbae8a215061b33");

    // Ids that the vendor's rule allows, as they are written in a path.
    for (path, id) in [
        ("alice", "alice"),
        ("a%20b", "a b"),
        ("a%23b", "a#b"),
        ("a+b", "a+b"),
        ("a%2Bb", "a+b"),
        ("a@b.c", "a@b.c"),
        ("a%2Fb", "a/b"),
        ("..%2F..", "../.."),
        ("100%25", "100%"),
        ("%2525", "%25"),
        ("a%22b%5C", "a\"b\\"),
    ] {
        let answer = api.mint("GET", &format!("/rtm/{path}/token"), None, says(3600, json!([rtm_user(id, 3600)])));
        assert_eq!(answer["user_id"], id);
        api.mint("GET", &format!("/zego/{path}/token"), None, zego(id, ""));
    }
    let older = json!({ "channel": "a#b", "uid": "", "privileges": { "1000": "<now + 60>" } });
    let answer = api.mint("GET", "/rtm/a%23b/token?version=006&expires_in=60", None, older);
    assert_eq!(answer["version"], "006");

    let tutorial = json!({ "channel": "1234", "uid": "", "privileges": { "1000": "<now + 3600>" } });
    let answer = api.mint("POST", "/fetch_rtm_token", Some(json!({ "uid": "1234" })), tutorial.clone());
    assert_eq!(answer, json!({ "token": answer["token"], "code": "200" }));
    // curl sends JSON as a form. The gateway encodes such a body as base64.
    let form = |request: Request| {
        request.header("content-type", "application/x-www-form-urlencoded").body(r#"{"uid":"1234"}"#)
    };
    assert_eq!(api.mint_with("POST", "/fetch_rtm_token", form, tutorial)["code"], "200");
    let newer = json!({ "uid": "1234", "version": "007" });
    api.mint("POST", "/fetch_rtm_token", Some(newer), says(3600, json!([rtm_user("1234", 3600)])));

    let join = json!({ "1": 3600 });
    let publish = json!({ "1": 3600, "2": 3600, "3": 3600, "4": 3600 });
    let answer =
        api.mint("GET", "/rtc/demo/token?uid=42", None, says(3600, json!([rtc_user("demo", "42", join.clone())])));
    assert_eq!((&answer["uid"], &answer["role"]), (&json!(42), &json!("subscriber")));
    let all = json!([rtc_user("a b#c+d@e", "alice", publish), rtm_user("alice", 3600), chat_user("alice", 3600)]);
    for with in ["with=rtm,chat", "with=chat&with=rtm", "with=rtm%2Cchat"] {
        let path = format!("/rtc/a%20b%23c+d@e/token?account=alice&role=publisher&{with}");
        let answer = api.mint("GET", &path, None, says(3600, all.clone()));
        assert_eq!((&answer["channel"], &answer["account"]), (&json!("a b#c+d@e"), &json!("alice")));
    }
    for uid in ["1", "4294967295"] {
        let path = format!("/rtc/demo/token?uid={uid}");
        api.mint("GET", &path, None, says(3600, json!([rtc_user("demo", uid, join.clone())])));
    }
    let own = json!({
        "uid": 42, "role": "publisher", "expires_in": 3600, "with": ["rtm"],
        "privileges": { "join_channel": 3600, "publish_audio": 600, "publish_video": 600, "publish_data_stream": 600 },
    });
    let services =
        json!([rtc_user("demo", "42", json!({ "1": 3600, "2": 600, "3": 600, "4": 600 })), rtm_user("42", 3600),]);
    let answer = api.mint("POST", "/rtc/demo/token", Some(own), says(3600, services));
    let until = |privilege: &str| answer["privileges"][privilege]["expires_at"].as_u64();
    assert_eq!(until("join_channel"), answer["expires_at"].as_u64());
    assert_eq!(until("publish_audio"), answer["issued_at"].as_u64().map(|moment| moment + 600));

    let answer = api.mint("GET", "/zego/alice/token?expires_in=60", None, zego("alice", ""));
    assert_eq!((&answer["kind"], &answer["app_id"]), (&json!("zego-basic"), &json!(3_087_654_321_u32)));
    let room = r#"{"room_id":"demo \"1\" #2","privilege":{"1":1,"2":0},"stream_id_list":null}"#;
    let answer = api.mint("GET", "/zego/alice/token?room_id=demo+%221%22%20%232", None, zego("alice", room));
    assert_eq!(answer["room_id"], "demo \"1\" #2");
    assert_eq!(answer["privileges"], json!({ "login": true, "publish": false }));
    let room = r#"{"room_id":"demo","privilege":{"1":0,"2":1},"stream_id_list":["s1","s2"]}"#;
    let query = "room_id=demo&login=false&publish=true&stream_id=s1&stream_id=s2";
    api.mint("GET", &format!("/zego/alice/token?{query}"), None, zego("alice", room));
    let body = json!({ "room_id": "demo", "privileges": { "login": true, "publish": false }, "stream_ids": ["s1"] });
    let room = r#"{"room_id":"demo","privilege":{"1":1,"2":0},"stream_id_list":["s1"]}"#;
    api.mint("POST", "/zego/alice/token", Some(body), zego("alice", room));
    api.mint("POST", "/zego/alice/token", Some(json!({})), zego("alice", ""));
    let answer = api.mint("GET", "/zim/a+b@c.d/token", None, zego("a+b@c.d", ""));
    assert_eq!(answer["kind"], "zego-zim");

    // Each process read its own vendors' secrets once, at its start.
    let reads = api.secrets.read_secret_ids();
    let of = |vendor: Vendor| reads.iter().filter(|id| *id == vendor.secret_id()).count();
    let expected = if front == Front::Emulator { (4, 2, 6) } else { (1, 1, 2) };
    assert_eq!((of(Vendor::Agora), of(Vendor::Zego), reads.len()), expected, "{reads:?}");

    // Each request has one log line, which names the outcome.
    let logs = api.running.logs();
    let line = logs.lines().find(|line| line.contains(r#""route":"GET /rtc/{channel}/token""#)).expect("it is logged");
    let line: Value = serde_json::from_str(line).expect("the log is JSON");
    assert_eq!(
        (&line["kind"], &line["message"], line["duration_us"].is_number()),
        (&json!("agora-rtc"), &json!("minted"), true)
    );
    assert!(line["request_id"].as_str().is_some_and(|id| !id.is_empty()), "{line}");
    api.finish()
}
