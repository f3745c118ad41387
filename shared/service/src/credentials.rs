//! The vendor's key: loaded at start-up, kept in memory, refreshed from Secrets Manager when it is no longer fresh.
//!
//! A small cache over the official SDK. Against `aws_secretsmanager_caching`, the official cache, it makes one API call
//! per refresh instead of two, needs one IAM action instead of two, serves through throttling, and prints no secret; the
//! README has the figures.

use crate::aws::{self, AuthoritiesError};
use crate::config::{Config, Source};
use crate::problem::Problem;
use crate::system::System;
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
use tokio::time::Instant;
use zeroize::Zeroizing;

/// How long a request waits for a refresh while there is an older key to serve with.
const REFRESH_WAIT: Duration = Duration::from_millis(100);
/// How long all requests together wait for one refresh. Where Lambda freezes the environment after each answer, a refresh
/// gets no other time than this.
const REFRESH_WAITS: u32 = 10;
/// From one such wait to the next: requests that come closely one after the other shall not all be slow.
const REFRESH_WAIT_EVERY: Duration = Duration::from_millis(500);
/// How long one attempt to load may run, and how many there are in a load.
const ATTEMPT_LIMIT: Duration = Duration::from_millis(1200);
const ATTEMPTS: u32 = 2;
/// How long a load may run: its attempts and a little more.
const LOAD_LIMIT: Duration = Duration::from_millis(3000);
/// The pause after a failed load while there is a key, and the longest to which repeated failures double it.
const REFRESH_PAUSE: Range<Duration> = Duration::from_secs(5)..Duration::from_secs(60);
/// The same while there is none, when every request is answered at once with the problem.
const FIRST_LOAD_PAUSE: Range<Duration> = Duration::from_secs(1)..Duration::from_secs(5);

/// Loads and keeps one vendor's key.
pub(crate) struct Credentials<V>(Arc<Keeper<V>>);

struct Keeper<V> {
    store: Store,
    system: Arc<dyn System>,
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
    /// How many loads have begun.
    begun: u64,
    /// The last load that has ended, and whether it brought a key.
    ended: (u64, bool),
    /// Why the last load that failed brought none.
    lack: NoKey,
}

/// Why there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoKey {
    /// It was never loaded, or cannot be used. The log says why, and the answer does not.
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

/// A load under way. It runs as a task of its own, beside the requests: who waits for it may stop waiting.
struct Load {
    /// Closed when the load has ended.
    running: watch::Receiver<()>,
    task: AbortHandle,
    /// How often a request may still wait for it.
    waits: u32,
    /// While the clock is in here none does: one has just begun to.
    unattended: Range<SystemTime>,
}

/// What is left to do for a key.
enum Lookup<V> {
    /// Take this one, or the lack of one, as it is.
    Take(Option<Arc<V>>),
    /// Wait for this load, and look again.
    Wait(watch::Receiver<()>),
}

/// Where keys are read.
enum Store {
    SecretsManager { client: aws_sdk_secretsmanager::Client, secret_id: String },
    LocalFile(PathBuf),
}

impl<V: Vendor> Credentials<V> {
    /// # Errors
    /// The environment says whom to trust for Secrets Manager, and that is nobody.
    pub(crate) fn new(config: &Config, system: &Arc<dyn System>) -> Result<Credentials<V>, AuthoritiesError> {
        let store = match &config.credentials {
            Source::SecretsManager { secret_id } => {
                Store::SecretsManager { client: client()?, secret_id: secret_id.clone() }
            }
            Source::LocalFile(path) => Store::LocalFile(path.clone()),
        };
        let never = UNIX_EPOCH..UNIX_EPOCH;
        let kept = Kept {
            key: None,
            fresh: never.clone(),
            rest: never,
            failures: 0,
            load: None,
            begun: 0,
            ended: (0, false),
            lack: NoKey::Unusable,
        };
        let (ttl, max_stale) = (config.credentials_ttl, config.credentials_max_stale);
        Ok(Credentials(Arc::new(Keeper { store, system: Arc::clone(system), ttl, max_stale, kept: Mutex::new(kept) })))
    }

