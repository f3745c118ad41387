//! Version `007`.

use super::super::{ABSURD, DAY, Expected, Life, near_miss, other_vendor, privilege, shown};
use super::agent::agent_product;
use super::user::{matches_pattern, read_unsigned, wrong_user};
use super::{channel_wildcard, ended, privilege_name, sdk_of, signature, uid_wildcard, wrong_channel};
use crate::cli::Sdk;
use crate::credentials::Keys;
use crate::report::{Code, Findings, Reason, ServiceView, View};
use crate::sdk::Fault;
use crate::when::{length, moment, relative};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use tokens::agora::{ChannelName, ChatUserId, Privilege, Resource, RtmUserId, ServiceType, UserAccount};
use tokens::read::{AccessToken2, Service, ServiceBody};
use tokens::{NameError, NameFlaw};

/// What a `007` token says, and what speaks against it.
pub(in crate::explain) fn access_token2(
    token: &AccessToken2,
    expected: &Expected<'_>,
    keys: &Keys,
    now: i64,
) -> Findings {
    let issued_at = i64::from(token.issue_ts);
    let life = Life { issued_at, expires_at: issued_at + i64::from(token.expire) };
    // If the app's SDK is known, the other services cannot be the reason for a refusal.
    let concerns = |service: &Service| match expected.sdk {
        Some(sdk) if !sdk.is_zego() => sdk_of(service.service_type, expected) == Some(sdk),
        _ => true,
    };
    let mut sdks: Vec<Sdk> =
        token.services.iter().filter(|s| concerns(s)).filter_map(|s| sdk_of(s.service_type, expected)).collect();
    sdks.dedup();
    if let Some(sdk) = expected.sdk.filter(|sdk| sdks.is_empty() && !sdk.is_zego()) {
        sdks.push(sdk);
    }

    let services = token.services.iter().map(|service| service_view(service, life, now)).collect();
    let (signature, key_reasons) = signature(&token.app_id, expected, keys, &sdks, |key| token.verify_signature(key));
    let view = View {
        format: "007",
        vendor: "agora",
        title: "Agora token, version 007 (AccessToken2)",
        app_id: Some(token.app_id.clone()),
        issued_at: Some(issued_at),
        expires_at: life.expires_at,
        expires_in: life.expires_at - now,
        lifetime: Some(life.lifetime()),
        salt: Some(token.salt),
        nonce: None,
        services,
    };
    let mut findings = Findings { token: view, signature, reasons: key_reasons, unchecked: Vec::new() };
    findings.push(other_vendor(expected, false));
    findings.push(life.reasons(now, &sdks));
    findings.push(too_long_a_life(life, now, &sdks));
    if token.services.is_empty() && token.unknown_service_type.is_none() {
        findings.push([Reason::refused(Code::NoServices, "It opens nothing, because it holds no service.")
            .advice("Add a service before you build the token.")
            .seen_as(Fault::Invalid, &Sdk::AGORA)]);
    }
    if let Some(unknown) = token.unknown_service_type {
        findings.push([Reason::note(
            Code::UnknownService,
            format!("It holds a service of the unknown type {unknown}. What follows this service was not read."),
        )]);
    }
    findings.push(missing_service(token, expected));
    for service in token.services.iter().filter(|service| concerns(service)) {
        findings.push(privileges(service, life, now, expected));
        findings.push(names(service, expected));
        if let ServiceBody::Rtm2 { permissions, .. } = &service.body {
            findings.push(permitted_channels(token, permissions, expected));
            findings.push(permission_checks_off().filter(|_| now < life.expires_at));
        }
    }
    findings.push(wrong_user(token, concerns, expected));
    if sdks.contains(&Sdk::Chat) && now < life.expires_at && now >= issued_at + life.lifetime() / 2 {
        findings.push([Reason::note(
            Code::ExpiresSoon,
            "Half of its lifetime is over. From now on Chat warns the app that the token will expire. This is not a refusal.",
        )
        .seen_as(Fault::WillExpire, &[Sdk::Chat])]);
    }
    if expected.sdk == Some(Sdk::Rtm1) {
        findings.push([Reason::warning(
            Code::WrongVersion,
            "RTM 1.x accepts 007 tokens from SDK 1.5.0 on. Older SDKs need 006.",
        )
        .seen_as(Fault::Invalid, &[Sdk::Rtm1])]);
    }
    findings.push(agents(token));
    findings.push(classrooms(token, expected).filter(|_| now < life.expires_at && !findings.is_refused()));
    findings.push(opens_rest_apis(token, expected).filter(|_| now < life.expires_at && !findings.is_refused()));
    let has_channel = token
        .services
        .iter()
        .any(|s| matches!(s.body, ServiceBody::Rtc { .. } | ServiceBody::Channel { .. } | ServiceBody::Rtm2 { .. }));
    if expected.channel.is_none() && has_channel {
        findings.unchecked.push("whether it is for the channel that the app joins (--channel)".to_owned());
    }
    if expected.user.is_none() {
        findings.unchecked.push("whether it is for the user that the app joins as (--user)".to_owned());
    }
    if expected.app_id.is_none() && keys.agora_app_id().is_none() {
        findings.unchecked.push("whether the app is built with its app id (--app-id)".to_owned());
    }
    findings
}

