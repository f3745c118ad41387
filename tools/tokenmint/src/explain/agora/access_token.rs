//! Version `006`. It holds checksums of channel and user.

use super::super::{ABSURD, DAY, Expected, Life, other_vendor, privilege, shown};
use super::user::read_unsigned;
use super::{channel_wildcard, ended, privilege_name, signature, uid_wildcard, wrong_channel};
use crate::cli::Sdk;
use crate::credentials::Keys;
use crate::report::{Code, Findings, PrivilegeView, Reason, ServiceView, View};
use crate::sdk::Fault;
use crate::when::moment;
use serde_json::{Map, json};
use tokens::agora::{Privilege, ServiceType};
use tokens::read::{AccessToken, VerifyError};

/// What a `006` token says, and what speaks against it.
pub(in crate::explain) fn access_token(
    token: &AccessToken,
    expected: &Expected<'_>,
    keys: &Keys,
    now: i64,
) -> Findings {
    let life = Life { issued_at: i64::from(token.ts) - DAY, expires_at: token.ts.into() };
    let names = Names::new(token, expected);
    let sdks = [names.sdk()];
    let (signature, reasons) =
        signature(&token.app_id, expected, keys, &sdks, |key| match (names.channel.name(), names.uid.name()) {
            (Some(channel), Some(uid)) => token.verify_signature(key, channel, uid),
            _ => Err(VerifyError::WrongChannel),
        });
    let mut findings = Findings { token: view(token, &names, life, now), signature, reasons, unchecked: Vec::new() };
    findings.push(other_vendor(expected, false));
    findings.push(life.reasons(now, &sdks));
    findings.push(other_sdk(names.sdk(), expected));
    findings.push(unusual_message(token, &names));
    if names.rtm {
        findings.push(lives_a_day(token, life));
        names.check_rtm(&mut findings);
    } else {
        findings.push(privileges(token, life, now, &sdks));
        names.check_rtc(&mut findings);
    }
    if expected.app_id.is_none() && keys.agora_app_id().is_none() {
        findings.unchecked.push("whether the app is built with its app id (--app-id)".to_owned());
    }
    findings
}

/// A name whose checksum is in the token.
enum Name {
    /// This name. Empty means *any*.
    Is(String),
    /// Another name than the app's.
    IsNot(String),
    /// We do not know the app's name.
    Unknown,
}

impl Name {
    fn new(app: Option<&str>, crc: u32) -> Name {
        let fits = |name: &str| crc32fast::hash(name.as_bytes()) == crc;
        // The checksum of an empty name is 0.
        if fits("") {
            return Name::Is(String::new());
        }
        let Some(app) = app else { return Name::Unknown };
        // Some languages show a large uid as a negative number. It is the same uid.
        let unsigned = read_unsigned(app).map(|number| number.to_string());
        match [Some(app.to_owned()), unsigned].into_iter().flatten().find(|name| fits(name)) {
            Some(name) => Name::Is(name),
            None => Name::IsNot(app.to_owned()),
        }
    }

    fn name(&self) -> Option<&str> {
        match self {
            Name::Is(name) => Some(name),
            Name::IsNot(_) | Name::Unknown => None,
        }
    }
}

/// The user and the channel of a token.
struct Names {
    /// Whether it is for RTM. Then the channel's place holds the user, and the uid is empty.
    rtm: bool,
    channel: Name,
    uid: Name,
}

impl Names {
    fn new(token: &AccessToken, expected: &Expected<'_>) -> Names {
        // If it has RTC's privileges, too, it is for a channel.
        let rtm = token.privileges.contains_key(&Privilege::LOGIN_006.number)
            && !token.privileges.contains_key(&Privilege::JOIN_CHANNEL.number);
        let channel = if rtm { expected.user } else { expected.channel };
        Names { rtm, channel: Name::new(channel, token.crc_channel_name), uid: Name::new(expected.user, token.crc_uid) }
    }

    fn sdk(&self) -> Sdk {
        if self.rtm { Sdk::Rtm1 } else { Sdk::Rtc }
    }

