//! The FPA token.

use super::{Key, Privilege, ServiceType, access_token2};
use crate::{Moment, Signed, Stamp, Token, Ttl};
use serde::Serialize;

/// Lets a client use Agora's Full-Path Accelerator. No route serves it: make it in Rust.
///
/// It has no parts: the vendor's builder always writes 24 hours for its life and 0 for its login privilege.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fpa;

impl Token for Fpa {
    type Key = Key;

    fn kind(&self) -> &'static str {
        "agora-fpa"
    }

    fn ttl(&self) -> Ttl {
        Ttl::MAX
    }

    fn sign(&self, stamp: Stamp, key: &Key) -> Signed {
        access_token2::sign(key, stamp, self.ttl(), |services| {
            services.add(ServiceType::Fpa, [(Privilege::LOGIN.number, 0)]);
        })
    }

    fn facts(&self, _: Moment) -> impl Serialize {
        #[derive(Serialize)]
        struct Facts {}
        Facts {}
    }
}
