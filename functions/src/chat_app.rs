//! The Agora Chat app token. It may do anything in Chat over REST, so only backends with an IAM identity get it.

use crate::Example;
use service::params::Params;
use service::{Backend, Problem, Route};
use tokens::Ttl;
use tokens::agora::{ChatApp, Key};

/// One request for each route of this function.
pub const EXAMPLES: &[Example] = &[Example { what: "Chat, app", path: "/chat/app/token", body: None }];

/// The routes that this function serves.
pub fn routes() -> [Route<Key>; 1] {
    [Route::get_shared("/chat/app/token", Ask::parse, grant).as_text()]
}

struct Ask {
    expires_in: Option<Ttl>,
}

impl Ask {
    fn parse(params: &mut Params) -> Result<Ask, Problem> {
        Ok(Ask { expires_in: params.take("expires_in")? })
    }
}

/// Every backend that IAM lets call this route may have the token.
fn grant(backend: &Backend, ask: Ask) -> Result<ChatApp, Problem> {
    Ok(ChatApp { ttl: backend.ttl(ask.expires_in)? })
}
