//! Answers requests. For each request: admit the caller, take the parameters, grant, sign, respond.

use crate::config::Config;
use crate::credentials::Credentials;
use crate::identity::gateway;
use crate::identity::issuer::Issuer;
use crate::in_query;
use crate::mint_limit::MintLimit;
use crate::problem::Problem;
use crate::request::Request;
use crate::response::{Form, Response};
use crate::route::{Answer, Decided, Route, RouteKey};
use crate::system::System;
use crate::telemetry::RequestLog;
use crate::vendor::Vendor;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A function's routes, with all that they need.
pub(crate) struct Function<V: Vendor> {
    config: Arc<Config>,
    credentials: Credentials<V>,
    /// Verifies JWTs, if the service does so itself.
    issuer: Option<Arc<Issuer>>,
    mint_limit: Arc<MintLimit>,
    routes: Vec<Route<V>>,
    system: Arc<dyn System>,
}

/// The result of a request. A part is `None` if the request was refused before that part was known.
struct Outcome {
    gateway_request_id: Option<String>,
    client: Option<IpAddr>,
    route: Option<RouteKey>,
    form: Form,
    user: Option<String>,
    answer: Result<Answer, Problem>,
    /// Whether the request's address has a JWT.
    jwt_in_query: bool,
}

impl Outcome {
    /// A refusal before anything is known about the request.
    fn refused(problem: Problem) -> Outcome {
        Outcome {
            gateway_request_id: None,
            client: None,
            route: None,
            form: Form::Json,
            user: None,
            answer: Err(problem),
            jwt_in_query: false,
        }
    }
}

impl<V: Vendor> Function<V> {
    pub(crate) fn new(
        config: Config,
        credentials: Credentials<V>,
        issuer: Option<Arc<Issuer>>,
        mint_limit: Arc<MintLimit>,
        routes: impl IntoIterator<Item = Route<V>>,
        system: Arc<dyn System>,
    ) -> Function<V> {
        let routes = routes.into_iter().filter(|route| route.is_served(&config)).collect();
        Function { config: Arc::new(config), credentials, issuer, mint_limit, routes, system }
    }

    /// Identifies each route.
    pub(crate) fn route_keys(&self) -> impl Iterator<Item = RouteKey> {
        let mut keys: Vec<RouteKey> = self.routes.iter().map(Route::key).collect();
        keys.dedup();
        keys.into_iter()
    }

    /// Whether a request's path is one of this function's, with whatever method.
    pub(crate) fn has_path_of(&self, request: &Request) -> bool {
        self.routes.iter().any(|route| route.has_path_of(request))
    }

    /// Whether there is a key to sign with.
    pub(crate) fn has_key(&self) -> bool {
        self.credentials.kept().is_some()
    }

    /// Whether there is a key, unless the credentials' file lacks this vendor's part.
    pub(crate) fn is_ready(&self) -> bool {
        self.has_key() || self.credentials.are_left_out()
    }

    /// Loads the credentials anew if their file has changed. Also loads them if there is no key, but could be.
    pub(crate) async fn catch_up(&self) {
        self.credentials.load_changed_file().await;
        if !self.is_ready() {
            // If this fails, the log says why.
            let _ = self.credentials.key().await;
        }
    }

    /// Responds to a request and logs one line about it. `Err`: a front could not read an event as a request.
    ///
    /// `request_id` is the front's own id for the request. If a gateway logs the request, the gateway's id
    /// replaces it. The line says how much time has passed since `arrived`.
    pub(crate) async fn respond(
        &self,
        request_id: &str,
        arrived: Instant,
        request: Result<Request, Problem>,
    ) -> Response {
        let outcome = self.outcome(request).await;
        let by_gateway = outcome.gateway_request_id.as_deref();
        let request_id = by_gateway.unwrap_or(request_id);
        let (mut response, minted) = match &outcome.answer {
            Ok(Answer::Token(minted)) => (Response::token(outcome.form, minted), Ok(Some(minted.kind))),
            Ok(Answer::Pong) => (Response::pong(), Ok(None)),
            Err(problem) => (Response::problem(outcome.form, problem, request_id), Err(problem)),
        };
        if outcome.jwt_in_query {
            response = response.without_referrer();
        }
        let log = RequestLog {
            request_id,
            logged_by_gateway: by_gateway.is_some(),
            client: outcome.client,
            route: outcome.route,
            user: outcome.user.as_deref(),
            status: response.status,
            minted,
            took: arrived.elapsed(),
        };
        log.write();
        response
    }

