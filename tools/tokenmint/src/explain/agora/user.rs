//! Whether a token is for the user who joins.

use super::super::{Expected, near_miss, shown};
use super::agent::agent_product;
use super::sdk_of;
use crate::cli::Sdk;
use crate::report::{Code, Reason, Severity};
use crate::sdk::Fault;
use tokens::agora::{ServiceType, apaas_chat_user};
use tokens::read::{AccessToken2, Service, ServiceBody};

/// Services for another user than the app's. If one service fits, the others are other names of the same person.
pub(super) fn wrong_user(
    token: &AccessToken2,
    concerns: impl Fn(&Service) -> bool,
    expected: &Expected<'_>,
) -> Vec<Reason> {
    let Some(user) = expected.user else { return Vec::new() };
    let classroom_user = token.services.iter().find_map(|service| match &service.body {
        ServiceBody::Apaas { user_uuid, .. } if !user_uuid.is_empty() => Some(user_uuid.as_str()),
        _ => None,
    });
    // An app in a classroom may also be asked about by its name in Chat.
    let asked_by_chat_name = classroom_user.is_some_and(|of_token| apaas_chat_user(of_token) == user);
    let mut fits = false;
    let mut reasons = Vec::new();
    for service in token.services.iter().filter(|service| concerns(service)) {
        let sdks: Vec<Sdk> = sdk_of(service.service_type, expected).into_iter().collect();
        let reason = match &service.body {
            ServiceBody::Rtc { uid, .. } | ServiceBody::Channel { account: uid, .. } => rtc_user(uid, user, &sdks),
            _ if asked_by_chat_name && service.service_type != ServiceType::Chat => None,
            ServiceBody::User { user_id } if classroom_user.is_some() && service.service_type == ServiceType::Chat => {
                let wanted = if asked_by_chat_name { user.to_owned() } else { apaas_chat_user(user) };
                (*user_id != wanted).then(|| other_user_of_chat(user_id, &wanted, user, &sdks))
            }
            ServiceBody::User { user_id }
            | ServiceBody::Rtm2 { user_id, .. }
            | ServiceBody::Apaas { user_uuid: user_id, .. }
                if !user_id.is_empty() =>
            {
                (user_id != user).then(|| other_user(user_id, user, &sdks))
            }
            _ => continue,
        };
        match reason {
            Some(mut reason) => {
                reason.message = format!("Its {} service is {}", service.service_type.name(), reason.message);
                reasons.push(reason);
            }
            None => fits = true,
        }
    }
    if fits && agent_product(token).is_some() {
        // An agent has a name in RTC and another in RTM. The app can mean either.
        return Vec::new();
    }
    if fits {
        for reason in &mut reasons {
            reason.severity = Severity::Warning;
        }
    }
    reasons
}

/// The reason. Its message continues a sentence that begins with the service.
fn other_user(token: &str, app: &str, sdks: &[Sdk]) -> Reason {
    Reason::refused(
        Code::WrongUser,
        format!("for the user {}, and the app joins as {}.{}", shown(token), shown(app), near_miss(token, app)),
    )
    .advice("Ask for the token of the user who joins.")
    .seen_as(Fault::UserId, sdks)
}

/// As [`other_user`], for Chat in a classroom.
fn other_user_of_chat(token: &str, wanted: &str, app: &str, sdks: &[Sdk]) -> Reason {
    Reason::refused(
        Code::WrongUser,
        format!(
            "for the user {}, and the classroom's user {} is {} in Chat (the MD5 sum).",
            shown(token),
            shown(app),
            shown(wanted)
        ),
    )
    .advice("Ask for the token of the user who joins.")
    .seen_as(Fault::UserId, sdks)
}

/// Compares an RTC uid or account with the one of the app. In a token, a number and its decimal text are the same.
fn rtc_user(token: &str, app: &str, sdks: &[Sdk]) -> Option<Reason> {
    let as_number = |text: &str| read_unsigned(text).or_else(|| text.parse().ok());
    let is_uid = |text: &str| text.parse::<u32>().is_ok_and(|number| number.to_string() == text);
    if token.is_empty() || token == "0" || token == "*" || token == app || read_unsigned(token).is_some() {
        // Any user, this user, or a case with a reason of its own.
        return None;
    }
    if token.contains('*') {
        return (!matches_pattern(token, app)).then(|| other_user(token, app, sdks));
    }
    if read_unsigned(app).is_some_and(|number| number.to_string() == token) {
        // Some languages show a large uid as a negative number. It is the same uid.
        return None;
    }
    let reason = |code, message: String, advice: &str| {
        Some(Reason::refused(code, message).advice(advice).seen_as(Fault::UserId, sdks))
    };
    match (as_number(token), as_number(app)) {
        (Some(a), Some(b)) if a == b => reason(
            Code::LeadingZeros,
            format!(
                "for {}, and the app joins as {}: the same number, but the token compares texts, and an SDK that joins \
                 with a number writes it without zeros and signs.",
                shown(token),
                shown(app)
            ),
            "Write the uid as a plain decimal number on both sides, or join with the account that is in the token.",
        ),
        (None, Some(_)) if is_uid(app) => reason(
            Code::AccountJoinedAsNumber,
            format!(
                "for the string account {}, and the app joins with the number {app}. To Agora these are two users.",
                shown(token)
            ),
            "Join with joinChannelWithUserAccount and that account, or ask for a token with the numeric uid.",
        ),
        (Some(_), None) if is_uid(token) => reason(
            Code::NumberJoinedAsAccount,
            format!(
                "for the numeric uid {token}, and the app joins with the string account {}. To Agora these are two users.",
                shown(app)
            ),
            "Join with joinChannel and that uid, or ask for a token with the account.",
        ),
        _ => Some(other_user(token, app, sdks)),
    }
}

/// Whether a token for the channel `token` opens this channel. Agora reads `*` as any text.
pub(super) fn matches_pattern(pattern: &str, channel: &str) -> bool {
    if pattern.is_empty() || pattern == channel {
        return true;
    }
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = channel.strip_prefix(first).filter(|_| pattern.contains('*')) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// The unsigned number that an SDK makes of these signed 32 bits.
pub(super) fn read_unsigned(uid: &str) -> Option<u32> {
    uid.strip_prefix('-')?;
    uid.parse::<i32>().ok().map(i32::cast_unsigned)
}
