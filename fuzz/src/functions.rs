//! The functions, with the route tables that are deployed.

use crate::judge::{self, Limits};
use service::{Route, Vendor, testing};
use std::time::{SystemTime, UNIX_EPOCH};
use tokens::{agora, zego};

/// Includes a function's own code. What starts it in Lambda is of no use here.
macro_rules! include_function {
    ($name:ident, $path:literal) => {
        #[path = $path]
        #[allow(dead_code, reason = "its main starts it in Lambda")]
        mod $name;
    };
}
include_function!(chat_app_token, "../../functions/chat-app-token/src/main.rs");
include_function!(chat_user_token, "../../functions/chat-user-token/src/main.rs");
include_function!(rtc_token, "../../functions/rtc-token/src/main.rs");
include_function!(rtm_token, "../../functions/rtm-token/src/main.rs");
include_function!(zego_token, "../../functions/zego-token/src/main.rs");
include_function!(zim_token, "../../functions/zim-token/src/main.rs");

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
    pub(crate) const ALL: [Kind; 6] = [Kind::ChatApp, Kind::ChatUser, Kind::Rtc, Kind::Rtm, Kind::Zego, Kind::Zim];
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
        let at_work = match kind {
            Kind::ChatApp => AtWork::Agora(start(chat_app_token::routes(), &limits.settings())),
            Kind::ChatUser => AtWork::Agora(start(chat_user_token::routes(), &limits.settings())),
            Kind::Rtc => AtWork::Agora(start(rtc_token::routes(), &limits.settings())),
            Kind::Rtm => AtWork::Agora(start(rtm_token::routes(), &limits.settings())),
            Kind::Zego => AtWork::Zego(start(zego_token::routes(), &limits.settings())),
            Kind::Zim => AtWork::Zego(start(zim_token::routes(), &limits.settings())),
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
