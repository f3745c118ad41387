//! The only place that reads the wall clock and the operating system's generator.

use crate::problem::Problem;
use std::time::{SystemTime, UNIX_EPOCH};
use tokens::{Moment, Stamp};

/// What a new token needs: its stamp, and a little randomness of its own for when to renew it.
pub(crate) struct Fresh {
    pub(crate) stamp: Stamp,
    pub(crate) spread: u32,
}

/// Draws both from the operating system, each time: a generator of our own, seeded at start-up, would repeat itself
/// when an execution environment is restored from a snapshot.
pub(crate) fn fresh() -> Result<Fresh, Problem> {
    let mut randomness = [0; Stamp::CHANCE_BYTES + 4];
    getrandom::fill(&mut randomness).map_err(|_| Problem::no_randomness())?;
    let (stamp, spread) = randomness.split_first_chunk().expect("as long as both");
    let spread = u32::from_le_bytes(spread.try_into().expect("the other four"));
    Ok(Fresh { stamp: Stamp::new(now()?, *stamp), spread })
}

/// A little randomness alone.
pub(crate) fn spread() -> Option<u32> {
    getrandom::u32().ok()
}

/// A name that nothing else has, of 16 hexadecimal digits.
pub(crate) fn random_name() -> String {
    // It only tells environments apart, so a system without randomness is no reason not to start.
    format!("{:016x}", getrandom::u64().unwrap_or_default())
}

/// The time it is, for what is compared with other times of this machine's clock.
pub(crate) fn wall_clock() -> SystemTime {
    SystemTime::now()
}

/// The moment it is, for tokens.
pub(crate) fn now() -> Result<Moment, Problem> {
    let seconds = wall_clock().duration_since(UNIX_EPOCH).map_err(|_| Problem::no_randomness())?.as_secs();
    Moment::from_unix_seconds(seconds).map_err(|_| Problem::no_randomness())
}
