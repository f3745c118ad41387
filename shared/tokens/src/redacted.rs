//! How secrets print themselves, and how they are wiped from memory.

use std::fmt;
use zeroize::{ZeroizeOnDrop, Zeroizing};

/// A value whose `Debug` is `[redacted]`: a key, a token, or bytes that make a token.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Redacted<T>(pub(crate) T);

impl<T> fmt::Debug for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// The 32 bytes of a vendor's secret, wiped from memory when they are dropped.
///
/// Boxed: moving an inline value would leave copies of the secret in memory.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SecretBytes(Box<Zeroizing<[u8; 32]>>);

impl SecretBytes {
    /// Copies the bytes straight into their box. `None`: there are not exactly 32.
    pub(crate) fn new(bytes: &[u8]) -> Option<SecretBytes> {
        let mut boxed = Box::new(Zeroizing::new([0; 32]));
        (bytes.len() == boxed.len()).then(|| {
            boxed.copy_from_slice(bytes);
            SecretBytes(boxed)
        })
    }

    pub(crate) fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Compiles only for a type that wipes itself from memory when it is dropped. If somebody switches the feature of a
/// dependency off that does this, the build fails here.
pub(crate) const fn wiped_when_dropped<T: ZeroizeOnDrop>() {}
