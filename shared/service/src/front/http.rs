//! Plain HTTP: one process answers the routes of all functions, wherever it runs.
//!
//! There is no gateway here. So the service believes only a JWT that it has verified itself.

mod this_machine;

use crate::aws::AuthoritiesError;
use crate::config::{Config, ConfigError, Source, Verifier};
use crate::credentials::{Credentials, NoKey};
use crate::function::Function;
use crate::identity::issuer::Issuer;
use crate::mint_limit::MintLimit;
use crate::problem::Problem;
use crate::request::{Authorization, Path, Request};
use crate::response::{Form, Response};
use crate::route::{Route, RouteKey};
use crate::system::{OperatingSystem, System};
use crate::vendor::Vendor;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, request};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use thiserror::Error;
use tokens::{agora, zego};
use tokio::time::Instant;

pub use crate::request::MAX_BODY_BYTES;

/// The routes of both vendors, with all that they need.
pub struct Server {
    agora: Option<Function<agora::Key>>,
    zego: Option<Function<zego::Key>>,
    issuer: Option<Arc<Issuer>>,
    believes_everybody: bool,
    drop_in: bool,
    system: Arc<dyn System>,
}

/// Why the server cannot start. Names the setting that is wrong, never its value.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct StartError(String);

impl From<ConfigError> for StartError {
    fn from(error: ConfigError) -> StartError {
        StartError(error.to_string())
    }
}

impl From<AuthoritiesError> for StartError {
    fn from(error: AuthoritiesError) -> StartError {
        StartError(error.to_string())
    }
}

/// Why the body of a request cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyError {
    /// It is longer than [`MAX_BODY_BYTES`].
    TooLong,
    /// The client took too long to send it.
    TooSlow,
    /// The client stopped in its middle, or sent it in a way that is not HTTP.
    Broken,
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Problem {
        match error {
            BodyError::TooLong => Problem::too_large(MAX_BODY_BYTES),
            BodyError::TooSlow => Problem::too_slow(),
            BodyError::Broken => Problem::not_json("the body ended too early"),
        }
    }
}

/// One vendor's part of the settings.
struct Part<V: Vendor> {
    config: Config,
    credentials: Credentials<V>,
}

