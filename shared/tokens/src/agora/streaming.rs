//! The Streaming token.

use super::access_token2::{self, ServiceType};
use super::{ChannelName, Key, RtcUser};
use crate::{Moment, Signed, Stamp, Token, Ttl};
use serde::Serialize;

/// Lets one account publish a channel's stream through Agora's streaming gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Streaming {
    /// The channel.
    pub channel: ChannelName,
    /// Who publishes.
    pub account: RtcUser,
    /// Privilege 1, for how long, if at all.
    pub publish_mixed_stream: Option<Ttl>,
    /// Privilege 2, for how long, if at all.
    pub publish_raw_stream: Option<Ttl>,
    /// How long the token lives; what a privilege says beyond it has no effect.
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
        let privileges =
            access_token2::in_seconds(access_token2::numbered([self.publish_mixed_stream, self.publish_raw_stream]));
        let digits = &mut itoa::Buffer::new();
        let account = self.account.as_str(digits);
        access_token2::sign(key, stamp, self.ttl, |services| {
            services.add(ServiceType::Streaming, privileges).text(self.channel.as_str()).text(account);
        })
    }

    fn facts(&self, _: Moment) -> impl Serialize {
        access_token2::ChannelFacts::new(&self.channel, &self.account)
    }
}
