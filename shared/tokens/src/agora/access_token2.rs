//! AccessToken2, version `007`: `"007" + base64(zlib(signature + signing_info))`.
//!
//! The layout is that of `AccessToken2` in AgoraIO's Tools repository (DynamicKey/AgoraDynamicKey), Its Python, Node,
//! Go and C++ builders agree on every byte inside the zlib stream. The stream itself may differ: any valid stream is a
//! valid token. Ours holds one stored block (RFC 1951, 3.2.4). Digests and ids hardly compress. A compressor costs ten
//! times the rest of the token. And stored bytes are the same on every machine and in every version.

use super::pack::Pack;
use super::{AppCertificate, ChannelName, Key, Privilege, RtcUser, ServiceType};
use crate::signed::encode;
use crate::{Signed, Stamp, Ttl};
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha2::Sha256;

/// The format's first three characters.
pub(crate) const VERSION: &str = "007";

/// The fields that stand before the services.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    pub(crate) issue_ts: u32,
    pub(crate) expire: u32,
    pub(crate) salt: u32,
}

/// Writes a token's services, one after the other, ascending by type as the format wants them.
pub(crate) struct Services<'a> {
    out: &'a mut Vec<u8>,
    written: usize,
    last: Option<ServiceType>,
}

impl Services<'_> {
    /// Begins a service with its privileges, ascending. The value of each is how many seconds it lives after the
    /// token's issue.
    pub(crate) fn add(&mut self, service: ServiceType, privileges: impl IntoIterator<Item = (u16, u32)>) -> Body<'_> {
        debug_assert!(self.last <= Some(service), "services go ascending by type");
        self.last = Some(service);
        self.written += 1;
        self.out.put_u16(service.number());
        self.out.put_map(privileges);
        Body(self.out)
    }
}

/// What follows a service's privileges.
pub(crate) struct Body<'a>(&'a mut Vec<u8>);

impl Body<'_> {
    pub(crate) fn text(self, text: &str) -> Self {
        self.0.put_bytes(text.as_bytes());
        self
    }

    pub(crate) fn number(self, number: u16) -> Self {
        self.0.put_u16(number);
        self
    }

    pub(crate) fn count(self, length: usize) -> Self {
        self.0.put_count(length);
        self
    }
}

/// The numbers of the granted privileges, each with its lifetime. A privilege with `None` is not granted.
pub(super) fn granted<const N: usize>(privileges: [(Privilege, Option<Ttl>); N]) -> impl Iterator<Item = (u16, Ttl)> {
    privileges.into_iter().filter_map(|(privilege, lives)| Some((privilege.number, lives?)))
}

/// Privileges as the format writes them.
pub(super) fn in_seconds(privileges: impl Iterator<Item = (u16, Ttl)>) -> impl Iterator<Item = (u16, u32)> {
    privileges.map(|(number, lives)| (number, lives.as_seconds()))
}

/// What the client of a service with a channel and an account must know.
#[derive(Serialize)]
pub(super) struct ChannelFacts<'a> {
    channel: &'a ChannelName,
    account: String,
}

impl<'a> ChannelFacts<'a> {
    pub(super) fn new(channel: &'a ChannelName, account: &RtcUser) -> Self {
        ChannelFacts { channel, account: account.to_string() }
    }
}

