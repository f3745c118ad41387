//! What a token costs: every kind through the public API, compared with its floor and with the vendors' own builders.
//!
//! * without arguments: measures everything, prints the tables and writes `target/bench/mint.json`.
//! * `check`: only the ratios, in a minute. Fails if one is more than a quarter worse than recorded or than its target.
//! * `floors KIND`: how many floors that kind costs in this process.
//! * `record`: records the ratios of this machine.
//! * `growth`: the cost against the lengths of names and lists. Writes the plot in `docs/images/`.
//! * `repeat KIND N`: signs that many tokens and nothing else, for a profiler.

#![allow(clippy::print_stdout, reason = "a report is meant to be seen")]

mod batch;
mod check;
mod floor;
mod growth;
mod kinds;
mod peers;
mod report;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    match arguments.next().as_deref() {
        None => report::run(),
        Some("check") => check::run(),
        Some("record") => check::record(),
        Some("growth") => growth::run(),
        Some("floors") => check::print_floors(named(arguments.next())),
        Some("repeat") => {
            let mut kind = named(arguments.next());
            (kind.sign)(arguments.next().expect("how many").parse().expect("a number"));
        }
        Some(other) => panic!("{other} is none of check, floors, record, growth, repeat"),
    }
}

fn named(name: Option<String>) -> kinds::Kind {
    let name = name.expect("a kind");
    kinds::all().into_iter().find(|kind| kind.name == name).expect("a known kind")
}
