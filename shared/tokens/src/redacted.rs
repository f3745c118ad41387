//! The one place that decides how a secret prints itself.

use std::fmt;

/// A value whose `Debug` is `[redacted]`: keys, tokens and what could be put together into one.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Redacted<T>(pub(crate) T);

impl<T> fmt::Debug for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}
