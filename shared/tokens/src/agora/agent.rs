//! The tokens of agents: programs of Agora that take part in a channel.

use super::bundle::UserFacts;
use super::{Key, OutlivesTokenError, Rtc, RtmUserId, ServiceType, access_token2, rtm};
use crate::{Moment, Signed, Stamp, Token, Ttl};
use serde::Serialize;

/// The product that an agent belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AgentService {
    /// Conversational AI: the agent listens, and speaks.
    ConvoAi,
    /// Real-time speech to text: the agent listens, and writes.
    Stt,
}

impl AgentService {
    fn service_type(self) -> ServiceType {
        match self {
            AgentService::ConvoAi => ServiceType::ConvoAi,
            AgentService::Stt => ServiceType::Stt,
        }
    }
}

/// Lets an agent join one RTC channel and log in to RTM, and opens the REST API of its product. The agent costs money. So
/// this token is for backends only. The vendor's `ConvoAITokenBuilder` and `SttTokenBuilder` make the same token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    service: AgentService,
    rtc: Rtc,
    rtm: RtmUserId,
    rtm_login: Ttl,
}

impl Agent {
    /// An agent that joins RTC as `rtc` says, and logs in to RTM as `rtm` for `rtm_login`. The lifetime of `rtc` is the whole
    /// token's.
    ///
    /// # Errors
    /// Refuses a login to RTM that would live longer than the token.
    pub fn new(service: AgentService, rtc: Rtc, rtm: RtmUserId, rtm_login: Ttl) -> Result<Agent, OutlivesTokenError> {
        if rtm_login > rtc.ttl() { Err(OutlivesTokenError) } else { Ok(Agent { service, rtc, rtm, rtm_login }) }
    }
}

impl Token for Agent {
    type Key = Key;

    fn kind(&self) -> &'static str {
        match self.service {
            AgentService::ConvoAi => "agora-convoai",
            AgentService::Stt => "agora-stt",
        }
    }

    fn ttl(&self) -> Ttl {
        self.rtc.ttl()
    }

    fn good_for(&self) -> Ttl {
        self.rtc.good_for().min(self.rtm_login)
    }

    fn sign(&self, stamp: Stamp, key: &Key) -> Signed {
        access_token2::sign(key, stamp, self.ttl(), |services| {
            self.rtc.write(services);
            rtm::write(services, self.rtm.as_str(), self.rtm_login);
            services.add(self.service.service_type(), []);
        })
    }

    fn facts(&self, issued_at: Moment) -> impl Serialize {
        #[derive(Serialize)]
        struct Facts<'a> {
            #[serde(flatten)]
            rtc: super::rtc::RtcFacts<'a>,
            rtm: UserFacts<&'a RtmUserId>,
            service: AgentService,
        }
        Facts { rtc: self.rtc.rtc_facts(issued_at), rtm: UserFacts { user_id: &self.rtm }, service: self.service }
    }
}
