//! The RTC token.

use super::access_token2::{self, Services};
use super::{Key, RTC_CHARACTERS, access_token, rtc_character};
use super::{Privilege, RtcUser, ServiceType, Uid, UserAccount};
use crate::name::{Rule, name, no_further_rule};
use crate::{Moment, Signed, Stamp, Token, Ttl};
use serde::Serialize;
use thiserror::Error;

name!(
    /// An RTC channel name: 1 to 64 bytes of RTC's 89 characters (`joinChannel` in Agora's API reference). Agora
    /// reads an empty name as any channel, and a name with `*` as a pattern. So both are refused.
    ChannelName,
    Rule {
        what: "an RTC channel name",
        max_bytes: 64,
        characters: RTC_CHARACTERS,
        allows: rtc_character,
        star_is_wildcard: true,
        also: no_further_rule,
    }
);

/// What the vendor's builders call a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Joins the channel. Agora stops it from publishing only if *co-host authentication* is on for the project.
    #[default]
    Subscriber,
    /// Joins the channel and publishes.
    Publisher,
}

/// RTC's privileges, each with its own lifetime. `None`: not granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Privileges {
    /// How long the user may enter the channel.
    pub join_channel: Ttl,
    /// How long the user may send audio.
    pub publish_audio: Option<Ttl>,
    /// How long the user may send video.
    pub publish_video: Option<Ttl>,
    /// How long the user may send messages on a data stream.
    pub publish_data_stream: Option<Ttl>,
}

impl Privileges {
    /// All that a role has, for this lifetime.
    pub fn of_role(role: Role, lives: Ttl) -> Privileges {
        let publish = (role == Role::Publisher).then_some(lives);
        Privileges { join_channel: lives, publish_audio: publish, publish_video: publish, publish_data_stream: publish }
    }

    fn granted(self) -> impl Iterator<Item = (u16, Ttl)> {
        access_token2::granted([
            (Privilege::JOIN_CHANNEL, Some(self.join_channel)),
            (Privilege::PUBLISH_AUDIO, self.publish_audio),
            (Privilege::PUBLISH_VIDEO, self.publish_video),
            (Privilege::PUBLISH_DATA_STREAM, self.publish_data_stream),
        ])
    }
}

/// A token's lifetime and its privileges. No privilege lives longer than the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rights {
    ttl: Ttl,
    privileges: Privileges,
}

impl Rights {
    /// All that a role has, for the token's whole life.
    pub fn of_role(role: Role, ttl: Ttl) -> Rights {
        Rights { ttl, privileges: Privileges::of_role(role, ttl) }
    }

    /// To join a stream channel of RTM (Signaling) and to send messages there, for the token's whole life. The vendor's
    /// go-tokenbuilder gives the same.
    pub fn of_stream_channel(ttl: Ttl) -> Rights {
        let privileges =
            Privileges { join_channel: ttl, publish_audio: None, publish_video: None, publish_data_stream: Some(ttl) };
        Rights { ttl, privileges }
    }

    /// Exactly these privileges in a token that lives for `ttl`.
    ///
    /// # Errors
    /// Refuses a privilege that would live longer than the token: nobody could use the rest of it.
    pub fn new(ttl: Ttl, privileges: Privileges) -> Result<Rights, OutlivesTokenError> {
        if privileges.granted().any(|(_, lives)| lives > ttl) {
            return Err(OutlivesTokenError);
        }
        Ok(Rights { ttl, privileges })
    }

    /// The same rights in a token that lives no longer than `ttl`. A privilege that would live longer ends with the token.
    #[must_use]
    pub fn shortened(self, ttl: Ttl) -> Rights {
        let Privileges { join_channel, publish_audio, publish_video, publish_data_stream } = self.privileges;
        let shorter = |lives: Ttl| lives.min(ttl);
        let privileges = Privileges {
            join_channel: shorter(join_channel),
            publish_audio: publish_audio.map(shorter),
            publish_video: publish_video.map(shorter),
            publish_data_stream: publish_data_stream.map(shorter),
        };
        Rights { ttl: shorter(self.ttl), privileges }
    }

    /// How long the token lives.
    pub fn ttl(&self) -> Ttl {
        self.ttl
    }

    /// How long until the first privilege ends.
    fn good_for(&self) -> Ttl {
        self.privileges.granted().map(|(_, lives)| lives).min().unwrap_or(self.ttl)
    }

    /// A user who may publish anything is a publisher.
    pub fn role(&self) -> Role {
        let Privileges { join_channel: _, publish_audio, publish_video, publish_data_stream } = self.privileges;
        match publish_audio.or(publish_video).or(publish_data_stream) {
            Some(_) => Role::Publisher,
            None => Role::Subscriber,
        }
    }
}

/// A privilege that is to live longer than its token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("no privilege may live longer than the token")]
pub struct OutlivesTokenError;

/// Lets one user into one RTC channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rtc {
    /// The channel it opens.
    pub channel: ChannelName,
    /// As whom.
    pub user: RtcUser,
    /// To do what, for how long.
    pub rights: Rights,
}

