//! A finished token. It never prints itself.

use crate::redacted::Redacted;
use crate::{Moment, Ttl};
use base64::Engine;
use base64::engine::Simd;
use base64::engine::general_purpose::PAD;
use std::sync::LazyLock;

/// A signed token with its times. Everybody who has the text may enter the room, so `Debug` shows `[redacted]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    token: Redacted<String>,
    issued_at: Moment,
    ttl: Ttl,
}

impl Signed {
    pub(crate) fn new(token: String, issued_at: Moment, ttl: Ttl) -> Signed {
        Signed { token: Redacted(token), issued_at, ttl }
    }

    /// The token itself. Give it to the caller alone: never to a log or an error message.
    pub fn expose(&self) -> &str {
        &self.token.0
    }

    /// The moment it was issued at.
    pub fn issued_at(&self) -> Moment {
        self.issued_at
    }

    /// How long it lives from then on.
    pub fn ttl(&self) -> Ttl {
        self.ttl
    }

    /// The Unix second at which it ends.
    pub fn expires_at(&self) -> u32 {
        self.issued_at.plus(self.ttl)
    }
}

/// Standard, padded base64 (RFC 4648, 4) with the widest registers that this machine has.
static BASE64: LazyLock<Simd> = LazyLock::new(|| Simd::standard(PAD));

/// A token's text. All three formats write clear text first, and then the content in base64.
pub(crate) fn encode(clear: &[&str], content: &[u8]) -> String {
    let clear_bytes: usize = clear.iter().map(|part| part.len()).sum();
    let length = clear_bytes + content.len().div_ceil(3) * 4;
    let mut text = Vec::with_capacity(length);
    for part in clear {
        text.extend_from_slice(part.as_bytes());
    }
    text.resize(length, 0);
    BASE64.encode_slice(content, &mut text[clear_bytes..]).expect("base64 is a third longer than its content");
    String::from_utf8(text).expect("base64 and what stands before it are ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::prelude::BASE64_STANDARD;
    use proptest::prelude::*;

    #[test]
    fn debug_never_shows_the_token() {
        let moment = Moment::from_unix_seconds(1_700_000_000).expect("in range");
        let signed = Signed::new("007eJxSecret".to_owned(), moment, Ttl::MAX);
        let shown = format!("{signed:?} {signed:#?}");
        assert!(shown.contains("[redacted]"), "{shown}");
        assert!(!shown.contains("Secret"), "{shown}");
    }

    proptest! {
        #[test]
        fn wide_registers_make_the_same_base64(content in prop::collection::vec(any::<u8>(), 0..600)) {
            let scalar = BASE64_STANDARD.encode(&content);
            prop_assert_eq!(encode(&["0", "07"], &content), format!("007{scalar}"));
        }
    }
}
