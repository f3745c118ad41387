//! Fails if minting became slower. It compares ratios, which hold on any machine, with the recorded ones and the
//! targets.

use crate::kinds::{self, Kind};
use crate::peers::{Language, Peer};
use crate::report::{turns, undisturbed_floors, versus};
use benches::root;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// More than a quarter slower is a regression. Less may come from the machine.
const SLACK: f64 = 1.25;
const TIME_PER_KIND: Duration = Duration::from_millis(1200);
/// The same program can be a fifth slower in one process than in another. It depends on where the process has its memory.
/// So a kind that seems slow is measured in other processes, too, and the lowest figure counts. A kind that became slower
/// is slow in each of them.
const OTHER_PROCESSES: usize = 4;
/// The kinds that are compared with the vendors' builders: one for each format and language.
const BESIDE_BUILDERS: [&str; 4] = ["agora-rtc", "agora-rtm/006", "agora-rtc/006", "zego-basic"];

/// How many floors each kind cost when it was last recorded.
fn recorded() -> PathBuf {
    root().join("benches/mint/recorded.json")
}

pub(crate) fn record() {
    let floors: BTreeMap<&str, f64> =
        kinds::all().into_iter().map(|mut kind| (kind.name, (floors_of(&mut kind) * 100.0).round() / 100.0)).collect();
    let json = serde_json::to_string_pretty(&floors).expect("numbers");
    std::fs::write(recorded(), json + "\n").expect("the project's folder is ours to write in");
}

fn floors_of(kind: &mut Kind) -> f64 {
    let format = kind.format;
    let mut turns = turns(kind);
    turns.run_for(TIME_PER_KIND);
    undisturbed_floors(&turns, format)
}

/// Prints how many floors a kind costs in this process.
pub(crate) fn print_floors(mut kind: Kind) {
    println!("{}", floors_of(&mut kind));
}

fn floors_in_another_process(name: &str) -> f64 {
    let this_program = std::env::current_exe().expect("the benchmark knows its own program");
    let output = Command::new(this_program).args(["floors", name]).output().expect("the benchmark starts once more");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number")
}

pub(crate) fn run() {
    let file = std::fs::read_to_string(recorded()).expect("recorded ratios");
    let recorded: BTreeMap<String, f64> = serde_json::from_str(&file).expect("ratios by kind");
    let mut regressions = Vec::new();
    let mut peers = Language::ALL.map(Peer::start);
    let kinds = kinds::all();
    assert!(recorded.keys().eq(kinds.iter().map(|kind| kind.name).collect::<std::collections::BTreeSet<_>>()));
    for mut kind in kinds {
        let (name, format) = (kind.name, kind.format);
        let most = SLACK * kind.most_floors.map_or(recorded[name], |most| most.min(recorded[name]));
        let mut floors = floors_of(&mut kind);
        println!("{name}: {floors:.2} floors (at most {most:.2})");
        for _ in 0..OTHER_PROCESSES {
            if floors <= most {
                break;
            }
            floors = floors.min(floors_in_another_process(name));
            println!("{name}: {floors:.2} floors is the least so far");
        }
        if floors > most {
            regressions.push(format!("{name} costs {floors:.2} floors, more than {most:.2}"));
        }
        for peer in peers.iter_mut().filter(|_| BESIDE_BUILDERS.contains(&name)) {
            let Some(least) = peer.language.least_multiple(format).map(|least| least / SLACK) else { continue };
            let versus = versus(&mut kind, peer, 41).expect("the builder has this kind");
            let multiple = if format.compared_with_randomness() { versus.of_minting } else { versus.of_signing };
            let language = peer.language;
            println!("{name}: {language:?} costs {} times as much (at least {least:.0})", multiple.text(1));
            if multiple.median < least {
                regressions.push(format!("{language:?}'s {name} costs {:.1} times as much only", multiple.median));
            }
        }
    }
    assert!(regressions.is_empty(), "minting became slower:\n{}", regressions.join("\n"));
    println!("no kind is more than a quarter slower than recorded");
}
