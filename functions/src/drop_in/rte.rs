//! agora-token-service's `/rte/...`: a token for RTC and one for RTM.

use crate::{rtc, rtm};
use service::params::{Asked, Companion, Params, Sent};
use service::{Caller, Dialect, Problem, Route};
use tokens::agora::{AnyRtm, Bundle, Key, RtmUserId, Version};

pub(super) fn route() -> Route<Key> {
    Route::get_two("/rte/{channel}/{role}/{type}/{uid+}", Ask::parse, grant)
        .with_further(&["rtm_user_id"])
        .drop_in(Dialect::TokenService(&["rtcToken", "rtmToken"]))
}

struct Ask {
    rtc: rtc::Ask,
    /// Who logs in to RTM.
    rtm: Companion<RtmUserId>,
}

impl Ask {
    fn parse(params: &mut Params) -> Result<Ask, Problem> {
        let asked = params.take::<Asked<RtmUserId>>("rtm_user_id")?;
        Ok(Ask {
            rtm: asked.map_or(Companion::Unnamed, Companion::Asked),
            rtc: rtc::Ask::parse_as_token_service(params)?,
        })
    }
}

fn grant(caller: &Caller, Ask { rtc, rtm }: Ask) -> Result<(Bundle, AnyRtm), Problem> {
    let expires_in = rtc.expires_in;
    let bundle = rtc::grant(caller, rtc)?;
    let value = caller.companion(Sent { name: "rtm_user_id", value: rtm }, &bundle.rtc.user, RtmUserId::new)?;
    let user = Sent { name: "rtm_user_id", value: Asked::Named(value) };
    let rtm = rtm::grant(caller, rtm::Ask { user, version: Version::V007, expires_in })?;
    Ok((bundle, rtm))
}
