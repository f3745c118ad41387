//! Parts of a function without Lambda around them, for fuzzing and measuring: [`Function`] answers events, [`Jwts`]
//! verifies JWTs, and [`Mints`] counts users' tokens.

use crate::config::{Config, Expected, Verifier};
use crate::credentials::Credentials;
use crate::front::lambda::Environment;
use crate::identity::issuer::Issuer;
use crate::identity::jwt::{self, KeySet};
use crate::mint_limit::{CountedUser, MintLimit};
use crate::params::Json;
use crate::route::Route;
use crate::system::{OperatingSystem, System};
use crate::vendor::Vendor;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};

/// A function that waits for its next event.
pub struct Function<V: Vendor> {
    environment: Environment<V>,
    runtime: Runtime,
}

impl<V: Vendor> fmt::Debug for Function<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Function")
    }
}

impl<V: Vendor> Function<V> {
    /// A function that serves these routes. It reads its settings from these variables, not from the environment. Its
    /// time stands still while it works. It never really waits: its time jumps to the end of each wait.
    ///
    /// # Errors
    /// A setting is wrong, so the function could not start. The error names the setting.
    ///
    /// # Panics
    /// The operating system gives it no runtime.
    pub fn new<'a>(
        routes: impl IntoIterator<Item = Route<V>>,
        variables: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Function<V>, String> {
        let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        let config = Config::parse(&variables.collect(), V::SECRET_ID).map_err(|wrong| wrong.to_string())?;
        let system: Arc<dyn System> = Arc::new(OperatingSystem);
        let credentials = Credentials::new(&config, &system).map_err(|wrong| wrong.to_string())?;
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.expect("a runtime without I/O takes nothing from the system but memory");
        let issuer = Issuer::of(&config, &system).map(Arc::new);
        Ok(Function { environment: Environment::new(config, credentials, issuer, routes, system), runtime })
    }

    /// The answer to an event. `None`: the bytes are not JSON. The Lambda runtime would refuse them earlier.
    ///
    /// # Panics
    /// Never, for any bytes. Fuzzing checks this.
    pub fn answer(&self, event: &[u8]) -> Option<Value> {
        let event: Box<RawValue> = serde_json::from_slice(event).ok()?;
        let answer = self.runtime.block_on(self.environment.invoke(event.get(), "request"));
        Some(serde_json::to_value(answer).expect("an answer is plain data"))
    }
}

/// Verifies JWTs with the keys of one issuer, as a function with `IDENTITY=jwt` does.
#[derive(Debug)]
pub struct Jwts {
    expected: Expected,
    keys: KeySet,
}

/// Whose JWT it is.
#[derive(Debug, Clone, PartialEq)]
pub enum Proven {
    /// A user's, with all its claims.
    User(BTreeMap<String, Json>),
    /// A backend's.
    Backend,
}

impl Jwts {
    /// Reads the settings of `IDENTITY=jwt` from these variables, and the keys from this JWK set.
    ///
    /// # Errors
    /// A setting is wrong, or the key set cannot be used. The error says why.
    pub fn new<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>, key_set: &[u8]) -> Result<Jwts, String> {
        let fixed = [("IDENTITY", "jwt"), ("LOCAL_CREDENTIALS", "unused")];
        let variables = variables.into_iter().chain(fixed).map(|(name, value)| (name.to_owned(), value.to_owned()));
        let config = Config::parse(&variables.collect(), "unused").map_err(|wrong| wrong.to_string())?;
        let Verifier::Jwt(settings) = config.verifier else { unreachable!("IDENTITY is jwt") };
        let keys = KeySet::parse(key_set).map_err(|wrong| wrong.to_string())?;
        Ok(Jwts { expected: settings.expected, keys })
    }

    /// Whom these headers `Authorization` prove at this time, in seconds since 1970. `None`: they hold no bearer token.
    ///
    /// # Errors
    /// The name of the first rule that the JWT breaks, as the log says it.
    ///
    /// # Panics
    /// Never, for any headers. Fuzzing checks this.
    pub fn verify(&self, authorization: &[String], now: i64) -> Result<Option<Proven>, &'static str> {
        let Some(token) = jwt::bearer(authorization).map_err(|refusal| refusal.rule())? else { return Ok(None) };
        match jwt::verify(&self.expected, &self.keys, token, now) {
            Ok(jwt::Proven::User(claims)) => Ok(Some(Proven::User(claims))),
            Ok(jwt::Proven::Backend(_)) => Ok(Some(Proven::Backend)),
            Err(refusal) => Err(refusal.rule()),
        }
    }
}

/// Counts the tokens of users, as a function with `MINTS_PER_MINUTE` does.
pub struct Mints(MintLimit);

impl fmt::Debug for Mints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mints")
    }
}

impl Mints {
    /// So many for each user in a minute, by this machine's clock.
    pub fn per_minute(mints: NonZeroU32) -> Mints {
        let system: Arc<dyn System> = Arc::new(OperatingSystem);
        Mints(MintLimit::new(Some(mints), &system))
    }

    /// Whether this user gets a token now.
    pub fn take(&self, issuer: &str, user_id: &str) -> bool {
        self.0.take(&CountedUser::new(issuer, user_id)).is_ok()
    }
}