fn service_view(service: &Service, life: Life, now: i64) -> ServiceView {
    let mut fields = Map::new();
    let mut field = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    match &service.body {
        ServiceBody::Rtc { channel_name, uid } => {
            field("channel", json!(channel_name));
            field("uid", json!(uid));
        }
        ServiceBody::Channel { channel_name, account } => {
            field("channel", json!(channel_name));
            field("account", json!(account));
        }
        ServiceBody::User { user_id } => {
            field("user_id", json!(user_id));
        }
        ServiceBody::Apaas { room_uuid, user_uuid, role } => {
            field("room_uuid", json!(room_uuid));
            field("user_uuid", json!(user_uuid));
            field("role", json!(role));
        }
        ServiceBody::Rtm2 { user_id, permissions } => {
            field("user_id", json!(user_id));
            field("permissions", permissions_view(permissions));
        }
        ServiceBody::Nothing {} => {}
    }
    let privileges = service.privileges.iter().map(|(number, lives)| {
        let ends_at = if *lives == 0 { life.expires_at } else { life.issued_at + i64::from(*lives) };
        privilege(*number, privilege_name(service.service_type, *number), ends_at, life, now)
    });
    ServiceView {
        service: service.service_type.name(),
        number: Some(service.service_type.number()),
        fields,
        privileges: privileges.collect(),
    }
}

/// Names for the numbers of resources and permissions.
fn permissions_view(permissions: &BTreeMap<u16, BTreeMap<u16, Vec<String>>>) -> Value {
    const RESOURCES: [&str; 5] = ["message_channels", "stream_channels", "group_channels", "server_groups", "users"];
    const PERMISSIONS: [&str; 2] = ["read", "write"];
    let name = |names: &[&str], number: u16| {
        names.get(usize::from(number)).map_or_else(|| number.to_string(), |name| (*name).to_owned())
    };
    let resources = permissions.iter().map(|(resource, permissions)| {
        let permissions = permissions.iter().map(|(permission, names)| (name(&PERMISSIONS, *permission), json!(names)));
        (name(&RESOURCES, *resource), Value::Object(permissions.collect()))
    });
    Value::Object(resources.collect())
}

