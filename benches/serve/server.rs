//! A candidate that runs.

use crate::Core;
use crate::candidates::{Candidate, Identity, Kind};
use crate::users::{self, APP_ID, AUDIENCE, CERTIFICATE, Users};
use benches::results;
use harness::free_port;
use harness::http::Request;
use serde_json::json;
use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

/// How long a start may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server. It ends when this is dropped.
pub(crate) struct Server<'a> {
    candidate: &'a Candidate,
    child: Child,
    pub(crate) address: SocketAddr,
}

/// In KiB.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) now: u64,
    pub(crate) peak: u64,
}

impl Server<'_> {
    /// Starts it on this core, and waits until it listens.
    pub(crate) fn start<'a>(candidate: &'a Candidate, users: &Users, core: Core) -> Server<'a> {
        let address: SocketAddr = (Ipv4Addr::LOCALHOST, free_port()).into();
        let mut command = Command::new("taskset");
        command.arg("--cpu-list").arg(core.0.to_string()).args(&candidate.command);
        command.env_clear().env("PATH", env::var_os("PATH").unwrap_or_default());
        configure(&mut command, candidate, users, address);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        let log = child.stdout.take().expect("it is piped");
        thread::spawn(move || read_all(log));
        let mut server = Server { candidate, child, address };
        let begun = Instant::now();
        while TcpStream::connect(address).is_err() {
            let ended = server.child.try_wait().expect("it is our child");
            assert!(ended.is_none() && begun.elapsed() < PATIENCE, "{} does not start ({ended:?})", candidate.name);
            thread::sleep(Duration::from_millis(10));
        }
        server
    }

    /// Fails unless some users get the right answer.
    pub(crate) fn check(&self, users: &Users) {
        if self.candidate.kind == Kind::Bare {
            return;
        }
        for number in [0, 1, 500, 999] {
            let asked = users.asks(self.candidate.identity, number);
            let mut request = Request::new("GET", &self.url(&asked.path));
            if let Some(authorization) = &asked.authorization {
                request = request.header("authorization", authorization);
            }
            let answer = request.send();
            assert_eq!(answer.status, 200, "{}: {}", self.candidate.name, answer.text());
            users::check(&self.candidate.name, &asked.account, &answer.json());
        }
        if self.candidate.identity != Identity::None {
            let another = users.asks(self.candidate.identity, 7);
            let own = users.asks(self.candidate.identity, 8);
            let authorization = own.authorization.expect("this identity has one");
            let ask = |path: &str, value: &str| {
                Request::new("GET", &self.url(path)).header("authorization", value).send().status
            };
            assert_eq!(ask(&another.path, &authorization), 403, "{}: another's token", self.candidate.name);
            let forged = format!("{}AAAA", authorization.split_at(authorization.len() - 4).0);
            assert_eq!(ask(&own.path, &forged), 401, "{}: a forged signature", self.candidate.name);
        }
    }

    /// The body of an answer.
    pub(crate) fn answer(&self, users: &Users) -> Vec<u8> {
        self.check(users);
        Request::new("GET", &self.url(&users.asks(Identity::None, 0).path)).send().body
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn identity(&self) -> Identity {
        self.candidate.identity
    }

    /// Processor time of all its threads so far, including system time.
    pub(crate) fn cpu(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("it still runs");
        // The name in brackets may contain anything. The times are the 12th and 13th field after it.
        let (_, fields) = stat.rsplit_once(')').expect("proc(5) says it");
        let times = fields.split_whitespace().skip(11).take(2);
        let ticks: u64 = times.map(|time| time.parse::<u64>().expect("a number")).sum();
        // Linux tells programs a hundredth of a second as one tick.
        Duration::from_millis(ticks * 10)
    }

    pub(crate) fn memory(&self) -> Memory {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it still runs");
        let of = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("Linux says it");
            line.trim().trim_end_matches(" kB").parse().expect("a number")
        };
        Memory { now: of("VmRSS:"), peak: of("VmHWM:") }
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configure(command: &mut Command, candidate: &Candidate, users: &Users, address: SocketAddr) {
    match candidate.kind {
        Kind::Bare => _ = command.env("LISTEN", address.to_string()),
        Kind::Ours => {
            let credentials = results().join("serve-credentials.json");
            let content = json!({ "agora": { "app_id": APP_ID, "app_certificate": CERTIFICATE } });
            fs::write(&credentials, content.to_string()).expect("the target folder is ours to write in");
            command.env("LISTEN", address.to_string()).env("LOCAL_CREDENTIALS", credentials);
            match candidate.identity {
                Identity::None => command.env("IDENTITY", "none"),
                Identity::Jwt(_) => command
                    .env("IDENTITY", "jwt")
                    .env("JWT_ISSUER", users.issuer())
                    .env("JWT_AUDIENCE", AUDIENCE)
                    // Few users ask for many tokens. So the limit is very high. It still counts, and nobody reaches it.
                    .env("MINTS_PER_MINUTE", "1000000"),
            };
        }
        Kind::Other => {
            command.env("PORT", address.port().to_string()).env("NODE_ENV", "production");
            command.env("UVICORN_PORT", address.port().to_string()).env("PYTHONDONTWRITEBYTECODE", "1");
            command.env("APP_ID", APP_ID).env("APP_CERTIFICATE", CERTIFICATE);
            command.env("JWT_ISSUER", users.issuer()).env("JWT_AUDIENCE", AUDIENCE);
            command.env("JWT_KEYS_URL", format!("{}/keys", users.issuer()));
        }
    }
}

/// Reads the log as a container's runtime does, and throws it away.
fn read_all(mut log: ChildStdout) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    while log.read(&mut buffer)? > 0 {}
    Ok(())
}