    /// Loads the credentials and the issuer's keys anew. If a shared token is due within this many seconds, mints it
    /// again. Returns how long both are fresh from now on. `None`: the function is not ready. If something could not be
    /// loaded, the log says why.
    pub(crate) async fn make_ready(&self, within: u32) -> Option<Duration> {
        let keys = async {
            match &self.issuer {
                Some(issuer) => issuer.refresh().await,
                None => Some(Duration::MAX),
            }
        };
        let (refreshed, keys) = tokio::join!(self.credentials.refresh(), keys);
        // If the load failed, the older key stays in use. Then the shared tokens are minted again with the older key.
        if let Some(key) = self.credentials.kept() {
            let mut routes = self.routes.iter();
            routes.try_for_each(|route| route.mint_again(&key, within, &*self.system)).ok()?;
        }
        Some(refreshed.ok()?.min(keys?))
    }

    async fn outcome(&self, request: Result<Request, Problem>) -> Outcome {
        let mut request = match request {
            Ok(request) => request,
            Err(problem) => return Outcome::refused(problem),
        };
        let (gateway_request_id, client) = (request.gateway_request_id.clone(), request.client);
        let route = match self.route(&request) {
            Ok(route) => route,
            Err(problem) => return Outcome { gateway_request_id, client, ..Outcome::refused(problem) },
        };
        let key = Some(route.key());
        let (form, decided) = match route.inner(&mut request) {
            Ok(route) => (route.form.for_request(&request), self.decide(route, request).await),
            Err(problem) => (route.form, Err(problem)),
        };
        let Decided { user, answer } = decided.unwrap_or_else(Decided::refused);
        Outcome { gateway_request_id, client, route: key, form, user, answer, jwt_in_query: route.is_in_query() }
    }

    async fn decide(&self, route: &Route<V>, mut request: Request) -> Result<Decided, Problem> {
        let said = request.said.take();
        let (verified, now) = match &self.issuer {
            Some(issuer) => {
                let callers = route.key().callers;
                let in_query = request.jwt_in_query;
                let verified = issuer.identify(callers, &request.authorization, in_query, said).await?;
                (verified, self.system.moment()?)
            }
            None => {
                let now = self.system.moment()?;
                (gateway::believed(&self.config.verifier, said, now)?, now)
            }
        };
        if let Some(in_query) = self.config.in_query.as_ref().filter(|_| request.jwt_in_query) {
            in_query::check(verified.as_ref(), in_query)?;
        }
        // Check the caller and the parameters before the key is needed. The grant comes after the key, because a
        // caller's own uid depends on the key's app id.
        let prepared = route.prepare(&self.config, &request, verified.as_ref(), now)?;
        let key = self.credentials.key().await?;
        Ok(prepared.mint(&key, &self.mint_limit, &*self.system))
    }

