//! The tokens of agents. An agent is a program that takes part in a channel.

use super::bundle::UserFacts;
use super::{Key, OutlivesTokenError, Rtc, RtmUserId, ServiceType, access_token2, rtm};
use crate::{Moment, Signed, Stamp, Token, Ttl};
use serde::Serialize;

/// The product that an agent belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Product {
    /// Conversational AI: the agent listens, and speaks.
    ConvoAi,
    /// Real-time speech to text: the agent listens, and writes.
    Stt,
}

impl Product {
    fn service_type(self) -> ServiceType {
        match self {
            Product::ConvoAi => ServiceType::ConvoAi,
            Product::Stt => ServiceType::Stt,
        }
    }
}

/// Lets an agent join one RTC channel as one user, and perhaps log in to RTM. For backends only: an agent is no user.
///
/// With a product, the token also opens the product's REST API. There it starts agents that cost money. The vendor's
/// `ConvoAITokenBuilder` and `SttTokenBuilder` make the same token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    rtc: Rtc,
    /// Who logs in to RTM, and for how long.
    rtm: Option<(RtmUserId, Ttl)>,
    /// A token with a product also has RTM, because the vendor's builders always write both.
    product: Option<Product>,
}

impl Agent {
    /// An agent of no product, such as a recorder. A user's token for the same uid would have the same bytes.
    pub fn plain(rtc: Rtc, rtm: Option<RtmUserId>) -> Agent {
        let lives = rtc.ttl();
        Agent { rtc, rtm: rtm.map(|user| (user, lives)), product: None }
    }

    /// An agent of a product. It may log in to RTM as `rtm`. The token lives as long as `rtc`.
    pub fn of_product(product: Product, rtc: Rtc, rtm: RtmUserId) -> Agent {
        Agent { product: Some(product), ..Agent::plain(rtc, Some(rtm)) }
    }

    /// The same agent. It may log in to RTM only for this time, if it may at all.
    ///
    /// # Errors
    /// Refuses a login to RTM that would live longer than the token.
    pub fn with_rtm_login(self, lives: Ttl) -> Result<Agent, OutlivesTokenError> {
        if lives > self.ttl() {
            return Err(OutlivesTokenError);
        }
        Ok(Agent { rtm: self.rtm.map(|(user, _)| (user, lives)), ..self })
    }
}

impl Token for Agent {
    type Key = Key;

    fn kind(&self) -> &'static str {
        match self.product {
            None => self.rtc.kind(),
            Some(Product::ConvoAi) => "agora-convoai",
            Some(Product::Stt) => "agora-stt",
        }
    }

    fn ttl(&self) -> Ttl {
        self.rtc.ttl()
    }

    fn good_for(&self) -> Ttl {
        let good_for = self.rtc.good_for();
        self.rtm.as_ref().map_or(good_for, |(_, lives)| good_for.min(*lives))
    }

    fn sign(&self, stamp: Stamp, key: &Key) -> Signed {
        access_token2::sign(key, stamp, self.ttl(), |services| {
            self.rtc.write(services);
            if let Some((user, lives)) = &self.rtm {
                rtm::write(services, user.as_str(), *lives);
            }
            if let Some(product) = self.product {
                services.add(product.service_type(), []);
            }
        })
    }

    fn facts(&self, issued_at: Moment) -> impl Serialize {
        #[derive(Serialize)]
        struct Facts<'a> {
            #[serde(flatten)]
            rtc: super::rtc::RtcFacts<'a>,
            #[serde(skip_serializing_if = "Option::is_none")]
            rtm: Option<UserFacts<&'a RtmUserId>>,
            #[serde(skip_serializing_if = "Option::is_none")]
            service: Option<Product>,
        }
        Facts {
            rtc: self.rtc.rtc_facts(issued_at),
            rtm: self.rtm.as_ref().map(|(user_id, _)| UserFacts { user_id }),
            service: self.product,
        }
    }
}
