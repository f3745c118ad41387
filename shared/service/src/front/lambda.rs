//! Lambda brings events: the gateway's and warm-ups. This starts once, and then gives each event to the [`Function`].

use crate::config::{Config, Source};
use crate::credentials::{Credentials, NoKey};
use crate::front::event::{self, EventResponse};
use crate::front::warm::{WarmUp, Warmed};
use crate::function::Function;
use crate::route::Route;
use crate::system::{OperatingSystem, System};
use crate::telemetry;
use crate::vendor::Vendor;
use lambda_runtime::tower::util::MapResultLayer;
use lambda_runtime::{Diagnostic, LambdaEvent, Runtime, Service, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;
use std::convert::Infallible;
use std::fmt::{Debug, Display};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::time::Instant;
use tracing::error;

/// Serves a function's routes until Lambda ends the process.
///
/// Configuration and credentials are read before the first event. A wrong setting ends the process with one line that
/// names it; credentials that cannot be had don't, because they may be had later.
pub async fn serve<V: Vendor>(routes: impl IntoIterator<Item = Route<V>>) -> ExitCode {
    telemetry::start();
    let config = match Config::from_env(V::SECRET_ID) {
        Ok(config) => config,
        Err(wrong) => return cannot_start(&wrong),
    };
    let system: Arc<dyn System> = Arc::new(OperatingSystem);
    let credentials = match Credentials::new(&config, &system) {
        Ok(credentials) => credentials,
        Err(wrong) => return cannot_start(&wrong),
    };
    // What goes wrong with Secrets Manager is logged there, and tried again by the requests that need a key. A local file
    // that cannot be used is a wrong setting. A good one without a part for this vendor is none: one vendor is enough.
    if let (Err(NoKey::Unusable), Source::LocalFile(_)) = (credentials.key().await, &config.credentials) {
        return cannot_start(&"LOCAL_CREDENTIALS must be a JSON file with well-formed credentials");
    }
    let environment = Arc::new(Environment::new(config, credentials, routes, system));
    let invoked = service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let environment = Arc::clone(&environment);
        async move { Ok::<_, Infallible>(environment.invoke(event.payload.get(), &event.context.request_id).await) }
    });
    ended(run(invoked).await)
}

/// Says which setting is wrong, and ends the start.
pub fn cannot_start(reason: &dyn Display) -> ExitCode {
    error!(%reason, "cannot start");
    ExitCode::FAILURE
}

/// Serves a function that mints nothing: gives each event, of exactly this shape, to `answer`, until Lambda ends the
/// process. An `Err` makes the invocation one that failed, with this name and these words, which Lambda passes on to
/// whoever invoked.
pub async fn answer<E, A, F>(answer: impl Fn(E) -> F + Clone + Send + 'static) -> ExitCode
where
    E: DeserializeOwned + Send + 'static,
    A: Serialize + Send + 'static,
    F: Future<Output = Result<A, InvocationError>> + Send,
{
    let answer = service_fn(move |event: LambdaEvent<E>| {
        let answer = answer.clone();
        async move {
            let failed =
                |InvocationError { name, words }| Diagnostic { error_type: name.to_owned(), error_message: words };
            answer(event.payload).await.map_err(failed)
        }
    });
    ended(run(answer).await)
}

/// Gives events to `answer` until Lambda ends the process. Metrics are written between an answer, which nobody waits for
/// any more then, and asking for the next event, until which Lambda lets the process run.
async fn run<A, E, R>(
    answer: impl Service<LambdaEvent<A>, Response = R, Error = E, Future: Future<Output = Result<R, E>> + Send + 'static>
    + Clone
    + Send
    + 'static,
) -> Result<(), lambda_runtime::Error>
where
    A: DeserializeOwned + Send + 'static,
    E: Into<Diagnostic> + Debug + Send + 'static,
    R: Serialize + Send + 'static,
{
    let answered = |answered| {
        telemetry::metrics::write();
        answered
    };
    Runtime::new(answer).layer(MapResultLayer::new(answered)).run_concurrent().await
}

/// Why an invocation failed.
#[derive(Debug)]
pub struct InvocationError {
    /// The error's name.
    pub name: &'static str,
    /// What happened.
    pub words: String,
}

fn ended(result: Result<(), lambda_runtime::Error>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            error!(reason = %failure, "the runtime ended");
            ExitCode::FAILURE
        }
    }
}

/// A function in one execution environment of Lambda.
pub(crate) struct Environment<V: Vendor> {
    function: Function<V>,
    /// A random name.
    name: String,
    /// Whether it has ever got an event.
    used: AtomicBool,
}

/// What an invocation returns.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Returned {
    Response(EventResponse),
    Warmed(Value),
}

impl<V: Vendor> Environment<V> {
    pub(crate) fn new(
        config: Config,
        credentials: Credentials<V>,
        routes: impl IntoIterator<Item = Route<V>>,
        system: Arc<dyn System>,
    ) -> Environment<V> {
        let name = system.random_name();
        Environment { function: Function::new(config, credentials, routes, system), name, used: AtomicBool::new(false) }
    }

    /// Takes an event, whatever it is.
    pub(crate) async fn invoke(&self, event: &str, request_id: &str) -> Returned {
        let arrived = Instant::now();
        let cold = !self.used.swap(true, Ordering::Relaxed);
        if let Some(warm_up) = WarmUp::parse(event) {
            return Returned::Warmed(self.warm_up(warm_up, cold, request_id).await.into());
        }
        Returned::Response(self.function.respond(request_id, arrived, event::parse(event)).await.into())
    }

    /// Makes this environment ready for the time until the next warm-up, and keeps it busy for a moment.
    async fn warm_up(&self, warm_up: WarmUp, cold: bool, request_id: &str) -> Warmed {
        let hold = tokio::time::sleep(warm_up.hold());
        let fresh_for = self.function.make_ready(warm_up.for_seconds).await;
        hold.await;
        let fresh_for_seconds = fresh_for.map(|fresh_for| fresh_for.as_secs());
        telemetry::warmed_up(request_id, cold, fresh_for_seconds);
        Warmed { environment: self.name.clone(), cold, fresh_for_seconds }
    }
}
