//! The kinds of tokens that a user may get, as one type.

use super::{AnyRtm, Bundle, ChatUser, Key};
use crate::{Moment, Signed, Stamp, Token, Ttl};
use serde::Serialize;

/// A token for a user. Some drop-in routes have this type, because their request says which kind it wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserToken {
    /// For RTC, and perhaps for RTM and Chat.
    Bundle(Bundle),
    /// For RTM alone.
    Rtm(AnyRtm),
    /// For Chat alone.
    Chat(ChatUser),
}

impl Token for UserToken {
    type Key = Key;

    fn kind(&self) -> &'static str {
        match self {
            UserToken::Bundle(token) => token.kind(),
            UserToken::Rtm(token) => token.kind(),
            UserToken::Chat(token) => token.kind(),
        }
    }

    fn ttl(&self) -> Ttl {
        match self {
            UserToken::Bundle(token) => token.ttl(),
            UserToken::Rtm(token) => token.ttl(),
            UserToken::Chat(token) => token.ttl(),
        }
    }

    fn good_for(&self) -> Ttl {
        match self {
            UserToken::Bundle(token) => token.good_for(),
            UserToken::Rtm(token) => token.good_for(),
            UserToken::Chat(token) => token.good_for(),
        }
    }

    fn sign(&self, stamp: Stamp, key: &Key) -> Signed {
        match self {
            UserToken::Bundle(token) => token.sign(stamp, key),
            UserToken::Rtm(token) => token.sign(stamp, key),
            UserToken::Chat(token) => token.sign(stamp, key),
        }
    }

    fn facts(&self, issued_at: Moment) -> impl Serialize {
        #[derive(Serialize)]
        #[serde(untagged)]
        enum Facts<B, R, C> {
            Bundle(B),
            Rtm(R),
            Chat(C),
        }
        match self {
            UserToken::Bundle(token) => Facts::Bundle(token.facts(issued_at)),
            UserToken::Rtm(token) => Facts::Rtm(token.facts(issued_at)),
            UserToken::Chat(token) => Facts::Chat(token.facts(issued_at)),
        }
    }
}
