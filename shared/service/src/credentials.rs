//! The vendor's key: loaded at start-up, kept in memory, refreshed from Secrets Manager when it is no longer fresh.
//!
//! A small cache over the official SDK. Against `aws_secretsmanager_caching`, the official cache, it makes one API call
//! per refresh instead of two, needs one IAM action instead of two, serves through throttling, and prints no secret; the
//! README has the figures.

use crate::config::{Config, Source};
use crate::problem::Problem;
use crate::stamps::wall_clock;
use crate::telemetry;
use crate::vendor::Vendor;
use aws_sdk_secretsmanager::config::retry::RetryConfig;
use aws_sdk_secretsmanager::config::timeout::TimeoutConfig;
use aws_sdk_secretsmanager::config::{BehaviorVersion, Config as SdkConfig, Credentials as AwsCredentials, Region};
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long a request waits for a refresh while there is an older key to serve with.
const REFRESH_WAIT: Duration = Duration::from_millis(100);
/// How long after a failed refresh the next one is tried, while there is an older key.
const REFRESH_PAUSE: Duration = Duration::from_secs(5);
/// How long after a failed first load the next one is tried: until then every request is answered at once.
const FIRST_LOAD_PAUSE: Duration = Duration::from_secs(1);

/// Loads and keeps one vendor's key.
pub(crate) struct Credentials<V>(Arc<Keeper<V>>);

struct Keeper<V> {
    store: Store,
    ttl: Duration,
    kept: Mutex<Kept<V>>,
    /// Held during a load, so that there is only one at a time.
    loading: Arc<tokio::sync::Mutex<()>>,
}

struct Kept<V> {
    key: Option<Arc<V>>,
    /// While the clock is in here the key is as good as new.
    fresh: Range<SystemTime>,
    /// While the clock is in here nothing is loaded: the key is fresh, or the last try has just failed. Wall time,
    /// because other clocks may stand still while Lambda keeps the environment frozen.
    rest: Range<SystemTime>,
}

/// Where keys are read.
enum Store {
    SecretsManager { client: aws_sdk_secretsmanager::Client, secret_id: String },
    LocalFile(PathBuf),
}

impl<V: Vendor> Credentials<V> {
    pub(crate) fn new(config: &Config) -> Credentials<V> {
        let store = match &config.credentials {
            Source::SecretsManager { secret_id } => {
                Store::SecretsManager { client: client(), secret_id: secret_id.clone() }
            }
            Source::LocalFile(path) => Store::LocalFile(path.clone()),
        };
        let kept = Mutex::new(Kept { key: None, fresh: UNIX_EPOCH..UNIX_EPOCH, rest: UNIX_EPOCH..UNIX_EPOCH });
        Credentials(Arc::new(Keeper { store, ttl: config.credentials_ttl, kept, loading: Arc::default() }))
    }

    /// The key to sign with. Loads one where there is none, or where the one there is isn't fresh any more.
    ///
    /// # Errors
    /// None could ever be loaded.
    pub(crate) async fn key(&self) -> Result<Arc<V>, Problem> {
        let key = self.key_there_is().await?;
        if !self.0.lock().fresh.contains(&wall_clock()) {
            telemetry::credentials_stale();
        }
        Ok(key)
    }

    async fn key_there_is(&self) -> Result<Arc<V>, Problem> {
        let older = match self.0.kept() {
            Lookup::Rest(key) => return key.ok_or_else(Problem::no_credentials),
            Lookup::Load(key) => key,
        };
        match older {
            // Everybody waits for the first key, and whoever waited takes what the first one got.
            None => {
                let _loading = self.0.loading.lock().await;
                match self.0.kept() {
                    Lookup::Rest(key) => key,
                    Lookup::Load(_) => self.0.load().await,
                }
                .ok_or_else(Problem::no_credentials)
            }
            // With an older key at hand nobody waits long. One request refreshes, for a bounded time; what takes
            // longer goes on beside the next requests, or fails by its own time-outs where Lambda froze it meanwhile.
            Some(older) => {
                let Ok(loading) = Arc::clone(&self.0.loading).try_lock_owned() else { return Ok(older) };
                let keeper = Arc::clone(&self.0);
                let load = tokio::spawn(async move {
                    let _loading = loading;
                    keeper.load().await
                });
                match tokio::time::timeout(REFRESH_WAIT, load).await {
                    Ok(Ok(Some(key))) => Ok(key),
                    _ => Ok(older),
                }
            }
        }
    }
}

