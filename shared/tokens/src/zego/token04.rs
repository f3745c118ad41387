//! Token `04`: `"04" + base64(expire + iv + AES-256-CBC(JSON))`, integers big endian.
//!
//! The layout and the order of the JSON's keys are those of the Node and Python code in ZEGO's server assistant
//! (token04); its Go code orders and escapes the same fields differently, and the vendor reads both.

use super::{AppId, Key};
use crate::signed::encode_into;
use crate::{Signed, Stamp, Ttl};
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeEncrypt, InnerIvInit};
use serde::Serialize;

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

/// Where the cipher text begins: behind the expiry, the IV and both lengths.
const CIPHER_AT: usize = 8 + 2 + BLOCK + 2;
/// The most that the sealed JSON takes beside the user id and the payload: its keys, and four numbers of 32 bits.
const FRAME: usize = 105;

/// Room for a payload that takes at most this many bytes once it is escaped, and for the token that it goes into.
pub(crate) fn payload_buffer(user_id: &str, escaped_bytes: usize) -> Vec<u8> {
    let clear_bytes = FRAME + 2 * user_id.len() + escaped_bytes;
    Vec::with_capacity(VERSION.len() + (CIPHER_AT + clear_bytes + BLOCK).div_ceil(3) * 4)
}

/// Seals a token for a user. `payload` is JSON or empty; its buffer becomes the token's.
pub(crate) fn sign(key: &Key, stamp: Stamp, ttl: Ttl, user_id: &str, payload: Vec<u8>) -> Signed {
    let issued_at = stamp.issued_at();
    let (nonce, iv) = stamp.into_nonce_and_iv();
    let claims = Claims {
        app_id: key.app_id,
        user_id,
        nonce,
        ctime: issued_at.as_unix_seconds().into(),
        expire: issued_at.plus(ttl).into(),
        payload: str::from_utf8(&payload).expect("JSON is UTF-8"),
    };
    let content = seal(key, claims, &iv);
    Signed::new(encode_into(payload, &[VERSION], &content), issued_at, ttl)
}

/// What a token holds in base64, from raw fields.
pub(crate) fn seal(key: &Key, claims: Claims<'_>, iv: &[u8; BLOCK]) -> Vec<u8> {
    // Ids and payloads are printable ASCII, of which JSON escapes a character with one more at most. What outgrows its
    // room is only slower.
    let room = FRAME + 2 * (claims.user_id.len() + claims.payload.len()) + BLOCK;
    let mut content = Vec::with_capacity(CIPHER_AT + room);
    content.extend_from_slice(&claims.expire.to_be_bytes());
    content.extend_from_slice(&(BLOCK as u16).to_be_bytes());
    content.extend_from_slice(iv);
    content.extend_from_slice(&[0; 2]);
    serde_json::to_writer(&mut content, &claims).expect("a Vec takes everything, and the claims are plain");

    // The text is encrypted where it stands, with room for its padding: one byte up to a whole block.
    let clear_bytes = content.len() - CIPHER_AT;
    let cipher_bytes = (clear_bytes / BLOCK + 1) * BLOCK;
    content.resize(CIPHER_AT + cipher_bytes, 0);
    let length = u16::try_from(cipher_bytes).expect("ids and lists are bounded far below 65,536 bytes");
    content[CIPHER_AT - 2..CIPHER_AT].copy_from_slice(&length.to_be_bytes());
    cbc::Encryptor::inner_iv_init(key.server_secret.cipher(), iv.into())
        .encrypt_padded::<Pkcs7>(&mut content[CIPHER_AT..], clear_bytes)
        .expect("there is room for the padding");
    content
}
