//! Whether memory stays flat while the server answers many users, each once.

use crate::Core;
use crate::candidates::Candidate;
use crate::load;
use crate::server::Server;
use crate::users::{self, Users};
use serde::Serialize;
use std::time::Duration;

/// About every so many requests, memory is looked at.
const EVERY: u64 = 100_000;

/// In the last third of the requests, memory may grow by this much. An entry of 8 bytes for each user would be 2,600.
const MAY_GROW_KIB: u64 = 1024;

/// The memory after each so many requests.
#[derive(Debug, Serialize)]
pub(crate) struct Flat {
    requests_and_kib: Vec<(u64, u64)>,
}

impl Flat {
    /// How much it grew in the last third, in KiB.
    fn grown(&self) -> u64 {
        let &(all, last) = self.requests_and_kib.last().expect("it was looked at");
        let before = self.requests_and_kib.iter().rev().find(|(requests, _)| *requests <= all * 2 / 3);
        last.saturating_sub(before.expect("it was looked at before").1)
    }

    pub(crate) fn is_flat(&self) -> bool {
        self.grown() <= MAY_GROW_KIB
    }
}

/// Sends at least this many requests, each from another user, and prints the memory as they come.
pub(crate) fn watch(candidate: &Candidate, users: &Users, core: Core, requests: u64) -> Flat {
    let server = Server::start(candidate, users, core);
    server.check(users);
    let format = users::path("user-%d");
    println!("\n| requests, each by another user | RSS, KiB |\n|--:|--:|");
    let mut flat = Flat { requests_and_kib: Vec::new() };
    let (mut sent, mut time) = (0, Duration::from_secs(1));
    while sent < requests {
        let load = load::other_users(&server, &format, sent, time);
        sent += load.requests;
        time = Duration::from_secs_f64((EVERY as f64 / load.per_second()).round().max(1.0));
        let memory = server.memory();
        println!("| {sent} | {} |", memory.now);
        flat.requests_and_kib.push((sent, memory.now));
    }
    server.check(users);
    let verdict = if flat.is_flat() { "flat" } else { "**not flat**" };
    println!("\nmemory: {verdict}. It grew by {} KiB in the last third; {MAY_GROW_KIB} are allowed.", flat.grown());
    flat
}
