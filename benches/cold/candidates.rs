//! What is measured, and how each is built.

use benches::results;
use harness::project;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::{env, fs};

/// One way to write the function.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) name: String,
    pub(crate) command: Vec<PathBuf>,
    /// The size of the deployed file in bytes, if it is one file.
    pub(crate) bytes: Option<u64>,
    pub(crate) maker: Maker,
}

/// Whose code makes a candidate's tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Maker {
    /// Our own code: it mints tokens and trusts only Amazon's authorities.
    Ours,
    /// Our own code, which verifies the caller's JWT itself with the issuer's keys.
    Verifier,
    /// Another's code: it mints tokens and trusts the system's authorities.
    Other,
    /// It mints nothing.
    Echo,
}

pub(crate) const OURS: &str = "ours";
pub(crate) const VERIFYING: &str = "ours with JWTs";
pub(crate) const PLAIN: &str = "plain Rust";
pub(crate) const NODE: &str = "Node";
pub(crate) const BUNDLED: &str = "bundled Node";
pub(crate) const PYTHON: &str = "Python";
pub(crate) const EMULATOR: &str = "emulator alone";

/// Builds all of them, or those that are asked for by name.
pub(crate) fn all(only: &[String]) -> Vec<Candidate> {
    let wanted = |name: &&str| only.is_empty() || only.iter().any(|only| only == name);
    let built = [OURS, VERIFYING, PLAIN, NODE, BUNDLED, PYTHON, EMULATOR].into_iter().filter(wanted);
    let maker = |name| match name {
        OURS => Maker::Ours,
        VERIFYING => Maker::Verifier,
        EMULATOR => Maker::Echo,
        _ => Maker::Other,
    };
    built.map(|name| Candidate::new(name, command(name), maker(name))).collect()
}

impl Candidate {
    pub(crate) fn new(name: &str, command: Vec<PathBuf>, maker: Maker) -> Candidate {
        let deployed = match name {
            EMULATOR | NODE | PYTHON => None,
            _ => command.last(),
        };
        let bytes = deployed.map(|file| fs::metadata(file).expect("it is built").len());
        Candidate { name: name.to_owned(), command, bytes, maker }
    }
}

fn command(name: &str) -> Vec<PathBuf> {
    let node = || on_path("node");
    let folder = project::root().join("benches/cold");
    match name {
        // The same binary: a variable says who verifies.
        OURS | VERIFYING => vec![build(&["--package", "functions", "--bin", "rtm-token"], project::root())],
        PLAIN => {
            let manifest = folder.join("plain/Cargo.toml");
            let manifest = manifest.to_str().expect("UTF-8");
            let target = results().join("cold-plain");
            let target = target.to_str().expect("UTF-8");
            // Cargo runs in another folder, so that the workspace's own settings have no effect.
            vec![build(&["--manifest-path", manifest, "--target-dir", target], &env::temp_dir())]
        }
        NODE => vec![node(), folder.join("node/main.mjs")],
        BUNDLED => vec![node(), folder.join("node/bundle/main.cjs")],
        PYTHON => vec![project::root().join(".tools/cold-python/bin/python"), folder.join("python/main.py")],
        EMULATOR => vec![env::current_exe().expect("the system knows it"), "echo".into()],
        _ => unreachable!("these are all"),
    }
}

/// Builds the one binary of a package as it would be deployed.
pub(crate) fn build(arguments: &[&str], folder: &Path) -> PathBuf {
    let mut command = project::command("cargo");
    command.args(["build", "--release", "--locked", "--quiet", "--message-format=json-render-diagnostics"]);
    // Cargo has set the variables of `.cargo/config.toml` for us. The programs that we start must not inherit them.
    command.args(arguments).current_dir(folder).env_remove("AWS_LC_SYS_NO_JITTER_ENTROPY");
    let output = command.stderr(Stdio::inherit()).output().expect("cargo runs: it has started us");
    assert!(output.status.success(), "{arguments:?} does not build");
    let messages = output.stdout.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    let messages = messages.map(|line| serde_json::from_slice(line).expect("cargo writes one JSON object per line"));
    let mut built = messages.filter_map(|message: Value| message["executable"].as_str().map(PathBuf::from));
    built.next().expect("the package has a binary")
}

/// The full path of a program, because functions start without our `PATH`.
fn on_path(program: &str) -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.exists());
    found.unwrap_or_else(|| panic!("no {program} in PATH"))
}
