//! Agora's tokens: one file per kind, and the two formats they are written in.
//!
//! | kind | lets its holder |
//! |---|---|
//! | [`ChatApp`] | do anything in Agora Chat over REST: for backends only |
//! | [`ChatUser`] | log in to Chat as one user |
//! | [`Rtm`], [`Rtm2`] | log in to RTM (Signaling) as one user. [`Rtm2`] has permissions for single resources. [`AnyRtm`] is one of the two |
//! | [`Rtc`] | join one RTC channel as one user, to listen or to publish |
//! | [`Bundle`] | all of RTC, RTM and Chat for one user in one token |
//! | [`Agent`] | join one RTC channel as an agent, and start it if it is one of Conversational AI or speech to text: for backends only |
//! | [`ApaasRoomUser`] | use one classroom, as one user in one role |
//! | [`ApaasUser`] | use classrooms outside of any room, as one user |
//! | [`ApaasApp`] | do anything in classrooms: for backends only |
//! | [`Streaming`], [`Fcdn`], [`Fpa`] | use Agora's other services |
//!
//! No route serves [`RtcV006`], [`ApaasApp`] and the last row. A Rust program can make them.
//!
//! Ids and names: each type cites the vendor's rule. In all of them `*` is refused, because Agora reads it as a
//! pattern, and so is the empty string, which Agora reads as "any".

mod key;
mod pack;
mod service;
pub(crate) mod access_token2;
pub(crate) mod access_token;
mod chat_app;
mod chat_user;
mod rtm;
mod rtc_user;
mod rtc;
mod bundle;
mod rtm2;
mod any_rtm;
mod user_token;
mod streaming;
mod fcdn;
mod fpa;
mod apaas;
mod agent;

pub use agent::{Agent, Product};
pub use any_rtm::AnyRtm;
pub use apaas::{ApaasApp, ApaasRole, ApaasRoleError, ApaasRoomUser, ApaasUser, RoomUuid, UserUuid, apaas_chat_user};
pub use bundle::Bundle;
pub use chat_app::ChatApp;
pub use chat_user::{ChatUser, ChatUserId};
pub use fcdn::Fcdn;
pub use fpa::Fpa;
pub use key::{AppCertificate, AppId, Key, KeyError};
pub use rtc::{ChannelName, OutlivesTokenError, Privileges, Rights, Role, Rtc, RtcV006};
pub use rtc_user::{RtcUser, Uid, UidError, UserAccount};
pub use rtm::{Rtm, RtmUserId};
pub use rtm2::{Permission, Permissions, Resource, ResourceName, Rtm2, TooManyResourcesError};
pub use service::{Privilege, ServiceType};
pub use streaming::Streaming;
pub use user_token::UserToken;

pub(crate) use access_token::CutProofSalt;
pub(crate) use pack::Unpack;

use serde::Serialize;

/// Which of Agora's two token formats to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub enum Version {
    /// AccessToken, for RTM SDK 1.x and RTC SDKs before 3.5.8.
    #[serde(rename = "006")]
    V006,
    /// AccessToken2, for everything newer.
    #[default]
    #[serde(rename = "007")]
    V007,
}

/// The 89 characters that RTC takes in channel names and user accounts (`joinChannel` in Agora's API reference).
pub(crate) const RTC_CHARACTERS: &str =
    "a-z, A-Z, 0-9, the space and ! # $ % & ( ) + - : ; < = . > ? @ [ ] ^ _ { } | ~ ,";

/// Whether a byte is one of [`RTC_CHARACTERS`].
pub(crate) fn rtc_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b" !#$%&()+-:;<=.>?@[]^_{}|~,".contains(&byte)
}

#[cfg(test)]
mod tests {
    #[test]
    fn rtc_knows_89_characters_and_the_star_is_not_one_of_them() {
        assert_eq!((0..=u8::MAX).filter(|byte| super::rtc_character(*byte)).count(), 89);
        assert!(!super::rtc_character(b'*'));
    }
}