/// Agora ends every token after a day. A lifetime of decades is a moment that was passed as a lifetime.
fn too_long_a_life(life: Life, now: i64, sdks: &[Sdk]) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if life.lifetime() > ABSURD {
        reasons.push(
            Reason::warning(
                Code::MomentAsLifetime,
                format!(
                    "Its lifetime is {}. The builder got the moment of expiry. A 007 token needs the lifetime in \
                     seconds.",
                    length(life.lifetime())
                ),
            )
            .advice("Give the builder the lifetime in seconds, at most 86400."),
        );
    }
    if life.lifetime() <= DAY {
        return reasons;
    }
    let end = life.issued_at + DAY;
    if now >= end && now < life.expires_at {
        reasons.push(
            Reason::refused(
                Code::Over24Hours,
                format!(
                    "It says that it lives {}, but Agora ends every token after 24 hours. It ended at {} ({}).",
                    length(life.lifetime()),
                    moment(end),
                    relative(end - now)
                ),
            )
            .advice("Ask for at most 24 hours, and renew.")
            .seen_as(Fault::Expired, sdks),
        );
    } else if now < end {
        reasons.push(Reason::warning(
            Code::Over24Hours,
            format!(
                "It says that it lives {}, but Agora ends every token after 24 hours. It will end at {} ({}).",
                length(life.lifetime()),
                moment(end),
                relative(end - now)
            ),
        ));
    }
    reasons
}

/// The token holds no service for the app's SDK.
fn missing_service(token: &AccessToken2, expected: &Expected<'_>) -> Option<Reason> {
    let sdk = expected.sdk.filter(|sdk| !sdk.is_zego())?;
    if token.unknown_service_type.is_some()
        || token.services.iter().any(|service| sdk_of(service.service_type, expected) == Some(sdk))
    {
        return None;
    }
    let mut has: Vec<&str> = token.services.iter().map(|service| service.service_type.name()).collect();
    has.dedup();
    Some(
        Reason::refused(
            Code::MissingService,
            format!(
                "It does not open {}. It holds {}.",
                sdk.name(),
                if has.is_empty() { "nothing".to_owned() } else { has.join(", ") }
            ),
        )
        .advice("Ask the token server for a token of this kind, or for one that carries several services.")
        .seen_as(Fault::Invalid, &[sdk]),
    )
}

/// The token is an agent's. An app has no use for it.
fn agents(token: &AccessToken2) -> Option<Reason> {
    let product = agent_product(token)?;
    Some(
        Reason::note(
            Code::OpensRestApis,
            format!(
                "It is for an agent of {product}. With it, anyone can start such agents over Agora's REST API, and they cost \
                 money."
            ),
        )
        .advice("Keep it in a backend."),
    )
}

/// What else a classroom's token opens. No SDK is in the list for classrooms, so it is said only if none is named.
fn classrooms(token: &AccessToken2, expected: &Expected<'_>) -> Option<Reason> {
    let mut services = token.services.iter().filter(|service| service.service_type == ServiceType::Apaas);
    let service = services.next().filter(|_| expected.sdk.is_none())?;
    Some(if service.privileges.contains_key(&Privilege::APAAS_APP.number) {
        Reason::note(
            Code::OpensRestApis,
            "It is a classroom app token. With it, anyone can do everything in every classroom over Agora's classroom REST \
             API.",
        )
        .advice("Keep it in a backend.")
    } else {
        Reason::note(
            Code::OpensRestApis,
            "Agora's classroom REST API accepts it, too. The user can do there what this token allows, without your app.",
        )
    })
}

/// What else an RTC token opens. Few people know this.
fn opens_rest_apis(token: &AccessToken2, expected: &Expected<'_>) -> Option<Reason> {
    let has = |wanted| token.services.iter().any(|service| service.service_type == wanted);
    if !has(ServiceType::Rtc) || agent_product(token).is_some() || expected.sdk.is_some_and(|sdk| sdk != Sdk::Rtc) {
        return None;
    }
    Some(
        Reason::note(
            Code::OpensRestApis,
            "Agora's REST APIs for speech to text and Conversational AI accept it, too, as \"Authorization: agora \
             token=...\". If the project uses one of them, the user can start agents that cost money.",
        )
        .advice("Use another Agora project for such products."),
    )
}

