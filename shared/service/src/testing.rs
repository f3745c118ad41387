//! A function without Lambda around it: an event's bytes in, the answer out, in one call. For fuzzing.

use crate::config::Config;
use crate::credentials::Credentials;
use crate::front::lambda::Environment;
use crate::route::Route;
use crate::system::{OperatingSystem, System};
use crate::vendor::Vendor;
use serde_json::Value;
use serde_json::value::RawValue;
use std::fmt;
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
    /// A function that serves these routes, configured by these variables as by its environment. Its time stands still
    /// while it works and is skipped where it would wait.
    ///
    /// # Errors
    /// The setting that would keep the function from starting.
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
        Ok(Function { environment: Environment::new(config, credentials, routes, system), runtime })
    }

    /// The answer to an event. `None` is for bytes that are no JSON: the Lambda runtime refuses them before they come here.
    ///
    /// # Panics
    /// Never, whatever the bytes. That is what it is for.
    pub fn answer(&self, event: &[u8]) -> Option<Value> {
        let event: Box<RawValue> = serde_json::from_slice(event).ok()?;
        let answer = self.runtime.block_on(self.environment.invoke(event.get(), "request"));
        Some(serde_json::to_value(answer).expect("an answer is plain data"))
    }
}
