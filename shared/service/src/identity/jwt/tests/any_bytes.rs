//! Tokens that chance makes. None is verified, and none ends in a panic.

use super::super::keys::KeySetError;
use super::super::samples::{ALGORITHMS, KEYS, NOW, base64url, claims, expected};
use super::super::{Expected, KeySet, bearer, verify};
use proptest::prelude::*;

/// The characters of a token.
const CHARACTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";

fn is_verified(token: &str) -> bool {
    let lenient = Expected { id_tokens: true, ..expected() };
    verify(&expected(), &KEYS, token, NOW).is_ok() || verify(&lenient, &KEYS, token, NOW).is_ok()
}

/// JSON that often has the names that are read, with any values.
fn any_object() -> impl Strategy<Value = String> {
    let names = prop::sample::select(vec!["alg", "kid", "typ", "crit", "iss", "aud", "exp", "nbf", "azp", "scope"]);
    let values = prop_oneof![
        Just("\"RS256\"".to_owned()),
        Just("\"rsa\"".to_owned()),
        Just("\"JWT\"".to_owned()),
        Just("\"https://issuer.example/tenant\"".to_owned()),
        Just("\"https://tokens.example\"".to_owned()),
        Just("1800000600".to_owned()),
        "[-0-9.e]{1,8}",
        "[\\[\\]{}\":,a]{0,6}",
    ];
    prop::collection::vec((names, values), 0..10).prop_map(|members| {
        let members: Vec<String> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", members.join(","))
    })
}

proptest! {
    #[test]
    fn any_text_is_refused(text in ".{0,300}") {
        prop_assert!(!is_verified(&text));
        let _ = bearer(std::slice::from_ref(&text));
        let _ = bearer(&[format!("Bearer {text}")]);
    }

    #[test]
    fn any_three_parts_are_refused(parts in prop::array::uniform3(prop::collection::vec(any::<u8>(), 0..300))) {
        prop_assert!(!is_verified(&parts.map(base64url).join(".")));
    }

    #[test]
    fn any_header_and_claims_are_refused_without_the_key(
        header in any_object(), payload in any_object(), signature in prop::collection::vec(any::<u8>(), 0..300)
    ) {
        prop_assert!(!is_verified(&[base64url(header), base64url(payload), base64url(signature)].join(".")));
    }

    #[test]
    fn any_bytes_as_a_key_set_end_in_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), object in any_object()) {
        let _ = KeySet::parse(&bytes);
        // Nothing in it is a key. It may have a name twice, or be no JSON.
        let read = KeySet::parse(format!("{{\"keys\":[{object}]}}").as_bytes());
        let errors = [KeySetError::NoUsableKey, KeySetError::NameTwice, KeySetError::NotKeys];
        prop_assert!(read.is_err_and(|error| errors.contains(&error)));
    }

    #[test]
    fn a_good_token_with_one_byte_changed_is_refused(
        algorithm in 0..9_usize, place in any::<prop::sample::Index>(), byte in any::<u8>()
    ) {
        let (name, key) = ALGORITHMS[algorithm];
        let token = key.token(&key.header(name), &claims());
        prop_assert!(is_verified(&token));
        let place = place.index(token.len());
        let mut changed = token.clone().into_bytes();
        changed[place] = byte;
        // A header is text. What is no text never becomes a token.
        if let Ok(changed) = String::from_utf8(changed) {
            prop_assert_eq!(is_verified(&changed), changed == token, "{} at {}", name, place);
        }
    }

    #[test]
    fn a_good_token_that_is_cut_or_longer_is_refused(
        algorithm in 0..9_usize, length in any::<prop::sample::Index>(), added in "[A-Za-z0-9_.-]{1,8}"
    ) {
        let (name, key) = ALGORITHMS[algorithm];
        let token = key.token(&key.header(name), &claims());
        prop_assert!(!is_verified(&token[..length.index(token.len())]));
        let longer = format!("{token}{added}");
        prop_assert!(!is_verified(&longer));
    }
}

/// The last character of a part may have bits that no byte needs. They must be zero, or one token would have many
/// spellings.
#[test]
fn every_other_last_character_of_every_part_is_refused() {
    for (name, key) in ALGORITHMS.iter() {
        let token = key.token(&key.header(name), &claims());
        let ends = token.match_indices('.').map(|(dot, _)| dot - 1).chain([token.len() - 1]).collect::<Vec<_>>();
        for end in ends {
            for character in CHARACTERS.iter().filter(|character| **character != token.as_bytes()[end]) {
                let mut changed = token.clone().into_bytes();
                changed[end] = *character;
                let changed = String::from_utf8(changed).expect("ASCII");
                assert!(!is_verified(&changed), "{name}: {} at {end}", char::from(*character));
            }
        }
    }
}
