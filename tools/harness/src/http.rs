//! An HTTP client that sends a path exactly as given and shows every answer, whatever its status.

use crate::serve;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Uri};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::error::Error;
use std::time::Duration;
use tokio::net::TcpStream;

/// Asks with GET.
///
/// # Panics
/// No answer came.
pub fn get(url: &str) -> Answer {
    Request::new("GET", url).send()
}

/// A request about to be sent, over a connection of its own.
#[derive(Debug, Clone)]
pub struct Request {
    method: Method,
    host: String,
    path: Uri,
    headers: HeaderMap,
    body: Bytes,
    patience: Duration,
}

impl Request {
    /// `http://HOST:PORT/PATH?QUERY`. Path and query go out as they stand here: `%23`, `%2F`, `+`, `..` and all.
    ///
    /// # Panics
    /// Not such a URL, or it has a character that HTTP cannot send, such as a space.
    pub fn new(method: &str, url: &str) -> Request {
        let (host, path) = url
            .strip_prefix("http://")
            .and_then(|rest| rest.find('/').map(|at| rest.split_at(at)))
            .unwrap_or_else(|| panic!("{url} is not of the form http://host:port/path"));
        let path = path.parse().unwrap_or_else(|error| panic!("{path} cannot be sent: {error}"));
        let method = method.parse().expect("a method is a word");
        let patience = Duration::from_secs(60);
        Request { method, host: host.to_owned(), path, headers: HeaderMap::new(), body: Bytes::new(), patience }
    }

    /// One more header.
    ///
    /// # Panics
    /// HTTP has no such header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Request {
        let name: HeaderName = name.parse().expect("a header name is a word");
        self.headers.append(name, value.parse().expect("a header value has no line break"));
        self
    }

    /// A body, as it is. Says nothing about its type.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Request {
        self.body = Bytes::from(body.into());
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
    /// No answer came.
    pub fn send(self) -> Answer {
        let what = format!("{} http://{}{}", self.method, self.host, self.path);
        self.try_send().unwrap_or_else(|error| panic!("{what}: {error}"))
    }

    /// Sends it, prepared for there being nobody.
    ///
    /// # Errors
    /// No answer came.
    pub fn try_send(self) -> Result<Answer, Box<dyn Error + Send + Sync>> {
        serve::block_on(self.exchange())
    }

    pub(crate) async fn exchange(self) -> Result<Answer, Box<dyn Error + Send + Sync>> {
        tokio::time::timeout(self.patience, async move {
            let stream = TcpStream::connect(&self.host).await?;
            let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
            let connection = tokio::spawn(connection);
            let mut request = hyper::Request::new(Full::new(self.body));
            *request.method_mut() = self.method;
            *request.uri_mut() = self.path;
            *request.headers_mut() = self.headers;
            request.headers_mut().insert(HOST, self.host.parse()?);
            request.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            let (head, body) = sender.send_request(request).await?.into_parts();
            let body = body.collect().await?.to_bytes();
            connection.abort();
            Ok(Answer { status: head.status.as_u16(), headers: head.headers, body: body.to_vec() })
        })
        .await?
    }
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Answer {
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
