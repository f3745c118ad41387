//! The kit token: what ZEGO's web UIKit takes.
//!
//! It is a token and, behind a `#`, what else the UIKit must know. Nothing behind the `#` is signed: ZEGO checks the token
//! alone.

use super::{AppId, Express, Key, RoomId, UserId};
use crate::redacted::Redacted;
use crate::{Moment, NameError, NameFlaw, Signed, Stamp, Token, Ttl};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

/// The name that other people in the room see: 1 to 256 bytes of UTF-8 (ZEGO's documentation of `ZegoUser`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserName(String);

impl UserName {
    /// The length in bytes that ZEGO takes.
    const MAX_BYTES: usize = 256;

    /// Checks a name.
    ///
    /// # Errors
    /// It is empty or too long.
    pub fn new(name: impl Into<String>) -> Result<UserName, NameError> {
        let name = name.into();
        let flaw = match name.len() {
            0 => NameFlaw::Empty,
            bytes if bytes > UserName::MAX_BYTES => NameFlaw::TooLong { max_bytes: UserName::MAX_BYTES, bytes },
            _ => return Ok(UserName(name)),
        };
        Err(NameError::new("a ZEGO user name", flaw))
    }
}

/// A kit token. It contains a token, so `Debug` shows `[redacted]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KitToken(Redacted<String>);

/// What JavaScript's `encodeURIComponent` encodes: all but letters, digits and these (ECMA-262, 19.2.6.4).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

impl KitToken {
    /// The kit token of a signed token for this user. Without a room, the room id is empty.
    pub(super) fn new(
        signed: &Signed,
        app_id: AppId,
        user: &UserId,
        room: Option<&RoomId>,
        name: &UserName,
    ) -> KitToken {
        /// In the order of the UIKit's own builder.
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Kit<'a> {
            #[serde(rename = "userID")]
            user: &'a str,
            #[serde(rename = "roomID")]
            room: &'a str,
            user_name: String,
            #[serde(rename = "appID")]
            app_id: AppId,
        }
        let kit = Kit {
            user: user.as_str(),
            room: room.map_or("", RoomId::as_str),
            user_name: utf8_percent_encode(&name.0, ENCODED).to_string(),
            app_id,
        };
        let json = serde_json::to_vec(&kit).expect("texts and a number");
        KitToken(Redacted(format!("{}#{}", signed.expose(), BASE64_STANDARD.encode(json))))
    }

    /// The kit token itself. Give it to the caller alone: never to a log or an error message.
    pub fn expose(&self) -> &str {
        &self.0.0
    }
}

/// An Express token, and the user's name if the request gives one. With the name there is a kit token, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedExpress {
    /// The token.
    pub express: Express,
    /// The user's name. Only the kit token contains it.
    pub user_name: Option<UserName>,
}

impl Token for NamedExpress {
    type Key = Key;

    fn kind(&self) -> &'static str {
        self.express.kind()
    }

    fn ttl(&self) -> Ttl {
        self.express.ttl()
    }

    fn sign(&self, stamp: Stamp, key: &Key) -> Signed {
        self.express.sign(stamp, key)
    }

    fn facts(&self, issued_at: Moment) -> impl Serialize {
        self.express.facts(issued_at)
    }

    fn kit_token(&self, signed: &Signed, key: &Key) -> Option<KitToken> {
        let name = self.user_name.as_ref()?;
        let (user, room) = match &self.express {
            Express::Basic(basic) => (&basic.user, None),
            Express::Room(room) => (&room.user, Some(&room.room)),
        };
        Some(KitToken::new(signed, key.app_id, user, room, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zego::{Basic, ServerSecret};

    /// What `ZegoUIKitPrebuilt.generateKitTokenForProduction` of `@zegocloud/zego-uikit-prebuilt` 2.18.4 makes of the same
    /// texts. `tests/browser` compares it with the package itself.
    #[test]
    fn a_kit_token_is_what_the_vendors_own_function_makes() {
        let signed = |text: &str| {
            Signed::new(text.to_owned(), Moment::from_unix_seconds(1_700_000_000).expect("in range"), Ttl::MAX)
        };
        let app_id = AppId::new(1_234_567_890).expect("valid");
        let user = UserId::new("alice").expect("valid");
        let room = RoomId::new("demo").expect("valid");
        let kit = |room, name: &str| {
            let name = UserName::new(name).expect("valid");
            let kit = KitToken::new(&signed("04abc"), app_id, &user, room, &name);
            let (token, kit) = kit.expose().split_once('#').expect("a #");
            assert_eq!(token, "04abc");
            String::from_utf8(BASE64_STANDARD.decode(kit).expect("base64")).expect("UTF-8")
        };
        assert_eq!(
            kit(Some(&room), "Jos\u{e9} (admin)'s\u{1f642}"),
            r#"{"userID":"alice","roomID":"demo","userName":"Jos%C3%A9%20(admin)'s%F0%9F%99%82","appID":1234567890}"#
        );
        assert_eq!(kit(None, "a\"b"), r#"{"userID":"alice","roomID":"","userName":"a%22b","appID":1234567890}"#);
        let shown =
            format!("{:?}", KitToken::new(&signed("04abc"), app_id, &user, None, &UserName::new("A").expect("valid")));
        assert!(!shown.contains("04abc"), "{shown}");
    }

    #[test]
    fn a_name_has_1_to_256_bytes() {
        for good in ["a".to_owned(), "\u{e9}".repeat(128)] {
            assert!(UserName::new(good).is_ok());
        }
        for wrong in [String::new(), "a".repeat(257), "\u{e9}".repeat(129)] {
            assert!(UserName::new(wrong).is_err());
        }
    }

    #[test]
    fn only_a_named_user_has_a_kit_token() {
        let key = Key {
            app_id: AppId::new(1).expect("valid"),
            server_secret: ServerSecret::new("0123456789abcdef0123456789abcdef").expect("valid"),
        };
        let basic = Basic { user: UserId::new("alice").expect("valid"), ttl: Ttl::MAX };
        let signed =
            Signed::new("04abc".to_owned(), Moment::from_unix_seconds(1_700_000_000).expect("in range"), Ttl::MAX);
        let named = |user_name| NamedExpress { express: Express::Basic(basic.clone()), user_name };
        assert_eq!(named(None).kit_token(&signed, &key), None);
        assert!(named(UserName::new("Alice").ok()).kit_token(&signed, &key).is_some());
    }
}
