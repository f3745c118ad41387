//! Tokens that no builder of ours would make, written byte for byte by the formats' descriptions, on code that is not
//! the program's.

use aes::Aes256;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeEncrypt, KeyIvInit};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::io::Write;

/// The moment of all these tests.
pub(crate) const NOW: u32 = 1_800_000_000;
pub(crate) const APP_ID: &str = "970CA35de60c44645bbae8a215061b33";
pub(crate) const CERTIFICATE: &str = "5CFd2fd1755d40ecb72977518be15d3b";
pub(crate) const OTHER_CERTIFICATE: &str = "00112233445566778899aabbccddeeff";
pub(crate) const ZEGO_APP_ID: u32 = 1_234_567_890;
pub(crate) const SECRET: &str = "fa94dd0f974cf2e293728a526b028271";
pub(crate) const OTHER_SECRET: &str = "00112233445566778899aabbccddeeff";

/// A type of resource, with the names that each permission has.
pub(crate) type Permitted<'a> = (u16, &'a [(u16, &'a [&'a str])]);

/// A service of a `007` token.
#[derive(Clone)]
pub(crate) struct Service(Vec<u8>);

impl Service {
    fn new(number: u16, privileges: &[(u16, u32)], names: &[&str]) -> Service {
        let mut bytes = number.to_le_bytes().to_vec();
        map(&mut bytes, privileges);
        names.iter().for_each(|name| text(&mut bytes, name.as_bytes()));
        Service(bytes)
    }

    pub(crate) fn rtc(channel: &str, uid: &str, privileges: &[(u16, u32)]) -> Service {
        Service::new(1, privileges, &[channel, uid])
    }

    pub(crate) fn rtm(user: &str, lives: u32) -> Service {
        Service::new(2, &[(1, lives)], &[user])
    }

    pub(crate) fn chat_user(user: &str, lives: u32) -> Service {
        Service::new(5, &[(1, lives)], &[user])
    }

    pub(crate) fn chat_app(lives: u32) -> Service {
        Service::new(5, &[(2, lives)], &[""])
    }

    /// Lists of names by resource and permission, in ascending order.
    pub(crate) fn rtm2(user: &str, permissions: &[Permitted<'_>]) -> Service {
        let count = |length: usize| u16::try_from(length).expect("few").to_le_bytes();
        let Service(mut bytes) = Service::new(8, &[(1, 3600)], &[user]);
        bytes.extend(count(permissions.len()));
        for (resource, permissions) in permissions {
            bytes.extend(resource.to_le_bytes());
            bytes.extend(count(permissions.len()));
            for (permission, names) in *permissions {
                bytes.extend(permission.to_le_bytes());
                bytes.extend(count(names.len()));
                names.iter().for_each(|name| text(&mut bytes, name.as_bytes()));
            }
        }
        Service(bytes)
    }

    pub(crate) fn apaas(room: &str, user: &str, role: i16, privilege: u16) -> Service {
        let Service(mut bytes) = Service::new(7, &[(privilege, 3600)], &[room, user]);
        bytes.extend(role.to_le_bytes());
        Service(bytes)
    }

    /// An agent's: 9 for Conversational AI, 10 for speech to text.
    pub(crate) fn of_agents(number: u16) -> Service {
        Service::new(number, &[], &[])
    }

    pub(crate) fn of_unknown_type() -> Service {
        Service(vec![99, 0, 0, 0, 1, 2, 3])
    }
}

/// What a `007` token is made of.
#[derive(Clone)]
pub(crate) struct Token007 {
    pub(crate) app_id: &'static str,
    pub(crate) certificate: &'static str,
    pub(crate) issued_at: u32,
    pub(crate) expire: u32,
    pub(crate) services: Vec<Service>,
}

impl Token007 {
    /// Made ten minutes ago for an hour.
    pub(crate) fn with(services: Vec<Service>) -> Token007 {
        Token007 { app_id: APP_ID, certificate: CERTIFICATE, issued_at: NOW - 600, expire: 3600, services }
    }