/// Permissions that do not name the app's channel.
fn permitted_channels(
    token: &AccessToken2,
    permissions: &BTreeMap<u16, BTreeMap<u16, Vec<String>>>,
    expected: &Expected<'_>,
) -> Option<Reason> {
    /// A token may name a thousand.
    const MOST_SHOWN: usize = 8;
    let channel = expected.channel?;
    let of_channels = [Resource::MessageChannels, Resource::StreamChannels, Resource::GroupChannels];
    let resources = of_channels.iter().filter_map(|resource| permissions.get(&(*resource as u16)));
    let names: BTreeSet<&str> = resources.flat_map(BTreeMap::values).flatten().map(String::as_str).collect();
    if names.iter().any(|name| !name.is_empty() && matches_pattern(name, channel)) {
        return None;
    }
    let first: Vec<_> = names.iter().take(MOST_SHOWN).map(|name| shown(name)).collect();
    let has = match names.len() {
        0 => "none".to_owned(),
        1..=MOST_SHOWN => first.join(", "),
        all => format!("{} and {} more", first.join(", "), all - MOST_SHOWN),
    };
    let near = names.iter().map(|name| near_miss(name, channel)).find(|near| !near.is_empty()).unwrap_or_default();
    let message = format!("Its rtm2 service permits these channels: {has}. The app joins {}.{near}", shown(channel));
    // Perhaps the app joins this channel in RTC, with the same token.
    let opens = |service: &Service| match &service.body {
        ServiceBody::Rtc { channel_name, .. } => matches_pattern(channel_name, channel),
        _ => false,
    };
    let reason = if token.services.iter().any(opens) { Reason::warning } else { Reason::refused };
    Some(
        reason(Code::WrongChannel, message)
            .advice("Name this channel in the permissions when you make the token. Case and spaces count."),
    )
}

/// Not every project checks the permissions of an RTM token.
fn permission_checks_off() -> Option<Reason> {
    Some(
        Reason::note(
            Code::PermissionChecksOff,
            "Agora checks permissions only if it has enabled this for the project. Until then this token opens what a plain \
             RTM token opens: every channel.",
        )
        .advice("Ask Agora's support whether it is enabled for the project."),
    )
}

/// Privileges that are missing, or that ended before the token.
fn privileges(service: &Service, life: Life, now: i64, expected: &Expected<'_>) -> Vec<Reason> {
    let service_type = service.service_type;
    let sdks: Vec<Sdk> = sdk_of(service_type, expected).into_iter().collect();
    let mut reasons = Vec::new();
    // The privileges that a user needs to join. If a service has none of these, any privilege is enough.
    let doors: &[Privilege] = match service_type {
        ServiceType::Rtc => &[Privilege::JOIN_CHANNEL],
        ServiceType::Rtm | ServiceType::Rtm2 | ServiceType::Fpa => &[Privilege::LOGIN],
        ServiceType::Chat => &[Privilege::CHAT_USER, Privilege::CHAT_APP],
        ServiceType::Streaming | ServiceType::Fcdn | ServiceType::Apaas => &[],
        // These two services have no privileges.
        ServiceType::ConvoAi | ServiceType::Stt => return Vec::new(),
    };
    let is_door = |number: u16| doors.iter().any(|door| door.number == number);
    let has_door = match doors {
        [] => !service.privileges.is_empty(),
        _ => service.privileges.keys().any(|number| is_door(*number)),
    };
    if !has_door {
        let wants = if service_type == ServiceType::Rtc { "join_channel (1)" } else { "that lets its user in" };
        reasons.push(
            Reason::refused(
                Code::NoPrivilege,
                format!("Its {} service lacks the privilege {wants}.", service_type.name()),
            )
            .advice("Grant it when building the token.")
            .seen_as(Fault::Invalid, &sdks),
        );
    }
    for (privilege, lives) in &service.privileges {
        let name = privilege_name(service_type, *privilege);
        if *lives > 0 {
            let ends_at = life.issued_at + i64::from(*lives);
            reasons.extend(ended(name, *privilege, is_door(*privilege), ends_at, life, now, &sdks));
        } else if service_type != ServiceType::Fpa {
            // The vendor's own builder writes 0 for FPA.
            reasons.push(
                Reason::warning(
                    Code::PrivilegeZero,
                    format!(
                        "Its privilege {name} ({privilege}) lives 0 seconds. The vendor does not say what this means: no \
                         time, or the lifetime of the token."
                    ),
                )
                .advice("Give the builder the lifetime of the privilege in seconds."),
            );
        }
    }
    if is_app_token(service) {
        let message = "It is a Chat app token. With it, anyone can do everything in Chat over REST, for every user.";
        reasons.push(if expected.user.is_some() || expected.sdk == Some(Sdk::Chat) {
            Reason::refused(Code::AppToken, format!("{message} A client logs in with a user token."))
                .advice("Get a user token for the client, and keep app tokens in backends.")
                .seen_as(Fault::Invalid, &[Sdk::Chat])
        } else {
            Reason::note(Code::AppToken, format!("{message} It belongs in a backend, never in an app."))
        });
    }
    reasons
}

