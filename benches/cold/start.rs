//! One start of one candidate.

use crate::candidates::Candidate;
use crate::emulator::{Emulator, Recorded};
use benches::results;
use harness::Env;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

/// How long a run may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// The measurements of a start.
#[derive(Debug)]
pub(crate) struct Start {
    /// From before the process was made until it asked for an event.
    pub(crate) to_next: Duration,
    /// From before the process was made until its first answer had arrived.
    pub(crate) to_answer: Duration,
    /// Processor time of all its threads until it was ended, including system time.
    pub(crate) cpu: Duration,
    /// The most memory it ever had, in KiB.
    pub(crate) peak: u64,
    pub(crate) logged: Logged,
    /// Its first answer.
    pub(crate) answer: Vec<u8>,
    /// How long each further answer took.
    pub(crate) warm: Vec<Duration>,
    /// How long each of these events kept it busy. The last one is left out.
    pub(crate) busy: Vec<Duration>,
}

/// What a process has written, apart from metrics, and as metrics in CloudWatch's embedded format.
#[derive(Debug, Default)]
pub(crate) struct Logged {
    pub(crate) lines: usize,
    pub(crate) bytes: usize,
    pub(crate) metric_lines: usize,
    pub(crate) metric_bytes: usize,
    /// How often it has written metrics. Each time, one line has the time of the answers.
    pub(crate) metric_writes: usize,
}

impl Logged {
    fn of(log: &str) -> Logged {
        let mut logged = Logged::default();
        for line in log.lines() {
            if line.contains(r#""_aws""#) {
                logged.metric_lines += 1;
                logged.metric_bytes += line.len();
                logged.metric_writes += usize::from(line.contains(r#""MintDuration":"#));
            } else {
                logged.lines += 1;
                logged.bytes += line.len();
            }
        }
        logged
    }
}

/// Starts a candidate, gives it the event this many times, and ends it as soon as the last answer has arrived.
pub(crate) fn start(candidate: &Candidate, env: &Env, emulator: &Emulator, event: &[u8], events: usize) -> Start {
    let log = results().join("cold.log");
    let output = File::create(&log).expect("the target folder is ours to write in");
    let mut command = Command::new(&candidate.command[0]);
    command
        .args(&candidate.command[1..])
        .env_clear()
        .envs(env.iter())
        .env("AWS_LAMBDA_RUNTIME_API", emulator.address.to_string())
        .stdin(Stdio::null())
        .stderr(output.try_clone().expect("it is open"))
        .stdout(output);
    let recorded = emulator.expect(event, events);
    let before = children();
    let began = Instant::now();
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    let Recorded { asked, answered, answer, warm, busy } = loop {
        let ended = match recorded.recv_timeout(Duration::from_millis(500)) {
            Ok(recorded) => break recorded,
            Err(RecvTimeoutError::Timeout) => child.try_wait().expect("it is our child"),
            Err(RecvTimeoutError::Disconnected) => unreachable!("the emulator keeps its end"),
        };
        let logs = || fs::read_to_string(&log).unwrap_or_default();
        assert!(ended.is_none(), "{} ended ({ended:?}):\n{}", candidate.name, logs());
        if began.elapsed() > PATIENCE {
            // It may have ended already.
            let _ = child.kill();
            panic!("{} does not answer:\n{}", candidate.name, logs());
        }
    };
    let peak = peak(child.id());
    child.kill().expect("it is our child");
    child.wait().expect("it is our child");
    let logged = Logged::of(&fs::read_to_string(&log).expect("it was just written"));
    let (to_next, to_answer) = (asked - began, answered - began);
    Start { to_next, to_answer, cpu: children() - before, peak, logged, answer, warm, busy }
}

/// Processor time of all children that have ended.
fn children() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the system counts");
    let duration = |time: TimeVal| {
        let (seconds, microseconds) = (time.tv_sec(), time.tv_usec());
        Duration::from_micros(u64::try_from(seconds * 1_000_000 + microseconds).expect("time passes"))
    };
    duration(usage.user_time()) + duration(usage.system_time())
}

fn peak(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("it still runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux says it");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
