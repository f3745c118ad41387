//! The basic token of Express.

use super::{Key, UserId, token04};
use crate::{Moment, Signed, Stamp, Token, Ttl};
use serde::Serialize;

/// Lets one user log in to every room of the app, and publish there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basic {
    /// Who logs in.
    pub user: UserId,
    /// How long it lives.
    pub ttl: Ttl,
}

impl Token for Basic {
    type Key = Key;

    fn kind(&self) -> &'static str {
        "zego-basic"
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
            user_id: &'a UserId,
        }
        Facts { user_id: &self.user }
    }
}
