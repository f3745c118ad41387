//! A function without Lambda around it, for fuzzing. One call takes an event's bytes and returns the answer.

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
        Ok(Function { environment: Environment::new(config, credentials, routes, system), runtime })
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
