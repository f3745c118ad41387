//! Lets the caller log in to Agora RTM (Signaling), as themself.

use crate::Example;
use service::params::{Asked, Params, Sent};
use service::{Caller, Dialect, Problem, Route, RtmChannels};
use tokens::Ttl;
use tokens::agora::{AnyRtm, Key, Rtm, Rtm2, RtmUserId, Version};

/// One request for each route of this function.
pub const EXAMPLES: &[Example] = &[
    Example { what: "RTM", path: "/rtm/alice/token", body: None, drop_in: false },
    Example { what: "RTM 1.x", path: "/fetch_rtm_token", body: Some(r#"{"uid":"1234"}"#), drop_in: false },
    Example { what: "RTM, as agora-token-service is asked", path: "/rtm/alice/", body: None, drop_in: true },
];

/// The routes that this function serves.
pub fn routes() -> [Route<Key>; 3] {
    [
        Route::get("/rtm/{user_id}/token", Ask::parse, grant),
        Route::post("/fetch_rtm_token", Ask::parse_as_in_the_tutorial, grant).as_token_and_code(),
        as_token_service(),
    ]
}

/// agora-token-service's route for RTM.
pub(crate) fn as_token_service() -> Route<Key> {
    Route::get("/rtm/{user_id+}", Ask::parse_as_token_service, grant).drop_in(Dialect::TokenService(&["rtmToken"]))
}

pub(crate) struct Ask {
    pub(crate) user: Sent<Asked<RtmUserId>>,
    pub(crate) version: Version,
    pub(crate) expires_in: Option<Sent<Ttl>>,
}

impl Ask {
    fn parse(params: &mut Params) -> Result<Ask, Problem> {
        Ok(Ask {
            user: params.require_sent("user_id")?,
            version: params.take("version")?.unwrap_or_default(),
            expires_in: params.take_sent("expires_in")?,
        })
    }

    fn parse_as_token_service(params: &mut Params) -> Result<Ask, Problem> {
        Ok(Ask {
            user: params.require_sent("user_id")?,
            version: Version::V007,
            expires_in: params.take_sent("expiry")?,
        })
    }

    /// The vendor's tutorial is written for RTM SDK 1.x. It calls the user `uid` and expects the older format. If that
    /// format is refused, its clients get no token: a token of another version might not work with their SDK.
    fn parse_as_in_the_tutorial(params: &mut Params) -> Result<Ask, Problem> {
        Ok(Ask {
            user: params.require_sent("uid")?,
            version: params.take("version")?.unwrap_or(Version::V006),
            expires_in: params.take_sent("expires_in")?,
        })
    }
}

/// Every caller may log in to RTM as themself. A token without permissions opens every message channel. So if the caller's
/// rooms are limited, the configuration decides: no token, a token without permissions, or one with permissions for the
/// channels that the claim lists by their full names.
pub(crate) fn grant(caller: &Caller, ask: Ask) -> Result<AnyRtm, Problem> {
    let parameter = ask.user.name;
    let user = caller.user(ask.user, RtmUserId::new)?;
    let version = caller.rtm_version(ask.version)?;
    let channels = caller.rtm_channels(parameter)?;
    let ttl = caller.ttl(ask.expires_in)?;
    Ok(match channels {
        RtmChannels::Every => AnyRtm::Rtm(Rtm { user, ttl, version }),
        RtmChannels::Only(permissions) => AnyRtm::Rtm2(Rtm2 { user, permissions, ttl }),
    })
}
