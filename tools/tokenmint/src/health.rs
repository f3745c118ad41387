//! `tokenmint health`: asks the server on this machine whether it is ready. An image without a shell or curl needs it.

use crate::serve::{READY, SettingError, admin_listen};
use crate::{complain, exit};
use http::header::HOST;
use http::{Request, StatusCode};
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::time::timeout;

/// How long the server may take to answer. Health checks usually wait three seconds or longer.
const WITHIN: Duration = Duration::from_secs(2);

/// Why the server does not count as ready.
#[derive(Debug, Error)]
enum HealthError {
    #[error(transparent)]
    Setting(#[from] SettingError),
    #[error("ADMIN_LISTEN must be set: it says where the server answers health checks")]
    Unset,
    #[error("the server at {0} is not ready: it answers {status}", status = .1.as_u16())]
    NotReady(SocketAddr, StatusCode),
    #[error("the server at {0} does not answer: {1}")]
    Unreachable(SocketAddr, io::Error),
    #[error("the server at {0} does not answer within {WITHIN:?}")]
    Late(SocketAddr),
}

/// Asks once, and returns the exit code.
pub(crate) fn run() -> io::Result<u8> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    Ok(match runtime.block_on(check()) {
        Ok(()) => exit::DONE,
        Err(error) => {
            complain(&error);
            exit::NOT_READY
        }
    })
}

async fn check() -> Result<(), HealthError> {
    let address = reachable(admin_listen()?.ok_or(HealthError::Unset)?);
    let asked = timeout(WITHIN, ask(address)).await.map_err(|_| HealthError::Late(address))?;
    match asked.map_err(|error| HealthError::Unreachable(address, error))? {
        StatusCode::NO_CONTENT => Ok(()),
        status => Err(HealthError::NotReady(address, status)),
    }
}

/// A server that listens on every address of this machine listens on the loopback address too.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

async fn ask(address: SocketAddr) -> io::Result<StatusCode> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    tokio::spawn(connection);
    let request = Request::get(READY).header(HOST, address.to_string()).body(Empty::<Bytes>::new());
    let answer = sender.send_request(request.map_err(io::Error::other)?).await.map_err(io::Error::other)?;
    Ok(answer.status())
}
