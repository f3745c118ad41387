//! Judges the answers of functions. It works out from the event alone who asks and what this caller may have, and
//! compares this with the token in the answer.
//!
//! * `limits`: the policy, and the credentials.
//! * `caller`: who asks, as the gateway says it in the event.
//! * `granted`: what a token says, and whether its caller may have that.
//! * `drop_in`: the same for answers of drop-in routes, which have other forms.

mod limits;
mod caller;
mod granted;
mod drop_in;

pub(crate) use caller::{Fields, User, Who, assigned_uid, fields};
pub(crate) use limits::{
    APP_CERTIFICATE, AUDIENCE_OF_HEADERS, Form, Limits, RtmBeyondRooms, SERVER_SECRET, agora_key, zego_key,
};

use crate::drop_in::DropIn;
use crate::function::Function;
use caller::{is_post, object, value};
use granted::{Answer, Granted};
use serde_json::Value;
use std::ops::RangeInclusive;
use tokens::read;

/// What a plain request needs, beyond a caller who asks for their own token.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Needs<'a> {
    /// Only a backend may have it.
    pub(crate) backend: bool,
    /// The right to enter this room.
    pub(crate) room: Option<&'a str>,
    /// The right to enter every room, and to publish there.
    pub(crate) every_room: bool,
    /// The right to use every message channel, because the token opens RTM beside another service.
    pub(crate) rtm: bool,
    /// The right to use RTM. The token opens nothing else, so it can have permissions.
    pub(crate) rtm_alone: bool,
    pub(crate) publish: bool,
    /// The right to every role in a classroom.
    pub(crate) teach: bool,
    /// That RTM tokens of version 006 are allowed.
    pub(crate) rtm_006: bool,
    /// That the caller's id is no number, because it is an account.
    pub(crate) account: bool,
    /// A JWT that may be in a query.
    pub(crate) in_query: bool,
}

