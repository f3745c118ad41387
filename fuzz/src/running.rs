//! The functions, with the route tables that are deployed.

use crate::drop_in::DropIn;
use crate::function::Function;
use crate::judge::{self, Limits, Who};
use ::functions::Routes;
use service::{Route, Vendor, testing};
use std::cell::RefCell;
use std::collections::HashMap;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use tokens::{agora, zego};

/// A function at work under these limits.
pub(crate) struct Running {
    function: Function,
    limits: Limits,
    at_work: AtWork,
    /// How many tokens each user got, and since when.
    taken: RefCell<HashMap<(String, String), Taken>>,
}

struct Taken {
    since: Instant,
    tokens: u64,
}

enum AtWork {
    Agora(testing::Function<agora::Key>),
    Zego(testing::Function<zego::Key>),
}

const CREDENTIALS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/credentials.json");

impl Running {
    /// Starts it.
    ///
    /// # Panics
    /// The judge doesn't know all drop-in routes.
    pub(crate) fn new(function: Function, limits: &Limits) -> Running {
        DropIn::check_all();
        let at_work = match function.entry().routes {
            Routes::Agora(routes) => AtWork::Agora(start(routes(), &limits.settings())),
            Routes::Zego(routes) => AtWork::Zego(start(routes(), &limits.settings())),
        };
        Running { function, limits: limits.clone(), at_work, taken: RefCell::default() }
    }

    /// Sends it an event and judges the answer. Returns the answer's status.
    ///
    /// # Panics
    /// The caller may not get this answer.
    pub(crate) fn ask(&self, event: &[u8]) -> Option<u64> {
        let asked_at = now();
        let answer = match &self.at_work {
            AtWork::Agora(function) => function.answer(event),
            AtWork::Zego(function) => function.answer(event),
        }?;
        let status = judge::answer(self.function, &self.limits, event, asked_at..=now(), &answer);
        self.judge_limit(event, status);
        status
    }

    /// A user gets the configured tokens, and no more. Two users are never taken for one.
    fn judge_limit(&self, event: &[u8], status: Option<u64>) {
        let per_minute = u64::from(self.limits.mints_per_minute);
        let event = judge::fields(event);
        let Who::User(user) = Who::of(&event, &self.limits) else {
            return assert_ne!(status, Some(429), "only users are counted");
        };
        if !judge::may_give_token(&event) {
            return assert_ne!(status, Some(429), "only tokens are counted");
        }
        let mut taken = self.taken.borrow_mut();
        let taken = taken.entry(user.counted).or_insert_with(|| Taken { since: Instant::now(), tokens: 0 });
        match status {
            Some(200) => taken.tokens += 1,
            Some(429) => return assert!(per_minute > 0 && taken.tokens >= per_minute, "too few tokens for a refusal"),
            _ => return,
        }
        // An entry is made after its first token. Time that passed before that gives at most a token more.
        let back = taken.since.elapsed().as_millis() as u64 * per_minute / 60_000 + 1;
        let at_once = per_minute == 0 || taken.tokens <= per_minute + back;
        assert!(at_once, "{} tokens, with {per_minute} in a minute", taken.tokens);
    }
}

fn start<V: Vendor>(
    routes: impl IntoIterator<Item = Route<V>>,
    settings: &[(&'static str, String)],
) -> testing::Function<V> {
    let ours = settings.iter().map(|(name, value)| (*name, value.as_str()));
    testing::Function::new(routes, ours.chain([("LOCAL_CREDENTIALS", CREDENTIALS)])).expect("valid settings")
}

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}
