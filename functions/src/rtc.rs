//! Lets the caller into one Agora RTC channel, as themself. On request the same token also opens RTM and Chat.

use crate::Example;
use service::params::{Asked, Companion, Params, RoleWord, RtcUserForm, Sent, Service};
use service::{Caller, Dialect, Problem, Route};
use tokens::Ttl;
use tokens::agora::{Bundle, ChannelName, ChatUserId, Key, Privileges, Rights, Role, Rtc, RtcUser, RtmUserId};

/// One request for each route of this function.
pub const EXAMPLES: &[Example] = &[
    Example { what: "RTC", path: "/rtc/demo/token?account=alice", body: None, drop_in: false },
    Example {
        what: "RTC, a lifetime per privilege",
        path: "/rtc/demo/token",
        body: Some(
            r#"{"uid":1234,"role":"publisher","expires_in":900,"privileges":{"join_channel":900,"publish_audio":600}}"#,
        ),
        drop_in: false,
    },
    Example {
        what: "RTC, as Agora's documentation asks",
        path: "/fetch_rtc_token",
        body: Some(r#"{"uid":1234,"channelName":"demo","role":1}"#),
        drop_in: true,
    },
    Example {
        what: "RTC, as agora-token-service is asked",
        path: "/rtc/demo/publisher/uid/1234/",
        body: None,
        drop_in: true,
    },
];

/// The routes that this function serves.
pub fn routes() -> [Route<Key>; 4] {
    [
        Route::get("/rtc/{channel}/token", Ask::parse, grant),
        Route::post("/rtc/{channel}/token", Ask::parse, grant),
        Route::post("/fetch_rtc_token", Ask::parse_as_in_the_docs, grant).drop_in(Dialect::AgoraDocs),
        as_token_service(),
    ]
}

/// agora-token-service's route for RTC.
pub(crate) fn as_token_service() -> Route<Key> {
    Route::get("/rtc/{channel}/{role}/{type}/{uid+}", Ask::parse_as_token_service, grant)
        .drop_in(Dialect::TokenService(&["rtcToken"]))
}

/// The users for whom the token also opens RTM and Chat.
#[derive(Default)]
pub(crate) struct With {
    pub(crate) rtm: Option<Sent<Companion<RtmUserId>>>,
    pub(crate) chat: Option<Sent<Companion<ChatUserId>>>,
}

impl With {
    /// A list of services, or an object that says for each service who its user is.
    fn parse(params: &mut Params) -> Result<With, Problem> {
        if params.is_object("with") {
            let with = params.take_object("with", |services| {
                let rtm = services.take::<Asked<RtmUserId>>("rtm")?.map(Companion::Asked);
                let chat = services.take::<Asked<ChatUserId>>("chat")?.map(Companion::Asked);
                Ok(With {
                    rtm: rtm.map(|value| Sent { name: "with.rtm", value }),
                    chat: chat.map(|value| Sent { name: "with.chat", value }),
                })
            })?;
            return Ok(with.unwrap_or_default());
        }
        let services = params.take_comma_list("with")?.unwrap_or_default();
        let with = |service| services.contains(&service);
        Ok(With {
            rtm: with(Service::Rtm).then_some(Sent { name: "with", value: Companion::Unnamed }),
            chat: with(Service::Chat).then_some(Sent { name: "with", value: Companion::Unnamed }),
        })
    }
}

impl AskPrivileges {
    fn parse(params: &mut Params) -> Result<AskPrivileges, Problem> {
        let listed = params.take_object("privileges", |lifetimes| {
            Ok(Privileges {
                join_channel: lifetimes.require("join_channel")?,
                publish_audio: lifetimes.take("publish_audio")?,
                publish_video: lifetimes.take("publish_video")?,
                publish_data_stream: lifetimes.take("publish_data_stream")?,
            })
        })?;
        let sent = listed.map(|value| Sent { name: "privileges", value });
        Ok(sent.map_or(AskPrivileges::OfRole, AskPrivileges::Listed))
    }
}

pub(crate) struct Ask {
    pub(crate) channel: Sent<ChannelName>,
    pub(crate) user: Option<Sent<RtcUser>>,
    pub(crate) role: Role,
    pub(crate) with: With,
    pub(crate) expires_in: Option<Sent<Ttl>>,
    pub(crate) privileges: AskPrivileges,
}

/// Who joins: `uid` or `account`, and not both.
pub(crate) fn parse_user(params: &mut Params) -> Result<Option<Sent<RtcUser>>, Problem> {
    match (params.take_sent("uid")?, params.take_sent("account")?) {
        (Some(_), Some(_)) => Err(Problem::bad_parameter("account", "must not be given together with uid")),
        (uid, account) => {
            Ok(uid.map(|uid| uid.map(RtcUser::Uid)).or(account.map(|account| account.map(RtcUser::Account))))
        }
    }
}

/// The privileges that a request asks for.
pub(crate) enum AskPrivileges {
    /// All that the role has.
    OfRole,
    /// These, which this parameter lists.
    Listed(Sent<Privileges>),
    /// To join a stream channel of RTM, and to send messages there.
    OfStreamChannel,
}

impl Ask {
    fn parse(params: &mut Params) -> Result<Ask, Problem> {
        Ok(Ask {
            channel: params.require_sent("channel")?,
            user: parse_user(params)?,
            role: params.take("role")?.unwrap_or_default(),
            with: With::parse(params)?,
            expires_in: params.take_sent("expires_in")?,
            privileges: AskPrivileges::parse(params)?,
        })
    }

    /// The documentation's server is written in Go. Go's JSON decoder does not tell upper and lower case in names apart.
    fn parse_as_in_the_docs(params: &mut Params) -> Result<Ask, Problem> {
        let missing = |name| Problem::bad_parameter(name, "is required");
        let channel = params.take_in_any_case("channelName")?.ok_or_else(|| missing("channelName"))?;
        let role = params.take_in_any_case::<RoleWord>("role")?.ok_or_else(|| missing("role"))?;
        let user = params.take_in_any_case("uid")?.ok_or_else(|| missing("uid"))?;
        Ok(Ask {
            channel: Sent { name: "channelName", value: channel },
            user: Some(Sent { name: "uid", value: RtcUser::Uid(user) }),
            role: role.0,
            with: With::default(),
            expires_in: params.take_sent("expires_in")?,
            privileges: AskPrivileges::OfRole,
        })
    }

    /// The path has all parameters but the lifetime.
    pub(crate) fn parse_as_token_service(params: &mut Params) -> Result<Ask, Problem> {
        Ok(Ask {
            channel: params.require_sent("channel")?,
            role: params.require::<RoleWord>("role")?.0,
            user: Some(match params.require("type")? {
                RtcUserForm::Uid => params.require_sent("uid")?.map(RtcUser::Uid),
                RtcUserForm::Account => params.require_sent("uid")?.map(RtcUser::Account),
            }),
            with: With::default(),
            expires_in: params.take_sent("expiry")?,
            privileges: AskPrivileges::OfRole,
        })
    }

    /// The rights of the role. If the request lists privileges, exactly these, and they must agree with the role.
    fn rights(&self, ttl: Ttl) -> Result<Rights, Problem> {
        let Sent { name, value } = match self.privileges {
            AskPrivileges::OfRole => return Ok(Rights::of_role(self.role, ttl)),
            AskPrivileges::OfStreamChannel => return Ok(Rights::of_stream_channel(ttl)),
            AskPrivileges::Listed(sent) => sent,
        };
        let wrong = |rule: &dyn std::fmt::Display| Problem::bad_parameter(name, rule);
        let rights = Rights::new(ttl, value).map_err(|outlives| wrong(&outlives))?;
        match (self.role, rights.role()) {
            (Role::Subscriber, Role::Publisher) => Err(wrong(&"only the role publisher has publish privileges")),
            (Role::Publisher, Role::Subscriber) => Err(wrong(&"the role publisher needs one to publish something")),
            _ => Ok(rights),
        }
    }
}

/// Every caller who may enter the channel may listen. Publishing needs a permission of its own.
pub(crate) fn grant(caller: &Caller, ask: Ask) -> Result<Bundle, Problem> {
    // Refuse a wrong request first. Then shorten the lifetimes to what the caller's JWT allows.
    let rights = ask.rights(caller.ttl_regardless_of_jwt(ask.expires_in)?)?;
    let rights = rights.shortened(caller.ttl(ask.expires_in)?);
    if rights.role() == Role::Publisher {
        caller.may_publish("role")?;
    }
    let user = caller.rtc_user(ask.user)?;
    let With { rtm, chat } = ask.with;
    // The RTC part of the token names one channel, but its RTM part opens every message channel.
    if let Some(rtm) = &rtm {
        caller.every_message_channel(rtm.name)?;
    }
    Ok(Bundle {
        rtm: rtm.map(|rtm| caller.companion(rtm, &user, RtmUserId::new)).transpose()?,
        chat: chat.map(|chat| caller.companion(chat, &user, ChatUserId::new)).transpose()?,
        rtc: Rtc { channel: caller.room(ask.channel.name, ask.channel.value)?, user, rights },
    })
}
