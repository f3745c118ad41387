//! Load with wrk, a program of Debian's.

use crate::project;
use serde::Deserialize;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// What wrk measured. Its script prints this as its last line, as JSON.
#[derive(Debug, Clone, Deserialize)]
pub struct Load {
    /// How many answers came.
    pub requests: u64,
    microseconds: u64,
    /// In microseconds, like the next two.
    pub p50: u64,
    /// The 99th percentile.
    pub p99: u64,
    /// The slowest.
    pub longest: u64,
    /// Answers that did not come, or that the script calls bad.
    pub errors: u64,
}

impl Load {
    /// How many answers came in a second.
    pub fn per_second(&self) -> f64 {
        self.requests as f64 * 1e6 / self.microseconds as f64
    }
}

/// Sends what this script says to a URL over so many connections, for so long. The path of the script begins at the
/// project's root. `with` sets the script's variables.
///
/// # Panics
/// wrk is not installed, or the script reports nothing.
pub fn run(script: &str, url: &str, connections: u32, time: Duration, with: impl FnOnce(&mut Command)) -> Load {
    let mut wrk = Command::new("wrk");
    wrk.args(["--threads", "1", "--timeout", "10", "--connections", &connections.to_string()]);
    wrk.arg("--duration").arg(format!("{}s", time.as_secs()));
    wrk.arg("--script").arg(project::root().join(Path::new(script))).arg(url);
    with(&mut wrk);
    let output =
        wrk.output().unwrap_or_else(|error| panic!("wrk doesn't start ({error}); the verbs of make install it"));
    let text = String::from_utf8_lossy(&output.stdout);
    let load = text.lines().rev().find_map(|line| serde_json::from_str(line).ok());
    load.unwrap_or_else(|| panic!("wrk reports nothing: {text}{}", String::from_utf8_lossy(&output.stderr)))
}
