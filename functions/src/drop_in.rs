//! The drop-in routes that mint several kinds of tokens. Drop-in routes of one kind are in that kind's file.
//!
//! Each request becomes a request for one of our kinds of tokens, and the kind's grant decides. So there is one policy. The
//! other servers give everybody any user's token, uid 0, and Chat's app token. We refuse these.

mod docker_image;
mod one_of_three;
mod rte;
mod ten;
mod toolbox;

use crate::{Example, chat_user, rtc, rtm};
use service::{Caller, Dialect, Problem, Route};
use tokens::agora::{Key, UserToken};

/// One request for each route of this function.
pub const EXAMPLES: &[Example] = &[
    Example {
        what: "RTC and RTM, as agora-token-service is asked",
        path: "/rte/demo/publisher/uid/1234/",
        body: None,
        drop_in: true,
    },
    Example {
        what: "RTC, as agora-token-service is asked",
        path: "/getToken",
        body: Some(r#"{"tokenType":"rtc","channel":"demo","role":"publisher","uid":"1234","expire":3600}"#),
        drop_in: true,
    },
    Example {
        what: "RTM, as Agora's middleware is asked",
        path: "/token/getNew",
        body: Some(r#"{"tokenType":"rtm","uid":"alice"}"#),
        drop_in: true,
    },
    Example {
        what: "RTC and RTM, as TEN framework asks",
        path: "/token/generate",
        body: Some(r#"{"request_id":"1","channel_name":"demo","uid":1234}"#),
        drop_in: true,
    },
    Example {
        what: "RTC and RTM, as Agora's samples ask",
        path: "/v2/token/generate",
        body: Some(r#"{"channelName":"demo","expire":900,"types":[1,2],"uid":"1234"}"#),
        drop_in: true,
    },
    Example {
        what: "RTC, as Agora's sample of Conversational AI asks",
        path: "/v2/convoai/token/generate",
        body: Some(r#"{"channelName":"demo","expire":900,"types":[1],"uid":"1234"}"#),
        drop_in: true,
    },
    Example { what: "Whether the service is there", path: "/ping", body: None, drop_in: true },
];

/// The routes that this function serves.
pub fn routes() -> [Route<Key>; 11] {
    const BOTH: Dialect = Dialect::TokenService(&["rtcToken", "rtmToken"]);
    [
        rte::route(),
        one_of_three::route("/getToken"),
        one_of_three::route("/token/getNew"),
        // Four servers have this path. Each request tells whose it is.
        ten::route(),
        docker_image::route(),
        Route::post_with_query("/token/generate", chat_user::Ask::parse_as_in_the_java_docs, chat_user::grant)
            .if_query_has(&["userId", "expireSeconds", "tokenType"])
            .drop_in(Dialect::ChatDocsJava),
        toolbox::route("/token/generate"),
        toolbox::route("/v2/token/generate"),
        toolbox::route("/v2/convoai/token/generate"),
        Route::ping("/ping").with_or_without_last_slash(),
        Route::in_query("/uikit", BOTH, vec![rtc::as_token_service(), rtm::as_token_service(), rte::route()]),
    ]
}

/// A request for one of our own kinds of tokens.
enum Ask {
    Rtc(Box<rtc::Ask>),
    Rtm(rtm::Ask),
    Chat(chat_user::Ask),
}

/// What the kind's own function grants.
fn grant(caller: &Caller, ask: Ask) -> Result<UserToken, Problem> {
    match ask {
        Ask::Rtc(ask) => rtc::grant(caller, *ask).map(UserToken::Bundle),
        Ask::Rtm(ask) => rtm::grant(caller, ask).map(UserToken::Rtm),
        Ask::Chat(ask) => chat_user::grant(caller, ask).map(UserToken::Chat),
    }
}

/// 403 for Chat's app token. Its holder may do anything in Chat's REST API.
fn no_app_token(parameter: &str) -> Problem {
    Problem::forbidden(format!("{parameter}: Chat's app token is for backends: GET /chat/app/token"))
}
