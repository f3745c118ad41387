//! The full run: all kinds, the builders and a batch. The results are printed as tables and written as JSON.

use crate::batch::{self, Batch};
use crate::kinds::{self, Format, Kind};
use crate::peers::{Language, Peer};
use benches::Spread;
use benches::turns::{PER_TURN, Turns, spread};
use criterion::{Criterion, SamplingMode};
use serde::Serialize;
use std::fs;
use std::time::Duration;

/// The measurements of one kind.
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
    /// Its cost divided by ours, with the operating system's randomness in ours. Compared round by round.
    pub(crate) of_minting: Spread,
    /// Its cost divided by ours, without the operating system's randomness. This is fair to builders that use
    /// `Math.random`.
    pub(crate) of_signing: Spread,
}

const MINT: usize = 0;
const SIGN: usize = 1;
const FLOOR: usize = 2;

/// A kind's turns: minting, signing and the floor.
pub(crate) fn turns(kind: &mut Kind) -> Turns<'_, 3> {
    Turns::new([&mut kind.mint, &mut kind.sign, &mut kind.floor])
}

/// How many floors a token costs.
fn floors(turns: &Turns<'_, 3>, format: Format) -> Spread {
    turns.ratio(over_floor(format), FLOOR)
}

/// How many floors a token costs when nothing disturbs the measurement.
pub(crate) fn undisturbed_floors(turns: &Turns<'_, 3>, format: Format) -> f64 {
    turns.undisturbed_ratio(over_floor(format), FLOOR)
}

fn over_floor(format: Format) -> usize {
    if format.draws_in_floor() { MINT } else { SIGN }
}

pub(crate) fn run() {
    // Criterion warms up, decides how often to measure, and compares with the last run. Each of its samples is a turn
    // of minting, signing and the floor. Criterion sees only the time for minting.
    let mut criterion = Criterion::default()
        .output_directory(&benches::results().join("criterion"))
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
        let peers = peers.iter_mut().filter_map(|peer| versus(&mut kind, peer, 41)).collect();
        rows.push(Row { kind: name, bytes: kind.example.len(), mint, sign, floor, floors, peers });
    }
    group.finish();
    let batches = batch::run();
    print(&rows, &batches);
    let path = benches::results().join("mint.json");
    let json = serde_json::json!({ "kinds": rows, "batch_of_10000": batches });
    fs::write(&path, format!("{json:#}\n")).expect("the target folder is ours to write in");
    println!("\nwritten to {}", path.display());
}

/// Criterion makes a folder for each name, so a name must not hold a slash.
fn criterion_name(kind: &str) -> String {
    kind.replace('/', "-")
}

/// A builder's turns, each next to one of ours. A turn is long enough to include its share of garbage collection.
pub(crate) fn versus(kind: &mut Kind, peer: &mut Peer, rounds: usize) -> Option<Versus> {
    const WARM_UP: u32 = 4000;
    const TURN_NANOSECONDS: f64 = 1e7;
    const TURNS_BESIDE: usize = 20;
    if !peer.builds(kind.name) {
        return None;
    }
    // This first turn is not counted, because Node compiles code only after it has run often.
    let cold = peer.build(kind.name, &kind.example, WARM_UP);
    let tokens = (TURN_NANOSECONDS / cold).ceil() as u32;
    let mut theirs = Vec::with_capacity(rounds);
    let mut ours = Turns::new([&mut kind.mint, &mut kind.sign]);
    for _ in 0..rounds {
        theirs.push(peer.build(kind.name, &kind.example, tokens));
        for _ in 0..TURNS_BESIDE {
            ours.round();
        }
    }
    let multiple = |which| spread(theirs.iter().zip(ours.each(which)).map(|(theirs, ours)| theirs / ours));
    Some(Versus {
        language: peer.language,
        nanoseconds: spread(theirs.iter().copied()),
        of_minting: multiple(0),
        of_signing: multiple(1),
    })
}

fn print(rows: &[Row], batches: &[Batch]) {
    println!(
        "
Medians with their quartiles. `sign` makes a token of a description, a stamp and a key; `mint` draws the stamp from the
operating system first. `floors` compares signing with the floor (007, 006), or minting with the floor and the same
randomness (04). A builder's `× mint` and `× sign` say how many times as much it costs; Node's draw from Math.random.
"
    );
    println!("| kind | bytes | mint, ns | sign, ns | floor, ns | floors |");
    println!("|---|--:|--:|--:|--:|--:|");
    for Row { kind, bytes, mint, sign, floor, floors, .. } in rows {
        let [mint, sign, floor] = [mint, sign, floor].map(|spread| spread.text(0));
        println!("| `{kind}` | {bytes} | {mint} | {sign} | {floor} | {} |", floors.text(2));
    }
    println!("\n| kind | Node, ns | × mint | × sign | Python, ns | × mint | × sign |");
    println!("|---|--:|--:|--:|--:|--:|--:|");
    for row in rows.iter().filter(|row| !row.peers.is_empty()) {
        let peer = |language| match row.peers.iter().find(|versus| versus.language == language) {
            Some(Versus { nanoseconds, of_minting, of_signing, .. }) => {
                format!("{} | {} | {}", nanoseconds.text(0), of_minting.text(1), of_signing.text(1))
            }
            None => "| | ".to_owned(),
        };
        println!("| `{}` | {} | {} |", row.kind, peer(Language::Node), peer(Language::Python));
    }
    println!(
        "\n10,000 `agora-rtc` tokens:\n\n| threads | ms | times one thread | ms of all processors |\n|--:|--:|--:|--:|"
    );
    for batch in batches {
        let [wall, all] = [batch.milliseconds, batch.processor_milliseconds].map(|spread| spread.text(2));
        println!("| {} | {wall} | {} | {all} |", batch.threads, batch.speedup.text(2));
    }
}
