//! The way back: any token string into its parts, checked against a key, with a precise reason when it fails.
//!
//! [`token`] believes nothing: what it returns is [`Unverified`], and only a key makes it more than that. It never
//! panics, whatever the text, and never takes more memory than a bounded multiple of it.
//!
//! The parts that were read keep the vendors' field names, also when serialized. Their `Debug` leaves out what could be put
//! together into a token again.

use crate::agora::{Unpack, access_token, access_token2};
use crate::redacted::Redacted;
use crate::zego::token04;
use crate::{Moment, agora, zego};
use aes::Aes256Dec;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, KeyIvInit};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::{Decompress, FlushDecompress, Status};
use hmac::Mac;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use thiserror::Error;

/// A token's parts, not yet checked against any key: they are whatever somebody wrote there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unverified {
    /// Agora, version `007`.
    AccessToken2(AccessToken2),
    /// Agora, version `006`.
    AccessToken(AccessToken),
    /// ZEGO, version `04`.
    Token04(Token04),
}

/// Takes a token apart. Needs memory for a bounded multiple of its length, and refuses what is longer than [`MAX_LENGTH`].
///
/// # Errors
/// Says what stops it from being a token of any of the three formats.
pub fn token(text: &str) -> Result<Unverified, Malformed> {
    if text.len() > MAX_LENGTH {
        return Err(Malformed::TooLarge);
    }
    // The Agora versions first: a ZEGO token begins with 04, never with 00.
    if let Some(content) = text.strip_prefix(access_token2::VERSION) {
        AccessToken2::read(content).map(Unverified::AccessToken2)
    } else if let Some(content) = text.strip_prefix(access_token::VERSION) {
        AccessToken::read(content).map(Unverified::AccessToken)
    } else if let Some(content) = text.strip_prefix(token04::VERSION) {
        Token04::read(content).map(Unverified::Token04)
    } else {
        Err(Malformed::UnknownVersion)
    }
}

/// Why a text is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Malformed {
    /// Begins with none of the three versions.
    #[error("it begins with none of the known versions (007, 006, 04)")]
    UnknownVersion,
    /// A character that base64 doesn't have, or padding in the middle.
    #[error("it is not base64 behind its version")]
    NotBase64,
    /// Ends before its content does, as when it was not copied whole.
    #[error("it ends too early: a part of it is missing")]
    CutShort,
    /// A `007` token's content is no zlib stream, or its checksum is wrong.
    #[error("its content is not a valid zlib stream")]
    BadZlib,
    /// Longer than [`MAX_LENGTH`], or inflates to more than [`MAX_INFLATION`] times its size: no real token does.
    #[error("it holds more than a token can")]
    TooLarge,
    /// Goes on after its content has ended.
    #[error("more bytes follow where its content ends")]
    TrailingBytes,
    /// The signature isn't 32 bytes long.
    #[error("its signature is not 32 bytes long")]
    BadSignature,
    /// The IV isn't 16 bytes, or the cipher text not whole blocks.
    #[error("its IV or cipher text has an impossible length")]
    BadCipher,
    /// A name isn't text.
    #[error("a name in it is not UTF-8")]
    NotUtf8,
}

/// Why a well-formed token is not good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refused {
    /// Made for another project or app than the key's.
    #[error("it was made for another app id")]
    WrongAppId,
    /// Signed with another certificate, or changed since.
    #[error("its signature does not match: another app certificate, or it was changed")]
    WrongCertificate,
    /// Sealed with another server secret, or changed since.
    #[error("it does not open: another server secret, or it was changed")]
    WrongSecret,
    /// A `006` token for another channel (RTC) or user (RTM).
    #[error("it was made for another channel or RTM user")]
    WrongChannel,
    /// A `006` token for another uid.
    #[error("it was made for another uid")]
    WrongUid,
    /// A `04` token's outer and inner moments of expiry differ.
    #[error("its two moments of expiry differ")]
    ExpireMismatch,
    /// Issued later than now.
    #[error("it was issued in the future: a clock is wrong")]
    NotYetIssued,
    /// Over.
    #[error("it has expired")]
    Expired,
}

/// The longest text that is read as a token, in bytes: room for several thousand RTM2 resources.
pub const MAX_LENGTH: usize = 256 * 1024;

