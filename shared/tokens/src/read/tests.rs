//! What holds for every format.

use super::samples::{NOW, agora_key, at, payload, rtc, rtm_006, wrapped, zego_basic};
use super::token as read;
use super::{MAX_LENGTH, ReadError, Unverified};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use proptest::prelude::*;

#[test]
fn each_malformation_has_its_own_reason() {
    let (rtc, rtm_006, zego) = (rtc(), rtm_006(), zego_basic());
    let (rtc, rtm_006, zego) = (rtc.expose(), rtm_006.expose(), zego.expose());
    for unknown in ["", "0", "00", "008", "03AAAA", "eyJhbGciOi", " 007eJx", "07"] {
        assert_eq!(read(unknown), Err(ReadError::UnknownVersion), "{unknown:?}");
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
            assert_eq!(read(&garbled), Err(ReadError::NotBase64), "{garbled:?}");
        }
        for kept in 6..token.len() {
            assert_eq!(read(&token[..kept]), Err(ReadError::CutShort), "{kept} bytes of {token}");
        }
    }
    assert_eq!(read("007"), Err(ReadError::CutShort));
    assert_eq!(read("006é"), Err(ReadError::CutShort));

    let stream = |bytes: &[u8]| read(&format!("007{}", BASE64_STANDARD.encode(bytes)));
    let whole = BASE64_STANDARD.decode(&rtc[3..]).expect("base64");
    let mut bad_checksum = whole.clone();
    *bad_checksum.last_mut().expect("not empty") ^= 1;
    assert_eq!(stream(&bad_checksum), Err(ReadError::BadZlib));
    assert_eq!(stream(b"not zlib at all"), Err(ReadError::BadZlib));
    assert_eq!(stream(&[whole.as_slice(), &[0]].concat()), Err(ReadError::TrailingBytes));

    let payload = payload();
    assert!(read(&wrapped(&payload)).is_ok(), "compressed instead of stored");
    assert_eq!(read(&wrapped(&[payload.as_slice(), &[0]].concat())), Err(ReadError::TrailingBytes));
    assert_eq!(read(&wrapped(&payload[..payload.len() - 1])), Err(ReadError::CutShort));
    assert_eq!(read(&wrapped(&[&[31, 0], &payload[3..]].concat())), Err(ReadError::BadSignature));
    let mut not_utf8 = payload.clone();
    *not_utf8.last_mut().expect("not empty") = 0xff;
    assert_eq!(read(&wrapped(&not_utf8)), Err(ReadError::NotUtf8));

    let content = BASE64_STANDARD.decode(&zego[2..]).expect("base64");
    let sealed = |content: &[u8]| read(&format!("04{}", BASE64_STANDARD.encode(content)));
    assert_eq!(sealed(&[content.as_slice(), &[0]].concat()), Err(ReadError::TrailingBytes));
    let mut short_iv = content.clone();
    short_iv[9] = 15;
    assert_eq!(sealed(&short_iv), Err(ReadError::BadCipher));
    let mut half_block = content[..content.len() - 8].to_vec();
    half_block[27] -= 8;
    assert_eq!(sealed(&half_block), Err(ReadError::BadCipher));
}

#[test]
fn a_zlib_bomb_is_refused_before_it_takes_memory() {
    // 64 MiB of zeros in 64 KiB.
    let bomb = wrapped(&vec![0; 64 << 20]);
    assert!(bomb.len() < 100_000);
    assert_eq!(read(&bomb), Err(ReadError::TooLarge));
    // The limit on what a text may inflate to grows with the text.
    for zeros in [10_000, 100_000, 1_000_000] {
        assert_eq!(read(&wrapped(&vec![0; zeros])), Err(ReadError::TooLarge), "{zeros}");
    }
    assert_eq!(read(&format!("007{}", "A".repeat(MAX_LENGTH))), Err(ReadError::TooLarge));
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
