//! Where things are, and every binary of the workspace, built once per process.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The workspace's root folder.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the harness lies two folders deep")
}

/// The binary of this package, freshly built.
///
/// # Panics
/// The workspace doesn't build, or has no such binary.
pub fn function(name: &str) -> PathBuf {
    static BINARIES: OnceLock<BTreeMap<String, PathBuf>> = OnceLock::new();
    let binaries = BINARIES.get_or_init(build);
    binaries.get(name).unwrap_or_else(|| panic!("no binary {name} in the workspace: {:?}", binaries.keys())).clone()
}

static LEASH: OnceLock<PathBuf> = OnceLock::new();

/// The program `leash`, freshly built.
pub(crate) fn leash() -> PathBuf {
    LEASH.get_or_init(|| function("leash")).clone()
}

/// Uses this `leash` program, so that the workspace need not be built.
///
/// # Panics
/// A server was started with another one before.
pub fn use_leash(built: PathBuf) {
    LEASH.set(built).expect("no server was started before");
}

/// A tool of the project's own Python environment, such as `moto_server`.
///
/// # Panics
/// It isn't there.
pub fn tool(name: &str) -> PathBuf {
    let path = tools().join(name);
    assert!(path.exists(), "{} is missing: run `make setup`", path.display());
    path
}

/// The folder of these tools.
pub(crate) fn tools() -> PathBuf {
    root().join(".venv/bin")
}

/// A command that finds `cargo` and the project's tools. It does not get the variables that cargo has set for our own
/// package, because they would make build scripts run again.
pub fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root()).stdin(Stdio::null());
    let of_this_package = |name: &str| {
        ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
    };
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(of_this_package) {
            command.env_remove(name);
        }
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::iter::once(tools()).chain(std::env::split_paths(&path));
    command.env("PATH", std::env::join_paths(path).expect("folders of PATH hold no separator"));
    command
}

/// Cargo itself says where it put each binary. So this works with any target folder and any configuration.
fn build() -> BTreeMap<String, PathBuf> {
    let output = command("cargo")
        .args(["build", "--workspace", "--bins", "--quiet", "--message-format=json-render-diagnostics"])
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs: it has started us");
    assert!(output.status.success(), "the workspace does not build");
    let messages = output.stdout.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    let messages = messages.map(|line| serde_json::from_slice(line).expect("cargo writes one JSON object per line"));
    messages
        .filter_map(|message: Value| {
            let name = message["target"]["name"].as_str()?.to_owned();
            Some((name, PathBuf::from(message["executable"].as_str()?)))
        })
        .collect()
}
