//! The whole API over HTTP: all functions under the real `cargo lambda watch`, with credentials from a real Secrets
//! Manager API, asked well and badly. The vendors' own code verifies every token, and in the end no answer and no log
//! line may hold a secret, nor a log line a token.

use crate::functions;
use crate::said::{self, Handed};
use harness::http::{Answer, Request};
use harness::secrets::{SecretsManager, Vendor};
use harness::watch::Watch;
use serde_json::{Value, json};

/// Secrets that occur nowhere else, so that finding one means something.
const CERTIFICATE: &str = "5ec2e70ffacade0ffee0badcab1edeed";
const SERVER_SECRET: &str = "5erver-5ecret-that-occurs-nowhere";

fn credentials() -> Value {
    json!({
        "agora": { "app_id": "970ca35de60c44645bbae8a215061b33", "app_certificate": CERTIFICATE },
        "zego": { "app_id": 3_087_654_321_u32, "server_secret": &SERVER_SECRET[..32] },
    })
}

/// All functions, serving, and what came of asking them.
struct Api {
    watch: Watch,
    secrets: SecretsManager,
    handed: Vec<Handed>,
    answers: String,
}

impl Api {
    fn start(env: &[(&str, &str)]) -> Api {
        let secrets = SecretsManager::start();
        secrets.put(Vendor::Agora.secret_id(), &credentials()["agora"]);
        secrets.put(Vendor::Zego.secret_id(), &credentials()["zego"]);
        let watch = Watch::start(secrets.env_for_all().and_all(env));
        Api { watch, secrets, handed: Vec::new(), answers: String::new() }
    }

