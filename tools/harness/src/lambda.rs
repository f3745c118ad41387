//! A function's real binary under a minimal Lambda Runtime API.
//!
//! Unlike `cargo lambda watch`, it sends any event byte for byte. It also sees how long a start takes, and why a
//! function refuses to start.

use crate::process::{self, Logs, lock};
use crate::serve::{Request, Response, Server, status};
use crate::{Env, project};
use hyper::Method;
use hyper::body::Bytes;
use hyper::header::HeaderName;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::collections::HashMap;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc as queue;

/// How long a start or an invocation may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long Lambda lets a function with an internal extension go on after it was told of its end.
const SHUTDOWN: Duration = Duration::from_millis(500);

/// Before a function is ended, it may take this long to ask for another event.
const GRACE: Duration = Duration::from_secs(2);

/// A running function. It ends when this is dropped. It also ends with our process, because its Runtime API is gone
/// then.
#[derive(Debug)]
pub struct Function {
    name: String,
    child: Mutex<Child>,
    logs: Mutex<Logs>,
    api: Arc<Api>,
    _server: Server,
}

/// The result of an invocation.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The function's answer.
    Response(Value),
    /// The function failed: `{"errorType": ..., "errorMessage": ...}`. API Gateway makes a 500 of it.
    Error(Value),
}

impl Outcome {
    /// The function's answer.
    ///
    /// # Panics
    /// It failed.
    pub fn response(self) -> Value {
        match self {
            Outcome::Response(value) => value,
            Outcome::Error(error) => panic!("the function failed: {error}"),
        }
    }
}

/// The variables that Lambda sets for a function of this name, with JSON logs as the template has them. Two are
/// missing: the address of the Runtime API, and `AWS_LAMBDA_INITIALIZATION_TYPE`, which only real Lambda sets.
pub fn environment(name: &str) -> Env {
    Env::from([
        ("PATH", "/usr/local/bin:/usr/bin:/bin"),
        ("LANG", "en_US.UTF-8"),
        ("TZ", ":UTC"),
        ("AWS_LAMBDA_FUNCTION_NAME", name),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
        ("AWS_LAMBDA_LOG_LEVEL", "INFO"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_DEFAULT_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "testing"),
        ("AWS_SECRET_ACCESS_KEY", "testing"),
        ("AWS_SESSION_TOKEN", "testing"),
    ])
}

impl Function {
    /// Starts a function with [`environment`] and these variables. It gets none of our own variables.
    ///
    /// # Panics
    /// There is no such binary.
    pub fn start(name: &str, env: impl Into<Env>) -> Function {
        Function::run(Command::new(project::function(name)), name, &env.into(), Api::new(true))
    }

    /// Like [`Self::start`], in an emulator of Lambda that has no Extensions API.
    ///
    /// # Panics
    /// There is no such binary.
    pub fn start_without_extensions(name: &str, env: impl Into<Env>) -> Function {
        Function::run(Command::new(project::function(name)), name, &env.into(), Api::new(false))
    }

    /// Like [`Self::start`], with the arm64 artifact of `make build`. `qemu-aarch64` emulates the processor.
    ///
    /// # Panics
    /// There is no such artifact, or no emulator (Debian's `qemu-user` and `libc6-arm64-cross`).
    pub fn start_arm64(name: &str, env: impl Into<Env>) -> Function {
        // The template calls `rtm-token` RtmToken, and `drop-in` DropInToken, because DropIn is a parameter.
        let resource: String = name.split('-').map(|word| word[..1].to_uppercase() + &word[1..]).collect();
        let resource = if name == "drop-in" { format!("{resource}Token") } else { resource };
        let artifact = project::root().join(".aws-sam/build").join(resource).join("bootstrap");
        assert!(artifact.exists(), "{} is missing: run `make build`", artifact.display());
        let mut emulator = Command::new("qemu-aarch64");
        emulator.args(["-L", "/usr/aarch64-linux-gnu"]).arg(artifact);
        Function::run(emulator, name, &env.into(), Api::new(true))
    }

    fn run(mut command: Command, name: &str, env: &Env, api: Api) -> Function {
        let api = Arc::new(api);
        let server = Server::start({
            let api = Arc::clone(&api);
            move |asked| Arc::clone(&api).answer(asked)
        });
        command
            .env_clear()
            .envs(environment(name).iter())
            .env("AWS_LAMBDA_RUNTIME_API", server.address.to_string())
            .envs(env.iter())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        let logs = Mutex::new(Logs::collect(&mut child));
        Function { name: name.to_owned(), child: Mutex::new(child), logs, api, _server: server }
    }

    /// Waits until it asks for its first event, and says how long that took from its start.
    ///
    /// # Panics
    /// It ended instead, or takes longer than half a minute.
    pub fn wait_ready(&self) -> Duration {
        self.wait_started().unwrap_or_else(|logs| panic!("{} ended at its start:\n{logs}", self.name))
    }

