//! Tokens and keys for the tests of reading.

use super::bytes::inflate;
use super::token as read;
use super::{AccessToken, AccessToken2, Token04, Unverified};
use crate::agora::{
    self, AppCertificate, AppId, ChannelName, Rights, Role, Rtc, RtcUser, Rtm, RtmUserId, Uid, Version,
};
use crate::{Moment, Signed, Stamp, Token, Ttl, zego};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use std::io::Write;

pub(super) fn at(seconds: u64) -> Moment {
    Moment::from_unix_seconds(seconds).expect("in range")
}

pub(super) const NOW: u64 = 1_700_000_000;

pub(super) fn stamp() -> Stamp {
    Stamp::new(at(NOW), [7; Stamp::RANDOMNESS_BYTES])
}

pub(super) fn agora_key(digit: &str) -> agora::Key {
    agora::Key {
        app_id: AppId::new("0123456789abcdef0123456789abcdef").expect("valid"),
        app_certificate: AppCertificate::new(&digit.repeat(32)).expect("valid"),
    }
}

pub(super) fn zego_key(digit: &str) -> zego::Key {
    zego::Key {
        app_id: zego::AppId::new(1_234_567_890).expect("valid"),
        server_secret: zego::ServerSecret::new(&digit.repeat(32)).expect("valid"),
    }
}

pub(super) fn ttl(seconds: u64) -> Ttl {
    Ttl::from_seconds(seconds).expect("valid")
}

pub(super) fn rtc() -> Signed {
    let channel = ChannelName::new("room").expect("valid");
    let user = RtcUser::Uid(Uid::new(42).expect("valid"));
    Rtc { channel, user, rights: Rights::of_role(Role::Publisher, ttl(600)) }.sign(stamp(), &agora_key("a"))
}

pub(super) fn rtm_006() -> Signed {
    let user = RtmUserId::new("alice").expect("valid");
    Rtm { user, ttl: ttl(600), version: Version::V006 }.sign(stamp(), &agora_key("a"))
}

pub(super) fn zego_basic() -> Signed {
    zego::Basic { user: zego::UserId::new("alice").expect("valid"), ttl: ttl(600) }.sign(stamp(), &zego_key("a"))
}

pub(super) fn access_token2(token: &str) -> AccessToken2 {
    match read(token) {
        Ok(Unverified::AccessToken2(parts)) => parts,
        other => panic!("{other:?}"),
    }
}

pub(super) fn access_token(token: &str) -> AccessToken {
    match read(token) {
        Ok(Unverified::AccessToken(parts)) => parts,
        other => panic!("{other:?}"),
    }
}

pub(super) fn token04(token: &str) -> Token04 {
    match read(token) {
        Ok(Unverified::Token04(parts)) => parts,
        other => panic!("{other:?}"),
    }
}

/// A `007` token with this content, signed or not.
pub(super) fn wrapped(payload: &[u8]) -> String {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
    zlib.write_all(payload).expect("a Vec takes everything");
    format!("007{}", BASE64_STANDARD.encode(zlib.finish().expect("a Vec takes everything")))
}

pub(super) fn payload() -> Vec<u8> {
    inflate(&BASE64_STANDARD.decode(&rtc().expose()[3..]).expect("base64")).expect("zlib")
}
