//! RTM's two kinds of tokens, as one type.

use super::{Key, Rtm, Rtm2};
use crate::{Moment, Signed, Stamp, Token, Ttl};
use serde::Serialize;

/// A token for RTM. The grant decides for each user whether it has permissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnyRtm {
    /// Without permissions: it opens every channel.
    Rtm(Rtm),
    /// With permissions for single channels.
    Rtm2(Rtm2),
}

impl Token for AnyRtm {
    type Key = Key;

    fn kind(&self) -> &'static str {
        match self {
            AnyRtm::Rtm(token) => token.kind(),
            AnyRtm::Rtm2(token) => token.kind(),
        }
    }

    fn ttl(&self) -> Ttl {
        match self {
            AnyRtm::Rtm(token) => token.ttl(),
            AnyRtm::Rtm2(token) => token.ttl(),
        }
    }

    fn good_for(&self) -> Ttl {
        match self {
            AnyRtm::Rtm(token) => token.good_for(),
            AnyRtm::Rtm2(token) => token.good_for(),
        }
    }

    fn sign(&self, stamp: Stamp, key: &Key) -> Signed {
        match self {
            AnyRtm::Rtm(token) => token.sign(stamp, key),
            AnyRtm::Rtm2(token) => token.sign(stamp, key),
        }
    }

    fn facts(&self, issued_at: Moment) -> impl Serialize {
        #[derive(Serialize)]
        #[serde(untagged)]
        enum Facts<A, B> {
            Rtm(A),
            Rtm2(B),
        }
        match self {
            AnyRtm::Rtm(token) => Facts::Rtm(token.facts(issued_at)),
            AnyRtm::Rtm2(token) => Facts::Rtm2(token.facts(issued_at)),
        }
    }
}