    fn check_rtm(&self, findings: &mut Findings) {
        let refused = |message: String, advice: &str| {
            [Reason::refused(Code::WrongUser, message).advice(advice).seen_as(Fault::UserId, &[Sdk::Rtm1])]
        };
        match &self.channel {
            Name::Is(user) if user.is_empty() => {
                findings.push(refused("It names no user.".to_owned(), "Give the builder the user id."));
            }
            Name::Is(_) => {}
            Name::IsNot(user) => findings.push(refused(
                format!("It is not for the RTM user {}. It is for another one.", shown(user)),
                "Ask for the token of the user who logs in.",
            )),
            Name::Unknown => {
                findings.unchecked.push(
                    "whether it is for the user that the app logs in as (--user): the token holds only a checksum"
                        .to_owned(),
                );
            }
        }
    }

    fn check_rtc(&self, findings: &mut Findings) {
        match &self.channel {
            Name::Is(channel) => findings.push(channel_wildcard(channel)),
            Name::IsNot(channel) => findings.push([wrong_channel(None, channel, &[Sdk::Rtc])]),
            Name::Unknown => {
                findings.unchecked.push(
                    "whether it is for the channel that the app joins (--channel): the token holds only a checksum"
                        .to_owned(),
                );
            }
        }
        match &self.uid {
            Name::Is(uid) if uid.is_empty() => findings.push([uid_wildcard()]),
            Name::Is(_) => {}
            Name::IsNot(uid) => findings.push([Reason::refused(
                Code::WrongUser,
                format!(
                    "It is for another uid or account than {}. A token for a string account does not fit an app that joins \
                     with a number. The opposite does not fit either.",
                    shown(uid)
                ),
            )
            .advice("Ask for the token with exactly the uid or account with which the app joins.")
            .seen_as(Fault::UserId, &[Sdk::Rtc])]),
            Name::Unknown => {
                findings.unchecked.push("whether it is for the uid or account that the app joins as (--user): the token holds only a checksum".to_owned());
            }
        }
    }
}

fn view(token: &AccessToken, names: &Names, life: Life, now: i64) -> View {
    let mut fields = Map::new();
    let mut field = |label: &str, name: &Name, crc: u32| {
        if let Some(name) = name.name() {
            fields.insert(label.to_owned(), json!(name));
        }
        fields.insert(format!("{label}_crc32"), json!(format!("{crc:08x}")));
    };
    if names.rtm {
        field("user_id", &names.channel, token.crc_channel_name);
    } else {
        field("channel", &names.channel, token.crc_channel_name);
        field("uid", &names.uid, token.crc_uid);
    }
    let privilege_view = |(number, ends_at): (&u16, &u32)| -> PrivilegeView {
        let name = if *number == Privilege::LOGIN_006.number {
            Privilege::LOGIN_006.name
        } else {
            privilege_name(ServiceType::Rtc, *number)
        };
        // 0 means no end of its own. RTM ignores the value.
        let ends_at = if *ends_at == 0 || names.rtm { life.expires_at } else { i64::from(*ends_at) };
        privilege(*number, name, ends_at, life, now)
    };
    let service = if names.rtm { "rtm" } else { "rtc" };
    let privileges = token.privileges.iter().map(privilege_view).collect();
    View {
        format: "006",
        vendor: "agora",
        title: "Agora token, version 006 (AccessToken)",
        app_id: Some(token.app_id.clone()),
        issued_at: Some(life.issued_at),
        expires_at: life.expires_at,
        expires_in: life.expires_at - now,
        lifetime: Some(life.lifetime()),
        salt: Some(token.salt),
        nonce: None,
        services: vec![ServiceView { service, number: None, fields, privileges }],
    }
}

