//! The Chat user token.

use super::access_token2::{self, Services};
use super::{Key, Privilege, ServiceType};
use crate::name::{Rule, name, no_further_rule};
use crate::{Moment, Signed, Stamp, Token, Ttl};
use serde::Serialize;

name!(
    /// A Chat username: 1 to 64 bytes of `a-z`, `0-9`, `_`, `-` and `.` (Agora Chat's REST reference, user
    /// registration). The vendor refuses upper case. So do we: we do not change an id silently.
    ChatUserId,
    Rule {
        what: "a Chat username",
        max_bytes: 64,
        characters: "a-z, 0-9, '_', '-' and '.'",
        allows: |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.'),
        star_is_wildcard: true,
        also: no_further_rule,
    }
);

/// Lets one user log in to Agora Chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatUser {
    /// Who logs in.
    pub user: ChatUserId,
    /// How long it lives.
    pub ttl: Ttl,
}

impl Token for ChatUser {
    type Key = Key;

    fn kind(&self) -> &'static str {
        "agora-chat-user"
    }

    fn ttl(&self) -> Ttl {
        self.ttl
    }

    fn sign(&self, stamp: Stamp, key: &Key) -> Signed {
        access_token2::sign(key, stamp, self.ttl, |services| write(services, self.user.as_str(), self.ttl))
    }

    fn facts(&self, _: Moment) -> impl Serialize {
        #[derive(Serialize)]
        struct Facts<'a> {
            user_id: &'a ChatUserId,
        }
        Facts { user_id: &self.user }
    }
}

/// The Chat service of one user, also in tokens of several services.
pub(super) fn write(services: &mut Services<'_>, user: &str, ttl: Ttl) {
    services.add(ServiceType::Chat, [(Privilege::CHAT_USER.number, ttl.as_seconds())]).text(user);
}