/// How many times its own size a `007` token's content may inflate to. Real ones stay far below, at 11 times for 1,500
/// equal characters: they are digests and ids.
pub const MAX_INFLATION: usize = 32;

/// The parts of a `007` token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccessToken2 {
    /// The project.
    pub app_id: String,
    /// The moment of issue, in Unix seconds.
    pub issue_ts: u32,
    /// How many seconds it lives from then on.
    pub expire: u32,
    /// What makes it differ from others of the same second.
    pub salt: u32,
    /// What it opens, in the order in which it stands there.
    pub services: Vec<Service>,
    /// A service of a type not known here, at which reading stopped. The signature covers it nevertheless.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown_service_type: Option<u16>,
    #[serde(skip)]
    signature: Redacted<[u8; 32]>,
    #[serde(skip)]
    signing_info: Redacted<Vec<u8>>,
}

/// One service of a `007` token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Service {
    /// The service's number on the wire.
    #[serde(rename = "type")]
    pub service_type: u16,
    /// Each privilege's number, and how many seconds after the token's issue it ends.
    pub privileges: BTreeMap<u16, u32>,
    /// For whom and where.
    #[serde(flatten)]
    pub body: ServiceBody,
}

/// For whom and where a service is good. An empty channel, uid or account means any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[allow(missing_docs, reason = "the vendor's field names, and the service's type says which they are")]
pub enum ServiceBody {
    Rtc {
        channel_name: String,
        uid: String,
    },
    /// Streaming and FCDN.
    Channel {
        channel_name: String,
        account: String,
    },
    /// RTM and Chat.
    User {
        user_id: String,
    },
    Fpa {},
    Apaas {
        room_uuid: String,
        user_uuid: String,
        role: i16,
    },
    Rtm2 {
        user_id: String,
        permissions: BTreeMap<u16, BTreeMap<u16, Vec<String>>>,
    },
}

impl AccessToken2 {
    fn read(content: &str) -> Result<AccessToken2, Malformed> {
        let payload = inflate(&decode(content)?)?;
        let mut rest = Unpack(&payload);
        let signature = rest.take_bytes().ok_or(Malformed::CutShort)?;
        let signature = signature.try_into().map_err(|_| Malformed::BadSignature)?;
        let signing_info = rest.0;
        let mut token = AccessToken2 {
            app_id: text(&mut rest)?,
            issue_ts: rest.take_u32().ok_or(Malformed::CutShort)?,
            expire: rest.take_u32().ok_or(Malformed::CutShort)?,
            salt: rest.take_u32().ok_or(Malformed::CutShort)?,
            services: Vec::new(),
            unknown_service_type: None,
            signature: Redacted(signature),
            signing_info: Redacted(signing_info.to_vec()),
        };
        for _ in 0..rest.take_u16().ok_or(Malformed::CutShort)? {
            match Service::read(&mut rest)? {
                Ok(service) => token.services.push(service),
                Err(UnknownService(service_type)) => {
                    token.unknown_service_type = Some(service_type);
                    return Ok(token);
                }
            }
        }
        if rest.0.is_empty() { Ok(token) } else { Err(Malformed::TrailingBytes) }
    }

    /// Whether this project's key signed the token, in constant time, and whether it is alive at `now`. A service's
    /// privileges may end before the token does.
    ///
    /// # Errors
    /// Says the first of these that fails: the app id, the signature, the times.
    pub fn verify(&self, key: &agora::Key, now: Moment) -> Result<(), Refused> {
        self.verify_signature(key)?;
        check_times(self.issue_ts.into(), i64::from(self.issue_ts) + i64::from(self.expire), now)
    }

    /// [`Self::verify`] without the times: the token may be long dead.
    ///
    /// # Errors
    /// Another app id or signature.
    pub fn verify_signature(&self, key: &agora::Key) -> Result<(), Refused> {
        if self.app_id != key.app_id.as_str() {
            return Err(Refused::WrongAppId);
        }
        access_token2::mac(&key.app_certificate, self.issue_ts, self.salt)
            .chain_update(&self.signing_info.0)
            .verify_slice(&self.signature.0)
            .map_err(|_| Refused::WrongCertificate)
    }
}

/// A service of a type that this reader doesn't know, so that it cannot tell where the next one begins.
struct UnknownService(u16);