impl Server {
    /// Reads the settings from these variables. Then loads the credentials and the issuer's keys, all at the same time.
    ///
    /// One vendor's credentials are enough. If the variables name no credentials of a vendor, its routes are not served.
    ///
    /// # Errors
    /// A setting is wrong, or the credentials' file cannot be used. If Secrets Manager or the issuer fails, the server
    /// starts and tries again later.
    pub async fn start(
        variables: &BTreeMap<String, String>,
        agora: Vec<Route<agora::Key>>,
        zego: Vec<Route<zego::Key>>,
    ) -> Result<Server, StartError> {
        let system: Arc<dyn System> = Arc::new(OperatingSystem);
        let (agora_part, zego_part) = (part::<agora::Key>(variables, &system)?, part::<zego::Key>(variables, &system)?);
        let config = match (&agora_part, &zego_part) {
            (Some(part), _) => &part.config,
            (None, Some(part)) => &part.config,
            (None, None) => {
                let rule = "AGORA_SECRET_ID, ZEGO_SECRET_ID or LOCAL_CREDENTIALS must say where the credentials are";
                return Err(StartError(rule.to_owned()));
            }
        };
        if matches!(config.verifier, Verifier::Gateway | Verifier::Authorizer) {
            let rule = "IDENTITY must be jwt here, or none on this machine alone: no gateway verifies callers";
            return Err(StartError(rule.to_owned()));
        }
        if config.policy.zim_own_project {
            return Err(StartError("ZIM_PROJECT must be shared here: the server has one ZEGO project".to_owned()));
        }
        let issuer = Issuer::of(config, &system).map(Arc::new);
        let believes_everybody = config.verifier == Verifier::None;
        let drop_in = config.drop_in;
        // A user has one allowance for the tokens of both vendors.
        let mint_limit = Arc::new(MintLimit::new(config.policy.mints_per_minute, &system));
        let (agora_file, zego_file, ()) = tokio::join!(first_load(&agora_part), first_load(&zego_part), async {
            if let Some(issuer) = &issuer {
                issuer.start().await;
            }
        });
        match (agora_file, zego_file) {
            (FilePart::Unusable, _) | (_, FilePart::Unusable) => {
                let rule = "LOCAL_CREDENTIALS must be a JSON file with well-formed credentials";
                return Err(StartError(rule.to_owned()));
            }
            (FilePart::Missing(agora), FilePart::Missing(zego)) => {
                let rule = format!(r#"LOCAL_CREDENTIALS must have a part "{agora}", a part "{zego}", or both"#);
                return Err(StartError(rule));
            }
            _ => {}
        }
        Ok(Server {
            agora: function(agora_part, &issuer, &mint_limit, agora, &system),
            zego: function(zego_part, &issuer, &mint_limit, zego, &system),
            issuer,
            believes_everybody,
            drop_in,
            system,
        })
    }

    /// Whether every caller is believed (`IDENTITY=none`). Such a server must be out of reach for other machines.
    pub fn believes_everybody(&self) -> bool {
        self.believes_everybody
    }

    /// Whether the drop-in routes are served.
    pub fn has_drop_ins(&self) -> bool {
        self.drop_in
    }

    /// The routes that are served.
    pub fn routes(&self) -> Vec<RouteKey> {
        let agora = self.agora.iter().flat_map(Function::route_keys);
        agora.chain(self.zego.iter().flat_map(Function::route_keys)).collect()
    }

    /// Whether there is a key to sign this route's tokens with.
    pub fn has_key_for(&self, route: &RouteKey) -> bool {
        fn has<V: Vendor>(function: &Option<Function<V>>, route: &RouteKey) -> bool {
            function.as_ref().is_some_and(|function| function.has_key() && function.route_keys().any(|it| it == *route))
        }
        has(&self.agora, route) || has(&self.zego, route)
    }

    /// Whether the server has the credentials of each vendor and, with `IDENTITY=jwt`, the issuer's keys. A part that the
    /// file lacks is not needed.
    pub fn is_ready(&self) -> bool {
        let agora = self.agora.as_ref().is_none_or(Function::is_ready);
        let zego = self.zego.as_ref().is_none_or(Function::is_ready);
        agora && zego && self.issuer.as_ref().is_none_or(|issuer| issuer.has_keys())
    }

    /// Loads credentials anew whose file has changed since the last time. Older ones stay in use if the new file cannot
    /// be used. Also loads credentials and the issuer's keys if there are none, because an unready server gets no
    /// requests that would load them. Everything else is refreshed beside requests.
    pub async fn catch_up(&self) {
        async fn of<V: Vendor>(function: &Option<Function<V>>) {
            if let Some(function) = function {
                function.catch_up().await;
            }
        }
        let issuer = async {
            if let Some(issuer) = self.issuer.as_ref().filter(|issuer| !issuer.has_keys()) {
                issuer.start().await;
            }
        };
        tokio::join!(of(&self.agora), of(&self.zego), issuer);
    }

    /// Answers a request, and logs one line about it. The list of routes has no line. `client` is who sent it, if that is
    /// known. `allowed_origins`: pages of these origins may call a server that believes everybody.
    pub async fn respond(
        &self,
        head: &request::Parts,
        client: Option<IpAddr>,
        body: Result<Vec<u8>, BodyError>,
        allowed_origins: &[String],
    ) -> http::Response<String> {
        let arrived = Instant::now();
        let request_id = self.system.random_name();
        let path = Path::Sent(head.uri.path().to_owned());
        let request = Request {
            gateway_request_id: None,
            client,
            method: head.method.as_str().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            accept: values(&head.headers, ACCEPT).join(", "),
            authorization: Authorization(values(&head.headers, AUTHORIZATION)),
            jwt_in_query: false,
            body: body.map_err(Problem::from),
            said: None,
            path,
        };
        let is_elsewhere = || !this_machine::is_from(&head.headers, &head.uri, allowed_origins);
        let is_agoras = self.agora.as_ref().is_some_and(|agora| agora.has_path_of(&request));
        let request = match self.believes_everybody && is_elsewhere() {
            true => Err(Problem::not_this_machine()),
            false => Ok(request),
        };
        if let Ok(request) = &request
            && self.is_ping(request)
        {
            return Response::pong().into();
        }
        if request.is_ok() && head.uri.path() == "/" {
            return self.list(&head.method, &request_id).into();
        }
        // A function answers and logs paths that are nobody's, too.
        let response = match (&self.agora, &self.zego) {
            (Some(agora), zego) if is_agoras || zego.is_none() => agora.respond(&request_id, arrived, request).await,
            (_, Some(zego)) => zego.respond(&request_id, arrived, request).await,
            (_, None) => Response::problem(Form::Json, &Problem::no_such_route(), &request_id),
        };
        response.into()
    }

    /// Whether a request is agora-token-service's `ping`. It needs no identity here.
    fn is_ping(&self, request: &Request) -> bool {
        let is_path = matches!(&request.path, Path::Sent(path) if path.strip_suffix('/').unwrap_or(path) == "/ping");
        self.drop_in && is_path && request.method == "GET"
    }

    /// Says which routes there are. It is no secret, and it needs no identity.
    fn list(&self, method: &Method, request_id: &str) -> Response {
        match *method {
            Method::GET | Method::HEAD => Response::other(&BTreeMap::from([("routes", self.routes())])),
            _ => Response::problem(Form::Json, &Problem::no_such_method("GET, HEAD"), request_id),
        }
    }
}

/// `None`: the variables name no credentials of this vendor.
fn part<V: Vendor>(
    variables: &BTreeMap<String, String>,
    system: &Arc<dyn System>,
) -> Result<Option<Part<V>>, StartError> {
    let is_set = |name: &str| variables.get(name).is_some_and(|value| !value.is_empty());
    if !is_set("LOCAL_CREDENTIALS") && !is_set(V::SECRET_ID) {
        return Ok(None);
    }
    let config = Config::parse(variables, V::SECRET_ID)?;
    let credentials = Credentials::new(&config, system)?;
    Ok(Some(Part { config, credentials }))
}

/// What a file says of a vendor's credentials.
enum FilePart {
    /// It has a key, or the credentials are in no file.
    Usable,
    /// It has no part of this name. It may get one later.
    Missing(&'static str),
    /// It cannot be read, or the part is malformed.
    Unusable,
}

/// Loads a vendor's credentials.
async fn first_load<V: Vendor>(part: &Option<Part<V>>) -> FilePart {
    let Some(Part { config, credentials }) = part else { return FilePart::Usable };
    match (credentials.key().await, &config.credentials) {
        (Err(NoKey::NoPart(name)), _) => FilePart::Missing(name),
        (Err(NoKey::Unusable), Source::LocalFile(_)) => FilePart::Unusable,
        _ => FilePart::Usable,
    }
}

fn function<V: Vendor>(
    part: Option<Part<V>>,
    issuer: &Option<Arc<Issuer>>,
    mint_limit: &Arc<MintLimit>,
    routes: Vec<Route<V>>,
    system: &Arc<dyn System>,
) -> Option<Function<V>> {
    let Part { config, credentials } = part?;
    Some(Function::new(config, credentials, issuer.clone(), Arc::clone(mint_limit), routes, Arc::clone(system)))
}

/// Each value of a header. Bytes that are not UTF-8 are replaced. No rule accepts such a value.
fn values(headers: &HeaderMap, name: http::HeaderName) -> Vec<String> {
    headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
}

impl From<Response> for http::Response<String> {
    fn from(Response { status, headers, body }: Response) -> http::Response<String> {
        let mut response = http::Response::new(body);
        *response.status_mut() = http::StatusCode::from_u16(status).expect("problems have statuses of HTTP");
        for (name, value) in headers.each() {
            let value = HeaderValue::from_str(value).expect("our headers are ASCII");
            response.headers_mut().insert(name, value);
        }
        debug_assert!(response.headers().contains_key(CONTENT_TYPE));
        response
    }
}
