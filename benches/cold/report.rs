//! The results, as a table and as JSON.

use crate::ANSWERS;
use crate::candidates::{Candidate, EMULATOR, NODE, OURS, PLAIN, PYTHON, VERIFYING};
use crate::cost;
use crate::start::Start;
use benches::{Spread, milliseconds, results};
use serde_json::{Value, json};
use std::fs;
use std::time::Duration;

/// All measurements: for each round, a start of each candidate.
pub(crate) struct Report {
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) moto: Vec<Duration>,
    pub(crate) cold: Vec<Vec<Start>>,
    pub(crate) warm: Vec<Vec<Start>>,
}

/// A column: computes its value from a start.
type Figure = fn(&Start) -> f64;

/// A target for our function, compared with another candidate.
struct Target {
    title: &'static str,
    warm: bool,
    figure: Figure,
    ours: &'static str,
    other: &'static str,
    asked: Asked,
}

enum Asked {
    /// At most this part of the other's.
    AtMost(f64),
    /// At least this many times faster than the other.
    Faster(f64),
}

const TARGETS: [Target; 8] = [
    Target::start(
        "first answer, times faster than plain Rust",
        |start| milliseconds(start.to_answer),
        PLAIN,
        Asked::Faster(2.6),
    ),
    Target::start("times faster than Node", |start| milliseconds(start.to_answer), NODE, Asked::Faster(8.0)),
    Target::start("times faster than Python", |start| milliseconds(start.to_answer), PYTHON, Asked::Faster(12.0)),
    Target::start(
        "processor time of a start, of plain Rust's",
        |start| milliseconds(start.cpu),
        PLAIN,
        Asked::AtMost(0.15),
    ),
    Target::start("peak memory of a start, of plain Rust's", |start| start.peak as f64, PLAIN, Asked::AtMost(0.8)),
    Target {
        title: "first answer with JWTs, of the first answer without",
        warm: false,
        figure: |start| milliseconds(start.to_answer),
        ours: VERIFYING,
        other: OURS,
        asked: Asked::AtMost(1.3),
    },
    Target::warm("warm median, of plain Rust's", |start| percentile(start, 50), PLAIN, Asked::AtMost(0.4)),
    Target::warm("warm median, of the emulator's alone", |start| percentile(start, 50), EMULATOR, Asked::AtMost(1.6)),
];

impl Target {
    const fn start(title: &'static str, figure: Figure, other: &'static str, asked: Asked) -> Target {
        Target { title, warm: false, figure, ours: OURS, other, asked }
    }

    const fn warm(title: &'static str, figure: Figure, other: &'static str, asked: Asked) -> Target {
        Target { title, warm: true, figure, ours: OURS, other, asked }
    }
}

const COLD: [(&str, Figure); 4] = [
    ("to first `next`, ms", |start| milliseconds(start.to_next)),
    ("to first answer, ms", |start| milliseconds(start.to_answer)),
    ("CPU, ms", |start| milliseconds(start.cpu)),
    ("peak, MiB", |start| start.peak as f64 / 1024.0),
];
const WARM: [(&str, Figure); 3] = [
    ("p50, µs", |start| percentile(start, 50)),
    ("p99, µs", |start| percentile(start, 99)),
    ("peak, MiB", |start| start.peak as f64 / 1024.0),
];

