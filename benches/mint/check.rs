//! Fails if minting became slower. It compares ratios, which hold on any machine, with the recorded ones and the
//! targets.

use crate::kinds;
use crate::peers::{Language, Peer};
use crate::report::{turns, undisturbed_floors, versus};
use benches::root;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// More than a quarter slower is a regression. Less may come from the machine.
const SLACK: f64 = 1.25;
const TIME_PER_KIND: Duration = Duration::from_millis(1200);
/// The kinds that are compared with the vendors' builders: one for each format and language.
const BESIDE_BUILDERS: [&str; 4] = ["agora-rtc", "agora-rtm/006", "agora-rtc/006", "zego-basic"];

/// How many floors each kind cost when it was last recorded.
fn recorded() -> PathBuf {
    root().join("benches/mint/recorded.json")
}

pub(crate) fn record() {
    let floors: BTreeMap<&str, f64> = kinds::all()
        .into_iter()
        .map(|mut kind| {
            let format = kind.format;
            let mut turns = turns(&mut kind);
            turns.run_for(TIME_PER_KIND);
            let floors = undisturbed_floors(&turns, format);
            drop(turns);
            (kind.name, (floors * 100.0).round() / 100.0)
        })
        .collect();
    let json = serde_json::to_string_pretty(&floors).expect("numbers");
    std::fs::write(recorded(), json + "\n").expect("the project's folder is ours to write in");
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
        let mut turns = turns(&mut kind);
        turns.run_for(TIME_PER_KIND);
        let floors = undisturbed_floors(&turns, format);
        drop(turns);
        let most = SLACK * kind.most_floors.map_or(recorded[name], |most| most.min(recorded[name]));
        println!("{name}: {floors:.2} floors (at most {most:.2})");
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
