//! Every part of the project says the same version, and one command sets it.

use super::metadata;
use harness::project;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The files that say the version.
const FILES: [&str; 10] = [
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "clients/kotlin/src/TokenService.kt",
    "clients/swift/Sources/Tokenmint/TokenService.swift",
    "clients/web/package-lock.json",
    "clients/web/package.json",
    "fuzz/Cargo.lock",
    "fuzz/Cargo.toml",
    "openapi.yaml",
];

fn read(root: &Path, file: &str) -> String {
    fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn texts(root: &Path) -> Vec<String> {
    FILES.iter().map(|file| read(root, file)).collect()
}

/// What follows the mark, up to a quote or the line's end.
fn after<'a>(text: &'a str, mark: &str) -> &'a str {
    let (_, rest) = text.split_once(mark).unwrap_or_else(|| panic!("{mark} is missing"));
    rest.split(['"', '\n']).next().expect("a first part")
}

/// Our own packages in a lock file. Only packages of others have a source.
fn locked(root: &Path, file: &str) -> BTreeMap<String, String> {
    let text = read(root, file);
    let ours = text.split("[[package]]").skip(1).filter(|package| !package.contains("\nsource = "));
    ours.map(|package| (after(package, "\nname = \"").to_owned(), after(package, "\nversion = \"").to_owned()))
        .collect()
}

/// What each place says.
fn said(root: &Path) -> BTreeMap<String, String> {
    let mut said = BTreeMap::new();
    let mut note = |place: &str, version: &str| assert!(said.insert(place.to_owned(), version.to_owned()).is_none());
    note("Cargo.toml", after(&read(root, "Cargo.toml"), "[workspace.package]\nversion = \""));
    note("fuzz/Cargo.toml", after(&read(root, "fuzz/Cargo.toml"), "\nversion = \""));
    for file in ["Cargo.lock", "fuzz/Cargo.lock"] {
        for (package, version) in locked(root, file) {
            note(&format!("{file}: {package}"), &version);
        }
    }
    let json = |file: &str| serde_json::from_str::<Value>(&read(root, file)).expect("JSON");
    let (package, lock) = (json("clients/web/package.json"), json("clients/web/package-lock.json"));
    let places = [("package", &package), ("lock", &lock), ("locked package", &lock["packages"][""])];
    for (place, value) in places {
        note(&format!("clients/web: {place}"), value["version"].as_str().expect("a version"));
    }
    let (kotlin, swift) = ("clients/kotlin/src/TokenService.kt", "clients/swift/Sources/Tokenmint/TokenService.swift");
    note(kotlin, after(&read(root, kotlin), "\nconst val TOKENMINT_VERSION = \""));
    note(swift, after(&read(root, swift), "public static let version = \""));
    note("openapi.yaml", after(&read(root, "openapi.yaml"), "\n  version: "));
    let changelog = read(root, "CHANGELOG.md");
    let newest = changelog.lines().filter_map(|line| line.strip_prefix("## ")).find(|heading| *heading != "Unreleased");
    note("CHANGELOG.md", newest.and_then(|heading| heading.split(' ').next()).expect("a released version"));
    said
}

#[test]
fn every_part_says_the_same_version() {
    let said = said(project::root());
    assert_eq!(said.values().collect::<BTreeSet<_>>().len(), 1, "{said:#?}");
    let version = &said["Cargo.toml"];
    // A package with a version of its own would not follow the workspace's.
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("packages").iter();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let packages: BTreeMap<_, _> = packages.map(|it| (text(&it["name"]), text(&it["version"]))).collect();
    assert!(packages.len() > 5 && packages.values().all(|of| of == version), "{packages:#?}");
    assert_eq!(locked(project::root(), "Cargo.lock"), packages);
}

#[test]
fn one_command_sets_every_version() {
    let copy = &Path::new(env!("CARGO_TARGET_TMPDIR")).join("version");
    for file in FILES.iter().chain(&["tools/version.py"]) {
        let to = copy.join(file);
        fs::create_dir_all(to.parent().expect("a folder")).expect("a folder of our own");
        fs::copy(project::root().join(file), to).unwrap_or_else(|error| panic!("{file}: {error}"));
    }
    let set = |version: &str| {
        let output = project::command("python3").arg(copy.join("tools/version.py")).arg(version).output();
        let output = output.expect("python3 is there");
        (output.status.success(), String::from_utf8(output.stderr).expect("UTF-8"))
    };
    let refused = |version: &str, why: &str| {
        let before = texts(copy);
        let (done, message) = set(version);
        assert!(!done && message.contains(why), "{version:?}: {message}");
        assert!(before == texts(copy), "{version:?} was refused and has changed something");
    };

    // A changelog that says nothing new.
    let changelog = read(copy, "CHANGELOG.md");
    let (head, released) = changelog.split_once("## Unreleased\n").expect("it is there");
    let released = &released[released.find("\n## ").expect("a released version") + 1..];
    let write = |news: &str| fs::write(copy.join("CHANGELOG.md"), format!("{head}## Unreleased\n\n{news}{released}"));
    write("").expect("a file of our own");
    refused("9.8.7", "says nothing under \"Unreleased\"");

    write("- Tokens for trains.\n\n").expect("a file of our own");
    for wrong in ["", "9", "9.8", "v9.8.7", "09.8.7", "9.8.7 ", "9.8.7\n", "9.8.7-", "9.8.7-01", "9.8.7\"", "9.8.7-٩a"]
    {
        refused(wrong, "is no version");
    }
    refused("0.0.1", "is lower than");

    let before = texts(copy);
    for version in ["9.8.7-rc.1", "9.8.7-rc.10", "9.8.7"] {
        write("- Tokens for trains.\n\n").expect("a file of our own");
        assert_eq!(set(version), (true, String::new()));
        let said = said(copy);
        assert!(said.values().all(|it| it == version), "{version}: {said:#?}");
        let changelog = read(copy, "CHANGELOG.md");
        assert!(changelog.starts_with(&format!("{head}## Unreleased\n\n## {version} - 20")), "{changelog}");
        assert!(changelog.contains("\n\n- Tokens for trains.\n\n## "), "{changelog}");
    }
    // Nothing else has changed.
    for ((file, old), new) in FILES.iter().zip(&before).zip(&texts(copy)).skip(1) {
        assert_eq!(old.lines().count(), new.lines().count(), "{file}");
        let changed: Vec<_> = old.lines().zip(new.lines()).filter(|(old, new)| old != new).collect();
        let just_versions = |(_, new): &(&str, &str)| new.contains("9.8.7") && new.to_lowercase().contains("version");
        assert!(!changed.is_empty() && changed.iter().all(just_versions), "{file}: {changed:?}");
    }
    // The second time there is nothing to do.
    let before = texts(copy);
    assert_eq!(set("9.8.7"), (true, String::new()));
    assert!(before == texts(copy));
    refused("9.8.7-rc.11", "is lower than");
}
