//! Runs the real functions outside of AWS, sends them requests, and lets the vendors' own code verify their tokens.
//!
//! * [`project`]: where things are, and every binary, built once per process.
//! * [`lambda`]: a function's binary under a minimal Lambda Runtime API: raw events in, answers out.
//! * [`wrk`]: load with wrk.
//! * [`load`]: many requests to one function or server, and how long each took.
//! * [`requests`]: one request for each kind of token.
//! * [`watch`]: all functions under the real `cargo lambda watch`, over HTTP; [`http`] sends paths exactly as given.
//! * [`server`]: all functions in one process, over HTTP, without Lambda.
//! * [`container`]: the image of the Dockerfile, and containers of it, without Docker.
//! * [`local`]: the programs behind `make run` and `make watch`.
//! * [`secrets`]: moto, which imitates the Secrets Manager API, behind a proxy that counts, delays and refuses.
//! * [`issuer`]: an issuer of JWTs, which signs any claims, and can refuse, delay or break its answers.
//! * [`tls`]: the same API over TLS, with a throw-away authority and nothing between.
//! * [`verifiers`]: Agora's own parsers, and for ZEGO an AES that is not ours.
//!
//! Everything blocks, and panics if it fails: a test that cannot go on should say so and stop. Everything that is
//! started here ends with this process, for whatever reason it ends. The `leash` program ends the servers, and a
//! function ends when its Runtime API is gone.

mod process;
mod serve;

pub mod project;
pub mod container;
pub mod http;
pub mod issuer;
pub mod lambda;
pub mod load;
pub mod local;
pub mod requests;
pub mod secrets;
pub mod server;
pub mod tls;
pub mod watch;
pub mod wrk;
pub mod verifiers;

pub use process::{Output, allow_many_files, descendants, free_port};

/// The variables that configure a function, in the order of the documentation. Tests start without them, even if the
/// developer's own shell has set some.
pub const CONFIGURATION: [&str; 41] = [
    "AGORA_SECRET_ID",
    "ZEGO_SECRET_ID",
    "LOCAL_CREDENTIALS",
    "AUTH",
    "IDENTITY",
    "JWT_ISSUER",
    "JWT_AUDIENCE",
    "JWT_SCOPE",
    "ID_TOKENS",
    "BACKEND_AUDIENCE",
    "BACKEND_SCOPE",
    "JWT_KEYS_URL",
    "JWT_KEYS_TTL_SECONDS",
    "JWT_KEYS_MAX_STALE_SECONDS",
    "USER_ID_CLAIM",
    "USER_ID_FORM",
    "ROOMS_CLAIM",
    "RTC_UID_CLAIM",
    "PUBLISH_SCOPE",
    "TEACHER_SCOPE",
    "SCOPE_CLAIM",
    "REFUSED_CLAIMS",
    "RTM_006",
    "RTM_BEYOND_ROOMS",
    "ZIM_PROJECT",
    "DROP_IN",
    "UIKIT_JWT_IN_QUERY",
    "UIKIT_JWT_AUDIENCE",
    "DEFAULT_TOKEN_TTL_SECONDS",
    "MAX_TOKEN_TTL_SECONDS",
    "MAX_SECONDS_BEYOND_JWT",
    "MINTS_PER_MINUTE",
    "CREDENTIALS_TTL_SECONDS",
    "CREDENTIALS_MAX_STALE_SECONDS",
    "FUNCTIONS",
    "LISTEN",
    "ADMIN_LISTEN",
    "ALLOWED_ORIGINS",
    "TRUSTED_PROXIES",
    "TLS_CERT_FILE",
    "TLS_KEY_FILE",
];

/// Environment variables for a program, such as `[("IDENTITY", "none")]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Env(Vec<(String, String)>);

impl Env {
    /// Adds a variable. If a name comes twice, its last value counts.
    #[must_use]
    pub fn and(mut self, name: &str, value: impl Into<String>) -> Env {
        self.0.push((name.to_owned(), value.into()));
        self
    }

    /// Adds all variables of the other list.
    #[must_use]
    pub fn and_all(mut self, others: impl Into<Env>) -> Env {
        self.0.extend(others.into().0);
        self
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Env {
    fn from(pairs: [(&str, &str); N]) -> Env {
        Env::from(pairs.as_slice())
    }
}

impl From<&[(&str, &str)]> for Env {
    fn from(pairs: &[(&str, &str)]) -> Env {
        pairs.iter().fold(Env::default(), |env, &(name, value)| env.and(name, value))
    }
}
