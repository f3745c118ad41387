//! The vendor's key: loaded at start-up, kept in memory, refreshed from Secrets Manager when it is no longer fresh.
//!
//! The [`keeper`](crate::keeper) keeps the key. This file knows about secrets. Together they are a small cache over the
//! official SDK. The official cache is `aws_secretsmanager_caching`. It makes two API calls per refresh, and ours one.
//! It needs two IAM actions, and ours one. Ours keeps serving while AWS throttles, and prints no secret.
//! `docs/explanation/decisions.md` has the figures.

mod store;
mod local_file;
mod secrets_manager;

pub(crate) use store::SecretStore;
#[cfg(test)]
pub(crate) use store::fake;

use crate::aws::AuthoritiesError;
use crate::config::{Config, Source as Setting};
use crate::keeper::{Keeper, LoadError, Source, Times};
use crate::problem::Problem;
use crate::small_file::Version;
use crate::system::System;
use crate::telemetry;
use crate::vendor::Vendor;
use local_file::LocalFile;
use secrets_manager::SecretsManager;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::NO_PART;

/// Loads and keeps one vendor's key.
pub(crate) struct Credentials<V: Vendor>(Keeper<Secret<V>>);

impl<V: Vendor> Credentials<V> {
    /// Credentials from the store that the configuration names.
    ///
    /// # Errors
    /// `SSL_CERT_FILE` or `SSL_CERT_DIR` is set, but no authority can be read there.
    pub(crate) fn new(config: &Config, system: &Arc<dyn System>) -> Result<Credentials<V>, AuthoritiesError> {
        let store: Box<dyn SecretStore> = match &config.credentials {
            Setting::SecretsManager { secret_id } => Box::new(SecretsManager::new(secret_id.clone())?),
            Setting::LocalFile(path) => Box::new(LocalFile(path.clone())),
        };
        Ok(Credentials::from_store(store, Times::new(config.credentials_ttl, config.credentials_max_stale), system))
    }

    /// Credentials from this store.
    pub(crate) fn from_store(store: Box<dyn SecretStore>, times: Times, system: &Arc<dyn System>) -> Credentials<V> {
        let version = Mutex::new(store.version());
        let secret = Secret { store, version, no_part: AtomicBool::new(false), vendor: PhantomData };
        Credentials(Keeper::new(secret, times, Arc::clone(system)))
    }

    /// The key to sign with. Loads one if there is none, or if the key must be refreshed.
    ///
    /// # Errors
    /// No key was ever loaded, or the last one is too old.
    pub(crate) async fn key(&self) -> Result<Arc<V>, NoKey> {
        self.0.item().await.ok_or_else(|| self.0.source().lack())
    }

    /// Whether the local file has no part for this vendor.
    pub(crate) fn are_left_out(&self) -> bool {
        matches!(self.0.source().lack(), NoKey::NoPart(_))
    }

    /// The key, fresh or not, if there is one that may still be used.
    pub(crate) fn kept(&self) -> Option<Arc<V>> {
        self.0.at_hand()
    }

    /// Loads the key anew, even if it is fresh, and waits for the load. If the secret was rotated before this call, the
    /// new key is in use after it. Returns how long the key is fresh from now on.
    ///
    /// # Errors
    /// The key cannot be loaded now. The older one stays in use.
    pub(crate) async fn refresh(&self) -> Result<Duration, Problem> {
        self.0.refresh().await.ok_or_else(Problem::no_credentials)
    }

    /// If the store's file has changed since the last call, loads the key anew. The older one stays in use if this
    /// fails.
    pub(crate) async fn load_changed_file(&self) {
        let secret = self.0.source();
        let version = secret.store.version();
        let before = std::mem::replace(&mut *secret.version.lock().unwrap_or_else(PoisonError::into_inner), version);
        if version.is_some() && version != before {
            self.0.refresh().await;
        }
    }
}

/// Why there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoKey {
    /// It was never loaded, or is too old. The log says why. The answer doesn't.
    Unusable,
    /// The local file is valid, but has no part of this name. Lambda has no such file, so the answer may say it.
    NoPart(&'static str),
}

impl From<NoKey> for Problem {
    fn from(lack: NoKey) -> Problem {
        match lack {
            NoKey::Unusable => Problem::no_credentials(),
            NoKey::NoPart(part) => Problem::no_part(part),
        }
    }
}

/// A vendor's secret, which contains the key.
struct Secret<V> {
    store: Box<dyn SecretStore>,
    /// The state that the store had when it was last looked at.
    version: Mutex<Option<Version>>,
    /// Whether the last load found a valid local file without a part for the vendor.
    no_part: AtomicBool,
    vendor: PhantomData<fn() -> V>,
}

impl<V: Vendor> Secret<V> {
    fn lack(&self) -> NoKey {
        if self.no_part.load(Ordering::Relaxed) { NoKey::NoPart(V::NAME) } else { NoKey::Unusable }
    }
}

impl<V: Vendor> Source for Secret<V> {
    type Item = V;

