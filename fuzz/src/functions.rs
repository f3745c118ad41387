//! The functions, with the route tables that are deployed.

use crate::judge::{self, Limits};
use serde_json::Value;
use service::testing;
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

const CREDENTIALS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/demo-credentials.json");

impl Function {
    /// `None` is for limits under which no function starts.
    pub(crate) fn new(kind: Kind, limits: &Limits) -> Option<Function> {
        let settings = limits.settings();
        let variables = || {
            let ours = settings.iter().map(|(name, value)| (*name, value.as_str()));
            ours.chain([("LOCAL_CREDENTIALS", CREDENTIALS)])
        };
        let at_work = match kind {
            Kind::ChatApp => AtWork::Agora(testing::Function::new(chat_app_token::routes(), variables()).ok()?),
            Kind::ChatUser => AtWork::Agora(testing::Function::new(chat_user_token::routes(), variables()).ok()?),
            Kind::Rtc => AtWork::Agora(testing::Function::new(rtc_token::routes(), variables()).ok()?),
            Kind::Rtm => AtWork::Agora(testing::Function::new(rtm_token::routes(), variables()).ok()?),
            Kind::Zego => AtWork::Zego(testing::Function::new(zego_token::routes(), variables()).ok()?),
            Kind::Zim => AtWork::Zego(testing::Function::new(zim_token::routes(), variables()).ok()?),
        };
        Some(Function { kind, limits: limits.clone(), at_work })
    }

    /// Gives it an event and judges what it answers, whose status this returns.
    ///
    /// # Panics
    /// The answer is one that nobody may get.
    pub(crate) fn ask(&self, event: &[u8]) -> Option<u64> {
        let answer = match &self.at_work {
            AtWork::Agora(function) => function.answer(event),
            AtWork::Zego(function) => function.answer(event),
        }?;
        // Of JSON only a number beyond all bounds is too much for a `Value`, and no field that is read is a number.
        let event: Value = serde_json::from_slice(event).ok()?;
        judge::answer(self.kind, &self.limits, &event, &answer)
    }
}
