//! Verifies callers' JWTs with the issuer's public keys, which are kept as the vendor's key is.
//!
//! The [`keeper`](crate::keeper) keeps the keys: it loads them at start-up, refreshes them beside requests, and uses
//! them through outages. [`jwt`] decides whether a JWT proves somebody.

mod fetch;
#[cfg(test)]
mod tests;

use super::claims::Jwt;
use super::gateway::Said;
use super::jwt::{self, Claims, KeySet, Proven, Refusal};
use super::{Callers, Verified};
use crate::config::{Config, Expected, JwtSettings, Verifier};
use crate::keeper::{Keeper, LoadError, Source, Times};
use crate::problem::{Problem, guarded};
use crate::request::Authorization;
use crate::system::System;
use crate::telemetry;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

pub(super) use fetch::IssuerServer;

/// Where the issuer's keys are read.
pub(crate) trait KeyServer: Send + Sync + 'static {
    /// Reads the key set, a JSON text.
    fn read(&self) -> Reading<'_>;
}

/// A key set's text, once it is read.
pub(crate) type Reading<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, LoadError>> + Send + 'a>>;

/// How JWTs are verified: see [`jwt::verify`].
type Verify = fn(&Expected, &KeySet, &str, i64) -> Result<Proven, Refusal>;

/// One issuer, and what its JWTs must say.
pub(crate) struct Issuer {
    expected: Expected,
    /// What a JWT in a query must say. `None`: a JWT in a query does not count.
    in_query: Option<Expected>,
    keys: Keeper<Keys>,
    unknown: Mutex<Bucket>,
    system: Arc<dyn System>,
}

impl Issuer {
    /// The issuer that the configuration names. `None`: the service verifies no JWTs itself.
    pub(crate) fn of(config: &Config, system: &Arc<dyn System>) -> Option<Issuer> {
        let Verifier::Jwt(settings) = &config.verifier else { return None };
        let mut issuer = Issuer::with(settings, system);
        issuer.in_query = config.in_query.as_ref().map(|in_query| Expected {
            audiences: vec![in_query.audience.clone()],
            backend: None,
            ..settings.expected.clone()
        });
        Some(issuer)
    }

    /// The issuer with these settings.
    pub(crate) fn with(settings: &JwtSettings, system: &Arc<dyn System>) -> Issuer {
        let server = IssuerServer::new(settings.expected.issuer.clone(), settings.keys.clone());
        let times = Times::new(settings.keys_ttl, settings.keys_max_stale);
        Issuer::new(settings.expected.clone(), Box::new(server), times, system)
    }

    fn new(expected: Expected, server: Box<dyn KeyServer>, times: Times, system: &Arc<dyn System>) -> Issuer {
        let keys = Keeper::new(Keys { issuer: expected.issuer.clone(), server }, times, Arc::clone(system));
        let unknown = Mutex::new(Bucket::full(system.wall_clock()));
        Issuer { expected, in_query: None, keys, unknown, system: Arc::clone(system) }
    }

    /// Loads the keys before the first request, so that it does not wait for them.
    pub(crate) async fn start(&self) {
        self.keys.item().await;
    }

    /// Loads the keys anew, even if they are fresh. Returns how long they are fresh from now on. `None`: they cannot be
    /// loaded now, and the older ones stay in use.
    pub(crate) async fn refresh(&self) -> Option<Duration> {
        self.keys.refresh().await
    }

    /// Whether there are keys to verify JWTs with.
    pub(crate) fn has_keys(&self) -> bool {
        self.keys.at_hand().is_some()
    }

    /// Whom a request proves. `callers` says whom the route is for. What the gateway says of users does not count here. An
    /// IAM identity still counts, because its signature is in `Authorization`, where a JWT would be. It does not if
    /// backends have JWTs.
    ///
    /// # Errors
    /// The bearer token proves nobody. Or there are no keys to verify it with.
    pub(crate) async fn identify(
        &self,
        callers: Callers,
        authorization: &Authorization,
        in_query: bool,
        said: Option<Said>,
    ) -> Result<Option<Verified>, Problem> {
        let expected = match (in_query, &self.in_query) {
            (false, _) => &self.expected,
            (true, Some(expected)) => expected,
            (true, None) => return Ok(None),
        };
        let iam_counts = callers == Callers::Backends && self.expected.backend.is_none();
        Ok(match self.prove(expected, authorization, jwt::verify).await? {
            Some(Proven::User(claims)) => Some(Verified::Jwt(Jwt::Ours(claims))),
            Some(Proven::Backend(claims)) => Some(Verified::Backend(Jwt::Ours(claims))),
            None => said.filter(|said| iam_counts && *said == Said::Iam).map(|_| Verified::Iam),
        })
    }

