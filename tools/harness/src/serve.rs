//! One thread for all sockets, and small HTTP servers on it.

use crate::process::lock;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::HeaderMap;
use hyper::service::service_fn;
use hyper::{Method, StatusCode};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Mutex, OnceLock, mpsc};
use std::thread;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Handle};
use tokio::task::{AbortHandle, JoinSet};

/// The runtime behind the blocking functions of this crate. It lives as long as the process.
pub(crate) fn runtime() -> &'static Handle {
    static RUNTIME: OnceLock<Handle> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let runtime = Builder::new_current_thread().enable_all().build().expect("the system gives us sockets");
        let handle = runtime.handle().clone();
        thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
        handle
    })
}

/// Runs a future on that runtime and waits for its result. Any thread may call this.
pub(crate) fn block_on<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    let (sender, result) = mpsc::channel();
    runtime().spawn(async move {
        // If the caller has panicked, nobody receives this.
        let _ = sender.send(future.await);
    });
    result.recv().expect("the future does not panic")
}

/// A request with its whole body.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    /// Path and query, exactly as they came.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

pub(crate) type Response = hyper::Response<Full<Bytes>>;

/// A response with a status and a body.
pub(crate) fn status(status: u16, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status code has three digits");
    response
}

/// A server on a loopback port of its own. When this is dropped, the server ends and its connections close.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    task: Mutex<AbortHandle>,
}

impl Server {
    pub(crate) fn start<A>(answer: impl Fn(Request) -> A + Clone + Send + 'static) -> Server
    where
        A: Future<Output = Response> + Send + 'static,
    {
        Server::start_at((Ipv4Addr::LOCALHOST, 0).into(), answer)
    }

    /// Like [`Self::start`], on this port, which must be free.
    pub(crate) fn start_at<A>(address: SocketAddr, answer: impl Fn(Request) -> A + Clone + Send + 'static) -> Server
    where
        A: Future<Output = Response> + Send + 'static,
    {
        let listener = block_on(TcpListener::bind(address)).expect("the port is free");
        let address = listener.local_addr().expect("a bound listener has an address");
        let task = runtime().spawn(accept(listener, answer)).abort_handle();
        Server { address, task: Mutex::new(task) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        lock(&self.task).abort();
    }
}

async fn accept<A>(listener: TcpListener, answer: impl Fn(Request) -> A + Clone + Send + 'static)
where
    A: Future<Output = Response> + Send + 'static,
{
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let answer = answer.clone();
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let answer = answer.clone();
            async move {
                let (head, body) = request.into_parts();
                let Ok(body) = body.collect().await else {
                    return Ok::<_, Infallible>(status(400, "the body broke off"));
                };
                let path = head.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
                let request = Request { method: head.method, path, headers: head.headers, body: body.to_bytes() };
                Ok(answer(request).await)
            }
        });
        connections.spawn(async move {
            // An error only means that the client has gone away.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
        while connections.try_join_next().is_some() {}
    }
}