impl Service {
    fn read(rest: &mut Unpack<'_>) -> Result<Result<Service, UnknownService>, Malformed> {
        use access_token2::ServiceType as Type;
        let service_type = rest.take_u16().ok_or(Malformed::CutShort)?;
        let privileges = map(rest)?;
        let is = |known: Type| service_type == known as u16;
        let body = if is(Type::Rtc) {
            ServiceBody::Rtc { channel_name: text(rest)?, uid: text(rest)? }
        } else if is(Type::Streaming) || is(Type::Fcdn) {
            ServiceBody::Channel { channel_name: text(rest)?, account: text(rest)? }
        } else if is(Type::Rtm) || is(Type::Chat) {
            ServiceBody::User { user_id: text(rest)? }
        } else if is(Type::Fpa) {
            ServiceBody::Fpa {}
        } else if is(Type::Apaas) {
            let (room_uuid, user_uuid) = (text(rest)?, text(rest)?);
            ServiceBody::Apaas { room_uuid, user_uuid, role: rest.take_i16().ok_or(Malformed::CutShort)? }
        } else if is(Type::Rtm2) {
            ServiceBody::Rtm2 { user_id: text(rest)?, permissions: permissions(rest)? }
        } else {
            return Ok(Err(UnknownService(service_type)));
        };
        Ok(Ok(Service { service_type, privileges, body }))
    }
}

/// The parts of a `006` token. Channel and uid stand in it as checksums only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccessToken {
    /// The project.
    pub app_id: String,
    /// What makes it differ from others of the same second.
    pub salt: u32,
    /// 24 hours after the moment of issue, in Unix seconds.
    pub ts: u32,
    /// Each privilege's number, and the Unix second at which it ends.
    pub privileges: BTreeMap<u16, u32>,
    /// CRC-32 of the channel name, or of the RTM user id.
    pub crc_channel_name: u32,
    /// CRC-32 of the uid; 0 for an empty one, which is *any* in RTC and always so in RTM.
    pub crc_uid: u32,
    #[serde(skip)]
    signature: Redacted<[u8; 32]>,
    #[serde(skip)]
    message: Redacted<Vec<u8>>,
}

impl AccessToken {
    fn read(content: &str) -> Result<AccessToken, Malformed> {
        let (app_id, content) = content.split_at_checked(32).ok_or(Malformed::CutShort)?;
        let content = decode(content)?;
        let mut rest = Unpack(&content);
        let signature = rest.take_bytes().ok_or(Malformed::CutShort)?;
        let signature = signature.try_into().map_err(|_| Malformed::BadSignature)?;
        let crc_channel_name = rest.take_u32().ok_or(Malformed::CutShort)?;
        let crc_uid = rest.take_u32().ok_or(Malformed::CutShort)?;
        let message = rest.take_bytes().ok_or(Malformed::CutShort)?;
        let mut fields = Unpack(message);
        let token = AccessToken {
            app_id: app_id.to_owned(),
            salt: fields.take_u32().ok_or(Malformed::CutShort)?,
            ts: fields.take_u32().ok_or(Malformed::CutShort)?,
            privileges: map(&mut fields)?,
            crc_channel_name,
            crc_uid,
            signature: Redacted(signature),
            message: Redacted(message.to_vec()),
        };
        if rest.0.is_empty() && fields.0.is_empty() { Ok(token) } else { Err(Malformed::TrailingBytes) }
    }

    /// Whether the message is what a builder writes for these fields: each privilege once, ascending.
    pub fn is_as_written(&self) -> bool {
        let mut written = Vec::with_capacity(self.message.0.len());
        let privileges = self.privileges.iter().map(|(privilege, ends_at)| (*privilege, *ends_at));
        access_token::put_message(&mut written, self.salt, self.ts, privileges);
        written == self.message.0
    }

    /// Whether this project's key signed the token for this channel and uid (for RTM: the user id, and an empty uid), in
    /// constant time, and whether it is alive at `now`. Of an RTM token `ts` alone counts, to the vendor and here; in an
    /// RTC token the [`privileges`](Self::privileges) may end before it does.
    ///
    /// # Errors
    /// Says the first of these that fails: the app id, the checksums, the signature, the times.
    pub fn verify(&self, key: &agora::Key, channel: &str, uid: &str, now: Moment) -> Result<(), Refused> {
        self.verify_signature(key, channel, uid)?;
        let day = i64::from(crate::Ttl::MAX.as_seconds());
        check_times(i64::from(self.ts) - day, self.ts.into(), now)
    }

