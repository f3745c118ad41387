//! `tokenmint serve`: every function's routes over HTTP, wherever it runs.
//!
//! [`settings`] reads what is set. `service::http` answers requests. [`app`] puts HTTP around it: bodies within their
//! limits, CORS, the answers to operators. [`connections`] takes connections within their limits, with TLS or without.
//! [`examples`] tells a person what to ask.

mod settings;
mod proxies;
mod app;
mod connections;
mod tls;
mod life;
mod patience;
mod examples;

pub(crate) use app::READY;
pub(crate) use settings::SettingError;

use crate::cli::Serve;
use crate::exit;
use functions::{ALL, Routes};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use service::http::Server;
use service::telemetry;
use settings::Settings;
use std::collections::BTreeMap;
use std::error::Error;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tracing::{error, info};

/// How long requests take, in microseconds: the upper ends of the buckets that are counted.
const BUCKETS: [f64; 10] = [50.0, 100.0, 200.0, 500.0, 1_000.0, 2_000.0, 5_000.0, 20_000.0, 100_000.0, 1_000_000.0];

/// Serves until the process is told to end.
pub(crate) fn run(arguments: &Serve) -> io::Result<u8> {
    telemetry::start_logs();
    // A thread that has nothing to do writes the log first. So a line waits only while there is other work. This is true
    // of the runtime's own threads, so everything runs on them.
    let runtime = Builder::new_multi_thread().enable_all().on_thread_park(telemetry::write_logs).build()?;
    let ended = runtime.block_on(runtime.spawn(serve(arguments.clone())));
    // A name that is still being looked up must not keep the process.
    runtime.shutdown_background();
    let code = match ended.map_err(io::Error::other)? {
        Ok(()) => exit::DONE,
        Err(reason) => {
            error!(%reason, "cannot start");
            exit::USAGE
        }
    };
    telemetry::write_logs();
    Ok(code)
}

/// Fails if a setting is wrong. The error names the setting.
async fn serve(arguments: Serve) -> Result<(), Box<dyn Error + Send + Sync>> {
    connections::allow_many_files();
    // From now on a signal to end is not lost.
    let life = life::Life::new();
    let metrics = prometheus()?;
    let variables = variables();
    let settings = Settings::read(&arguments, &variables)?;
    let (mut agora, mut zego) = (Vec::new(), Vec::new());
    for function in ALL {
        match function.routes {
            Routes::Agora(routes) => agora.extend(routes()),
            Routes::Zego(routes) => zego.extend(routes()),
        }
    }
    let server = Arc::new(Server::start(&variables, agora, zego).await?);
    if server.believes_everybody() {
        settings.keep_to_this_machine()?;
    }
    let acceptor = settings.tls.as_ref().map(tls::Acceptor::load).transpose()?.map(Arc::new);
    let listener = listen("LISTEN", settings.listen).await?;
    if let Some(address) = settings.admin_listen {
        let listener = listen("ADMIN_LISTEN", address).await?;
        let app = app::for_operators(Arc::clone(&server), metrics.clone(), life.clone());
        // Operators are answered until the process is gone, because they ask whether it is ending.
        tokio::spawn(connections::serve(listener, None, app, pending()));
    }
    tokio::spawn(life::look_after(Arc::clone(&server), acceptor.clone(), metrics));
    let address = listener.local_addr()?;
    info!(%address, tls = acceptor.is_some(), routes = server.routes().len(), "serving");
    if arguments.examples {
        crate::print(&examples::text(&server, address, acceptor.is_some()))?;
    }
    let app = app::for_clients(server, settings);
    connections::serve(listener, acceptor, app, life.ending()).await;
    info!("ended");
    Ok(())
}

/// Where a server with our variables answers operators.
pub(crate) fn admin_listen() -> Result<Option<SocketAddr>, SettingError> {
    settings::admin_listen(&variables())
}

fn variables() -> BTreeMap<String, String> {
    std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
        .collect()
}

async fn listen(variable: &str, address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|error| format!("{variable} {address}: {error}"))
}

fn prometheus() -> Result<PrometheusHandle, metrics_exporter_prometheus::BuildError> {
    let builder = PrometheusBuilder::new();
    builder.set_buckets_for_metric(Matcher::Full("MintDuration".to_owned()), &BUCKETS)?.install_recorder()
}
