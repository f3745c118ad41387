//! The one place that decides how a secret prints itself, and that it leaves nothing behind.

use std::fmt;
use zeroize::ZeroizeOnDrop;

/// A value whose `Debug` is `[redacted]`: keys, tokens and what could be put together into one.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Redacted<T>(pub(crate) T);

impl<T> fmt::Debug for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Compiles only for what wipes itself from memory when it is dropped: a dependency's feature that was switched off
/// shows here.
pub(crate) const fn wiped_when_dropped<T: ZeroizeOnDrop>() {}
