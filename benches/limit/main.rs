//! What it costs to count users' tokens (`MINTS_PER_MINUTE`): time for each token, and memory for each user that is
//! remembered. Writes `target/bench/limit.json`.

#![allow(clippy::print_stdout, reason = "a report is meant to be seen")]

use serde::Serialize;
use service::testing::Mints;
use std::fs;
use std::hint::black_box;
use std::num::NonZeroU32;
use std::time::Instant;

/// Twice the number of users that are remembered at most.
const USERS: usize = 2 << 20;
const ISSUER: &str = "https://id.example.com/";
const TIMES: usize = 200_000;

/// What was measured after this many users got a token each, all within a minute.
#[derive(Debug, Serialize)]
struct Row {
    users: usize,
    memory_kib: u64,
    bytes_a_user: u64,
    nanoseconds_a_token: u64,
}

fn main() {
    let mints = Mints::per_minute(NonZeroU32::new(60).expect("not zero"));
    let before = memory_kib();
    let begun = Instant::now();
    let mut rows = Vec::new();
    let mut since = Instant::now();
    for user in 1..=USERS {
        assert!(mints.take(ISSUER, &id(user)), "each user's first token");
        if [1_000, 10_000, 100_000, 1_000_000, 1 << 20, USERS].contains(&user) {
            let asked = user - rows.last().map_or(0, |row: &Row| row.users);
            let nanoseconds_a_token = u64::try_from(since.elapsed().as_nanos()).expect("small") / asked as u64;
            let memory_kib = memory_kib().saturating_sub(before);
            rows.push(Row {
                users: user,
                memory_kib,
                bytes_a_user: memory_kib * 1024 / user as u64,
                nanoseconds_a_token,
            });
            since = Instant::now();
        }
    }
    assert!(begun.elapsed().as_secs() < 60, "this took longer than a minute, so users were forgotten meanwhile");
    println!("{:>10} {:>12} {:>14} {:>12}", "users", "memory, KiB", "bytes a user", "ns a token");
    for row in &rows {
        println!("{:>10} {:>12} {:>14} {:>12}", row.users, row.memory_kib, row.bytes_a_user, row.nanoseconds_a_token);
    }
    // One user again and again: how long a refusal takes, and how long the digest of a user takes alone.
    let refused = timed(|| mints.take(ISSUER, "mallory"));
    println!("a token or a refusal of one user: {refused} ns");
    let path = benches::results().join("limit.json");
    fs::write(path, serde_json::to_string_pretty(&rows).expect("plain data")).expect("the target folder is ours");
}

/// As long as Auth0's ids are.
fn id(user: usize) -> String {
    format!("auth0|{user:024}")
}

fn timed<T>(work: impl Fn() -> T) -> u64 {
    let begun = Instant::now();
    for _ in 0..TIMES {
        black_box(work());
    }
    u64::try_from(begun.elapsed().as_nanos()).expect("small") / TIMES as u64
}

/// The memory of this process that is in use (RSS).
fn memory_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it is there");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
