//! The token generator that Agora's samples ask, which Agora calls the *toolbox*. Numbers in the request
//! say which services the token opens.

use super::{Ask, grant};
use crate::rtc::{AskPrivileges, With};
use crate::{chat_user, rtc, rtm};
use service::params::{Asked, Companion, Json, Param, ParamError, Params, Sent};
use service::{Dialect, Problem, Route};
use tokens::agora::{Key, Role, Version};

pub(super) fn route(path: &'static str) -> Route<Key> {
    Route::post(path, parse, grant).drop_in(Dialect::Toolbox)
}

/// A service that the token opens.
#[derive(PartialEq)]
enum Type {
    Rtc,
    Rtm,
    Chat,
}

const RULE: &str = "must be 1 (RTC), 2 (RTM) or 3 (Chat)";

impl Param for Type {
    fn of_text(_: &str) -> Result<Type, ParamError> {
        Err(ParamError::rule(RULE))
    }

    fn of_json(json: &Json) -> Result<Type, ParamError> {
        match json {
            Json::Number(1) => Ok(Type::Rtc),
            Json::Number(2) => Ok(Type::Rtm),
            Json::Number(3) => Ok(Type::Chat),
            _ => Err(ParamError::rule(RULE)),
        }
    }
}

fn parse(params: &mut Params) -> Result<Ask, Problem> {
    // The samples also send the app's id and even its certificate. The service has its own credentials.
    let types = match (params.take("type")?, params.take_list("types")?) {
        (Some(_), Some(_)) => return Err(Problem::bad_parameter("types", "must not be given together with type")),
        (Some(one), None) => vec![one],
        (None, Some(types)) => types,
        (None, None) => return Err(Problem::bad_parameter("type", "is required")),
    };
    let is_for = |wanted: Type| types.contains(&wanted);
    let expires_in = params.take_ttl_or_zero("expire")?;
    match (is_for(Type::Rtc), is_for(Type::Rtm), is_for(Type::Chat)) {
        (true, rtm, chat) => Ok(Ask::Rtc(Box::new(rtc::Ask {
            channel: params.require_sent("channelName")?,
            user: Some(params.require_sent("uid")?),
            role: Role::Publisher,
            with: With {
                rtm: rtm.then_some(Sent { name: "types", value: Companion::Unnamed }),
                chat: chat.then_some(Sent { name: "types", value: Companion::Unnamed }),
            },
            expires_in,
            privileges: AskPrivileges::OfRole,
        }))),
        (false, true, false) => {
            let user = params.require_sent::<Asked<_>>("uid")?;
            Ok(Ask::Rtm(rtm::Ask { user, version: Version::V007, expires_in }))
        }
        (false, false, true) => Ok(Ask::Chat(chat_user::Ask { user: params.require_sent("uid")?, expires_in })),
        (false, true, true) => Err(Problem::bad_parameter("types", "must have 1 (RTC) if it has both 2 and 3")),
        (false, false, false) => Err(Problem::bad_parameter("types", "must not be empty")),
    }
}
