//! The Streaming token.

use super::{ChannelName, Key, Privilege, RtcUser, ServiceType, access_token2};
use crate::{Moment, Signed, Stamp, Token, Ttl};
use serde::Serialize;

/// Lets one account publish a channel's stream through Agora's streaming gateway.
/// No route serves it: make it in Rust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Streaming {
    /// The channel.
    pub channel: ChannelName,
    /// Who publishes.
    pub account: RtcUser,
    /// How long it may publish a stream for Agora to mix, if at all.
    pub publish_mixed_stream: Option<Ttl>,
    /// How long it may publish a stream as it is, if at all.
    pub publish_raw_stream: Option<Ttl>,
    /// How long the token lives. A privilege that lives longer ends with the token.
    pub ttl: Ttl,
}

impl Token for Streaming {
    type Key = Key;

    fn kind(&self) -> &'static str {
        "agora-streaming"
    }

    fn ttl(&self) -> Ttl {
        self.ttl
    }

    fn sign(&self, stamp: Stamp, key: &Key) -> Signed {
        let privileges = access_token2::granted([
            (Privilege::PUBLISH_MIXED_STREAM, self.publish_mixed_stream),
            (Privilege::PUBLISH_RAW_STREAM, self.publish_raw_stream),
        ]);
        let digits = &mut itoa::Buffer::new();
        let account = self.account.as_str(digits);
        access_token2::sign(key, stamp, self.ttl, |services| {
            services
                .add(ServiceType::Streaming, access_token2::in_seconds(privileges))
                .text(self.channel.as_str())
                .text(account);
        })
    }

    fn facts(&self, _: Moment) -> impl Serialize {
        access_token2::ChannelFacts::new(&self.channel, &self.account)
    }
}