/// Signs the services that `write` adds. A token needs at least one.
pub(crate) fn sign(key: &Key, stamp: Stamp, ttl: Ttl, write: impl FnOnce(&mut Services<'_>)) -> Signed {
    sign_list(key, stamp, ttl, 0, write)
}

/// As [`sign`], for a service with a list: `list_bytes` is how many bytes the list takes.
pub(crate) fn sign_list(
    key: &Key,
    stamp: Stamp,
    ttl: Ttl,
    list_bytes: usize,
    write: impl FnOnce(&mut Services<'_>),
) -> Signed {
    let issued_at = stamp.issued_at();
    let header = Header { issue_ts: issued_at.as_unix_seconds(), expire: ttl.as_seconds(), salt: stamp.into_salt() };
    Signed::new(write_token(key, header, list_bytes, write), issued_at, ttl)
}

/// The token's text from raw fields. If the stream needs more room than planned, it is slower, and still right.
pub(crate) fn write_token(
    key: &Key,
    header: Header,
    list_bytes: usize,
    write: impl FnOnce(&mut Services<'_>),
) -> String {
    /// Enough for everything but lists. RTC with RTM and Chat takes 596 bytes if every name has its longest form.
    const ROOM: usize = 640;
    const SIGNATURE: std::ops::Range<usize> = ZLIB_HEAD + 2..ZLIB_HEAD + 2 + 32;

    // One buffer for the whole stream: first room for the zlib head and the signature, then the signed bytes.
    let list_heads = list_bytes / LONGEST_BLOCK * BLOCK_HEAD;
    let mut stream = Vec::with_capacity(ROOM + list_bytes + list_heads);
    stream.resize(ZLIB_HEAD, 0);
    stream.put_bytes(&[0; 32]);
    stream.put_bytes(key.app_id.as_str().as_bytes());
    stream.put_u32(header.issue_ts);
    stream.put_u32(header.expire);
    stream.put_u32(header.salt);
    let count_at = stream.len();
    stream.put_u16(0);
    let mut services = Services { out: &mut stream, written: 0, last: None };
    write(&mut services);
    let written = services.written;
    stream.patch_u16(count_at, written);

    let mut mac = mac(&key.app_certificate, header.issue_ts, header.salt);
    mac.update(&stream[SIGNATURE.end..]);
    stream[SIGNATURE].copy_from_slice(&mac.finalize().into_bytes());
    zlib_stored(&mut stream);
    encode(&[VERSION], &stream)
}

/// The MAC that signs `signing_info`: keyed with `HMAC(salt, HMAC(issue_ts, certificate))`.
pub(crate) fn mac(certificate: &AppCertificate, issue_ts: u32, salt: u32) -> Hmac<Sha256> {
    let inner = hmac(&issue_ts.to_le_bytes(), certificate.as_bytes());
    new_mac(&hmac(&salt.to_le_bytes(), &inner))
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    new_mac(key).chain_update(message).finalize().into_bytes().into()
}

fn new_mac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

/// What stands before a stored block's bytes: whether it is the last one, its length, and its length inverted.
const BLOCK_HEAD: usize = 1 + 2 + 2;
const LONGEST_BLOCK: usize = u16::MAX as usize;
/// What the vendors' zlib streams begin with.
const ZLIB_HEADER: [u8; 2] = [0x78, 0x9c];
/// Bytes that a zlib stream has before its payload: its header, and the first block's head.
const ZLIB_HEAD: usize = ZLIB_HEADER.len() + BLOCK_HEAD;

/// Completes a stream whose first [`ZLIB_HEAD`] bytes are free and whose payload follows them.
fn zlib_stored(stream: &mut Vec<u8>) {
    let payload = stream.len() - ZLIB_HEAD;
    let checksum = simd_adler32::adler32(&&stream[ZLIB_HEAD..]).to_be_bytes();
    stream[..ZLIB_HEADER.len()].copy_from_slice(&ZLIB_HEADER);
    // Only a very long list of RTM2 resources needs more than one block. Each block moves back to make room for the
    // heads of the blocks before it. The last block moves first.
    let blocks = payload.div_ceil(LONGEST_BLOCK);
    stream.resize(ZLIB_HEADER.len() + blocks * BLOCK_HEAD + payload, 0);
    for block in (0..blocks).rev() {
        let begin = block * LONGEST_BLOCK;
        let length = LONGEST_BLOCK.min(payload - begin);
        let from = ZLIB_HEAD + begin;
        let to = from + block * BLOCK_HEAD;
        if from != to {
            stream.copy_within(from..from + length, to);
        }
        stream[to - BLOCK_HEAD..to].copy_from_slice(&block_head(length, block + 1 == blocks));
    }
    stream.extend_from_slice(&checksum);
}

/// The bytes before a stored block's own.
fn block_head(length: usize, last: bool) -> [u8; BLOCK_HEAD] {
    let length = u16::try_from(length).expect("a block is at most 65,535 bytes");
    let [low, high] = length.to_le_bytes();
    [last.into(), low, high, !low, !high]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn any_length_of_payload_is_a_valid_zlib_stream() {
        for length in [1, 100, LONGEST_BLOCK - 1, LONGEST_BLOCK, LONGEST_BLOCK + 1, 3 * LONGEST_BLOCK, 200_001, 700_000]
        {
            let payload: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
            let mut stream = vec![0; ZLIB_HEAD];
            stream.extend_from_slice(&payload);
            let mut read = Vec::new();
            zlib_stored(&mut stream);
            flate2::read::ZlibDecoder::new(&stream[..]).read_to_end(&mut read).expect("valid zlib");
            assert!(read == payload, "{length} bytes came back changed");
        }
    }
}
