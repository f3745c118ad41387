//! Takes connections, and ends those that are slow, idle or too many.

use super::patience::{HEAD_WITHIN, Observed, Phase};
use super::proxies::Peer;
use super::tls::Acceptor;
use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tracing::warn;

/// How many connections are served at once. More of them wait in the system's queue.
const MAX_CONNECTIONS: usize = 1024;

/// How many files may be open that are no connections of clients: of operators, Secrets Manager, the issuer and the log.
const OTHER_FILES: u64 = 100;

/// How large the head of a request may be, in bytes, and how many fields it may have.
const MAX_HEAD_BYTES: usize = 16 * 1024;
const MAX_FIELDS: usize = 100;

/// After the signal to end, how long requests may still take.
const END_WITHIN: Duration = Duration::from_secs(9);

/// After a failure to take a connection, such as too many open files, how long to wait before the next try.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until `ending` is done, and then until all requests are answered.
pub(super) async fn serve(
    listener: TcpListener,
    acceptor: Option<Arc<Acceptor>>,
    app: Router,
    ending: impl Future<Output = ()>,
) {
    let mut ending = pin!(ending);
    let room = Arc::new(Semaphore::new(max_connections()));
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &room) => accepted,
            () = &mut ending => break,
        };
        let (stream, peer, permit) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                warn!(%error, "a connection could not be taken");
                sleep(PAUSE).await;
                continue;
            }
        };
        let (app, watcher) = (app.clone(), graceful.watcher());
        let acceptor = acceptor.as_deref().map(Acceptor::now);
        tokio::spawn(async move {
            let _permit = permit;
            // Answers are small, so they should not wait for more.
            let _ = stream.set_nodelay(true);
            match acceptor {
                None => serve_connection(stream, peer, app, watcher).await,
                Some(acceptor) => {
                    if let Ok(Ok(stream)) = timeout(HEAD_WITHIN, acceptor.accept(stream)).await {
                        serve_connection(stream, peer, app, watcher).await;
                    }
                }
            }
        });
    }
    drop(listener);
    tokio::select! {
        () = graceful.shutdown() => {}
        () = sleep(END_WITHIN) => warn!("some connections were still open after 9 seconds"),
    }
}

/// Takes as many open files as the system allows. Most systems start programs with 1,024, which is too few: connections
/// could use them up, and then no file and no secret could be read.
pub(super) fn allow_many_files() {
    let limit = getrlimit(Resource::Nofile);
    if setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).is_err() {
        warn!("the number of open files stays limited");
    }
}

/// As many as the system lets us open beside other files, but not more than [`MAX_CONNECTIONS`].
fn max_connections() -> usize {
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(files.saturating_sub(OTHER_FILES)).unwrap_or(usize::MAX).clamp(1, MAX_CONNECTIONS)
}

/// Waits for room, and then for a connection.
async fn accept(listener: &TcpListener, room: &Arc<Semaphore>) -> io::Result<(TcpStream, Peer, OwnedSemaphorePermit)> {
    let permit = Arc::clone(room).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, Peer(peer.ip()), permit))
}

async fn serve_connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Peer,
    app: Router,
    watcher: hyper_util::server::graceful::Watcher,
) {
    let phase = Phase::new();
    let overdue = phase.clone();
    let app = {
        let (app, phase) = (TowerToHyperService::new(app), phase.clone());
        service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            let (answer, answering) = (app.call(request), phase.answering());
            async move {
                let _answering = answering;
                answer.await
            }
        })
    };
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        // A client that has sent its request may say that nothing more comes.
        .half_close(true)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_FIELDS)
        .serve_connection(TokioIo::new(Observed::new(stream, phase)), app);
    // Whatever goes wrong with a connection concerns its client alone.
    tokio::select! {
        _ = watcher.watch(connection) => {}
        () = overdue.overdue() => {}
    }
}
