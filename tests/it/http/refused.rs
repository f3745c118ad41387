//! What the API refuses: bad requests, tokens that a deployment does not give, and callers without an identity.

use super::{Api, EMULATORS_OWN, differences, rtm_user, says};
use crate::front::Front;
use ::functions::Example;
use harness::http::Response;
use harness::issuer::{Algorithm, Issuer, SigningKey};
use harness::{Env, requests};
use serde_json::json;
use std::collections::BTreeSet;

#[test]
fn bad_requests_are_told_what_is_wrong_and_harm_nobody() {
    // The emulator answers these itself.
    let own = |kind: &str, title: &str, detail: &str| {
        json!({
            "body": [EMULATORS_OWN, null],
            "cache-control": [null, "no-store"],
            "content-type": [null, "application/problem+json"],
            "detail": [null, detail],
            "request_id": [null, "<changing>"],
            "title": [null, title],
            "type": [null, format!("urn:tokenmint:problem:{kind}")],
        })
    };
    let no_route = || {
        let mut differing = own("no-such-route", "There is no such route.", "the service has no such route");
        differing["status"] = json!([null, 404]);
        differing
    };
    let no_method = |allowed: &str| {
        let detail = format!("this route has only {allowed}");
        let mut differing = own("no-such-method", "There is no such method here.", &detail);
        differing["HTTP"] = json!([404, 405]);
        differing["allow"] = json!([null, allowed]);
        differing["status"] = json!([null, 405]);
        differing
    };
    let expected = [
        ("GET /rtc//token?uid=1", no_route()),
        ("GET /rtc/token", no_route()),
        ("DELETE /rtm/alice/token", no_method("GET")),
        ("GET /fetch_rtm_token", no_method("POST")),
    ];
    assert_eq!(differences(tells_what_is_wrong), expected.map(|(what, differing)| (what.to_owned(), differing)));
}

fn tells_what_is_wrong(front: Front) -> Vec<(String, Response)> {
    let mut api = Api::start(front, [("IDENTITY", "none"), ("MAX_TOKEN_TTL_SECONDS", "86400")]);
    // Good requests, at least one for each function.
    let functions: BTreeSet<_> = requests::own().map(|request| request.function.name).collect();
    let good = requests::own().map(|request| request.example).filter(|example| example.body.is_none());
    let routes: Vec<_> = good.map(|example| example.path).collect();
    let pids = |api: &mut Api| {
        for request in requests::own() {
            let (method, path) = (if request.example.body.is_some() { "POST" } else { "GET" }, request.example.path);
            let answer = api.ask(method, path, |sent| match request.example.body {
                None => sent,
                Some(body) => sent.header("content-type", "application/json").body(body),
            });
            assert_eq!(answer.status, 200, "{method} {path}");
        }
        api.running.pids()
    };
    let before = pids(&mut api);
    let processes = if front == Front::Emulator { functions.len() } else { 1 };
    assert_eq!(before.len(), processes, "{before:?}");

    for route in &routes {
        let with = |query: &str| format!("{route}{}{query}", if route.contains('?') { "&" } else { "?" });
        for seconds in ["0", "-1", "86401", "99999999999", "99999999999999999999999", "", "1h", "1.5", "+60", "%20"] {
            api.refuse("GET", &with(&format!("expires_in={seconds}")), None, 400, "expires_in: ");
        }
        api.refuse("GET", &with("expires_in=60&expires_in=60"), None, 400, "expires_in: must be given only once");
        api.refuse("GET", &with("expire=60"), None, 400, "expire: is not a parameter");
        api.refuse("GET", &with("%00%0a%1b[31m=60"), None, 400, "is not a parameter");
    }

    // Ids that the vendor's rule does not allow, as they are written in a path.
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
    // A path with an empty channel matches no route, in the gateway or in the function.
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

    // What stands at `/` is the server's own.
    for (method, path) in [("GET", "/rtc/token"), ("DELETE", "/rtm/alice/token"), ("GET", "/fetch_rtm_token")] {
        assert!((400..500).contains(&api.ask(method, path, |request| request).status), "{method} {path}");
    }

    // The same processes still answer.
    assert_eq!(pids(&mut api), before, "a process was replaced");
    api.finish()
}