    /// [`Self::verify`] without the times: the token may be long dead.
    ///
    /// # Errors
    /// Another app id, channel, uid or signature.
    pub fn verify_signature(&self, key: &agora::Key, channel: &str, uid: &str) -> Result<(), Refused> {
        if self.app_id != key.app_id.as_str() {
            return Err(Refused::WrongAppId);
        }
        if self.crc_channel_name != crc32fast::hash(channel.as_bytes()) {
            return Err(Refused::WrongChannel);
        }
        if self.crc_uid != crc32fast::hash(uid.as_bytes()) {
            return Err(Refused::WrongUid);
        }
        access_token::mac(&key.app_certificate, &self.app_id, channel, uid, &self.message.0)
            .verify_slice(&self.signature.0)
            .map_err(|_| Refused::WrongCertificate)
    }
}

/// The parts of a `04` token that can be read without the server secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token04 {
    /// The moment of expiry, in Unix seconds, as it stands outside of the cipher text.
    pub expire: i64,
    iv: Redacted<[u8; token04::BLOCK]>,
    cipher: Redacted<Vec<u8>>,
}

/// What is sealed in a `04` token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token04Claims {
    /// The app.
    pub app_id: u32,
    /// The user.
    pub user_id: String,
    /// What makes it differ from others of the same second.
    pub nonce: i64,
    /// The moment of issue, in Unix seconds.
    pub ctime: i64,
    /// The moment of expiry, in Unix seconds.
    pub expire: i64,
    /// Empty, or JSON text with a room's privileges.
    pub payload: String,
}

impl Token04 {
    fn read(content: &str) -> Result<Token04, Malformed> {
        let content = decode(content)?;
        let mut rest = Unpack(&content);
        let expire = rest.take_array().map(i64::from_be_bytes).ok_or(Malformed::CutShort)?;
        let iv = take_bytes_be(&mut rest).ok_or(Malformed::CutShort)?;
        let iv = iv.try_into().map_err(|_| Malformed::BadCipher)?;
        let cipher = take_bytes_be(&mut rest).ok_or(Malformed::CutShort)?;
        if cipher.is_empty() || !cipher.len().is_multiple_of(token04::BLOCK) {
            return Err(Malformed::BadCipher);
        }
        if !rest.0.is_empty() {
            return Err(Malformed::TrailingBytes);
        }
        Ok(Token04 { expire, iv: Redacted(iv), cipher: Redacted(cipher.to_vec()) })
    }

    /// Opens the token with this app's secret and checks that it is alive at `now`.
    ///
    /// The format has no signature: what the secret opens into sensible JSON for the right app counts as genuine. So
    /// this is for the secret's owner alone. Whoever could ask it about tokens of their own making, often, would learn
    /// from its reasons how to forge one.
    ///
    /// # Errors
    /// Says the first of these that fails: the secret, the app id, the two moments of expiry, the times.
    pub fn open(&self, key: &zego::Key, now: Moment) -> Result<Token04Claims, Refused> {
        let claims = self.decrypt(key)?;
        check_times(claims.ctime, claims.expire, now)?;
        Ok(claims)
    }

    /// [`Self::open`] without the times: the token may be long dead.
    ///
    /// # Errors
    /// Another secret or app id, or two different moments of expiry.
    pub fn decrypt(&self, key: &zego::Key) -> Result<Token04Claims, Refused> {
        let claims = self.unseal(&key.server_secret)?;
        if claims.app_id != key.app_id.get() {
            return Err(Refused::WrongAppId);
        }
        if claims.expire != self.expire {
            return Err(Refused::ExpireMismatch);
        }
        Ok(claims)
    }

    /// What the secret opens, for whatever app and moment: to explain a token, not to accept it.
    ///
    /// # Errors
    /// It does not open with this secret.
    pub fn unseal(&self, secret: &zego::ServerSecret) -> Result<Token04Claims, Refused> {
        let mut text = self.cipher.0.clone();
        let text = cbc::Decryptor::<Aes256Dec>::new(secret.as_bytes().into(), (&self.iv.0).into())
            .decrypt_padded::<Pkcs7>(&mut text)
            .map_err(|_| Refused::WrongSecret)?;
        serde_json::from_slice(text).map_err(|_| Refused::WrongSecret)
    }
}

