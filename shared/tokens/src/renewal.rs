//! When a client should come back for the next token.

use crate::Ttl;

/// How long before its end a token should have been replaced: the vendors' SDKs warn 30 seconds ahead, and the
/// request for the next token takes a moment and may need a second try.
const MARGIN_SECONDS: u32 = 60;

/// After how many seconds of its life a token should be renewed.
///
/// That is at the latest after 90 hundredths of its life and a minute before its end, and up to 10 hundredths of
/// its life earlier, so that clients that came in the same second don't come back in the same second. Tokens too short
/// for that are renewed in the middle of their life. Chat's SDK warns earlier, at half of the life; a client may well
/// renew then. `spread` is the token's own randomness, of 32 bits.
pub fn renew_after(ttl: Ttl, spread: u32) -> u32 {
    let ttl = ttl.as_seconds();
    if ttl < 2 * MARGIN_SECONDS {
        return ttl / 2;
    }
    let latest = (ttl - ttl / 10).min(ttl - MARGIN_SECONDS);
    let earliest = latest - ttl / 10;
    // The spread's 32 bits scaled down to the span.
    earliest + ((u64::from(latest - earliest + 1) * u64::from(spread)) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renew_after_seconds(ttl: u64, spread: u32) -> u32 {
        renew_after(Ttl::from_seconds(ttl).expect("valid"), spread)
    }

    #[test]
    fn clients_have_time_to_renew_before_the_vendors_warning() {
        for ttl in (1..=3600).chain([7200, 43_200, 86_400]) {
            for spread in [0, 1, u32::MAX / 2, u32::MAX] {
                let after = renew_after_seconds(ttl, spread);
                let left = ttl as u32 - after;
                assert!(left >= 1, "{ttl} s: renewed after {after} s");
                assert!(ttl < 120 || left >= MARGIN_SECONDS, "{ttl} s: {left} s left");
            }
        }
    }

    #[test]
    fn renewals_are_spread_over_a_tenth_of_the_lifetime() {
        assert_eq!(renew_after_seconds(3600, 0), 2880);
        assert_eq!(renew_after_seconds(3600, u32::MAX), 3240);
        assert_eq!(renew_after_seconds(3600, u32::MAX / 2), 3060);
        assert_eq!((renew_after_seconds(120, 0), renew_after_seconds(120, u32::MAX)), (48, 60));
    }
}