    /// Like [`Self::wait_ready`], for a function that may refuse to start.
    ///
    /// # Errors
    /// It ended instead. The error is what it printed.
    ///
    /// # Panics
    /// It takes longer than half a minute.
    pub fn wait_started(&self) -> Result<Duration, String> {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(ready) = self.api.ready(Duration::from_millis(50)) {
                return Ok(ready);
            }
            if self.wait_exit(Duration::ZERO).is_some() {
                return Err(self.logs());
            }
            assert!(Instant::now() < end, "{} does not start:\n{}", self.name, self.logs());
        }
    }

    /// Sends it an event and waits for the outcome.
    ///
    /// # Panics
    /// It ended instead, or takes longer than half a minute.
    pub fn invoke(&self, event: &Value) -> Outcome {
        self.invoke_raw(event.to_string().as_bytes())
    }

    /// Sends it any bytes as an event. Several threads may do so at once. A function gets several events at once only
    /// if it asks for them (`AWS_LAMBDA_MAX_CONCURRENCY`).
    ///
    /// # Panics
    /// It ended instead, or takes longer than half a minute.
    pub fn invoke_raw(&self, event: &[u8]) -> Outcome {
        let outcome = self.api.push(event);
        let end = Instant::now() + PATIENCE;
        loop {
            match outcome.recv_timeout(Duration::from_millis(50)) {
                Ok(outcome) => return outcome,
                Err(mpsc::RecvTimeoutError::Disconnected) => unreachable!("the API keeps its end until it answers"),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
            }
            if let Some(status) = self.wait_exit(Duration::ZERO) {
                panic!("{} ended instead of answering ({status}):\n{}", self.name, self.logs());
            }
            assert!(Instant::now() < end, "{} does not answer:\n{}", self.name, self.logs());
        }
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        lock(&self.child).id()
    }

    /// Stops the process until [`Self::thaw`], as Lambda freezes an environment between invocations.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets the process go on. Time has passed for everybody else.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Asks the process to end, once it asks for another event.
    pub fn terminate(&self) {
        self.wait_idle();
        if self.wait_exit(Duration::ZERO).is_none() {
            self.signal(Signal::TERM);
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&lock(&self.child)), signal).expect("it is our child");
    }

    /// Ends it, and returns all that it has printed. Like Lambda, this first waits until it asks for another event. If it
    /// has an extension, it is told of its end.
    pub fn end(self) -> String {
        if self.api.has_extension.load(Ordering::SeqCst) {
            self.terminate();
            self.wait_exit(SHUTDOWN);
        }
        self.kill()
    }

    /// Ends it as Lambda ends an environment that has run out of time, once it asks for another event. Returns all that it
    /// has printed.
    pub fn kill(self) -> String {
        self.wait_idle();
        // It may have ended already. The wait below finds out.
        let _ = lock(&self.child).kill();
        self.wait_exit(PATIENCE).expect("nothing outlives a kill");
        self.logs()
    }

    fn wait_idle(&self) {
        let end = Instant::now() + GRACE;
        while !self.api.is_idle() && self.wait_exit(Duration::ZERO).is_none() && Instant::now() < end {
            sleep(Duration::from_millis(2));
        }
    }

    /// What it has printed so far. It is complete once [`Self::wait_exit`] has returned a status.
    pub fn logs(&self) -> String {
        lock(&self.logs).text()
    }

    /// Waits at most this long for its end.
    pub fn wait_exit(&self, patience: Duration) -> Option<ExitStatus> {
        let status = process::wait(&mut lock(&self.child), patience);
        if status.is_some() {
            lock(&self.logs).finish();
        }
        status
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        let child = &mut *lock(&self.child);
        // It may have ended already. The wait below finds out.
        let _ = child.kill();
        child.wait().expect("it is our child");
    }
}

/// What a custom runtime needs of the Lambda Runtime API, and what an internal extension without events needs of the
/// Extensions API.
#[derive(Debug)]
struct Api {
    knows_extensions: bool,
    has_extension: AtomicBool,
    started: Instant,
    first_asked: Mutex<Option<Duration>>,
    changed: Condvar,
    events: queue::UnboundedSender<Invocation>,
    waiting: tokio::sync::Mutex<queue::UnboundedReceiver<Invocation>>,
    /// How many of its requests for an event wait for one.
    pollers: AtomicI64,
    /// The largest value of `pollers` so far. The function works on this many events at once.
    workers: AtomicI64,
    running: Mutex<HashMap<String, mpsc::Sender<Outcome>>>,
}

/// An event on its way. The outcome will come under the same id.
#[derive(Debug)]
struct Invocation {
    id: String,
    event: Bytes,
}