/// An [`Rtc`] token in the older format, for RTC SDKs before 3.5.8. No route serves it: make it in Rust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RtcV006(pub Rtc);

impl Rtc {
    /// The RTC service, also in tokens of several services.
    pub(super) fn write(&self, services: &mut Services<'_>) {
        let privileges = access_token2::in_seconds(self.rights.privileges.granted());
        let user = &mut itoa::Buffer::new();
        services.add(ServiceType::Rtc, privileges).text(self.channel.as_str()).text(self.user.as_str(user));
    }

    /// What the client must know to join.
    pub(super) fn rtc_facts(&self, issued_at: Moment) -> RtcFacts<'_> {
        let (uid, account) = match &self.user {
            RtcUser::Uid(uid) => (Some(*uid), None),
            RtcUser::Account(account) => (None, Some(account)),
        };
        let until = |lives| Until { expires_at: issued_at.plus(lives) };
        let privileges = &self.rights.privileges;
        RtcFacts {
            channel: &self.channel,
            uid,
            account,
            role: self.rights.role(),
            privileges: PrivilegeFacts {
                join_channel: until(privileges.join_channel),
                publish_audio: privileges.publish_audio.map(until),
                publish_video: privileges.publish_video.map(until),
                publish_data_stream: privileges.publish_data_stream.map(until),
            },
        }
    }
}

impl Token for Rtc {
    type Key = Key;

    fn kind(&self) -> &'static str {
        "agora-rtc"
    }

    fn ttl(&self) -> Ttl {
        self.rights.ttl
    }

    fn good_for(&self) -> Ttl {
        self.rights.good_for()
    }

    fn sign(&self, stamp: Stamp, key: &Key) -> Signed {
        access_token2::sign(key, stamp, self.ttl(), |services| self.write(services))
    }

    fn facts(&self, issued_at: Moment) -> impl Serialize {
        self.rtc_facts(issued_at)
    }
}

impl Token for RtcV006 {
    type Key = Key;

    fn kind(&self) -> &'static str {
        self.0.kind()
    }

    fn ttl(&self) -> Ttl {
        self.0.ttl()
    }

    fn good_for(&self) -> Ttl {
        self.0.good_for()
    }

    fn sign(&self, stamp: Stamp, key: &Key) -> Signed {
        let Rtc { channel, user, rights } = &self.0;
        let mut digits = itoa::Buffer::new();
        let user = user.as_str(&mut digits);
        access_token::sign(key, stamp, rights.ttl, channel.as_str(), user, rights.privileges.granted())
    }

    fn facts(&self, issued_at: Moment) -> impl Serialize {
        self.0.rtc_facts(issued_at)
    }
}

#[derive(Serialize)]
pub(super) struct RtcFacts<'a> {
    channel: &'a ChannelName,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<Uid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<&'a UserAccount>,
    role: Role,
    privileges: PrivilegeFacts,
}

#[derive(Serialize)]
struct PrivilegeFacts {
    join_channel: Until,
    #[serde(skip_serializing_if = "Option::is_none")]
    publish_audio: Option<Until>,
    #[serde(skip_serializing_if = "Option::is_none")]
    publish_video: Option<Until>,
    #[serde(skip_serializing_if = "Option::is_none")]
    publish_data_stream: Option<Until>,
}

#[derive(Serialize)]
struct Until {
    expires_at: u32,
}

#[cfg(test)]
mod tests {
    use super::super::UidError;
    use super::*;

    fn ttl(seconds: u64) -> Ttl {
        Ttl::from_seconds(seconds).expect("valid")
    }

    #[test]
    fn no_wildcard_can_be_described() {
        assert_eq!(Uid::new(0), Err(UidError::Wildcard));
        for wildcard in ["", "*", "1*a*2", "room*"] {
            assert!(ChannelName::new(wildcard).is_err(), "{wildcard:?}");
            assert!(UserAccount::new(wildcard).is_err(), "{wildcard:?}");
        }
        assert!(UserAccount::new("0").is_err());
    }

    #[test]
    fn no_privilege_outlives_its_token() {
        let short = Privileges {
            join_channel: ttl(600),
            publish_audio: Some(ttl(60)),
            publish_video: None,
            publish_data_stream: None,
        };
        let rights = Rights::new(ttl(600), short).expect("none is longer");
        assert_eq!(rights.role(), Role::Publisher);
        assert_eq!((rights.ttl(), rights.good_for()), (ttl(600), ttl(60)));
        assert_eq!(Rights::new(ttl(599), short), Err(OutlivesTokenError));
        let shorter = Privileges { join_channel: ttl(120), ..short };
        assert_eq!(Ok(rights.shortened(ttl(120))), Rights::new(ttl(120), shorter));
        assert_eq!((rights.shortened(ttl(600)), rights.shortened(Ttl::MAX)), (rights, rights));
        assert_eq!(Rights::of_role(Role::Subscriber, ttl(1)).role(), Role::Subscriber);
        assert_eq!(Rights::of_role(Role::Publisher, ttl(1)).role(), Role::Publisher);
    }
}
