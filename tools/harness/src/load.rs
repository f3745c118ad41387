//! Steady load, with everything that came of it.

use crate::lambda::{Function, Outcome};
use serde_json::Value;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// One request and its answer.
#[derive(Debug, Clone)]
pub struct Answered {
    /// When it was sent.
    pub sent: Instant,
    /// How long the answer took.
    pub took: Duration,
    /// What came back.
    pub outcome: Outcome,
}

impl Answered {
    /// The JSON in the body of a 200, or none for anything else.
    pub fn token(&self) -> Option<Value> {
        let Outcome::Response(response) = &self.outcome else { return None };
        let body = response["body"].as_str().filter(|_| response["statusCode"] == 200)?;
        serde_json::from_str(body).ok().filter(|body: &Value| body["token"].is_string())
    }
}

/// Sends the event again and again while `meanwhile` runs. Each client pauses after each answer.
///
/// # Panics
/// The function ended.
pub fn load(
    function: &Function,
    event: &Value,
    clients: usize,
    pause: Duration,
    meanwhile: impl FnOnce(),
) -> Vec<Answered> {
    let event = event.to_string();
    let ask = || {
        let sent = Instant::now();
        let outcome = function.invoke_raw(event.as_bytes());
        Answered { sent, took: sent.elapsed(), outcome }
    };
    during(clients, pause, ask, meanwhile)
}

/// Asks again and again while `meanwhile` runs. Each client pauses after each answer.
///
/// # Panics
/// Asking or `meanwhile` panicked.
pub fn during<T: Send>(
    clients: usize,
    pause: Duration,
    ask: impl Fn() -> T + Sync,
    meanwhile: impl FnOnce(),
) -> Vec<T> {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let client = || {
            let mut answers = Vec::new();
            while !over.load(Ordering::Relaxed) {
                answers.push(ask());
                thread::sleep(pause);
            }
            answers
        };
        let clients: Vec<_> = (0..clients).map(|_| scope.spawn(client)).collect();
        // If `meanwhile` panics, this stops the clients.
        let _over = Over(&over);
        meanwhile();
        over.store(true, Ordering::Relaxed);
        clients.into_iter().flat_map(|client| client.join().expect("a client does not panic")).collect()
    })
}

struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The time within which this many percent of the requests were answered.
///
/// # Panics
/// There are no answers.
pub fn percentile(answers: &[Answered], percent: usize) -> Duration {
    let mut took: Vec<_> = answers.iter().map(|answered| answered.took).collect();
    took.sort_unstable();
    took[(took.len() * percent / 100).min(took.len() - 1)]
}
