//! Lets the caller log in to Agora Chat, as themself.

use crate::Example;
use service::params::{Asked, Param, ParamError, Params, Sent};
use service::{Caller, Dialect, Problem, Route};
use tokens::Ttl;
use tokens::agora::{ChatUser, ChatUserId, Key};

/// One request for each route of this function.
pub const EXAMPLES: &[Example] = &[
    Example { what: "Chat, user", path: "/chat/user/alice/token", body: None, drop_in: false },
    Example {
        what: "Chat, user, as agora-token-service is asked",
        path: "/chat/account/alice/",
        body: None,
        drop_in: true,
    },
    Example {
        what: "Chat, user, as Agora's documentation asks",
        path: "/api/token/generateUserToken?account=alice",
        body: None,
        drop_in: true,
    },
];

/// The routes that this function serves.
pub fn routes() -> [Route<Key>; 3] {
    [
        Route::get("/chat/user/{user_id}/token", Ask::parse, grant).as_text(),
        Route::get("/chat/account/{user_id+}", Ask::parse_as_token_service, grant)
            .drop_in(Dialect::TokenService(&["chatToken"])),
        Route::get("/api/token/generateUserToken", Ask::parse_as_in_the_docs, grant).drop_in(Dialect::ChatDocs),
    ]
}

pub(crate) struct Ask {
    pub(crate) user: Sent<Asked<ChatUserId>>,
    pub(crate) expires_in: Option<Sent<Ttl>>,
}

impl Ask {
    fn parse(params: &mut Params) -> Result<Ask, Problem> {
        Ok(Ask { user: params.require_sent("user_id")?, expires_in: params.take_sent("expires_in")? })
    }

    fn parse_as_token_service(params: &mut Params) -> Result<Ask, Problem> {
        Ok(Ask { user: params.require_sent("user_id")?, expires_in: params.take_sent("expiry")? })
    }

    /// The Java server takes a POST with its parameters in the query.
    pub(crate) fn parse_as_in_the_java_docs(params: &mut Params) -> Result<Ask, Problem> {
        match params.take::<TokenType>("tokenType")? {
            Some(TokenType::App) => {
                Err(Problem::forbidden("tokenType: Chat's app token is for backends: GET /chat/app/token"))
            }
            Some(TokenType::User) | None => {
                Ok(Ask { user: params.require_sent("userId")?, expires_in: params.take_ttl_or_zero("expireSeconds")? })
            }
        }
    }

    fn parse_as_in_the_docs(params: &mut Params) -> Result<Ask, Problem> {
        Ok(Ask { user: params.require_sent("account")?, expires_in: params.take_ttl_or_zero("expireTimeInSeconds")? })
    }
}

/// Which of Chat's two tokens.
enum TokenType {
    User,
    App,
}

impl Param for TokenType {
    fn of_text(text: &str) -> Result<TokenType, ParamError> {
        match text {
            "user" => Ok(TokenType::User),
            "app" => Ok(TokenType::App),
            _ => Err(ParamError::rule("must be one of: user app")),
        }
    }
}

/// Every caller may log in to Chat as themself.
pub(crate) fn grant(caller: &Caller, ask: Ask) -> Result<ChatUser, Problem> {
    Ok(ChatUser { user: caller.user(ask.user, ChatUserId::new)?, ttl: caller.ttl(ask.expires_in)? })
}
