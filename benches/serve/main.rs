//! What a request to `tokenmint serve` costs. Ours, a bare axum server that sends the same bytes, and servers in Node and
//! Python answer the same requests. Each has one processor core to itself, and the client has another one.
//!
//! Each round starts each candidate once. Ratios are computed within a round. Arguments:
//!
//! * `rounds=5`: how many rounds
//! * `seconds=4`: how long each candidate gets load in a round
//! * `requests=1000000`: how many requests by as many users the server answers while its memory is watched
//! * `only=NAME,NAME`: only these candidates
//! * `also=NAME=BINARY`: another build of our server, without verification; may come several times

#![allow(clippy::print_stdout, reason = "a report is meant to be seen")]

mod bare;
mod candidates;
mod server;
mod users;
mod load;
mod memory;
mod report;

use benches::Spread;
use candidates::{Candidate, Kind};
use harness::project;
use harness::wrk::Load;
use load::Steady;
use report::Report;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use server::{Memory, Server};
use std::process::ExitCode;
use std::time::Duration;
use users::Users;

/// Before a candidate is measured, it gets load for this long.
const WARM_UP: Duration = Duration::from_secs(1);

/// What a candidate did in a round.
struct Measured {
    load: Load,
    /// Processor time for each request.
    cpu: Duration,
    memory: Memory,
}

/// Which core the servers get.
#[derive(Debug, Clone, Copy)]
struct Core(usize);

fn main() -> ExitCode {
    let (mut rounds, mut seconds, mut requests, mut only, mut also) = (5, 4, 1_000_000, Vec::new(), Vec::new());
    for argument in std::env::args().skip(1).filter(|argument| argument != "--bench") {
        match argument.split_once('=') {
            None if argument == "bare" => return bare::serve().map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS),
            Some(("rounds", number)) => rounds = number.parse().expect("rounds=NUMBER"),
            Some(("seconds", number)) => seconds = number.parse().expect("seconds=NUMBER"),
            Some(("requests", number)) => requests = number.parse().expect("requests=NUMBER"),
            Some(("only", names)) => only = names.split(',').map(str::to_owned).collect(),
            Some(("also", named)) => {
                let (name, binary) = named.split_once('=').expect("also=NAME=BINARY");
                also.push(Candidate::build_of_ours(name, binary.into()));
            }
            _ => panic!("{argument} is none of rounds=, seconds=, requests=, only=, also="),
        }
    }
    let ours = candidates::build(project::root());
    let mut candidates = candidates::all(&ours, &only);
    candidates.extend(also);
    let core = share_cores();
    let users = Users::new();
    let bytes = Server::start(&Candidate::ours(&ours), &users, core).answer(&users);
    users.keep_answer(&bytes);
    let report = measure(candidates, &users, core, rounds, Duration::from_secs(seconds));
    report.print();
    let flat = memory::watch(&Candidate::ours(&ours), &users, core, requests);
    report.write(&flat);
    if flat.is_flat() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Keeps ourselves and our clients on one core, and leaves another one to the servers.
fn share_cores() -> Core {
    let ours = sched_getaffinity(None).expect("the system knows it");
    let mut cores = (0..CpuSet::MAX_CPU).filter(|&core| ours.is_set(core));
    let (Some(clients), Some(servers)) = (cores.next(), cores.next()) else {
        panic!("this needs two processor cores: one for the server and one for the client");
    };
    let mut alone = CpuSet::new();
    alone.set(clients);
    sched_setaffinity(None, &alone).expect("it is one of ours");
    Core(servers)
}

fn measure(candidates: Vec<Candidate>, users: &Users, core: Core, rounds: usize, time: Duration) -> Report {
    let mut measured = Vec::new();
    for round in 0..rounds {
        eprintln!("round {} of {rounds}", round + 1);
        measured.push(in_turn(&candidates, round, |candidate, _| one(candidate, users, core, time)));
    }
    let mut steady = Vec::new();
    for round in 0..rounds {
        eprintln!("steady rates, round {} of {rounds}", round + 1);
        steady.push(in_turn(&candidates, round, |candidate, at| {
            // The bare server gets as much as ours. So its times are what the client and the machine add.
            let ours =
                candidates.iter().position(|other| candidate.kind == Kind::Bare && other.name == candidates::OURS);
            let rates = measured.iter().map(|round| round[ours.unwrap_or(at)].load.per_second());
            let highest = Spread::of(rates).expect("it was measured").median;
            steadily(candidate, users, core, highest * 0.8, time)
        }));
    }
    Report { candidates, measured, steady }
}

/// The order changes, so that a candidate does not always run after the same other one.
fn in_turn<T>(candidates: &[Candidate], round: usize, work: impl Fn(&Candidate, usize) -> T) -> Vec<T> {
    let first = round % candidates.len();
    let order = (first..candidates.len()).chain(0..first);
    let mut done: Vec<T> = order.map(|at| work(&candidates[at], at)).collect();
    done.rotate_right(first);
    done
}

/// As many requests as it can answer.
fn one(candidate: &Candidate, users: &Users, core: Core, time: Duration) -> Measured {
    let server = Server::start(candidate, users, core);
    server.check(users);
    load::all_out(&server, &users.requests(candidate.identity), WARM_UP);
    let before = server.cpu();
    let load = load::all_out(&server, &users.requests(candidate.identity), time);
    let cpu = (server.cpu() - before).div_f64(load.requests as f64);
    server.check(users);
    Measured { load, cpu, memory: server.memory() }
}

/// So many requests in a second, whether it answers or not.
fn steadily(candidate: &Candidate, users: &Users, core: Core, rate: f64, time: Duration) -> Steady {
    let server = Server::start(candidate, users, core);
    server.check(users);
    load::all_out(&server, &users.requests(candidate.identity), WARM_UP);
    load::steady(&server, users, rate, time)
}
