//! agora-token-service's `POST /getToken`: a token for RTC, for RTM or for Chat. Agora's middleware has the same route at
//! `POST /token/getNew`.

use super::{Ask, grant, no_app_token};
use crate::rtc::{AskPrivileges, With};
use crate::{chat_user, rtc, rtm};
use service::params::{Asked, Companion, Param, ParamError, Params, RoleWord, Sent};
use service::{Dialect, Problem, Route};
use tokens::Ttl;
use tokens::agora::{ChannelName, Key, Role, RtcUser, RtmUserId, UserAccount, Version};

pub(super) fn route(path: &'static str) -> Route<Key> {
    Route::post(path, parse, grant).with_or_without_last_slash().drop_in(Dialect::TokenServicePost)
}

/// Which token.
enum Kind {
    Rtc,
    Rtm,
    Chat,
}

impl Param for Kind {
    fn of_text(text: &str) -> Result<Kind, ParamError> {
        match text {
            "rtc" => Ok(Kind::Rtc),
            "rtm" => Ok(Kind::Rtm),
            "chat" => Ok(Kind::Chat),
            _ => Err(ParamError::rule("must be one of: rtc rtm chat")),
        }
    }
}

fn parse(params: &mut Params) -> Result<Ask, Problem> {
    let expires_in = params.take_ttl_or_zero("expire")?;
    match params.require("tokenType")? {
        Kind::Rtc => Ok(Ask::Rtc(Box::new(rtc::Ask {
            channel: params.require_sent("channel")?,
            user: Some(params.require_sent("uid")?),
            role: params.take::<RoleWord>("role")?.map_or(Role::Subscriber, |RoleWord(role)| role),
            with: With::default(),
            expires_in,
            privileges: AskPrivileges::OfRole,
        }))),
        Kind::Rtm => {
            if let Some(channel) = params.take_sent("channel")? {
                return stream_channel(params, channel, expires_in);
            }
            let user = params.require_sent("uid")?;
            Ok(Ask::Rtm(rtm::Ask { user, version: Version::V007, expires_in }))
        }
        Kind::Chat => {
            let user = params.take_sent("uid")?.ok_or_else(|| no_app_token("uid"))?;
            Ok(Ask::Chat(chat_user::Ask { user, expires_in }))
        }
    }
}

/// A name that is both a user id of RTM and an account of RTC.
struct StreamChannelUser {
    user: RtmUserId,
    account: UserAccount,
}

impl Param for StreamChannelUser {
    fn of_text(text: &str) -> Result<StreamChannelUser, ParamError> {
        Ok(StreamChannelUser { user: RtmUserId::of_text(text)?, account: UserAccount::of_text(text)? })
    }
}

/// For a user of RTM who also joins a stream channel. The token then also opens RTC, to join and to publish messages.
fn stream_channel(
    params: &mut Params,
    channel: Sent<ChannelName>,
    expires_in: Option<Sent<Ttl>>,
) -> Result<Ask, Problem> {
    let StreamChannelUser { user, account } = params.require("uid")?;
    Ok(Ask::Rtc(Box::new(rtc::Ask {
        channel,
        user: Some(Sent { name: "uid", value: RtcUser::Account(account) }),
        role: Role::Publisher,
        with: With { rtm: Some(Sent { name: "uid", value: Companion::Asked(Asked::Named(user)) }), chat: None },
        expires_in,
        privileges: AskPrivileges::OfStreamChannel,
    })))
}
