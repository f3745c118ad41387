//! What the service takes from the machine: the wall clock and the operating system's randomness. Both come in as one value,
//! so that a test can hand in others.

use crate::problem::Problem;
use std::time::{SystemTime, UNIX_EPOCH};
use tokens::{Moment, Stamp};

/// The wall clock and the operating system's generator.
pub(crate) trait System: Send + Sync {
    /// The time it is, for what is compared with other times of this machine's clock.
    fn wall_clock(&self) -> SystemTime;

    /// Fills these bytes from the generator.
    fn fill(&self, randomness: &mut [u8]) -> Result<(), getrandom::Error>;

    /// The moment it is, for tokens.
    fn moment(&self) -> Result<Moment, Problem> {
        let seconds = self.wall_clock().duration_since(UNIX_EPOCH).map_err(|_| Problem::no_randomness())?.as_secs();
        Moment::from_unix_seconds(seconds).map_err(|_| Problem::no_randomness())
    }

    /// What a new token needs. Drawn anew for each token.
    fn fresh(&self) -> Result<Fresh, Problem> {
        let mut randomness = [0; Stamp::CHANCE_BYTES + 4];
        self.fill(&mut randomness).map_err(|_| Problem::no_randomness())?;
        let (stamp, spread) = randomness.split_first_chunk().expect("as long as both");
        let spread = u32::from_le_bytes(spread.try_into().expect("the other four"));
        Ok(Fresh { stamp: Stamp::new(self.moment()?, *stamp), spread })
    }

    /// A little randomness alone.
    fn spread(&self) -> Option<u32> {
        let mut randomness = [0; 4];
        self.fill(&mut randomness).ok().map(|()| u32::from_le_bytes(randomness))
    }

    /// A name that nothing else has, of 16 hexadecimal digits.
    fn random_name(&self) -> String {
        let mut randomness = [0; 8];
        // It only tells environments apart, so a system without randomness is no reason not to start.
        let _ = self.fill(&mut randomness);
        format!("{:016x}", u64::from_le_bytes(randomness))
    }
}

/// A new token's stamp, and a little randomness of its own for when to renew it.
pub(crate) struct Fresh {
    pub(crate) stamp: Stamp,
    pub(crate) spread: u32,
}

/// The machine's own clock and generator. This alone reads them.
pub(crate) struct OperatingSystem;

impl System for OperatingSystem {
    fn wall_clock(&self) -> SystemTime {
        SystemTime::now()
    }

    /// Asks the operating system each time: a generator of our own, seeded at start-up, would repeat itself when an
    /// execution environment is restored from a snapshot.
    fn fill(&self, randomness: &mut [u8]) -> Result<(), getrandom::Error> {
        getrandom::fill(randomness)
    }
}
