//! The functions by the names that the judge has for them.

use ::functions::ALL;
use service::RouteKey;

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

    /// The function itself.
    pub(crate) fn function(self) -> &'static ::functions::Function {
        ALL.iter().find(|function| Kind::of(function) == self).expect("each kind is a function's")
    }

    /// Its route for this method, or its only one.
    pub(crate) fn route(self, post: bool) -> RouteKey {
        let keys = self.function().route_keys();
        let method = if post { "POST" } else { "GET" };
        *keys.iter().find(|key| key.method == method).unwrap_or(&keys[0])
    }
}
