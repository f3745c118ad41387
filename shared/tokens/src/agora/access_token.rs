//! AccessToken, version `006`: `"006" + app_id + base64(signature + checksums + message)`.
//!
//! The layout is that of `AccessToken` in AgoraIO's Tools repository. Nothing is compressed. Unlike in `007`, a
//! privilege's value is the Unix moment at which it ends.
//!
//! # Why the salt is drawn by a rule
//!
//! The signature covers `app_id + channel + uid + message`. There are no lengths between the parts. A token for the RTM
//! user `alice999999` signs the same bytes as one for the user `alice` whose message begins with `999999`. If a reader
//! finds a privilege in that message, the token logs in `alice`. With our salts ([`CutProofSalt`]) a reader that
//! believes the count does not.
//!
//! An RTM message has 16 bytes: `s0 s1 s2 s3`, `t0 t1 t2 t3`, `1 0`, `232 3`, `v0 v1 v2 v3`. These are the salt, `ts`,
//! the count of privileges, privilege 1000, and the moment at which it ends; each with its lowest byte first. A reader
//! takes bytes 8 and 9 for the count, and then 6 bytes for each privilege.
//!
//! **From the name into the message.** The last `k` bytes of the name (each written `a`, 32 to 126) become the
//! message's first. Then there is room for `1 + k / 6` privileges, rounded down. A reader fails if the count is higher.
//!
//! | k | bytes of the count | the count | why nobody finds a privilege |
//! |---|---|---|---|
//! | 1 | `t3 1` | 256 or more | room for 1 |
//! | 2 | `t2 t3` | 25,344 or more, from 2023 on | room for 1 |
//! | 3 | `t1 t2` | any | room for 1, and its number is `t3 1`: 355 to 511. No privilege has it |
//! | 4 | `t0 t1` | any | room for 1, and its number is `t2 t3`: 25,344 or more. No privilege has it |
//! | 5 | `s3 t0` | 5 or more, by the rule | room for 1 |
//! | 6 | `s2 s3` | 1,280 or more, by the rule | room for 2 |
//! | 7 | `s1 s2` | 6 or more, by the rule | room for 2 |
//! | 8 | `s0 s1` | 1,536 or more, by the rule | room for 2 |
//! | 9 | `a s0` | 32 or more | room for 2 |
//! | 10 to 64 | `a a` | 8,224 or more | room for 11 at most |
//!
//! **From the message into the name.** The message's first `j` bytes become the name's last. This needs no rule. With
//! `j` = 1, 2, 3 the count is 59,392, 1,000, and 3 or more (`3 v0`); with 4 and 5 it can be anything. In these five
//! cases there is no room for one privilege. With 6 the count is 25,344 or more (`v2 v3`). With 7 or more there is no
//! count.
//!
//! **For which readers this is enough.** Agora's published readers in C++, Java, Go, Node and Python ignore what
//! follows the last privilege, and fail if a privilege is cut off. Ours refuses both. It is also enough for a reader
//! that drops a last privilege that is cut off, or fills its moment up with zeros. The rule has a highest salt because
//! of the reader that fills up: with `k` = 4 it takes the salt for the time. Each of our salts, read as a moment, is in
//! January 2021 or before, so such a token has ended.
//!
//! **For what it is not enough:**
//!
//! * A reader that takes as many privileges as are there, whatever the count says. With `k` = 12, 18, 24 and so on it finds
//!   privilege 1000, and no byte of the salt decides about it. Agora's published readers in PHP and Perl are such readers:
//!   they go on where the message ends. They don't check signatures, and we don't know what Agora's servers run. No salt can
//!   help. User ids of one length do, and `RTM_006=refused` does.
//! * A reader that takes a token without any known privilege. With `k` = 3 and 4 the count can be 0 or 1. At `k` = 3 this lasts
//!   9 minutes in half a year. At `k` = 4 the token has ended. No salt can help.
//! * RTC. What is signed for the channel `room1` and the uid 23 is also the channel `room12` and the uid 3. No salt can help.
//!   With two privileges or more, `k` = 3 and 4 have room for a second one. Its number is `v1 v2` or `v0 v1`, bytes of the
//!   first privilege's moment, and can be 1 to 4: at `k` = 3 for some minutes in half a year, at `k` = 4 for some seconds in
//!   18 hours. The count can be 2 at the same time. No route makes RTC tokens in this format. Do not add one.
//! * Names with bytes below 32, and moments before 2023. No description takes such a name.