    async fn load(&self) -> Result<V, LoadError> {
        let text = self.store.read(V::NAME).await?;
        V::from_secret(text.expose()).map_err(|reason| LoadError { outcome: "malformed", reason: reason.to_owned() })
    }

    fn loaded(&self, key: &V) {
        self.no_part.store(false, Ordering::Relaxed);
        telemetry::credentials_refreshed(V::NAME, key.app_id());
    }

    fn failed(&self, LoadError { outcome, reason }: &LoadError) {
        self.no_part.store(*outcome == NO_PART, Ordering::Relaxed);
        telemetry::credentials_failed(V::NAME, outcome, reason);
    }

    fn stale(&self) {
        telemetry::credentials_stale();
    }
}

#[cfg(test)]
mod tests {
    use super::fake::FakeStore;
    use super::*;
    use crate::system::fake::{FakeSystem, Randomness};
    use crate::telemetry::captured::Captured;
    use serde_json::json;
    use tokens::{agora, zego};
    use tokio::time::sleep;

    const AGORA: &str =
        r#"{"app_id":"970ca35de60c44645bbae8a215061b33","app_certificate":"5cfd2fd1755d40ecb72977518be15d3b"}"#;
    const ROTATED: &str =
        r#"{"app_id":"970ca35de60c44645bbae8a215061b33","app_certificate":"c0ffee0ff1cec0ffee0ff1cec0ffee0f"}"#;

    fn credentials<V: Vendor>(store: &FakeStore) -> Credentials<V> {
        let system: Arc<dyn System> = FakeSystem::new(Randomness::Always(0xff));
        let times = Times::new(Duration::from_secs(300), Duration::from_secs(3600));
        Credentials::from_store(Box::new(store.clone()), times, &system)
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_is_loaded_kept_and_told_without_its_secret() {
        let captured = Captured::begin();
        let credentials = credentials::<agora::Key>(&FakeStore::with(AGORA));
        assert!(credentials.kept().is_none());
        let key = credentials.key().await.expect("loaded");
        assert!(Arc::ptr_eq(&key, &credentials.key().await.expect("kept")));
        assert!(Arc::ptr_eq(&key, &credentials.kept().expect("kept")));
        let line = json!({
            "level": "INFO",
            "message": "credentials loaded",
            "vendor": "agora",
            "app_id": "970ca35de60c44645bbae8a215061b33",
        });
        assert_eq!(captured.lines(), [line]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rotated_secret_is_in_use_after_a_refresh() {
        let store = FakeStore::with(AGORA);
        let credentials = credentials::<agora::Key>(&store);
        let before = credentials.key().await.expect("loaded");
        store.put(ROTATED);
        sleep(Duration::from_secs(10)).await;
        assert_eq!(credentials.refresh().await, Ok(Duration::from_secs(300)));
        assert!(*credentials.key().await.expect("loaded") != *before);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_wrong_with_a_secret_is_in_the_log_and_not_in_the_answer() {
        let captured = Captured::begin();
        let store = FakeStore::with("5ecret");
        let credentials = credentials::<agora::Key>(&store);
        let lack = credentials.key().await.err();
        assert_eq!(lack, Some(NoKey::Unusable));
        assert_eq!(lack.map(Problem::from), Some(Problem::no_credentials()));
        assert_eq!(credentials.refresh().await, Err(Problem::no_credentials()));
        let line = json!({
            "level": "WARN",
            "message": "credentials not loaded",
            "vendor": "agora",
            "outcome": "malformed",
            "reason": r#"the secret is not JSON of the form {"app_id":"...","app_certificate":"..."}"#,
        });
        assert_eq!(captured.lines(), [line.clone(), line]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_older_key_stays_in_use_while_loads_fail() {
        let store = FakeStore::with(AGORA);
        let credentials = credentials::<agora::Key>(&store);
        let key = credentials.key().await.expect("loaded");
        store.fail("refused");
        sleep(Duration::from_secs(600)).await;
        assert_eq!(credentials.refresh().await, Err(Problem::no_credentials()));
        assert!(Arc::ptr_eq(&key, &credentials.key().await.expect("kept")));
        sleep(Duration::from_secs(3300)).await;
        assert_eq!(credentials.key().await.err(), Some(NoKey::Unusable), "300 s fresh and 3600 s stale are over");
        assert!(credentials.kept().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_part_that_a_local_file_lacks_is_named_as_long_as_it_is_lacking() {
        let store = FakeStore::with(AGORA);
        store.fail(NO_PART);
        let credentials = credentials::<zego::Key>(&store);
        let lack = credentials.key().await.err();
        assert_eq!(lack, Some(NoKey::NoPart("zego")));
        assert_eq!(lack.map(Problem::from), Some(Problem::no_part("zego")));
        store.fail("failed");
        credentials.refresh().await.expect_err("it fails");
        assert_eq!(credentials.key().await.err(), Some(NoKey::Unusable));
        store.put(r#"{"app_id":1,"server_secret":"fa94dd0f974cf2e293728a526b028271"}"#);
        credentials.refresh().await.expect("it answers");
        assert!(credentials.key().await.is_ok());
    }
}
