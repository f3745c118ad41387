//! One token for all who may have it. It is minted once, and then handed out again until it is due to be minted again.

use crate::minted::Minted;
use crate::problem::Problem;
use crate::system::System;
use crate::vendor::Vendor;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokens::Token;

/// The one token that is handed out to everybody who may have it.
pub(super) struct Shared<T, V>(Mutex<Option<Handed<T, V>>>);

struct Handed<T, V> {
    token: T,
    /// The key that signed the token. After a rotation the token is not handed out again.
    key: Arc<V>,
    minted: Minted,
}

impl<V: Vendor, T: Token<Key = V> + PartialEq> Shared<T, V> {
    pub(super) fn new() -> Shared<T, V> {
        Shared(Mutex::new(None))
    }

    /// The token, for a caller who may have it.
    pub(super) fn mint(&self, token: T, key: &Arc<V>, system: &dyn System) -> Result<Minted, Problem> {
        let mut handed = self.lock();
        let now = system.moment()?.as_unix_seconds();
        if let Some(again) = handed.as_ref().filter(|again| again.token == token && again.is_good(key, now, 0)) {
            let expires_in = again.minted.signed.expires_at() - now;
            return Ok(Minted { expires_in, ..again.minted.clone() });
        }
        let minted = Minted::new(&token, &**key, system)?;
        *handed = Some(Handed { token, key: Arc::clone(key), minted: minted.clone() });
        Ok(minted)
    }

