//! Judges the answers of functions. It works out from the event alone who asks and what this caller may have, and
//! compares this with the token in the answer.
//!
//! * `limits`: the policy, and the credentials.
//! * `caller`: who asks, as the gateway says it in the event.
//! * `granted`: what a token says, and whether its caller may have that.

mod limits;
mod caller;
mod granted;

pub(crate) use caller::{Fields, User, Who, assigned_uid, fields};
pub(crate) use limits::{APP_CERTIFICATE, Form, Limits, SERVER_SECRET, agora_key, zego_key};

use crate::function::Function;
use caller::{is_post, object, value};
use granted::{Answer, Granted};
use serde_json::Value;
use std::ops::RangeInclusive;

/// The status that the policy gives to the simplest request, in which a caller asks for their own token. `room` is the
/// room in the request, if there is one. `opens_rtm` says that the token opens RTM, alone or beside a channel. The
/// result is `None` if the policy alone does not decide, for example because the vendor may refuse the caller's id.
pub(crate) fn plain_status(
    function: Function,
    limits: &Limits,
    event: &Fields,
    room: Option<&str>,
    opens_rtm: bool,
    now: u64,
) -> Option<u64> {
    let granted = |granted: bool| Some(if granted { 200 } else { 403 });
    match (function, Who::of(event, limits)) {
        // The JWT has ended, or is about to.
        (Function::ChatApp, Who::User(_)) => Some(403),
        (_, Who::User(User { latest_end: Some(end), .. })) if end <= now => Some(401),
        (_, Who::User(User { latest_end: Some(end), .. })) if end <= now + 5 => None,
        // This route checks IAM identities. The judge does not know which status a caller without one gets.
        (Function::ChatApp, Who::Nobody) => None,
        (Function::ChatApp, who) => granted(matches!(who, Who::Backend)),
        (_, Who::Nobody) => Some(401),
        (_, Who::Backend) => Some(403),
        (_, Who::User(user)) => {
            // Every vendor takes such ids.
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
            let taken = (1..=32).contains(&user.id.len()) && user.id.bytes().all(plain) && user.id != "null";
            taken.then_some(())?;
            if opens_rtm && !user.may_use_rtm(limits) {
                return granted(false);
            }
            match (function, room) {
                // Without a version in the request, GET gives 007, and POST gives 006.
                (Function::Rtm, _) => granted(limits.rtm_006 || !is_post(event)),
                (Function::Zego | Function::Zim, None) => granted(user.rooms.is_none() && user.may_publish),
                (_, Some(room)) => granted(user.may_enter(room)),
                (_, None) => granted(true),
            }
        }
    }
}

/// Judges an answer that was given within these Unix seconds. Returns its status, if it has one.
///
/// # Panics
/// The sender of this event may not get such an answer.
pub(crate) fn answer(
    function: Function,
    limits: &Limits,
    event: &[u8],
    meanwhile: RangeInclusive<u64>,
    answer: &Value,
) -> Option<u64> {
    let text = answer.to_string();
    assert!(!text.contains(APP_CERTIFICATE) && !text.contains(SERVER_SECRET), "a secret is in an answer");
    let event = fields(event);
    if answer.get("warmed").is_some() {
        assert!(is_warm_up(&event), "an event that is no warm-up was taken for one");
        let fields: Vec<_> = answer["warmed"].as_object().expect("an object").keys().collect();
        assert_eq!(fields, ["cold", "environment", "fresh_for_seconds"]);
        return None;
    }
    let status = answer["statusCode"].as_u64().expect("a status");
    assert!([200, 400, 401, 403, 404, 405, 413, 429].contains(&status), "status {status}");
    assert_eq!(answer["headers"]["cache-control"], "no-store");
    let body = answer["body"].as_str().expect("a body");
    if status != 200 {
        // A refusal does not repeat what a client sent, so it is small.
        assert!(body.len() < 1000, "{} bytes of refusal", body.len());
        return Some(status);
    }
    let who = Who::of(&event, limits);
    let answer = Answer::read(function, &event, answer["headers"]["content-type"] == "application/json", body);
    let latest_end = if let Who::User(user) = &who { user.latest_end } else { None };
    let granted = Granted { function, limits, meanwhile, answer, latest_end };
    match (function, who) {
        (Function::ChatApp, Who::Backend) => granted.chat_app(),
        (Function::ChatUser, Who::User(user)) => granted.chat_user(&user),
        (Function::Rtc, Who::User(user)) => granted.rtc(&user),
        (Function::Rtm, Who::User(user)) => granted.rtm(&user),
        (Function::Zego | Function::Zim, Who::User(user)) => granted.zego(&user),
        (_, who) => panic!("a token of {function:?} for {who:?}"),
    }
    Some(status)
}

/// `{"warm_up":{"for_seconds":240,"hold_milliseconds":500}}` and nothing else.
fn is_warm_up(event: &Fields) -> bool {
    let warm_up = object(event, "warm_up");
    let up_to = |name: &str, most: u64| value(&warm_up, name).as_u64().is_some_and(|number| number <= most);
    let whole = event.len() == 1 && warm_up.len() == 2;
    whole && up_to("for_seconds", u32::MAX.into()) && up_to("hold_milliseconds", 5000)
}
