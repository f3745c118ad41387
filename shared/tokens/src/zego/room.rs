//! The token of Express with room privileges.

use super::{Basic, Key, UserId, token04};
use crate::name::{Rule, name, no_further_rule, printable_ascii};
use crate::{Moment, Signed, Stamp, Token, Ttl};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use thiserror::Error;

name!(
    /// A room id: 1 to 128 bytes of printable ASCII (ZEGO's documentation). An empty one would open any room.
    RoomId,
    Rule {
        what: "a ZEGO room id",
        max_bytes: 128,
        characters: "printable ASCII characters",
        allows: printable_ascii,
        star_is_wildcard: false,
        also: no_further_rule,
    }
);

name!(
    /// A stream id: 1 to 256 bytes of `A-Z`, `a-z`, `0-9`, `_` and `-` (ZEGO's documentation).
    StreamId,
    Rule {
        what: "a ZEGO stream id",
        max_bytes: 256,
        characters: "A-Z, a-z, 0-9, '_' and '-'",
        allows: |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'),
        star_is_wildcard: false,
        also: no_further_rule,
    }
);

/// The streams that a user may publish, at most [`StreamIds::MAX`]. An empty list puts no limit on stream ids.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct StreamIds(Vec<StreamId>);

impl StreamIds {
    /// The most stream ids in one token. With this many, all of the longest, the cipher text stays below 32,768 bytes.
    /// Some of the vendor's assistants cannot write more: they write its length as a signed 16-bit number.
    pub const MAX: usize = 100;

    /// Checks a list of stream ids.
    ///
    /// # Errors
    /// Refuses more than [`Self::MAX`].
    pub fn new(ids: Vec<StreamId>) -> Result<StreamIds, TooManyStreamsError> {
        if ids.len() > Self::MAX { Err(TooManyStreamsError) } else { Ok(StreamIds(ids)) }
    }

    /// Whether there is no limit on stream ids.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A list of more stream ids than a token may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a token names at most {} stream ids", StreamIds::MAX)]
pub struct TooManyStreamsError;

/// What a user may do in a room. The token says of each privilege whether it is granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RoomPrivileges {
    /// Log in to the room: [`RoomPrivilege::LOGIN`].
    pub login: bool,
    /// Publish streams in it: [`RoomPrivilege::PUBLISH`].
    pub publish: bool,
}

/// Lets one user into one room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// Who logs in.
    pub user: UserId,
    /// The room it opens.
    pub room: RoomId,
    /// To do what.
    pub privileges: RoomPrivileges,
    /// With which streams.
    pub stream_ids: StreamIds,
    /// How long it lives.
    pub ttl: Ttl,
}

impl Token for Room {
    type Key = Key;

    fn kind(&self) -> &'static str {
        "zego-room"
    }

    fn ttl(&self) -> Ttl {
        self.ttl
    }

    fn sign(&self, stamp: Stamp, key: &Key) -> Signed {
        let payload = Payload {
            room_id: &self.room,
            privilege: Numbered(self.privileges),
            stream_id_list: (!self.stream_ids.is_empty()).then_some(&self.stream_ids),
        };
        let payload_bytes = self.escaped_payload_bytes();
        token04::sign_with_payload(key, stamp, self.ttl, self.user.as_str(), &payload, payload_bytes)
    }

    fn facts(&self, _: Moment) -> impl Serialize {
        #[derive(Serialize)]
        struct Facts<'a> {
            user_id: &'a UserId,
            room_id: &'a RoomId,
            privileges: RoomPrivileges,
            stream_ids: &'a StreamIds,
        }
        Facts { user_id: &self.user, room_id: &self.room, privileges: self.privileges, stream_ids: &self.stream_ids }
    }
}

impl Room {
    /// The most bytes that the payload takes as JSON within JSON.
    fn escaped_payload_bytes(&self) -> usize {
        /// `{\"room_id\":\"\",\"privilege\":{\"1\":1,\"2\":1},\"stream_id_list\":null}`
        const FRAME: usize = 74;
        // A character that JSON escapes takes two bytes, and four when it is escaped again. A stream id has no such
        // character, but two quotes and a comma around it.
        let streams = self.stream_ids.0.iter().map(|id| id.as_str().len() + 5);
        FRAME + 4 * self.room.as_str().len() + streams.sum::<usize>()
    }
}

/// The JSON text in the token's payload. Its keys have the order of the vendor's sample code.
#[derive(Serialize)]
struct Payload<'a> {
    room_id: &'a RoomId,
    privilege: Numbered,
    stream_id_list: Option<&'a StreamIds>,
}

/// A privilege of a room's token. ZEGO's documentation gives the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoomPrivilege {
    /// Its number, which is its key in the payload's JSON.
    pub number: u16,
    /// The number as text.
    pub key: &'static str,
    /// Its name.
    pub name: &'static str,
}

impl RoomPrivilege {
    /// Log in to the room.
    pub const LOGIN: RoomPrivilege = RoomPrivilege { number: 1, key: "1", name: "login" };
    /// Publish streams in it.
    pub const PUBLISH: RoomPrivilege = RoomPrivilege { number: 2, key: "2", name: "publish" };
}

/// Privileges by their keys: 1 allows, 0 denies.
struct Numbered(RoomPrivileges);

impl Serialize for Numbered {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry(RoomPrivilege::LOGIN.key, &u8::from(self.0.login))?;
        map.serialize_entry(RoomPrivilege::PUBLISH.key, &u8::from(self.0.publish))?;
        map.end()
    }
}

/// Either of the tokens that the Express SDKs take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Express {
    /// For every room.
    Basic(Basic),
    /// For one room.
    Room(Room),
}

impl Token for Express {
    type Key = Key;

    fn kind(&self) -> &'static str {
        match self {
            Express::Basic(token) => token.kind(),
            Express::Room(token) => token.kind(),
        }
    }

    fn ttl(&self) -> Ttl {
        match self {
            Express::Basic(token) => token.ttl(),
            Express::Room(token) => token.ttl(),
        }
    }

    fn sign(&self, stamp: Stamp, key: &Key) -> Signed {
        match self {
            Express::Basic(token) => token.sign(stamp, key),
            Express::Room(token) => token.sign(stamp, key),
        }
    }

    fn facts(&self, issued_at: Moment) -> impl Serialize {
        #[derive(Serialize)]
        #[serde(untagged)]
        enum Facts<B, R> {
            Basic(B),
            Room(R),
        }
        match self {
            Express::Basic(token) => Facts::Basic(token.facts(issued_at)),
            Express::Room(token) => Facts::Room(token.facts(issued_at)),
        }
    }
}
