//! Starts once; then, for each event: authenticate, parse, grant, sign, answer.

use crate::answer::{Form, Response};
use crate::config::Config;
use crate::credentials::Credentials;
use crate::event::Event;
use crate::problem::Problem;
use crate::route::Route;
use crate::vendor::Vendor;
use crate::{stamps, telemetry};
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::value::RawValue;
use std::convert::Infallible;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;
use tracing::{error, info};

/// Serves a function's routes until Lambda ends the process.
///
/// Configuration and credentials are read before the first event. A wrong setting ends the process with one line that
/// names it; credentials that cannot be had don't, because they may be had later.
pub async fn serve<V: Vendor>(routes: impl IntoIterator<Item = Route<V>>) -> ExitCode {
    telemetry::start();
    let config = match Config::from_env(V::SECRET_ID) {
        Ok(config) => config,
        Err(wrong) => {
            error!(reason = %wrong, "cannot start");
            return ExitCode::FAILURE;
        }
    };
    let credentials = Credentials::new(&config);
    // What goes wrong here is logged there, and tried again by the requests that need it.
    let _ = credentials.key().await;
    let function = Arc::new(Function { config: Arc::new(config), credentials, routes: routes.into_iter().collect() });

    let answer = service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let function = Arc::clone(&function);
        async move { Ok::<_, Infallible>(function.answer(event.payload.get(), &event.context.request_id).await) }
    });
    match lambda_runtime::run_concurrent(answer).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            error!(reason = %failure, "the runtime ended");
            ExitCode::FAILURE
        }
    }
}

/// A function at work.
struct Function<V> {
    config: Arc<Config>,
    credentials: Credentials<V>,
    routes: Vec<Route<V>>,
}

/// What is known of a request by the time it is answered.
#[derive(Default)]
struct About {
    gateway_request_id: Option<String>,
    route: Option<String>,
    kind: Option<&'static str>,
    form: Form,
}

impl<V: Vendor> Function<V> {
    /// Answers an event, whatever it is, and logs one line about it.
    async fn answer(&self, event: &str, request_id: &str) -> Response {
        let started = Instant::now();
        let mut about = About::default();
        let (response, outcome, detail) = match self.token(event, &mut about).await {
            Ok(response) => (response, "minted", None),
            Err(problem) => {
                let response = Response::problem(about.form, &problem, request_id);
                (response, problem.name(), Some(problem.detail().to_owned()))
            }
        };
        info!(
            request_id,
            gateway_request_id = about.gateway_request_id,
            route = about.route,
            kind = about.kind,
            status = response.status_code,
            outcome,
            detail,
            duration_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
            "answered"
        );
        response
    }

    async fn token(&self, event: &str, about: &mut About) -> Result<Response, Problem> {
        let event = Event::parse(event)?;
        about.gateway_request_id = Some(event.request_context.request_id.clone());
        let route = self.route(&event)?;
        about.route = Some(route.name());
        about.form = route.form;
        // All that can be wrong with the request is found before the key is needed.
        let mint = route.prepare(&self.config, &event)?;
        let key = self.credentials.key().await?;
        let minted = mint(&key)?;
        about.kind = Some(minted.kind);
        Ok(Response::token(route.form, &event, &minted, stamps::now()?))
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
