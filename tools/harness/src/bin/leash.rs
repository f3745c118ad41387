//! `leash COMMAND...`: runs a command until it ends. If our standard input closes before, it ends the command and every
//! process below it.
//!
//! The program at the other end of that pipe may crash or be killed: the system then closes the pipe. A signal to one
//! process group would not be enough, because `cargo lambda watch` gives each function a group of its own.

use std::convert::Infallible;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitCode, ExitStatus, Stdio};
use std::time::Duration;
use std::{env, io, thread};

use rustix::process::{Pid, Signal, getpid, kill_process};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

/// How long the command may take to end itself and the processes below it.
const GRACE: Duration = Duration::from_secs(3);

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<ExitCode> {
    // If a process below us loses its parent, it becomes our child. So we still find it.
    #[cfg(target_os = "linux")]
    rustix::process::set_child_subreaper(Some(getpid()))?;
    let mut args = env::args_os().skip(1);
    let program = args.next().ok_or_else(|| io::Error::other("usage: leash COMMAND..."))?;
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut child = Command::new(program).args(args).stdin(Stdio::null()).spawn()?;
    let status = tokio::select! {
        status = child.wait() => status?,
        _ = end_of_input() => end(&mut child).await?,
        _ = terminate.recv() => end(&mut child).await?,
        _ = interrupt.recv() => end(&mut child).await?,
        _ = hang_up.recv() => end(&mut child).await?,
    };
    end_the_rest().await;
    Ok(code(status))
}

/// Reads in a thread of its own. At its end, the runtime would wait for a thread that it owns.
async fn end_of_input() -> Result<Infallible, oneshot::error::RecvError> {
    let (sender, end) = oneshot::channel();
    thread::spawn(move || {
        // A read error counts as the end.
        let _ = io::stdin().read_to_end(&mut Vec::new());
        drop(sender);
    });
    end.await
}

/// Asks the command to end first, so that `cargo lambda watch` stops its functions.
async fn end(child: &mut Child) -> io::Result<ExitStatus> {
    if let Some(pid) = child.id().and_then(pid) {
        // It may have ended already. The wait below finds out.
        let _ = kill_process(pid, Signal::TERM);
    }
    if let Ok(status) = timeout(GRACE, child.wait()).await {
        return status;
    }
    child.start_kill()?;
    child.wait().await
}

/// Ends the processes that the command has left behind.
async fn end_the_rest() {
    for _ in 0..50 {
        let rest = harness::descendants(std::process::id());
        if rest.is_empty() {
            return;
        }
        for pid in rest.into_iter().filter_map(|(id, _)| pid(id)) {
            let _ = kill_process(pid, Signal::KILL);
        }
        sleep(Duration::from_millis(20)).await;
    }
}

fn pid(id: u32) -> Option<Pid> {
    i32::try_from(id).ok().and_then(Pid::from_raw)
}

/// The exit code as a shell reports it.
fn code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|number| 128 + number));
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}