    /// The key to sign with. Loads one where there is none, or where the one there is isn't fresh enough any more.
    ///
    /// With a key at hand nobody waits longer than [`REFRESH_WAIT`]. What takes longer goes on while later requests wait as long
    /// for it, one every [`REFRESH_WAIT_EVERY`], so that it comes to an end also where Lambda freezes the environment after each answer.
    ///
    /// # Errors
    /// None could ever be loaded, or the one there is has been stale for too long.
    pub(crate) async fn key(&self) -> Result<Arc<V>, NoKey> {
        let key = match self.0.look_up() {
            Lookup::Take(key) => key,
            Lookup::Wait(load) => {
                let older = self.0.usable();
                let patience = if older.is_some() { REFRESH_WAIT } else { LOAD_LIMIT };
                wait(load, Instant::now() + patience).await;
                self.0.usable()
            }
        };
        if key.is_some() && !self.0.lock().fresh.contains(&self.0.system.wall_clock()) {
            telemetry::credentials_stale();
        }
        key.ok_or_else(|| self.0.lock().lack)
    }

    /// The key there is, however old, as long as it may be used.
    pub(crate) fn kept(&self) -> Option<Arc<V>> {
        self.0.usable()
    }

    /// Loads the key anew whatever the one there is, and waits for it: a secret that was rotated before this call is in
    /// use after it. Calls at the same time share a load. Returns how long the key is fresh from now on.
    ///
    /// # Errors
    /// It cannot be loaded now. An older one keeps serving.
    pub(crate) async fn refresh(&self) -> Result<Duration, Problem> {
        // One that runs already may have read the secret before it was rotated: it takes the next one.
        let wanted = self.0.lock().begun + 1;
        let patience = Instant::now() + 2 * LOAD_LIMIT;
        loop {
            let running = {
                let mut kept = self.0.lock();
                if kept.ended.0 >= wanted {
                    let fresh = kept.fresh.end.duration_since(self.0.system.wall_clock()).unwrap_or_default();
                    return if kept.ended.1 { Ok(fresh) } else { Err(Problem::no_credentials()) };
                }
                let running = kept.load.as_ref().map(|load| load.running.clone());
                running.unwrap_or_else(|| self.0.start_load(&mut kept, self.0.system.wall_clock()))
            };
            if !wait(running, patience).await {
                return Err(Problem::no_credentials());
            }
        }
    }
}

impl<V: Vendor> Keeper<V> {
    fn look_up(self: &Arc<Self>) -> Lookup<V> {
        let now = self.system.wall_clock();
        let mut kept = self.lock();
        let key = kept.usable(now, self.usable_for());
        if kept.rest.contains(&now) {
            return Lookup::Take(key);
        }
        let running = match &mut kept.load {
            // Without a key there is nothing else to do.
            Some(load) if key.is_none() => load.running.clone(),
            Some(load) if load.unattended.contains(&now) => return Lookup::Take(key),
            Some(load) if load.waits > 0 => load.running.clone(),
            Some(load) => {
                // It has had its time. Nobody knows what became of its connection.
                load.task.abort();
                let id = kept.begun;
                let failure =
                    LoadError { outcome: "timeout", reason: "no answer in all the time it was given".to_owned() };
                self.end(&mut kept, id, now, Err(failure));
                return Lookup::Take(key);
            }
            None => self.start_load(&mut kept, now),
        };
        if let Some(load) = &mut kept.load {
            load.waits = load.waits.saturating_sub(1);
            load.unattended = now..now + REFRESH_WAIT_EVERY;
        }
        Lookup::Wait(running)
    }

    fn usable(&self) -> Option<Arc<V>> {
        self.lock().usable(self.system.wall_clock(), self.usable_for())
    }

