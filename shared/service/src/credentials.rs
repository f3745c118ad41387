//! The vendor's key: loaded at start-up, kept in memory, refreshed from Secrets Manager when it is no longer fresh.
//!
//! The [`keeper`](crate::keeper) keeps it; here is what is about secrets. A small cache over the official SDK: against
//! `aws_secretsmanager_caching`, the official cache, it makes one API call per refresh instead of two, needs one IAM action
//! instead of two, serves through throttling, and prints no secret. The README has the figures.

use crate::aws::{self, AuthoritiesError};
use crate::config::{Config, Source as Setting};
use crate::keeper::{Keeper, LoadError, Source, Times};
use crate::problem::Problem;
use crate::system::System;
use crate::telemetry;
use crate::vendor::Vendor;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use zeroize::Zeroizing;

/// Loads and keeps one vendor's key.
pub(crate) struct Credentials<V: Vendor>(Keeper<Secret<V>>);

impl<V: Vendor> Credentials<V> {
    /// Credentials from where the configuration says.
    ///
    /// # Errors
    /// The environment says whom to trust for Secrets Manager, and that is nobody.
    pub(crate) fn new(config: &Config, system: &Arc<dyn System>) -> Result<Credentials<V>, AuthoritiesError> {
        let store = match &config.credentials {
            Setting::SecretsManager { secret_id } => {
                Store::SecretsManager { client: client()?, secret_id: secret_id.clone() }
            }
            Setting::LocalFile(path) => Store::LocalFile(path.clone()),
        };
        let times = Times::new(config.credentials_ttl, config.credentials_max_stale);
        Ok(Credentials::from_store(store, times, system))
    }

    /// Credentials from this store.
    pub(crate) fn from_store(store: impl SecretStore, times: Times, system: &Arc<dyn System>) -> Credentials<V> {
        let secret = Secret { store: Box::new(store), no_part: AtomicBool::new(false), vendor: PhantomData };
        Credentials(Keeper::new(secret, times, Arc::clone(system)))
    }

    /// The key to sign with. Loads one if there is none, or if the one there is must be refreshed.
    ///
    /// # Errors
    /// None could ever be loaded, or the one there is has been stale for too long.
    pub(crate) async fn key(&self) -> Result<Arc<V>, NoKey> {
        self.0.item().await.ok_or_else(|| self.0.source().lack())
    }

    /// The key there is, however old, as long as it may be used.
    pub(crate) fn kept(&self) -> Option<Arc<V>> {
        self.0.at_hand()
    }

    /// Loads the key anew whatever the one there is, and waits for it: a secret that was rotated before this call is in
    /// use after it. Returns how long the key is fresh from now on.
    ///
    /// # Errors
    /// It cannot be loaded now. An older one keeps serving.
    pub(crate) async fn refresh(&self) -> Result<Duration, Problem> {
        self.0.refresh().await.ok_or_else(Problem::no_credentials)
    }
}

/// Why there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoKey {
    /// It was never loaded, or is too old. The log says why, and the answer does not.
    Unusable,
    /// The local file is good and has no part of this name. In Lambda there is no such file, so the answer may say it.
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

/// A vendor's secret, which has the key.
struct Secret<V> {
    store: Box<dyn SecretStore>,
    /// Whether the last load found a good local file without a part for the vendor.
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
        V::from_secret(&text.0).map_err(|reason| LoadError { outcome: "malformed", reason: reason.to_owned() })
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

/// Where vendors' secrets are read.
pub(crate) trait SecretStore: Send + Sync + 'static {
    /// Reads this vendor's secret.
    fn read<'a>(&'a self, vendor: &'a str) -> Reading<'a>;
}

/// A secret's text, once it is read.
pub(crate) type Reading<'a> = Pin<Box<dyn Future<Output = Result<SecretText, LoadError>> + Send + 'a>>;

/// The stores that a configuration can name.
enum Store {
    SecretsManager { client: aws_sdk_secretsmanager::Client, secret_id: String },
    LocalFile(PathBuf),
}

/// A secret's text on its way into a key, wiped from memory when it is dropped. Has no `Debug`.
pub(crate) struct SecretText(Zeroizing<String>);

impl SecretStore for Store {
    fn read<'a>(&'a self, vendor: &'a str) -> Reading<'a> {
        Box::pin(self.read_text(vendor))
    }
}

impl Store {
    async fn read_text(&self, vendor: &str) -> Result<SecretText, LoadError> {
        match self {
            Store::SecretsManager { client, secret_id } => {
                let sent = client.get_secret_value().secret_id(secret_id).send().await;
                // Of an error only its kind and code: its text may hold anything that the other side sent.
                let secret = sent.map_err(|error| LoadError {
                    outcome: match &error {
                        SdkError::TimeoutError(_) => "timeout",
                        SdkError::DispatchFailure(failure) if failure.is_timeout() => "timeout",
                        SdkError::DispatchFailure(_) => "unreachable",
                        SdkError::ServiceError(_) => "refused",
                        _ => "failed",
                    },
                    reason: error.code().unwrap_or("no answer that says why").to_owned(),
                })?;
                let text = secret.secret_string;
                text.map(|text| SecretText(text.into()))
                    .ok_or(LoadError { outcome: "malformed", reason: "the secret is binary, not text".to_owned() })
            }
            Store::LocalFile(path) => read_local(path, vendor),
        }
    }
}

/// The outcome of reading a good local file that has no part for the vendor. A user of one vendor has one part.
const NO_PART: &str = "no-part";

/// One vendor's part of a local file `{"agora":{...},"zego":{...}}`.
fn read_local(path: &Path, vendor: &str) -> Result<SecretText, LoadError> {
    let failure = |outcome, reason: &str| LoadError { outcome, reason: reason.to_owned() };
    let text = std::fs::read_to_string(path).map_err(|_| failure("failed", "the file cannot be read"))?;
    let text = Zeroizing::new(text);
    let parts: BTreeMap<&str, &RawValue> =
        serde_json::from_str(&text).map_err(|_| failure("failed", "the file is not a JSON object"))?;
    let part = parts.get(vendor).ok_or_else(|| failure(NO_PART, "the file has no part for this vendor"))?;
    Ok(SecretText(part.get().to_owned().into()))
}

/// Its own time-outs are off: they would all have passed at once when Lambda thaws the environment. The [`keeper`](crate::keeper)
/// ends what takes too long.
fn client() -> Result<aws_sdk_secretsmanager::Client, AuthoritiesError> {
    Ok(aws_sdk_secretsmanager::Client::new(&aws::sdk_config("AWS_ENDPOINT_URL_SECRETS_MANAGER", None)?))
}