    /// The claims of a user's JWT, which may have ended. `None`: there is no JWT.
    ///
    /// # Errors
    /// The JWT proves no user, and proved none when it ended. Or there are no keys to verify it with.
    pub(crate) async fn claims_of_user(&self, authorization: &Authorization) -> Result<Option<Claims>, Problem> {
        match self.prove(&self.expected, authorization, jwt::verify_even_if_ended).await? {
            Some(Proven::User(claims)) => Ok(Some(claims)),
            Some(Proven::Backend(_)) => Err(Problem::forbidden("a backend's JWT is not a user's")),
            None => Ok(None),
        }
    }

    async fn prove(
        &self,
        expected: &Expected,
        authorization: &Authorization,
        verify: Verify,
    ) -> Result<Option<Proven>, Problem> {
        let Some(token) = jwt::bearer(&authorization.0)? else { return Ok(None) };
        let keys = self.keys.item().await.ok_or_else(Problem::no_keys)?;
        let mut proven = self.verify(verify, expected, &keys, token)?;
        // The issuer may have a new key. Forgers can name any key, so a bucket limits these loads.
        if matches!(proven, Err(Refusal::UnknownKey)) && self.may_ask_for_a_new_key() {
            self.keys.refresh().await;
            if let Some(newer) = self.keys.at_hand() {
                proven = self.verify(verify, expected, &newer, token)?;
            }
        }
        Ok(Some(proven?))
    }

    /// The outer error is ours: the clock cannot be used, or the verifier has panicked.
    fn verify(
        &self,
        verify: Verify,
        expected: &Expected,
        keys: &KeySet,
        token: &str,
    ) -> Result<Result<Proven, Refusal>, Problem> {
        let now = self.system.moment()?.as_unix_seconds().into();
        guarded(|| Ok(verify(expected, keys, token, now)))
    }

    fn may_ask_for_a_new_key(&self) -> bool {
        let now = self.system.wall_clock();
        self.unknown.lock().unwrap_or_else(PoisonError::into_inner).take(now)
    }
}

/// The issuer's keys.
struct Keys {
    issuer: String,
    server: Box<dyn KeyServer>,
}

impl Source for Keys {
    type Item = KeySet;

    async fn load(&self) -> Result<KeySet, LoadError> {
        let text = self.server.read().await?;
        KeySet::parse(&text).map_err(|error| LoadError { outcome: "malformed", reason: error.to_string() })
    }

    fn loaded(&self, keys: &KeySet) {
        telemetry::keys_refreshed(&self.issuer, keys.len());
    }

    fn failed(&self, LoadError { outcome, reason }: &LoadError) {
        telemetry::keys_failed(&self.issuer, outcome, reason);
    }

    fn stale(&self) {
        telemetry::keys_stale();
    }
}

/// How often unknown keys may make us load the key set: three times, with one back every ten seconds.
///
/// By the wall clock, because other clocks may stand still while Lambda has frozen the environment.
struct Bucket {
    left: u32,
    /// When the last one came back.
    since: SystemTime,
}

impl Bucket {
    const SIZE: u32 = 3;
    const ONE_BACK_AFTER: Duration = Duration::from_secs(10);

    fn full(now: SystemTime) -> Bucket {
        Bucket { left: Bucket::SIZE, since: now }
    }

    fn take(&mut self, now: SystemTime) -> bool {
        // If the clock was set back, begin to count anew.
        self.since = self.since.min(now);
        let passed = now.duration_since(self.since).unwrap_or_default();
        let back = u32::try_from(passed.as_secs() / Bucket::ONE_BACK_AFTER.as_secs()).unwrap_or(u32::MAX);
        self.left = self.left.saturating_add(back).min(Bucket::SIZE);
        // A full bucket begins to count when the next one is taken.
        self.since = if self.left == Bucket::SIZE { now } else { self.since + Bucket::ONE_BACK_AFTER * back };
        let taken = self.left.checked_sub(1);
        self.left = taken.unwrap_or_default();
        taken.is_some()
    }
}
