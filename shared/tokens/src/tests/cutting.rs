//! Nobody can cut a `006` token into another user's: `agora/access_token.rs` says why.
//!
//! A cut moves the border between name and message. The signed text stays as it is, and so does the signature. These
//! tests try every border, with our own reader and with readers that take more than ours does.

use crate::agora::{
    AppCertificate, AppId, ChannelName, CutProofSalt, Key, Privileges, Rights, Rtc, RtcUser, RtcV006, Rtm, RtmUserId,
    Uid, Version, access_token,
};
use crate::read::{self, AccessToken, Unverified};
use crate::{Moment, Stamp, Token, Ttl};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::collections::BTreeSet;

const RTM_LOGIN: u16 = 1000;
const APP_ID: &str = "970CA35de60c44645bbae8a215061b33";
/// The length of the signature, the signature, and two checksums: what stands before the message and its length.
const BEFORE_MESSAGE: usize = 2 + 32 + 4 + 4;

/// Whether the vendor's builders know this privilege.
fn is_privilege(number: u16) -> bool {
    matches!(number, 1..=12 | 101 | RTM_LOGIN)
}

fn key() -> Key {
    Key {
        app_id: AppId::new(APP_ID).expect("valid"),
        app_certificate: AppCertificate::new("5CFd2fd1755d40ecb72977518be15d3b").expect("valid"),
    }
}

fn at(seconds: u32) -> Moment {
    Moment::from_unix_seconds(seconds.into()).expect("in range")
}

fn ttl(seconds: u32) -> Ttl {
    Ttl::from_seconds(seconds.into()).expect("valid")
}

fn content(token: &str) -> Vec<u8> {
    BASE64_STANDARD.decode(&token[3 + APP_ID.len()..]).expect("base64")
}

/// The part of a token that is signed behind the names.
fn message(token: &str) -> Vec<u8> {
    content(token)[BEFORE_MESSAGE + 2..].to_vec()
}

/// The token of this content with other names and another message, and the signature that it had.
fn recut(content: &[u8], channel: &[u8], uid: &[u8], message: &[u8]) -> String {
    let mut content = content[..BEFORE_MESSAGE - 8].to_vec();
    for name in [channel, uid] {
        content.extend(crc32fast::hash(name).to_le_bytes());
    }
    content.extend(u16::try_from(message.len()).expect("short").to_le_bytes());
    content.extend(message);
    format!("006{APP_ID}{}", BASE64_STANDARD.encode(content))
}

fn parse(token: &str) -> Option<AccessToken> {
    match read::token(token) {
        Ok(Unverified::AccessToken(parsed)) => Some(parsed),
        _ => None,
    }
}

/// Readers that take more than ours does.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Reader {
    /// Ignores what follows the last privilege, and fails if one is cut off: as most of Agora's published readers do.
    Published,
    /// Also drops a last privilege that is cut off.
    DropsTheLast,
    /// Also fills the moment of a last privilege that is cut off up with zeros.
    FillsUpTheLast,
    /// Takes as many privileges as are there, whatever the count says.
    IgnoresTheCount,
}

impl Reader {
    /// The time and the privileges that it finds.
    fn read(self, message: &[u8]) -> Option<(u32, Vec<(u16, u32)>)> {
        let (header, body) = message.split_first_chunk::<10>()?;
        let time = u32::from_le_bytes(header[4..8].try_into().expect("four bytes"));
        let count = usize::from(u16::from_le_bytes([header[8], header[9]]));
        let (whole, cut_off) = body.as_chunks::<6>();
        let entry = |[k0, k1, value @ ..]: [u8; 6]| (u16::from_le_bytes([k0, k1]), u32::from_le_bytes(value));
        let mut entries: Vec<_> = whole.iter().take(count).copied().map(entry).collect();
        let one_is_cut_off = count == whole.len() + 1 && !cut_off.is_empty();
        match self {
            _ if count <= whole.len() => {}
            Reader::IgnoresTheCount => {}
            Reader::DropsTheLast if one_is_cut_off => {}
            Reader::FillsUpTheLast if one_is_cut_off && cut_off.len() >= 2 => {
                let mut filled_up = [0; 6];
                filled_up[..cut_off.len()].copy_from_slice(cut_off);
                entries.push(entry(filled_up));
            }
            _ => return None,
        }
        Some((time, entries))
    }