/// Whether the service belongs to a Chat app token.
fn is_app_token(service: &Service) -> bool {
    service.service_type == ServiceType::Chat && service.privileges.contains_key(&Privilege::CHAT_APP.number)
}

/// Names that are wildcards, that the vendor refuses, or that differ from the app's.
fn names(service: &Service, expected: &Expected<'_>) -> Vec<Reason> {
    let sdks: Vec<Sdk> = sdk_of(service.service_type, expected).into_iter().collect();
    let mut reasons = Vec::new();
    match &service.body {
        ServiceBody::Rtc { channel_name, uid } | ServiceBody::Channel { channel_name, account: uid } => {
            reasons.extend(channel_wildcard(channel_name));
            reasons.extend(broken_rule(ChannelName::new(channel_name.as_str()).err(), &sdks));
            if uid.is_empty() || uid == "0" || uid.contains('*') {
                reasons.push(uid_wildcard());
            } else {
                reasons.extend(broken_rule(UserAccount::new(uid.as_str()).err(), &sdks));
            }
            if let Some(number) = read_unsigned(uid) {
                reasons.push(
                    Reason::refused(
                        Code::SignedUid,
                        format!(
                            "Its uid is written as {uid}, a negative number. An app that joins with it is uid {number}. The \
                             builder got a signed 32-bit number."
                        ),
                    )
                    .advice("Give the builder the uid as an unsigned number.")
                    .seen_as(Fault::Invalid, &sdks),
                );
            }
            if let Some(channel) = expected.channel
                && !matches_pattern(channel_name, channel)
            {
                reasons.push(wrong_channel(Some(channel_name), channel, &sdks));
            }
        }
        ServiceBody::User { user_id } | ServiceBody::Rtm2 { user_id, .. } => {
            let flaw = if service.service_type == ServiceType::Chat {
                ChatUserId::new(user_id.as_str()).err()
            } else {
                RtmUserId::new(user_id.as_str()).err()
            };
            if user_id.is_empty() && !is_app_token(service) {
                reasons.push(
                    Reason::refused(
                        Code::WrongUser,
                        format!("Its {} service names no user.", service.service_type.name()),
                    )
                    .advice("Give the builder the user id.")
                    .seen_as(Fault::UserId, &sdks),
                );
            }
            reasons.extend(broken_rule(flaw, &sdks));
        }
        ServiceBody::Apaas { room_uuid, .. } => {
            if let Some(channel) = expected.channel
                && !room_uuid.is_empty()
                && room_uuid != channel
            {
                reasons.push(wrong_channel(Some(room_uuid), channel, &sdks));
            }
        }
        ServiceBody::Nothing {} => {}
    }
    reasons
}

/// A name that the vendor refuses. Empty names and wildcards have reasons of their own.
fn broken_rule(error: Option<NameError>, sdks: &[Sdk]) -> Option<Reason> {
    let error = error.filter(|error| !matches!(error.flaw(), NameFlaw::Empty | NameFlaw::Wildcard(_)))?;
    Some(
        Reason::refused(Code::NameRule, format!("The vendor refuses a name in it: {error}."))
            .advice("Use a name that follows the rule, both in the token and in the app.")
            .seen_as(Fault::UserId, sdks),
    )
}
