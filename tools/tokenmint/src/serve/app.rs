//! HTTP around the service: what clients and what operators may ask.

use super::life::Life;
use super::proxies::Peer;
use super::settings::Settings;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use http::header::{ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Method, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use metrics_exporter_prometheus::PrometheusHandle;
use service::http::{BodyError, MAX_BODY_BYTES, Server};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use tower_http::cors::{AllowOrigin, CorsLayer};

/// Where operators ask whether the server is ready.
pub(crate) const READY: &str = "/health/ready";

/// How long a client may take to send a body.
const BODY_WITHIN: Duration = Duration::from_secs(10);

/// How long browsers may remember what a preflight said.
const PREFLIGHT_AGE: Duration = Duration::from_secs(600);

struct Clients {
    server: Arc<Server>,
    settings: Settings,
}

/// The routes of all functions. Pages of the allowed origins may read the answers.
pub(super) fn for_clients(server: Arc<Server>, settings: Settings) -> Router {
    let origins: Vec<_> =
        settings.allowed_origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect();
    let app = Router::new().fallback(answer).with_state(Arc::new(Clients { server, settings }));
    if origins.is_empty() {
        return app;
    }
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([ACCEPT, AUTHORIZATION, CONTENT_TYPE])
        .expose_headers([RETRY_AFTER, WWW_AUTHENTICATE])
        .max_age(PREFLIGHT_AGE);
    app.layer(cors)
}

async fn answer(
    State(clients): State<Arc<Clients>>,
    Extension(Peer(peer)): Extension<Peer>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let body = read(body).await;
    let unread = body.is_err();
    let Settings { allowed_origins, trusted_proxies, .. } = &clients.settings;
    let client = trusted_proxies.client(peer, &head.headers);
    let mut response = clients.server.respond(&head, client, body, allowed_origins).await.map(Body::from);
    if unread {
        // What is left of the body must not be read as another request, and nobody waits for it.
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

async fn read(body: Body) -> Result<Vec<u8>, BodyError> {
    let read = timeout(BODY_WITHIN, Limited::new(body, MAX_BODY_BYTES).collect()).await;
    match read {
        Err(_) => Err(BodyError::TooSlow),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(BodyError::TooLong),
        Ok(Err(_)) => Err(BodyError::Broken),
        Ok(Ok(body)) => Ok(body.to_bytes().to_vec()),
    }
}

struct Operators {
    server: Arc<Server>,
    metrics: PrometheusHandle,
    life: Life,
}

/// Health and metrics. They have their own address, because clients must not reach them.
pub(super) fn for_operators(server: Arc<Server>, metrics: PrometheusHandle, life: Life) -> Router {
    let operators = Arc::new(Operators { server, metrics, life });
    Router::new()
        .route("/health/live", get(StatusCode::NO_CONTENT))
        .route(READY, get(ready))
        .route("/metrics", get(metrics_text))
        .with_state(operators)
}

async fn ready(State(operators): State<Arc<Operators>>) -> StatusCode {
    match operators.server.is_ready() && !operators.life.is_ending() {
        true => StatusCode::NO_CONTENT,
        false => StatusCode::SERVICE_UNAVAILABLE,
    }
}

async fn metrics_text(State(operators): State<Arc<Operators>>) -> Response {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], operators.metrics.render()).into_response()
}
