//! The Agora Chat app token. It may do anything in Chat over REST, so only backends with an IAM identity get it.

use crate::Example;
use service::params::{Params, Sent};
use service::{Backend, Dialect, Problem, Route};
use tokens::Ttl;
use tokens::agora::{ChatApp, Key};

/// One request for each route of this function.
pub const EXAMPLES: &[Example] = &[
    Example { what: "Chat, app", path: "/chat/app/token", body: None, drop_in: false },
    Example { what: "Chat, app, as agora-token-service is asked", path: "/chat/app/", body: None, drop_in: true },
    Example {
        what: "Chat, app, as Agora's documentation asks",
        path: "/api/token/generateAppToken",
        body: None,
        drop_in: true,
    },
];

/// The routes that this function serves.
pub fn routes() -> [Route<Key>; 3] {
    [
        Route::get_shared("/chat/app/token", Ask::parse, grant).as_text(),
        Route::get("/chat/app", Ask::parse_as_token_service, grant)
            .with_or_without_last_slash()
            .drop_in(Dialect::TokenService(&["chatToken"])),
        Route::get("/api/token/generateAppToken", Ask::parse_as_in_the_docs, grant).drop_in(Dialect::ChatDocs),
    ]
}

struct Ask {
    expires_in: Option<Sent<Ttl>>,
}

impl Ask {
    fn parse(params: &mut Params) -> Result<Ask, Problem> {
        Ok(Ask { expires_in: params.take_sent("expires_in")? })
    }

    fn parse_as_token_service(params: &mut Params) -> Result<Ask, Problem> {
        Ok(Ask { expires_in: params.take_sent("expiry")? })
    }

    fn parse_as_in_the_docs(params: &mut Params) -> Result<Ask, Problem> {
        Ok(Ask { expires_in: params.take_ttl_or_zero("expireTimeInSeconds")? })
    }
}

/// Every backend that IAM lets call this route may have the token.
fn grant(backend: &Backend, ask: Ask) -> Result<ChatApp, Problem> {
    Ok(ChatApp { ttl: backend.ttl(ask.expires_in)? })
}
