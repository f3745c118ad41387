//! Lets the caller log in to Agora RTM (Signaling), as themself.

use crate::Example;
use service::params::{Asked, Params};
use service::{Caller, Problem, Route};
use tokens::Ttl;
use tokens::agora::{Key, Rtm, RtmUserId, Version};

/// One request for each route of this function.
pub const EXAMPLES: &[Example] = &[
    Example { what: "RTM", path: "/rtm/alice/token", body: None },
    Example { what: "RTM 1.x", path: "/fetch_rtm_token", body: Some(r#"{"uid":"1234"}"#) },
];

/// The routes that this function serves.
pub fn routes() -> [Route<Key>; 2] {
    [
        Route::get("/rtm/{user_id}/token", Ask::parse, grant),
        Route::post("/fetch_rtm_token", Ask::parse_as_in_the_tutorial, grant).as_token_and_code(),
    ]
}

struct Ask {
    user_id: Asked<RtmUserId>,
    version: Version,
    expires_in: Option<Ttl>,
}

impl Ask {
    fn parse(params: &mut Params) -> Result<Ask, Problem> {
        Ok(Ask {
            user_id: params.require("user_id")?,
            version: params.take("version")?.unwrap_or_default(),
            expires_in: params.take("expires_in")?,
        })
    }

    /// The vendor's tutorial is written for RTM SDK 1.x. It calls the user `uid` and expects the older format. If that
    /// format is refused, its clients get no token: a token of another version might not work with their SDK.
    fn parse_as_in_the_tutorial(params: &mut Params) -> Result<Ask, Problem> {
        Ok(Ask {
            user_id: params.require("uid")?,
            version: params.take("version")?.unwrap_or(Version::V006),
            expires_in: params.take("expires_in")?,
        })
    }
}

/// Every caller may log in to RTM as themself. But if rooms are limited, nobody may, unless the configuration allows
/// it: an RTM token opens every message channel.
fn grant(caller: &Caller, ask: Ask) -> Result<Rtm, Problem> {
    let user = caller.user("user_id", ask.user_id, RtmUserId::new)?;
    let version = caller.rtm_version(ask.version)?;
    caller.every_message_channel("user_id")?;
    Ok(Rtm { user, ttl: caller.ttl(ask.expires_in)?, version })
}
