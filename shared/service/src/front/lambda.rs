//! Takes events from Lambda: requests from each front, and warm-ups. It starts once, and then gives each event to the
//! [`Function`].

use crate::config::{Config, Source};
use crate::credentials::{Credentials, NoKey};
use crate::front::event::{self, EventResponse};
use crate::front::load_balancer::{self, LoadBalancerResponse};
use crate::front::shutdown::Shutdown;
use crate::front::warm::{WarmUp, Warmed};
use crate::function::Function;
use crate::identity::issuer::Issuer;
use crate::mint_limit::MintLimit;
use crate::problem::Problem;
use crate::request::Request;
use crate::response::Response;
use crate::route::Route;
use crate::system::{OperatingSystem, System};
use crate::telemetry::{self, metrics};
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
use std::time::Duration;
use tokio::time::Instant;
use tracing::error;

/// Serves a function's routes until Lambda ends the process.
///
/// Configuration and credentials are read before the first event. If a setting is wrong, the process logs one line that
/// names it, and ends. If the credentials cannot be loaded, the process goes on, because a later load may succeed.
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
    // If Secrets Manager fails, the log says so, and requests that need a key try again. If a local file cannot be
    // used, a setting is wrong. But a valid file may lack this vendor's part, because one vendor is enough.
    // The issuer's keys are loaded at the same time.
    let issuer = Issuer::of(&config, &system).map(Arc::new);
    let (key, ()) = tokio::join!(credentials.key(), async {
        if let Some(issuer) = &issuer {
            issuer.start().await;
        }
    });
    if let (Err(NoKey::Unusable), Source::LocalFile(_)) = (key, &config.credentials) {
        return cannot_start(&"LOCAL_CREDENTIALS must be a JSON file with well-formed credentials");
    }
    let environment = Arc::new(Environment::new(config, credentials, issuer, routes, system));
    let invoked = service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let environment = Arc::clone(&environment);
        async move { Ok::<_, Infallible>(environment.invoke(event.payload.get(), &event.context.request_id).await) }
    });
    run(invoked).await
}

/// Logs which setting is wrong, and returns the exit code of a failed start.
pub fn cannot_start(reason: &dyn Display) -> ExitCode {
    error!(%reason, "cannot start");
    ExitCode::FAILURE
}

/// Serves a function that mints nothing, until Lambda ends the process. It reads each event as an `E`, and gives it to
/// `answer`. If `answer` returns an `Err`, the invocation fails. Lambda sends the error's name and words to the
/// invoker.
pub async fn answer<E, A, F>(answer: impl Fn(E) -> F + Clone + Send + 'static) -> ExitCode
where
    E: DeserializeOwned + Send + 'static,
    A: Serialize + Send + 'static,
    F: Future<Output = Result<A, InvocationError>> + Send,
{
    let answer = service_fn(move |event: LambdaEvent<E>| {
        let answer = answer.clone();
        async move { answer(event.payload).await.map_err(Diagnostic::from) }
    });
    run(answer).await
}

/// Gives events to `answer` until Lambda ends the process. Metrics are written after an answer was sent, and before the
/// process asks for the next event. Then nobody waits, and Lambda doesn't freeze the process yet. If Lambda announces the
/// end, metrics are gathered over many answers. What is left is written at the end.
pub(super) async fn run<A, E, R>(
    answer: impl Service<LambdaEvent<A>, Response = R, Error = E, Future: Future<Output = Result<R, E>> + Send + 'static>
    + Clone
    + Send
    + 'static,
) -> ExitCode
where
    A: DeserializeOwned + Send + 'static,
    E: Into<Diagnostic> + Debug + Send + 'static,
    R: Serialize + Send + 'static,
{
    let shutdown = Shutdown::announced().await;
    if shutdown.is_some() {
        metrics::gather();
    }
    let answered = |answered| {
        metrics::answered();
        answered
    };
    let end = async {
        match shutdown {
            Some(shutdown) => shutdown.wait().await,
            None => std::future::pending().await,
        }
    };
    let ended = tokio::select! {
        ended = Runtime::new(answer).layer(MapResultLayer::new(answered)).run_concurrent() => ended,
        () = end => Ok(()),
    };
    metrics::write();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            error!(reason = %failure, "the runtime ended");
            ExitCode::FAILURE
        }
    }
}