    fn ask(&mut self, method: &str, path: &str, change: impl FnOnce(Request) -> Request) -> Answer {
        let answer = change(Request::new(method, &self.watch.url(path))).send();
        self.answers += &format!("{method} {path} {} {:?} {}\n", answer.status, answer.headers, answer.text());
        assert!(answer.status < 500, "{method} {path}: {} {}", answer.status, answer.text());
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

    /// Asks for a token that answers as bare text.
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

    /// Asks badly: the problem must have this status and its detail must contain these words.
    fn refuse(&mut self, method: &str, path: &str, body: Option<&str>, status: u16, detail: &str) {
        let answer = self.ask(method, path, |request| match body {
            Some(body) => request.header("content-type", "application/json").body(body),
            None => request,
        });
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{path}");
        let problem = answer.json();
        assert_eq!(problem["status"], status, "{path}: {problem}");
        assert!(problem["type"].as_str().is_some_and(|kind| kind.starts_with("urn:tokenmint:problem:")), "{problem}");
        assert!(problem["request_id"].as_str().is_some_and(|id| !id.is_empty()), "{problem}");
        assert!(problem["detail"].as_str().is_some_and(|text| text.contains(detail)), "{method} {path}: {problem}");
    }

    /// Verifies what was minted, and looks for what must not be seen.
    fn finish(self) {
        said::verify(&credentials(), &self.handed);
        said::check_logs("cargo lambda watch", &self.watch.end(), &credentials());
        said::check_secrets("an answer", &self.answers, &credentials());
        for trace in ["stack backtrace", ".rs:"] {
            assert!(!self.answers.contains(trace), "an answer shows the inside: {trace}");
        }
    }
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
    let mut api = Api::start(&[("AUTH", "none")]);

    let app = says(3600, json!([{ "type": 5, "privileges": { "2": 3600 }, "user_id": "" }]));
    api.mint_text("/chat/app/token", "*/*", app.clone());
    // Minted once and handed out again.
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

    // Ids as they stand in a path, where the vendor's rule allows them.
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
    // As curl sends it, without a word about JSON, and base64-encoded by the gateway for it.
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

    // Each function asked Secrets Manager once, when it started, for its own vendor's secret.
    let reads = api.secrets.read_secret_ids();
    let of = |vendor: Vendor| reads.iter().filter(|id| *id == vendor.secret_id()).count();
    assert_eq!((of(Vendor::Agora), of(Vendor::Zego), reads.len()), (4, 2, 6), "{reads:?}");

    // One line a request, and it says what came of it.
    let logs = api.watch.logs();
    let line = logs.lines().find(|line| line.contains(r#""route":"GET /rtc/{channel}/token""#)).expect("it is logged");
    let line: Value = serde_json::from_str(line).expect("the log is JSON");
    assert_eq!(
        (&line["kind"], &line["outcome"], &line["status"]),
        (&json!("agora-rtc"), &json!("minted"), &json!(200))
    );
    assert!(line["request_id"].as_str().is_some_and(|id| !id.is_empty()), "{line}");
    api.finish();
}

#[test]
fn bad_requests_are_told_what_is_wrong_and_harm_nobody() {
    let mut api = Api::start(&[("AUTH", "none"), ("MAX_TOKEN_TTL_SECONDS", "86400")]);
    // One good request for each function.
    let routes = [
        "/chat/app/token",
        "/chat/user/alice/token",
        "/rtm/alice/token",
        "/rtc/demo/token?uid=1",
        "/zego/alice/token",
        "/zim/alice/token",
    ];
    let pids = |api: &mut Api| {
        for route in routes {
            assert_eq!(api.ask("GET", route, |request| request).status, 200, "{route}");
        }
        let mut pids = api.watch.function_pids();
        pids.sort();
        pids
    };
    let before = pids(&mut api);
    assert_eq!(before.len(), functions::minting().len(), "{before:?}");

    for route in routes {
        let with = |query: &str| format!("{route}{}{query}", if route.contains('?') { "&" } else { "?" });
        for seconds in ["0", "-1", "86401", "99999999999", "99999999999999999999999", "", "1h", "1.5", "+60", "%20"] {
            api.refuse("GET", &with(&format!("expires_in={seconds}")), None, 400, "expires_in: ");
        }
        api.refuse("GET", &with("expires_in=60&expires_in=60"), None, 400, "expires_in: must be given only once");
        api.refuse("GET", &with("expire=60"), None, 400, "expire: is not a parameter");
        api.refuse("GET", &with("%00%0a%1b[31m=60"), None, 400, "is not a parameter");
    }

    // Ids that the vendor's rule doesn't allow, as they stand in a path.
    let long = "a".repeat(65);
    for (path, detail) in [
        ("/chat/user/Alice/token".to_owned(), "may only contain a-z"),
        ("/chat/user/a%20b/token".to_owned(), "may only contain a-z"),
        ("/chat/user/a+b/token".to_owned(), "may only contain a-z"),
        ("/chat/user/a@b/token".to_owned(), "may only contain a-z"),
        ("/chat/user/%E7%94%A8%E6%88%B7/token".to_owned(), "may only contain a-z"),
        (format!("/chat/user/{long}/token"), "at most 64 bytes"),
        ("/chat/user/me/token".to_owned(), "me needs an identity"),
        ("/rtm/%20a/token".to_owned(), "must not begin with a space"),
        ("/rtm/null/token".to_owned(), "must not be the word null"),
        ("/rtm/a%00b/token".to_owned(), "printable ASCII"),
        ("/rtm/Zo%C3%AB/token".to_owned(), "printable ASCII"),
        ("/rtm/%ff/token".to_owned(), "must be UTF-8"),
        (format!("/rtm/{long}/token"), "at most 64 bytes"),
        ("/zego/%F0%9F%9A%80/token".to_owned(), "printable ASCII"),
        (format!("/zego/{long}/token"), "at most 64 bytes"),
        ("/zim/a%20b/token".to_owned(), "may only contain"),
        ("/zim/a%2Ab/token".to_owned(), "may only contain"),
        (format!("/zim/{}/token", "a".repeat(33)), "at most 32 bytes"),
    ] {
        api.refuse("GET", &path, None, 400, "user_id: ");
        api.refuse("GET", &path, None, 400, detail);
    }
    for path in ["/rtm/*/token", "/rtm/1*2/token"] {
        api.refuse("GET", path, None, 403, "user_id: an RTM user id must not contain '*'");
    }
    api.refuse("GET", "/rtm/alice/token?version=008", None, 400, "version: must be one of: 007 006");

    for (query, status, detail) in [
        ("uid=4294967296", 400, "uid: an RTC uid must be 1 to 4294967295"),
        ("uid=-1", 400, "uid: must be a whole number"),
        ("uid=0", 403, "uid: an RTC uid must not be 0"),
        ("uid=00", 400, "uid: must be a whole number"),
        ("uid=042", 400, "uid: must be a whole number"),
        ("uid=*", 400, "uid: must be a whole number"),
        ("uid=1*2", 400, "uid: must be a whole number"),
        ("uid=", 400, "uid: must be a whole number"),
        ("uid=1&uid=2", 400, "uid: must be given only once"),
        ("uid=1&account=a", 400, "account: must not be given together with uid"),
        ("account=*", 403, "account: an RTC user account must not contain '*'"),
        ("account=1*2", 403, "account: an RTC user account must not contain '*'"),
        ("account=", 400, "account: an RTC user account must not be empty"),
        ("account=0", 403, "account: an RTC user account must not be 0"),
        ("account=%C3%AB", 400, "account: an RTC user account may only contain"),
        ("role=publisher", 400, "uid: uid or account is required"),
        ("uid=1&role=admin", 400, "role: must be one of: subscriber publisher"),
        ("uid=1&role=Publisher", 400, "role: must be one of: subscriber publisher"),
        ("uid=1&role=", 400, "role: must be one of: subscriber publisher"),
        ("uid=1&with=video", 400, "with: must be one of: rtm chat"),
        ("uid=1&with=", 400, "with: must be one of: rtm chat"),
        ("account=Alice&with=chat", 400, "with: the caller's own id doesn't fit"),
        ("uid=1&privileges=1", 400, "privileges: must be a JSON object"),
    ] {
        api.refuse("GET", &format!("/rtc/demo/token?{query}"), None, status, detail);
    }
    for (channel, status, detail) in [
        ("*", 403, "channel: an RTC channel name must not contain '*'"),
        ("1*2", 403, "channel: an RTC channel name must not contain '*'"),
        ("%2A", 403, "channel: an RTC channel name must not contain '*'"),
        ("a%22b", 400, "channel: an RTC channel name may only contain"),
        ("%E6%88%BF", 400, "channel: an RTC channel name may only contain"),
        (&long, 400, "channel: an RTC channel name must be at most 64 bytes long"),
    ] {
        api.refuse("GET", &format!("/rtc/{channel}/token?uid=1"), None, status, detail);
    }
    // An empty channel is no such route: to the gateway, or to us.
    assert!((400..500).contains(&api.ask("GET", "/rtc//token?uid=1", |request| request).status));

    let large = format!(r#"{{"uid":1,"role":"{}"}}"#, "x".repeat(9 * 1024));
    for (body, status, detail) in [
        ("", 400, "the body must be a JSON object"),
        ("{", 400, "the body must be a JSON object"),
        ("{}}", 400, "the body must be a JSON object"),
        ("[]", 400, "the body must be a JSON object"),
        ("null", 400, "the body must be a JSON object"),
        ("\"uid\"", 400, "the body must be a JSON object"),
        ("uid=1", 400, "the body must be a JSON object"),
        (r#"{"uid":1,"uid":2}"#, 400, "no name may occur twice"),
        (r#"{"uid":1,"privileges":{"join_channel":1,"join_channel":2}}"#, 400, "no name may occur twice"),
        (r#"{"uid":"1"}"#, 400, "uid: must be a whole number"),
        (r#"{"uid":1.0}"#, 400, "uid: must be a whole number"),
        (r#"{"uid":-1}"#, 400, "uid: must be a whole number"),
        (r#"{"uid":1e400}"#, 400, "the body must be a JSON object"),
        (r#"{"uid":null}"#, 400, "uid: must be a whole number"),
        (r#"{"uid":4294967296}"#, 400, "uid: an RTC uid must be"),
        (r#"{"uid":0}"#, 403, "uid: an RTC uid must not be 0"),
        (r#"{"uid":1,"expires_in":"60"}"#, 400, "expires_in: must be a whole number"),
        (r#"{"uid":1,"expires_in":99999999999}"#, 400, "expires_in: a lifetime must be 1 to 86400"),
        (r#"{"uid":1,"role":7}"#, 400, "role: must be a string"),
        (r#"{"uid":1,"with":"rtm"}"#, 400, "with: must be an array"),
        (r#"{"uid":1,"with":["rtm",1]}"#, 400, "with: must be a string"),
        (r#"{"uid":1,"channel":"other"}"#, 400, "channel: must be given only once"),
        (r#"{"uid":1,"privileges":[]}"#, 400, "privileges: must be a JSON object"),
        (r#"{"uid":1,"privileges":{}}"#, 400, "privileges.join_channel: is required"),
        (r#"{"uid":1,"privileges":{"join_channel":60,"fly":60}}"#, 400, "privileges.fly: is not a parameter"),
        (r#"{"uid":1,"privileges":{"join_channel":0}}"#, 400, "privileges.join_channel: a lifetime must be"),
        (
            r#"{"uid":1,"privileges":{"join_channel":60,"publish_audio":60}}"#,
            400,
            "privileges: only the role publisher",
        ),
        (r#"{"uid":1,"role":"publisher","privileges":{"join_channel":60}}"#, 400, "privileges: the role publisher"),
        (
            r#"{"uid":1,"expires_in":60,"privileges":{"join_channel":61}}"#,
            400,
            "privileges: no privilege may live longer",
        ),
        (&large, 413, "at most 8192 bytes"),
        (&format!("{}{}", "[".repeat(4000), "]".repeat(4000)), 400, "the body must be a JSON object"),
    ] {
        api.refuse("POST", "/rtc/demo/token", Some(body), status, detail);
    }
    api.refuse("POST", "/rtc/demo/token?uid=1", Some("{}"), 400, "uid: a POST takes its parameters from path and body");

    let too_many = format!(r#"{{"room_id":"demo","stream_ids":[{}"s"]}}"#, r#""s","#.repeat(100));
    for (body, detail) in [
        (r#"{"privileges":{"login":true}}"#, "room_id: is required"),
        (r#"{"privileges":{}}"#, "room_id: is required"),
        (r#"{"stream_ids":["s1"]}"#, "room_id: is required"),
        (r#"{"stream_ids":[]}"#, "room_id: is required"),
        (r#"{"room_id":""}"#, "room_id: a ZEGO room id must not be empty"),
        (r#"{"room_id":"demo","privileges":{"login":1}}"#, "privileges.login: must be true or false"),
        (r#"{"room_id":"demo","privileges":{"admin":true}}"#, "privileges.admin: is not a parameter"),
        (r#"{"room_id":"demo","stream_ids":["a b"]}"#, "stream_ids: a ZEGO stream id may only contain"),
        (r#"{"room_id":"demo","login":true}"#, "login: is not a parameter"),
        (&too_many, "stream_ids: a token names at most 100 stream ids"),
    ] {
        api.refuse("POST", "/zego/alice/token", Some(body), 400, detail);
    }
    for (query, detail) in [
        ("login=true", "room_id: is required"),
        ("stream_id=s1", "room_id: is required"),
        ("room_id=", "room_id: a ZEGO room id must not be empty"),
        ("room_id=a&room_id=b", "room_id: must be given only once"),
        ("room_id=demo&login=yes", "login: must be true or false"),
        ("room_id=demo&stream_ids=s1", "stream_ids: is not a parameter"),
    ] {
        api.refuse("GET", &format!("/zego/alice/token?{query}"), None, 400, detail);
    }

    // The tutorial's route has errors of its own shape.
    for (body, text) in [
        ("{", "Bad request."),
        ("", "Bad request."),
        ("{}", "Bad request. Please check your params."),
        (r#"{"uid":1234}"#, "Bad request. Please check your params."),
        (r#"{"uid":""}"#, "Bad request. Please check your params."),
        (r#"{"uid":"1234","role":1}"#, "Bad request. Please check your params."),
        (r#"{"uid":"1","uid":"2"}"#, "Bad request. Please check your params."),
    ] {
        let answer = api.ask("POST", "/fetch_rtm_token", |request| {
            request.header("content-type", "application/json; charset=UTF-8").body(body)
        });
        assert_eq!((answer.status, answer.header("content-type")), (400, Some("application/json")), "{body}");
        assert_eq!(answer.json(), json!({ "token": text, "code": "400" }), "{body}");
    }

    for (method, path) in
        [("GET", "/"), ("GET", "/rtc/token"), ("DELETE", "/rtm/alice/token"), ("GET", "/fetch_rtm_token")]
    {
        assert!((400..500).contains(&api.ask(method, path, |request| request).status), "{method} {path}");
    }

    // The processes that were asked all this still answer.
    assert_eq!(pids(&mut api), before, "a function was replaced");
    api.finish();
}

/// Everybody is believed in this run, and nobody gets one.
#[test]
fn where_006_tokens_are_refused_nobody_gets_one() {
    let mut api = Api::start(&[("AUTH", "none"), ("RTM_006", "refused")]);
    let rule = "version: this service gives no 006 tokens; ask for version 007";
    api.refuse("GET", "/rtm/alice/token?version=006", None, 403, rule);
    // The tutorial's default is 006. It is not replaced by a version that nobody asked for.
    for body in [json!({ "uid": "alice" }), json!({ "uid": "alice", "version": "006" })] {
        let answer = api.ask("POST", "/fetch_rtm_token", |request| request.json(&body));
        assert_eq!((answer.status, answer.header("content-type")), (403, Some("application/json")), "{body}");
        assert_eq!(answer.json(), json!({ "token": rule, "code": "403" }), "{body}");
    }
    let newer = says(3600, json!([rtm_user("alice", 3600)]));
    api.mint("GET", "/rtm/alice/token", None, newer.clone());
    api.mint("GET", "/rtm/alice/token?version=007", None, newer.clone());
    let body = json!({ "uid": "alice", "version": "007" });
    let answer = api.mint("POST", "/fetch_rtm_token", Some(body), newer);
    assert_eq!(answer, json!({ "token": answer["token"], "code": "200" }));
    api.finish();
}

#[test]
fn without_an_identity_no_route_gives_anything() {
    let mut api = Api::start(&[]);
    for (method, path, body) in [
        ("GET", "/chat/app/token", None),
        ("GET", "/chat/user/alice/token", None),
        ("GET", "/rtm/alice/token", None),
        ("GET", "/rtc/demo/token", None),
        ("POST", "/rtc/demo/token", Some("{}")),
        ("GET", "/zego/alice/token", None),
        ("POST", "/zego/alice/token", Some("{}")),
        ("GET", "/zim/alice/token", None),
        // Who is nobody doesn't learn what else is wrong either.
        ("GET", "/rtm/*/token?nonsense", None),
        ("POST", "/rtc/demo/token", Some("{")),
    ] {
        api.refuse(method, path, body, 401, "the request carries no");
    }
    let answer = api.ask("POST", "/fetch_rtm_token", |request| request.json(&json!({ "uid": "1234" })));
    assert_eq!(answer.status, 401);
    assert_eq!(answer.json(), json!({ "token": "Nobody is signed in.", "code": "401" }));
    // A header is not an identity: only the gateway's word is.
    let forged = api.ask("GET", "/rtm/alice/token", |request| {
        request.header("authorization", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.").header("x-user-id", "alice")
    });
    assert_eq!(forged.status, 401);
    api.finish();
}
