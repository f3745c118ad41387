//! Tokens that let a user into Agora and ZEGO rooms. They are described first, and then signed into the vendor's own
//! bytes.
//!
//! A token starts as a *description*: a plain struct of checked parts ([`agora::Rtc`], [`zego::Room`], ...).
//! [`Token::sign`] makes a [`Signed`] token from the description, a [`Stamp`] (the moment and the randomness) and the
//! vendor's key. It cannot fail. There are two vendors and three formats:
//!
//! * [`agora`]: *AccessToken2*, version `007` (RTC, RTM/Signaling, Chat and the rest), and the older *AccessToken*,
//!   version `006` (RTM 1.x and RTC).
//! * [`zego`]: token `04` (Express basic, Express with room privileges, ZIM).
//!
//! [`read`] goes the other way: from any text to a token's parts. It checks them against a key, and says why it
//! refuses.
//!
//! [`renewal`] says when a client should fetch the next token.
//!
//! This crate has no clock, no randomness and no I/O. The stamp brings the moment and the randomness. On purpose,
//! nothing here can write a wildcard (a token for *any* uid or channel).

mod name;
mod ttl;
mod stamp;
mod signed;
mod redacted;
mod pseudonym;
mod user_id;

pub mod agora;
pub mod zego;
pub mod read;
pub mod renewal;

#[cfg(test)]
mod tests;

pub use name::{NameError, NameFlaw};
pub use signed::Signed;
pub use stamp::{Moment, MomentError, Stamp};
pub use ttl::{Ttl, TtlError};
pub use user_id::hashed_user_id;

use serde::Serialize;

/// A complete description of a token. It needs only a stamp and the vendor's key to be signed.
///
/// A description is valid when it exists, so signing cannot fail.
pub trait Token {
    /// The vendor's key that signs this kind: [`agora::Key`] or [`zego::Key`].
    type Key;

    /// The kind's stable name in answers and logs, for example `agora-chat-user`.
    fn kind(&self) -> &'static str;

    /// How long the token lives after the moment in its stamp.
    fn ttl(&self) -> Ttl;

    /// How long everything that it opens stays open. If a privilege ends before the token, this is less than
    /// [`Self::ttl`].
    fn good_for(&self) -> Ttl {
        self.ttl()
    }

    /// The vendor's bytes. Takes the stamp away, so that no salt, nonce or IV is used twice.
    fn sign(&self, stamp: Stamp, key: &Self::Key) -> Signed;

    /// What a client must know to use the token (channel, uid, role, ...), as fields of a JSON object.
    ///
    /// Times in it are Unix seconds, counted from `issued_at`.
    fn facts(&self, issued_at: Moment) -> impl Serialize;

    /// The kit token for ZEGO's web UIKit, which contains the signed token. `None`: this kind has no kit token.
    fn kit_token(&self, _signed: &Signed, _key: &Self::Key) -> Option<zego::KitToken> {
        None
    }
}
