//! The APaaS tokens; Agora's older builders call the same service Education.

use super::{Key, Privilege, RTC_CHARACTERS, ServiceType, access_token2, chat_user, rtc_character, rtm};
use crate::name::{Rule, name, no_further_rule, printable_ascii};
use crate::{Moment, Signed, Stamp, Token, Ttl};
use md5::{Digest, Md5};
use serde::Serialize;
use std::io::Write;
use thiserror::Error;

name!(
    /// A classroom's id: 1 to 63 bytes of RTC's 89 characters. Agora's REST API for classrooms says that it is also the name
    /// of a channel.
    RoomUuid,
    Rule {
        what: "an APaaS room uuid",
        max_bytes: 63,
        characters: RTC_CHARACTERS,
        allows: rtc_character,
        star_is_wildcard: true,
        also: no_further_rule,
    }
);

name!(
    /// An APaaS user's id: 1 to 64 bytes of printable ASCII, because it is the user's RTM id too.
    UserUuid,
    Rule {
        what: "an APaaS user uuid",
        max_bytes: 64,
        characters: "printable ASCII characters",
        allows: printable_ascii,
        star_is_wildcard: true,
        also: rtm::further_rules,
    }
);

/// A user's role in a room, 0 to 32,767. The vendor has names for the roles from 0 to 4. The format writes -1 for no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApaasRole(i16);

impl ApaasRole {
    /// Takes part in a class.
    pub const STUDENT: ApaasRole = ApaasRole(2);
    /// Watches a class.
    pub const OBSERVER: ApaasRole = ApaasRole(4);

    /// Checks a role.
    ///
    /// # Errors
    /// Refuses negative numbers.
    pub fn new(role: i16) -> Result<ApaasRole, ApaasRoleError> {
        if role < 0 { Err(ApaasRoleError) } else { Ok(ApaasRole(role)) }
    }
}

/// A negative role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("an APaaS role must be 0 to 32767")]
pub struct ApaasRoleError;

/// Lets one user into one APaaS room. Carries the user's RTM and Chat services with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApaasRoomUser {
    /// The room.
    pub room: RoomUuid,
    /// The user.
    pub user: UserUuid,
    /// The user's role in the room.
    pub role: ApaasRole,
    /// How long it lives.
    pub ttl: Ttl,
}

/// Lets one user use APaaS outside of any room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApaasUser {
    /// The user.
    pub user: UserUuid,
    /// How long it lives.
    pub ttl: Ttl,
}

/// Lets a backend do anything in APaaS. Never for an end user. No route serves it: make it in Rust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApaasApp {
    /// How long it lives.
    pub ttl: Ttl,
}

const NO_ROLE: i16 = -1;

/// The Chat user id of an APaaS user: the MD5 sum of the user's id. A classroom app logs in to Chat with it.
pub fn apaas_chat_user(user: &str) -> String {
    hex(md5(user), &mut [0; 32]).to_owned()
}

impl Token for ApaasRoomUser {
    type Key = Key;

    fn kind(&self) -> &'static str {
        "agora-apaas-room-user"
    }

    fn ttl(&self) -> Ttl {
        self.ttl
    }

    fn sign(&self, stamp: Stamp, key: &Key) -> Signed {
        access_token2::sign(key, stamp, self.ttl, |services| {
            rtm::write(services, self.user.as_str(), self.ttl);
            chat_user::write(services, hex(md5(self.user.as_str()), &mut [0; 32]), self.ttl);
            services
                .add(ServiceType::Apaas, [(Privilege::APAAS_ROOM_USER.number, self.ttl.as_seconds())])
                .text(self.room.as_str())
                .text(self.user.as_str())
                .number(self.role.0.cast_unsigned());
        })
    }

    fn facts(&self, _: Moment) -> impl Serialize {
        #[derive(Serialize)]
        struct Facts<'a> {
            room_uuid: &'a RoomUuid,
            user_uuid: &'a UserUuid,
            role: i16,
        }
        Facts { room_uuid: &self.room, user_uuid: &self.user, role: self.role.0 }
    }
}

impl Token for ApaasUser {
    type Key = Key;

    fn kind(&self) -> &'static str {
        "agora-apaas-user"
    }

    fn ttl(&self) -> Ttl {
        self.ttl
    }

    fn sign(&self, stamp: Stamp, key: &Key) -> Signed {
        access_token2::sign(key, stamp, self.ttl, |services| {
            services
                .add(ServiceType::Apaas, [(Privilege::APAAS_USER.number, self.ttl.as_seconds())])
                .text("")
                .text(self.user.as_str())
                .number(NO_ROLE.cast_unsigned());
        })
    }

    fn facts(&self, _: Moment) -> impl Serialize {
        #[derive(Serialize)]
        struct Facts<'a> {
            user_uuid: &'a UserUuid,
        }
        Facts { user_uuid: &self.user }
    }
}

impl Token for ApaasApp {
    type Key = Key;

    fn kind(&self) -> &'static str {
        "agora-apaas-app"
    }

    fn ttl(&self) -> Ttl {
        self.ttl
    }

    fn sign(&self, stamp: Stamp, key: &Key) -> Signed {
        access_token2::sign(key, stamp, self.ttl, |services| {
            services
                .add(ServiceType::Apaas, [(Privilege::APAAS_APP.number, self.ttl.as_seconds())])
                .text("")
                .text("")
                .number(NO_ROLE.cast_unsigned());
        })
    }

    fn facts(&self, _: Moment) -> impl Serialize {
        #[derive(Serialize)]
        struct Facts {}
        Facts {}
    }
}

fn md5(text: &str) -> u128 {
    u128::from_be_bytes(Md5::digest(text).into())
}

/// 32 lower-case hexadecimal digits, as MD5 sums are written.
fn hex(digest: u128, digits: &mut [u8; 32]) -> &str {
    write!(&mut digits[..], "{digest:032x}").expect("128 bits are 32 digits");
    str::from_utf8(digits).expect("digits are ASCII")
}