    /// API Gateway sends a function only its own routes. A front that knows no routes sends any path.
    fn route(&self, request: &Request) -> Result<&Route<V>, Problem> {
        let mut methods = Vec::new();
        for route in self.routes.iter().filter(|route| route.has_path_of(request)) {
            if route.has_method_of(request) && route.is_meant(request) {
                return Ok(route);
            }
            methods.push(route.key().method);
        }
        methods.dedup();
        Err(match methods.as_slice() {
            [] => Problem::no_such_route(),
            [method] => Problem::no_such_method(method),
            // A route is a GET or a POST.
            _ => Problem::no_such_method("GET, POST"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::fake::FakeStore;
    use crate::identity::gateway::Said;
    use crate::identity::{Backend, Caller};
    use crate::keeper::Times;
    use crate::params::{Asked, Params, Sent};
    use crate::request::Path;
    use crate::system::fake::{FakeSystem, Randomness};
    use crate::telemetry::captured::Captured;
    use http::header::{CACHE_CONTROL, RETRY_AFTER};
    use serde_json::{Value, json};
    use std::collections::{BTreeMap, HashMap};
    use tokens::agora::{ChatApp, ChatUser, ChatUserId, Key};
    use tokio::time::sleep;

    const SECRET: &str =
        r#"{"app_id":"970ca35de60c44645bbae8a215061b33","app_certificate":"5cfd2fd1755d40ecb72977518be15d3b"}"#;
    const ROTATED: &str =
        r#"{"app_id":"0123456789abcdef0123456789abcdef","app_certificate":"c0ffee0ff1cec0ffee0ff1cec0ffee0f"}"#;

    fn function(store: &FakeStore, identity: &str, routes: Vec<Route<Key>>) -> Function<Key> {
        let variables = [("LOCAL_CREDENTIALS", "unused"), ("IDENTITY", identity)];
        let variables: BTreeMap<_, _> =
            variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
        let config = Config::parse(&variables, Key::SECRET_ID).expect("valid");
        let system: Arc<dyn System> = FakeSystem::new(Randomness::Seeded(1));
        let times = Times::new(config.credentials_ttl, config.credentials_max_stale);
        let credentials = Credentials::from_store(Box::new(store.clone()), times, &system);
        let limit = Arc::new(MintLimit::new(config.policy.mints_per_minute, &system));
        Function::new(config, credentials, None, limit, routes, system)
    }

    fn good() -> FakeStore {
        FakeStore::with(SECRET)
    }

    fn nothing(_: &mut Params) -> Result<(), Problem> {
        Ok(())
    }

    fn grant(backend: &Backend, (): ()) -> Result<ChatApp, Problem> {
        Ok(ChatApp { ttl: backend.ttl(None)? })
    }

    /// A route for users. A parameter in its path names the user.
    fn user_route() -> Route<Key> {
        let parse = |params: &mut Params| params.require_sent("user_id");
        let grant = |caller: &Caller, asked: Sent<Asked<ChatUserId>>| {
            Ok(ChatUser { user: caller.user(asked, ChatUserId::new)?, ttl: caller.ttl(None)? })
        };
        Route::get("/chat/user/{user_id}/token", parse, grant)
    }

    fn user_request(asked: &str, said: Option<Said>) -> Request {
        Request {
            gateway_request_id: Some("gateway-id".to_owned()),
            path: Path::OfRoute {
                path: "/chat/user/{user_id}/token".to_owned(),
                parameters: BTreeMap::from([("user_id".to_owned(), Some(asked.to_owned()))]),
            },
            said,
            ..Request::new("GET", "")
        }
    }

    fn signed_in(user: &str) -> Option<Said> {
        let context = json!({ "jwt": { "claims": { "sub": user }, "scopes": null } });
        gateway::said(Some(&context))
    }

    async fn respond(function: &Function<Key>, request: Result<Request, Problem>) -> Response {
        function.respond("request", Instant::now(), request).await
    }

    async fn ask(function: &Function<Key>, path: &str) -> Response {
        respond(function, Ok(Request::new("GET", path))).await
    }

    /// The fields of the JSON answer.
    async fn answer(function: &Function<Key>, path: &str) -> Value {
        serde_json::from_str(&ask(function, path).await.body).expect("JSON")
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_costs_one_request_and_says_nothing() {
        let in_parse = |_: &mut Params| -> Result<(), Problem> { panic!("5ecret in parse") };
        let in_grant = |_: &Backend, (): ()| -> Result<ChatApp, Problem> { panic!("5ecret in grant") };
        let routes = vec![
            Route::get("/parse", in_parse, grant),
            Route::get("/grant", nothing, in_grant),
            Route::get("/good", nothing, grant),
        ];
        let function = function(&good(), "none", routes);
        for path in ["/parse", "/grant"] {
            let response = ask(&function, path).await;
            assert_eq!(response.status, 500, "{}", response.body);
            assert!(!response.body.contains("5ecret"), "{}", response.body);
            assert_eq!(ask(&function, "/good").await.status, 200);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_shared_token_is_handed_out_again_and_any_other_is_not() {
        let routes = vec![Route::get_shared("/shared", nothing, grant), Route::get("/own", nothing, grant)];
        let function = function(&good(), "none", routes);
        assert_eq!(answer(&function, "/shared").await["token"], answer(&function, "/shared").await["token"]);
        assert_ne!(answer(&function, "/own").await["token"], answer(&function, "/own").await["token"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_no_route_takes_is_told_why() {
        let function = function(&good(), "none", vec![Route::get("/good", nothing, grant)]);
        assert_eq!(ask(&function, "/bad").await.status, 404);
        assert_eq!(respond(&function, Ok(Request::new("POST", "/good"))).await.status, 405);
        assert_eq!(respond(&function, Err(Problem::bad_event())).await.status, 400);
    }

    #[tokio::test(start_paused = true)]
    async fn the_caller_is_checked_before_the_parameters_and_both_before_a_key_is_needed() {
        let store = good();
        store.fail("refused");
        let function = function(&store, "gateway", vec![user_route()]);
        let status = async |asked, identity| respond(&function, Ok(user_request(asked, identity))).await.status;
        assert_eq!(status("*", None).await, 401);
        assert_eq!(status("", signed_in("alice")).await, 400);
        assert_eq!(status("alice", signed_in("alice")).await, 503);
        store.put(SECRET);
        sleep(Duration::from_secs(5)).await;
        assert_eq!(status("alice", signed_in("alice")).await, 200);
        assert_eq!(status("bob", signed_in("alice")).await, 403);
    }

    #[tokio::test(start_paused = true)]
    async fn a_user_who_got_too_many_tokens_is_told_when_to_come_back_and_refusals_do_not_count() {
        let captured = Captured::begin();
        let function = function(&good(), "gateway", vec![user_route()]);
        let ask = async |asked, user| respond(&function, Ok(user_request(asked, signed_in(user)))).await;
        for (asked, status) in [("bob", 403), ("", 400), ("me", 200)] {
            for _ in 0..60 {
                assert_eq!(ask(asked, "alice").await.status, status);
            }
        }
        let refused = ask("me", "alice").await;
        let headers: HashMap<_, _> = refused.headers.each().collect();
        assert_eq!((refused.status, headers[&RETRY_AFTER], headers[&CACHE_CONTROL]), (429, "1", "no-store"));
        let body: Value = serde_json::from_str(&refused.body).expect("JSON");
        assert_eq!((&body["type"], &body["status"]), (&json!("urn:tokenmint:problem:too-many-tokens"), &json!(429)));
        assert_eq!(ask("me", "bob").await.status, 200, "another user");
        assert_eq!(ask("bob", "alice").await.status, 403, "a refusal is told first");
        sleep(Duration::from_secs(1)).await;
        assert_eq!((ask("me", "alice").await.status, ask("me", "alice").await.status), (200, 429));
        let lines = captured.lines();
        let refused = lines.iter().rfind(|line| line["message"] == "refused").expect("a line");
        assert_eq!((&refused["error"], &refused["status"]), (&json!("too-many-tokens"), &json!(429)));
        assert!(refused["user"].is_string(), "{refused}");
    }

    #[tokio::test(start_paused = true)]
    async fn backends_and_callers_without_identities_get_any_number_of_tokens() {
        let function = function(&good(), "none", vec![Route::get("/own", nothing, grant), user_route()]);
        for _ in 0..200 {
            assert_eq!(ask(&function, "/own").await.status, 200);
            assert_eq!(respond(&function, Ok(user_request("alice", None))).await.status, 200);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_line_about_a_request_has_neither_the_user_nor_the_token() {
        let captured = Captured::begin();
        let function = function(&good(), "gateway", vec![user_route()]);
        let user = "somebody-with-a-telling-name";
        let response = respond(&function, Ok(user_request("me", signed_in(user)))).await;
        let body: Value = serde_json::from_str(&response.body).expect("JSON");
        assert_eq!((response.status, &body["user_id"]), (200, &json!(user)));
        assert_eq!(respond(&function, Ok(user_request("another", signed_in(user)))).await.status, 403);
        assert_eq!(respond(&function, Ok(user_request("me", None))).await.status, 401);
        let lines = captured.lines();
        let answered: Vec<_> = lines.iter().filter(|line| !line["request_id"].is_null()).collect();
        let fields = |name: &str| answered.iter().map(|line| line[name].clone()).collect::<Vec<_>>();
        assert_eq!(fields("message"), ["minted", "refused", "refused"]);
        assert_eq!(fields("error"), [Value::Null, json!("forbidden"), json!("no-identity")]);
        assert_eq!(fields("request_id"), ["gateway-id", "gateway-id", "gateway-id"]);
        let users = fields("user");
        assert_eq!(users[0].as_str().map(str::len), Some(12), "a pseudonym");
        assert_eq!((&users[1], &users[2]), (&users[0], &Value::Null));
        let text = captured.text();
        for private in [user, "another", body["token"].as_str().expect("a token"), "5cfd2fd1755d40ecb72977518be15d3b"] {
            assert!(!text.contains(private), "{private} in {text}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_function_that_was_made_ready_uses_the_newest_secret() {
        let store = good();
        let function = function(&store, "none", vec![Route::get_shared("/shared", nothing, grant)]);
        assert_eq!(answer(&function, "/shared").await["app_id"], "970ca35de60c44645bbae8a215061b33");
        store.put(ROTATED);
        sleep(Duration::from_secs(10)).await;
        assert_eq!(function.make_ready(240).await, Some(Duration::from_secs(300)));
        sleep(Duration::from_secs(5)).await;
        let shared = answer(&function, "/shared").await;
        assert_eq!(shared["app_id"], "0123456789abcdef0123456789abcdef");
        assert_eq!(shared["expires_in"], 3595, "it was minted before anybody asked");
    }

    #[tokio::test(start_paused = true)]
    async fn a_function_is_not_ready_without_new_credentials_but_its_shared_token_is_minted_again() {
        let store = good();
        let function = function(&store, "none", vec![Route::get_shared("/shared", nothing, grant)]);
        answer(&function, "/shared").await;
        store.fail("refused");
        sleep(Duration::from_secs(3300)).await;
        assert_eq!(function.make_ready(240).await, None);
        sleep(Duration::from_secs(5)).await;
        assert_eq!(answer(&function, "/shared").await["expires_in"], 3595);
    }

    #[tokio::test(start_paused = true)]
    async fn a_function_without_randomness_is_not_ready_if_its_shared_token_is_due() {
        let system = FakeSystem::new(Randomness::Seeded(1));
        let mut function = function(&good(), "none", vec![Route::get_shared("/shared", nothing, grant)]);
        function.system = system.clone();
        answer(&function, "/shared").await;
        system.draw_from(Randomness::Missing);
        assert!(function.make_ready(240).await.is_some(), "nothing is due");
        sleep(Duration::from_secs(3300)).await;
        assert_eq!(function.make_ready(240).await, None);
    }
}
