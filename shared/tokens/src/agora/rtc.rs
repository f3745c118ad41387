//! The RTC token.

use super::access_token2::{self, Services};
use super::{Key, RTC_CHARACTERS, access_token, rtc_character};
use super::{Privilege, ServiceType};
use crate::name::{Rule, name, no_further_rule};
use crate::{Moment, NameFlaw, Signed, Stamp, Token, Ttl};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::fmt;
use std::num::NonZeroU32;
use thiserror::Error;

name!(
    /// An RTC channel name: 1 to 64 bytes of RTC's 89 characters (`joinChannel` in Agora's API reference). An empty
    /// name, or one with `*`, would open any channel or a pattern of them.
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

name!(
    /// An RTC user account (a *string uid*): 1 to 255 bytes of RTC's 89 characters (`joinChannelWithUserAccount` in
    /// Agora's API reference). `0` is refused: as a uid it means any user.
    UserAccount,
    Rule {
        what: "an RTC user account",
        max_bytes: 255,
        characters: RTC_CHARACTERS,
        allows: rtc_character,
        star_is_wildcard: true,
        also: |text| (text == "0").then_some(NameFlaw::Wildcard("must not be 0: as a uid that means any user")),
    }
);

impl UserAccount {
    /// The numeric uid that a token for this account is also good for.
    ///
    /// A token has one field for both, and a number is written there in decimal: a token for the account `42` is, byte
    /// for byte, one for uid 42.
    pub fn as_uid(&self) -> Option<Uid> {
        let uid = Uid(self.as_str().parse().ok()?);
        (uid.to_string() == self.as_str()).then_some(uid)
    }
}

/// A numeric RTC uid, 1 to 4,294,967,295. Uid 0 means *any* uid, so there is no such value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Uid(NonZeroU32);

impl Uid {
    /// Checks a uid.
    ///
    /// # Errors
    /// Refuses 0, the wildcard, and what doesn't fit 32 bits.
    pub fn new(uid: u64) -> Result<Uid, UidError> {
        if uid == 0 {
            return Err(UidError::Wildcard);
        }
        u32::try_from(uid).ok().and_then(NonZeroU32::new).map(Uid).ok_or(UidError::OutOfRange)
    }

    /// The stable uid of a user who has no number of their own: the first four bytes of
    /// `SHA-256(app id, 0x00, user id)`, big endian, without the top bit, and 1 in place of 0.
    ///
    /// So it is 1 to 2,147,483,647 (it fits the signed 32 bits of some client languages) and the same on every renewal.
    /// Two of a channel's `n` users share a number with a probability of about `n² / 2³²`: 1 in 430,000 for 100 users.
    pub fn of_user(app_id: &str, user_id: &str) -> Uid {
        let digest = Sha256::new().chain_update(app_id).chain_update([0]).chain_update(user_id).finalize();
        let (first, _) = digest.as_slice().split_first_chunk().expect("a digest has 32 bytes");
        let number = u32::from_be_bytes(*first) & 0x7fff_ffff;
        Uid(NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN))
    }

    /// The uid as a number.
    pub fn get(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A number that is no user's uid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum UidError {
    /// Uid 0.
    #[error("an RTC uid must not be 0: that means any user")]
    Wildcard,
    /// Not 32 bits.
    #[error("an RTC uid must be 1 to 4294967295")]
    OutOfRange,
}

/// As whom the client joins. It must join the same way: a token for an account doesn't fit a client that joins with a
/// number, nor the other way round (error 110).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RtcUser {
    /// `joinChannel` with a number.
    Uid(Uid),
    /// `joinChannelWithUserAccount` with a string.
    Account(UserAccount),
}

impl RtcUser {
    /// As both formats write it. `digits` is room for a uid's.
    pub(super) fn as_str<'a>(&'a self, digits: &'a mut itoa::Buffer) -> &'a str {
        match self {
            RtcUser::Uid(uid) => digits.format(uid.get()),
            RtcUser::Account(account) => account.as_str(),
        }
    }
}

impl fmt::Display for RtcUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RtcUser::Uid(uid) => uid.fmt(f),
            RtcUser::Account(account) => account.fmt(f),
        }
    }
}

