//! Starts once; then, for each event: authenticate, parse, grant, sign, answer.

use crate::config::{Config, Source};
use crate::credentials::{Credentials, NoKey};
use crate::front::event::Event;
use crate::front::warm::{WarmUp, Warmed};
use crate::problem::Problem;
use crate::response::{Form, Minted, Response};
use crate::route::{Decided, Route, RouteKey};
use crate::system::{OperatingSystem, System};
use crate::telemetry::{self, RequestLog};
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
    let function = Arc::new(Function::new(config, credentials, routes, system));

    let answer = service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let function = Arc::clone(&function);
        async move { Ok::<_, Infallible>(function.answer(event.payload.get(), &event.context.request_id).await) }
    });
    ended(run(answer).await)
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
        telemetry::flush();
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

/// A function at work.
pub(crate) struct Function<V: Vendor> {
    config: Arc<Config>,
    credentials: Credentials<V>,
    routes: Vec<Route<V>>,
    system: Arc<dyn System>,
    /// A random name of this environment.
    environment: String,
    /// Whether it has ever got an event.
    used: AtomicBool,
}

/// What an event comes to.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Answer {
    Response(Response),
    Warmed(Value),
}

/// What came of a request. A part is missing if the request did not get so far.
struct Outcome {
    gateway_request_id: Option<String>,
    route: Option<RouteKey>,
    form: Form,
    user: Option<String>,
    minted: Result<Minted, Problem>,
}

impl Outcome {
    /// A refusal before anything was known of the request.
    fn refused(problem: Problem) -> Outcome {
        Outcome { gateway_request_id: None, route: None, form: Form::Json, user: None, minted: Err(problem) }
    }
}

impl<V: Vendor> Function<V> {
    pub(crate) fn new(
        config: Config,
        credentials: Credentials<V>,
        routes: impl IntoIterator<Item = Route<V>>,
        system: Arc<dyn System>,
    ) -> Function<V> {
        Function {
            config: Arc::new(config),
            credentials,
            routes: routes.into_iter().collect(),
            environment: system.random_name(),
            system,
            used: AtomicBool::new(false),
        }
    }

    /// Answers an event, whatever it is, and logs one line about it.
    pub(crate) async fn answer(&self, event: &str, request_id: &str) -> Answer {
        let cold = !self.used.swap(true, Ordering::Relaxed);
        match WarmUp::parse(event) {
            Some(warm_up) => Answer::Warmed(self.warm_up(warm_up, cold, request_id).await.into()),
            None => Answer::Response(self.respond(event, request_id).await),
        }
    }

    /// Makes this environment ready for the time until the next warm-up, and keeps it occupied for a moment.
    async fn warm_up(&self, warm_up: WarmUp, cold: bool, request_id: &str) -> Warmed {
        let hold = tokio::time::sleep(warm_up.hold());
        let refreshed = self.credentials.refresh().await;
        // If that failed, the older key serves on, and so the shared token is minted again with it.
        let mut ready = refreshed.is_ok();
        if let Some(key) = self.credentials.kept() {
            let mint_again = |route: &Route<V>| route.mint_again(&key, warm_up.for_seconds, &*self.system);
            ready &= self.routes.iter().try_for_each(mint_again).is_ok();
        }
        hold.await;
        let fresh_for_seconds = refreshed.ok().filter(|_| ready).map(|fresh| fresh.as_secs());
        telemetry::warmed_up(request_id, cold, fresh_for_seconds);
        Warmed { environment: self.environment.clone(), cold, fresh_for_seconds }
    }

    async fn respond(&self, event: &str, request_id: &str) -> Response {
        let began = Instant::now();
        let outcome = self.outcome(event).await;
        let (response, minted) = match &outcome.minted {
            Ok(minted) => (Response::token(outcome.form, minted), Ok(minted.kind)),
            Err(problem) => (Response::problem(outcome.form, problem, request_id), Err(problem)),
        };
        let log = RequestLog {
            request_id,
            gateway_request_id: outcome.gateway_request_id.as_deref(),
            route: outcome.route,
            user: outcome.user.as_deref(),
            status: response.status_code,
            minted,
            took: began.elapsed(),
        };
        log.write();
        response
    }