    /// Whether it finds a privilege. What was filled up must also not be over: RTM looks at the token's time alone, RTC
    /// at the privilege's end, too.
    fn finds_a_privilege(self, message: &[u8], now: u32) -> bool {
        let lives = |time, (number, ends_at)| time > now && (number == RTM_LOGIN || ends_at == 0 || ends_at > now);
        self.read(message).is_some_and(|(time, entries)| {
            entries.iter().any(|entry| is_privilege(entry.0) && (self != Reader::FillsUpTheLast || lives(time, *entry)))
        })
    }
}

/// Where to put the border so that a reader finds a privilege: the reader, and how many bytes of the name move into the
/// message (negative: how many of the message into the name).
fn find_cut(name: &str, token: &str, now: u32) -> Option<(String, isize)> {
    let content = content(token);
    let signed = [name.as_bytes(), &content[BEFORE_MESSAGE + 2..]].concat();
    for border in (0..=signed.len()).filter(|border| *border != name.len()) {
        let moved = name.len().cast_signed() - border.cast_signed();
        let (names, message) = signed.split_at(border);
        for reader in [Reader::Published, Reader::DropsTheLast, Reader::FillsUpTheLast] {
            if reader.finds_a_privilege(message, now) {
                return Some((format!("{reader:?}"), moved));
            }
        }
        // Our own reader, as the channel, as the uid, and as every part of each.
        for split in 0..=names.len() {
            let (channel, uid) = names.split_at(split);
            let Some(parsed) = parse(&recut(&content, channel, uid, message)) else { break };
            let (Ok(channel), Ok(uid)) = (str::from_utf8(channel), str::from_utf8(uid)) else { continue };
            assert_eq!(parsed.verify_signature(&key(), channel, uid), Ok(()), "a cut keeps the signature");
            if parsed.privileges.keys().any(|number| is_privilege(*number)) {
                return Some(("tokens::read".to_owned(), moved));
            }
        }
    }
    None
}

/// An RTM token with any salt, as a vendor's builder could make it.
fn rtm_with_salt(name: &str, salt: u32, [ts, ends_at]: [u32; 2]) -> String {
    access_token::write_raw(&key(), [salt, ts], name, "", [(RTM_LOGIN, ends_at)])
}

/// Often a small byte, which can be a count or a privilege's number.
fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![4 => 0..=2_u8, 2 => 0..=8_u8, 1 => Just(0xe8), 2 => any::<u8>()]
}

/// Every user id that a description takes, and tails of every length: each border in it is tried.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![r"[!-)+-~][ -)+-~]{0,63}", r"[a-z]{1,5}[0-9 !]{1,59}"]
        .prop_filter("a word of its own", |name| name != "null")
}

/// The moment of issue, from 2023 to 2106, and the lifetime. Chosen so that bytes of `ts` are often small.
fn issue() -> impl Strategy<Value = (u32, u32)> {
    let ts = (byte(), byte(), byte(), 0x63..=0xff_u8).prop_map(|(t0, t1, t2, t3)| u32::from_le_bytes([t0, t1, t2, t3]));
    let from_2023 = ts.prop_map(|ts| ts.max(1_672_531_200 + 86_400) - 86_400);
    // Beside any lifetime, those after which the low bytes of both moments are alike, or make the number 1000.
    (from_2023, prop_oneof![1..=86_400_u32, 85_800..=86_400_u32, 21_600..=22_200_u32])
}

fn randomness() -> impl Strategy<Value = [u8; Stamp::RANDOMNESS_BYTES]> {
    let biased = (prop::array::uniform4(byte()), prop_oneof![3 => Just([0; 4]), 1 => any::<[u8; 4]>()]).prop_map(
        |(low, high)| {
            let mut randomness = [0; Stamp::RANDOMNESS_BYTES];
            randomness[..4].copy_from_slice(&low);
            randomness[4..8].copy_from_slice(&high);
            randomness
        },
    );
    prop_oneof![3 => biased, 1 => any::<[u8; Stamp::RANDOMNESS_BYTES]>()]
}

/// Any salt, with bytes that are often small.
fn salt() -> impl Strategy<Value = u32> {
    prop::array::uniform4(byte()).prop_map(u32::from_le_bytes)
}

