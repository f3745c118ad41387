//! Lets the caller into one Agora RTC channel, as themself. On request the same token also opens RTM and Chat.

use crate::Example;
use service::params::{Companion, Params, Service};
use service::{Caller, Problem, Route};
use tokens::Ttl;
use tokens::agora::{Bundle, ChannelName, ChatUserId, Key, Privileges, Rights, Role, Rtc, RtcUser, RtmUserId};

/// One request for each route of this function.
pub const EXAMPLES: &[Example] = &[
    Example { what: "RTC", path: "/rtc/demo/token?account=alice", body: None },
    Example {
        what: "RTC, a lifetime per privilege",
        path: "/rtc/demo/token",
        body: Some(
            r#"{"uid":1234,"role":"publisher","expires_in":900,"privileges":{"join_channel":900,"publish_audio":600}}"#,
        ),
    },
];

/// The routes that this function serves.
pub fn routes() -> [Route<Key>; 2] {
    [Route::get("/rtc/{channel}/token", Ask::parse, grant), Route::post("/rtc/{channel}/token", Ask::parse, grant)]
}

/// Whom the token also lets into RTM and Chat.
#[derive(Default)]
struct With {
    rtm: Option<Companion<RtmUserId>>,
    chat: Option<Companion<ChatUserId>>,
}

impl With {
    /// A list of services, or an object that says for each service who its user is.
    fn parse(params: &mut Params) -> Result<With, Problem> {
        if params.is_object("with") {
            let with = params.take_object("with", |services| {
                Ok(With {
                    rtm: services.take("rtm")?.map(Companion::Asked),
                    chat: services.take("chat")?.map(Companion::Asked),
                })
            })?;
            return Ok(with.unwrap_or_default());
        }
        let services = params.take_comma_list("with")?.unwrap_or_default();
        Ok(With {
            rtm: services.contains(&Service::Rtm).then_some(Companion::Unnamed),
            chat: services.contains(&Service::Chat).then_some(Companion::Unnamed),
        })
    }
}

fn parse_user(params: &mut Params) -> Result<Option<RtcUser>, Problem> {
    match (params.take("uid")?, params.take("account")?) {
        (Some(_), Some(_)) => Err(Problem::bad_parameter("account", "must not be given together with uid")),
        (uid, account) => Ok(uid.map(RtcUser::Uid).or(account.map(RtcUser::Account))),
    }
}

struct Ask {
    channel: ChannelName,
    user: Option<RtcUser>,
    role: Role,
    with: With,
    expires_in: Option<Ttl>,
    privileges: Option<Privileges>,
}

impl Ask {
    fn parse(params: &mut Params) -> Result<Ask, Problem> {
        Ok(Ask {
            channel: params.require("channel")?,
            user: parse_user(params)?,
            role: params.take("role")?.unwrap_or_default(),
            with: With::parse(params)?,
            expires_in: params.take("expires_in")?,
            privileges: params.take_object("privileges", |lifetimes| {
                Ok(Privileges {
                    join_channel: lifetimes.require("join_channel")?,
                    publish_audio: lifetimes.take("publish_audio")?,
                    publish_video: lifetimes.take("publish_video")?,
                    publish_data_stream: lifetimes.take("publish_data_stream")?,
                })
            })?,
        })
    }

    /// The rights of the role. If the request lists privileges, exactly these, and they must agree with the role.
    fn rights(&self, ttl: Ttl) -> Result<Rights, Problem> {
        let wrong = |rule: &dyn std::fmt::Display| Problem::bad_parameter("privileges", rule);
        let Some(privileges) = self.privileges else { return Ok(Rights::of_role(self.role, ttl)) };
        let rights = Rights::new(ttl, privileges).map_err(|outlives| wrong(&outlives))?;
        match (self.role, rights.role()) {
            (Role::Subscriber, Role::Publisher) => Err(wrong(&"only the role publisher has publish privileges")),
            (Role::Publisher, Role::Subscriber) => Err(wrong(&"the role publisher needs one to publish something")),
            _ => Ok(rights),
        }
    }
}

/// Every caller who may enter the channel may listen. Publishing needs a permission of its own.
fn grant(caller: &Caller, ask: Ask) -> Result<Bundle, Problem> {
    // Refuse a wrong request first. Then shorten the lifetimes to what the caller's JWT allows.
    let rights = ask.rights(caller.ttl_regardless_of_jwt(ask.expires_in)?)?;
    let rights = rights.shortened(caller.ttl(ask.expires_in)?);
    if rights.role() == Role::Publisher {
        caller.may_publish("role")?;
    }
    let user = caller.rtc_user(ask.user)?;
    let With { rtm, chat } = ask.with;
    // The RTC part of the token names one channel, but its RTM part opens every message channel.
    if rtm.is_some() {
        caller.every_message_channel("with")?;
    }
    Ok(Bundle {
        rtm: rtm.map(|rtm| caller.companion("with", rtm, &user, RtmUserId::new)).transpose()?,
        chat: chat.map(|chat| caller.companion("with", chat, &user, ChatUserId::new)).transpose()?,
        rtc: Rtc { channel: caller.room("channel", ask.channel)?, user, rights },
    })
}
