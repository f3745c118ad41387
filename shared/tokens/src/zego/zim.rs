//! The ZIM token.

use super::{Key, token04};
use crate::name::{Rule, name, no_further_rule};
use crate::{Moment, Signed, Stamp, Token, Ttl};
use serde::Serialize;

name!(
    /// A ZIM user id: 1 to 32 bytes of the characters that ZEGO's documentation of every platform allows.
    ZimUserId,
    Rule {
        what: "a ZIM user id",
        max_bytes: 32,
        characters: "A-Z, a-z, 0-9 and ! # $ % & ( ) + - ; < = . > @ ^ _ ~",
        allows: |byte| byte.is_ascii_alphanumeric() || b"!#$%&()+-;<=.>@^_~".contains(&byte),
        star_is_wildcard: false,
        also: no_further_rule,
    }
);

/// Lets one user log in to ZIM, ZEGO's In-app Chat. ZIM ignores a token's payload, so it has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zim {
    /// Who logs in.
    pub user: ZimUserId,
    /// How long it lives. The SDK refuses less than 30 seconds (error 6000108).
    pub ttl: Ttl,
}

impl Token for Zim {
    type Key = Key;

    fn kind(&self) -> &'static str {
        "zego-zim"
    }

    fn ttl(&self) -> Ttl {
        self.ttl
    }

    fn sign(&self, stamp: Stamp, key: &Key) -> Signed {
        token04::sign(key, stamp, self.ttl, self.user.as_str())
    }

    fn facts(&self, _: Moment) -> impl Serialize {
        #[derive(Serialize)]
        struct Facts<'a> {
            user_id: &'a ZimUserId,
        }
        Facts { user_id: &self.user }
    }
}