fn check_times(issued_at: i64, expires_at: i64, now: Moment) -> Result<(), Refused> {
    let now = i64::from(now.as_unix_seconds());
    if now < issued_at {
        return Err(Refused::NotYetIssued);
    }
    if now >= expires_at {
        return Err(Refused::Expired);
    }
    Ok(())
}

/// Standard, padded base64. A text that is base64 as far as it goes was cut short.
fn decode(text: &str) -> Result<Vec<u8>, Malformed> {
    let unpadded = text.trim_end_matches('=');
    if !unpadded.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')) {
        return Err(Malformed::NotBase64);
    }
    if unpadded.is_empty() || !text.len().is_multiple_of(4) {
        return Err(Malformed::CutShort);
    }
    BASE64_STANDARD.decode(text).map_err(|_| Malformed::NotBase64)
}

/// Inflates a whole zlib stream, within bounds.
fn inflate(stream: &[u8]) -> Result<Vec<u8>, Malformed> {
    let limit = stream.len().saturating_mul(MAX_INFLATION);
    let mut inflater = Decompress::new(true);
    let mut payload = Vec::with_capacity(limit.min(stream.len() * 2));
    loop {
        let read = usize::try_from(inflater.total_in()).map_err(|_| Malformed::TooLarge)?;
        let written = payload.len();
        let status = inflater
            .decompress_vec(&stream[read..], &mut payload, FlushDecompress::None)
            .map_err(|_| Malformed::BadZlib)?;
        if status == Status::StreamEnd {
            let read = usize::try_from(inflater.total_in()).map_err(|_| Malformed::TooLarge)?;
            return if read == stream.len() { Ok(payload) } else { Err(Malformed::TrailingBytes) };
        }
        if payload.len() < payload.capacity() {
            // There was room left, so it wants more input than there is.
            if payload.len() == written {
                return Err(Malformed::CutShort);
            }
        } else if payload.capacity() >= limit {
            return Err(Malformed::TooLarge);
        } else {
            let more = payload.capacity().min(limit - payload.capacity()).max(1);
            payload.reserve_exact(more);
        }
    }
}

fn text(rest: &mut Unpack<'_>) -> Result<String, Malformed> {
    let bytes = rest.take_bytes().ok_or(Malformed::CutShort)?;
    str::from_utf8(bytes).map(str::to_owned).map_err(|_| Malformed::NotUtf8)
}

fn map(rest: &mut Unpack<'_>) -> Result<BTreeMap<u16, u32>, Malformed> {
    let count = rest.take_u16().ok_or(Malformed::CutShort)?;
    (0..count).map(|_| Some((rest.take_u16()?, rest.take_u32()?))).collect::<Option<_>>().ok_or(Malformed::CutShort)
}

fn permissions(rest: &mut Unpack<'_>) -> Result<BTreeMap<u16, BTreeMap<u16, Vec<String>>>, Malformed> {
    let mut resources = BTreeMap::new();
    for _ in 0..rest.take_u16().ok_or(Malformed::CutShort)? {
        let resource = rest.take_u16().ok_or(Malformed::CutShort)?;
        let mut permissions = BTreeMap::new();
        for _ in 0..rest.take_u16().ok_or(Malformed::CutShort)? {
            let permission = rest.take_u16().ok_or(Malformed::CutShort)?;
            let count = rest.take_u16().ok_or(Malformed::CutShort)?;
            let names = (0..count).map(|_| text(rest)).collect::<Result<_, _>>()?;
            permissions.insert(permission, names);
        }
        resources.insert(resource, permissions);
    }
    Ok(resources)
}

/// Bytes behind a big-endian length, as ZEGO writes them.
fn take_bytes_be<'a>(rest: &mut Unpack<'a>) -> Option<&'a [u8]> {
    let length = rest.take_array().map(u16::from_be_bytes)?;
    rest.take_slice(length.into())
}

#[cfg(test)]
mod tests {
    use super::token as read;
    use super::*;
    use crate::agora::{AppCertificate, AppId, ChannelName, Rights, Role, Rtc, RtcUser, Rtm, RtmUserId, Uid, Version};
    use crate::{Signed, Stamp, Token, Ttl};
    use flate2::Compression;
    use flate2::write::ZlibEncoder;
    use proptest::prelude::*;
    use std::io::Write;

