//! The Chat app token.

use super::access_token2::{self, Services};
use super::{Key, Privilege, ServiceType};
use crate::{Moment, Signed, Stamp, Token, Ttl};
use serde::Serialize;

/// Lets a backend do anything in Agora Chat over REST, on behalf of every user. Never for an end user.
///
/// Sign it with the project's *primary* certificate: the secondary one doesn't work for REST calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatApp {
    /// How long it lives.
    pub ttl: Ttl,
}

impl Token for ChatApp {
    type Key = Key;

    fn kind(&self) -> &'static str {
        "agora-chat-app"
    }

    fn ttl(&self) -> Ttl {
        self.ttl
    }

    fn sign(&self, stamp: Stamp, key: &Key) -> Signed {
        access_token2::sign(key, stamp, self.ttl, |services: &mut Services<'_>| {
            // An app token belongs to nobody: its user id is empty.
            services.add(ServiceType::Chat, [(Privilege::CHAT_APP.number, self.ttl.as_seconds())]).text("");
        })
    }

    fn facts(&self, _: Moment) -> impl Serialize {
        #[derive(Serialize)]
        struct Facts {}
        Facts {}
    }
}
