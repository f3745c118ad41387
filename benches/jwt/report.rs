//! The measurements. They are printed as tables and written as JSON.

use crate::tokens::{Issuer, claims};
use crate::{floor, refused};
use benches::Spread;
use benches::turns::{Turns, Work};
use harness::issuer::Algorithm;
use serde::Serialize;
use std::fs;
use std::time::{Duration, Instant};

/// The most that verifying may cost, in floors. Most issuers sign with one of these two.
const TARGET: f64 = 1.3;
const TARGETS: [Algorithm; 2] = [Algorithm::Rs256, Algorithm::Es256];

const TIME_EACH: Duration = Duration::from_secs(4);
/// A turn of one work: too short for most interruptions, and long enough for the clock.
const TURN: Duration = Duration::from_micros(200);

/// The measurements of one algorithm.
#[derive(Debug, Serialize)]
struct Row {
    algorithm: &'static str,
    bytes: usize,
    /// Microseconds for the whole of a JWT, from the value of its header to the claims.
    verify: Spread,
    /// Microseconds for the signature, with the key's bytes.
    unparsed: Spread,
    /// Microseconds for the signature, with a key that is ready.
    parsed: Spread,
    /// `verify` divided by `unparsed`, compared round by round.
    floors: Spread,
    /// The same when nothing disturbs the measurement.
    undisturbed: f64,
    /// `verify` divided by `parsed`.
    of_parsed: Spread,
}

/// The measurements of a token that is refused.
#[derive(Debug, Serialize)]
struct Refused {
    name: &'static str,
    bytes: usize,
    /// Microseconds for the refusal.
    refuse: Spread,
    /// The same divided by what a good RS256 token costs, compared round by round.
    of_good: Spread,
}

pub(crate) fn run(algorithms: &[Algorithm]) {
    let issuer = Issuer::new();
    let rows: Vec<Row> = algorithms.iter().map(|&algorithm| row(&issuer, algorithm)).collect();
    let refused: Vec<Refused> =
        refused::all(&issuer).into_iter().map(|(name, bytes, work)| refusal(&issuer, name, bytes, work)).collect();
    print(&rows, &refused);
    let path = benches::results().join("jwt.json");
    let json = serde_json::json!({ "algorithms": rows, "refused": refused });
    fs::write(&path, format!("{json:#}\n")).expect("the target folder is ours to write in");
    println!("\nwritten to {}", path.display());
}

fn row(issuer: &Issuer, algorithm: Algorithm) -> Row {
    let token = issuer.token(algorithm, &claims());
    let mut verify = issuer.verifies(algorithm);
    let [mut unparsed, mut parsed] = floor::both(algorithm, issuer.key(algorithm), &token);
    let per_turn = per_turn(&mut verify);
    let mut turns = Turns::of([&mut verify, &mut unparsed, &mut parsed], per_turn);
    turns.run_for(TIME_EACH);
    let [verify, unparsed, parsed] = [0, 1, 2].map(|which| microseconds(&turns, which));
    let (floors, of_parsed, undisturbed) = (turns.ratio(0, 1), turns.ratio(0, 2), turns.undisturbed_ratio(0, 1));
    Row { algorithm: algorithm.name(), bytes: token.len(), verify, unparsed, parsed, floors, undisturbed, of_parsed }
}

fn refusal(issuer: &Issuer, name: &'static str, bytes: usize, mut refuse: Work) -> Refused {
    let mut good = issuer.verifies(Algorithm::Rs256);
    let per_turn = per_turn(&mut good);
    let mut turns = Turns::of([&mut refuse, &mut good], per_turn);
    turns.run_for(TIME_EACH / 2);
    Refused { name, bytes, refuse: microseconds(&turns, 0), of_good: turns.ratio(0, 1) }
}

/// How many make a turn. The work is done some times before, so that it is warm.
fn per_turn(work: &mut Work) -> u32 {
    const BEFORE: u32 = 50;
    work(BEFORE);
    let start = Instant::now();
    work(BEFORE);
    let each = start.elapsed() / BEFORE;
    (TURN.as_nanos() / each.as_nanos().max(1)).clamp(1, 1000) as u32
}

fn microseconds<const N: usize>(turns: &Turns<'_, N>, which: usize) -> Spread {
    let Spread { median, quartiles } = turns.nanoseconds(which);
    Spread { median: median / 1000.0, quartiles: quartiles.map(|nanoseconds| nanoseconds / 1000.0) }
}

fn print(rows: &[Row], refused: &[Refused]) {
    println!(
        "
Medians with their quartiles. `verify` is the whole of a JWT: finding it in the header, reading it, every rule, picking
the key and the signature. `floor` is AWS-LC's check of the same signature with the key's bytes, and `parsed` the same
with a key that is ready. `floors` is verify divided by floor, round by round.
"
    );
    println!("| algorithm | bytes | verify, µs | floor, µs | floors | undisturbed | parsed, µs | of parsed | |");
    println!("|---|--:|--:|--:|--:|--:|--:|--:|---|");
    for row in rows {
        let Row { algorithm, bytes, verify, unparsed, parsed, floors, undisturbed, of_parsed } = row;
        let [verify, unparsed, parsed] = [verify, unparsed, parsed].map(|spread| spread.text(1));
        let (floors_text, of_parsed) = (floors.text(2), of_parsed.text(2));
        let met = match TARGETS.iter().any(|target| target.name() == *algorithm) {
            false => String::new(),
            true => format!("at most {TARGET}: {}", if floors.median <= TARGET { "met" } else { "**missed**" }),
        };
        println!(
            "| {algorithm} | {bytes} | {verify} | {unparsed} | {floors_text} | {undisturbed:.2} | {parsed} | {of_parsed} | {met} |"
        );
    }
    println!("\nTokens that are refused, each in turns with a good RS256 token:\n");
    println!("| token | bytes | refuse, µs | of a good one |\n|---|--:|--:|--:|");
    for Refused { name, bytes, refuse, of_good } in refused {
        println!("| {name} | {bytes} | {} | {} |", refuse.text(2), of_good.text(2));
    }
}
