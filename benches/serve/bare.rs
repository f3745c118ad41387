//! The floor: axum that sends the same bytes, and does nothing else. It runs as a process of its own.

use crate::users;
use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::routing::get;
use std::{env, fs, io};
use tokio::net::TcpListener;
use tokio::runtime::Builder;

/// Listens where ours would.
pub(crate) fn serve() -> io::Result<()> {
    let body = fs::read_to_string(users::answer_file())?;
    let answer = || async { ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")], body) };
    let app = Router::new().route("/rtc/{channel}/token", get(answer));
    Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let address = env::var("LISTEN").map_err(io::Error::other)?;
        axum::serve(TcpListener::bind(address).await?, app).await
    })
}