/// With `IDENTITY=none`, every caller is believed, and still nobody gets a 006 token.
#[test]
fn where_006_tokens_are_refused_nobody_gets_one() {
    assert_eq!(differences(gives_no_006_token), []);
}

fn gives_no_006_token(front: Front) -> Vec<(String, Response)> {
    let mut api = Api::start(front, [("IDENTITY", "none"), ("RTM_006", "refused")]);
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
    api.finish()
}

#[test]
fn without_an_identity_no_route_gives_anything() {
    let issuer = Issuer::start(&[&SigningKey::generate("current", Algorithm::Es256)]);
    // The server tells a caller to send a JWT.
    let bearer = json!([null, r#"Bearer realm="tokenmint""#]);
    let missing = |lack: &str| {
        let detail = json!([lack, "the request carries no JWT (Authorization: Bearer)"]);
        json!({ "detail": detail, "www-authenticate": bearer })
    };
    let no_jwt = || missing("the request carries no verified JWT");
    let forged = json!({
        "detail": ["the request carries no verified JWT", "the JWT is not valid for this service"],
        "type": ["urn:tokenmint:problem:no-identity", "urn:tokenmint:problem:invalid-token"],
        "www-authenticate": [null, r#"Bearer realm="tokenmint", error="invalid_token""#],
    });
    let expected = [
        ("POST /rtc/demo/agent-token", missing("the request carries no IAM identity")),
        ("GET /apaas/alice/rooms/demo/token?role=2", no_jwt()),
        ("GET /apaas/alice/token", no_jwt()),
        ("GET /chat/app/token", missing("the request carries no IAM identity")),
        ("GET /chat/user/alice/token", no_jwt()),
        ("GET /rtc/demo/token?account=alice", no_jwt()),
        ("POST /rtc/demo/token", no_jwt()),
        ("GET /rtm/alice/token", no_jwt()),
        ("GET /zego/alice/token", no_jwt()),
        ("POST /zego/alice/token", no_jwt()),
        ("GET /zego/alice/token?room_id=demo&user_name=Alice", no_jwt()),
        ("GET /zim/alice/token", no_jwt()),
        ("GET /rtm/*/token?nonsense", no_jwt()),
        ("POST /rtc/demo/token", no_jwt()),
        ("POST /fetch_rtm_token", json!({ "www-authenticate": bearer })),
        ("GET /rtm/alice/token", forged),
    ];
    let different = differences(|front| gives_nothing_without_an_identity(front, &issuer));
    assert_eq!(different, expected.map(|(what, differing)| (what.to_owned(), differing)));
}

fn gives_nothing_without_an_identity(front: Front, issuer: &Issuer) -> Vec<(String, Response)> {
    // The server believes no gateway, so it takes only JWTs.
    let identity = match front {
        Front::Emulator => Env::default(),
        Front::Server => Env::from([
            ("IDENTITY", "jwt"),
            ("JWT_ISSUER", &issuer.url()),
            ("JWT_AUDIENCE", "tokens.example.com"),
            ("BACKEND_AUDIENCE", "backends.example.com"),
            ("BACKEND_SCOPE", "tokens/app"),
        ]),
    };
    let mut api = Api::start(front, identity);
    // The tutorial's route writes its errors in another form.
    let examples = requests::own().map(|request| request.example).filter(|example| example.path != "/fetch_rtm_token");
    for Example { path, body, .. } in examples {
        api.refuse(if body.is_some() { "POST" } else { "GET" }, path, body, 401, "the request carries no");
    }
    // A caller without an identity does not learn what else is wrong.
    api.refuse("GET", "/rtm/*/token?nonsense", None, 401, "the request carries no");
    api.refuse("POST", "/rtc/demo/token", Some("{"), 401, "the request carries no");
    let answer = api.ask("POST", "/fetch_rtm_token", |request| request.json(&json!({ "uid": "1234" })));
    assert_eq!(answer.status, 401);
    assert_eq!(answer.json(), json!({ "token": "Nobody is signed in.", "code": "401" }));
    // Only verified claims are an identity. What a header says of itself is not.
    let forged = api.ask("GET", "/rtm/alice/token", |request| {
        request.header("authorization", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.").header("x-user-id", "alice")
    });
    assert_eq!(forged.status, 401);
    api.finish()
}
