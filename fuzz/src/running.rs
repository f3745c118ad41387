//! The functions, with the route tables that are deployed.

use crate::function::Function;
use crate::judge::{self, Limits};
use ::functions::Routes;
use service::{Route, Vendor, testing};
use std::time::{SystemTime, UNIX_EPOCH};
use tokens::{agora, zego};

/// A function at work under these limits.
pub(crate) struct Running {
    function: Function,
    limits: Limits,
    at_work: AtWork,
}

enum AtWork {
    Agora(testing::Function<agora::Key>),
    Zego(testing::Function<zego::Key>),
}

const CREDENTIALS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/credentials.json");

impl Running {
    /// Starts it.
    pub(crate) fn new(function: Function, limits: &Limits) -> Running {
        let at_work = match function.entry().routes {
            Routes::Agora(routes) => AtWork::Agora(start(routes(), &limits.settings())),
            Routes::Zego(routes) => AtWork::Zego(start(routes(), &limits.settings())),
        };
        Running { function, limits: limits.clone(), at_work }
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
        judge::answer(self.function, &self.limits, event, asked_at..=now(), &answer)
    }
}

fn start<V: Vendor>(
    routes: impl IntoIterator<Item = Route<V>>,
    settings: &[(&'static str, String)],
) -> testing::Function<V> {
    let ours = settings.iter().map(|(name, value)| (*name, value.as_str()));
    testing::Function::new(routes, ours.chain([("LOCAL_CREDENTIALS", CREDENTIALS)])).expect("valid settings")
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}
