//! A function at work. For each request: admit the caller, take the parameters, grant, sign, respond.

use crate::config::Config;
use crate::credentials::Credentials;
use crate::minted::Minted;
use crate::problem::Problem;
use crate::request::Request;
use crate::response::{Form, Response};
use crate::route::{Decided, Route, RouteKey};
use crate::system::System;
use crate::telemetry::RequestLog;
use crate::vendor::Vendor;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A function's routes, with all that they need.
pub(crate) struct Function<V: Vendor> {
    config: Arc<Config>,
    credentials: Credentials<V>,
    routes: Vec<Route<V>>,
    system: Arc<dyn System>,
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
        Function { config: Arc::new(config), credentials, routes: routes.into_iter().collect(), system }
    }

    /// Responds to a request, or to what a front could not read as one, and logs one line about it.
    ///
    /// `request_id` is Lambda's, and `arrived` is the moment from which the line counts.
    pub(crate) async fn respond(
        &self,
        request_id: &str,
        arrived: Instant,
        request: Result<Request, Problem>,
    ) -> Response {
        let outcome = self.outcome(request).await;
        let (response, minted) = match &outcome.minted {
            Ok(minted) => (Response::token(outcome.form, minted), Ok(minted.kind)),
            Err(problem) => (Response::problem(outcome.form, problem, request_id), Err(problem)),
        };
        let log = RequestLog {
            request_id,
            gateway_request_id: outcome.gateway_request_id.as_deref(),
            route: outcome.route,
            user: outcome.user.as_deref(),
            status: response.status,
            minted,
            took: arrived.elapsed(),
        };
        log.write();
        response
    }

    /// Loads the credentials anew, and mints each shared token again that is due within this many seconds. Returns how
    /// long the credentials are fresh from now on. `None`: the function is not ready, and the log says why.
    pub(crate) async fn make_ready(&self, within: u32) -> Option<Duration> {
        let refreshed = self.credentials.refresh().await;
        // If that failed, the older key stays in use. So the shared tokens are minted again with it.
        if let Some(key) = self.credentials.kept() {
            let mut routes = self.routes.iter();
            routes.try_for_each(|route| route.mint_again(&key, within, &*self.system)).ok()?;
        }
        refreshed.ok()
    }

    async fn outcome(&self, request: Result<Request, Problem>) -> Outcome {
        let request = match request {
            Ok(request) => request,
            Err(problem) => return Outcome::refused(problem),
        };
        let gateway_request_id = request.gateway_request_id.clone();
        let route = match self.route(&request) {
            Ok(route) => route,
            Err(problem) => return Outcome { gateway_request_id, ..Outcome::refused(problem) },
        };
        let Decided { user, minted } = self.decide(route, &request).await.unwrap_or_else(Decided::refused);
        Outcome { gateway_request_id, route: Some(route.key()), form: route.form.for_request(&request), user, minted }
    }

    async fn decide(&self, route: &Route<V>, request: &Request) -> Result<Decided, Problem> {
        // Who calls and what is asked comes before the key is needed. What the caller may have comes after it: a
        // caller's own uid depends on the key's app id.
        let prepared = route.prepare(&self.config, request)?;
        let key = self.credentials.key().await?;
        Ok(prepared.mint(&key, &*self.system))
    }

    /// The gateway sends a function its own routes only, so not finding one is a slip of the deployment.
    fn route(&self, request: &Request) -> Result<&Route<V>, Problem> {
        let mut problem = Problem::no_such_route();
        for route in self.routes.iter().filter(|route| route.has_path_of(request)) {
            if route.has_method_of(request) {
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
    use crate::system::OperatingSystem;
    use serde_json::Value;
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

    fn nothing(_: &mut Params) -> Result<(), Problem> {
        Ok(())
    }

    fn grant(backend: &Backend, (): ()) -> Result<ChatApp, Problem> {
        Ok(ChatApp { ttl: backend.ttl(None)? })
    }

    async fn ask(function: &Function<Key>, path: &str) -> Response {
        function.respond("request", Instant::now(), Ok(Request::new("GET", path))).await
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
            assert_eq!(response.status, 500, "{}", response.body);
            assert!(!response.body.contains("5ecret"), "{}", response.body);
            assert_eq!(ask(&function, "/good").await.status, 200);
        }
    }

    #[tokio::test]
    async fn a_shared_token_is_handed_out_again_and_any_other_is_not() {
        let function = function(vec![Route::get_shared("/shared", nothing, grant), Route::get("/own", nothing, grant)]);
        let token = async |path| {
            let body: Value = serde_json::from_str(&ask(&function, path).await.body).expect("JSON");
            body["token"].as_str().expect("a token").to_owned()
        };
        assert_eq!(token("/shared").await, token("/shared").await);
        assert_ne!(token("/own").await, token("/own").await);
    }
}
