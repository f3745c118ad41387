//! All functions under the real `cargo lambda watch`, as a developer runs them.
//!
//! It differs from API Gateway and Lambda:
//!
//! * It has no authorizer.
//! * It lets no web page of another origin read an answer.
//! * It passes path parameters on without decoding them. API Gateway decodes them.
//! * It never restarts a function that has ended. The next request to that function waits for ever.

use crate::process::{Leashed, Output, descendants, free_port, lock};
use crate::{CONFIGURATION, Env, project};
use serde_json::Value;
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::ExitStatus;
use std::sync::Mutex;

/// A running `cargo lambda watch`. It ends with all its functions when this is dropped, and when our process ends.
#[derive(Debug)]
pub struct Watch {
    leashed: Mutex<Leashed>,
    port: u16,
}

impl Watch {
    /// Serves all functions on a free port. The functions get these variables, and none of ours that configure
    /// functions or AWS. A function starts with its first request.
    ///
    /// # Panics
    /// `cargo-lambda` is missing or doesn't start, or the workspace doesn't build.
    pub fn start(env: impl Into<Env>) -> Watch {
        Watch::serve(free_port(), 1, &unwanted(), &env.into(), Output::Collected)
    }

    /// Like [`Self::start`], with at most this many environments of each function at once.
    ///
    /// # Panics
    /// As [`Self::start`].
    pub fn start_many(env: impl Into<Env>, environments: u16) -> Watch {
        let port = free_port();
        let env = env.into().and("AWS_ENDPOINT_URL_LAMBDA", format!("http://127.0.0.1:{port}"));
        Watch::serve(port, environments, &unwanted(), &env, Output::Collected)
    }

    /// Serves on this port, with at most this many environments of each function. The functions get our own variables
    /// except those in `without`, and the variables in `with`.
    ///
    /// # Panics
    /// As [`Self::start`], or the port is taken.
    pub fn serve(port: u16, environments: u16, without: &[String], with: &Env, output: Output) -> Watch {
        // Builds all functions before the first request, which would have to wait for the build.
        project::function("watch");
        assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err(), "port {port} is taken: set PORT to another");
        let mut command = project::command(project::tool("cargo-lambda"));
        command.args(["lambda", "watch", "--ignore-changes", "--invoke-address", "127.0.0.1"]);
        // By default it lets the pages of every origin read its answers.
        command.arg("--disable-cors");
        command.args(["--invoke-port", &port.to_string(), "--concurrency", &environments.to_string()]);
        for name in without {
            command.env_remove(name);
        }
        // With this variable, functions would believe that they run in real Lambda.
        command.env_remove("AWS_LAMBDA_INITIALIZATION_TYPE");
        command.envs(with.iter());
        let mut leashed = Leashed::start(&command, output);
        leashed.wait_until(|| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok());
        Watch { leashed: Mutex::new(leashed), port }
    }

    /// A path of the API as a URL.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Sends a function the event in this file with `cargo lambda invoke`, and returns its answer.
    ///
    /// # Panics
    /// There was no answer, or it is not JSON.
    pub fn invoke(&self, function: &str, event: &Path) -> Value {
        let mut invoke = project::command(project::tool("cargo-lambda"));
        invoke.args(["lambda", "invoke", "--invoke-address", "127.0.0.1", "--invoke-port", &self.port.to_string()]);
        let output = invoke.arg(function).arg("--data-file").arg(event).output().expect("it was found");
        let text = String::from_utf8_lossy(&output.stdout);
        serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{invoke:?}: {error}: {text}{}", String::from_utf8_lossy(&output.stderr)))
    }

    /// What it and its functions have printed so far.
    pub fn logs(&self) -> String {
        lock(&self.leashed).logs()
    }

    /// Ends it with all its functions, and returns all that they have printed.
    pub fn end(self) -> String {
        lock(&self.leashed).finish()
    }

    /// The functions that run now, by name and process id. The list is empty if `ps` is not installed.
    pub fn function_pids(&self) -> Vec<(String, u32)> {
        let below = descendants(lock(&self.leashed).pid()).into_iter();
        let function = |(pid, command): (u32, String)| {
            let program = Path::new(command.split(' ').next()?);
            let name = program.file_name()?.to_str()?;
            let others = [functions::JWT_AUTHORIZER, functions::PREWARM];
            let known = functions::ALL.iter().any(|function| function.name == name) || others.contains(&name);
            known.then(|| (name.to_owned(), pid))
        };
        below.filter_map(function).collect()
    }

    /// Whether it has ended by itself.
    pub fn ended(&self) -> Option<ExitStatus> {
        lock(&self.leashed).ended()
    }
}

/// Our own variables that configure functions or AWS.
pub(crate) fn unwanted() -> Vec<String> {
    let ours = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    ours.filter(|name| name.starts_with("AWS_") || CONFIGURATION.contains(&name.as_str())).collect()
}
