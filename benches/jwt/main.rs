//! What verifying a caller's JWT costs: for each algorithm, beside the bare check of its signature. And what refusing a
//! bad one costs, because attackers send those.
//!
//! * without arguments: measures everything, prints the tables and writes `target/bench/jwt.json`.
//! * `only=RS256,ES256`: only these algorithms.
//! * `repeat RS256 N`: verifies one token that many times and does nothing else, for a profiler.

#![allow(clippy::print_stdout, reason = "a report is meant to be seen")]

mod floor;
mod refused;
mod report;
mod tokens;

use harness::issuer::Algorithm;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let first = arguments.next();
    match first.as_deref().map(|word| word.split_once('=').unwrap_or((word, ""))) {
        None => report::run(&Algorithm::ALL),
        Some(("only", names)) => report::run(&names.split(',').map(algorithm).collect::<Vec<_>>()),
        Some(("repeat", _)) => {
            let (name, times) = (arguments.next().expect("an algorithm"), arguments.next().expect("how many"));
            let issuer = tokens::Issuer::new();
            issuer.verifies(algorithm(&name))(times.parse().expect("a number"));
        }
        Some((other, _)) => panic!("{other} is none of only=, repeat"),
    }
}

fn algorithm(name: &str) -> Algorithm {
    Algorithm::ALL.into_iter().find(|algorithm| algorithm.name() == name).expect("an algorithm that we accept")
}
