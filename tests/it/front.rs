//! What takes requests over HTTP.

use harness::Env;
use harness::server::TokenServer;
use harness::watch::Watch;

/// What takes the requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Front {
    /// `cargo lambda watch`, with a process for each function.
    Emulator,
    /// `tokenmint serve`, with one process for all.
    Server,
}

pub(crate) enum Running {
    Emulator(Watch),
    Server(TokenServer),
}

impl Front {
    pub(crate) const ALL: [Front; 2] = [Front::Emulator, Front::Server];
}

impl Running {
    pub(crate) fn start(front: Front, env: impl Into<Env>) -> Running {
        match front {
            Front::Emulator => Running::Emulator(Watch::start(env)),
            Front::Server => Running::Server(TokenServer::start(env)),
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        match self {
            Running::Emulator(watch) => watch.url(path),
            Running::Server(server) => server.url(path),
        }
    }

    pub(crate) fn logs(&self) -> String {
        match self {
            Running::Emulator(watch) => watch.logs(),
            Running::Server(server) => server.logs(),
        }
    }

    /// The processes that answer.
    pub(crate) fn pids(&self) -> Vec<u32> {
        let mut pids = match self {
            Running::Emulator(watch) => watch.function_pids().into_iter().map(|(_, pid)| pid).collect(),
            Running::Server(server) => vec![server.pid()],
        };
        pids.sort_unstable();
        pids
    }

    pub(crate) fn end(self) -> String {
        match self {
            Running::Emulator(watch) => watch.end(),
            Running::Server(server) => server.end(),
        }
    }
}
