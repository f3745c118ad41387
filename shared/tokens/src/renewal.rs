//! When a client should come back for the next token.

use crate::Ttl;

/// How many seconds before its end a token should be replaced. The vendors' SDKs warn 30 seconds before the end. The
/// request for the next token takes time, and may need a second try.
const MARGIN_SECONDS: u32 = 60;

/// After how many seconds of its life a token should be renewed.
///
/// The latest point is after 90 % of its life, and at least a minute before its end. The earliest point is 10 % of its
/// life before that. `spread`, 32 random bits of the token's own, picks the point between them. So clients that came in
/// the same second do not all come back in the same second. A token under two minutes is renewed after half of its
/// life. Chat's SDK warns earlier, after half of the life: a client may renew then.
pub fn renew_after(ttl: Ttl, spread: u32) -> u32 {
    let ttl = ttl.as_seconds();
    if ttl < 2 * MARGIN_SECONDS {
        return ttl / 2;
    }
    let latest = (ttl - ttl / 10).min(ttl - MARGIN_SECONDS);
    let earliest = latest - ttl / 10;
    // Scales the 32 bits of `spread` down to the span.
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