    /// One that lets uid 7 into the channel demo.
    pub(crate) fn good() -> Token007 {
        Token007::with(vec![Service::rtc("demo", "7", &[(1, 3600)])])
    }

    pub(crate) fn write(&self) -> String {
        const SALT: u32 = 12_345_678;
        let mut info = Vec::new();
        text(&mut info, self.app_id.as_bytes());
        for number in [self.issued_at, self.expire, SALT] {
            info.extend(number.to_le_bytes());
        }
        info.extend(u16::try_from(self.services.len()).expect("few").to_le_bytes());
        self.services.iter().for_each(|service| info.extend(&service.0));
        let key = mac(&self.issued_at.to_le_bytes(), &[self.certificate.as_bytes()]);
        let key = mac(&SALT.to_le_bytes(), &[&key]);
        let mut payload = Vec::new();
        text(&mut payload, &mac(&key, &[&info]));
        payload.extend(info);
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(&payload).expect("a Vec takes everything");
        format!("007{}", BASE64_STANDARD.encode(zlib.finish().expect("a Vec takes everything")))
    }
}

/// A `006` token.
pub(crate) fn token_006(channel: &str, uid: &str, issued_at: u32, privileges: &[(u16, u32)]) -> String {
    token_006_of(channel, uid, &message_006(12_345_678, issued_at, privileges))
}

/// The signed part of a `006` token, privileges in the given order.
pub(crate) fn message_006(salt: u32, issued_at: u32, privileges: &[(u16, u32)]) -> Vec<u8> {
    let mut message = salt.to_le_bytes().to_vec();
    message.extend((issued_at + 86_400).to_le_bytes());
    map(&mut message, privileges);
    message
}

/// A `006` token with any bytes for its message. The signature is over names and message without a border, so it is
/// also that of every token with the border elsewhere.
pub(crate) fn token_006_of(channel: &str, uid: &str, message: &[u8]) -> String {
    let signed = mac(CERTIFICATE.as_bytes(), &[APP_ID.as_bytes(), channel.as_bytes(), uid.as_bytes(), message]);
    let mut content = Vec::new();
    text(&mut content, &signed);
    content.extend(crc32fast::hash(channel.as_bytes()).to_le_bytes());
    content.extend(crc32fast::hash(uid.as_bytes()).to_le_bytes());
    text(&mut content, message);
    format!("006{APP_ID}{}", BASE64_STANDARD.encode(content))
}

/// The sealed JSON of a `04` token.
pub(crate) fn claims(user: &str, issued_at: i64, expire: i64, payload: &str) -> serde_json::Value {
    serde_json::json!({
        "app_id": ZEGO_APP_ID, "user_id": user, "nonce": 7, "ctime": issued_at, "expire": expire, "payload": payload,
    })
}

/// A `04` token, or one of another version that is laid out like it.
pub(crate) fn token_04(version: &str, claims: &serde_json::Value, expire: i64) -> String {
    let iv = *b"0123456789abcdef";
    let text = claims.to_string();
    let mut cipher = text.as_bytes().to_vec();
    cipher.resize((text.len() / 16 + 1) * 16, 0);
    cbc::Encryptor::<Aes256>::new_from_slices(SECRET.as_bytes(), &iv)
        .expect("32 and 16 bytes")
        .encrypt_padded::<Pkcs7>(&mut cipher, text.len())
        .expect("there is room for the padding");
    let mut content = expire.to_be_bytes().to_vec();
    for part in [iv.as_slice(), &cipher] {
        content.extend(u16::try_from(part.len()).expect("short").to_be_bytes());
        content.extend(part);
    }
    format!("{version}{}", BASE64_STANDARD.encode(content))
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

fn text(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(u16::try_from(bytes.len()).expect("short").to_le_bytes());
    out.extend(bytes);
}

fn map(out: &mut Vec<u8>, entries: &[(u16, u32)]) {
    out.extend(u16::try_from(entries.len()).expect("few").to_le_bytes());
    for (key, value) in entries {
        out.extend(key.to_le_bytes());
        out.extend(value.to_le_bytes());
    }
}