    fn at(seconds: u64) -> Moment {
        Moment::from_unix_seconds(seconds).expect("in range")
    }

    const NOW: u64 = 1_700_000_000;

    fn stamp() -> Stamp {
        Stamp::new(at(NOW), [7; Stamp::CHANCE_BYTES])
    }

    fn agora_key(digit: &str) -> agora::Key {
        agora::Key {
            app_id: AppId::new("0123456789abcdef0123456789abcdef").expect("valid"),
            app_certificate: AppCertificate::new(&digit.repeat(32)).expect("valid"),
        }
    }

    fn zego_key(digit: &str) -> zego::Key {
        zego::Key {
            app_id: zego::AppId::new(1_234_567_890).expect("valid"),
            server_secret: zego::ServerSecret::new(&digit.repeat(32)).expect("valid"),
        }
    }

    fn ttl(seconds: u64) -> Ttl {
        Ttl::from_seconds(seconds).expect("valid")
    }

    fn rtc() -> Signed {
        let channel = ChannelName::new("room").expect("valid");
        let user = RtcUser::Uid(Uid::new(42).expect("valid"));
        Rtc { channel, user, rights: Rights::of_role(Role::Publisher, ttl(600)) }.sign(stamp(), &agora_key("a"))
    }

    fn rtm_006() -> Signed {
        let user = RtmUserId::new("alice").expect("valid");
        Rtm { user, ttl: ttl(600), version: Version::V006 }.sign(stamp(), &agora_key("a"))
    }

    fn zego_basic() -> Signed {
        zego::Basic { user: zego::UserId::new("alice").expect("valid"), ttl: ttl(600) }.sign(stamp(), &zego_key("a"))
    }

    fn access_token2(token: &str) -> AccessToken2 {
        match read(token) {
            Ok(Unverified::AccessToken2(parts)) => parts,
            other => panic!("{other:?}"),
        }
    }

    fn access_token(token: &str) -> AccessToken {
        match read(token) {
            Ok(Unverified::AccessToken(parts)) => parts,
            other => panic!("{other:?}"),
        }
    }

    fn token04(token: &str) -> Token04 {
        match read(token) {
            Ok(Unverified::Token04(parts)) => parts,
            other => panic!("{other:?}"),
        }
    }

    /// A `007` token with this content, signed or not.
    fn wrapped(payload: &[u8]) -> String {
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
        zlib.write_all(payload).expect("a Vec takes everything");
        format!("007{}", BASE64_STANDARD.encode(zlib.finish().expect("a Vec takes everything")))
    }

    fn payload() -> Vec<u8> {
        inflate(&BASE64_STANDARD.decode(&rtc().expose()[3..]).expect("base64")).expect("zlib")
    }

    #[test]
    fn a_genuine_token_verifies_for_its_whole_life_and_no_longer() {
        let token = access_token2(rtc().expose());
        let verify = |key: &str, now| token.verify(&agora_key(key), at(now));
        assert_eq!(verify("a", NOW), Ok(()));
        assert_eq!(verify("a", NOW + 599), Ok(()));
        assert_eq!(verify("a", NOW + 600), Err(Refused::Expired));
        assert_eq!(verify("a", NOW - 1), Err(Refused::NotYetIssued));
        assert_eq!(verify("b", NOW), Err(Refused::WrongCertificate));
        let other_app = agora::Key { app_id: AppId::new("f".repeat(32)).expect("valid"), ..agora_key("a") };
        assert_eq!(token.verify(&other_app, at(NOW)), Err(Refused::WrongAppId));
    }

    #[test]
    fn an_006_token_says_which_of_its_parts_is_another() {
        let token = access_token(rtm_006().expose());
        let verify = |key: &str, user, uid, now| token.verify(&agora_key(key), user, uid, at(now));
        assert_eq!(verify("a", "alice", "", NOW), Ok(()));
        // It lives for 24 hours whatever its login privilege says.
        assert_eq!(verify("a", "alice", "", NOW + 86_399), Ok(()));
        assert_eq!(verify("a", "alice", "", NOW + 86_400), Err(Refused::Expired));
        assert_eq!(verify("a", "alice", "", NOW - 1), Err(Refused::NotYetIssued));
        assert_eq!(verify("a", "bob", "", NOW), Err(Refused::WrongChannel));
        assert_eq!(verify("a", "alice", "1", NOW), Err(Refused::WrongUid));
        assert_eq!(verify("b", "alice", "", NOW), Err(Refused::WrongCertificate));
    }

