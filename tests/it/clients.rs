//! Runs the own tests of each client in `clients/`, against the real functions.

use harness::watch::Watch;
use harness::{Env, project};
use harness::{http, requests};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// All functions with the demo credentials and `IDENTITY=none`, each already started. If the first client of a function
/// gave up during its start, the emulator would end the function for good.
fn serve() -> Watch {
    let credentials = project::root().join("tests/demo-credentials.json");
    let watch =
        Watch::start(Env::from([("LOCAL_CREDENTIALS", credentials.to_str().expect("UTF-8")), ("IDENTITY", "none")]));
    for example in requests::all().map(|request| request.example).filter(|example| example.body.is_none()) {
        assert_eq!(http::get(&watch.url(example.path)).status, 200, "{example:?}");
    }
    watch
}

/// Runs a client's own tests, and shows what they print.
fn run(command: &mut Command, watch: &Watch) {
    command.env("TOKENMINT_URL", watch.url("").trim_end_matches('/')).env("PYTHONDONTWRITEBYTECODE", "1");
    let status = command.current_dir(project::root()).stdin(Stdio::null()).status();
    let status = status.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{command:?} failed, and says it above");
}

#[test]
fn a_backend_registers_chat_users_over_rest() {
    let watch = serve();
    run(Command::new(project::tool("python")).arg("clients/chat-rest/test_chat_rest.py"), &watch);
}

/// The real compiler compiles the client against the real OkHttp, and the JVM runs it.
#[test]
fn the_kotlin_client_keeps_tokens_fresh() {
    let watch = serve();
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kotlin");
    run(Command::new(project::root().join("clients/kotlin/test.sh")).env("OUT", out), &watch);
}

/// There is no Swift compiler here, so this only shows that every file parses.
#[test]
fn the_swift_client_parses() {
    let swift = project::root().join("clients/swift");
    let mut files = vec![swift.join("Package.swift")];
    for folder in ["Sources/Tokenmint", "Adapters"] {
        let folder = fs::read_dir(swift.join(folder)).expect("a folder").map(|file| file.expect("readable").path());
        files.extend(folder.filter(|file| file.extension().is_some_and(|extension| extension == "swift")));
    }
    assert!(files.len() >= 9, "{files:?}");
    let python = || Command::new(project::tool("python"));
    let status = python().arg("tests/it/swift.py").args(&files).current_dir(project::root()).status();
    assert!(status.expect("python runs").success(), "a file is not Swift: see above");

    // The parser must refuse a broken file, or it would prove nothing.
    let broken = Path::new(env!("CARGO_TARGET_TMPDIR")).join("broken.swift");
    fs::write(&broken, "public actor { func").expect("a folder of our own");
    let output = python().arg(project::root().join("tests/it/swift.py")).arg(&broken).output().expect("python runs");
    assert!(!output.status.success(), "{output:?}");
}
