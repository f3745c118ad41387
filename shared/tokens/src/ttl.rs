//! Lifetimes.

use serde::Serialize;
use std::num::NonZeroU32;
use thiserror::Error;

/// How long a token or one of its privileges lives: 1 to 86,400 seconds.
///
/// Agora ends every token after 24 hours. ZEGO would allow longer ones. But nobody can take a token back, so the same
/// limit holds for both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Ttl(NonZeroU32);

impl Ttl {
    /// The longest lifetime, 24 hours.
    pub const MAX: Ttl = Ttl(NonZeroU32::new(86_400).expect("not zero"));

    /// Checks a lifetime in seconds.
    ///
    /// # Errors
    /// Refuses 0 and everything over [`Ttl::MAX`].
    pub fn from_seconds(seconds: u64) -> Result<Ttl, TtlError> {
        u32::try_from(seconds).ok().and_then(NonZeroU32::new).map(Ttl).filter(|ttl| *ttl <= Ttl::MAX).ok_or(TtlError)
    }

    /// The lifetime in seconds.
    pub fn as_seconds(self) -> u32 {
        self.0.get()
    }
}

/// A lifetime that no token may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a lifetime must be 1 to 86400 seconds")]
pub struct TtlError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives_at_least_a_second_and_at_most_a_day() {
        assert_eq!(Ttl::from_seconds(0), Err(TtlError));
        assert_eq!(Ttl::from_seconds(1).map(Ttl::as_seconds), Ok(1));
        assert_eq!(Ttl::from_seconds(86_400), Ok(Ttl::MAX));
        assert_eq!(Ttl::from_seconds(86_401), Err(TtlError));
        assert_eq!(Ttl::from_seconds(u64::from(u32::MAX) + 2), Err(TtlError));
    }
}
