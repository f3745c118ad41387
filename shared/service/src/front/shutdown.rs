//! How an environment learns that Lambda ends it.
//!
//! Lambda sends SIGTERM before it ends a process, and then waits up to half a second. It does so only if the environment
//! has an extension (Lambda's "Extensions API", shutdown phase). So the process registers itself as an internal extension
//! without events. Lambda sends it nothing, so no request waits for it.

use http::{HeaderName, HeaderValue};
use lambda_runtime_api_client::body::Body;
use lambda_runtime_api_client::{BoxError, PooledClient, build_request};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The extension's name in Lambda's logs.
const NAME: HeaderValue = HeaderValue::from_static("tokenmint-shutdown");
const NAME_HEADER: HeaderName = HeaderName::from_static("lambda-extension-name");
const IDENTIFIER_HEADER: HeaderName = HeaderName::from_static("lambda-extension-identifier");

/// The end that Lambda will announce.
pub(super) struct Shutdown(Signal);

impl Shutdown {
    /// Asks Lambda to announce the end. Must be called before the first event is asked for. `None`: the end will not be
    /// announced, because there is no Extensions API here.
    pub(super) async fn announced() -> Option<Shutdown> {
        // There is no time-out. Lambda waits for each registered extension, so a registration that is given up would stop the start.
        register().await.ok()?;
        // Not before the registration: from this call on, SIGTERM no longer ends the process by itself.
        signal(SignalKind::terminate()).ok().map(Shutdown)
    }

    /// Waits until Lambda announces the end.
    pub(super) async fn wait(mut self) {
        self.0.recv().await;
    }
}

/// Registers the extension. When the extension asks for an event, Lambda takes its start for complete. No event ever
/// comes, so nothing waits for that answer.
async fn register() -> Result<(), BoxError> {
    let client = PooledClient::builder().build();
    let register = build_request()
        .method("POST")
        .uri("/2020-01-01/extension/register")
        .header(NAME_HEADER, NAME)
        .body(Body::from(r#"{"events":[]}"#))?;
    let response = client.call(register).await?;
    let Some(identifier) = response.headers().get(IDENTIFIER_HEADER) else {
        return Err(format!("there is no Extensions API: {}", response.status()).into());
    };
    let next = build_request()
        .uri("/2020-01-01/extension/event/next")
        .header(IDENTIFIER_HEADER, identifier)
        .body(Body::empty())?;
    tokio::spawn(client.call(next));
    Ok(())
}
