//! Compares what the vendor's own parser reads in a token with what a test expects.

use harness::project;
use harness::verifiers::{self, AgoraCase, ZegoCase};
use serde_json::{Value, json};

/// The public id and the secret of one vendor's app, as a secret holds them.
pub(crate) fn credentials() -> Value {
    let file = project::root().join("tests/demo-credentials.json");
    let text = std::fs::read_to_string(file).expect("the demo credentials are here");
    serde_json::from_str(&text).expect("they are JSON")
}

/// A token that was handed out, and what it should say: `{"expire","services"}` for `007`, `{"channel","uid",
/// "privileges"}` for `006`, `{"app_id","user_id","payload"}` for `04`.
pub(crate) struct Handed {
    /// Names the case in messages.
    pub(crate) what: String,
    pub(crate) token: String,
    pub(crate) says: Value,
    /// The moment of issue, if the answer says it.
    pub(crate) issued_at: Option<u64>,
}

impl Handed {
    /// The token in this JSON answer. It must be for the user, and live as long, as the answer says. In RTC it must only let
    /// the user listen.
    pub(crate) fn by(what: &str, body: &Value) -> Handed {
        let (user, lives) = (&body["user_id"], &body["expires_in"]);
        let agora = |service: Value| {
            let mut service = service;
            service["privileges"] = json!({ "1": lives });
            json!({ "expire": lives, "services": [service] })
        };
        let says = match body["kind"].as_str().expect("a kind") {
            "agora-chat-user" => agora(json!({ "type": 5, "user_id": user })),
            "agora-rtm" => agora(json!({ "type": 2, "user_id": user })),
            "agora-rtc" => agora(json!({ "type": 1, "channel_name": body["channel"], "uid": body["uid"].to_string() })),
            "zego-basic" | "zego-zim" => json!({ "app_id": body["app_id"], "user_id": user, "payload": "" }),
            other => panic!("{other}"),
        };
        let token = body["token"].as_str().expect("a token").to_owned();
        Handed { what: what.to_owned(), token, says, issued_at: body["issued_at"].as_u64() }
    }
}

/// Has every token verified: it is genuine for these credentials, and says what it should, no more and no less.
///
/// In an expectation, `<now + n>` is n seconds after the token's moment of issue.
pub(crate) fn verify(credentials: &Value, handed: &[Handed]) {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let (app_id, certificate) = (text(&credentials["agora"]["app_id"]), text(&credentials["agora"]["app_certificate"]));
    let server_secret = text(&credentials["zego"]["server_secret"]);
    let (zego, agora): (Vec<_>, Vec<_>) = handed.iter().partition(|handed| handed.token.starts_with("04"));

    let cases: Vec<_> = agora
        .iter()
        .map(|handed| AgoraCase {
            token: &handed.token,
            app_id: &app_id,
            app_certificate: &certificate,
            channel: handed.says["channel"].as_str().unwrap_or_default(),
            uid: handed.says["uid"].as_str().unwrap_or_default(),
        })
        .collect();
    for (handed, verdict) in agora.iter().zip(verifiers::agora(&cases)) {
        let what = &handed.what;
        assert_eq!(verdict["valid"], true, "{what}: Agora's own code refuses the token: {verdict}");
        let (said, issued_at) = if verdict["version"] == "007" {
            let said = json!({ "expire": verdict["expire"], "services": verdict["services"] });
            (said, verdict["issue_ts"].as_u64().expect("a moment"))
        } else {
            let said = json!({
                "channel": handed.says["channel"],
                "uid": handed.says["uid"],
                "privileges": verdict["privileges"],
            });
            (said, verdict["ts"].as_u64().expect("a moment") - 86_400)
        };
        assert_eq!(said, in_time(&handed.says, issued_at), "{what}");
        assert!(handed.issued_at.is_none_or(|told| told == issued_at), "{what}: another moment of issue");
    }

    let cases: Vec<_> =
        zego.iter().map(|handed| ZegoCase { token: &handed.token, server_secret: &server_secret }).collect();
    for (handed, verdict) in zego.iter().zip(verifiers::zego(&cases)) {
        let what = &handed.what;
        assert_eq!(verdict["valid"], true, "{what}: does not open: {verdict}");
        let fields = &verdict["fields"];
        let said = json!({
            "app_id": fields["app_id"],
            "user_id": fields["user_id"],
            "payload": fields["payload"],
        });
        assert_eq!(said, handed.says, "{what}");
        assert_eq!(fields["expire"], verdict["expire"], "{what}: two moments of expiry");
        let issued_at = fields["ctime"].as_u64().expect("a moment");
        assert!(handed.issued_at.is_none_or(|told| told == issued_at), "{what}: another moment of issue");
    }
}

/// Replaces `<now>` and `<now + n>` by moments.
pub(crate) fn in_time(expected: &Value, now: u64) -> Value {
    match expected {
        Value::String(text) => match text.strip_prefix("<now").and_then(|rest| rest.strip_suffix('>')) {
            Some("") => json!(now),
            Some(later) => {
                let seconds = later.strip_prefix(" + ").and_then(|seconds| seconds.parse::<u64>().ok());
                json!(now + seconds.expect("written as <now + n>"))
            }
            None => expected.clone(),
        },
        Value::Array(items) => items.iter().map(|item| in_time(item, now)).collect(),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(name, value)| (name.clone(), in_time(value, now))).collect())
        }
        _ => expected.clone(),
    }
}

/// Whether a text contains the beginning of a token of any kind, made with the demo credentials.
pub(crate) fn holds_a_token(text: &str) -> bool {
    beginnings(&credentials()).iter().any(|beginning| text.contains(beginning))
}

/// How tokens of each kind begin.
fn beginnings(credentials: &Value) -> [String; 3] {
    let older = format!("006{}", credentials["agora"]["app_id"].as_str().expect("a text"));
    ["007eJ".to_owned(), older, "04AAAA".to_owned()]
}

/// Searches a log for what must not be in it: a certificate, a server secret, the beginning of a token, a panic's
/// backtrace.
pub(crate) fn check_logs(what: &str, logs: &str, credentials: &Value) {
    check_secrets(what, logs, credentials);
    for beginning in beginnings(credentials) {
        assert!(!logs.contains(&beginning), "{what}: a token stands in the log:\n{logs}");
    }
    assert!(!logs.contains("panicked"), "{what}: something panicked:\n{logs}");
}

/// Searches a text that left a function for secrets.
pub(crate) fn check_secrets(what: &str, text: &str, credentials: &Value) {
    for secret in [&credentials["agora"]["app_certificate"], &credentials["zego"]["server_secret"]] {
        assert!(!text.contains(secret.as_str().expect("a text")), "{what}: a secret stands in {text}");
    }
}
