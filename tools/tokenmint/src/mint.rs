//! `tokenmint mint`: makes a temporary token on a terminal.

use crate::cli::{Kind, Mint, MintOptions, Product, Role, RtcIdentity, With};
use crate::credentials::{CredentialsError, Terminal, load};
use crate::{complain, exit, print, show};
use serde::Serialize;
use service::Vendor;
use std::fmt::Display;
use std::io;
use std::time::{SystemTime, UNIX_EPOCH};
use thiserror::Error;
use tokens::agora::{
    Agent, ApaasApp, ApaasRole, ApaasRoomUser, ApaasUser, Bundle, ChannelName, ChatApp, ChatUser, ChatUserId, Fcdn,
    Fpa, Permissions, ResourceName, Rights, RoomUuid, Rtc, RtcUser, RtcV006, Rtm, Rtm2, RtmUserId, Streaming, Uid,
    UserAccount, UserUuid, Version,
};
use tokens::zego::{Basic, Express, Room, RoomId, RoomPrivileges, StreamId, StreamIds, UserId, Zim, ZimUserId};
use tokens::{Moment, Stamp, Token, agora};

/// Why no token is minted.
#[derive(Debug, Error)]
pub(crate) enum MintError {
    /// A part of the token breaks the vendor's rule.
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The clock or the system's random numbers failed.
    #[error("{0}")]
    System(String),
}

/// Mints one token, prints it, and returns the exit code.
pub(crate) fn run(arguments: Mint) -> io::Result<u8> {
    match mint(arguments.kind) {
        Ok(text) => print(&text).map(|()| exit::DONE),
        Err(failure) => {
            complain(&failure);
            Ok(match failure {
                MintError::Usage(_) => exit::USAGE,
                MintError::Credentials(_) => exit::NO_CREDENTIALS,
                MintError::System(_) => exit::SYSTEM,
            })
        }
    }
}

/// The text for standard output.
fn mint(kind: Kind) -> Result<String, MintError> {
    let rtc_user = |user: &RtcIdentity| match (user.uid, &user.account) {
        (Some(uid), _) => part("--uid", Uid::new(uid)).map(RtcUser::Uid),
        (None, account) => {
            part("--account", UserAccount::new(account.as_deref().unwrap_or_default())).map(RtcUser::Account)
        }
    };
    let rtc = |channel, user: &RtcIdentity, role, lives| {
        let role = match role {
            Role::Subscriber => agora::Role::Subscriber,
            Role::Publisher => agora::Role::Publisher,
        };
        let user = rtc_user(user)?;
        let channel = part("--channel", ChannelName::new(channel))?;
        Ok::<_, MintError>(Rtc { channel, user, rights: Rights::of_role(role, lives) })
    };
    match kind {
        Kind::Rtc { channel, user, role, with, version, lifetime, options } => {
            let rtc = rtc(channel, &user, role, lifetime.expires_in)?;
            let id = rtc.user.to_string();
            if version == Version::V006 {
                if !with.is_empty() {
                    return Err(MintError::Usage("--with: a 006 token holds one service".to_owned()));
                }
                return signed(&RtcV006(rtc), &options);
            }
            let rtm = with.contains(&With::Rtm).then(|| part("--with rtm", RtmUserId::new(&*id))).transpose()?;
            let chat = with.contains(&With::Chat).then(|| part("--with chat", ChatUserId::new(&*id))).transpose()?;
            signed(&Bundle { rtc, rtm, chat }, &options)
        }
        Kind::Rtm { user, version, lifetime, options } => {
            let user = part("--user", RtmUserId::new(user))?;
            signed(&Rtm { user, ttl: lifetime.expires_in, version }, &options)
        }
        Kind::Rtm2 { user, permit, lifetime, options } => {
            let mut named = std::collections::BTreeMap::<_, Vec<ResourceName>>::new();
            for permit in permit {
                let name = part("--permit", ResourceName::new(permit.name))?;
                named.entry((permit.resource, permit.permission)).or_default().push(name);
            }
            let mut permissions = Permissions::default();
            for ((resource, permission), names) in named {
                part("--permit", permissions.permit(resource, permission, names))?;
            }
            let user = part("--user", RtmUserId::new(user))?;
            signed(&Rtm2 { user, permissions, ttl: lifetime.expires_in }, &options)
        }
        Kind::ChatUser { user, lifetime, options } => {
            let user = part("--user", ChatUserId::new(user))?;
            signed(&ChatUser { user, ttl: lifetime.expires_in }, &options)
        }
        Kind::ChatApp { lifetime, options } => signed(&ChatApp { ttl: lifetime.expires_in }, &options),
        Kind::Agent { service, channel, user, role, rtm_user, lifetime, options } => {
            let service = match service {
                Product::Convoai => agora::Product::ConvoAi,
                Product::Stt => agora::Product::Stt,
            };
            let rtc = rtc(channel, &user, role, lifetime.expires_in)?;
            let rtm = part("--rtm-user", RtmUserId::new(rtm_user.unwrap_or_else(|| rtc.user.to_string())))?;
            signed(&Agent::of_product(service, rtc, rtm), &options)
        }
        Kind::Streaming { channel, user, lifetime, options } => {
            let (channel, account) = (part("--channel", ChannelName::new(channel))?, rtc_user(&user)?);
            let ttl = lifetime.expires_in;
            let (publish_mixed_stream, publish_raw_stream) = (Some(ttl), Some(ttl));
            signed(&Streaming { channel, account, publish_mixed_stream, publish_raw_stream, ttl }, &options)
        }
        Kind::Fcdn { channel, user, play_only, lifetime, options } => {
            let (channel, account) = (part("--channel", ChannelName::new(channel))?, rtc_user(&user)?);
            let ttl = lifetime.expires_in;
            signed(&Fcdn { channel, account, publish: (!play_only).then_some(ttl), play: Some(ttl), ttl }, &options)
        }
        Kind::Fpa { options } => signed(&Fpa, &options),
        Kind::ApaasRoomUser { room, user, role, lifetime, options } => {
            let (room, user) = (part("--room", RoomUuid::new(room))?, part("--user", UserUuid::new(user))?);
            let role = part("--role", ApaasRole::new(role))?;
            signed(&ApaasRoomUser { room, user, role, ttl: lifetime.expires_in }, &options)
        }
        Kind::ApaasUser { user, lifetime, options } => {
            let user = part("--user", UserUuid::new(user))?;
            signed(&ApaasUser { user, ttl: lifetime.expires_in }, &options)
        }
        Kind::ApaasApp { lifetime, options } => signed(&ApaasApp { ttl: lifetime.expires_in }, &options),
        Kind::Express { user, room, no_publish, stream_ids, lifetime, options } => {
            let (user, ttl) = (part("--user", UserId::new(user))?, lifetime.expires_in);
            let Some(room) = room else { return signed(&Express::Basic(Basic { user, ttl }), &options) };
            let room = part("--room", RoomId::new(room))?;
            let ids = stream_ids.into_iter().map(|id| part("--stream-id", StreamId::new(id)));
            let stream_ids = part("--stream-id", StreamIds::new(ids.collect::<Result<_, _>>()?))?;
            let privileges = RoomPrivileges { login: true, publish: !no_publish };
            signed(&Express::Room(Room { user, room, privileges, stream_ids, ttl }), &options)
        }
        Kind::Zim { user, lifetime, options } => {
            let user = part("--user", ZimUserId::new(user))?;
            signed(&Zim { user, ttl: lifetime.expires_in }, &options)
        }
    }
}