impl<V: Vendor> Keeper<V> {
    fn kept(&self) -> Lookup<V> {
        let kept = self.lock();
        let key = kept.key.clone();
        if kept.rest.contains(&wall_clock()) { Lookup::Rest(key) } else { Lookup::Load(key) }
    }

    /// Reads the store once. Returns the newest key there is: the one read, else the older one, else none.
    async fn load(&self) -> Option<Arc<V>> {
        let read = self.store.read::<V>().await;
        let read = read.and_then(|secret| {
            V::from_secret(&secret.0).map_err(|reason| Failure { outcome: "malformed", reason: reason.to_owned() })
        });
        let mut kept = self.lock();
        let now = wall_clock();
        let pause = match read {
            Ok(key) => {
                telemetry::credentials_refreshed(V::NAME, key.app_id());
                // The same key stays the same object: what was made with it stays good.
                if kept.key.as_deref() != Some(&key) {
                    kept.key = Some(Arc::new(key));
                }
                kept.fresh = now..now + self.ttl;
                self.ttl
            }
            Err(Failure { outcome, reason }) => {
                telemetry::credentials_failed(V::NAME, outcome, &reason);
                if kept.key.is_some() { REFRESH_PAUSE } else { FIRST_LOAD_PAUSE }
            }
        };
        kept.rest = now..now + pause;
        kept.key.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Kept<V>> {
        // Nothing panics while holding it; and if something did, the key would still be whole.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Lookup<V> {
    /// Take this one, or the lack of one, as it is.
    Rest(Option<Arc<V>>),
    /// Load one. This is the one there was.
    Load(Option<Arc<V>>),
}

/// A secret's text on its way into a key. Has no `Debug`.
struct SecretText(String);

/// Why nothing was loaded, in words that are safe to log.
struct Failure {
    outcome: &'static str,
    reason: String,
}

impl Store {
    async fn read<V: Vendor>(&self) -> Result<SecretText, Failure> {
        match self {
            Store::SecretsManager { client, secret_id } => {
                let sent = client.get_secret_value().secret_id(secret_id).send().await;
                // Of an error only its kind and code: its text may hold anything that the other side sent.
                let secret = sent.map_err(|error| Failure {
                    outcome: match &error {
                        SdkError::TimeoutError(_) => "timeout",
                        SdkError::DispatchFailure(_) => "unreachable",
                        SdkError::ServiceError(_) => "refused",
                        _ => "failed",
                    },
                    reason: error.code().unwrap_or("no answer that says why").to_owned(),
                })?;
                let text = secret.secret_string;
                text.map(SecretText)
                    .ok_or(Failure { outcome: "malformed", reason: "the secret is binary, not text".to_owned() })
            }
            Store::LocalFile(path) => read_local(path, V::NAME)
                .map(SecretText)
                .map_err(|reason| Failure { outcome: "failed", reason: reason.to_owned() }),
        }
    }
}

/// One vendor's part of a local file `{"agora":{...},"zego":{...}}`.
fn read_local(path: &Path, vendor: &str) -> Result<String, &'static str> {
    let text = std::fs::read_to_string(path).map_err(|_| "the file cannot be read")?;
    let parts: BTreeMap<&str, &RawValue> = serde_json::from_str(&text).map_err(|_| "the file is not a JSON object")?;
    parts.get(vendor).map(|part| part.get().to_owned()).ok_or("the file has no part for this vendor")
}

/// A client that takes what the Lambda environment gives, and no longer than it may.
///
/// Region and credentials stand in the environment's variables there; `aws-config`'s other sources (profiles, SSO,
/// instance metadata) cannot apply, cost 1.3 MB of binary, and could each wait for a network that isn't there.
fn client() -> aws_sdk_secretsmanager::Client {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_millis(1000))
        .read_timeout(Duration::from_millis(1000))
        .operation_attempt_timeout(Duration::from_millis(1500))
        .operation_timeout(Duration::from_millis(2500))
        .build();
    let retries = RetryConfig::standard()
        .with_max_attempts(2)
        .with_initial_backoff(Duration::from_millis(50))
        .with_max_backoff(Duration::from_millis(200));
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(variable("AWS_REGION").map(Region::new))
        .timeout_config(timeouts)
        .retry_config(retries);
    if let (Some(id), Some(secret)) = (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")) {
        let credentials = AwsCredentials::new(id, secret, variable("AWS_SESSION_TOKEN"), None, "Environment");
        config = config.credentials_provider(credentials);
    }
    if let Some(url) = variable("AWS_ENDPOINT_URL_SECRETS_MANAGER") {
        config = config.endpoint_url(url);
    }
    aws_sdk_secretsmanager::Client::from_conf(config.build())
}
