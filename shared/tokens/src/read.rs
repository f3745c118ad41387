//! Reads any token: its parts, and whether a key has signed it. If it fails, the error says exactly why.
//!
//! [`token`] returns [`Unverified`] parts. Only a check against a key makes them trustworthy. It never panics, whatever
//! the text is. Its memory is at most a fixed multiple of the text's length.
//!
//! The parts have the vendors' field names, in JSON too. Their `Debug` leaves out the bytes from which somebody could
//! build the token again.

mod bytes;
mod access_token2;
mod access_token;
mod token04;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

pub use access_token::AccessToken;
pub use access_token2::{AccessToken2, Service, ServiceBody};
pub use token04::{Token04, Token04Claims};

use crate::Moment;
use crate::agora::{access_token as v006, access_token2 as v007};
use crate::zego::token04 as v04;
use thiserror::Error;

/// A token's parts, not yet checked against a key. Anybody can have written them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unverified {
    /// Agora, version `007`.
    AccessToken2(AccessToken2),
    /// Agora, version `006`.
    AccessToken(AccessToken),
    /// ZEGO, version `04`.
    Token04(Token04),
}

/// Reads a token's parts. Refuses a text that is longer than [`MAX_LENGTH`].
///
/// # Errors
/// Says why the text is a token of none of the three formats.
pub fn token(text: &str) -> Result<Unverified, ReadError> {
    if text.len() > MAX_LENGTH {
        return Err(ReadError::TooLarge);
    }
    // No two versions have the same beginning, so the order makes no difference.
    if let Some(content) = text.strip_prefix(v007::VERSION) {
        AccessToken2::read(content).map(Unverified::AccessToken2)
    } else if let Some(content) = text.strip_prefix(v006::VERSION) {
        AccessToken::read(content).map(Unverified::AccessToken)
    } else if let Some(content) = text.strip_prefix(v04::VERSION) {
        Token04::read(content).map(Unverified::Token04)
    } else {
        Err(ReadError::UnknownVersion)
    }
}

/// Why a text is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ReadError {
    /// Begins with none of the three versions.
    #[error("it begins with none of the known versions (007, 006, 04)")]
    UnknownVersion,
    /// It has a character that base64 does not have, or padding in the middle.
    #[error("it is not base64 behind its version")]
    NotBase64,
    /// It ends before its content does. It was not copied whole.
    #[error("it ends too early: a part of it is missing")]
    CutShort,
    /// A `007` token's content is no zlib stream, or its checksum is wrong.
    #[error("its content is not a valid zlib stream")]
    BadZlib,
    /// Longer than [`MAX_LENGTH`], or inflates to more than [`MAX_INFLATION`] times its size: no real token does.
    #[error("it holds more than a token can")]
    TooLarge,
    /// More bytes follow after its content.
    #[error("more bytes follow where its content ends")]
    TrailingBytes,
    /// The signature isn't 32 bytes long.
    #[error("its signature is not 32 bytes long")]
    BadSignature,
    /// The IV isn't 16 bytes, or the cipher text not whole blocks.
    #[error("its IV or cipher text has an impossible length")]
    BadCipher,
    /// A name isn't text.
    #[error("a name in it is not UTF-8")]
    NotUtf8,
}

/// Why a key refuses a token that could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum VerifyError {
    /// Made for another project or app than the key's.
    #[error("it was made for another app id")]
    WrongAppId,
    /// Signed with another certificate, or changed since.
    #[error("its signature does not match: another app certificate, or it was changed")]
    WrongCertificate,
    /// Sealed with another server secret, or changed since.
    #[error("it does not open: another server secret, or it was changed")]
    WrongSecret,
    /// A `006` token for another channel (RTC) or user (RTM).
    #[error("it was made for another channel or RTM user")]
    WrongChannel,
    /// A `006` token for another uid.
    #[error("it was made for another uid")]
    WrongUid,
    /// A `04` token's outer and inner moments of expiry differ.
    #[error("its two moments of expiry differ")]
    ExpireMismatch,
    /// Its moment of issue is later than now.
    #[error("it was issued in the future: a clock is wrong")]
    NotYetIssued,
    /// It has ended.
    #[error("it has expired")]
    Expired,
}

/// The longest text that is read as a token, in bytes. Several thousand RTM2 resources fit.
pub const MAX_LENGTH: usize = 256 * 1024;

/// How many times its own size a `007` token's content may inflate to. Real tokens hold digests and ids, and stay far
/// below: 1,500 equal characters inflate to 11 times their size.
pub const MAX_INFLATION: usize = 32;

fn check_times(issued_at: i64, expires_at: i64, now: Moment) -> Result<(), VerifyError> {
    let now = i64::from(now.as_unix_seconds());
    if now < issued_at {
        return Err(VerifyError::NotYetIssued);
    }
    if now >= expires_at {
        return Err(VerifyError::Expired);
    }
    Ok(())
}
