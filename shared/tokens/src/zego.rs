//! ZEGO's tokens, all of format `04`: one file per kind, and the format.
//!
//! | kind | lets its holder |
//! |---|---|
//! | [`Basic`] | log in to *every* room of the app as one user and publish there |
//! | [`Room`] | log in to one room, publish there, or both, as one user |
//! | [`Zim`] | log in to ZIM (In-app Chat) as one user |
//!
//! [`Express`] is either of the first two, which the Express SDKs take.

mod key;
pub(crate) mod token04;
mod basic;
mod room;
mod zim;
mod kit;

pub use basic::Basic;
pub use key::{AppId, Key, KeyError, ServerSecret};
pub use kit::{KitToken, NamedExpress, UserName};
pub use room::{Express, Room, RoomId, RoomPrivilege, RoomPrivileges, StreamId, StreamIds, TooManyStreamsError};
pub use zim::{Zim, ZimUserId};

use crate::name::{Rule, name, no_further_rule, printable_ascii};

name!(
    /// An Express user id: 1 to 64 bytes of printable ASCII (ZEGO's documentation; the Java server assistant).
    UserId,
    Rule {
        what: "a ZEGO user id",
        max_bytes: 64,
        characters: "printable ASCII characters",
        allows: printable_ascii,
        star_is_wildcard: false,
        also: no_further_rule,
    }
);