    fn start_load(self: &Arc<Self>, kept: &mut Kept<V>, now: SystemTime) -> watch::Receiver<()> {
        let (ended, running) = watch::channel(());
        kept.begun += 1;
        let (keeper, id) = (Arc::clone(self), kept.begun);
        let task = tokio::spawn(async move {
            let read = keeper.store.read::<V>().await;
            keeper.end(&mut keeper.lock(), id, now, read);
            drop(ended);
        });
        let task = task.abort_handle();
        kept.load =
            Some(Load { running: running.clone(), task, waits: REFRESH_WAITS, unattended: UNIX_EPOCH..UNIX_EPOCH });
        running
    }

    /// Ends the load of this number. A key that it brought counts as of when it `began`.
    fn end(&self, kept: &mut Kept<V>, id: u64, began: SystemTime, read: Result<V, LoadError>) {
        let now = self.system.wall_clock();
        kept.load = None;
        kept.ended = (id, read.is_ok());
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
                kept.rest = began..began + between(self.ttl * 17 / 20, self.ttl * 19 / 20, self.system.spread());
                kept.failures = 0;
            }
            Err(LoadError { outcome, reason }) => {
                telemetry::credentials_failed(V::NAME, outcome, &reason);
                kept.lack = if outcome == NO_PART { NoKey::NoPart(V::NAME) } else { NoKey::Unusable };
                // Not beyond the older key's last moment: without one the pauses are shorter.
                let usable_until = kept.fresh.start + self.usable_for();
                let (pause, until) = match kept.usable(now, self.usable_for()) {
                    Some(_) => (REFRESH_PAUSE, usable_until),
                    None => (FIRST_LOAD_PAUSE, now + FIRST_LOAD_PAUSE.end),
                };
                let doubled = pause.start.saturating_mul(1 << kept.failures.min(16)).min(pause.end);
                kept.rest = now..until.min(now + between(doubled / 2, doubled, self.system.spread()));
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

/// Waits for a load's end, until then at most. Whether it has ended.
async fn wait(mut load: watch::Receiver<()>, until: Instant) -> bool {
    // A closed channel answers with an error, and says all there is to say.
    tokio::time::timeout_at(until, load.changed()).await.is_ok()
}

/// Passes when a process has run for so long, or slept while it could have: what passes while Lambda keeps it frozen counts
/// for next to nothing, whichever way its clock goes.
async fn running_time(limit: Duration) {
    const TICK: Duration = Duration::from_millis(50);
    for _ in 0..limit.as_millis() / TICK.as_millis() {
        tokio::time::sleep(TICK).await;
    }
}

/// A random span between these two, so that environments that began together don't go on together.
fn between(earliest: Duration, latest: Duration, randomness: Option<u32>) -> Duration {
    // Without randomness they do.
    let randomness = randomness.unwrap_or(u32::MAX);
    earliest + (latest - earliest).mul_f64(f64::from(randomness) / f64::from(u32::MAX))
}

/// A secret's text on its way into a key, wiped from memory when it is dropped. Has no `Debug`.
struct SecretText(Zeroizing<String>);

/// Why nothing was loaded, in words that are safe to log.
struct LoadError {
    outcome: &'static str,
    reason: String,
}

impl Store {
    async fn read<V: Vendor>(&self) -> Result<V, LoadError> {
        let mut read = Err(LoadError { outcome: "timeout", reason: "no answer in time".to_owned() });
        for _ in 0..ATTEMPTS {
            // What hangs is tried again on another connection; what fails, the SDK has tried again already.
            tokio::select! {
                text = self.read_text(V::NAME) => { read = text; break }
                () = running_time(ATTEMPT_LIMIT) => {}
            }
        }
        V::from_secret(&read?.0).map_err(|reason| LoadError { outcome: "malformed", reason: reason.to_owned() })
    }

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

/// Its own time-outs are off: they would all have passed at once when Lambda thaws the environment. See [`running_time`].
fn client() -> Result<aws_sdk_secretsmanager::Client, AuthoritiesError> {
    Ok(aws_sdk_secretsmanager::Client::new(&aws::sdk_config("AWS_ENDPOINT_URL_SECRETS_MANAGER", None)?))
}
