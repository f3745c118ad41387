//! What somebody sees whose machine lacks a tool: one line that names the tool, the wanted version and what to do.

use harness::project;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

/// A folder with programs of our own. It stands alone on the `PATH`, with the system's small tools.
struct Machine {
    folder: PathBuf,
}

impl Machine {
    fn new(name: &str) -> Machine {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("first-use").join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder");
        for tool in ["bash", "env", "dirname", "sed", "cut", "sort"] {
            let real = ["/usr/bin", "/bin"]
                .iter()
                .map(|bin| format!("{bin}/{tool}"))
                .find(|path| fs::exists(path).is_ok_and(|is| is));
            std::os::unix::fs::symlink(real.expect("a small tool"), folder.join(tool)).expect("a link");
        }
        Machine { folder }
    }

    /// With a program that prints this.
    fn with(self, program: &str, prints: &str) -> Machine {
        self.with_script(program, &format!("echo '{prints}'"))
    }

    fn with_script(self, program: &str, script: &str) -> Machine {
        let path = self.folder.join(program);
        fs::write(&path, format!("#!/bin/bash\n{script}\n")).expect("a program");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("an executable");
        self
    }

    /// What `tools/check-tools.sh` says to these needs. Nothing if the machine has all of them.
    fn lacks(&self, needs: &[&str]) -> String {
        let check = project::root().join("tools/check-tools.sh");
        let output = Command::new(check).args(needs).env_clear().env("PATH", &self.folder).output().expect("it runs");
        let said = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(output.status.success(), said.is_empty(), "{said}");
        assert!(said.is_empty() || (said.lines().count() == 1 && output.status.code() == Some(1)), "{said}");
        said
    }
}

#[test]
fn a_missing_or_old_tool_is_named_in_one_line() {
    let good = || {
        Machine::new("good")
            .with("cargo", "cargo 1.95.0")
            .with("rustc", "rustc 1.95.0 (59807616e 2026-04-14)")
            .with("python3", "3.11.2")
            .with("node", "v20.19.2")
            .with("npm", "10.8.2")
    };
    let all = ["rust", "python", "node"];
    assert_eq!(good().lacks(&all), "");
    assert_eq!(good().with("rustc", "rustc 1.100.0-nightly (0 2026-12-01)").lacks(&["rust"]), "");

    let bare = Machine::new("bare");
    for (need, says) in [
        ("rust", ["Rust 1.95 or newer", "no cargo here", "https://rustup.rs"]),
        ("python", ["Python 3.11 or newer", "no python3 here", "PYTHON"]),
        ("node", ["Node 20.19 or newer", "no node here", "https://nodejs.org"]),
    ] {
        let said = bare.lacks(&[need]);
        assert!(says.iter().all(|part| said.contains(part)), "{said}");
    }
    for (program, prints, need, says) in [
        ("rustc", "rustc 1.94.1 (0 2026-03-01)", "rust", "rustc is 1.94.1. Run: rustup update stable"),
        ("python3", "3.9.2", "python", "python3 is 3.9.2"),
        ("node", "v20.9.0", "node", "node is 20.9.0"),
    ] {
        let said = good().with(program, prints).lacks(&[need]);
        assert!(said.contains(says), "{said}");
    }
    let without_venv = good().with_script("python3", "[[ $2 == *platform* ]] && echo 3.11.2");
    let said = without_venv.lacks(&["python"]);
    assert!(said.contains("python3-venv"), "{said}");
    let without_npm = good();
    fs::remove_file(without_npm.folder.join("npm")).expect("it was there");
    let said = without_npm.lacks(&["node"]);
    assert!(said.contains("needs npm"), "{said}");
}

#[test]
fn a_port_in_use_is_named_with_the_variable_for_another() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = taken.local_addr().expect("it is bound").port();
    let machine = Machine::new("port");
    let said = machine.lacks(&[&format!("port:{port}:DEMO_PORT")]);
    assert!(said.contains(&format!("Port {port} is in use")) && said.contains("set DEMO_PORT"), "{said}");
    drop(taken);
    assert_eq!(machine.lacks(&[&format!("port:{port}:DEMO_PORT")]), "");
}