impl Report {
    /// Prints the tables, and writes `target/bench/cold.json`.
    pub(crate) fn print(&self) {
        let moto = Spread::of(self.moto.iter().copied().map(milliseconds)).expect("it was timed");
        println!(
            "\nMedians (quartiles) of {} cold starts. The candidates took turns. `×`: round by round, the",
            self.cold.len()
        );
        println!(
            "plain Rust build = 1. Less is better. In every start, reading the secret takes {} ms for a warm client",
            moto.text(1)
        );
        println!("over a new connection. Nearly all of this is `moto_server`'s own time.");
        if self.position(VERIFYING).is_some() {
            println!(
                "`{VERIFYING}` also reads its issuer's keys while it starts, over plain HTTP on this machine: it trusts no"
            );
            println!("authority of ours. In AWS, a TLS handshake with the issuer is added, beside the secret's.");
        }
        println!();
        let cold = self.table(&self.cold, &COLD, &[PLAIN]);
        let rounds = self.warm.len();
        println!("\n{rounds} times {ANSWERS} warm answers. `×` as above, and also with the emulator alone = 1.\n");
        let warm = self.table(&self.warm, &WARM, &[PLAIN, EMULATOR]);
        self.targets();
        let cost = cost::print(&self.candidates, &self.cold, &self.warm);
        let path = results().join("cold.json");
        let json = json!({ "moto_milliseconds": moto, "cold": cold, "warm": warm, "cost": cost });
        fs::write(&path, format!("{json:#}\n")).expect("the target folder is ours to write in");
        println!("\nwritten to {}", path.display());
    }

    fn table(&self, rounds: &[Vec<Start>], figures: &[(&str, Figure)], bases: &[&str]) -> Value {
        let bases: Vec<_> = bases.iter().filter_map(|name| self.position(name)).collect();
        let marks = " × |".repeat(bases.len());
        println!(
            "| candidate | MB |{}",
            figures.iter().map(|(title, _)| format!(" {title} |{marks}")).collect::<String>()
        );
        println!("|---|--:|{}", "--:|".repeat(figures.len() * (1 + bases.len())));
        let mut rows = Vec::new();
        for (at, candidate) in self.candidates.iter().enumerate() {
            let size = candidate.bytes.map_or_else(String::new, |bytes| format!("{:.2}", bytes as f64 / 1e6));
            print!("| {} | {size} |", candidate.name);
            let mut row = json!({ "candidate": candidate.name, "bytes": candidate.bytes });
            for (title, figure) in figures {
                let Some(spread) = Spread::of(rounds.iter().map(|round| figure(&round[at]))) else { continue };
                let ratios = bases.iter().filter_map(|&base| {
                    Spread::of(rounds.iter().map(|round| figure(&round[at]) / figure(&round[base])))
                });
                let ratios: Vec<Spread> = ratios.collect();
                print!(" {} |", spread.text(if title.contains("µs") { 0 } else { 1 }));
                for ratio in &ratios {
                    print!(" {:.2} |", ratio.median);
                }
                row[title] = json!({ "is": spread, "ratios": ratios });
            }
            println!();
            rows.push(row);
        }
        rows.into()
    }

    /// Prints the targets and whether ours meets them, compared round by round.
    fn targets(&self) {
        println!("\n| ours | target | measured | |\n|---|--:|--:|---|");
        for Target { title, warm, figure, ours, other, asked } in &TARGETS {
            let (Some(ours), Some(other)) = (self.position(ours), self.position(other)) else { continue };
            let rounds = if *warm { &self.warm } else { &self.cold };
            let ratios = rounds.iter().map(|round| (figure(&round[ours]), figure(&round[other])));
            let ratio = Spread::of(ratios.map(|(ours, other)| match asked {
                Asked::AtMost(_) => ours / other,
                Asked::Faster(_) => other / ours,
            }));
            let Some(ratio) = ratio else { continue };
            let (asked, met) = match *asked {
                Asked::AtMost(most) => (most, ratio.median <= most),
                Asked::Faster(least) => (least, ratio.median >= least),
            };
            println!("| {title} | {asked} | {} | {} |", ratio.text(2), if met { "met" } else { "**missed**" });
        }
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.candidates.iter().position(|candidate| candidate.name == name)
    }
}

/// In microseconds.
fn percentile(start: &Start, percent: usize) -> f64 {
    let mut warm = start.warm.clone();
    warm.sort_unstable();
    warm[(warm.len() * percent / 100).min(warm.len() - 1)].as_secs_f64() * 1e6
}
