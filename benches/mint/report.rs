//! The full run: all kinds, the builders beside them, a batch, and what came out, as a table and as JSON.

use crate::batch::{self, Batch};
use crate::kinds::{self, Format, Kind};
use crate::peers::{Language, Peer};
use crate::turns::{PER_TURN, Spread, Turns};
use criterion::{Criterion, SamplingMode};
use serde::Serialize;
use std::fs;
use std::time::Duration;

/// What was measured of one kind.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) kind: &'static str,
    pub(crate) bytes: usize,
    /// Nanoseconds for randomness and signing.
    pub(crate) mint: Spread,
    /// Nanoseconds for signing.
    pub(crate) sign: Spread,
    /// Nanoseconds for the bare primitives.
    pub(crate) floor: Spread,
    /// How many floors a token costs: see [`Format::draws_in_floor`].
    pub(crate) floors: Spread,
    pub(crate) peers: Vec<Versus>,
}

/// A vendor's builder beside ours.
#[derive(Debug, Serialize)]
pub(crate) struct Versus {
    pub(crate) language: Language,
    pub(crate) nanoseconds: Spread,
    /// How many times as much it costs as ours with the operating system's randomness, round by round.
    pub(crate) multiple: Spread,
}

const MINT: usize = 0;
const SIGN: usize = 1;
const FLOOR: usize = 2;

/// A kind's turns: minting, signing and the floor.
pub(crate) fn turns(kind: &mut Kind) -> Turns<'_, 3> {
    Turns::new([&mut kind.mint, &mut kind.sign, &mut kind.floor])
}

/// How many floors a token costs.
pub(crate) fn floors(turns: &Turns<'_, 3>, format: Format) -> Spread {
    turns.ratio(if format.draws_in_floor() { MINT } else { SIGN }, FLOOR)
}

pub(crate) fn run() {
    // Criterion warms up, decides how often to measure, and compares with the run before; each of its samples is turns
    // of minting, signing and the floor, and what it sees of them is minting.
    let mut criterion = Criterion::default()
        .output_directory(&crate::results().join("criterion"))
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(1))
        .nresamples(10_000);
    let mut group = criterion.benchmark_group("mint");
    group.sampling_mode(SamplingMode::Flat);
    let mut peers = Language::ALL.map(Peer::start);
    let mut rows = Vec::new();
    for mut kind in kinds::all() {
        let (name, format) = (kind.name, kind.format);
        let mut turns = turns(&mut kind);
        group.bench_function(criterion_name(name), |bencher| {
            bencher.iter_custom(|tokens| {
                let rounds = tokens.div_ceil(PER_TURN.into());
                let minting: Duration = (0..rounds).map(|_| turns.round()[MINT]).sum();
                minting.mul_f64(tokens as f64 / (rounds * u64::from(PER_TURN)) as f64)
            });
        });
        let [mint, sign, floor] = [MINT, SIGN, FLOOR].map(|which| turns.nanoseconds(which));
        let floors = floors(&turns, format);
        drop(turns);
        let peers = peers.iter_mut().filter_map(|peer| versus(&mut kind, peer, 15)).collect();
        rows.push(Row { kind: name, bytes: kind.example.len(), mint, sign, floor, floors, peers });
    }
    group.finish();
    let batches = batch::run();
    print(&rows, &batches);
    let path = crate::results().join("mint.json");
    let json = serde_json::json!({ "kinds": rows, "batch_of_10000": batches });
    fs::write(&path, format!("{json:#}\n")).expect("the target folder is ours to write in");
    println!("\nwritten to {}", path.display());
}

/// Criterion makes folders of names.
fn criterion_name(kind: &str) -> String {
    kind.replace('/', "-")
}

/// A builder's turns, each with one of ours beside it.
pub(crate) fn versus(kind: &mut Kind, peer: &mut Peer, rounds: usize) -> Option<Versus> {
    const TOKENS: u32 = 300;
    if !peer.builds(kind.name) {
        return None;
    }
    // Node compiles what it has run often.
    peer.build(kind.name, &kind.example, 4000);
    let rounds: Vec<(f64, f64)> = (0..rounds)
        .map(|_| {
            let theirs = peer.build(kind.name, &kind.example, TOKENS);
            let mut ours = Turns::new([&mut kind.mint]);
            for _ in 0..30 {
                ours.round();
            }
            (theirs, ours.nanoseconds(0).median)
        })
        .collect();
    Some(Versus {
        language: peer.language,
        nanoseconds: Spread::of(rounds.iter().map(|(theirs, _)| *theirs)),
        multiple: Spread::of(rounds.iter().map(|(theirs, ours)| theirs / ours)),
    })
}

fn print(rows: &[Row], batches: &[Batch]) {
    println!(
        "\nMedians with their quartiles. `mint` is the operating system's randomness and signing. `floors` compares"
    );
    println!(
        "signing with the floor (007, 006), or minting with the floor and the same randomness (04). The builders'"
    );
    println!("multiples are of minting.\n");
    println!("| kind | bytes | mint, ns | sign, ns | floor, ns | floors | Node, ns | × | Python, ns | × |");
    println!("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
    for row in rows {
        let peer = |language| match row.peers.iter().find(|versus| versus.language == language) {
            Some(versus) => format!("{} | {}", whole(versus.nanoseconds), tenths(versus.multiple)),
            None => "| ".to_owned(),
        };
        println!(
            "| `{}` | {} | {} | {} | {} | {} | {} | {} |",
            row.kind,
            row.bytes,
            whole(row.mint),
            whole(row.sign),
            whole(row.floor),
            hundredths(row.floors),
            peer(Language::Node),
            peer(Language::Python),
        );
    }
    println!("\n10,000 `agora-rtc` tokens:\n\n| threads | ms | times one thread |\n|--:|--:|--:|");
    for batch in batches {
        println!("| {} | {} | {} |", batch.threads, hundredths(batch.milliseconds), hundredths(batch.speedup));
    }
}

fn whole(spread: Spread) -> String {
    let [low, high] = spread.quartiles;
    format!("{:.0} ({low:.0}–{high:.0})", spread.median)
}

fn tenths(spread: Spread) -> String {
    let [low, high] = spread.quartiles;
    format!("{:.1} ({low:.1}–{high:.1})", spread.median)
}

pub(crate) fn hundredths(spread: Spread) -> String {
    let [low, high] = spread.quartiles;
    format!("{:.2} ({low:.2}–{high:.2})", spread.median)
}