impl<'a> Needs<'a> {
    /// What the simplest request for one of our own routes needs. `room` is the room in the request, if there is one.
    /// `with_rtm` says that the token opens RTM beside a channel.
    pub(crate) fn of_own(function: Function, event: &Fields, room: Option<&'a str>, with_rtm: bool) -> Needs<'a> {
        Needs {
            backend: function == Function::ChatApp,
            room,
            every_room: matches!(function, Function::Zego | Function::Zim) && room.is_none(),
            rtm: with_rtm,
            rtm_alone: function == Function::Rtm,
            // Without a version in the request, GET gives 007, and POST gives 006.
            rtm_006: function == Function::Rtm && is_post(event),
            ..Needs::default()
        }
    }
}

/// The status that the policy gives to the simplest request, in which a caller asks for their own token. The
/// result is `None` if the policy alone does not decide, for example because the vendor may refuse the caller's id.
pub(crate) fn plain_status(needs: &Needs<'_>, limits: &Limits, event: &Fields, now: u64) -> Option<u64> {
    let granted = |granted: bool| Some(if granted { 200 } else { 403 });
    match Who::of(event, limits) {
        Who::User(_) if needs.backend => Some(403),
        // The JWT has ended, or is about to.
        Who::User(User { latest_end: Some(end), .. }) if end <= now => Some(401),
        Who::User(User { latest_end: Some(end), .. }) if end <= now + 5 => None,
        // This route checks IAM identities. The judge does not know which status a caller without one gets.
        Who::Nobody if needs.backend => None,
        Who::Nobody => Some(401),
        Who::Backend => granted(needs.backend),
        Who::User(_) if needs.in_query && !drop_in::may_be_in_query(event, limits) => Some(401),
        Who::User(user) => {
            // Every vendor takes such ids.
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
            let taken = (1..=32).contains(&user.id.len()) && user.id.bytes().all(plain) && user.id != "null";
            taken.then_some(())?;
            // To Agora, such an account is a uid.
            let is_number = user.id.bytes().all(|byte| byte.is_ascii_digit());
            (!needs.account || !is_number).then_some(())?;
            granted(
                needs.room.is_none_or(|room| user.may_enter(room))
                    && (!needs.every_room || user.rooms.is_none() && user.may_publish)
                    && (!needs.rtm || user.may_use_rtm(limits))
                    && (!needs.rtm_alone || user.may_use_rtm(limits) || user.rtm_channels(limits).is_some())
                    && (!needs.publish || user.may_publish)
                    && (!needs.teach || user.may_teach)
                    && (!needs.rtm_006 || user.may_use_rtm_006(limits)),
            )
        }
    }
}

/// Whether the answer to this event may be a token. A ping gives none.
pub(crate) fn may_give_token(event: &Fields) -> bool {
    drop_in::route_of(event) != Some(DropIn::Ping)
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
    let route = drop_in::route_of(&event);
    // The answer to an event that is no request has this type. The gateway sends no such event.
    let is_request = answer["headers"]["content-type"] != "application/problem+json";
    let has_jwt_in_address = function == Function::DropIn && limits.query_audience.is_some();
    if is_request && has_jwt_in_address && route == Some(DropIn::InQuery) {
        assert_eq!(answer["headers"]["referrer-policy"], "no-referrer", "the address has a JWT");
    }
    if status != 200 {
        // A refusal does not repeat what a client sent, so it is small.
        assert!(body.len() < 1000, "{} bytes of refusal", body.len());
        assert!(tokens_in(body).is_empty(), "a token is in a refusal");
        if let Some(route) = route {
            drop_in::refusal(route, &event, status, body);
        }
        return Some(status);
    }
    let who = Who::of(&event, limits);
    let content_type = answer["headers"]["content-type"].as_str().expect("a content type");
    let latest_end = if let Who::User(user) = &who { user.latest_end } else { None };
    let in_answer = |answer: Answer, handed_out_again: bool| Granted {
        function,
        limits,
        meanwhile: meanwhile.clone(),
        answer,
        latest_end,
        handed_out_again,
    };
    if let Some(route) = route {
        assert!(limits.drop_in, "the drop-in routes are switched off");
        assert_eq!(route.function(), function, "{route:?} is another function's");
        drop_in::answer(route, limits, &event, &who, content_type, body, |answer| in_answer(answer, false));
        return Some(status);
    }
    let answer = Answer::read(function, &event, content_type == "application/json", body);
    assert!(tokens_in(body).iter().all(|token| answer.is(token)), "another token is in the answer");
    let granted = in_answer(answer, function == Function::ChatApp);
    match (function, who) {
        (Function::Agent, Who::Backend) => granted.agent(&event),
        (Function::Apaas, Who::User(user)) => granted.classroom(&user),
        (Function::ChatApp, Who::Backend) => granted.chat_app(),
        (Function::ChatUser, Who::User(user)) => granted.chat_user(&user),
        (Function::Rtc, Who::User(user)) => granted.rtc(&user),
        (Function::Rtm, Who::User(user)) => granted.rtm(&user),
        (Function::Zego | Function::Zim, Who::User(user)) => granted.zego(&user),
        (_, who) => panic!("a token of {function:?} for {who:?}"),
    }
    Some(status)
}

/// Every token in a text, wherever it stands.
fn tokens_in(text: &str) -> Vec<&str> {
    let in_token = |letter: char| letter.is_ascii_alphanumeric() || "+/=".contains(letter);
    let words = text.split(|letter: char| !in_token(letter));
    words.filter_map(|word| (0..word.len()).map(|start| &word[start..]).find(|end| read::token(end).is_ok())).collect()
}

/// `{"warm_up":{"for_seconds":240,"hold_milliseconds":500}}` and nothing else.
fn is_warm_up(event: &Fields) -> bool {
    let warm_up = object(event, "warm_up");
    let up_to = |name: &str, most: u64| value(&warm_up, name).as_u64().is_some_and(|number| number <= most);
    let whole = event.len() == 1 && warm_up.len() == 2;
    whole && up_to("for_seconds", u32::MAX.into()) && up_to("hold_milliseconds", 5000)
}
