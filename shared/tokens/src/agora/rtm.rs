//! The RTM (Signaling) token.

use super::access_token2::{self, Services};
use super::{Key, Privilege, ServiceType, Version, access_token};
use crate::name::{Rule, name, printable_ascii};
use crate::{Moment, NameFlaw, Signed, Stamp, Token, Ttl};
use serde::Serialize;

name!(
    /// An RTM user id: 1 to 64 bytes of printable ASCII, no space in front, not only spaces, not the word `null`
    /// (Agora Signaling, limitations). `*` is refused, too: see [`agora`](super).
    RtmUserId,
    Rule {
        what: "an RTM user id",
        max_bytes: 64,
        characters: "printable ASCII characters",
        allows: printable_ascii,
        star_is_wildcard: true,
        also: further_rules,
    }
);

/// RTM's rules for user ids, beside the characters. One of them covers "no leading space" and "not only spaces".
pub(super) fn further_rules(text: &str) -> Option<NameFlaw> {
    match text {
        "null" => Some(NameFlaw::Form("must not be the word null")),
        _ if text.starts_with(' ') => Some(NameFlaw::Form("must not begin with a space")),
        _ => None,
    }
}

/// Lets one user log in to RTM, which Agora also calls Signaling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rtm {
    /// Who logs in.
    pub user: RtmUserId,
    /// How long it lives. A `006` token lives 24 hours all the same: today Agora ignores the moment of its privilege.
    pub ttl: Ttl,
    /// `006` for RTM SDK 1.x (all of them; from 1.5.0 on `007` works too), `007` for 2.x.
    pub version: Version,
}

impl Token for Rtm {
    type Key = Key;

    fn kind(&self) -> &'static str {
        "agora-rtm"
    }

    fn ttl(&self) -> Ttl {
        self.ttl
    }

    fn sign(&self, stamp: Stamp, key: &Key) -> Signed {
        match self.version {
            Version::V007 => {
                access_token2::sign(key, stamp, self.ttl, |services| write(services, self.user.as_str(), self.ttl))
            }
            // The vendor's builder writes the user id in the channel's place, and an empty uid.
            Version::V006 => access_token::sign(
                key,
                stamp,
                self.ttl,
                self.user.as_str(),
                "",
                [(Privilege::LOGIN_006.number, self.ttl)],
            ),
        }
    }

    fn facts(&self, _: Moment) -> impl Serialize {
        #[derive(Serialize)]
        struct Facts<'a> {
            user_id: &'a RtmUserId,
            version: Version,
        }
        Facts { user_id: &self.user, version: self.version }
    }
}

/// The RTM service of one user, also in tokens of several services.
pub(super) fn write(services: &mut Services<'_>, user: &str, ttl: Ttl) {
    services.add(ServiceType::Rtm, [(Privilege::LOGIN.number, ttl.as_seconds())]).text(user);
}
