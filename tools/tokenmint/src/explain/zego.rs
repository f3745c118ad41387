//! ZEGO's format.

use super::{ABSURD, DAY, Expected, Life, near_miss, other_vendor, privilege, shown};
use crate::cli::Sdk;
use crate::credentials::{Keys, Loaded};
use crate::report::{Code, Findings, PrivilegeView, Reason, ServiceView, Signature, View};
use crate::sdk::Fault;
use crate::when::{length, moment, relative};
use serde::Deserialize;
use serde_json::{Map, json};
use std::collections::BTreeMap;
use tokens::NameFlaw;
use tokens::read::{Token04, Token04Claims};
use tokens::zego::{RoomPrivilege, UserId, ZimUserId};

/// The longest lifetime that ZIM accepts (ZEGO's documentation): 24 days.
const ZIM_LONGEST: i64 = 24 * DAY;
/// The shortest lifetime that ZIM accepts, in seconds.
const ZIM_SHORTEST: i64 = 30;

/// The JSON in a token for one room.
#[derive(Debug, Deserialize)]
struct Payload {
    room_id: String,
    #[serde(default)]
    privilege: BTreeMap<String, i64>,
    #[serde(default)]
    stream_id_list: Option<Vec<String>>,
}

/// A `04` token.
pub(super) fn token04(token: &Token04, expected: &Expected<'_>, keys: &Keys, now: i64) -> Findings {
    let mut sdks: Vec<Sdk> = expected.sdk.filter(|sdk| sdk.is_zego()).map_or(Sdk::ZEGO.to_vec(), |sdk| vec![sdk]);
    let opened = match &keys.zego {
        Loaded::Key(key) => match token.unseal(&key.secret) {
            Ok(claims) => Ok(claims),
            Err(_) => Err(Signature::Wrong),
        },
        Loaded::None { because } => Err(Signature::Unchecked { because: because.clone() }),
    };
    let claims = match opened {
        Ok(claims) => claims,
        Err(signature) => return sealed(token, signature, expected, &sdks, now),
    };
    let payload = (!claims.payload.is_empty()).then(|| serde_json::from_str::<Payload>(&claims.payload));
    if matches!(payload, Some(Ok(_))) && expected.sdk.is_none() {
        sdks = vec![Sdk::Express];
    }

    let life = Life { issued_at: claims.ctime, expires_at: claims.expire };
    let mut fields = Map::new();
    fields.insert("user_id".to_owned(), json!(claims.user_id));
    let mut privileges = Vec::new();
    match &payload {
        Some(Ok(payload)) => {
            fields.insert("room_id".to_owned(), json!(payload.room_id));
            if let Some(streams) = payload.stream_id_list.as_ref().filter(|streams| !streams.is_empty()) {
                fields.insert("stream_ids".to_owned(), json!(streams));
            }
            for RoomPrivilege { number, key, name } in [RoomPrivilege::LOGIN, RoomPrivilege::PUBLISH] {
                let granted = payload.privilege.get(key) == Some(&1);
                privileges.push(PrivilegeView { granted, ..privilege(number, name, life.expires_at, life, now) });
            }
        }
        Some(Err(_)) => {
            fields.insert("payload".to_owned(), json!(claims.payload));
        }
        None => {}
    }
    let service = match &payload {
        Some(_) => "express",
        None => "express-or-zim",
    };
    let view = View {
        format: "04",
        vendor: "zego",
        title: TITLE,
        app_id: Some(claims.app_id.to_string()),
        issued_at: Some(claims.ctime),
        expires_at: claims.expire,
        expires_in: claims.expire.saturating_sub(now),
        lifetime: Some(life.lifetime()),
        salt: None,
        nonce: Some(claims.nonce),
        services: vec![ServiceView { service, number: None, fields, privileges }],
    };
    let mut findings =
        Findings { token: view, signature: Signature::Genuine, reasons: Vec::new(), unchecked: Vec::new() };
    findings.push(other_vendor(expected, true));
    if claims.ctime > 100 * ABSURD || claims.expire > 100 * ABSURD {
        findings.push([Reason::refused(Code::Milliseconds, "Its times are in milliseconds. ZEGO needs seconds.")
            .advice("Divide the milliseconds by 1000 when you build the token.")
            .seen_as(Fault::Expired, &sdks)]);
    } else {
        findings.push(life.reasons(now, &sdks));
        findings.push(long_life(life, expected));
        findings.push(too_short(claims.expire.saturating_sub(now), expected));
    }
    findings.push(app_id(&claims, expected, keys, &sdks));
    findings.push(user(&claims, expected, &sdks));
    if claims.expire != token.expire {
        findings.push([Reason::refused(
            Code::ExpiryMismatch,
            format!(
                "Its two moments of expiry differ: {} outside, {} in the encrypted part. It was changed after it was made.",
                moment(token.expire),
                moment(claims.expire)
            ),
        )
        .advice("Pass tokens on without any change.")
        .seen_as(Fault::Format, &sdks)]);
    }
    if i32::try_from(claims.nonce).is_err() {
        findings.push([Reason::warning(
            Code::BadNonce,
            format!("Its nonce {} does not fit into 32 bits. ZEGO's builders write 32 bits.", claims.nonce),
        )
        .seen_as(Fault::Nonce, &[Sdk::Express])]);
    }
    match payload {
        Some(Ok(payload)) => {
            findings.push(room(&payload, expected));
            findings.push(checks_off(expected).filter(|_| !findings.is_refused()));
        }
        Some(Err(_)) => findings.push([Reason::warning(
            Code::BadPayload,
            "Its payload is not JSON with a room_id and privileges. Express cannot find a room's privileges in it.",
        )
        .advice("Leave the payload empty, or write {\"room_id\":...,\"privilege\":{\"1\":1,\"2\":1},\"stream_id_list\":null}.")
        .seen_as(Fault::Format, &[Sdk::Express])]),
        None if expected.channel.is_some() => findings.push([Reason::note(
            Code::Wildcard,
            "It is a basic token. It opens every room of the app, so the room cannot be the reason for a refusal.",
        )]),
        None => {}
    }
    if expected.user.is_none() {
        findings.unchecked.push("whether it is for the user that the app logs in as (--user)".to_owned());
    }
    if expected.app_id.is_none() && keys.zego_app_id().is_none() {
        findings.unchecked.push("whether the app is built with its app id (--app-id)".to_owned());
    }
    findings
}

