//! How many tokens one user gets in a minute (`MINTS_PER_MINUTE`).
//!
//! Each user has an allowance of that many tokens. Each token takes one from it, and one comes back after each part of the
//! minute: with 60, one each second. The users of one execution environment or server process are counted, and forgotten
//! when their allowance is full again.

use crate::problem::Problem;
use crate::system::System;
use governor::clock::Clock;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::{Quota, RateLimiter};
use lru::LruCache;
use sha2::{Digest, Sha256};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// What stands for a user in the limit: a part of a digest, because user ids may be long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct CountedUser([u8; 16]);

impl CountedUser {
    /// `user_id` is the claim as the JWT has it. If `USER_ID_FORM` makes one id of two, they still count as two users.
    pub(crate) fn new(issuer: &str, user_id: &str) -> CountedUser {
        // The length keeps the two texts apart.
        let length = u64::try_from(issuer.len()).unwrap_or(u64::MAX).to_be_bytes();
        let digest = Sha256::new().chain_update(length).chain_update(issuer).chain_update(user_id).finalize();
        let (first, _) = digest.as_slice().split_first_chunk().expect("a digest has 32 bytes");
        CountedUser(*first)
    }
}

/// The limit, and what each user has taken.
pub(crate) struct MintLimit {
    /// `None`: there is no limit.
    limiter: Option<RateLimiter<CountedUser, Users, ForwardClock>>,
}

impl MintLimit {
    /// How many users are remembered at most. If there are more, those whose last token is the oldest are forgotten first.
    const MOST_USERS: usize = 1 << 20;

    pub(crate) fn new(per_minute: Option<NonZeroU32>, system: &Arc<dyn System>) -> MintLimit {
        MintLimit::with_room_for(MintLimit::MOST_USERS, per_minute, system)
    }

    fn with_room_for(most: usize, per_minute: Option<NonZeroU32>, system: &Arc<dyn System>) -> MintLimit {
        let limiter = per_minute.map(|per_minute| {
            let clock = ForwardClock::new(system);
            let users = Users { full_at: Mutex::new(LruCache::unbounded()), most, clock: clock.clone() };
            RateLimiter::new(Quota::per_minute(per_minute), users, clock)
        });
        MintLimit { limiter }
    }

    /// Takes one token from the user's allowance.
    ///
    /// # Errors
    /// The allowance is used up.
    pub(crate) fn take(&self, user: &CountedUser) -> Result<(), Problem> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        limiter.check_key(user).map_err(|not_yet| {
            let wait = not_yet.wait_time_from(limiter.clock().now());
            // A client that comes back within the same second would be refused again.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            Problem::too_many_tokens(u32::try_from(seconds).unwrap_or(u32::MAX).max(1))
        })
    }
}

/// When each user's allowance is full again, by the clock of the limit.
struct Users {
    full_at: Mutex<LruCache<CountedUser, Nanos>>,
    most: usize,
    clock: ForwardClock,
}

impl StateStore for Users {
    type Key = CountedUser;

    fn measure_and_replace<T, F, E>(&self, user: &CountedUser, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut users = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let (measured, full_at) = measure(users.peek(user).copied())?;
        users.put(*user, full_at);
        // A user with a full allowance needs no entry. Each token adds one entry at most, so removing two is enough.
        let now = self.clock.now();
        for _ in 0..2 {
            let is_full = users.peek_lru().is_some_and(|(_, full_at)| *full_at <= now);
            if is_full || users.len() > self.most {
                users.pop_lru();
            }
        }
        Ok(measured)
    }
}

/// How far the wall clock has gone forward. If somebody sets the wall clock back by an hour, this clock goes on from where
/// it was. So no user waits an hour.
///
/// We read the wall clock, because other clocks may stand still while Lambda has frozen the environment.
#[derive(Clone)]
struct ForwardClock(Arc<Forward>);

struct Forward {
    system: Arc<dyn System>,
    /// The wall clock when it was last read, and how far it had gone.
    read: Mutex<(SystemTime, Duration)>,
}

impl ForwardClock {
    fn new(system: &Arc<dyn System>) -> ForwardClock {
        let read = Mutex::new((system.wall_clock(), Duration::ZERO));
        ForwardClock(Arc::new(Forward { system: Arc::clone(system), read }))
    }
}