/// The app's SDK does not accept `006` tokens, or not this one.
fn other_sdk(sdk: Sdk, expected: &Expected<'_>) -> Option<Reason> {
    let wanted = expected.sdk.filter(|wanted| !wanted.is_zego() && *wanted != sdk)?;
    let reason = if wanted == Sdk::Rtm || wanted == Sdk::Chat {
        let name = if wanted == Sdk::Rtm { "RTM 2.x" } else { "Chat" };
        Reason::refused(Code::WrongVersion, format!("It has the old version 006, and {name} accepts only 007."))
            .advice("Ask for a 007 token.")
    } else {
        let message = format!("It does not open {}. It is a token for {}.", wanted.name(), sdk.name());
        Reason::refused(Code::MissingService, message).advice("Ask the token server for a token of this kind.")
    };
    Some(reason.seen_as(Fault::Invalid, &[wanted]))
}

/// A user who asked for a shorter lifetime should know this.
fn lives_a_day(token: &AccessToken, life: Life) -> Option<Reason> {
    let ends_at = token.privileges.get(&Privilege::LOGIN_006.number).map(|ends_at| i64::from(*ends_at))?;
    (ends_at < life.expires_at).then(|| {
        Reason::note(
            Code::RtmLivesADay,
            format!(
                "Its privilege login ends at {}, but RTM 1.x ignores this. The token lives 24 hours.",
                moment(ends_at)
            ),
        )
    })
}

/// Warns of a message that no builder writes. It can be cut from another user's token: `agora/access_token.rs` in
/// `tokens` says how. The salt is not checked, because builders draw it from different ranges. Moments are not checked
/// either, because builders write any. There is one exception: besides login, no builder writes a privilege that ended
/// in 1970.
fn unusual_message(token: &AccessToken, names: &Names) -> Option<Reason> {
    /// The privileges that the vendor's builders name: RTC's are 1 to 4, older builders have the others.
    fn is_known(privilege: u16) -> bool {
        matches!(privilege, 1..=12 | 101) || privilege == Privilege::LOGIN_006.number
    }
    let has = |privilege| token.privileges.contains_key(&privilege);
    let what = if !token.is_as_written() {
        "its privileges are not in ascending order, or one is there twice"
    } else if names.rtm && token.privileges.len() > 1 {
        "it has other privileges besides login (1000)"
    } else if !token.privileges.keys().all(|privilege| is_known(*privilege)) {
        "it has privileges that do not exist"
    } else if has(Privilege::LOGIN_006.number)
        && token.privileges.values().any(|ends_at| is_lifetime(*ends_at))
        && !names.rtm
    {
        "besides login (1000) it has a privilege that ended in 1970"
    } else {
        return None;
    };
    Some(
        Reason::warning(
            Code::UnusualMessage,
            format!(
                "No builder writes such a message: {what}. It may be cut from another user's token. The signature covers \
                 names and message together. So it can be right although the token was cut."
            ),
        )
        .advice("Do not trust it, even if its signature is right. Find out who asked for it. Use 007 tokens: they cannot be cut."),
    )
}

/// A lifetime in seconds that was passed as a moment.
fn is_lifetime(value: u32) -> bool {
    value != 0 && i64::from(value) < ABSURD
}

/// The privileges of an RTC token. Their values are moments.
fn privileges(token: &AccessToken, life: Life, now: i64, sdks: &[Sdk]) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if !token.privileges.contains_key(&Privilege::JOIN_CHANNEL.number) {
        reasons.push(
            Reason::refused(Code::NoPrivilege, "It lacks the privilege join_channel (1).")
                .advice("Grant it when you build the token.")
                .seen_as(Fault::Invalid, sdks),
        );
    }
    if token.privileges.values().any(|value| is_lifetime(*value)) {
        reasons.push(
            Reason::refused(
                Code::LifetimeAsMoment,
                "One of its privileges ended in 1970. The builder got a lifetime in seconds. A 006 token needs the moment of \
                 expiry.",
            )
            .advice("Give the builder the Unix time now plus the lifetime.")
            .seen_as(Fault::Expired, sdks),
        );
        return reasons;
    }
    for (privilege, ends_at) in token.privileges.iter().filter(|(_, ends_at)| **ends_at != 0) {
        let door = *privilege == Privilege::JOIN_CHANNEL.number;
        reasons.extend(ended(
            privilege_name(ServiceType::Rtc, *privilege),
            *privilege,
            door,
            (*ends_at).into(),
            life,
            now,
            sdks,
        ));
    }
    reasons
}