/// Salts that keep the rule, often at its ends; and whatever else the checked way in lets through.
fn cut_proof_salt() -> impl Strategy<Value = CutProofSalt> {
    let second = prop_oneof![6..=9_u8, 6..=0xff_u8];
    let fourth = prop_oneof![5..=9_u8, 0x5c..=0x5f_u8, 5..=0x5f_u8];
    let at_its_ends = (byte(), second, byte(), fourth).prop_map(|bytes| u32::from_le_bytes(bytes.into()));
    prop_oneof![at_its_ends, salt()].prop_filter_map("it breaks the rule", CutProofSalt::new)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn nobody_cuts_a_token_of_ours_into_another_users(name in name(), (now, lives) in issue(), randomness in randomness()) {
        let token = Rtm { user: RtmUserId::new(name.clone()).expect("valid"), ttl: ttl(lives), version: Version::V006 };
        let signed = token.sign(Stamp::new(at(now), randomness), &key());
        prop_assert_eq!(find_cut(&name, signed.expose(), now), None);
    }

    /// The rule itself, whatever draws the salts.
    #[test]
    fn no_salt_that_keeps_the_rule_lets_anybody_cut(name in name(), (now, lives) in issue(), salt in cut_proof_salt()) {
        let token = rtm_with_salt(&name, salt.get(), [now + 86_400, now + lives]);
        prop_assert_eq!(find_cut(&name, &token, now), None);
    }

    /// From the message into the name: no salt at all is needed to keep that from working.
    #[test]
    fn no_part_of_a_message_can_be_moved_into_the_name(name in name(), (now, lives) in issue(), salt in salt()) {
        let message = message(&rtm_with_salt(&name, salt, [now + 86_400, now + lives]));
        for moved in 1..=message.len() {
            for reader in [Reader::Published, Reader::DropsTheLast, Reader::FillsUpTheLast] {
                prop_assert!(!reader.finds_a_privilege(&message[moved..], now), "{:?}, {} bytes", reader, moved);
            }
        }
    }
}

/// The search above is worth something: where salts are drawn as the vendor's builders do, it finds a cut for each
/// length of tail that the salt decides about.
#[test]
fn the_same_search_finds_cuts_of_other_tokens() {
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let mut found = BTreeSet::new();
    for _ in 0..1500 {
        let made = (name(), issue(), randomness()).new_tree(&mut runner).expect("few names are refused").current();
        let (name, (now, lives), randomness) = made;
        let salt = Stamp::new(at(now), randomness).into_salt();
        let cut = find_cut(&name, &rtm_with_salt(&name, salt, [now + 86_400, now + lives]), now);
        found.extend(cut.map(|(_, moved)| moved));
    }
    assert_eq!(found.into_iter().collect::<Vec<_>>(), [5, 6, 7, 8]);
}

/// Each part of the rule is needed: a salt that breaks it in one byte, and a moment, for each length of tail that the
/// salt decides about.
#[test]
fn each_part_of_the_rule_keeps_somebody_from_cutting() {
    const TAIL: &str = "99999999";
    for (moved, salt, [ts, ends_at], by) in [
        // The count is 1, and the number is 1 (join an RTC channel).
        (5, 0x0100_0600, [0x7000_0100, 0x7000_0000], "Published"),
        // The count is 2, and the second number is 1000.
        (6, 0x0002_0600, [0x7012_3456, 0x7012_0000], "Published"),
        // The count is 1, and the number is 5 (publish to a CDN).
        (7, 0x0500_0100, [0x7000_0000, 0x6fff_ff00], "Published"),
        // The count is 2, and the second number is 1.
        (8, 0x0500_0002, [0x7012_3456, 0x7012_0000], "Published"),
        // The count is 2, what is filled up has the number 1000, and the time is the salt.
        (4, 0x7fff_ffff, [0x7000_0002, 0x6fff_03e8], "FillsUpTheLast"),
    ] {
        let now = ts - 86_400;
        let name = format!("alice{}", &TAIL[..moved]);
        let broken = find_cut(&name, &rtm_with_salt(&name, salt, [ts, ends_at]), now);
        assert_eq!(broken, Some((by.to_owned(), moved.cast_signed())), "{salt:#x}");
        assert_eq!(CutProofSalt::new(salt), None, "{salt:#x}");
        // The nearest salt that keeps the rule.
        let [first, second, third, fourth] = salt.to_le_bytes();
        let nearest = u32::from_le_bytes([first, second.max(6), third, fourth.clamp(5, 0x5f)]);
        assert_eq!(find_cut(&name, &rtm_with_salt(&name, nearest, [ts, ends_at]), now), None, "{nearest:#x}");
    }
}

