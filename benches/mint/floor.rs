//! The floor: the least that a token can cost. It runs the format's primitives over the same bytes, without any format
//! code.
//!
//! The primitives come from the crates that sign the tokens. Each is called as its documentation shows. Everything that
//! depends on the key is derived again for every token. The primitives write into existing buffers.

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use base64::Engine;
use base64::engine::Simd;
use base64::engine::general_purpose::PAD;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use sha2::Sha256;
use std::hint::black_box;

/// The primitives of one token.
pub(crate) struct Floor {
    primitives: Primitives,
    /// The bytes that become base64, and a buffer for the result.
    content: Vec<u8>,
    text: Vec<u8>,
    base64: Simd,
}

enum Primitives {
    /// `007`: three HMAC-SHA-256, Adler-32. APaaS derives the Chat user with MD5.
    AccessToken2 { certificate: [u8; 32], issue_ts: u32, salt: u32, md5_of: Option<Vec<u8>> },
    /// `006`: one HMAC-SHA-256, two CRC-32.
    AccessToken { certificate: [u8; 32], channel: Vec<u8>, uid: Vec<u8>, signed: Vec<u8> },
    /// `04`: AES-256-CBC with its key schedule. (The operating system's randomness comes on top, see [`draw`].)
    Token04 { secret: [u8; 32], iv: [u8; 16], clear_bytes: usize },
}

const ZLIB_HEAD: usize = 2 + 5;
const ADLER: usize = 4;
const SIGNATURE: usize = 2 + 32;
const CIPHER_AT: usize = 8 + 2 + 16 + 2;

impl Floor {
    pub(crate) fn of_007(token: &str, certificate: &str, md5_of: Option<&str>) -> Floor {
        let content = decode(&token[3..]);
        // Signed are the app id with its length, then the moment, the lifetime and the salt.
        let fields = &content[ZLIB_HEAD + SIGNATURE + 2 + 32..];
        let number = |at: usize| u32::from_le_bytes(fields[at..at + 4].try_into().expect("four bytes"));
        let (issue_ts, salt) = (number(0), number(8));
        let (certificate, md5_of) = (bytes(certificate), md5_of.map(Into::into));
        Floor::new(Primitives::AccessToken2 { certificate, issue_ts, salt, md5_of }, content)
    }

    pub(crate) fn of_006(token: &str, certificate: &str, channel: &str, uid: &str) -> Floor {
        let content = decode(&token[3 + 32..]);
        let message = &content[SIGNATURE + 4 + 4 + 2..];
        let signed = [&token.as_bytes()[3..3 + 32], channel.as_bytes(), uid.as_bytes(), message].concat();
        let (channel, uid) = (channel.into(), uid.into());
        Floor::new(Primitives::AccessToken { certificate: bytes(certificate), channel, uid, signed }, content)
    }

    pub(crate) fn of_04(token: &str, server_secret: &str) -> Floor {
        let content = decode(&token[2..]);
        let secret = bytes(server_secret);
        let iv: [u8; 16] = content[10..26].try_into().expect("16 bytes");
        let mut cipher = content[CIPHER_AT..].to_vec();
        let clear = cbc::Decryptor::<aes::Aes256Dec>::new(&secret.into(), &iv.into());
        let clear_bytes = clear.decrypt_padded::<Pkcs7>(&mut cipher).expect("this secret sealed it").len();
        Floor::new(Primitives::Token04 { secret, iv, clear_bytes }, content)
    }

    fn new(primitives: Primitives, content: Vec<u8>) -> Floor {
        let text = vec![0; content.len().div_ceil(3) * 4];
        Floor { primitives, content, text, base64: Simd::standard(PAD) }
    }

    pub(crate) fn run(&mut self) {
        let content = &mut self.content;
        match black_box(&self.primitives) {
            Primitives::AccessToken2 { certificate, issue_ts, salt, md5_of } => {
                black_box(md5_of.as_ref().map(Md5::digest));
                let inner = hmac(&issue_ts.to_le_bytes(), certificate);
                let key = hmac(&salt.to_le_bytes(), &inner);
                let payload = content.len() - ADLER;
                black_box(hmac(&key, &content[ZLIB_HEAD + SIGNATURE..payload]));
                black_box(simd_adler32::adler32(&&content[ZLIB_HEAD..payload]));
            }
            Primitives::AccessToken { certificate, channel, uid, signed } => {
                black_box((crc32fast::hash(channel), crc32fast::hash(uid)));
                black_box(hmac(certificate, signed));
            }
            Primitives::Token04 { secret, iv, clear_bytes } => {
                cbc::Encryptor::<aes::Aes256Enc>::new(secret.into(), iv.into())
                    .encrypt_padded::<Pkcs7>(&mut content[CIPHER_AT..], *clear_bytes)
                    .expect("there is room for the padding");
            }
        }
        self.base64.encode_slice(black_box(&self.content), &mut self.text).expect("there is room");
        black_box(&self.text);
    }
}

/// As many random bytes as a stamp takes.
pub(crate) fn draw() -> [u8; tokens::Stamp::RANDOMNESS_BYTES] {
    let mut randomness = [0; tokens::Stamp::RANDOMNESS_BYTES];
    getrandom::fill(&mut randomness).expect("the operating system has randomness");
    randomness
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.chain_update(message).finalize().into_bytes().into()
}

fn decode(text: &str) -> Vec<u8> {
    BASE64_STANDARD.decode(text).expect("a token's content is base64")
}

fn bytes(secret: &str) -> [u8; 32] {
    secret.as_bytes().try_into().expect("secrets are 32 bytes long")
}
