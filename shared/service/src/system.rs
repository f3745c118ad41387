//! What the service takes from the machine: the wall clock and the operating system's randomness. One value gives
//! both, so that a test can replace them.

use crate::problem::Problem;
use std::time::{SystemTime, UNIX_EPOCH};
use tokens::{Moment, Stamp};

/// The wall clock and the operating system's generator.
pub(crate) trait System: Send + Sync {
    /// The time now. Compare it only with other times of this machine's clock.
    fn wall_clock(&self) -> SystemTime;

    /// Fills these bytes from the generator.
    fn fill(&self, randomness: &mut [u8]) -> Result<(), getrandom::Error>;

    /// The moment now, for tokens.
    fn moment(&self) -> Result<Moment, Problem> {
        let seconds = self.wall_clock().duration_since(UNIX_EPOCH).map_err(|_| Problem::no_randomness())?.as_secs();
        Moment::from_unix_seconds(seconds).map_err(|_| Problem::no_randomness())
    }

    /// What a new token needs. Each token draws its own.
    fn fresh(&self) -> Result<Fresh, Problem> {
        let mut randomness = [0; Stamp::RANDOMNESS_BYTES + 4];
        self.fill(&mut randomness).map_err(|_| Problem::no_randomness())?;
        let (stamp, spread) = randomness.split_first_chunk().expect("as long as both");
        let spread = u32::from_le_bytes(spread.try_into().expect("the other four"));
        Ok(Fresh { stamp: Stamp::new(self.moment()?, *stamp), spread })
    }

    /// A little randomness, without a stamp.
    fn spread(&self) -> Option<u32> {
        let mut randomness = [0; 4];
        self.fill(&mut randomness).ok().map(|()| u32::from_le_bytes(randomness))
    }

    /// A random name of 16 hexadecimal digits.
    fn random_name(&self) -> String {
        let mut randomness = [0; 8];
        // The name only tells environments apart. So the function starts even if the system has no randomness.
        let _ = self.fill(&mut randomness);
        format!("{:016x}", u64::from_le_bytes(randomness))
    }
}

/// The machine as one decision sees it: its clock stands still. So what is worked out from the time and the token's stamp
/// agree to the second.
pub(crate) struct AtOneMoment<'a> {
    system: &'a dyn System,
    now: SystemTime,
}

impl<'a> AtOneMoment<'a> {
    /// The moment is now.
    pub(crate) fn of(system: &'a dyn System) -> AtOneMoment<'a> {
        AtOneMoment { system, now: system.wall_clock() }
    }
}

impl System for AtOneMoment<'_> {
    fn wall_clock(&self) -> SystemTime {
        self.now
    }

    fn fill(&self, randomness: &mut [u8]) -> Result<(), getrandom::Error> {
        self.system.fill(randomness)
    }
}

/// A new token's stamp, and a little more randomness that decides when to renew the token.
pub(crate) struct Fresh {
    pub(crate) stamp: Stamp,
    pub(crate) spread: u32,
}

/// The machine's own clock and generator. Nothing else in the service reads them.
pub(crate) struct OperatingSystem;

impl System for OperatingSystem {
    fn wall_clock(&self) -> SystemTime {
        SystemTime::now()
    }

    /// Asks the operating system each time. A generator that we seed at start-up would repeat itself when Lambda
    /// restores an execution environment from a snapshot.
    fn fill(&self, randomness: &mut [u8]) -> Result<(), getrandom::Error> {
        getrandom::fill(randomness)
    }
}

/// A machine that does what a test says.
#[cfg(test)]
pub(crate) mod fake {
    use super::System;
    use std::sync::{Arc, Mutex};
    use std::time::{Duration, SystemTime, UNIX_EPOCH};
    use tokio::time::Instant;

    /// Its wall clock follows tokio's clock, which may be paused. It jumps when a test says so.
    pub(crate) struct FakeSystem {
        began: Instant,
        began_at: Mutex<SystemTime>,
        randomness: Mutex<Randomness>,
    }

    /// What its generator gives.
    pub(crate) enum Randomness {
        /// This byte again and again.
        Always(u8),
        /// Different bytes in each draw, but the same in each run. The number changes with each draw.
        Seeded(u64),
        /// Nothing.
        Missing,
    }

    impl FakeSystem {
        pub(crate) fn new(randomness: Randomness) -> Arc<FakeSystem> {
            let began_at = Mutex::new(UNIX_EPOCH + Duration::from_secs(1_800_000_000));
            Arc::new(FakeSystem { began: Instant::now(), began_at, randomness: Mutex::new(randomness) })
        }

        pub(crate) fn set_forward(&self, by: Duration) {
            *self.began_at.lock().expect("unpoisoned") += by;
        }

        pub(crate) fn set_back(&self, by: Duration) {
            *self.began_at.lock().expect("unpoisoned") -= by;
        }

        pub(crate) fn draw_from(&self, randomness: Randomness) {
            *self.randomness.lock().expect("unpoisoned") = randomness;
        }
    }

    impl System for FakeSystem {
        fn wall_clock(&self) -> SystemTime {
            *self.began_at.lock().expect("unpoisoned") + self.began.elapsed()
        }

        fn fill(&self, bytes: &mut [u8]) -> Result<(), getrandom::Error> {
            match &mut *self.randomness.lock().expect("unpoisoned") {
                Randomness::Always(byte) => bytes.fill(*byte),
                Randomness::Seeded(state) => bytes.fill_with(|| {
                    // Knuth's generator. Its upper bits are the better ones.
                    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    (*state >> 56) as u8
                }),
                Randomness::Missing => return Err(getrandom::Error::UNSUPPORTED),
            }
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fake::{FakeSystem, Randomness};
    use super::*;
    use std::time::Duration;

    #[test]
    fn no_stamp_is_made_without_randomness_or_time() {
        let system = FakeSystem::new(Randomness::Seeded(1));
        assert_eq!(system.moment().map(Moment::as_unix_seconds), Ok(1_800_000_000));
        assert!(system.fresh().is_ok());
        system.draw_from(Randomness::Missing);
        assert_eq!(system.fresh().err(), Some(Problem::no_randomness()));
        assert_eq!(system.spread(), None);
        assert_eq!(system.random_name(), "0000000000000000", "a name is no reason not to start");
        system.draw_from(Randomness::Always(7));
        // The clock is before 1970, or after the last moment at which a token can be issued.
        system.set_back(Duration::from_secs(1_900_000_000));
        assert_eq!(system.fresh().err(), Some(Problem::no_randomness()));
        system.set_forward(Duration::from_secs(5_000_000_000));
        assert_eq!(system.fresh().err(), Some(Problem::no_randomness()));
    }

    #[test]
    fn one_decision_sees_one_time() {
        let system = FakeSystem::new(Randomness::Always(7));
        let at_one_moment = AtOneMoment::of(&*system);
        system.set_forward(Duration::from_secs(5));
        assert_eq!(at_one_moment.moment().map(Moment::as_unix_seconds), Ok(1_800_000_000));
        assert_eq!(at_one_moment.spread(), Some(0x0707_0707));
    }

    #[test]
    fn every_stamp_has_its_own_randomness() {
        let spread = || OperatingSystem.fresh().expect("it has randomness").spread;
        // By chance they are equal once in 4 billion runs.
        assert_ne!(spread(), spread());
        assert_ne!(OperatingSystem.random_name(), OperatingSystem.random_name());
    }
}
