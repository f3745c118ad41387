//! Any text as a token, and any content in a token that is genuinely signed.

use crate::judge::{APP_CERTIFICATE, SERVER_SECRET, agora_key, zego_key};
use aes::Aes256Enc;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeEncrypt, KeyIvInit};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha2::Sha256;
use std::io::Write;
use tokens::agora::{
    Bundle, ChannelName, ChatApp, ChatUser, ChatUserId, Privileges, Rights, Rtc, RtcUser, Rtm, RtmUserId, Uid,
    UserAccount, Version,
};
use tokens::read::{self, AccessToken2, ReadError, Service, ServiceBody, Unverified};
use tokens::zego::{Basic, UserId};
use tokens::{Moment, Stamp, Token, Ttl, agora, zego};

/// Another project's certificate, and another app's secret.
const OTHER: &str = "0123456789abcdef0123456789abcdef";

/// Reads the input in every way.
///
/// # Panics
/// The reader accepts a forged token, refuses a genuine one, or does not read what was written.
pub fn check(data: &[u8]) {
    if let Ok(text) = str::from_utf8(data) {
        any_text(text);
    }
    genuine_access_token2(data);
    genuine_access_token(data);
    genuine_token04(data);
}

fn other_agora_key() -> agora::Key {
    let app_certificate = agora::AppCertificate::new(OTHER).expect("a certificate");
    agora::Key { app_certificate, ..agora_key() }
}

fn other_zego_key() -> zego::Key {
    zego::Key { server_secret: zego::ServerSecret::new(OTHER).expect("a secret"), ..zego_key() }
}

/// A text that nobody signed. It may be read, but its signature must not verify.
fn any_text(text: &str) {
    let parsed = match read::token(text) {
        Ok(parsed) => parsed,
        Err(malformed) => {
            assert!(text.len() <= read::MAX_LENGTH || malformed == ReadError::TooLarge);
            return;
        }
    };
    assert!(!format!("{parsed:?}").is_empty());
    match parsed {
        Unverified::AccessToken2(token) => {
            json(&token);
            // Nobody can guess an HMAC, whatever app the token names.
            for key in both_agora_keys(&token.app_id) {
                token.verify_signature(&key).expect_err("nobody signed this");
            }
        }
        Unverified::AccessToken(token) => {
            json(&token);
            for key in both_agora_keys(&token.app_id) {
                token.verify_signature(&key, "demo", "42").expect_err("nobody signed this");
            }
        }
        // This format has no signature. One text in 256 can be decrypted, but then it is not JSON.
        Unverified::Token04(token) => {
            for key in [zego_key(), other_zego_key()] {
                token.unseal(&key.server_secret).expect_err("nobody sealed this");
            }
        }
    }
}

/// Our key and another one, for this app if its id is valid.
fn both_agora_keys(app_id: &str) -> [agora::Key; 2] {
    [agora_key(), other_agora_key()].map(|key| match agora::AppId::new(app_id) {
        Ok(app_id) => agora::Key { app_id, ..key },
        Err(_) => key,
    })
}

fn json(parsed: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(parsed).expect("plain data")
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

fn bytes(content: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(content.len()).ok()?;
    Some([&length.to_le_bytes(), content].concat())
}

/// `007`: signs the data as the part that follows the app id.
fn genuine_access_token2(data: &[u8]) {
    let key = agora_key();
    let Some([issue_ts, _, salt]) = data.first_chunk::<12>().map(|head| [&head[..4], &head[4..8], &head[8..]]) else {
        return;
    };
    let signing_key = hmac(salt, &[&hmac(issue_ts, &[APP_CERTIFICATE.as_bytes()])]);
    let signed = [&bytes(key.app_id.as_str().as_bytes()).expect("short"), data].concat();
    let signature = bytes(&hmac(&signing_key, &[&signed])).expect("short");
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::none());
    zlib.write_all(&[signature, signed].concat()).expect("a Vec takes everything");
    let content = zlib.finish().expect("a Vec takes everything");
    let Ok(Unverified::AccessToken2(token)) = read::token(&format!("007{}", BASE64_STANDARD.encode(&content))) else {
        return;
    };
    token.verify_signature(&key).expect("we signed it");
    token.verify_signature(&other_agora_key()).expect_err("not they");
    let mut changed = content;
    // The last byte before the checksum.
    let last = changed.len() - 5;
    changed[last] ^= 1;
    // In a fuzzed build, the inflater does not check zlib's checksum. The signature decides.
    if let Ok(Unverified::AccessToken2(changed)) = read::token(&format!("007{}", BASE64_STANDARD.encode(&changed))) {
        changed.verify_signature(&key).expect_err("it was changed");
    }
    if let Some(again) = signed_again(&token, &key) {
        let Ok(Unverified::AccessToken2(again)) = read::token(&again) else { panic!("our own token") };
        again.verify_signature(&key).expect("we signed it");
        assert_eq!(json(&again), json(&token), "what was read doesn't say what was written");
    }
}