/// Why an invocation failed.
#[derive(Debug)]
pub struct InvocationError {
    /// The error's name.
    pub name: &'static str,
    /// What happened.
    pub words: String,
}

impl From<InvocationError> for Diagnostic {
    fn from(InvocationError { name, words }: InvocationError) -> Diagnostic {
        Diagnostic { error_type: name.to_owned(), error_message: words }
    }
}

/// What warm-ups need of an execution environment.
pub(super) struct ExecutionEnvironment {
    /// A random name.
    name: String,
    /// Whether it has got an event before.
    used: AtomicBool,
}

impl ExecutionEnvironment {
    pub(super) fn new(system: &dyn System) -> ExecutionEnvironment {
        ExecutionEnvironment { name: system.random_name(), used: AtomicBool::new(false) }
    }

    /// Takes note of an event. Returns whether it is the first one.
    pub(super) fn begin(&self) -> bool {
        !self.used.swap(true, Ordering::Relaxed)
    }

    /// Makes this environment ready for the time until the next warm-up, and keeps it busy for a moment. `ready` says how
    /// long it is ready from now on. `None`: it is not.
    pub(super) async fn warm_up(
        &self,
        warm_up: WarmUp,
        cold: bool,
        request_id: &str,
        ready: impl Future<Output = Option<Duration>>,
    ) -> Warmed {
        let hold = tokio::time::sleep(warm_up.hold());
        let fresh_for = ready.await;
        hold.await;
        let fresh_for_seconds = fresh_for.map(|fresh_for| fresh_for.as_secs());
        telemetry::warmed_up(request_id, cold, fresh_for_seconds);
        Warmed { environment: self.name.clone(), cold, fresh_for_seconds }
    }
}

/// A token function in one execution environment.
pub(crate) struct Environment<V: Vendor> {
    function: Function<V>,
    environment: ExecutionEnvironment,
}

/// What an invocation returns.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Returned {
    Response(EventResponse),
    ToLoadBalancer(LoadBalancerResponse),
    Warmed(Value),
}

/// Reads a request from its event, and says how to write its response.
fn read(event: &str) -> (Result<Request, Problem>, fn(Response) -> Returned) {
    let to_gateway = |response: Response| Returned::Response(response.into());
    let to_load_balancer = |response: Response| Returned::ToLoadBalancer(response.into());
    match event::parse(event) {
        Ok(request) => (Ok(request), to_gateway),
        Err(problem) => match load_balancer::parse(event) {
            Some(request) => (Ok(request), to_load_balancer),
            None => (Err(problem), to_gateway),
        },
    }
}

impl<V: Vendor> Environment<V> {
    pub(crate) fn new(
        config: Config,
        credentials: Credentials<V>,
        issuer: Option<Arc<Issuer>>,
        routes: impl IntoIterator<Item = Route<V>>,
        system: Arc<dyn System>,
    ) -> Environment<V> {
        let environment = ExecutionEnvironment::new(&*system);
        let mint_limit = Arc::new(MintLimit::new(config.policy.mints_per_minute, &system));
        Environment { function: Function::new(config, credentials, issuer, mint_limit, routes, system), environment }
    }

