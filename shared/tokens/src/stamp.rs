//! The moment and the randomness that make one token different from every other.

use crate::Ttl;
use crate::agora::CutProofSalt;
use crate::redacted::Redacted;
use serde::Serialize;
use std::ops::RangeInclusive;
use thiserror::Error;

/// A moment in Unix seconds, until 2106. Any lifetime can be added to it: the sum still fits the formats' 32 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Moment(u32);

impl Moment {
    /// Checks a moment given in Unix seconds.
    ///
    /// # Errors
    /// Refuses a moment if the moment one day later does not fit 32 bits.
    pub fn from_unix_seconds(seconds: u64) -> Result<Moment, MomentError> {
        u32::try_from(seconds)
            .ok()
            .filter(|seconds| *seconds <= u32::MAX - Ttl::MAX.as_seconds())
            .map(Moment)
            .ok_or(MomentError)
    }

    /// The moment in Unix seconds.
    pub fn as_unix_seconds(self) -> u32 {
        self.0
    }

    /// The Unix second at which something ends that begins at this moment and lives for `ttl`.
    pub fn plus(self, ttl: Ttl) -> u32 {
        // Cannot overflow: `from_unix_seconds` has checked it.
        self.0 + ttl.as_seconds()
    }
}

/// A moment that the token formats cannot write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the moment doesn't fit the 32 bits that the token formats have for it")]
pub struct MomentError;

/// The moment a token is issued at and the random bytes it consumes.
///
/// Neither `Clone` nor `Copy`: a salt, nonce or IV cannot be spent twice.
#[derive(Debug)]
pub struct Stamp {
    issued_at: Moment,
    randomness: Redacted<[u8; Stamp::RANDOMNESS_BYTES]>,
}

impl Stamp {
    /// How many random bytes a stamp takes. ZEGO's IV and nonce need the most.
    pub const RANDOMNESS_BYTES: usize = 20;

    /// Take `randomness` from the operating system's generator, anew for every stamp. Lambda can restore one snapshot
    /// many times. A generator that was seeded at start-up would then give the same bytes again.
    pub fn new(issued_at: Moment, randomness: [u8; Self::RANDOMNESS_BYTES]) -> Stamp {
        Stamp { issued_at, randomness: Redacted(randomness) }
    }

    /// The moment the token is issued at.
    pub fn issued_at(&self) -> Moment {
        self.issued_at
    }

    /// The salt of Agora's `007`: 1 to 99,999,999.
    pub(crate) fn into_salt(self) -> u32 {
        let (salt, _) = self.randomness.0.split_first_chunk().expect("20 bytes hold 8");
        // 64 bits against 27: the bias is below 2^-37.
        let salt = u64::from_le_bytes(*salt) % 99_999_999 + 1;
        u32::try_from(salt).expect("at most 99,999,999")
    }

    /// The salt of Agora's `006`. It follows the rule that stops anybody from cutting a token into another user's. The
    /// vendor's builders draw from 1 to 99,999,999 (Python, Go) or from all 32 bits (Node, Java, C++).
    pub(crate) fn into_cut_proof_salt(self) -> CutProofSalt {
        const ANY: RangeInclusive<u8> = 0..=0xff;
        let (bits, _) = self.randomness.0.split_first_chunk().expect("20 bytes hold 8");
        let mut bits = u64::from_le_bytes(*bits);
        // Each byte from its own range: 1,490,944,000 salts. That is 31 bits out of 64: the bias is below 2^-33.
        let mut draw = |range: RangeInclusive<u8>| {
            let choices = u64::from(range.end() - range.start()) + 1;
            let drawn = u8::try_from(bits % choices).expect("less than 256");
            bits /= choices;
            range.start() + drawn
        };
        let bytes = [draw(ANY), draw(CutProofSalt::SECOND_BYTE), draw(ANY), draw(CutProofSalt::FOURTH_BYTE)];
        CutProofSalt::new(u32::from_le_bytes(bytes)).expect("both bytes are from their ranges")
    }

    /// ZEGO's nonce (0 to 2,147,483,647) and IV, 16 characters of `0-9a-z` as the official assistants draw them.
    pub(crate) fn into_nonce_and_iv(self) -> (u32, [u8; 16]) {
        const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
        let (iv_bits, nonce) = self.randomness.0.split_first_chunk::<16>().expect("20 bytes hold 16");
        let mut iv = [0; 16];
        for (digits, bits) in iv.chunks_exact_mut(8).zip(iv_bits.chunks_exact(8)) {
            // Eight digits of base 36 are 42 bits out of 64: the bias is below 2^-22.
            let mut bits = u64::from_le_bytes(bits.try_into().expect("chunks of 8"));
            for digit in digits {
                *digit = DIGITS[(bits % 36) as usize];
                bits /= 36;
            }
        }
        let nonce = u32::from_le_bytes(nonce.try_into().expect("the other 4")) & 0x7fff_ffff;
        (nonce, iv)
    }

