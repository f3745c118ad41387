//! Runs the own tests of each client in `clients/`, against the real functions.

use harness::watch::Watch;
use harness::{Env, project};
use harness::{http, requests};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// All functions with the demo credentials and `IDENTITY=none`, each already started. If the first client of a function
/// gave up during its start, the emulator would end the function for good.
fn serve() -> Watch {
    let credentials = project::root().join("tests/demo-credentials.json");
    let watch =
        Watch::start(Env::from([("LOCAL_CREDENTIALS", credentials.to_str().expect("UTF-8")), ("IDENTITY", "none")]));
    for example in requests::own().map(|request| request.example).filter(|example| example.body.is_none()) {
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

/// The command of the page prints what the page shows, and the id of each shared case.
#[test]
fn a_shell_computes_another_users_id_as_the_page_says() {
    let page = fs::read_to_string(project::root().join("docs/reference/clients.md")).expect("the page");
    let block = page.split("```console\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a block");
    let (command, printed) = block.split_once('\n').expect("a command and what it prints");
    let command = command.strip_prefix("$ ").expect("a command");
    let prints = |command: &str, claim: &str| {
        let output = Command::new("bash").args(["-c", command]).env("CLAIM", claim).output().expect("bash is there");
        assert!(output.status.success(), "{command}: {output:?}");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    assert_eq!(prints(command, ""), printed);

    let cases = fs::read(project::root().join("tests/user-ids.json")).expect("the shared cases");
    let cases: Vec<Value> = serde_json::from_slice(&cases).expect("a list");
    assert!(cases.len() > 10, "this test found nothing to check");
    let of_claim = command.replacen("'auth0|5f7c8ec7c33c6c004bbafe82'", "\"$CLAIM\"", 1);
    assert_ne!(of_claim, command, "the page's claim");
    for case in cases {
        let text = |name: &str| case[name].as_str().expect("a text").to_owned();
        assert_eq!(prints(&of_claim, &text("claim")).trim_end(), text("user_id"), "{case}");
    }
}

/// The code of the pages for apps without a package, in Python and in C#, keeps the rules of all clients.
#[test]
fn the_code_of_the_pages_keeps_tokens_fresh() {
    let watch = serve();
    for page in ["plain-rest", "unity"] {
        run(Command::new(project::tool("python")).args(["tests/it/pages/rules.py", page]), &watch);
    }
}

/// Nothing compiles Dart here.
#[test]
fn the_dart_code_of_its_page_parses() {
    let parses = |page: &Path| {
        let mut command = Command::new(project::tool("python"));
        command.arg("tests/it/pages/dart.py").arg(page).current_dir(project::root());
        command.output().expect("python runs")
    };
    let output = parses(Path::new("docs/how-to/flutter.md"));
    assert!(output.status.success(), "{output:?}");

    // The parser must refuse a broken page, or it would prove nothing.
    let broken = Path::new(env!("CARGO_TARGET_TMPDIR")).join("broken.md");
    fs::write(&broken, "```dart\nclass { void\n```\n").expect("a folder of our own");
    let output = parses(&broken);
    assert!(!output.status.success(), "{output:?}");
}

/// Every file that an app gets parses, also the adapters. Nothing compiles those, because their SDKs are not here.
#[test]
fn the_swift_client_parses() {
    let mut files = vec![project::root().join("Package.swift")];
    for folder in ["Sources/Tokenmint", "Adapters"] {
        let folder = project::root().join("clients/swift").join(folder);
        let folder = fs::read_dir(folder).expect("a folder").map(|file| file.expect("readable").path());
        files.extend(folder.filter(|file| file.extension().is_some_and(|extension| extension == "swift")));
    }
    assert!(files.len() >= 11, "{files:?}");
    let python = || Command::new(project::tool("python"));
    let status = python().arg("tests/it/swift.py").args(&files).current_dir(project::root()).status();
    assert!(status.expect("python runs").success(), "a file is not Swift: see above");

    // The parser must refuse a broken file, or it would prove nothing.
    let broken = Path::new(env!("CARGO_TARGET_TMPDIR")).join("broken.swift");
    fs::write(&broken, "public actor { func").expect("a folder of our own");
    let output = python().arg(project::root().join("tests/it/swift.py")).arg(&broken).output().expect("python runs");
    assert!(!output.status.success(), "{output:?}");
}

/// The real compiler compiles the client and its tests, and a new project installs the package. `make test-swift` installs the compiler.
#[test]
#[ignore = "make test-swift runs it"]
fn the_swift_client_keeps_tokens_fresh() {
    let watch = serve();
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("swift");
    run(Command::new(project::root().join("clients/swift/test.sh")).env("OUT", out), &watch);
}
