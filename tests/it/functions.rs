//! The functions that there are, found rather than listed: a new one is tested by being there.

use harness::project;
use harness::secrets::Vendor;
use std::collections::BTreeSet;
use std::fs;

/// The folders in this folder of the project.
pub(crate) fn folders(of: &str) -> BTreeSet<String> {
    let folders = fs::read_dir(project::root().join(of)).expect("it is here");
    folders.map(|entry| entry.expect("readable").file_name().into_string().expect("UTF-8")).collect()
}

/// The names of all functions.
pub(crate) fn names() -> BTreeSet<String> {
    folders("functions")
}

/// A function's code.
pub(crate) fn code(function: &str) -> String {
    let path = project::root().join("functions").join(function).join("src/main.rs");
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Whose tokens a function mints.
pub(crate) fn vendor(function: &str) -> Vendor {
    let code = code(function);
    match (code.contains("tokens::agora"), code.contains("tokens::zego")) {
        (true, false) => Vendor::Agora,
        (false, true) => Vendor::Zego,
        _ => panic!("{function} mints tokens of one vendor"),
    }
}
