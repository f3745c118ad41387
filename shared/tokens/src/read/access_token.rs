//! Reads version `006`.

use super::bytes::{decode, map};
use super::{ReadError, VerifyError};
use crate::Moment;
use crate::agora::{self, Unpack, access_token};
use crate::redacted::Redacted;
use hmac::Mac;
use serde::Serialize;
use std::collections::BTreeMap;

/// The parts of a `006` token. Channel and uid stand in it as checksums only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccessToken {
    /// The project.
    pub app_id: String,
    /// The number that makes it differ from other tokens of the same second.
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
    pub(super) fn read(content: &str) -> Result<AccessToken, ReadError> {
        let (app_id, content) = content.split_at_checked(32).ok_or(ReadError::CutShort)?;
        let content = decode(content)?;
        let mut rest = Unpack(&content);
        let signature = rest.take_bytes().ok_or(ReadError::CutShort)?;
        let signature = signature.try_into().map_err(|_| ReadError::BadSignature)?;
        let crc_channel_name = rest.take_u32().ok_or(ReadError::CutShort)?;
        let crc_uid = rest.take_u32().ok_or(ReadError::CutShort)?;
        let message = rest.take_bytes().ok_or(ReadError::CutShort)?;
        let mut fields = Unpack(message);
        let token = AccessToken {
            app_id: app_id.to_owned(),
            salt: fields.take_u32().ok_or(ReadError::CutShort)?,
            ts: fields.take_u32().ok_or(ReadError::CutShort)?,
            privileges: map(&mut fields)?,
            crc_channel_name,
            crc_uid,
            signature: Redacted(signature),
            message: Redacted(message.to_vec()),
        };
        if rest.0.is_empty() && fields.0.is_empty() { Ok(token) } else { Err(ReadError::TrailingBytes) }
    }

    /// Whether the message has the bytes that a builder writes for these fields: each privilege once, ascending.
    pub fn is_as_written(&self) -> bool {
        let mut written = Vec::with_capacity(self.message.0.len());
        let privileges = self.privileges.iter().map(|(privilege, ends_at)| (*privilege, *ends_at));
        access_token::put_message(&mut written, self.salt, self.ts, privileges);
        written == self.message.0
    }

    /// Whether this project's key signed the token for this channel and uid (for RTM: the user id, and an empty uid),
    /// in constant time, and whether it is alive at `now`. Of an RTM token `ts` alone counts, to the vendor and here;
    /// in an RTC token the [`privileges`](Self::privileges) may end before it does.
    ///
    /// # Errors
    /// The first of these that fails: the app id, the checksums, the signature, the times.
    pub fn verify(&self, key: &agora::Key, channel: &str, uid: &str, now: Moment) -> Result<(), VerifyError> {
        self.verify_signature(key, channel, uid)?;
        let day = i64::from(crate::Ttl::MAX.as_seconds());
        super::check_times(i64::from(self.ts) - day, self.ts.into(), now)
    }

    /// As [`Self::verify`], but without the times.
    ///
    /// # Errors
    /// The app id, the channel, the uid or the signature is another one.
    pub fn verify_signature(&self, key: &agora::Key, channel: &str, uid: &str) -> Result<(), VerifyError> {
        if self.app_id != key.app_id.as_str() {
            return Err(VerifyError::WrongAppId);
        }
        if self.crc_channel_name != crc32fast::hash(channel.as_bytes()) {
            return Err(VerifyError::WrongChannel);
        }
        if self.crc_uid != crc32fast::hash(uid.as_bytes()) {
            return Err(VerifyError::WrongUid);
        }
        access_token::mac(&key.app_certificate, &self.app_id, channel, uid, &self.message.0)
            .verify_slice(&self.signature.0)
            .map_err(|_| VerifyError::WrongCertificate)
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{NOW, access_token, agora_key, at, rtm_006};
    use super::*;

    #[test]
    fn an_006_token_says_which_of_its_parts_is_another() {
        let token = access_token(rtm_006().expose());
        let verify = |key: &str, user, uid, now| token.verify(&agora_key(key), user, uid, at(now));
        assert_eq!(verify("a", "alice", "", NOW), Ok(()));
        // It lives for 24 hours. Its login privilege makes no difference.
        assert_eq!(verify("a", "alice", "", NOW + 86_399), Ok(()));
        assert_eq!(verify("a", "alice", "", NOW + 86_400), Err(VerifyError::Expired));
        assert_eq!(verify("a", "alice", "", NOW - 1), Err(VerifyError::NotYetIssued));
        assert_eq!(verify("a", "bob", "", NOW), Err(VerifyError::WrongChannel));
        assert_eq!(verify("a", "alice", "1", NOW), Err(VerifyError::WrongUid));
        assert_eq!(verify("b", "alice", "", NOW), Err(VerifyError::WrongCertificate));
    }

    #[test]
    fn debug_shows_no_part_that_makes_a_token() {
        let token = access_token(rtm_006().expose());
        let shown = format!("{token:?}");
        for hidden in [&token.signature.0[..], &token.message.0] {
            assert!(!shown.contains(&format!("{hidden:?}")), "{shown}");
        }
    }
}
