//! Load on a server: with wrk as much as it takes, with oha at a steady rate.

use crate::server::Server;
use crate::users::Users;
use harness::wrk::Load;
use serde_json::Value;
use std::env;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// How many requests are under way at once.
const CONNECTIONS: u32 = 16;

/// Requests at a steady rate. A request that has to wait for a connection takes longer: its time begins when it should
/// have been sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Steady {
    pub(crate) asked_per_second: f64,
    pub(crate) per_second: f64,
    /// In microseconds, like the next one.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

/// The requests of this file in turn, as many as the server answers.
///
/// # Panics
/// An answer was not 2xx, or did not come.
pub(crate) fn all_out(server: &Server<'_>, requests: &Path, time: Duration) -> Load {
    wrk(server, time, |wrk| _ = wrk.env("REQUESTS", requests))
}

/// Each request from another user. `format` has `%d` for a user's number, and `first` is the number before the first.
///
/// # Panics
/// As [`all_out`].
pub(crate) fn other_users(server: &Server<'_>, format: &str, first: u64, time: Duration) -> Load {
    wrk(server, time, |wrk| _ = wrk.env("FORMAT", format).env("FIRST", first.to_string()))
}

fn wrk(server: &Server<'_>, time: Duration, what: impl FnOnce(&mut Command)) -> Load {
    let load = harness::wrk::run("benches/serve/requests.lua", &server.url("/"), CONNECTIONS, time, what);
    assert_eq!(load.errors, 0, "not every answer was good");
    assert!(load.requests > 0, "no answer came");
    load
}

/// This many requests in a second, whether the server answers in time or not.
///
/// # Panics
/// An answer was not 200, or did not come.
pub(crate) fn steady(server: &Server<'_>, users: &Users, rate: f64, time: Duration) -> Steady {
    let asked = users.asks(server.identity(), 0);
    let mut oha = Command::new(env::var_os("OHA").expect("make bench-serve says where it is"));
    oha.args(["--no-tui", "--output-format", "json", "--latency-correction", "--wait-ongoing-requests-after-deadline"]);
    oha.args(["-c", &CONNECTIONS.to_string(), "-q", &format!("{rate:.0}"), "-z", &format!("{}s", time.as_secs())]);
    if let Some(authorization) = &asked.authorization {
        oha.arg("-H").arg(format!("authorization: {authorization}"));
    }
    let output = oha.arg(server.url(&asked.path)).output();
    let output = output.unwrap_or_else(|error| panic!("oha doesn't start ({error}); make bench-serve installs it"));
    let text = String::from_utf8_lossy(&output.stdout);
    let said: Value = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr)));
    let statuses = said["statusCodeDistribution"].as_object().expect("oha counts statuses");
    assert!(statuses.keys().eq(["200"]) && said["errorDistribution"] == serde_json::json!({}), "{said:#}");
    let seconds = |part: &str, name: &str| said[part][name].as_f64().expect("oha measures it");
    Steady {
        asked_per_second: rate,
        per_second: seconds("summary", "requestsPerSec"),
        p50: seconds("latencyPercentiles", "p50") * 1e6,
        p99: seconds("latencyPercentiles", "p99") * 1e6,
    }
}
