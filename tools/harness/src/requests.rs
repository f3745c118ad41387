//! One request for each kind of token, as the local run shows them and the load run sends them.

use crate::secrets::Vendor::{self, Agora, Zego};

/// A request that gets a token where everybody is whoever they say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// What for, in a few words.
    pub kind: &'static str,
    /// Whose token.
    pub vendor: Vendor,
    /// The function that answers it.
    pub function: &'static str,
    /// Path and query.
    pub path: &'static str,
    /// The JSON to POST. Without one it is a GET.
    pub body: Option<&'static str>,
}

/// Of every function, and of both methods where it has both.
pub const REQUESTS: [Request; 9] = [
    Request { kind: "Chat, app", vendor: Agora, function: "chat-app-token", path: "/chat/app/token", body: None },
    Request {
        kind: "Chat, user",
        vendor: Agora,
        function: "chat-user-token",
        path: "/chat/user/alice/token",
        body: None,
    },
    Request { kind: "RTM", vendor: Agora, function: "rtm-token", path: "/rtm/alice/token", body: None },
    Request {
        kind: "RTM 1.x",
        vendor: Agora,
        function: "rtm-token",
        path: "/fetch_rtm_token",
        body: Some(r#"{"uid":"1234"}"#),
    },
    Request { kind: "RTC", vendor: Agora, function: "rtc-token", path: "/rtc/demo/token?account=alice", body: None },
    Request {
        kind: "RTC, a lifetime per privilege",
        vendor: Agora,
        function: "rtc-token",
        path: "/rtc/demo/token",
        body: Some(
            r#"{"uid":1234,"role":"publisher","expires_in":900,"privileges":{"join_channel":900,"publish_audio":600}}"#,
        ),
    },
    Request { kind: "ZEGO Express", vendor: Zego, function: "zego-token", path: "/zego/alice/token", body: None },
    Request {
        kind: "ZEGO Express, one room",
        vendor: Zego,
        function: "zego-token",
        path: "/zego/alice/token",
        body: Some(r#"{"room_id":"demo","privileges":{"login":true,"publish":false}}"#),
    },
    Request { kind: "ZEGO ZIM", vendor: Zego, function: "zim-token", path: "/zim/alice/token", body: None },
];