const TITLE: &str = "ZEGO token, version 04";

/// What we can say without the server secret.
fn sealed(token: &Token04, signature: Signature, expected: &Expected<'_>, sdks: &[Sdk], now: i64) -> Findings {
    let left = token.expire.saturating_sub(now);
    let view = View {
        format: "04",
        vendor: "zego",
        title: TITLE,
        app_id: None,
        issued_at: None,
        expires_at: token.expire,
        expires_in: left,
        lifetime: None,
        salt: None,
        nonce: None,
        services: Vec::new(),
    };
    let mut reasons: Vec<Reason> = other_vendor(expected, true).into_iter().collect();
    if signature == Signature::Wrong {
        reasons.push(
            Reason::refused(
                Code::WrongSecret,
                "It cannot be decrypted with the server secret that was given. It was made with another one, or changed afterwards.",
            )
            .advice("Compare the token server's secret with the console. It must be the ServerSecret (32 characters), not the AppSign.")
            .seen_as(Fault::Invalid, sdks),
        );
    }
    if token.expire > 100 * ABSURD {
        reasons.push(
            Reason::refused(Code::Milliseconds, "Its moment of expiry is in milliseconds. ZEGO needs seconds.")
                .advice("Divide the milliseconds by 1000 when you build the token.")
                .seen_as(Fault::Expired, sdks),
        );
    } else if left <= 0 {
        reasons.push(
            Reason::refused(Code::Expired, format!("It expired {}, at {}.", relative(left), moment(token.expire)))
                .advice("Fetch a new token before the old one ends, and give it to the SDK (renewToken).")
                .seen_as(Fault::Expired, sdks),
        );
    } else {
        reasons.extend(too_short(left, expected));
    }
    let unchecked = "app, user, room and time of issue: they are encrypted, and only the server secret opens them";
    Findings { token: view, signature, reasons, unchecked: vec![unchecked.to_owned()] }
}

/// A lifetime that is too long for ZIM, or for any token.
fn long_life(life: Life, expected: &Expected<'_>) -> Option<Reason> {
    let lifetime = life.lifetime();
    if lifetime > ABSURD {
        return Some(
            Reason::warning(
                Code::MomentAsLifetime,
                format!(
                    "Its lifetime is {}. The builder got the moment of expiry where it needs a lifetime.",
                    length(lifetime)
                ),
            )
            .advice("Give the builder the lifetime in seconds."),
        );
    }
    if lifetime > ZIM_LONGEST && expected.sdk != Some(Sdk::Express) {
        let message = format!("It lives {}, and ZIM accepts at most 24 days.", length(lifetime));
        return Some(match expected.sdk {
            Some(Sdk::Zim) => Reason::refused(Code::TooLongForZim, message).seen_as(Fault::Invalid, &[Sdk::Zim]),
            _ => Reason::warning(Code::TooLongForZim, message).seen_as(Fault::Invalid, &[Sdk::Zim]),
        });
    }
    (lifetime > DAY).then(|| {
        Reason::warning(
            Code::Over24Hours,
            format!(
                "It lives {}, more than 24 hours. ZEGO accepts it, but nobody can take it back in this time.",
                length(lifetime)
            ),
        )
        .advice("Use a short lifetime, and renew.")
    })
}

