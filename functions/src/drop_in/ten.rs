//! TEN framework's `POST /token/generate`: RTC and RTM in one token. Its users publish.

use crate::rtc::{self, AskPrivileges, With};
use service::params::{Companion, Params, Sent};
use service::{Dialect, Problem, Route};
use tokens::agora::{Key, Role, RtcUser};

pub(super) fn route() -> Route<Key> {
    Route::post("/token/generate", parse, rtc::grant).if_body_has(&["request_id", "channel_name"]).drop_in(Dialect::Ten)
}

fn parse(params: &mut Params) -> Result<rtc::Ask, Problem> {
    Ok(rtc::Ask {
        channel: params.require_sent("channel_name")?,
        user: Some(params.require_sent("uid")?.map(RtcUser::Uid)),
        role: Role::Publisher,
        with: With { rtm: Some(Sent { name: "uid", value: Companion::Unnamed }), chat: None },
        expires_in: None,
        privileges: AskPrivileges::OfRole,
    })
}
