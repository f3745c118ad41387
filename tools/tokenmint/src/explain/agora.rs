//! What Agora's two formats have in common.

mod access_token;
mod access_token2;
mod agent;
mod user;

pub(super) use access_token::access_token;
pub(super) use access_token2::access_token2;

use super::{Expected, Life, near_miss, shown};
use crate::cli::Sdk;
use crate::credentials::{Keys, Loaded};
use crate::report::{Code, Reason, Signature};
use crate::sdk::Fault;
use crate::when::{length, moment, relative};
use tokens::agora::{AppCertificate, AppId, Key, ServiceType};
use tokens::read::VerifyError;

/// The name of the privilege that has this number in this service.
fn privilege_name(service: ServiceType, number: u16) -> &'static str {
    service.privilege(number).map_or("unknown", |privilege| privilege.name)
}

/// The SDK whose error codes belong to a service.
fn sdk_of(service: ServiceType, expected: &Expected<'_>) -> Option<Sdk> {
    match service {
        ServiceType::Rtc => Some(Sdk::Rtc),
        ServiceType::Rtm | ServiceType::Rtm2 => Some(expected.sdk.filter(|sdk| *sdk == Sdk::Rtm1).unwrap_or(Sdk::Rtm)),
        ServiceType::Chat => Some(Sdk::Chat),
        ServiceType::Streaming
        | ServiceType::Fpa
        | ServiceType::Fcdn
        | ServiceType::Apaas
        | ServiceType::ConvoAi
        | ServiceType::Stt => None,
    }
}

/// Checks the signature if there is a certificate, and compares the app ids.
fn signature(
    app_id: &str,
    expected: &Expected<'_>,
    keys: &Keys,
    sdks: &[Sdk],
    verify: impl Fn(&Key) -> Result<(), VerifyError>,
) -> (Signature, Vec<Reason>) {
    let mut reasons = Vec::new();
    let own_id = AppId::new(app_id);
    if own_id.is_err() {
        reasons.push(
            Reason::refused(
                Code::MalformedAppId,
                "Its app id must be 32 hexadecimal characters, and it is not. The builder got a wrong value.",
            )
            .seen_as(Fault::Invalid, sdks),
        );
    }
    let expected_id = expected.app_id.filter(|id| id.len() > 20).or(keys.agora_app_id());
    let wrong_app = expected_id.is_some_and(|id| id != app_id);
    if let Some(id) = expected_id.filter(|_| wrong_app) {
        reasons.push(
            Reason::refused(
                Code::WrongAppId,
                format!("It was made for the app id {app_id}, not for {}.{}", shown(id), near_miss(app_id, id)),
            )
            .advice("App and token server must use the same Agora project. Compare both with the console.")
            .seen_as(Fault::Invalid, sdks),
        );
    }
    // Use the app id in the token: this checks the certificate alone, and the project was checked before.
    let own_key = |certificate: &AppCertificate| {
        let app_id = own_id.clone().ok()?;
        Some(Key { app_id, app_certificate: certificate.clone() })
    };
    let certificate = match &keys.agora {
        Loaded::Key(key) => &key.certificate,
        Loaded::None { because } => return (Signature::Unchecked { because: because.clone() }, reasons),
    };
    let Some(key) = own_key(certificate) else {
        return (Signature::Unchecked { because: "its app id is malformed".to_owned() }, reasons);
    };
    let signature = match verify(&key) {
        Ok(()) => Signature::Genuine,
        Err(VerifyError::WrongChannel | VerifyError::WrongUid) => {
            let because = "a 006 token's signature covers channel and user, which stand in it as checksums only: \
                           --channel and --user must be those it was made for";
            Signature::Unchecked { because: because.to_owned() }
        }
        Err(_) => {
            reasons.push(
                Reason::refused(
                    Code::WrongCertificate,
                    "Its signature doesn't fit the app certificate that was given: it was made with another one, or \
                     changed afterwards.",
                )
                .advice(
                    "Compare the token server's certificate with the console. A project has a primary and a secondary one; \
                     the tokens of one that was deleted are dead.",
                )
                .seen_as(Fault::Invalid, sdks),
            );
            Signature::Wrong
        }
    };
    (signature, reasons)
}

/// A privilege that ended before the token.
fn ended(name: &str, number: u16, door: bool, ends_at: i64, life: Life, now: i64, sdks: &[Sdk]) -> Option<Reason> {
    if now < ends_at || now >= life.expires_at {
        return None;
    }
    let ended = format!(
        "Its privilege {name} ({number}) ended {}, at {}. The token itself lives on ({} left).",
        relative(ends_at - now),
        moment(ends_at),
        length(life.expires_at - now)
    );
    Some(if door {
        Reason::refused(Code::PrivilegeEnded, format!("{ended} Without this privilege nobody can join."))
            .advice("Renew before the first privilege ends.")
            .seen_as(Fault::Expired, sdks)
    } else {
        Reason::warning(Code::PrivilegeEnded, format!("{ended} The user can stay, but can no longer do this."))
            .advice("Renew before the first privilege ends.")
    })
}

fn channel_wildcard(channel: &str) -> Option<Reason> {
    let what = match channel {
        "" => "Its channel is empty, so it opens every channel.".to_owned(),
        _ if channel.contains('*') => {
            format!("Its channel is the pattern {}, so it opens every channel that matches.", shown(channel))
        }
        _ => return None,
    };
    Some(Reason::warning(Code::Wildcard, what).advice("Give the builder the name of one channel."))
}

fn uid_wildcard() -> Reason {
    Reason::warning(
        Code::Wildcard,
        "It is for any user (uid 0). With it, anyone can join under any uid. It is made for joinChannel with a number: an \
         app that joins with a string account can be refused.",
    )
    .advice("Give the builder the user's own uid or account, and join with the same one.")
    .seen_as(Fault::Invalid, &[Sdk::Rtc])
}

fn wrong_channel(token: Option<&str>, app: &str, sdks: &[Sdk]) -> Reason {
    let message = match token {
        Some(token) => {
            format!(
                "It is for the channel {}, and the app joins {}.{}",
                shown(token),
                shown(app),
                near_miss(token, app)
            )
        }
        None => format!("It is not for the channel {}. It is for another one.", shown(app)),
    };
    Reason::refused(Code::WrongChannel, message)
        .advice("Ask for the token with exactly the name that the app joins. Case and spaces count.")
        .seen_as(Fault::Invalid, sdks)
}