fn too_short(left: i64, expected: &Expected<'_>) -> Option<Reason> {
    if left <= 0 || left >= ZIM_SHORTEST || expected.sdk == Some(Sdk::Express) {
        return None;
    }
    let message = format!("{} are left, and ZIM refuses tokens with less than 30 seconds.", length(left));
    let reason = match expected.sdk {
        Some(Sdk::Zim) => Reason::refused(Code::TooShortForZim, message),
        _ => Reason::warning(Code::TooShortForZim, message),
    };
    Some(reason.advice("Ask for a longer lifetime, or fetch the token later.").seen_as(Fault::TooShort, &[Sdk::Zim]))
}

fn app_id(claims: &Token04Claims, expected: &Expected<'_>, keys: &Keys, sdks: &[Sdk]) -> Option<Reason> {
    let own = claims.app_id.to_string();
    let known = keys.zego_app_id().map(|id| id.to_string());
    let wanted = expected.app_id.filter(|id| id.len() < 32).or(known.as_deref())?;
    (wanted != own).then(|| {
        Reason::refused(Code::WrongAppId, format!("It was made for the app id {own}, not for {}.", shown(wanted)))
            .advice("App and token server must use the same ZEGO project. Compare both with the console.")
            .seen_as(Fault::AppId, sdks)
    })
}

fn user(claims: &Token04Claims, expected: &Expected<'_>, sdks: &[Sdk]) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let (token, zim) = (claims.user_id.as_str(), expected.sdk == Some(Sdk::Zim));
    let flaw = if zim { ZimUserId::new(token).err() } else { UserId::new(token).err() };
    if let Some(flaw) = flaw {
        let code = if *flaw.flaw() == NameFlaw::Empty { Code::WrongUser } else { Code::NameRule };
        reasons.push(
            Reason::refused(code, format!("The vendor refuses its user id: {flaw}."))
                .advice("Use an id that follows the rule, both in the token and in the app.")
                .seen_as(Fault::UserId, sdks),
        );
    }
    if let Some(app) = expected.user.filter(|app| *app != token) {
        reasons.push(
            Reason::refused(
                Code::WrongUser,
                format!(
                    "It is for the user {}, and the app logs in as {}.{}",
                    shown(token),
                    shown(app),
                    near_miss(token, app)
                ),
            )
            .advice("Ask for the token of the user who logs in.")
            .seen_as(Fault::UserId, sdks),
        );
    }
    reasons
}

/// The privileges of a room. Only Express reads them.
fn room(payload: &Payload, expected: &Expected<'_>) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if expected.sdk == Some(Sdk::Zim) {
        return reasons;
    }
    if payload.room_id.is_empty() {
        reasons.push(
            Reason::warning(Code::Wildcard, "Its room id is empty, so it opens every room.")
                .advice("Give the builder the id of one room."),
        );
    } else if let Some(app) = expected.channel.filter(|app| *app != payload.room_id) {
        let token = payload.room_id.as_str();
        reasons.push(
            Reason::refused(
                Code::WrongChannel,
                format!(
                    "It is for the room {}, and the app joins {}.{}",
                    shown(token),
                    shown(app),
                    near_miss(token, app)
                ),
            )
            .advice("Ask for the token with exactly the room that the app joins.")
            .seen_as(Fault::Invalid, &[Sdk::Express]),
        );
    }
    if payload.privilege.get(RoomPrivilege::LOGIN.key) != Some(&1) {
        reasons.push(
            Reason::refused(Code::LoginDenied, "It denies logging in to its room: privilege 1 is not 1.")
                .advice("Set privilege 1 (login) to 1 when you build the token.")
                .seen_as(Fault::Invalid, &[Sdk::Express]),
        );
    }
    if payload.privilege.get(RoomPrivilege::PUBLISH.key) != Some(&1) {
        reasons.push(Reason::note(Code::PublishDenied, "It denies publishing streams: privilege 2 is not 1."));
    }
    reasons
}

/// Not every project checks what a room's token says.
fn checks_off(expected: &Expected<'_>) -> Option<Reason> {
    (expected.sdk != Some(Sdk::Zim)).then(|| {
        Reason::note(
            Code::RoomChecksOff,
            "ZEGO checks room id, privileges and stream ids only if its support has switched that on for the project. Until \
             then this token opens what a basic token opens: every room.",
        )
        .advice("Ask ZEGO's support whether it is on for the project.")
    })
}