    /// Mints the token again, if there is one and it is due within this many seconds.
    pub(super) fn mint_again(&self, key: &Arc<V>, within: u32, system: &dyn System) -> Result<(), Problem> {
        let now = system.moment()?.as_unix_seconds();
        if let Some(old) = self.lock().as_mut().filter(|old| !old.is_good(key, now, within)) {
            old.minted = Minted::new(&old.token, &**key, system)?;
            old.key = Arc::clone(key);
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Handed<T, V>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T, V> Handed<T, V> {
    /// Whether the token may be handed out with this key, now and for this many more seconds.
    fn is_good(&self, key: &Arc<V>, now: u32, within: u32) -> bool {
        // If the clock was set back, the token may be from the future. Such a token is not handed out.
        let issued_at = self.minted.signed.issued_at().as_unix_seconds();
        Arc::ptr_eq(&self.key, key) && issued_at <= now && now.saturating_add(within) < self.minted.renew_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::fake::{FakeSystem, Randomness};
    use std::time::Duration;
    use tokens::Ttl;
    use tokens::agora::{AppCertificate, AppId, ChatApp, Key};

    /// A token of an hour lives 3600 seconds and is due after 3240, because this machine draws the latest moment.
    struct Backends {
        shared: Shared<ChatApp, Key>,
        system: Arc<FakeSystem>,
        key: Arc<Key>,
    }

    impl Backends {
        fn new() -> Backends {
            let system = FakeSystem::new(Randomness::Always(0xff));
            Backends { shared: Shared::new(), system, key: key() }
        }

        /// The token that the next backend gets: what it is, how long it is good for, and when it should be renewed.
        fn next(&self) -> (String, u32, u32) {
            self.next_of(3600)
        }

        fn next_of(&self, seconds: u64) -> (String, u32, u32) {
            let token = ChatApp { ttl: Ttl::from_seconds(seconds).expect("valid") };
            let minted = self.shared.mint(token, &self.key, &*self.system).expect("minted");
            (minted.signed.expose().to_owned(), minted.expires_in, minted.renew_at)
        }

        fn mint_again(&self, within: u32) {
            self.shared.mint_again(&self.key, within, &*self.system).expect("minted");
        }

        fn pass(&self, seconds: u64) {
            self.system.set_forward(Duration::from_secs(seconds));
        }
    }

    fn key() -> Arc<Key> {
        Arc::new(Key {
            app_id: AppId::new("970ca35de60c44645bbae8a215061b33").expect("valid"),
            app_certificate: AppCertificate::new("5cfd2fd1755d40ecb72977518be15d3b").expect("valid"),
        })
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_backend_gets_the_same_token_with_less_of_its_life_left() {
        let backends = Backends::new();
        let (token, expires_in, renew_at) = backends.next();
        assert_eq!((expires_in, renew_at), (3600, 1_800_003_240));
        // Handing out a token again needs no randomness.
        backends.system.draw_from(Randomness::Missing);
        assert_eq!(backends.next(), (token.clone(), 3600, renew_at), "in the same second");
        backends.pass(1000);
        assert_eq!(backends.next(), (token, 2600, renew_at));
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_minted_again_when_it_is_due() {
        let backends = Backends::new();
        let (token, ..) = backends.next();
        backends.pass(3239);
        assert_eq!(backends.next(), (token.clone(), 361, 1_800_003_240));
        backends.pass(1);
        let (next, expires_in, renew_at) = backends.next();
        assert_ne!(next, token);
        assert_eq!((expires_in, renew_at), (3600, 1_800_006_480));
        assert_eq!(backends.next().0, next);
    }

    #[tokio::test(start_paused = true)]
    async fn a_warm_up_mints_it_again_if_it_is_due_before_the_next_one() {
        let backends = Backends::new();
        let (token, ..) = backends.next();
        backends.pass(3000);
        backends.mint_again(239);
        assert_eq!(backends.next(), (token.clone(), 600, 1_800_003_240), "due a second later");
        backends.mint_again(240);
        // The token's age shows that it was minted by the warm-up and not by the next request.
        backends.pass(1);
        let (next, expires_in, _) = backends.next();
        assert_ne!(next, token);
        assert_eq!(expires_in, 3599);
    }

    #[tokio::test(start_paused = true)]
    async fn a_warm_up_mints_nothing_that_nobody_has_asked_for() {
        let backends = Backends::new();
        backends.mint_again(240);
        backends.pass(10);
        assert_eq!(backends.next().1, 3600);
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_minted_again_with_another_key() {
        let mut backends = Backends::new();
        let (token, ..) = backends.next();
        backends.key = key();
        backends.pass(5);
        let (next, expires_in, _) = backends.next();
        assert_ne!(next, token);
        assert_eq!(expires_in, 3600);
        backends.key = key();
        backends.mint_again(0);
        backends.pass(5);
        assert_eq!(backends.next().1, 3595, "by the warm-up");
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_minted_again_if_the_clock_was_set_back() {
        let backends = Backends::new();
        let (token, ..) = backends.next();
        backends.system.set_back(Duration::from_secs(1));
        let (next, expires_in, renew_at) = backends.next();
        assert_ne!(next, token, "the older one is from the future");
        assert_eq!((expires_in, renew_at), (3600, 1_800_003_239));
        backends.system.set_back(Duration::from_secs(1));
        backends.mint_again(0);
        backends.pass(5);
        assert_eq!(backends.next().1, 3595, "by the warm-up");
    }

    #[tokio::test(start_paused = true)]
    async fn another_lifetime_is_another_token() {
        let backends = Backends::new();
        let (token, ..) = backends.next();
        let (short, expires_in, _) = backends.next_of(600);
        assert_eq!(expires_in, 600);
        assert_ne!(short, token);
        assert_eq!(backends.next_of(600).0, short);
        assert_eq!(backends.next().1, 3600);
    }

    #[tokio::test(start_paused = true)]
    async fn without_randomness_no_new_one_is_minted() {
        let backends = Backends::new();
        backends.system.draw_from(Randomness::Missing);
        let token = ChatApp { ttl: Ttl::from_seconds(3600).expect("valid") };
        let refused = backends.shared.mint(token, &backends.key, &*backends.system);
        assert_eq!(refused.err(), Some(Problem::no_randomness()));
    }
}
