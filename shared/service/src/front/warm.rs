//! The warm-up: what the pre-warming function sends to the token functions, and what they answer.
//!
//! It is `{"warm_up":{"for_seconds":240,"hold_milliseconds":500}}` and nothing else. API Gateway's events have other
//! fields, and no client can remove them. So a request is never taken for a warm-up. A warm-up carries no identity and
//! gets no token.

use crate::json::object;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Asks an execution environment to make itself ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WarmUp {
    /// The next warm-up comes after this many seconds. What must be replaced before then is replaced now.
    pub for_seconds: u32,
    /// How long a warm-up keeps its environment busy. Warm-ups that run at the same time then reach different
    /// environments. At most [`WarmUp::MAX_HOLD`].
    pub hold_milliseconds: u16,
}

/// An environment's answer to a warm-up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Warmed {
    /// A random name that tells this environment from others. It stays the same for the environment's life.
    pub environment: String,
    /// Whether the warm-up was the environment's first event.
    pub cold: bool,
    /// How many seconds the credentials are fresh from now on. `None`: the environment is not ready. If the credentials
    /// could not be loaded, the log says why.
    pub fresh_for_seconds: Option<u64>,
}

/// The outermost object. It has one field. The field's name says which of the two messages it is.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Message {
    #[serde(deserialize_with = "object")]
    WarmUp(WarmUp),
    #[serde(deserialize_with = "object")]
    Warmed(Warmed),
}

impl WarmUp {
    /// Long enough to spread any number of invocations over environments. Much shorter than a function's time-out.
    pub const MAX_HOLD: Duration = Duration::from_secs(5);

    /// Reads an event, if it is exactly a warm-up.
    pub fn parse(event: &str) -> Option<WarmUp> {
        let Ok(Message::WarmUp(warm_up)) = serde_json::from_str(event) else { return None };
        (warm_up.hold() <= WarmUp::MAX_HOLD).then_some(warm_up)
    }

    /// The event's text.
    pub fn to_event(self) -> String {
        serde_json::to_string(&Message::WarmUp(self)).expect("numbers have a text")
    }

    /// How long the environment is kept busy.
    pub fn hold(self) -> Duration {
        Duration::from_millis(self.hold_milliseconds.into())
    }
}

impl Warmed {
    /// Reads an answer, if it is exactly one to a warm-up.
    pub fn parse(answer: &[u8]) -> Option<Warmed> {
        match serde_json::from_slice(answer) {
            Ok(Message::Warmed(warmed)) => Some(warmed),
            _ => None,
        }
    }
}

impl From<Warmed> for serde_json::Value {
    fn from(warmed: Warmed) -> serde_json::Value {
        serde_json::to_value(Message::Warmed(warmed)).expect("it is plain data")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_warm_up_is_one() {
        let warm_up = WarmUp { for_seconds: 240, hold_milliseconds: 500 };
        assert_eq!(warm_up.to_event(), r#"{"warm_up":{"for_seconds":240,"hold_milliseconds":500}}"#);
        assert_eq!(WarmUp::parse(&warm_up.to_event()), Some(warm_up));
        for other in [
            "null",
            "{}",
            r#""warm_up""#,
            r#"{"warm_up":true}"#,
            r#"{"warm_up":{}}"#,
            r#"{"warm_up":[240,500]}"#,
            r#"{"warm_up":{"for_seconds":240}}"#,
            r#"{"warm_up":{"for_seconds":240,"hold_milliseconds":5001}}"#,
            r#"{"warm_up":{"for_seconds":240,"hold_milliseconds":-1}}"#,
            r#"{"warm_up":{"for_seconds":"240","hold_milliseconds":0}}"#,
            r#"{"warm_up":{"for_seconds":240,"hold_milliseconds":0,"user_id":"alice"}}"#,
            r#"{"warm_up":{"for_seconds":240,"hold_milliseconds":0},"version":"2.0"}"#,
            r#"{"version":"2.0","warm_up":{"for_seconds":240,"hold_milliseconds":0}}"#,
            r#"{"warmed":{"environment":"x","cold":true,"fresh_for_seconds":1}}"#,
        ] {
            assert_eq!(WarmUp::parse(other), None, "{other}");
        }
    }

    #[test]
    fn only_an_answer_to_a_warm_up_is_one() {
        let warmed = Warmed { environment: "0123".to_owned(), cold: true, fresh_for_seconds: Some(299) };
        let text = serde_json::Value::from(warmed.clone()).to_string();
        assert_eq!(text, r#"{"warmed":{"cold":true,"environment":"0123","fresh_for_seconds":299}}"#);
        assert_eq!(Warmed::parse(text.as_bytes()), Some(warmed));
        let not_ready = Warmed { environment: "0123".to_owned(), cold: false, fresh_for_seconds: None };
        assert_eq!(Warmed::parse(serde_json::Value::from(not_ready.clone()).to_string().as_bytes()), Some(not_ready));
        for other in [
            "null",
            "{}",
            r#"{"warmed":["0123",true,299]}"#,
            r#"{"warmed":{"environment":"0123","cold":true,"fresh_for_seconds":299,"token":"007"}}"#,
            r#"{"warmed":{"environment":"0123","cold":true,"fresh_for_seconds":299},"statusCode":200}"#,
            r#"{"warm_up":{"for_seconds":240,"hold_milliseconds":500}}"#,
            r#"{"statusCode":400,"body":"{}"}"#,
            "\u{fffd}",
        ] {
            assert_eq!(Warmed::parse(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn the_longest_hold_is_still_a_warm_up() {
        let longest = WarmUp { for_seconds: 0, hold_milliseconds: 5000 };
        assert_eq!(longest.hold(), WarmUp::MAX_HOLD);
        assert_eq!(WarmUp::parse(&longest.to_event()), Some(longest));
    }
}