use super::pack::Pack;
use super::{AppCertificate, Key};
use crate::signed::encode;
use crate::{Signed, Stamp, Ttl};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::ops::RangeInclusive;

/// The format's first three characters.
pub(crate) const VERSION: &str = "006";

/// A salt with which nobody can cut a token into another user's. The module says why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CutProofSalt(u32);

impl CutProofSalt {
    /// What the second lowest byte may be.
    pub(crate) const SECOND_BYTE: RangeInclusive<u8> = 6..=0xff;
    /// What the highest byte may be. As a moment, the highest salt is in January 2021.
    pub(crate) const FOURTH_BYTE: RangeInclusive<u8> = 5..=0x5f;

    /// Checks a salt against the rule.
    pub(crate) fn new(salt: u32) -> Option<CutProofSalt> {
        let [_, second, _, fourth] = salt.to_le_bytes();
        let keeps_the_rule = Self::SECOND_BYTE.contains(&second) && Self::FOURTH_BYTE.contains(&fourth);
        keeps_the_rule.then_some(CutProofSalt(salt))
    }

    /// The salt as a number.
    pub(crate) fn get(self) -> u32 {
        self.0
    }
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
    let salt: CutProofSalt = stamp.into_cut_proof_salt();
    let privileges = privileges.into_iter().map(|(privilege, lives)| (privilege, issued_at.plus(lives)));
    // The vendor's builders write the moment of issue plus 24 hours.
    let token = write_token(key, salt.get(), issued_at.plus(Ttl::MAX), channel, uid, privileges);
    Signed::new(token, issued_at, ttl)
}

/// The token's text from raw fields with any salt: for vectors, and for tests that need a salt that breaks the rule.
#[cfg(test)]
pub(crate) fn write_raw(
    key: &Key,
    [salt, ts]: [u32; 2],
    channel: &str,
    uid: &str,
    privileges: impl IntoIterator<Item = (u16, u32)>,
) -> String {
    write_token(key, salt, ts, channel, uid, privileges)
}

/// The token's text. Private: outside of tests, [`sign`] is the only way to it, with a salt that keeps the rule.
fn write_token(
    key: &Key,
    salt: u32,
    ts: u32,
    channel: &str,
    uid: &str,
    privileges: impl IntoIterator<Item = (u16, u32)>,
) -> String {
    const SIGNATURE: std::ops::Range<usize> = 2..2 + 32;
    /// Enough for every kind: four privileges at most, and a checksum in place of each name.
    const ROOM: usize = 2 + 32 + 4 + 4 + 2 + 4 + 4 + 2 + 4 * 6;

    let mut content = Vec::with_capacity(ROOM);
    content.put_bytes(&[0; 32]);
    content.put_u32(crc32fast::hash(channel.as_bytes()));
    content.put_u32(crc32fast::hash(uid.as_bytes()));
    let length_at = content.len();
    content.put_u16(0);
    let message_at = content.len();
    put_message(&mut content, salt, ts, privileges);
    content.patch_u16(length_at, content.len() - message_at);

    let app_id = key.app_id.as_str();
    let mac = mac(&key.app_certificate, app_id, channel, uid, &content[message_at..]);
    content[SIGNATURE].copy_from_slice(&mac.finalize().into_bytes());
    encode(&[VERSION, app_id], &content)
}

/// The part of the token that the signature covers.
pub(crate) fn put_message(out: &mut Vec<u8>, salt: u32, ts: u32, privileges: impl IntoIterator<Item = (u16, u32)>) {
    out.put_u32(salt);
    out.put_u32(ts);
    out.put_map(privileges);
}

/// The MAC over everything that the signature covers.
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