    #[test]
    fn a_04_token_opens_with_its_own_secret_only() {
        let token = token04(zego_basic().expose());
        assert_eq!(token.open(&zego_key("a"), at(NOW)).map(|claims| claims.user_id), Ok("alice".to_owned()));
        assert_eq!(token.open(&zego_key("a"), at(NOW + 600)), Err(Refused::Expired));
        assert_eq!(token.open(&zego_key("a"), at(NOW - 1)), Err(Refused::NotYetIssued));
        assert_eq!(token.open(&zego_key("b"), at(NOW)), Err(Refused::WrongSecret));
        let other_app = zego::Key { app_id: zego::AppId::new(1).expect("valid"), ..zego_key("a") };
        assert_eq!(token.open(&other_app, at(NOW)), Err(Refused::WrongAppId));
        let extended = Token04 { expire: token.expire + 1, ..token };
        assert_eq!(extended.open(&zego_key("a"), at(NOW)), Err(Refused::ExpireMismatch));
        // Unsealing asks for nothing but the secret.
        let unsealed = extended.unseal(&other_app.server_secret);
        assert_eq!(unsealed.map(|claims| i64::from(claims.app_id)), Ok(1_234_567_890));
        assert_eq!(extended.unseal(&zego_key("b").server_secret), Err(Refused::WrongSecret));
    }

    #[test]
    fn each_malformation_has_its_own_reason() {
        let (rtc, rtm_006, zego) = (rtc(), rtm_006(), zego_basic());
        let (rtc, rtm_006, zego) = (rtc.expose(), rtm_006.expose(), zego.expose());
        for unknown in ["", "0", "00", "008", "03AAAA", "eyJhbGciOi", " 007eJx", "07"] {
            assert_eq!(read(unknown), Err(Malformed::UnknownVersion), "{unknown:?}");
        }
        for token in [rtc, rtm_006, zego] {
            let middle = token.len() / 2;
            let (front, back) = token.split_at(middle);
            for garbled in [
                format!("{front} {back}"),
                format!("{front}\n{back}"),
                format!("{front}-_é{back}"),
                format!("{front}={back}"),
            ] {
                assert_eq!(read(&garbled), Err(Malformed::NotBase64), "{garbled:?}");
            }
            for kept in 6..token.len() {
                assert_eq!(read(&token[..kept]), Err(Malformed::CutShort), "{kept} bytes of {token}");
            }
        }
        assert_eq!(read("007"), Err(Malformed::CutShort));
        assert_eq!(read("006é"), Err(Malformed::CutShort));

        let stream = |bytes: &[u8]| read(&format!("007{}", BASE64_STANDARD.encode(bytes)));
        let whole = BASE64_STANDARD.decode(&rtc[3..]).expect("base64");
        let mut bad_checksum = whole.clone();
        *bad_checksum.last_mut().expect("not empty") ^= 1;
        assert_eq!(stream(&bad_checksum), Err(Malformed::BadZlib));
        assert_eq!(stream(b"not zlib at all"), Err(Malformed::BadZlib));
        assert_eq!(stream(&[whole.as_slice(), &[0]].concat()), Err(Malformed::TrailingBytes));

        let payload = payload();
        assert!(read(&wrapped(&payload)).is_ok(), "compressed instead of stored");
        assert_eq!(read(&wrapped(&[payload.as_slice(), &[0]].concat())), Err(Malformed::TrailingBytes));
        assert_eq!(read(&wrapped(&payload[..payload.len() - 1])), Err(Malformed::CutShort));
        assert_eq!(read(&wrapped(&[&[31, 0], &payload[3..]].concat())), Err(Malformed::BadSignature));
        let mut not_utf8 = payload.clone();
        *not_utf8.last_mut().expect("not empty") = 0xff;
        assert_eq!(read(&wrapped(&not_utf8)), Err(Malformed::NotUtf8));

        let content = BASE64_STANDARD.decode(&zego[2..]).expect("base64");
        let sealed = |content: &[u8]| read(&format!("04{}", BASE64_STANDARD.encode(content)));
        assert_eq!(sealed(&[content.as_slice(), &[0]].concat()), Err(Malformed::TrailingBytes));
        let mut short_iv = content.clone();
        short_iv[9] = 15;
        assert_eq!(sealed(&short_iv), Err(Malformed::BadCipher));
        let mut half_block = content[..content.len() - 8].to_vec();
        half_block[27] -= 8;
        assert_eq!(sealed(&half_block), Err(Malformed::BadCipher));
    }

