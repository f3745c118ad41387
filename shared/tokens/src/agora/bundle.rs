//! RTC, RTM and Chat in one token.

use super::{ChatUserId, Key, Rtc, RtmUserId, access_token2, chat_user, rtm};
use crate::{Moment, Signed, Stamp, Token, Ttl};
use serde::Serialize;

/// Lets one user into an RTC channel and, with the same token, into RTM and Chat: one request, one renewal.
///
/// Without RTM and Chat it has the same bytes as the [`Rtc`] token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// The channel, the user and the rights in it. Its lifetime is the whole token's.
    pub rtc: Rtc,
    /// Who logs in to RTM, if anybody.
    pub rtm: Option<RtmUserId>,
    /// Who logs in to Chat, if anybody.
    pub chat: Option<ChatUserId>,
}

impl Token for Bundle {
    type Key = Key;

    fn kind(&self) -> &'static str {
        self.rtc.kind()
    }

    fn ttl(&self) -> Ttl {
        self.rtc.ttl()
    }

    fn good_for(&self) -> Ttl {
        self.rtc.good_for()
    }

    fn sign(&self, stamp: Stamp, key: &Key) -> Signed {
        let ttl = self.ttl();
        access_token2::sign(key, stamp, ttl, |services| {
            self.rtc.write(services);
            if let Some(user) = &self.rtm {
                rtm::write(services, user.as_str(), ttl);
            }
            if let Some(user) = &self.chat {
                chat_user::write(services, user.as_str(), ttl);
            }
        })
    }

    fn facts(&self, issued_at: Moment) -> impl Serialize {
        #[derive(Serialize)]
        struct Facts<'a> {
            #[serde(flatten)]
            rtc: super::rtc::RtcFacts<'a>,
            #[serde(skip_serializing_if = "Option::is_none")]
            rtm: Option<UserFacts<&'a RtmUserId>>,
            #[serde(skip_serializing_if = "Option::is_none")]
            chat: Option<UserFacts<&'a ChatUserId>>,
        }
        Facts {
            rtc: self.rtc.rtc_facts(issued_at),
            rtm: self.rtm.as_ref().map(|user_id| UserFacts { user_id }),
            chat: self.chat.as_ref().map(|user_id| UserFacts { user_id }),
        }
    }
}

/// What a client must know about a service beside RTC.
#[derive(Serialize)]
pub(super) struct UserFacts<T> {
    pub(super) user_id: T,
}
