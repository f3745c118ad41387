//! The clients in `clients/`, each by its own tests, against the real functions.

use harness::watch::Watch;
use harness::{Env, project};
use std::path::Path;
use std::process::{Command, Stdio};

/// All functions with the demo credentials, believing everybody.
fn serve() -> Watch {
    let credentials = project::root().join("tests/demo-credentials.json");
    Watch::start(Env::from([("LOCAL_CREDENTIALS", credentials.to_str().expect("UTF-8")), ("AUTH", "none")]))
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

/// Compiled here by the real compiler against the real OkHttp, and run on the JVM.
#[test]
fn the_kotlin_client_keeps_tokens_fresh() {
    let watch = serve();
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kotlin");
    run(Command::new(project::root().join("clients/kotlin/test.sh")).env("OUT", out), &watch);
}