/// What the vendor's builders call a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Joins the channel. Whether the vendor stops it from publishing depends on *co-host authentication*, a switch of
    /// the Agora project.
    #[default]
    Subscriber,
    /// Joins the channel and publishes.
    Publisher,
}

/// RTC's privileges, each with its own lifetime; `None` is a privilege that isn't granted.
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
    fn granted(self) -> impl Iterator<Item = (u16, Ttl)> {
        access_token2::granted([
            (Privilege::JOIN_CHANNEL, Some(self.join_channel)),
            (Privilege::PUBLISH_AUDIO, self.publish_audio),
            (Privilege::PUBLISH_VIDEO, self.publish_video),
            (Privilege::PUBLISH_DATA_STREAM, self.publish_data_stream),
        ])
    }
}

/// A token's lifetime and its privileges, none of which outlives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rights {
    ttl: Ttl,
    privileges: Privileges,
}

impl Rights {
    /// All that a role has, for the token's whole life.
    pub fn of_role(role: Role, ttl: Ttl) -> Rights {
        let publish = (role == Role::Publisher).then_some(ttl);
        let privileges = Privileges {
            join_channel: ttl,
            publish_audio: publish,
            publish_video: publish,
            publish_data_stream: publish,
        };
        Rights { ttl, privileges }
    }

    /// Exactly these privileges in a token that lives for `ttl`.
    ///
    /// # Errors
    /// Refuses a privilege that would outlive the token, where it could never be used.
    pub fn new(ttl: Ttl, privileges: Privileges) -> Result<Rights, OutlivesTokenError> {
        if privileges.granted().any(|(_, lives)| lives > ttl) {
            return Err(OutlivesTokenError);
        }
        Ok(Rights { ttl, privileges })
    }

    /// How long the token lives.
    pub fn ttl(&self) -> Ttl {
        self.ttl
    }

    /// How long until the first privilege ends.
    fn good_for(&self) -> Ttl {
        self.privileges.granted().map(|(_, lives)| lives).min().unwrap_or(self.ttl)
    }

    /// A publisher is whoever may publish anything.
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

/// The same in the older format, for RTC SDKs before 3.5.8.
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
    fn a_uid_is_one_to_32_bits() {
        assert_eq!(Uid::new(1).map(Uid::get), Ok(1));
        assert_eq!(Uid::new(4_294_967_295).map(Uid::get), Ok(u32::MAX));
        assert_eq!(Uid::new(4_294_967_296), Err(UidError::OutOfRange));
        assert_eq!(Uid::new(u64::MAX), Err(UidError::OutOfRange));
    }

    #[test]
    fn an_account_in_decimal_is_that_uid() {
        let uid = |text: &str| UserAccount::new(text).expect("valid").as_uid().map(Uid::get);
        assert_eq!(uid("42"), Some(42));
        assert_eq!(uid("4294967295"), Some(u32::MAX));
        for other in ["042", "+42", "42 ", "4294967296", "alice"] {
            assert_eq!(uid(other), None, "{other:?}");
        }
    }

    #[test]
    fn a_user_has_one_uid_per_project_and_it_never_changes() {
        let app = |digit: &str| digit.repeat(32);
        // Pinned, computed with Python's hashlib: another algorithm would give every user a new number.
        assert_eq!(Uid::of_user(&app("a"), "alice").get(), 69_795_928);
        assert_eq!(Uid::of_user(&app("a"), "alice"), Uid::of_user(&app("a"), "alice"));
        assert_ne!(Uid::of_user(&app("a"), "alice"), Uid::of_user(&app("a"), "bob"));
        assert_ne!(Uid::of_user(&app("a"), "alice"), Uid::of_user(&app("b"), "alice"));
        assert!((0..10_000).all(|n| Uid::of_user(&app("c"), &n.to_string()).get() <= 2_147_483_647));
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
        assert_eq!(Rights::of_role(Role::Subscriber, ttl(1)).role(), Role::Subscriber);
        assert_eq!(Rights::of_role(Role::Publisher, ttl(1)).role(), Role::Publisher);
    }
}
