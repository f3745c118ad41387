//! How a client reads an answer. The fields are those of `tests/recorded/README.md`.

use crate::said;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

/// An answer over HTTP or of a function.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
    pub(super) cache_control: Option<String>,
    pub(super) referrer_policy: Option<String>,
    /// Whether the client is told the body's length.
    pub(super) has_length: bool,
}

impl Answer {
    /// What API Gateway makes of a function's answer.
    pub(super) fn of_function(response: &Value) -> Answer {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Answer {
            status: response["statusCode"].as_u64().and_then(|status| status.try_into().ok()).expect("a status"),
            body: text(&response["body"]).expect("a text"),
            cache_control: text(&response["headers"]["cache-control"]),
            referrer_policy: text(&response["headers"]["referrer-policy"]),
            has_length: true,
        }
    }

    fn json(&self) -> Option<Value> {
        serde_json::from_str(&self.body).ok()
    }
}

/// A client of another token server.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Client {
    pub(super) client: String,
    #[expect(dead_code, reason = "for people")]
    source: String,
    #[expect(dead_code, reason = "for people")]
    does: String,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Option<String>,
    pub(super) caller: Option<String>,
    pub(super) own_status: Option<u16>,
    #[serde(default)]
    answer: Value,
    #[serde(default)]
    newline: bool,
    lives: Option<u32>,
    #[serde(default)]
    tokens: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    reads_if: Vec<String>,
    #[serde(default)]
    crashes_unless: Vec<String>,
    #[serde(default)]
    takes_if: Vec<String>,
    refused: Value,
}

impl Client {
    pub(super) fn sends_jwt_in_query(&self) -> bool {
        self.path.contains("<jwt>")
    }

    /// The tokens that the client takes, and what each opens.
    pub(super) fn takes(&self, answer: &Answer, what: &str) -> Vec<(String, Vec<String>)> {
        for condition in self.reads_if.iter().chain(&self.crashes_unless).chain(&self.takes_if) {
            assert!(holds(condition, answer), "{what}: the client needs that {condition}: {}", answer.body);
        }
        let body = answer.json().unwrap_or_else(|| json!(answer.body));
        let token =
            |place: &String| body.pointer(place).and_then(Value::as_str).unwrap_or_else(|| panic!("{what}: {body}"));
        assert!(!self.tokens.is_empty(), "{what}: this client takes nothing");
        self.tokens.iter().map(|(place, opens)| (token(place).to_owned(), opens.clone())).collect()
    }

    /// The whole answer is as the other server's.
    pub(super) fn check_answer(&self, answer: &Answer, filled: impl Fn(&str) -> String, what: &str) {
        let body = if self.answer.is_string() { json!(answer.body) } else { answer.json().expect("JSON") };
        assert!(fits(&self.answer, &body, answer.status, &filled), "{what}: {body}, and not {}", self.answer);
        assert_eq!(answer.body.ends_with('\n'), self.newline, "{what}: a line break at the end");
    }

    /// The refusal has the form that the client expects. The client does not crash, and takes no token.
    pub(super) fn check_refusal(&self, answer: &Answer, what: &str) {
        assert!(!said::holds_a_token(&answer.body), "{what}: {}", answer.body);
        let body = if self.refused.is_string() { json!(answer.body) } else { answer.json().expect("JSON") };
        let same = |text: &str| text.to_owned();
        assert!(fits(&self.refused, &body, answer.status, &same), "{what}: {body}, and not {}", self.refused);
        assert!(!self.crashes_at(answer), "{what}: the client crashes: {}", answer.body);
        if self.reads(answer) && self.takes_if.iter().all(|condition| holds(condition, answer)) {
            // It takes a text that is no token. The SDK refuses that.
            let status = answer.status;
            assert!(
                self.takes_refusals(),
                "{what}: the client takes a refusal ({status}) for a token: {}",
                answer.body
            );
        }
    }

    /// Whether the client looks at neither the status nor a code.
    fn takes_refusals(&self) -> bool {
        let looks = |condition: &String| condition.contains("status") || condition.contains("code");
        !self.reads_if.iter().chain(&self.takes_if).any(looks)
    }

    pub(super) fn reads(&self, answer: &Answer) -> bool {
        self.reads_if.iter().all(|condition| holds(condition, answer))
    }

    pub(super) fn crashes_at(&self, answer: &Answer) -> bool {
        self.reads(answer) && !self.crashes_unless.iter().all(|condition| holds(condition, answer))
    }

