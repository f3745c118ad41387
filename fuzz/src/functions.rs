//! The functions, with the route tables that are deployed.

use crate::judge::{self, Limits};
use ::functions::{ALL, Routes};
use service::{Route, RouteKey, Vendor, testing};
use std::time::{SystemTime, UNIX_EPOCH};
use tokens::{agora, zego};

/// Which function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, arbitrary::Arbitrary)]
pub(crate) enum Kind {
    /// `chat-app-token`
    ChatApp,
    /// `chat-user-token`
    ChatUser,
    /// `rtc-token`
    Rtc,
    /// `rtm-token`
    Rtm,
    /// `zego-token`
    Zego,
    /// `zim-token`
    Zim,
}

impl Kind {
    /// Every function there is.
    pub(crate) fn all() -> impl Iterator<Item = Kind> {
        ALL.iter().map(Kind::of)
    }

    /// # Panics
    /// The judge doesn't know this function yet.
    fn of(function: &::functions::Function) -> Kind {
        match function.name {
            "chat-app-token" => Kind::ChatApp,
            "chat-user-token" => Kind::ChatUser,
            "rtc-token" => Kind::Rtc,
            "rtm-token" => Kind::Rtm,
            "zego-token" => Kind::Zego,
            "zim-token" => Kind::Zim,
            unknown => panic!("the judge does not know what {unknown} may give"),
        }
    }

    fn function(self) -> &'static ::functions::Function {
        ALL.iter().find(|function| Kind::of(function) == self).expect("each kind is a function's")
    }

    /// Its route for this method, or its only one.
    pub(crate) fn route(self, post: bool) -> RouteKey {
        let keys = self.function().route_keys();
        let method = if post { "POST" } else { "GET" };
        *keys.iter().find(|key| key.method == method).unwrap_or(&keys[0])
    }
}

/// A function at work under these limits.
pub(crate) struct Function {
    kind: Kind,
    limits: Limits,
    at_work: AtWork,
}

enum AtWork {
    Agora(testing::Function<agora::Key>),
    Zego(testing::Function<zego::Key>),
}

const CREDENTIALS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/credentials.json");

impl Function {
    /// Starts it.
    pub(crate) fn new(kind: Kind, limits: &Limits) -> Function {
        let at_work = match kind.function().routes {
            Routes::Agora(routes) => AtWork::Agora(start(routes(), &limits.settings())),
            Routes::Zego(routes) => AtWork::Zego(start(routes(), &limits.settings())),
        };
        Function { kind, limits: limits.clone(), at_work }
    }

    /// Gives it an event and judges what it answers, whose status this returns.
    ///
    /// # Panics
    /// The answer is one that nobody may get.
    pub(crate) fn ask(&self, event: &[u8]) -> Option<u64> {
        let asked_at = now();
        let answer = match &self.at_work {
            AtWork::Agora(function) => function.answer(event),
            AtWork::Zego(function) => function.answer(event),
        }?;
        judge::answer(self.kind, &self.limits, event, asked_at..=now(), &answer)
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
