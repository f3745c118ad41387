//! The programs behind `make run` and `make watch`, as a developer starts them.

use crate::process::{Leashed, Output, free_port, lock};
use crate::watch::unwanted;
use crate::{Env, project};
use std::process::Command;
use std::sync::Mutex;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long the program may take until it serves or refuses to, once the workspace is built.
const PATIENCE: Duration = Duration::from_secs(60);

/// Which of the two runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// `make run`: the server.
    Server,
    /// `make watch`: the emulator of Lambda with all functions.
    Watch,
}

/// The last line that each program prints about itself.
pub const LAST_LINE: &str = "Ctrl-C ends it.";

/// A running program. It ends with all its functions when this is dropped, and when our process ends.
#[derive(Debug)]
pub struct LocalRun {
    leashed: Mutex<Leashed>,
    port: u16,
}

impl LocalRun {
    /// Starts it on a free port and waits until it serves. It gets these variables, and none of ours that configure
    /// functions or AWS.
    ///
    /// # Panics
    /// It ends instead, or takes longer than a minute.
    pub fn start(program: Program, env: impl Into<Env>) -> LocalRun {
        let port = free_port();
        let mut leashed = Leashed::start(&command(program, port, &env.into()), Output::Collected);
        let patience = Instant::now() + PATIENCE;
        while !leashed.logs().contains(LAST_LINE) {
            assert!(leashed.ended().is_none(), "it ended:\n{}", leashed.logs());
            assert!(Instant::now() < patience, "it does not serve after a minute:\n{}", leashed.logs());
            sleep(Duration::from_millis(20));
        }
        LocalRun { leashed: Mutex::new(leashed), port }
    }

    /// Starts it with settings that it must refuse, and returns what it printed.
    ///
    /// # Panics
    /// It does not end within a minute, or it ends with success.
    pub fn refused(program: Program, env: impl Into<Env>) -> String {
        let mut leashed = Leashed::start(&command(program, free_port(), &env.into()), Output::Collected);
        let patience = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = leashed.ended() {
                break status;
            }
            assert!(Instant::now() < patience, "it does not end:\n{}", leashed.logs());
            sleep(Duration::from_millis(20));
        };
        let printed = leashed.finish();
        assert!(!status.success(), "{printed}");
        printed
    }

    /// A path of the API as a URL.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// What it and its functions have printed so far.
    pub fn logs(&self) -> String {
        lock(&self.leashed).logs()
    }
}

fn command(program: Program, port: u16, env: &Env) -> Command {
    let mut command = match program {
        Program::Server => {
            let mut command = project::command(project::root().join("tools/local-run.sh"));
            command.arg(project::function("tokenmint"));
            command
        }
        Program::Watch => project::command(project::function("watch")),
    };
    for name in unwanted() {
        command.env_remove(name);
    }
    command.envs(env.iter()).env("PORT", port.to_string());
    command
}