    /// Answers any event: a warm-up, a request, or one that is neither.
    pub(crate) async fn invoke(&self, event: &str, request_id: &str) -> Returned {
        let arrived = Instant::now();
        let cold = self.environment.begin();
        if let Some(warm_up) = WarmUp::parse(event) {
            let ready = self.function.make_ready(warm_up.for_seconds);
            return Returned::Warmed(self.environment.warm_up(warm_up, cold, request_id, ready).await.into());
        }
        let (request, write) = read(event);
        write(self.function.respond(request_id, arrived, request).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::fake::FakeStore;
    use crate::identity::Backend;
    use crate::keeper::Times;
    use crate::params::Params;
    use crate::system::fake::{FakeSystem, Randomness};
    use crate::telemetry::captured::Captured;
    use serde_json::json;
    use std::collections::BTreeMap;
    use tokens::agora::{ChatApp, Key};

    const SECRET: &str =
        r#"{"app_id":"970ca35de60c44645bbae8a215061b33","app_certificate":"5cfd2fd1755d40ecb72977518be15d3b"}"#;

    fn environment(store: &FakeStore) -> Environment<Key> {
        let variables = [("LOCAL_CREDENTIALS", "unused"), ("IDENTITY", "none")];
        let variables: BTreeMap<_, _> =
            variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
        let config = Config::parse(&variables, Key::SECRET_ID).expect("valid");
        let system: Arc<dyn System> = FakeSystem::new(Randomness::Always(0xab));
        let times = Times::new(config.credentials_ttl, config.credentials_max_stale);
        let credentials = Credentials::from_store(Box::new(store.clone()), times, &system);
        let nothing = |_: &mut Params| Ok(());
        let grant = |backend: &Backend, (): ()| Ok(ChatApp { ttl: backend.ttl(None)? });
        Environment::new(config, credentials, None, [Route::get("/token", nothing, grant)], system)
    }

    /// What an invocation returns, and how long it takes.
    async fn invoke(environment: &Environment<Key>, event: &str) -> (Value, Duration) {
        let began = Instant::now();
        let returned = environment.invoke(event, "request").await;
        (serde_json::to_value(returned).expect("plain data"), began.elapsed())
    }

    fn warm_up(hold_milliseconds: u16) -> String {
        WarmUp { for_seconds: 240, hold_milliseconds }.to_event()
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_gets_the_response_to_its_request() {
        let environment = environment(&FakeStore::with(SECRET));
        let context = json!({ "http": { "method": "GET" }, "requestId": "id", "routeKey": "GET /token" });
        let event = json!({ "version": "2.0", "requestContext": context }).to_string();
        let (returned, _) = invoke(&environment, &event).await;
        assert_eq!((&returned["statusCode"], &returned["headers"]["cache-control"]), (&json!(200), &json!("no-store")));
        let (returned, _) = invoke(&environment, "{}").await;
        assert_eq!(returned["statusCode"], 400);
        let body: Value = serde_json::from_str(returned["body"].as_str().expect("a text")).expect("JSON");
        assert_eq!(body["request_id"], "request");
    }

    #[tokio::test(start_paused = true)]
    async fn a_warm_up_makes_ready_and_keeps_the_environment_busy() {
        let captured = Captured::begin();
        let environment = environment(&FakeStore::with(SECRET));
        let warmed = |cold, seconds: u64| json!({ "warmed": { "environment": "abababababababab", "cold": cold, "fresh_for_seconds": seconds } });
        assert_eq!(invoke(&environment, &warm_up(500)).await, (warmed(true, 300), Duration::from_millis(500)));
        assert_eq!(invoke(&environment, &warm_up(0)).await, (warmed(false, 300), Duration::ZERO));
        let lines = captured.lines();
        let told: Vec<_> = lines.iter().filter(|line| line["message"] == "warmed up").collect();
        assert!(told.len() == 2 && told[0]["cold"] == true && told[1]["fresh_for_seconds"] == 300, "{lines:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_warm_up_after_a_request_finds_the_environment_warm() {
        let environment = environment(&FakeStore::with(SECRET));
        invoke(&environment, "{}").await;
        assert_eq!(invoke(&environment, &warm_up(0)).await.0["warmed"]["cold"], false);
    }

    #[tokio::test(start_paused = true)]
    async fn a_warm_up_that_makes_nothing_ready_says_so() {
        let store = FakeStore::with(SECRET);
        store.fail("refused");
        let (returned, took) = invoke(&environment(&store), &warm_up(500)).await;
        assert_eq!(returned["warmed"]["fresh_for_seconds"], Value::Null);
        assert_eq!(took, Duration::from_millis(500), "it keeps the environment busy all the same");
    }
}
