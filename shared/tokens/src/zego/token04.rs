//! Token `04`: `"04" + base64(expire + iv + AES-256-CBC(JSON))`, integers big endian.
//!
//! The layout and the order of the JSON's keys are those of the Node and Python code in ZEGO's server assistant
//! (token04). Its Go code orders and escapes the same fields differently. The vendor reads both.

use super::{AppId, Key};
use crate::signed::encode;
use crate::{Signed, Stamp, Ttl};
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeEncrypt, InnerIvInit};
use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::{CharEscape, CompactFormatter, Formatter};
use std::io::{self, Write};

/// The format's first two characters.
pub(crate) const VERSION: &str = "04";
/// The cipher's block size, which is also the IV's length.
pub(crate) const BLOCK: usize = 16;

/// The fields of the sealed JSON, in the order in which they are written.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Claims<'a> {
    pub(crate) app_id: AppId,
    pub(crate) user_id: &'a str,
    pub(crate) nonce: u32,
    /// The moment of issue, in Unix seconds.
    pub(crate) ctime: i64,
    /// The moment of expiry, in Unix seconds.
    pub(crate) expire: i64,
    /// Empty, or JSON text of its own.
    pub(crate) payload: &'a str,
}

/// Where the cipher text begins: after the expiry, the IV and both lengths.
const CIPHER_AT: usize = 8 + 2 + BLOCK + 2;

/// Seals a token for a user, without a payload.
pub(crate) fn sign(key: &Key, stamp: Stamp, ttl: Ttl, user_id: &str) -> Signed {
    sign_claims(key, stamp, ttl, user_id, 0, |_| ())
}

/// Seals a token for a user, with JSON text in its payload. Escaped, the payload takes at most `payload_bytes`.
pub(crate) fn sign_with_payload(
    key: &Key,
    stamp: Stamp,
    ttl: Ttl,
    user_id: &str,
    payload: &impl Serialize,
    payload_bytes: usize,
) -> Signed {
    sign_claims(key, stamp, ttl, user_id, payload_bytes, |json| {
        // The payload is the last claim. It is still empty.
        const END: &[u8] = b"\"}";
        debug_assert!(json.ends_with(END));
        json.truncate(json.len() - END.len());
        payload.serialize(&mut Serializer::with_formatter(&mut *json, WithinText)).expect(PLAIN);
        json.extend_from_slice(END);
    })
}

fn sign_claims(
    key: &Key,
    stamp: Stamp,
    ttl: Ttl,
    user_id: &str,
    payload_bytes: usize,
    add_payload: impl FnOnce(&mut Vec<u8>),
) -> Signed {
    let issued_at = stamp.issued_at();
    let (nonce, iv) = stamp.into_nonce_and_iv();
    let claims = Claims {
        app_id: key.app_id,
        user_id,
        nonce,
        ctime: issued_at.as_unix_seconds().into(),
        expire: issued_at.plus(ttl).into(),
        payload: "",
    };
    Signed::new(write_token(key, claims, &iv, payload_bytes, add_payload), issued_at, ttl)
}

const PLAIN: &str = "a Vec takes everything, and what is written is plain";

/// The token's text from raw fields. `add_payload` may put a payload into the claims' JSON.
pub(crate) fn write_token(
    key: &Key,
    claims: Claims<'_>,
    iv: &[u8; BLOCK],
    payload_bytes: usize,
    add_payload: impl FnOnce(&mut Vec<u8>),
) -> String {
    /// The most bytes that the JSON takes without the user id and the payload: its keys, and four numbers of 32 bits.
    const FRAME: usize = 105;

    // An id is printable ASCII. JSON adds at most one character to escape one of these. A text that needs more room is
    // slower, and still right.
    let room = FRAME + 2 * claims.user_id.len() + payload_bytes + BLOCK;
    let mut content = Vec::with_capacity(CIPHER_AT + room);
    content.extend_from_slice(&claims.expire.to_be_bytes());
    content.extend_from_slice(&(BLOCK as u16).to_be_bytes());
    content.extend_from_slice(iv);
    content.extend_from_slice(&[0; 2]);
    serde_json::to_writer(&mut content, &claims).expect(PLAIN);
    add_payload(&mut content);

    // The text is encrypted in place. Its padding needs room: one byte, or up to a whole block.
    let clear_bytes = content.len() - CIPHER_AT;
    let cipher_bytes = (clear_bytes / BLOCK + 1) * BLOCK;
    content.resize(CIPHER_AT + cipher_bytes, 0);
    let length = u16::try_from(cipher_bytes).expect("ids and lists are bounded far below 65,536 bytes");
    content[CIPHER_AT - 2..CIPHER_AT].copy_from_slice(&length.to_be_bytes());
    cbc::Encryptor::inner_iv_init(key.server_secret.cipher(), iv.into())
        .encrypt_padded::<Pkcs7>(&mut content[CIPHER_AT..], clear_bytes)
        .expect("there is room for the padding");
    encode(&[VERSION], &content)
}

/// Writes JSON into a text of other JSON: its quotes and backslashes are escaped once more.
struct WithinText;

impl Formatter for WithinText {
    fn begin_string<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(br#"\""#)
    }

    fn end_string<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(br#"\""#)
    }

    fn write_char_escape<W: ?Sized + Write>(&mut self, writer: &mut W, escape: CharEscape) -> io::Result<()> {
        match escape {
            CharEscape::Quote => writer.write_all(br#"\\\""#),
            CharEscape::ReverseSolidus => writer.write_all(br"\\\\"),
            // Every other escape is a backslash and letters or digits.
            _ => {
                writer.write_all(br"\")?;
                CompactFormatter.write_char_escape(writer, escape)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn json_within_a_text_is_what_serde_json_makes_in_two_steps(
            lists in prop::collection::btree_map(any::<String>(), prop::collection::vec(any::<String>(), 0..4), 0..4),
            id in "[ -~]{0,40}",
        ) {
            let value = (lists, id, 7, [true], None::<u8>);
            let mut written = b"\"".to_vec();
            value.serialize(&mut Serializer::with_formatter(&mut written, WithinText)).expect("plain");
            written.push(b'"');
            let text = serde_json::to_string(&value).expect("plain");
            prop_assert_eq!(String::from_utf8(written), Ok(serde_json::to_string(&text).expect("plain")));
        }
    }
}