/// The token that our own writer makes of what was read, if it can describe that.
fn signed_again(token: &AccessToken2, key: &agora::Key) -> Option<String> {
    let ttl = Ttl::from_seconds(token.expire.into()).ok()?;
    let stamp = Stamp::new(Moment::from_unix_seconds(token.issue_ts.into()).ok()?, salted(token.salt)?);
    if token.unknown_service_type.is_some() {
        return None;
    }
    let signed = match &token.services[..] {
        [app] if app.service_type.number() == 5 && is_user(app, "") && only(app, 2, ttl) => {
            ChatApp { ttl }.sign(stamp, key)
        }
        [chat] if chat.service_type.number() == 5 && only(chat, 1, ttl) => {
            ChatUser { user: ChatUserId::new(user(chat)?).ok()?, ttl }.sign(stamp, key)
        }
        [rtm] if rtm.service_type.number() == 2 && only(rtm, 1, ttl) => {
            Rtm { user: RtmUserId::new(user(rtm)?).ok()?, ttl, version: Version::V007 }.sign(stamp, key)
        }
        [first, rest @ ..] => {
            let mut bundle = Bundle { rtc: rtc(first, ttl)?, rtm: None, chat: None };
            for service in rest {
                only(service, 1, ttl).then_some(())?;
                match service.service_type.number() {
                    2 if bundle.rtm.is_none() && bundle.chat.is_none() => {
                        bundle.rtm = Some(RtmUserId::new(user(service)?).ok()?);
                    }
                    5 if bundle.chat.is_none() => bundle.chat = Some(ChatUserId::new(user(service)?).ok()?),
                    _ => return None,
                }
            }
            bundle.sign(stamp, key)
        }
        [] => return None,
    };
    Some(signed.expose().to_owned())
}

/// The randomness that makes this salt.
fn salted(salt: u32) -> Option<[u8; Stamp::RANDOMNESS_BYTES]> {
    let mut randomness = [0; Stamp::RANDOMNESS_BYTES];
    let drawn = u64::from(salt.checked_sub(1).filter(|salt| *salt < 99_999_999)?);
    randomness[..8].copy_from_slice(&drawn.to_le_bytes());
    Some(randomness)
}

fn user(service: &Service) -> Option<&str> {
    match &service.body {
        ServiceBody::User { user_id } => Some(user_id),
        _ => None,
    }
}

fn is_user(service: &Service, name: &str) -> bool {
    user(service) == Some(name)
}

fn only(service: &Service, privilege: u16, ttl: Ttl) -> bool {
    service.privileges.iter().eq([(&privilege, &ttl.as_seconds())])
}

fn rtc(service: &Service, ttl: Ttl) -> Option<Rtc> {
    let ServiceBody::Rtc { channel_name, uid } = &service.body else { return None };
    let lives = |number: u16| match service.privileges.get(&number) {
        Some(seconds) => Ttl::from_seconds((*seconds).into()).ok().map(Some),
        None => Some(None),
    };
    let privileges = Privileges {
        join_channel: lives(1)??,
        publish_audio: lives(2)?,
        publish_video: lives(3)?,
        publish_data_stream: lives(4)?,
    };
    service.privileges.keys().all(|number| (1..=4).contains(number)).then_some(())?;
    let account = UserAccount::new(uid.as_str()).ok()?;
    let user = account.as_uid().map_or(RtcUser::Account(account), |uid: Uid| RtcUser::Uid(uid));
    let channel = ChannelName::new(channel_name.as_str()).ok()?;
    Some(Rtc { channel, user, rights: Rights::new(ttl, privileges).ok()? })
}

