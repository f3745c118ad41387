//! The functions that there are, found rather than listed: a new one is tested by being there.

use harness::project;
use harness::secrets::Vendor;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// A method and a path, `GET /rtm/{user_id}/token`, and the function that serves it.
pub(crate) type Routes = BTreeMap<String, String>;

/// The folders in this folder of the project.
pub(crate) fn folders(of: &str) -> BTreeSet<String> {
    let folders = fs::read_dir(project::root().join(of)).expect("it is here");
    folders.map(|entry| entry.expect("readable").file_name().into_string().expect("UTF-8")).collect()
}

/// The names of all functions.
pub(crate) fn names() -> BTreeSet<String> {
    folders("functions")
}

/// The names of those that mint tokens: all but the one that keeps them warm.
pub(crate) fn minting() -> BTreeSet<String> {
    names().into_iter().filter(|name| name != PREWARM).collect()
}

/// The function that keeps the others warm.
pub(crate) const PREWARM: &str = "prewarm";

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

/// The routes that the functions' own code serves.
pub(crate) fn routes_in_code() -> Routes {
    let mut routes = Routes::new();
    for function in names() {
        let code = code(&function);
        for call in code.split("Route::").skip(1) {
            let Some((constructor, rest)) = call.split_once("(\"") else { continue };
            let path = rest.split_once('"').expect("a closed text").0;
            let method = if constructor.starts_with("post") { "POST" } else { "GET" };
            routes.insert(format!("{method} {path}"), function.clone());
        }
    }
    routes
}
