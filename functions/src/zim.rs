//! Lets the caller log in to ZIM, ZEGO's In-app Chat, as themself.

use crate::Example;
use service::params::{Asked, Params, Sent};
use service::{Caller, Problem, Route};
use tokens::Ttl;
use tokens::zego::{Key, Zim, ZimUserId};

/// One request for each route of this function.
pub const EXAMPLES: &[Example] = &[Example { what: "ZEGO ZIM", path: "/zim/alice/token", body: None, drop_in: false }];

/// The routes that this function serves.
pub fn routes() -> [Route<Key>; 1] {
    [Route::get("/zim/{user_id}/token", Ask::parse, grant)]
}

struct Ask {
    user: Sent<Asked<ZimUserId>>,
    expires_in: Option<Sent<Ttl>>,
}

impl Ask {
    fn parse(params: &mut Params) -> Result<Ask, Problem> {
        Ok(Ask { user: params.require_sent("user_id")?, expires_in: params.take_sent("expires_in")? })
    }
}

/// A ZIM token has the same fields as the basic token of Express for the same app. So it opens every room there and
/// allows publishing. If rooms or publishing are limited, the caller needs the same rights as for the basic token.
fn grant(caller: &Caller, ask: Ask) -> Result<Zim, Problem> {
    caller.every_room_of_zim("user_id")?;
    Ok(Zim { user: caller.user(ask.user, ZimUserId::new)?, ttl: caller.ttl(ask.expires_in)? })
}