/// The attack as it was done: a user chooses the id `alice999999`, asks for tokens until one has a fitting salt, and
/// logs in as `alice`.
#[test]
fn a_longer_user_id_gets_no_login_for_a_shorter() {
    const NOW: u32 = 1_800_000_000;
    let verified_as_alice = |token: &str| {
        let forged = recut(&content(token), b"alice", b"", &[b"999999", message(token).as_slice()].concat());
        let forged = parse(&forged)?;
        Some((
            forged.verify(&key(), "alice", "", at(NOW)),
            forged.privileges.contains_key(&RTM_LOGIN),
            forged.is_as_written(),
        ))
    };
    // A builder of the vendor's draws this one, too.
    let fitting = 158_538;
    let token = rtm_with_salt("alice999999", fitting, [NOW + 86_400, NOW + 3600]);
    assert_eq!(verified_as_alice(&token), Some((Ok(()), true, false)));
    assert_eq!(CutProofSalt::new(fitting), None);

    let user = RtmUserId::new("alice999999").expect("valid");
    let ours = Rtm { user, ttl: ttl(3600), version: Version::V006 };
    for drawn in 0..10_000_u64 {
        let mut randomness = [0; Stamp::RANDOMNESS_BYTES];
        randomness[..8].copy_from_slice(&drawn.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
        let signed = ours.sign(Stamp::new(at(NOW), randomness), &key());
        assert_eq!(verified_as_alice(signed.expose()), None);
        assert!(parse(signed.expose()).is_some_and(|token| token.is_as_written()));
    }
}

/// What the module says that no salt helps against.
#[test]
fn some_cuts_work_with_every_salt() {
    let stamp = |now| Stamp::new(at(now), [7; Stamp::RANDOMNESS_BYTES]);
    // A reader that ignores the count: twelve bytes of the name are salt, time, count, and the number of a first
    // privilege.
    let user = RtmUserId::new("alice9999xxx~9999").expect("valid");
    let signed = Rtm { user, ttl: Ttl::MAX, version: Version::V006 }.sign(stamp(1_800_000_000), &key());
    let cut = [b"9999xxx~9999", message(signed.expose()).as_slice()].concat();
    assert!(Reader::IgnoresTheCount.finds_a_privilege(&cut, 1_800_000_000));
    assert!(!Reader::FillsUpTheLast.finds_a_privilege(&cut, 1_800_000_000));

    let rtc = |channel: &str, uid, now, lives| {
        let user = RtcUser::Uid(Uid::new(uid).expect("valid"));
        let publish = Some(Ttl::MAX);
        let privileges = Privileges {
            join_channel: ttl(lives),
            publish_audio: publish,
            publish_video: publish,
            publish_data_stream: publish,
        };
        let rights = Rights::new(Ttl::MAX, privileges).expect("none outlives the token");
        let token = Rtc { channel: ChannelName::new(channel).expect("valid"), user, rights };
        RtcV006(token).sign(stamp(now), &key())
    };
    // RTC: the names have no border at all.
    let signed = rtc("room1", 23, 1_800_000_000, 3600);
    let other = recut(&content(signed.expose()), b"room12", b"3", &message(signed.expose()));
    assert_eq!(parse(&other).map(|token| token.verify(&key(), "room12", "3", at(1_800_000_000))), Some(Ok(())));

    // RTC with several privileges: where the moments' bytes are a count of 2 and the number 1.
    for (moved, ts, lives) in [(3, 0x7000_0200_u32, 86_400 - 256), (4, 0x7000_0002, 86_400 - 1)] {
        let signed = rtc("room", 1234, ts - 86_400, lives);
        let cut = [&b"1234"[4 - moved..], &message(signed.expose())].concat();
        assert!(Reader::Published.finds_a_privilege(&cut, ts - 86_400), "{moved}");
    }
}
