//! The functions, by the judge's own names.

use ::functions::ALL;
use service::RouteKey;

/// Which function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, arbitrary::Arbitrary)]
pub(crate) enum Function {
    /// `agent-token`
    // Not drawn like the others, because inputs that are kept would get other functions. `claims` draws its requests.
    #[arbitrary(skip)]
    Agent,
    /// `apaas-token`
    // The fuzzer does not choose this one, because the kept inputs would then mean other functions. `claims::classroom` makes its requests.
    #[arbitrary(skip)]
    Apaas,
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
    /// `drop-in`
    // Not drawn like the others, because it has only drop-in routes. `claims::drop_in` draws these.
    #[arbitrary(skip)]
    DropIn,
}

impl Function {
    /// Every function of the service.
    pub(crate) fn all() -> impl Iterator<Item = Function> {
        ALL.iter().map(Function::of)
    }

    /// # Panics
    /// The judge doesn't know this function yet.
    fn of(function: &::functions::Function) -> Function {
        match function.name {
            "agent-token" => Function::Agent,
            "apaas-token" => Function::Apaas,
            "chat-app-token" => Function::ChatApp,
            "chat-user-token" => Function::ChatUser,
            "drop-in" => Function::DropIn,
            "rtc-token" => Function::Rtc,
            "rtm-token" => Function::Rtm,
            "zego-token" => Function::Zego,
            "zim-token" => Function::Zim,
            unknown => panic!("the judge does not know what {unknown} may give"),
        }
    }

    /// Its entry in [`ALL`].
    pub(crate) fn entry(self) -> &'static ::functions::Function {
        ALL.iter().find(|function| Function::of(function) == self).expect("each has its entry")
    }

    /// One of our own routes: the one of this method, or else the only one. `drop-in` has none.
    pub(crate) fn route(self, post: bool) -> Option<RouteKey> {
        let keys = self.entry().route_keys();
        let method = if post { "POST" } else { "GET" };
        let own = || keys.iter().filter(|key| !key.drop_in);
        own().find(|key| key.method == method).or_else(|| own().next()).copied()
    }
}
