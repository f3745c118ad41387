//! Reads version `007`.

use super::bytes::{decode, inflate, map, text};
use super::{ReadError, VerifyError};
use crate::Moment;
use crate::agora::{self, ServiceType, Unpack, access_token2};
use crate::redacted::Redacted;
use hmac::Mac;
use serde::Serialize;
use std::collections::BTreeMap;

/// The parts of a `007` token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccessToken2 {
    /// The project.
    pub app_id: String,
    /// The moment of issue, in Unix seconds.
    pub issue_ts: u32,
    /// How many seconds it lives after that.
    pub expire: u32,
    /// The number that makes it differ from other tokens of the same second.
    pub salt: u32,
    /// What it opens, in the token's order.
    pub services: Vec<Service>,
    /// The number of a service that is not known here. Reading stopped there. The signature covers the rest all the
    /// same.
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
    /// Which service. In JSON, its number on the wire.
    #[serde(rename = "type")]
    pub service_type: ServiceType,
    /// Each privilege's number, and how many seconds after the token's issue it ends.
    pub privileges: BTreeMap<u16, u32>,
    /// For whom and where.
    #[serde(flatten)]
    pub body: ServiceBody,
}

/// For whom and where a service is good. An empty channel, uid or account means "any".
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
    /// FPA, Conversational AI and speech to text. These have privileges at most.
    Nothing {},
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
    pub(super) fn read(content: &str) -> Result<AccessToken2, ReadError> {
        let payload = inflate(&decode(content)?)?;
        let mut rest = Unpack(&payload);
        let signature = rest.take_bytes().ok_or(ReadError::CutShort)?;
        let signature = signature.try_into().map_err(|_| ReadError::BadSignature)?;
        let signing_info = rest.0;
        let mut token = AccessToken2 {
            app_id: text(&mut rest)?,
            issue_ts: rest.take_u32().ok_or(ReadError::CutShort)?,
            expire: rest.take_u32().ok_or(ReadError::CutShort)?,
            salt: rest.take_u32().ok_or(ReadError::CutShort)?,
            services: Vec::new(),
            unknown_service_type: None,
            signature: Redacted(signature),
            signing_info: Redacted(signing_info.to_vec()),
        };
        for _ in 0..rest.take_u16().ok_or(ReadError::CutShort)? {
            match Service::read(&mut rest)? {
                Ok(service) => token.services.push(service),
                Err(UnknownService(service_type)) => {
                    token.unknown_service_type = Some(service_type);
                    return Ok(token);
                }
            }
        }
        if rest.0.is_empty() { Ok(token) } else { Err(ReadError::TrailingBytes) }
    }

    /// Checks that this project's key signed the token (in constant time), and that the token is alive at `now`. A
    /// privilege can end before the token does.
    ///
    /// # Errors
    /// The first of these that fails: the app id, the signature, the times.
    pub fn verify(&self, key: &agora::Key, now: Moment) -> Result<(), VerifyError> {
        self.verify_signature(key)?;
        super::check_times(self.issue_ts.into(), i64::from(self.issue_ts) + i64::from(self.expire), now)
    }

    /// As [`Self::verify`], but without the times.
    ///
    /// # Errors
    /// The app id or the signature is another one.
    pub fn verify_signature(&self, key: &agora::Key) -> Result<(), VerifyError> {
        if self.app_id != key.app_id.as_str() {
            return Err(VerifyError::WrongAppId);
        }
        access_token2::mac(&key.app_certificate, self.issue_ts, self.salt)
            .chain_update(&self.signing_info.0)
            .verify_slice(&self.signature.0)
            .map_err(|_| VerifyError::WrongCertificate)
    }
}

/// A service with a number that is not known here. So nobody can tell where the next service begins.
struct UnknownService(u16);

impl Service {
    fn read(rest: &mut Unpack<'_>) -> Result<Result<Service, UnknownService>, ReadError> {
        let number = rest.take_u16().ok_or(ReadError::CutShort)?;
        let privileges = map(rest)?;
        let Some(service_type) = ServiceType::from_number(number) else { return Ok(Err(UnknownService(number))) };
        let body = match service_type {
            ServiceType::Rtc => ServiceBody::Rtc { channel_name: text(rest)?, uid: text(rest)? },
            ServiceType::Streaming | ServiceType::Fcdn => {
                ServiceBody::Channel { channel_name: text(rest)?, account: text(rest)? }
            }
            ServiceType::Rtm | ServiceType::Chat => ServiceBody::User { user_id: text(rest)? },
            ServiceType::Fpa | ServiceType::ConvoAi | ServiceType::Stt => ServiceBody::Nothing {},
            ServiceType::Apaas => {
                let (room_uuid, user_uuid) = (text(rest)?, text(rest)?);
                ServiceBody::Apaas { room_uuid, user_uuid, role: rest.take_i16().ok_or(ReadError::CutShort)? }
            }
            ServiceType::Rtm2 => ServiceBody::Rtm2 { user_id: text(rest)?, permissions: permissions(rest)? },
        };
        Ok(Ok(Service { service_type, privileges, body }))
    }
}

fn permissions(rest: &mut Unpack<'_>) -> Result<BTreeMap<u16, BTreeMap<u16, Vec<String>>>, ReadError> {
    let mut resources = BTreeMap::new();
    for _ in 0..rest.take_u16().ok_or(ReadError::CutShort)? {
        let resource = rest.take_u16().ok_or(ReadError::CutShort)?;
        let mut permissions = BTreeMap::new();
        for _ in 0..rest.take_u16().ok_or(ReadError::CutShort)? {
            let permission = rest.take_u16().ok_or(ReadError::CutShort)?;
            let count = rest.take_u16().ok_or(ReadError::CutShort)?;
            let names = (0..count).map(|_| text(rest)).collect::<Result<_, _>>()?;
            permissions.insert(permission, names);
        }
        resources.insert(resource, permissions);
    }
    Ok(resources)
}

#[cfg(test)]
mod tests {
    use super::super::samples::{NOW, access_token2, agora_key, at, payload, rtc, wrapped};
    use super::*;
    use crate::agora::AppId;

    #[test]
    fn a_genuine_token_verifies_for_its_whole_life_and_no_longer() {
        let token = access_token2(rtc().expose());
        let verify = |key: &str, now| token.verify(&agora_key(key), at(now));
        assert_eq!(verify("a", NOW), Ok(()));
        assert_eq!(verify("a", NOW + 599), Ok(()));
        assert_eq!(verify("a", NOW + 600), Err(VerifyError::Expired));
        assert_eq!(verify("a", NOW - 1), Err(VerifyError::NotYetIssued));
        assert_eq!(verify("b", NOW), Err(VerifyError::WrongCertificate));
        let other_app = agora::Key { app_id: AppId::new("f".repeat(32)).expect("valid"), ..agora_key("a") };
        assert_eq!(token.verify(&other_app, at(NOW)), Err(VerifyError::WrongAppId));
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
    fn debug_shows_no_part_that_makes_a_token() {
        let token = access_token2(rtc().expose());
        let shown = format!("{token:?}");
        for hidden in [&token.signature.0[..], &token.signing_info.0] {
            assert!(!shown.contains(&format!("{hidden:?}")), "{shown}");
        }
    }
}
