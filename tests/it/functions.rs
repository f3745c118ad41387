//! All functions, in the forms that tests need. The list itself is [`ALL`].

use ::functions::{ALL, Function};
pub(crate) use ::functions::{JWT_AUTHORIZER, PREWARM};
use harness::project;
use harness::secrets::Vendor;
use service::RouteKey;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// The folders in this folder of the project.
pub(crate) fn folders(of: &str) -> BTreeSet<String> {
    let folders = fs::read_dir(project::root().join(of)).expect("it is here");
    folders.map(|entry| entry.expect("readable").file_name().into_string().expect("UTF-8")).collect()
}

/// The names of all functions.
pub(crate) fn names() -> BTreeSet<String> {
    minting().into_iter().chain([JWT_AUTHORIZER, PREWARM].map(str::to_owned)).collect()
}

/// The names of the functions that mint tokens.
pub(crate) fn minting() -> BTreeSet<String> {
    ALL.iter().map(|function| function.name.to_owned()).collect()
}

/// The vendor whose tokens a function mints.
pub(crate) fn vendor(name: &str) -> Vendor {
    let function = ALL.iter().find(|function| function.name == name);
    function.unwrap_or_else(|| panic!("no function is called {name}")).vendor()
}

/// Each route with the function that serves it.
pub(crate) fn routes() -> BTreeMap<RouteKey, String> {
    let of = |function: &Function| function.route_keys().into_iter().map(|key| (key, function.name.to_owned()));
    ALL.iter().flat_map(of).collect()
}

/// Each route as API Gateway writes it, such as `GET /rtm/{user_id}/token`, with the function that serves it.
pub(crate) fn routes_in_code() -> BTreeMap<String, String> {
    routes().into_iter().map(|(key, function)| (key.to_string(), function)).collect()
}

/// Each route as the template has it, with its callers and the function that serves it. API Gateway knows no path that ends
/// in a slash. So where clients send one, the template has a second route for it.
pub(crate) fn routes_in_template() -> BTreeMap<String, (RouteKey, String)> {
    let with_end = ALL.iter().flat_map(|function| {
        let paths = function.paths_with_end().into_iter();
        paths.map(|(key, path)| (format!("{} {path}", key.method), (key, function.name.to_owned())))
    });
    routes().into_iter().map(|(key, function)| (key.to_string(), (key, function))).chain(with_end).collect()
}
