//! Tokens for agents: programs that take part in a channel, such as a recorder, a bot, or an agent of Conversational AI. An
//! agent is no user. So only backends get its token, and they name its uid.

use crate::{Example, rtc};
use service::params::{Param, ParamError, Params, Sent};
use service::{Backend, Problem, Route};
use tokens::Ttl;
use tokens::agora::{Agent, ChannelName, Key, Product, Rights, Role, Rtc, RtcUser, RtmUserId};

/// One request for each route of this function.
pub const EXAMPLES: &[Example] = &[Example {
    what: "RTC and RTM, an agent of Conversational AI",
    path: "/rtc/demo/agent-token",
    body: Some(r#"{"uid":9,"service":"convoai","rtm_user_id":"9","role":"publisher"}"#),
    drop_in: false,
}];

/// The route that this function serves. The function for users does not serve it, so that function believes no IAM identity.
/// Nobody who may invoke it gets a token without a user's JWT.
pub fn routes() -> [Route<Key>; 1] {
    [Route::post("/rtc/{channel}/agent-token", Ask::parse, grant)]
}

struct Ask {
    channel: ChannelName,
    user: RtcUser,
    role: Role,
    kind: Kind,
    expires_in: Option<Sent<Ttl>>,
}

enum Kind {
    Plain { rtm: Option<RtmUserId> },
    OfProduct { product: Product, rtm: RtmUserId },
}

/// A product, by the name that the parameter `service` has for it.
struct Service(Product);

impl Param for Service {
    fn of_text(text: &str) -> Result<Service, ParamError> {
        match text {
            "convoai" => Ok(Service(Product::ConvoAi)),
            "stt" => Ok(Service(Product::Stt)),
            _ => Err(ParamError::rule("must be one of: convoai stt")),
        }
    }
}

impl Ask {
    fn parse(params: &mut Params) -> Result<Ask, Problem> {
        let kind = match (params.take("service")?, params.take("rtm_user_id")?) {
            (None, rtm) => Kind::Plain { rtm },
            (Some(Service(product)), Some(rtm)) => Kind::OfProduct { product, rtm },
            (Some(_), None) => return Err(Problem::bad_parameter("rtm_user_id", "is required with service")),
        };
        let user = rtc::parse_user(params)?.ok_or_else(|| {
            let rule = "this or account is required, because the service assigns no uid to an agent";
            Problem::bad_parameter("uid", rule)
        })?;
        Ok(Ask {
            channel: params.require("channel")?,
            user: user.value,
            role: params.take("role")?.unwrap_or_default(),
            kind,
            expires_in: params.take_sent("expires_in")?,
        })
    }
}

/// Every backend that may call this route gets a token for any agent in any channel. A wildcard cannot be described.
fn grant(backend: &Backend, ask: Ask) -> Result<Agent, Problem> {
    let ttl = backend.ttl(ask.expires_in)?;
    let rtc = Rtc { channel: ask.channel, user: ask.user, rights: Rights::of_role(ask.role, ttl) };
    Ok(match ask.kind {
        Kind::Plain { rtm } => Agent::plain(rtc, rtm),
        Kind::OfProduct { product, rtm } => Agent::of_product(product, rtc, rtm),
    })
}