    #[test]
    fn an_unknown_service_ends_the_reading_but_not_the_signature() {
        let key = agora_key("a");
        let mut payload = payload();
        let count_at = payload.len() - (2 + 2 + 4 * 6 + 2 + 4 + 2 + 2) - 2;
        assert_eq!(payload[count_at..count_at + 4], [1, 0, 1, 0], "one service, RTC");
        payload[count_at] = 2;
        payload.extend_from_slice(&[99, 0, 0, 0, 1, 2, 3]);
        let mac = access_token2::mac(&key.app_certificate, NOW as u32, access_token2_salt(&payload));
        let signature = mac.chain_update(&payload[34..]).finalize().into_bytes();
        payload[2..34].copy_from_slice(&signature);
        let token = access_token2(&wrapped(&payload));
        assert_eq!((token.services.len(), token.unknown_service_type), (1, Some(99)));
        assert_eq!(token.verify(&key, at(NOW)), Ok(()));
    }

    fn access_token2_salt(payload: &[u8]) -> u32 {
        let salt = 34 + 2 + 32 + 4 + 4;
        u32::from_le_bytes(payload[salt..salt + 4].try_into().expect("four bytes"))
    }

    #[test]
    fn a_zlib_bomb_is_refused_before_it_takes_memory() {
        // 64 MiB of zeros in 64 KiB.
        let bomb = wrapped(&vec![0; 64 << 20]);
        assert!(bomb.len() < 100_000);
        assert_eq!(read(&bomb), Err(Malformed::TooLarge));
        // However long the text: what it may inflate to is bounded by it.
        for zeros in [10_000, 100_000, 1_000_000] {
            assert_eq!(read(&wrapped(&vec![0; zeros])), Err(Malformed::TooLarge), "{zeros}");
        }
        assert_eq!(read(&format!("007{}", "A".repeat(MAX_LENGTH))), Err(Malformed::TooLarge));
    }

    #[test]
    fn debug_shows_no_part_that_makes_a_token() {
        for token in [rtc(), rtm_006(), zego_basic()] {
            let parts = read(token.expose()).expect("genuine");
            let hidden: [&[u8]; 2] = match &parts {
                Unverified::AccessToken2(parts) => [&parts.signature.0, &parts.signing_info.0],
                Unverified::AccessToken(parts) => [&parts.signature.0, &parts.message.0],
                Unverified::Token04(parts) => [&parts.iv.0, &parts.cipher.0],
            };
            let shown = format!("{parts:?}");
            for bytes in hidden {
                assert!(!shown.contains(&format!("{bytes:?}")), "{shown}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(00[67]|04)?\\PC{0,200}") {
            let _ = read(&text);
        }

        #[test]
        fn any_bytes_in_a_tokens_clothes_are_read_or_refused(
            version in prop::sample::select(vec!["007", "006", "006970CA35de60c44645bbae8a215061b33", "04"]),
            bytes: Vec<u8>,
        ) {
            let _ = read(&format!("{version}{}", BASE64_STANDARD.encode(&bytes)));
            let _ = read(&wrapped(&bytes));
            let _ = read(&wrapped(&[&[32, 0][..], &[0; 32], &bytes].concat()));
        }

        #[test]
        fn a_changed_token_is_never_good(at_byte: prop::sample::Index, bit in 0..8u32) {
            let mut changed = payload();
            let at_byte = at_byte.index(changed.len());
            changed[at_byte] ^= 1u8 << bit;
            if let Ok(Unverified::AccessToken2(parts)) = read(&wrapped(&changed)) {
                prop_assert!(parts.verify(&agora_key("a"), at(NOW)).is_err());
            }
        }
    }
}
