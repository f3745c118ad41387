//! Child processes that end with us, and what they print.

use crate::project;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::process::{self, Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What a process has printed so far: the lines of both streams, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Logs {
    text: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

impl Logs {
    pub(crate) fn collect(child: &mut Child) -> Logs {
        let mut logs = Logs::default();
        if let Some(stream) = child.stdout.take() {
            logs.read(stream);
        }
        if let Some(stream) = child.stderr.take() {
            logs.read(stream);
        }
        logs
    }

    fn read(&mut self, stream: impl Read + Send + 'static) {
        let text = Arc::clone(&self.text);
        self.readers.push(thread::spawn(move || {
            let mut lines = BufReader::new(stream);
            let mut line = Vec::new();
            while lines.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
                lock(&text).push_str(&String::from_utf8_lossy(&line));
                line.clear();
            }
        }));
    }

    pub(crate) fn text(&self) -> String {
        lock(&self.text).clone()
    }

    /// Waits for the last lines. Call it only when no process is left that could write more.
    pub(crate) fn finish(&mut self) {
        for reader in self.readers.drain(..) {
            reader.join().expect("a reader does not panic");
        }
    }
}

/// A panic in another test leaves the values behind our locks whole, so a poisoned lock is no problem.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A server that ends when this is dropped, and when our process ends for any reason. The `leash` program ends it as
/// soon as our end of a pipe closes. So nothing is left behind by a `static`, which is never dropped, or by an
/// interrupted test run.
#[derive(Debug)]
pub(crate) struct Leashed {
    leash: Child,
    end: Option<ChildStdin>,
    logs: Logs,
}

/// Where a server's output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// To where our own output goes.
    Shown,
    /// Into its `logs()`.
    Collected,
}

impl Leashed {
    /// Starts a command, with its environment and folder.
    pub(crate) fn start(command: &Command, output: Output) -> Leashed {
        let stream = || match output {
            Output::Shown => Stdio::inherit(),
            Output::Collected => Stdio::piped(),
        };
        let mut leash = Command::new(project::leash());
        leash.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => leash.env(name, value),
                None => leash.env_remove(name),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            leash.current_dir(folder);
        }
        // A process group of its own: Ctrl-C then reaches us alone, and everything ends in the same way, through the
        // pipe.
        leash.process_group(0).stdin(Stdio::piped()).stdout(stream()).stderr(stream());
        let mut leash = leash.spawn().expect("the leash was just built");
        Leashed { end: leash.stdin.take(), logs: Logs::collect(&mut leash), leash }
    }

    /// Waits until it is ready.
    pub(crate) fn wait_until(&mut self, ready: impl Fn() -> bool) {
        let patience = Instant::now() + Duration::from_secs(60);
        while !ready() {
            let ended = self.ended();
            assert!(ended.is_none(), "it ended at once ({ended:?}):\n{}", self.logs());
            assert!(Instant::now() < patience, "it is not ready after a minute:\n{}", self.logs());
            thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn logs(&self) -> String {
        self.logs.text()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.leash.id()
    }

    /// Ends it, and returns all that it has printed.
    pub(crate) fn finish(&mut self) -> String {
        drop(self.end.take());
        self.leash.wait().expect("the leash is our child");
        self.logs.finish();
        self.logs()
    }

    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.leash.try_wait().expect("the leash is our child")
    }
}

impl Drop for Leashed {
    fn drop(&mut self) {
        self.finish();
    }
}

/// Waits at most this long for the child to exit.
pub(crate) fn wait(child: &mut Child, patience: Duration) -> Option<ExitStatus> {
    let end = Instant::now() + patience;
    loop {
        let status = child.try_wait().expect("it is our child");
        if status.is_some() || Instant::now() >= end {
            return status;
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// How many ports [`free_port`] chooses from.
const PORTS: u32 = 12_000;

/// A free port of the loopback interface. It lies below the ports that the system gives to connections. So no connection
/// takes it before a server listens there.
///
/// # Panics
/// No port is free.
pub fn free_port() -> u16 {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    // Tests run in several processes, and in several threads of each.
    let begin = process::id().wrapping_mul(97).wrapping_add(ASKED.fetch_add(1, Ordering::Relaxed));
    let candidates = (0..PORTS).map(|next| 20_000 + u16::try_from(begin.wrapping_add(next) % PORTS).expect("small"));
    let mut free = candidates.filter(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok());
    free.next().expect("the system has a free port")
}

/// Lets this process open as many files and connections as the system allows. Programs usually start with 1,024.
///
/// # Panics
/// The system refuses it.
pub fn allow_many_files() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).expect("up to the maximum it is allowed");
}

/// Every living process below this one: its id and its command line. The list is empty if `ps` is not installed.
pub fn descendants(ancestor: u32) -> Vec<(u32, String)> {
    let ps = Command::new("ps").args(["-A", "-ww", "-o", "pid=,ppid=,stat=,args="]).stderr(Stdio::null()).output();
    let table = ps.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let mut rows: Vec<(u32, u32, String)> = table.lines().filter_map(row).collect();
    let (mut family, mut found) = (vec![ancestor], Vec::new());
    while let Some(at) = rows.iter().position(|(_, parent, _)| family.contains(parent)) {
        let (pid, _, command) = rows.swap_remove(at);
        family.push(pid);
        // Leaves out `ps` itself.
        if !command.starts_with("ps -A -ww") {
            found.push((pid, command));
        }
    }
    found
}

/// One line of `ps`. `None` for a process that has ended and whose parent has not waited for it yet.
fn row(line: &str) -> Option<(u32, u32, String)> {
    let mut words = line.split_whitespace();
    let (pid, parent, state) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?, words.next()?);
    (!state.starts_with('Z')).then(|| (pid, parent, words.collect::<Vec<_>>().join(" ")))
}
