//! 10,000 connections to `tokenmint serve`: what they cost, and what ordinary requests notice. Prints memory and times.

use super::{milliseconds, say};
use crate::said;
use crate::serve::{Client, demo};
use harness::allow_many_files;
use harness::load::during;
use harness::server::TokenServer;
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

const CROWD: usize = 10_000;

/// More than this is a leak, also in a debug build: 1,024 connections with all their buffers, twenty times over.
const MEMORY: u64 = 512 * 1024;

/// The status of an ordinary request, and how long its answer took.
fn timed(ask: impl FnOnce() -> String) -> (String, Duration) {
    let begun = Instant::now();
    (ask(), begun.elapsed())
}

fn report(what: &str, answers: &[(String, Duration)], server: &TokenServer) {
    let mut took: Vec<_> = answers.iter().map(|(_, took)| *took).collect();
    took.sort_unstable();
    let percentile = |percent: usize| milliseconds(took[(took.len() * percent / 100).min(took.len() - 1)]);
    say(&format!(
        "{what}: {} ordinary requests, p50 {}, p99 {}, slowest {}; memory {:.1} MiB",
        answers.len(),
        percentile(50),
        percentile(99),
        percentile(100),
        server.memory() as f64 / 1024.0,
    ));
    assert!(answers.iter().all(|(status, _)| status == "200"), "{what}: {answers:?}");
    assert!(server.memory() < MEMORY, "{what}: {} KiB", server.memory());
}

/// A new connection for each request: 10,000 of them, from 32 clients at once.
#[test]
fn ten_thousand_connections_in_turns() {
    let server = TokenServer::start(demo());
    let calm = during(
        2,
        Duration::from_millis(5),
        || timed(|| Client::connect(&server).ask()),
        || {
            sleep(Duration::from_secs(1));
        },
    );
    report("alone", &calm, &server);
    let opened = AtomicUsize::new(0);
    let answers = during(
        2,
        Duration::from_millis(5),
        || timed(|| Client::connect(&server).ask()),
        || {
            scope(|scope| {
                for _ in 0..32 {
                    scope.spawn(|| {
                        while opened.fetch_add(1, Ordering::Relaxed) < CROWD {
                            assert_eq!(Client::connect(&server).ask(), "200");
                        }
                    });
                }
            });
        },
    );
    report(&format!("beside {CROWD} connections in turns"), &answers, &server);
    said::check_logs("serve", &server.end(), &said::credentials());
}

/// Connections that only wait: as many as the server and the system take, of 10,000. Who has a connection is served as
/// before. Once the crowd has gone, everybody is.
#[test]
fn ten_thousand_connections_at_once() {
    allow_many_files();
    let server = TokenServer::start(demo());
    let client = Mutex::new(Client::connect(&server));
    let ask = || timed(|| client.lock().expect("nobody panics").ask());
    let calm = during(1, Duration::from_millis(2), ask, || sleep(Duration::from_secs(1)));
    report("alone, over one connection", &calm, &server);
    let mut crowd = Vec::new();
    let answers = during(1, Duration::from_millis(2), ask, || {
        // A connection that the system has room for is there at once. The others would wait for seconds.
        let connect = || TcpStream::connect_timeout(&server.address, Duration::from_millis(1));
        crowd = (0..CROWD).filter_map(|_| connect().ok()).collect();
        sleep(Duration::from_secs(1));
    });
    assert!(crowd.len() >= 1024, "{} connections", crowd.len());
    report(&format!("beside {CROWD} at once, of which the system took {}", crowd.len()), &answers, &server);
    drop(crowd);
    let begun = Instant::now();
    assert_eq!(Client::connect(&server).ask(), "200");
    say(&format!("  a new connection after they have gone: served after {}", milliseconds(begun.elapsed())));
    said::check_logs("serve", &server.end(), &said::credentials());
}