    /// The stamp that yields this salt: vectors pin it.
    #[cfg(test)]
    pub(crate) fn with_salt(issued_at: Moment, salt: u32) -> Stamp {
        let mut randomness = [0; Self::RANDOMNESS_BYTES];
        randomness[..8].copy_from_slice(&u64::from(salt - 1).to_le_bytes());
        Stamp::new(issued_at, randomness)
    }

    /// The stamp that yields this salt of a `006` token: vectors pin it.
    #[cfg(test)]
    pub(crate) fn with_cut_proof_salt(issued_at: Moment, salt: CutProofSalt) -> Stamp {
        let [first, second, third, fourth] = salt.get().to_le_bytes().map(u64::from);
        let [second_least, fourth_least] =
            [CutProofSalt::SECOND_BYTE, CutProofSalt::FOURTH_BYTE].map(|range| u64::from(*range.start()));
        let drawn = first + 256 * ((second - second_least) + 250 * (third + 256 * (fourth - fourth_least)));
        let mut randomness = [0; Self::RANDOMNESS_BYTES];
        randomness[..8].copy_from_slice(&drawn.to_le_bytes());
        Stamp::new(issued_at, randomness)
    }

    /// The stamp that yields this nonce and IV: vectors pin them.
    #[cfg(test)]
    pub(crate) fn with_nonce_and_iv(issued_at: Moment, nonce: u32, iv: &[u8; 16]) -> Stamp {
        let mut randomness = [0; Self::RANDOMNESS_BYTES];
        for (bits, digits) in randomness.chunks_exact_mut(8).zip(iv.chunks_exact(8)) {
            let value = digits.iter().rev().fold(0, |value, digit| {
                value * 36 + u64::from((*digit as char).to_digit(36).expect("a base 36 digit"))
            });
            bits.copy_from_slice(&value.to_le_bytes());
        }
        randomness[16..].copy_from_slice(&nonce.to_le_bytes());
        Stamp::new(issued_at, randomness)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_moment_leaves_room_for_a_day_in_32_bits() {
        let last = u64::from(u32::MAX) - 86_400;
        assert_eq!(Moment::from_unix_seconds(last).map(|m| m.plus(Ttl::MAX)), Ok(u32::MAX));
        assert_eq!(Moment::from_unix_seconds(last + 1), Err(MomentError));
        assert_eq!(Moment::from_unix_seconds(u64::MAX), Err(MomentError));
    }

    #[test]
    fn debug_does_not_show_the_randomness() {
        let stamp = Stamp::new(Moment(7), [171; 20]);
        assert_eq!(format!("{stamp:?}"), "Stamp { issued_at: Moment(7), randomness: [redacted] }");
    }

    /// The lowest draw, the highest draw, and one more. They give the whole range, and nothing outside of it.
    #[test]
    fn the_draw_reaches_both_ends_of_the_rule() {
        let draw = |drawn: u64| {
            let mut randomness = [0; Stamp::RANDOMNESS_BYTES];
            randomness[..8].copy_from_slice(&drawn.to_le_bytes());
            Stamp::new(Moment(7), randomness).into_cut_proof_salt().get()
        };
        assert_eq!(draw(0), 0x0500_0600);
        assert_eq!(draw(1_490_944_000 - 1), 0x5fff_ffff);
        assert_eq!(draw(1_490_944_000), 0x0500_0600);
    }

    proptest! {
        #[test]
        fn all_randomness_gives_values_the_vendors_accept(randomness: [u8; 20]) {
            let moment = Moment(1_700_000_000);
            let salt = Stamp::new(moment, randomness).into_salt();
            prop_assert!((1..=99_999_999).contains(&salt));
            let cut_proof = Stamp::new(moment, randomness).into_cut_proof_salt();
            prop_assert_eq!(CutProofSalt::new(cut_proof.get()), Some(cut_proof));
            let (nonce, iv) = Stamp::new(moment, randomness).into_nonce_and_iv();
            prop_assert!(i32::try_from(nonce).is_ok());
            prop_assert!(iv.iter().all(|c| c.is_ascii_digit() || c.is_ascii_lowercase()));
            prop_assert_eq!(Stamp::with_salt(moment, salt).into_salt(), salt);
            prop_assert_eq!(Stamp::with_cut_proof_salt(moment, cut_proof).into_cut_proof_salt(), cut_proof);
            prop_assert_eq!(Stamp::with_nonce_and_iv(moment, nonce, &iv).into_nonce_and_iv(), (nonce, iv));
        }
    }
}
