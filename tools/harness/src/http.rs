//! An HTTP client for tests. It sends a path exactly as given, and returns every answer, whatever its status.

use serde_json::Value;
use std::error::Error;
use std::sync::LazyLock;
use std::time::Duration;
use ureq::http::header::{CONNECTION, HeaderValue};
use ureq::http::request::Builder;
use ureq::http::{self, HeaderMap};
use ureq::{Agent, config::AutoHeaderValue};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Asks with GET.
///
/// # Panics
/// No answer came.
pub fn get(url: &str) -> Response {
    Request::new("GET", url).send()
}

/// A request about to be sent, over a connection of its own.
#[derive(Debug)]
pub struct Request {
    builder: Builder,
    body: Vec<u8>,
}

impl Request {
    /// A request to `http://HOST:PORT/PATH?QUERY`. Path and query go out as they stand here: `%23`, `%2F`, `+`, `..`.
    pub fn new(method: &str, url: &str) -> Request {
        Request { builder: http::Request::builder().method(method).uri(url), body: Vec::new() }
    }

    /// One more header. A name may come several times.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Request {
        self.builder = self.builder.header(name, value);
        self
    }

    /// A body, with any method. Says nothing about its type.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Request {
        self.body = body.into();
        self
    }

    /// A JSON body, and its type.
    #[must_use]
    pub fn json(self, body: &Value) -> Request {
        self.header("content-type", "application/json").body(body.to_string())
    }

    /// Sends it.
    ///
    /// # Panics
    /// No answer came, or HTTP cannot send such a request.
    pub fn send(self) -> Response {
        let what = format!("{:?} {:?}", self.builder.method_ref(), self.builder.uri_ref());
        self.try_send().unwrap_or_else(|error| panic!("{what}: {error}"))
    }

    /// Sends it, also where perhaps nobody listens.
    ///
    /// # Errors
    /// No answer came within a minute, or HTTP cannot send such a request.
    pub fn try_send(self) -> Result<Response, Box<dyn Error + Send + Sync>> {
        let builder = self.builder.header(CONNECTION, HeaderValue::from_static("close"));
        // `()` means no body. An empty list of bytes would be sent as a body, even with a GET.
        let (head, body) = match self.body.as_slice() {
            [] => AGENT.run(builder.body(())?),
            body => AGENT.run(builder.body(body)?),
        }?
        .into_parts();
        let body = body.into_with_config().limit(u64::MAX).read_to_vec()?;
        Ok(Response { status: head.status.as_u16(), headers: head.headers, body })
    }
}

/// Adds nothing to a request, follows no redirect, and takes no proxy from the environment.
static AGENT: LazyLock<Agent> = LazyLock::new(|| {
    Agent::config_builder()
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .max_redirects(0)
        .max_idle_connections(0)
        .proxy(None)
        .user_agent(AutoHeaderValue::None)
        .accept(AutoHeaderValue::None)
        .accept_encoding(AutoHeaderValue::None)
        .timeout_global(Some(PATIENCE))
        .build()
        .into()
});

/// What came back.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Response {
    /// A header's first value.
    ///
    /// # Panics
    /// It isn't text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("a header's value is text"))
    }

    /// The body as text.
    ///
    /// # Panics
    /// It isn't UTF-8.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is text")
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// It isn't JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {:?}", String::from_utf8_lossy(&self.body)))
    }
}
