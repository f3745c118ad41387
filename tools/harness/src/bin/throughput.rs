//! `throughput`: load on the server, one route after the other, with wrk.
//!
//! Eight connections send requests to each route for ten seconds (or `SECONDS=n`), on the loopback interface. It prints
//! requests per second, p50, p99 and errors. An error is a missing answer, or one that is not 200 with a token in it.
//! If there is an error, the run fails.
//!
//! The server is a debug build, and wrk takes its share of the same processors. So this finds errors under load, and does
//! not say how fast the server is. `make bench-serve` does.

use functions::Example;
use harness::requests;
use harness::server::TokenServer;
use harness::{Env, project};
use serde::Deserialize;
use std::process::{Command, ExitCode};

/// How many requests are under way at once.
const CONNECTIONS: &str = "8";

/// The last line that the script prints, as JSON.
#[derive(Debug, Deserialize)]
struct Report {
    requests: u64,
    microseconds: u64,
    /// In microseconds, like the next two.
    p50: u64,
    p99: u64,
    longest: u64,
    errors: u64,
}

#[allow(clippy::print_stdout, reason = "this program talks to a person")]
fn main() -> ExitCode {
    let seconds: u32 = match std::env::var("SECONDS").as_deref().unwrap_or("10").parse() {
        Ok(seconds @ 1..=60) => seconds,
        _ => {
            eprintln!("SECONDS must be 1 to 60");
            return ExitCode::FAILURE;
        }
    };
    let credentials = project::root().join("tests/demo-credentials.json");
    let credentials = credentials.to_str().expect("the project's path is UTF-8");
    let server = TokenServer::start(Env::from([("IDENTITY", "none"), ("LOCAL_CREDENTIALS", credentials)]));

    println!("{CONNECTIONS} connections, {seconds} s each\n");
    println!(
        "{:<32}{:>10}{:>12}{:>10}{:>10}{:>10}{:>8}",
        "", "requests", "per second", "p50", "p99", "longest", "errors"
    );
    let mut failed = 0;
    for request in requests::all().map(|request| request.example) {
        let report = load(&server, request, seconds);
        let per_second = report.requests as f64 * 1e6 / report.microseconds as f64;
        let [p50, p99, longest] =
            [report.p50, report.p99, report.longest].map(|us| format!("{:.1} ms", us as f64 / 1e3));
        println!(
            "{:<32}{:>10}{per_second:>12.0}{p50:>10}{p99:>10}{longest:>10}{:>8}",
            request.what, report.requests, report.errors
        );
        // No answer at all is an error too.
        failed += report.errors + u64::from(report.requests == 0);
    }
    println!("\n{failed} errors");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn load(server: &TokenServer, request: Example, seconds: u32) -> Report {
    let mut wrk = Command::new("wrk");
    wrk.args(["--threads", "1", "--connections", CONNECTIONS, "--timeout", "10"]);
    wrk.args(["--duration", &format!("{seconds}s")]);
    wrk.arg("--script").arg(project::root().join("tools/harness/src/bin/throughput.lua")).arg(server.url(request.path));
    wrk.env("METHOD", if request.body.is_some() { "POST" } else { "GET" });
    match request.body {
        Some(body) => wrk.env("BODY", body),
        None => wrk.env_remove("BODY"),
    };
    let output = wrk.output().unwrap_or_else(|error| panic!("wrk doesn't start ({error}); make load installs it"));
    let text = String::from_utf8_lossy(&output.stdout);
    let report = text.lines().rev().find_map(|line| serde_json::from_str(line).ok());
    report.unwrap_or_else(|| panic!("wrk reports nothing: {text}{}", String::from_utf8_lossy(&output.stderr)))
}
