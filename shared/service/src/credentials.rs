//! The vendor's key: loaded at start-up, kept in memory, refreshed from Secrets Manager when it is no longer fresh.
//!
//! A small cache over the official SDK. Against `aws_secretsmanager_caching`, the official cache, it makes one API call
//! per refresh instead of two, needs one IAM action instead of two, serves through throttling, and prints no secret; the
//! README has the figures.

use crate::aws::{self, Patience};
use crate::config::{Config, Source};
use crate::problem::Problem;
use crate::stamps::{self, wall_clock};
use crate::telemetry;
use crate::vendor::Vendor;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// How long a request waits for a refresh while there is an older key to serve with.
const REFRESH_WAIT: Duration = Duration::from_millis(100);
/// How long one load may run. The SDK's own time-outs end it earlier, unless Lambda froze it in the middle.
const LOAD_LIMIT: Duration = Duration::from_secs(3);
/// The pause after a failed load while there is a key, and the longest to which repeated failures double it.
const REFRESH_PAUSE: Range<Duration> = Duration::from_secs(5)..Duration::from_secs(60);
/// The same while there is none, when every request is answered at once with the problem.
const FIRST_LOAD_PAUSE: Range<Duration> = Duration::from_secs(1)..Duration::from_secs(5);

/// Loads and keeps one vendor's key.
pub(crate) struct Credentials<V>(Arc<Keeper<V>>);

struct Keeper<V> {
    store: Store,
    ttl: Duration,
    max_stale: Duration,
    kept: Mutex<Kept<V>>,
}

/// All moments are wall time, because other clocks may stand still while Lambda keeps the environment frozen. All spans
/// are ranges, so that a clock that is set back is outside of them too, not before their end for ever.
struct Kept<V> {
    key: Option<Arc<V>>,
    /// While the clock is in here the key is as good as new.
    fresh: Range<SystemTime>,
    /// While the clock is in here nothing is loaded: the key is fresh enough, or the last try has just failed.
    rest: Range<SystemTime>,
    /// How many loads have failed since the last one that didn't.
    failures: u32,
    /// The load that runs: there is at most one.
    load: Option<Load>,
}

/// Where keys are read.
enum Store {
    SecretsManager { client: aws_sdk_secretsmanager::Client, secret_id: String },
    LocalFile(PathBuf),
}

/// A load under way. It runs as a task of its own, beside the requests: who waits for it may stop waiting.
struct Load {
    began: SystemTime,
    /// Closed when the load has ended.
    running: watch::Receiver<()>,
    task: AbortHandle,
}

/// What is left to do for a key.
enum Lookup<V> {
    /// Take this one, or the lack of one, as it is.
    Take(Option<Arc<V>>),
    /// Wait so long for this load, then take what there is.
    Wait(watch::Receiver<()>, Duration),
}

impl<V: Vendor> Credentials<V> {
    pub(crate) fn new(config: &Config) -> Credentials<V> {
        let store = match &config.credentials {
            Source::SecretsManager { secret_id } => {
                Store::SecretsManager { client: client(), secret_id: secret_id.clone() }
            }
            Source::LocalFile(path) => Store::LocalFile(path.clone()),
        };
        let never = UNIX_EPOCH..UNIX_EPOCH;
        let kept = Kept { key: None, fresh: never.clone(), rest: never, failures: 0, load: None };
        let (ttl, max_stale) = (config.credentials_ttl, config.credentials_max_stale);
        Credentials(Arc::new(Keeper { store, ttl, max_stale, kept: Mutex::new(kept) }))
    }

    /// The key to sign with. Loads one where there is none, or where the one there is isn't fresh enough any more.
    ///
    /// With a key at hand nobody waits long: one request starts the load and gives it [`REFRESH_WAIT`]; what takes longer
    /// goes on beside the next requests. Nothing depends on that: where Lambda freezes the environment meanwhile, the next
    /// request finds the load overdue, drops it with its connection, and starts another.
    ///
    /// # Errors
    /// None could ever be loaded, or the one there is has been stale for too long.
    pub(crate) async fn key(&self) -> Result<Arc<V>, Problem> {
        let lookup = self.0.look_up();
        let key = match lookup {
            Lookup::Take(key) => key,
            Lookup::Wait(load, patience) => {
                wait(load, patience).await;
                self.0.lock().usable(wall_clock(), self.0.usable_for())
            }
        };
        if key.is_some() && !self.0.lock().fresh.contains(&wall_clock()) {
            telemetry::credentials_stale();
        }
        key.ok_or_else(Problem::no_credentials)
    }

    /// Loads the key anew whatever the one there is, and waits for it: a secret that was rotated before this call is in
    /// use after it. Returns how long the key is fresh from now on.
    ///
    /// # Errors
    /// It cannot be loaded now. An older one keeps serving.
    pub(crate) async fn renew(&self) -> Result<Duration, Problem> {
        // One that runs already may have read the secret before it was rotated.
        let running = self.0.lock().load.as_ref().map(|load| load.running.clone());
        if let Some(load) = running {
            wait(load, LOAD_LIMIT).await;
        }
        let asked = wall_clock();
        let load = self.0.start_load(&mut self.0.lock(), asked);
        wait(load, LOAD_LIMIT).await;
        let fresh = self.0.lock().fresh.clone();
        if fresh.start < asked {
            return Err(Problem::no_credentials());
        }
        Ok(fresh.end.duration_since(wall_clock()).unwrap_or_default())
    }
}

