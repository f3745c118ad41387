//! The drop-in routes, with the judge's own names.

use crate::function::Function;
use ::functions::ALL;
use std::sync::Once;

/// A drop-in route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, arbitrary::Arbitrary)]
pub(crate) enum DropIn {
    /// RTC, for clients in Agora's documentation.
    FetchRtc,
    /// A classroom, for clients in Agora's documentation.
    // The fuzzer does not choose this one: see `Function::Apaas`.
    #[arbitrary(skip)]
    FetchEducation,
    /// RTC, for clients of agora-token-service.
    Rtc,
    /// RTM.
    Rtm,
    /// Chat, for a user.
    ChatUser,
    /// Chat, for a backend.
    ChatApp,
    /// Chat, for a user, for clients in Agora's documentation.
    ChatUserInDocs,
    /// Chat, for a backend, for clients in Agora's documentation.
    ChatAppInDocs,
    /// ZEGO, for clients of its demo server.
    ZegoDemo,
    /// ZEGO, for clients of its AI agent quick start.
    ZegoQuickStart,
    /// ZEGO, for older clients of the same quick start.
    ZegoOlderQuickStart,
    /// RTC and RTM, in two tokens.
    Rte,
    /// RTC, RTM or Chat.
    GetToken,
    /// RTC, RTM or Chat, for clients of Agora's middleware.
    GetNew,
    /// For clients of four servers that share this path.
    Generate,
    /// The toolbox.
    GenerateV2,
    /// The toolbox of Conversational AI.
    GenerateConvoAi,
    /// `GET /ping`, which gives no token.
    Ping,
    /// The JWT and the path of another route are in the query.
    InQuery,
}

impl DropIn {
    const ALL: [DropIn; 19] = [
        DropIn::FetchRtc,
        DropIn::FetchEducation,
        DropIn::Rtc,
        DropIn::Rtm,
        DropIn::ChatUser,
        DropIn::ChatApp,
        DropIn::ChatUserInDocs,
        DropIn::ChatAppInDocs,
        DropIn::ZegoDemo,
        DropIn::ZegoQuickStart,
        DropIn::ZegoOlderQuickStart,
        DropIn::Rte,
        DropIn::GetToken,
        DropIn::GetNew,
        DropIn::Generate,
        DropIn::GenerateV2,
        DropIn::GenerateConvoAi,
        DropIn::Ping,
        DropIn::InQuery,
    ];

    /// Every drop-in route of this function.
    pub(crate) fn of_function(function: Function) -> impl Iterator<Item = DropIn> {
        DropIn::ALL.into_iter().filter(move |route| route.function() == function)
    }

    /// The method and the path, as in the template.
    pub(crate) fn key(self) -> (&'static str, &'static str) {
        match self {
            DropIn::FetchRtc => ("POST", "/fetch_rtc_token"),
            DropIn::FetchEducation => ("POST", "/fetch_education_token"),
            DropIn::Rtc => ("GET", "/rtc/{channel}/{role}/{type}/{uid+}"),
            DropIn::Rtm => ("GET", "/rtm/{user_id+}"),
            DropIn::ChatUser => ("GET", "/chat/account/{user_id+}"),
            DropIn::ChatApp => ("GET", "/chat/app"),
            DropIn::ChatUserInDocs => ("GET", "/api/token/generateUserToken"),
            DropIn::ChatAppInDocs => ("GET", "/api/token/generateAppToken"),
            DropIn::ZegoDemo => ("GET", "/access_token"),
            DropIn::ZegoQuickStart => ("GET", "/api/zego-token"),
            DropIn::ZegoOlderQuickStart => ("GET", "/api/zegotoken"),
            DropIn::Rte => ("GET", "/rte/{channel}/{role}/{type}/{uid+}"),
            DropIn::GetToken => ("POST", "/getToken"),
            DropIn::GetNew => ("POST", "/token/getNew"),
            DropIn::Generate => ("POST", "/token/generate"),
            DropIn::GenerateV2 => ("POST", "/v2/token/generate"),
            DropIn::GenerateConvoAi => ("POST", "/v2/convoai/token/generate"),
            DropIn::Ping => ("GET", "/ping"),
            DropIn::InQuery => ("GET", "/uikit"),
        }
    }

    /// Whether the template has a second path for this route, with `/{end+}`, for requests with a `/` at the end.
    pub(crate) fn has_end(self) -> bool {
        matches!(self, DropIn::ChatApp | DropIn::GetToken | DropIn::GetNew | DropIn::Ping)
    }

    pub(crate) fn function(self) -> Function {
        match self {
            DropIn::FetchRtc | DropIn::Rtc => Function::Rtc,
            DropIn::FetchEducation => Function::Apaas,
            DropIn::Rtm => Function::Rtm,
            DropIn::ChatUser | DropIn::ChatUserInDocs => Function::ChatUser,
            DropIn::ChatApp | DropIn::ChatAppInDocs => Function::ChatApp,
            DropIn::ZegoDemo | DropIn::ZegoQuickStart | DropIn::ZegoOlderQuickStart => Function::Zego,
            _ => Function::DropIn,
        }
    }

    /// Whether only backends may call it.
    pub(crate) fn is_for_backends(self) -> bool {
        self.function() == Function::ChatApp
    }

    /// The route with this method and this path, which may be the one with `/{end+}`.
    pub(crate) fn find(method: &str, path: &str) -> Option<DropIn> {
        DropIn::ALL.into_iter().find(|route| {
            let (its_method, its_path) = route.key();
            its_method == method && (its_path == path || (route.has_end() && path == route.path_with_end()))
        })
    }

    pub(crate) fn path_with_end(self) -> String {
        format!("{}/{{end+}}", self.key().1)
    }

    /// Compares these routes with those of the service.
    ///
    /// # Panics
    /// The judge doesn't know a route yet, or knows one that is not there.
    pub(crate) fn check_all() {
        static CHECKED: Once = Once::new();
        CHECKED.call_once(|| {
            let mut known = Vec::new();
            for entry in &ALL {
                for key in entry.route_keys().into_iter().filter(|key| key.drop_in) {
                    let route = DropIn::find(key.method, key.path);
                    let route = route.unwrap_or_else(|| panic!("the judge does not know what {key} may give"));
                    assert_eq!(route.function().entry().name, entry.name, "{key}");
                    known.push(route);
                }
                for (key, path) in entry.paths_with_end() {
                    let route = DropIn::find(key.method, &path);
                    assert!(route.is_some_and(|route| route.has_end()), "the judge does not know {path}");
                }
            }
            assert!(DropIn::ALL.iter().all(|route| known.contains(route)), "the service has {known:?} alone");
        });
    }
}
