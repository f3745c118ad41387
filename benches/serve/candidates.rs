//! What is measured, and how each is built.

use harness::issuer::Algorithm;
use harness::project;
use serde_json::Value;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// One server.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) name: String,
    pub(crate) command: Vec<PathBuf>,
    pub(crate) kind: Kind,
    pub(crate) identity: Identity,
}

/// Whose code answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Sends fixed bytes.
    Bare,
    Ours,
    /// With the vendor's package.
    Other,
}

/// How callers are identified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Identity {
    /// Everybody is believed.
    None,
    /// With JWTs that are signed in this way.
    Jwt(Algorithm),
}

pub(crate) const BARE: &str = "bare axum";
pub(crate) const OURS: &str = "ours";
pub(crate) const RS256: &str = "ours, RS256";
pub(crate) const ES256: &str = "ours, ES256";
pub(crate) const NODE: &str = "Node, RS256";
pub(crate) const PYTHON: &str = "Python, RS256";

/// All of them, or those that are asked for by name.
pub(crate) fn all(ours: &Path, only: &[String]) -> Vec<Candidate> {
    let wanted = |name: &&str| only.is_empty() || only.iter().any(|only| only == name);
    let names = [BARE, OURS, RS256, ES256, NODE, PYTHON].into_iter().filter(wanted);
    names.map(|name| candidate(name, ours)).collect()
}

impl Candidate {
    /// Our server, without verification.
    pub(crate) fn ours(binary: &Path) -> Candidate {
        candidate(OURS, binary)
    }

    /// Another build of it.
    pub(crate) fn build_of_ours(name: &str, binary: PathBuf) -> Candidate {
        Candidate { name: name.to_owned(), ..Candidate::ours(&binary) }
    }
}

fn candidate(name: &str, ours: &Path) -> Candidate {
    let folder = project::root().join("benches/serve");
    let (kind, identity) = match name {
        BARE => (Kind::Bare, Identity::None),
        OURS => (Kind::Ours, Identity::None),
        RS256 => (Kind::Ours, Identity::Jwt(Algorithm::Rs256)),
        ES256 => (Kind::Ours, Identity::Jwt(Algorithm::Es256)),
        _ => (Kind::Other, Identity::Jwt(Algorithm::Rs256)),
    };
    let command: Vec<PathBuf> = match name {
        BARE => vec![env::current_exe().expect("the system knows it"), "bare".into()],
        NODE => vec!["node".into(), folder.join("node/main.mjs")],
        PYTHON => {
            let uvicorn = project::root().join(".tools/serve-python/bin/uvicorn");
            let arguments = ["main:app", "--loop=uvloop", "--http=httptools", "--no-access-log", "--log-level=warning"];
            let folder = ["--app-dir".into(), folder.join("python")];
            [uvicorn].into_iter().chain(folder).chain(arguments.map(PathBuf::from)).collect()
        }
        _ => vec![ours.to_owned(), "serve".into()],
    };
    Candidate { name: name.to_owned(), command, kind, identity }
}

/// Builds our server as it would be deployed.
pub(crate) fn build(folder: &Path) -> PathBuf {
    let mut command = project::command("cargo");
    command.args(["build", "--profile", "server", "--bin", "tokenmint", "--locked", "--quiet"]);
    command.arg("--message-format=json-render-diagnostics");
    // Cargo has set the variables of `.cargo/config.toml` for us. The build must not see them.
    command.current_dir(folder).env_remove("AWS_LC_SYS_NO_JITTER_ENTROPY");
    let output = command.stderr(Stdio::inherit()).output().expect("cargo runs: it has started us");
    assert!(output.status.success(), "the server does not build");
    let messages = output.stdout.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    let messages = messages.map(|line| serde_json::from_slice(line).expect("cargo writes one JSON object per line"));
    let mut built = messages.filter_map(|message: Value| message["executable"].as_str().map(PathBuf::from));
    built.next().expect("the package has a binary")
}
