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
use harness::wrk::{self, Load};
use harness::{Env, project};
use std::process::ExitCode;
use std::time::Duration;

/// How many requests are under way at once.
const CONNECTIONS: u32 = 8;

/// What wrk sends, and which answers are good.
const SCRIPT: &str = "tools/harness/src/bin/throughput.lua";

#[allow(clippy::print_stdout, reason = "this program talks to a person")]
fn main() -> ExitCode {
    let seconds: u64 = match std::env::var("SECONDS").as_deref().unwrap_or("10").parse() {
        Ok(seconds @ 1..=60) => seconds,
        _ => {
            eprintln!("SECONDS must be 1 to 60");
            return ExitCode::FAILURE;
        }
    };
    let credentials = project::root().join("tests/demo-credentials.json");
    let credentials = credentials.to_str().expect("the project's path is UTF-8");
    let server =
        TokenServer::start(Env::from([("IDENTITY", "none"), ("DROP_IN", "true"), ("LOCAL_CREDENTIALS", credentials)]));

    println!("{CONNECTIONS} connections, {seconds} s each\n");
    println!(
        "{:<32}{:>10}{:>12}{:>10}{:>10}{:>10}{:>8}",
        "", "requests", "per second", "p50", "p99", "longest", "errors"
    );
    let mut failed = 0;
    for request in requests::all().map(|request| request.example) {
        let report = load(&server, request, Duration::from_secs(seconds));
        let [p50, p99, longest] =
            [report.p50, report.p99, report.longest].map(|us| format!("{:.1} ms", us as f64 / 1e3));
        println!(
            "{:<32}{:>10}{:>12.0}{p50:>10}{p99:>10}{longest:>10}{:>8}",
            request.what,
            report.requests,
            report.per_second(),
            report.errors
        );
        // No answer at all is an error too.
        failed += report.errors + u64::from(report.requests == 0);
    }
    println!("\n{failed} errors");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn load(server: &TokenServer, request: Example, time: Duration) -> Load {
    wrk::run(SCRIPT, &server.url(request.path), CONNECTIONS, time, |wrk| {
        wrk.env("METHOD", if request.body.is_some() { "POST" } else { "GET" });
        match request.body {
            Some(body) => wrk.env("BODY", body),
            None => wrk.env_remove("BODY"),
        };
    })
}