    async fn outcome(&self, event: &str) -> Outcome {
        let event = match Event::parse(event) {
            Ok(event) => event,
            Err(problem) => return Outcome::refused(problem),
        };
        let gateway_request_id = Some(event.request_context.request_id.clone());
        let route = match self.route(&event) {
            Ok(route) => route,
            Err(problem) => return Outcome { gateway_request_id, ..Outcome::refused(problem) },
        };
        let Decided { user, minted } = self.decide(route, &event).await.unwrap_or_else(Decided::refused);
        Outcome { gateway_request_id, route: Some(route.key()), form: route.form.for_event(&event), user, minted }
    }

    async fn decide(&self, route: &Route<V>, event: &Event) -> Result<Decided, Problem> {
        // Who calls and what is asked comes before the key is needed. What the caller may have comes after it: a
        // caller's own uid depends on the key's app id.
        let prepared = route.prepare(&self.config, event)?;
        let key = self.credentials.key().await?;
        Ok(prepared.mint(&key, &*self.system))
    }

    /// The gateway sends a function its own routes only, so not finding one is a slip of the deployment.
    fn route(&self, event: &Event) -> Result<&Route<V>, Problem> {
        let mut problem = Problem::no_such_route();
        for route in self.routes.iter().filter(|route| route.has_path_of(event)) {
            if route.has_method_of(event) {
                return Ok(route);
            }
            problem = Problem::no_such_method();
        }
        Err(problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Backend;
    use crate::params::Params;
    use serde_json::json;
    use std::collections::BTreeMap;
    use std::path::Path;
    use tokens::agora::{ChatApp, Key};

    fn function(routes: Vec<Route<Key>>) -> Function<Key> {
        let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/demo-credentials.json");
        let variables = [("LOCAL_CREDENTIALS", demo.to_str().expect("UTF-8")), ("AUTH", "none")];
        let variables: BTreeMap<_, _> =
            variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
        let config = Config::parse(&variables, Key::SECRET_ID).expect("valid");
        let system: Arc<dyn System> = Arc::new(OperatingSystem);
        let credentials = Credentials::new(&config, &system).expect("they are in a file");
        Function::new(config, credentials, routes, system)
    }

    fn event(path: &str) -> String {
        let context = json!({ "http": { "method": "GET" }, "requestId": "id", "routeKey": format!("GET {path}") });
        json!({ "version": "2.0", "requestContext": context }).to_string()
    }

    fn nothing(_: &mut Params) -> Result<(), Problem> {
        Ok(())
    }

    fn grant(backend: &Backend, (): ()) -> Result<ChatApp, Problem> {
        Ok(ChatApp { ttl: backend.ttl(None)? })
    }

    async fn ask(function: &Function<Key>, path: &str) -> Value {
        serde_json::to_value(function.answer(&event(path), "request").await).expect("plain data")
    }

    #[tokio::test]
    async fn a_panic_costs_one_request_and_says_nothing() {
        let in_parse = |_: &mut Params| -> Result<(), Problem> { panic!("5ecret in parse") };
        let in_grant = |_: &Backend, (): ()| -> Result<ChatApp, Problem> { panic!("5ecret in grant") };
        let function = function(vec![
            Route::get("/parse", in_parse, grant),
            Route::get("/grant", nothing, in_grant),
            Route::get("/good", nothing, grant),
        ]);
        for path in ["/parse", "/grant"] {
            let response = ask(&function, path).await;
            assert_eq!(response["statusCode"], 500, "{response}");
            assert!(!response.to_string().contains("5ecret"), "{response}");
            assert_eq!(ask(&function, "/good").await["statusCode"], 200);
        }
    }

    #[tokio::test]
    async fn a_shared_token_is_handed_out_again_and_any_other_is_not() {
        let function = function(vec![Route::get_shared("/shared", nothing, grant), Route::get("/own", nothing, grant)]);
        let token = async |path| {
            let response = ask(&function, path).await;
            let body: Value = serde_json::from_str(response["body"].as_str().expect("a text")).expect("JSON");
            body["token"].as_str().expect("a token").to_owned()
        };
        assert_eq!(token("/shared").await, token("/shared").await);
        assert_ne!(token("/own").await, token("/own").await);
    }
}
