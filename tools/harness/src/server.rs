//! `tokenmint serve`: all functions in one process, over HTTP, without Lambda.

use crate::process::{Leashed, Output, descendants, free_port, lock};
use crate::watch::unwanted;
use crate::{Env, project};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::ExitStatus;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A running server. It ends when this is dropped, and when our process ends.
#[derive(Debug)]
pub struct TokenServer {
    leashed: Mutex<Leashed>,
    /// Where it listens.
    pub address: SocketAddr,
}

impl TokenServer {
    /// Serves on a free port of this machine. The server gets these variables, and none of ours that configure it.
    ///
    /// # Panics
    /// It doesn't start.
    pub fn start(env: impl Into<Env>) -> TokenServer {
        let address = (Ipv4Addr::LOCALHOST, free_port()).into();
        let mut leashed = spawn(&Env::default().and("LISTEN", format!("{address}")).and_all(env));
        leashed.wait_until(|| TcpStream::connect(address).is_ok());
        TokenServer { leashed: Mutex::new(leashed), address }
    }

    /// What it says and how it ends if it must not start with these variables.
    ///
    /// # Panics
    /// It is still running after ten seconds.
    pub fn refused(env: impl Into<Env>) -> (String, Option<i32>) {
        let mut leashed = spawn(&env.into());
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = leashed.ended() {
                break status;
            }
            assert!(begun.elapsed() < Duration::from_secs(10), "it runs:\n{}", leashed.logs());
            std::thread::sleep(Duration::from_millis(10));
        };
        (leashed.finish(), status.code())
    }

    /// A path of the API as a URL.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What it has printed so far.
    pub fn logs(&self) -> String {
        lock(&self.leashed).logs()
    }

    /// Its process id.
    ///
    /// # Panics
    /// It has ended, or `ps` is not installed.
    pub fn pid(&self) -> u32 {
        descendants(lock(&self.leashed).pid()).into_iter().next().expect("it runs").0
    }

    /// How much memory it uses now, in KiB.
    ///
    /// # Panics
    /// It has ended.
    pub fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a process has memory");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// Whether it has ended by itself.
    pub fn ended(&self) -> Option<ExitStatus> {
        lock(&self.leashed).ended()
    }

    /// Tells it to end, as an orchestrator does, and waits. Returns how it ended.
    ///
    /// # Panics
    /// It is still running after twelve seconds.
    pub fn terminate(&self) -> ExitStatus {
        let pid = Pid::from_raw(self.pid().try_into().expect("a process id")).expect("a process id");
        kill_process(pid, Signal::TERM).expect("it is ours");
        let begun = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(begun.elapsed() < Duration::from_secs(12), "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ends it, and returns all that it has printed.
    pub fn end(self) -> String {
        lock(&self.leashed).finish()
    }
}

fn spawn(env: &Env) -> Leashed {
    // Most systems start programs with room for 1,024 open files.
    let mut command = project::command("sh");
    command.args(["-c", r#"ulimit -Sn 1024 && exec "$0" serve"#]).arg(project::function("tokenmint"));
    for name in unwanted() {
        command.env_remove(name);
    }
    command.envs(env.iter());
    Leashed::start(&command, Output::Collected)
}