/// `006`: signs the data as the message, for one channel and uid.
fn genuine_access_token(data: &[u8]) {
    let key = agora_key();
    let (channel, uid) = ("demo", "42");
    let app_id = key.app_id.as_str();
    let signature = hmac(APP_CERTIFICATE.as_bytes(), &[app_id.as_bytes(), channel.as_bytes(), uid.as_bytes(), data]);
    let Some(message) = bytes(data) else { return };
    let checksum = |text: &str| crc32fast::hash(text.as_bytes()).to_le_bytes();
    let content = [&bytes(&signature).expect("short")[..], &checksum(channel), &checksum(uid), &message].concat();
    let token = read::token(&format!("006{app_id}{}", BASE64_STANDARD.encode(&content)));
    let Ok(Unverified::AccessToken(token)) = token else { return };
    json(&token);
    token.verify_signature(&key, channel, uid).expect("we signed it");
    token.verify_signature(&key, "demo2", uid).expect_err("another channel");
    token.verify_signature(&key, channel, "43").expect_err("another uid");
    token.verify_signature(&other_agora_key(), channel, uid).expect_err("not they");
}

/// `04`: seals the data as the claims.
fn genuine_token04(data: &[u8]) {
    let (key, iv) = (zego_key(), [b'a'; 16]);
    let secret: &[u8; 32] = SERVER_SECRET.as_bytes().try_into().expect("32 bytes");
    let cipher = cbc::Encryptor::<Aes256Enc>::new(secret.into(), &iv.into()).encrypt_padded_vec::<Pkcs7>(data);
    let Ok(length) = u16::try_from(cipher.len()) else { return };
    let claims = serde_json::from_slice::<read::Token04Claims>(data).ok();
    let expire = claims.as_ref().map_or(0, |claims| claims.expire);
    let content = [&expire.to_be_bytes()[..], &16u16.to_be_bytes(), &iv, &length.to_be_bytes(), &cipher].concat();
    let token = read::token(&format!("04{}", BASE64_STANDARD.encode(&content)));
    let Ok(Unverified::Token04(token)) = token else { panic!("whole blocks behind their length") };
    assert_eq!(token.unseal(&key.server_secret).ok(), claims);
    let Some(claims) = claims.filter(|claims| claims.app_id == key.app_id.get()) else {
        token.decrypt(&key).expect_err("no claims for this app");
        return;
    };
    assert_eq!(token.decrypt(&key).as_ref(), Ok(&claims));
    token.decrypt(&other_zego_key()).expect_err("not they");
    if let Some(again) = sealed_again(&claims, &key) {
        let Ok(Unverified::Token04(again)) = read::token(&again) else { panic!("our own token") };
        assert_eq!(again.decrypt(&key), Ok(claims), "what was read doesn't say what was written");
    }
}

fn sealed_again(claims: &read::Token04Claims, key: &zego::Key) -> Option<String> {
    let lives = u64::try_from(claims.expire.checked_sub(claims.ctime)?).ok()?;
    let nonce = u32::try_from(claims.nonce).ok().filter(|nonce| i32::try_from(*nonce).is_ok())?;
    let mut randomness = [7; Stamp::RANDOMNESS_BYTES];
    randomness[16..].copy_from_slice(&nonce.to_le_bytes());
    let issued_at = Moment::from_unix_seconds(u64::try_from(claims.ctime).ok()?).ok()?;
    let basic = Basic { user: UserId::new(claims.user_id.as_str()).ok()?, ttl: Ttl::from_seconds(lives).ok()? };
    claims.payload.is_empty().then(|| basic.sign(Stamp::new(issued_at, randomness), key).expose().to_owned())
}