    /// What the vendor's own parser must read in a token that opens these services.
    pub(super) fn says(&self, opens: &[String], filled: impl Fn(&str) -> String) -> Value {
        let lives = self.lives.unwrap_or(3600);
        let opens: Vec<_> = opens.iter().map(|service| filled(service)).collect();
        if let [only] = opens.as_slice()
            && let Some(user) = only.strip_prefix("ZEGO ")
        {
            return json!({ "app_id": said::credentials()["zego"]["app_id"], "user_id": user, "payload": "" });
        }
        let services: Vec<_> = opens
            .iter()
            .map(|service| match service.split(' ').collect::<Vec<_>>().as_slice() {
                ["RTC", channel, role, user] => {
                    let privileges: &[u8] = match *role {
                        "publisher" => &[1, 2, 3, 4],
                        "subscriber" => &[1],
                        "data" => &[1, 4],
                        _ => panic!("{role}"),
                    };
                    let privileges: Value = privileges.iter().map(|it| (it.to_string(), json!(lives))).collect();
                    json!({ "type": 1, "channel_name": channel, "uid": user, "privileges": privileges })
                }
                ["RTM", user] => json!({ "type": 2, "user_id": user, "privileges": { "1": lives } }),
                ["Chat", user] => json!({ "type": 5, "user_id": user, "privileges": { "1": lives } }),
                ["classroom", room, role, user] => json!({
                    "type": 7, "room_uuid": room, "user_uuid": user, "role": role.parse::<i16>().expect("a number"),
                    "privileges": { "1": lives },
                }),
                _ => panic!("{service}"),
            })
            .collect();
        json!({ "expire": lives, "services": services })
    }

    /// For a person: what it was given, and for whom.
    pub(super) fn given(&self, filled: impl Fn(&str) -> String, caller: &str) -> String {
        let Some(status) = self.own_status else {
            let each = self.tokens.iter().map(|(place, opens)| format!("{place} opens {}", filled(&opens.join(", "))));
            let lives = self.lives.unwrap_or(3600);
            return format!("{}, for {caller} alone, for {lives} s", each.collect::<Vec<_>>().join("; "));
        };
        format!("refused with {status}, even for {caller}")
    }
}

/// Whether a condition of a client holds for an answer.
fn holds(condition: &str, answer: &Answer) -> bool {
    let (what, wanted) = condition.split_once(" is ").unwrap_or_else(|| panic!("{condition}"));
    let body = answer.json().unwrap_or_default();
    let at = body.pointer(what.strip_prefix("number of ").unwrap_or(what));
    match (what, wanted) {
        ("body", "JSON") => answer.json().is_some(),
        ("content-length", "there") => answer.has_length,
        ("status", "2xx") => (200..300).contains(&answer.status),
        ("status", "200 or 201") => [200, 201].contains(&answer.status),
        ("status", status) => answer.status.to_string() == status,
        (_, "a text") => at.is_some_and(Value::is_string),
        (_, "an object") => at.is_some_and(Value::is_object),
        (_, "texts") => at.and_then(Value::as_object).is_some_and(|fields| fields.values().all(Value::is_string)),
        (_, "not empty") => at.and_then(Value::as_str).is_some_and(|text| !text.is_empty()),
        _ if what.starts_with("number of ") => {
            let number = at.and_then(|it| it.as_str().map_or_else(|| it.as_i64(), |text| text.parse().ok()));
            number == wanted.parse().ok()
        }
        _ if wanted.starts_with("above ") => {
            let least: u64 = wanted["above ".len()..].parse().expect("a number");
            at.and_then(Value::as_u64).is_some_and(|number| number > least)
        }
        _ => at == Some(&serde_json::from_str(wanted).unwrap_or_else(|error| panic!("{condition}: {error}"))),
    }
}

/// Whether a value is as expected, with its placeholders.
fn fits(expected: &Value, value: &Value, status: u16, filled: &impl Fn(&str) -> String) -> bool {
    let text = value.as_str();
    match expected {
        Value::Object(fields) => value.as_object().is_some_and(|found| {
            found.len() == fields.len()
                && fields.iter().all(|(name, field)| found.get(name).is_some_and(|it| fits(field, it, status, filled)))
        }),
        Value::String(placeholder) => match placeholder.as_str() {
            "<token>" => text.is_some_and(said::holds_a_token),
            // It says why, in one line.
            "<text>" => text.is_some_and(|text| text.len() > 5 && !text.contains('\n')),
            "<text>\n" => {
                text.and_then(|text| text.strip_suffix('\n')).is_some_and(|it| it.len() > 5 && !it.contains('\n'))
            }
            "<status>" => *value == json!(status),
            "<status text>" => *value == json!(status.to_string()),
            "<milliseconds>" => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
                value.as_u64().is_some_and(|it| (now * 1000..(now + 86_401) * 1000).contains(&it) && it > 1 << 31)
            }
            other => text == Some(&filled(other)),
        },
        _ => expected == value,
    }
}
