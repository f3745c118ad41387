//! The FCDN token.

use super::{ChannelName, Key, Privilege, RtcUser, ServiceType, access_token2};
use crate::{Moment, Signed, Stamp, Token, Ttl};
use serde::Serialize;

/// Lets one account publish to or play from a channel over Agora's Fusion CDN.
/// No route serves it: make it in Rust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fcdn {
    /// The channel.
    pub channel: ChannelName,
    /// Who publishes or plays.
    pub account: RtcUser,
    /// How long it may publish, if at all.
    pub publish: Option<Ttl>,
    /// How long it may play, if at all.
    pub play: Option<Ttl>,
    /// How long the token lives. A privilege that lives longer ends with the token.
    pub ttl: Ttl,
}

impl Token for Fcdn {
    type Key = Key;

    fn kind(&self) -> &'static str {
        "agora-fcdn"
    }

    fn ttl(&self) -> Ttl {
        self.ttl
    }

    fn sign(&self, stamp: Stamp, key: &Key) -> Signed {
        let privileges =
            access_token2::granted([(Privilege::FCDN_PUBLISH, self.publish), (Privilege::FCDN_PLAY, self.play)]);
        let digits = &mut itoa::Buffer::new();
        let account = self.account.as_str(digits);
        access_token2::sign(key, stamp, self.ttl, |services| {
            services
                .add(ServiceType::Fcdn, access_token2::in_seconds(privileges))
                .text(self.channel.as_str())
                .text(account);
        })
    }

    fn facts(&self, _: Moment) -> impl Serialize {
        access_token2::ChannelFacts::new(&self.channel, &self.account)
    }
}
