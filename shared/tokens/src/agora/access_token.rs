//! AccessToken, version `006`: `"006" + app_id + base64(signature + checksums + message)`.
//!
//! The layout is that of `AccessToken` in AgoraIO's Tools repository. Nothing is compressed. Unlike in `007`, a
//! privilege's value is the Unix moment at which it ends.

use super::pack::Pack;
use super::{AppCertificate, Key};
use crate::signed::encode;
use crate::{Signed, Stamp, Ttl};
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// The format's first three characters.
pub(crate) const VERSION: &str = "006";

/// The fields of the signed message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    pub(crate) salt: u32,
    /// The moment of issue and 24 hours: what the vendor's builders write.
    pub(crate) ts: u32,
}

/// Signs privileges, ascending, each with how long it lives.
pub(crate) fn sign(
    key: &Key,
    stamp: Stamp,
    ttl: Ttl,
    channel: &str,
    uid: &str,
    privileges: impl IntoIterator<Item = (u16, Ttl)>,
) -> Signed {
    let issued_at = stamp.issued_at();
    let header = Header { salt: stamp.into_salt(), ts: issued_at.plus(Ttl::MAX) };
    let privileges = privileges.into_iter().map(|(privilege, lives)| (privilege, issued_at.plus(lives)));
    Signed::new(write_token(key, header, channel, uid, privileges), issued_at, ttl)
}

/// The token's text from raw fields.
pub(crate) fn write_token(
    key: &Key,
    header: Header,
    channel: &str,
    uid: &str,
    privileges: impl IntoIterator<Item = (u16, u32)>,
) -> String {
    const SIGNATURE: std::ops::Range<usize> = 2..2 + 32;
    /// Every kind's: at most four privileges, and names stand in it as checksums.
    const ROOM: usize = 2 + 32 + 4 + 4 + 2 + 4 + 4 + 2 + 4 * 6;

    let mut content = Vec::with_capacity(ROOM);
    content.put_bytes(&[0; 32]);
    content.put_u32(crc32fast::hash(channel.as_bytes()));
    content.put_u32(crc32fast::hash(uid.as_bytes()));
    let length_at = content.len();
    content.put_u16(0);
    content.put_u32(header.salt);
    content.put_u32(header.ts);
    content.put_map(privileges);
    let message_at = length_at + 2;
    content.patch_u16(length_at, content.len() - message_at);

    let app_id = key.app_id.as_str();
    let mac = mac(&key.app_certificate, app_id, channel, uid, &content[message_at..]);
    content[SIGNATURE].copy_from_slice(&mac.finalize().into_bytes());
    encode(&[VERSION, app_id], &content)
}

/// The MAC over everything that the signature covers, ready to be finalized or verified.
pub(crate) fn mac(
    certificate: &AppCertificate,
    app_id: &str,
    channel: &str,
    uid: &str,
    message: &[u8],
) -> Hmac<Sha256> {
    let mut mac = certificate.mac();
    for part in [app_id.as_bytes(), channel.as_bytes(), uid.as_bytes(), message] {
        mac.update(part);
    }
    mac
}