impl Api {
    fn new(knows_extensions: bool) -> Api {
        let (events, waiting) = queue::unbounded_channel();
        Api {
            knows_extensions,
            has_extension: AtomicBool::new(false),
            started: Instant::now(),
            first_asked: Mutex::default(),
            changed: Condvar::new(),
            events,
            waiting: tokio::sync::Mutex::new(waiting),
            pollers: AtomicI64::new(0),
            workers: AtomicI64::new(1),
            running: Mutex::default(),
        }
    }

    /// Whether it is done with all its events.
    fn is_idle(&self) -> bool {
        self.pollers.load(Ordering::SeqCst) == self.workers.load(Ordering::SeqCst)
    }

    fn ready(&self, patience: Duration) -> Option<Duration> {
        let asked = lock(&self.first_asked);
        let asked = self.changed.wait_timeout_while(asked, patience, |asked| asked.is_none());
        *asked.unwrap_or_else(PoisonError::into_inner).0
    }

    fn push(&self, event: &[u8]) -> mpsc::Receiver<Outcome> {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        let id = format!("00000000-0000-4000-8000-{:012x}", COUNT.fetch_add(1, Ordering::Relaxed));
        let (sender, outcome) = mpsc::channel();
        lock(&self.running).insert(id.clone(), sender);
        let event = Bytes::copy_from_slice(event);
        self.events.send(Invocation { id, event }).expect("the receiver lives here, too");
        outcome
    }

    async fn answer(self: Arc<Self>, request: Request) -> Response {
        if let Some(path) = request.path.strip_prefix("/2020-01-01/extension/").filter(|_| self.knows_extensions) {
            return self.extension(&request, path).await;
        }
        let path = request.path.strip_prefix("/2018-06-01/runtime/").unwrap_or_default();
        match (&request.method, path.split('/').collect::<Vec<_>>().as_slice()) {
            (&Method::GET, ["invocation", "next"]) => self.next().await,
            (&Method::POST, ["invocation", id, "response"]) => self.end(id, Outcome::Response(json(&request.body))),
            (&Method::POST, ["invocation", id, "error"]) => self.end(id, Outcome::Error(json(&request.body))),
            (&Method::POST, ["init", "error"]) => status(202, "{}"),
            _ => status(404, format!("{} {} is not emulated", request.method, request.path)),
        }
    }

    /// Registers an extension, or lets it wait for an event. It asked for none.
    async fn extension(&self, request: &Request, path: &str) -> Response {
        match (&request.method, path) {
            (&Method::POST, "register") => {
                assert_eq!(json(&request.body), serde_json::json!({ "events": [] }), "this emulator sends no events");
                assert!(lock(&self.first_asked).is_none(), "Lambda registers extensions only during the start");
                self.has_extension.store(true, Ordering::SeqCst);
                let mut registered = status(200, "{}");
                let name = HeaderName::from_static("lambda-extension-identifier");
                registered.headers_mut().insert(name, "c9a1".parse().expect("ASCII"));
                registered
            }
            (&Method::GET, "event/next") => std::future::pending().await,
            _ => status(404, format!("{} {} is not emulated", request.method, request.path)),
        }
    }

    /// Answers only once there is an event, as Lambda does.
    async fn next(&self) -> Response {
        let pollers = self.pollers.fetch_add(1, Ordering::SeqCst) + 1;
        self.workers.fetch_max(pollers, Ordering::SeqCst);
        lock(&self.first_asked).get_or_insert_with(|| self.started.elapsed());
        self.changed.notify_all();
        let Invocation { id, event } = self.waiting.lock().await.recv().await.expect("the sender lives here, too");
        self.pollers.fetch_sub(1, Ordering::SeqCst);
        let deadline = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970") + PATIENCE;
        let mut response = status(200, event);
        let headers = response.headers_mut();
        for (name, value) in [
            ("content-type", "application/json"),
            ("lambda-runtime-aws-request-id", &id),
            ("lambda-runtime-deadline-ms", &deadline.as_millis().to_string()),
            ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-central-1:123456789012:function:test"),
            ("lambda-runtime-trace-id", "Root=1-00000000-000000000000000000000000;Parent=0000000000000000;Sampled=0"),
        ] {
            headers.insert(HeaderName::from_static(name), value.parse().expect("these are ASCII"));
        }
        response
    }

    fn end(&self, id: &str, outcome: Outcome) -> Response {
        let Some(sender) = lock(&self.running).remove(id) else {
            return status(400, format!("no invocation {id} is running"));
        };
        // If the test has panicked, nobody receives this.
        let _ = sender.send(outcome);
        status(202, "{}")
    }
}

/// The JSON that a function sent. Anything else becomes a text.
fn json(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|_| Value::from(String::from_utf8_lossy(body)))
}