/// Checks the part of a token that comes from this argument.
fn part<T>(argument: &str, checked: Result<T, impl Display>) -> Result<T, MintError> {
    checked.map_err(|error| MintError::Usage(format!("{argument}: {error}")))
}

/// Signs with the vendor's key, now.
fn signed<T: Token>(token: &T, options: &MintOptions) -> Result<String, MintError>
where
    T::Key: Terminal,
{
    #[derive(Serialize)]
    struct Answer<'a, A, F> {
        token: &'a str,
        kind: &'a str,
        app_id: A,
        #[serde(flatten)]
        facts: F,
        issued_at: Moment,
        expires_at: u32,
        expires_in: u32,
    }
    let key = load::<T::Key>(&options.credentials, options.app_id.as_deref())?;
    let key = key.ok_or_else(|| {
        CredentialsError(format!(
            "there are no credentials: set {} and {}, or see --help",
            T::Key::APP_ID,
            T::Key::SECRET
        ))
    })?;
    let key = T::Key::whole(key)
        .ok_or_else(|| CredentialsError(format!("the app id is missing: set {} or give --app-id", T::Key::APP_ID)))?;
    if let Some(id) = options.app_id.as_deref().filter(|id| *id != key.app_id().to_string()) {
        return Err(MintError::Usage(format!("--app-id: the credentials are those of {}, not of {id}", key.app_id())));
    }
    let mut randomness = [0; Stamp::RANDOMNESS_BYTES];
    getrandom::fill(&mut randomness).map_err(|error| MintError::System(error.to_string()))?;
    let signed = token.sign(Stamp::new(now().map_err(MintError::System)?, randomness), &key);
    if !options.json {
        return Ok(signed.expose().to_owned());
    }
    let answer = Answer {
        token: signed.expose(),
        kind: token.kind(),
        app_id: key.app_id(),
        facts: token.facts(signed.issued_at()),
        issued_at: signed.issued_at(),
        expires_at: signed.expires_at(),
        expires_in: signed.ttl().as_seconds(),
    };
    show::json(&answer).map_err(|error| MintError::System(error.to_string()))
}

/// The present moment.
///
/// # Errors
/// The clock is before 1970, or so late that a lifetime no longer fits into 32 bits.
pub(crate) fn now() -> Result<Moment, String> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|_| "this machine's clock is before 1970")?;
    Moment::from_unix_seconds(since.as_secs()).map_err(|error| error.to_string())
}
