//! Tokens that let a user into Agora and ZEGO rooms: described, then signed into the vendor's own bytes.
//!
//! A token starts as a *description*, a plain struct of parts that were checked when they were made
//! ([`agora::Rtc`], [`zego::Room`], ...). [`Token::sign`] turns it, a [`Stamp`] (the moment and the randomness) and the
//! vendor's key into a [`Signed`] token, and cannot fail. Two vendors, three formats:
//!
//! * [`agora`]: *AccessToken2*, version `007` (RTC, RTM/Signaling, Chat and the rest), and the older *AccessToken*,
//!   version `006` (RTM 1.x and RTC).
//! * [`zego`]: token `04` (Express basic, Express with room privileges, ZIM).
//!
//! [`read`] goes the other way: any token string back into its parts, checked against a key, with the reason when
//! it is refused.
//!
//! [`renewal`] is when a client should come for the next one.
//!
//! This crate knows no clock, no randomness and no I/O: both come in with the stamp. It has no way to write a
//! wildcard (a token for *any* uid or channel), on purpose.

mod name;
mod ttl;
mod stamp;
mod signed;
mod redacted;
mod pseudonym;

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

use serde::Serialize;

/// A token described in full, needing only a moment, randomness and the vendor's key to exist.
///
/// Implementors are valid by construction, so signing has no error.
pub trait Token {
    /// The vendor's key that signs this kind: [`agora::Key`] or [`zego::Key`].
    type Key;

    /// The kind's stable name in answers and logs, for example `agora-chat-user`.
    fn kind(&self) -> &'static str;

    /// How long the token lives after the moment in its stamp.
    fn ttl(&self) -> Ttl;

    /// How long all that it opens stays open: less than [`Self::ttl`] where a privilege ends before the token does.
    fn good_for(&self) -> Ttl {
        self.ttl()
    }

    /// The vendor's bytes. Spends the stamp: a salt, nonce or IV is never used twice.
    fn sign(&self, stamp: Stamp, key: &Self::Key) -> Signed;

    /// What a client must know to use the token (channel, uid, role, ...), as fields of a JSON object.
    ///
    /// Times in it are Unix seconds, counted from `issued_at`.
    fn facts(&self, issued_at: Moment) -> impl Serialize;
}