impl Clock for ForwardClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        let mut read = self.0.read.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, passed) = *read;
        let now = self.0.system.wall_clock();
        let passed = passed.saturating_add(now.duration_since(last).unwrap_or_default());
        *read = (now, passed);
        // 584 years.
        u64::try_from(passed.as_nanos()).unwrap_or(u64::MAX).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::fake::{FakeSystem, Randomness};
    use governor::state::keyed::ShrinkableKeyedStateStore;
    use tokio::time::sleep;

    impl ShrinkableKeyedStateStore<CountedUser> for Users {
        fn retain_recent(&self, _: Nanos) {
            unreachable!("users are forgotten one by one");
        }

        fn len(&self) -> usize {
            self.full_at.lock().expect("unpoisoned").len()
        }

        fn is_empty(&self) -> bool {
            self.len() == 0
        }
    }

    /// A limit whose clock the test sets.
    struct Tested {
        machine: Arc<FakeSystem>,
        limit: MintLimit,
    }

    impl Tested {
        fn new(per_minute: u32) -> Tested {
            Tested::with_room_for(MintLimit::MOST_USERS, per_minute)
        }

        fn with_room_for(most: usize, per_minute: u32) -> Tested {
            let machine = FakeSystem::new(Randomness::Missing);
            let system: Arc<dyn System> = machine.clone();
            let limit = MintLimit::with_room_for(most, NonZeroU32::new(per_minute), &system);
            Tested { machine, limit }
        }

        /// For how many seconds the user has to wait. `None`: the user gets a token.
        fn wait(&self, id: &str) -> Option<u32> {
            let user = CountedUser::new("https://id.example.com/", id);
            self.limit.take(&user).err().map(|problem| problem.retry_after().expect("the client may try again"))
        }

        /// How many tokens the user gets for this many requests at once.
        fn gets(&self, id: &str, times: usize) -> usize {
            (0..times).filter(|_| self.wait(id).is_none()).count()
        }

        fn remembered(&self) -> usize {
            self.limit.limiter.as_ref().expect("a limit").len()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_user_gets_as_many_tokens_as_configured_and_then_one_for_each_part_of_the_minute() {
        let tested = Tested::new(60);
        assert_eq!(tested.gets("alice", 100), 60);
        assert_eq!(tested.wait("alice"), Some(1));
        assert_eq!(tested.gets("bob", 100), 60, "another user has an allowance of their own");
        sleep(Duration::from_secs(1)).await;
        assert_eq!(tested.gets("alice", 100), 1);
        sleep(Duration::from_secs(10)).await;
        assert_eq!(tested.gets("alice", 100), 10);
        sleep(Duration::from_secs(600)).await;
        assert_eq!(tested.gets("alice", 100), 60, "it never holds more than a minute's tokens");
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_as_told_gets_the_next_token() {
        for (per_minute, seconds) in [(1, 60), (7, 9), (59, 2), (60, 1), (61, 1), (10_000, 1)] {
            let tested = Tested::new(per_minute);
            assert_eq!(tested.gets("alice", 10_001), usize::try_from(per_minute).expect("small"));
            assert_eq!(tested.wait("alice"), Some(seconds), "{per_minute}");
            sleep(Duration::from_secs(seconds.into())).await;
            assert_eq!(tested.wait("alice"), None, "{per_minute}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_takes_nothing() {
        let tested = Tested::new(1);
        assert_eq!(tested.gets("alice", 1), 1);
        for second in 0..60 {
            assert_eq!(tested.wait("alice"), Some(60 - second));
            sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(tested.wait("alice"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_limit_everybody_gets_every_token() {
        assert_eq!(Tested::new(0).gets("alice", 10_000), 10_000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_set_makes_nobody_wait_longer() {
        let tested = Tested::new(60);
        assert_eq!(tested.gets("alice", 60), 60);
        tested.machine.set_back(Duration::from_secs(86_400));
        assert_eq!(tested.wait("alice"), Some(1), "this gives no new allowance");
        sleep(Duration::from_secs(2)).await;
        assert_eq!(tested.gets("alice", 10), 2);
        tested.machine.set_forward(Duration::from_secs(86_400));
        assert_eq!(tested.gets("alice", 100), 60);
    }

    #[tokio::test(start_paused = true)]
    async fn users_are_forgotten_when_their_allowance_is_full_again() {
        let tested = Tested::new(60);
        (0..1000).for_each(|user| assert_eq!(tested.wait(&user.to_string()), None));
        assert_eq!(tested.remembered(), 1000);
        sleep(Duration::from_secs(2)).await;
        (1000..1500).for_each(|user| assert_eq!(tested.wait(&user.to_string()), None));
        assert_eq!(tested.remembered(), 500, "two older ones are forgotten for each new one");
    }

    #[tokio::test(start_paused = true)]
    async fn if_there_are_too_many_users_the_oldest_go_first() {
        let tested = Tested::with_room_for(100, 2);
        (0..100).for_each(|user| assert_eq!(tested.gets(&user.to_string(), 3), 2));
        // The first user asks again, but gets no token. So this user is still the oldest.
        assert_eq!(tested.gets("0", 1), 0);
        assert_eq!(tested.gets("new", 3), 2);
        assert_eq!(tested.remembered(), 100);
        assert_eq!((1..100).map(|user| tested.gets(&user.to_string(), 1)).sum::<usize>(), 0);
        assert_eq!(tested.gets("0", 3), 2, "forgotten");
    }

    #[test]
    fn each_issuer_has_users_of_its_own() {
        let user = CountedUser::new;
        assert_eq!(user("https://a.example/", "alice"), user("https://a.example/", "alice"));
        assert_ne!(user("https://a.example/", "alice"), user("https://b.example/", "alice"));
        assert_ne!(user("https://a.example/", "alice"), user("https://a.example/", "Alice"));
        assert_ne!(user("ab", "c"), user("a", "bc"));
    }
}