impl<V: Vendor> Keeper<V> {
    fn look_up(self: &Arc<Self>) -> Lookup<V> {
        let now = wall_clock();
        let mut kept = self.lock();
        let key = kept.usable(now, self.usable_for());
        if kept.rest.contains(&now) {
            return Lookup::Take(key);
        }
        let running = kept.load.as_ref().filter(|load| !load.is_overdue(now)).map(|load| load.running.clone());
        match (running, key.is_some()) {
            // Somebody waits for it already.
            (Some(_), true) => Lookup::Take(key),
            (Some(load), false) => Lookup::Wait(load, LOAD_LIMIT),
            (None, true) => Lookup::Wait(self.start_load(&mut kept, now), REFRESH_WAIT),
            (None, false) => Lookup::Wait(self.start_load(&mut kept, now), LOAD_LIMIT),
        }
    }

    fn start_load(self: &Arc<Self>, kept: &mut Kept<V>, now: SystemTime) -> watch::Receiver<()> {
        let (ended, running) = watch::channel(());
        let keeper = Arc::clone(self);
        let task = tokio::spawn(async move {
            let read = keeper.store.read::<V>().await;
            keeper.take(read, now);
            drop(ended);
        });
        let load = Load { began: now, running: running.clone(), task: task.abort_handle() };
        if let Some(overdue) = kept.load.replace(load) {
            overdue.task.abort();
        }
        running
    }

    /// Ends a load that began then.
    fn take(&self, read: Result<V, Failure>, began: SystemTime) {
        let now = wall_clock();
        let mut kept = self.lock();
        kept.load = None;
        match read {
            Ok(key) => {
                telemetry::credentials_refreshed(V::NAME, key.app_id());
                // The same key stays the same object: what was made with it stays good.
                if kept.key.as_deref() != Some(&key) {
                    kept.key = Some(Arc::new(key));
                }
                // Counted from when it was asked for: from then on it may have been replaced.
                kept.fresh = began..began + self.ttl;
                // Refreshed ahead of its end, each environment at another time, so that in steady traffic it is always fresh.
                kept.rest = began..began + between(self.ttl * 7 / 10, self.ttl * 8 / 10);
                kept.failures = 0;
            }
            Err(Failure { outcome, reason }) => {
                telemetry::credentials_failed(V::NAME, outcome, &reason);
                let pause =
                    if kept.usable(now, self.usable_for()).is_some() { REFRESH_PAUSE } else { FIRST_LOAD_PAUSE };
                let doubled = pause.start.saturating_mul(1 << kept.failures.min(16)).min(pause.end);
                kept.rest = now..now + between(doubled / 2, doubled);
                kept.failures = kept.failures.saturating_add(1);
            }
        }
    }

    /// How long after it was loaded a key may still be used.
    fn usable_for(&self) -> Duration {
        self.ttl + self.max_stale
    }

    fn lock(&self) -> MutexGuard<'_, Kept<V>> {
        // Nothing panics while holding it; and if something did, the key would still be whole.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V> Kept<V> {
    /// The key, unless it is too old by now.
    fn usable(&self, now: SystemTime, limit: Duration) -> Option<Arc<V>> {
        // Where the clock was set back, its age is unknown, and it hasn't got older.
        let age = now.duration_since(self.fresh.start).unwrap_or_default();
        self.key.clone().filter(|_| age < limit)
    }
}

impl Load {
    /// Whether it should have ended long ago: the environment was frozen, or the clock was set.
    fn is_overdue(&self, now: SystemTime) -> bool {
        !(self.began..self.began + LOAD_LIMIT).contains(&now)
    }
}

/// Waits for a load's end, so long at most.
async fn wait(mut load: watch::Receiver<()>, patience: Duration) {
    // An error is what a closed channel says, and the end of patience says nothing new: the caller looks for itself.
    let _ = tokio::time::timeout(patience, load.changed()).await;
}

/// A moment of chance, so that environments that began together don't go on together.
fn between(earliest: Duration, latest: Duration) -> Duration {
    // Without chance they do.
    let chance = stamps::spread().unwrap_or(u32::MAX);
    earliest + (latest - earliest).mul_f64(f64::from(chance) / f64::from(u32::MAX))
}

/// A secret's text on its way into a key. Has no `Debug`.
struct SecretText(String);

/// Why nothing was loaded, in words that are safe to log.
struct Failure {
    outcome: &'static str,
    reason: String,
}

impl Store {
    async fn read<V: Vendor>(&self) -> Result<V, Failure> {
        let secret = self.read_text(V::NAME).await?;
        V::from_secret(&secret.0).map_err(|reason| Failure { outcome: "malformed", reason: reason.to_owned() })
    }

    async fn read_text(&self, vendor: &str) -> Result<SecretText, Failure> {
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
            Store::LocalFile(path) => read_local(path, vendor)
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

fn client() -> aws_sdk_secretsmanager::Client {
    let patience = Patience {
        connect: Duration::from_millis(1000),
        read: Duration::from_millis(1000),
        attempt: Duration::from_millis(1500),
        operation: Duration::from_millis(2500),
    };
    aws_sdk_secretsmanager::Client::new(&aws::sdk_config("AWS_ENDPOINT_URL_SECRETS_MANAGER", patience))
}
