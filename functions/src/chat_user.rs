//! Lets the caller log in to Agora Chat, as themself.

use crate::Example;
use service::params::{Asked, Params};
use service::{Caller, Problem, Route};
use tokens::Ttl;
use tokens::agora::{ChatUser, ChatUserId, Key};

/// One request for each route of this function.
pub const EXAMPLES: &[Example] = &[Example { what: "Chat, user", path: "/chat/user/alice/token", body: None }];

/// The routes that this function serves.
pub fn routes() -> [Route<Key>; 1] {
    [Route::get("/chat/user/{user_id}/token", Ask::parse, grant).as_text()]
}

struct Ask {
    user_id: Asked<ChatUserId>,
    expires_in: Option<Ttl>,
}

impl Ask {
    fn parse(params: &mut Params) -> Result<Ask, Problem> {
        Ok(Ask { user_id: params.require("user_id")?, expires_in: params.take("expires_in")? })
    }
}

/// Every caller may log in to Chat as themself.
fn grant(caller: &Caller, ask: Ask) -> Result<ChatUser, Problem> {
    Ok(ChatUser { user: caller.user("user_id", ask.user_id, ChatUserId::new)?, ttl: caller.ttl(ask.expires_in)? })
}
