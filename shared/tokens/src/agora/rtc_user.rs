//! As whom a client joins RTC: with a number, or with a string.

use super::{RTC_CHARACTERS, rtc_character};
use crate::NameFlaw;
use crate::name::{Rule, name};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::fmt;
use std::num::NonZeroU32;
use thiserror::Error;

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
    /// A token has one field for both, and writes a number in decimal. So a token for the account `42` has the same
    /// bytes as a token for uid 42.
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
    /// It is 1 to 2,147,483,647, which fits the signed 32 bits of some client languages. It is the same on every
    /// renewal. With `n` users in a channel, the chance that two share a number is about `n² / 2³²`: 1 in 430,000 for
    /// 100 users.
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

/// As whom the client joins: with a number or with a string. The token must be for the same form. Otherwise the SDK
/// gives error 110.
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

#[cfg(test)]
mod tests {
    use super::*;

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
        // Computed with Python's hashlib. Another algorithm would give every user a new number.
        assert_eq!(Uid::of_user(&app("a"), "alice").get(), 69_795_928);
        assert_eq!(Uid::of_user(&app("a"), "alice"), Uid::of_user(&app("a"), "alice"));
        assert_ne!(Uid::of_user(&app("a"), "alice"), Uid::of_user(&app("a"), "bob"));
        assert_ne!(Uid::of_user(&app("a"), "alice"), Uid::of_user(&app("b"), "alice"));
        assert!((0..10_000).all(|n| Uid::of_user(&app("c"), &n.to_string()).get() <= 2_147_483_647));
    }
}
