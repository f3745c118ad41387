//! The results, as tables and as JSON.

use crate::Measured;
use crate::candidates::{BARE, Candidate, ES256, NODE, OURS, PYTHON, RS256};
use crate::load::Steady;
use crate::memory::Flat;
use benches::{Spread, results};
use serde_json::{Value, json};
use std::fs;

/// All measurements: for each round, one of each candidate.
pub(crate) struct Report {
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) measured: Vec<Vec<Measured>>,
    pub(crate) steady: Vec<Vec<Steady>>,
}

/// Computes a column's value.
type Figure<T> = fn(&T) -> f64;

const COLUMNS: [(&str, usize, Figure<Measured>); 6] = [
    ("requests/s", 0, |it| it.load.per_second()),
    ("CPU, µs", 1, cpu),
    ("p50, µs", 0, |it| it.load.p50 as f64),
    ("p99, µs", 0, |it| it.load.p99 as f64),
    ("RSS, MiB", 1, |it| it.memory.now as f64 / 1024.0),
    ("peak, MiB", 1, |it| it.memory.peak as f64 / 1024.0),
];

const STEADY: [(&str, usize, Figure<Steady>); 4] = [
    ("asked/s", 0, |it| it.asked_per_second),
    ("answered/s", 0, |it| it.per_second),
    ("p50, µs", 0, |it| it.p50),
    ("p99, µs", 0, |it| it.p99),
];

/// At least this many times as many requests for the same processor time.
const TARGETS: [(&str, &str, &str, f64); 3] = [
    ("without verification, of bare axum", OURS, BARE, 0.75),
    ("RS256, times Node", RS256, NODE, 3.0),
    ("RS256, times Python", RS256, PYTHON, 10.0),
];

/// At four fifths of the highest rate, in microseconds.
const P99_TARGET: f64 = 5000.0;

/// A request's processor time, in microseconds.
fn cpu(measured: &Measured) -> f64 {
    measured.cpu.as_secs_f64() * 1e6
}

impl Report {
    pub(crate) fn print(&self) {
        println!(
            "\nMedians (quartiles) of {} rounds, on one core each. `CPU` is processor time per request.",
            self.measured.len()
        );
        println!(
            "`of bare` compares requests per processor time within a round, with bare axum = 1. More is better.\n"
        );
        self.table(&self.measured, &COLUMNS, |at| self.ratio(at, self.position(BARE)?));
        println!(
            "\nAt four fifths of that rate, and bare axum at four fifths of ours. A request's time begins when it should have"
        );
        println!("been sent.\n");
        self.table(&self.steady, &STEADY, |_| None);
        self.targets();
        self.parts();
    }

    pub(crate) fn write(&self, flat: &Flat) {
        let path = results().join("serve.json");
        let rows = self.candidates.iter().enumerate().map(|(at, candidate)| {
            let of_bare = self.position(BARE).and_then(|bare| self.ratio(at, bare));
            json!({
                "candidate": candidate.name,
                "all_out": values(&self.measured, at, &COLUMNS),
                "steady": values(&self.steady, at, &STEADY),
                "of_bare": of_bare,
            })
        });
        let json = json!({ "candidates": rows.collect::<Vec<_>>(), "memory": flat });
        fs::write(&path, format!("{json:#}\n")).expect("the target folder is ours to write in");
        println!("\nwritten to {}", path.display());
    }

    fn table<T>(
        &self,
        rounds: &[Vec<T>],
        columns: &[(&str, usize, Figure<T>)],
        ratio: impl Fn(usize) -> Option<Spread>,
    ) {
        let has_ratio = ratio(0).is_some();
        let last = if has_ratio { " of bare |" } else { "" };
        println!("| candidate |{}{last}", columns.iter().map(|(title, ..)| format!(" {title} |")).collect::<String>());
        println!("|---|{}", "--:|".repeat(columns.len() + usize::from(has_ratio)));
        for (at, candidate) in self.candidates.iter().enumerate() {
            print!("| {} |", candidate.name);
            for (_, digits, figure) in columns {
                let spread = Spread::of(rounds.iter().map(|round| figure(&round[at])));
                print!(" {} |", spread.map_or_else(String::new, |spread| spread.text(*digits)));
            }
            match ratio(at) {
                Some(ratio) => println!(" {} |", ratio.text(2)),
                None => println!(),
            }
        }
    }

    fn targets(&self) {
        println!("\n| ours | target | measured | |\n|---|--:|--:|---|");
        let verdict = |met: bool| if met { "met" } else { "**missed**" };
        for (title, ours, other, least) in TARGETS {
            let (Some(ours), Some(other)) = (self.position(ours), self.position(other)) else { continue };
            let Some(ratio) = self.ratio(ours, other) else { continue };
            println!("| {title} | {least} | {} | {} |", ratio.text(2), verdict(ratio.median >= least));
        }
        for name in [OURS, RS256, ES256] {
            let Some(at) = self.position(name) else { continue };
            let p99 = Spread::of(self.steady.iter().map(|round| round[at].p99));
            let Some(p99) = p99 else { continue };
            let met = verdict(p99.median < P99_TARGET);
            println!("| {name}: p99 at four fifths, µs | {P99_TARGET} | {} | {met} |", p99.text(0));
        }
    }

    /// What each part of a request costs: the differences between candidates, round by round.
    fn parts(&self) {
        println!("\n| part of a request | CPU, µs |\n|---|--:|");
        let position = |name: &str| self.position(name);
        let parts = [
            ("HTTP (bare axum)", position(BARE), None),
            ("grant, sign, log, metrics (ours, less bare axum)", position(OURS), position(BARE)),
            ("verify RS256 (less ours without)", position(RS256), position(OURS)),
            ("verify ES256 (less ours without)", position(ES256), position(OURS)),
        ];
        for (title, whole, less) in parts {
            let Some(whole) = whole else { continue };
            let part = |round: &Vec<Measured>| cpu(&round[whole]) - less.map_or(0.0, |less| cpu(&round[less]));
            let Some(spread) = Spread::of(self.measured.iter().map(part)) else { continue };
            println!("| {title} | {} |", spread.text(1));
        }
    }

    /// How many requests the one answers while the other answers one, for the same processor time.
    fn ratio(&self, one: usize, other: usize) -> Option<Spread> {
        Spread::of(self.measured.iter().map(|round| cpu(&round[other]) / cpu(&round[one])))
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.candidates.iter().position(|candidate| candidate.name == name)
    }
}

fn values<T>(rounds: &[Vec<T>], at: usize, columns: &[(&str, usize, Figure<T>)]) -> Value {
    let column = |(title, _, figure): &(&str, usize, Figure<T>)| {
        (title.to_string(), json!(Spread::of(rounds.iter().map(|round| figure(&round[at])))))
    };
    columns.iter().map(column).collect::<serde_json::Map<_, _>>().into()
}
