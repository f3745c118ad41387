//! The types that a parameter can have, and how to read each.

use crate::json::Json;
use crate::problem::Problem;
use std::fmt;
use tokens::agora::{
    ApaasRole, ChannelName, ChatUserId, Role, RoomUuid, RtcUser, RtmUserId, Uid, UidError, UserAccount, UserUuid,
    Version,
};
use tokens::zego::{RoomId, StreamId, UserId, UserName, ZimUserId};
use tokens::{NameError, NameFlaw, Ttl};

/// Why a parameter doesn't take a value.
#[derive(Debug)]
pub struct ParamError {
    rule: String,
    wildcard: bool,
}

impl ParamError {
    /// A value that breaks this rule.
    pub fn rule(rule: impl fmt::Display) -> ParamError {
        ParamError { rule: rule.to_string(), wildcard: false }
    }

    pub(crate) fn of_the_callers_own_id(self) -> ParamError {
        ParamError { rule: format!("the caller's own id doesn't fit: {}", self.rule), ..self }
    }

    /// The problem of this error. A wildcard is forbidden: it is well-formed, but nobody may have one.
    pub(crate) fn problem(self, parameter: &str) -> Problem {
        match self.wildcard {
            true => Problem::forbidden(format!("{parameter}: {}", self.rule)),
            false => Problem::bad_parameter(parameter, self.rule),
        }
    }
}

impl From<NameError> for ParamError {
    fn from(error: NameError) -> ParamError {
        ParamError { wildcard: matches!(error.flaw(), NameFlaw::Wildcard(_)), rule: error.to_string() }
    }
}

/// A type that a parameter can have.
pub trait Param: Sized {
    /// Reads it from a path or a query.
    ///
    /// # Errors
    /// The value is wrong. The error says what it must be.
    fn of_text(text: &str) -> Result<Self, ParamError>;

    /// Reads it from a body. By default it is a JSON string there, and is read like a text from a query.
    ///
    /// # Errors
    /// The value is wrong. The error says what it must be.
    fn of_json(json: &Json) -> Result<Self, ParamError> {
        match json {
            Json::Text(text) => Self::of_text(text),
            _ => Err(ParamError::rule("must be a string")),
        }
    }
}

/// Names, each with its vendor's rule.
macro_rules! names {
    ($($name:ty),*) => {
        $(impl Param for $name {
            fn of_text(text: &str) -> Result<Self, ParamError> {
                Ok(Self::new(text)?)
            }
        })*
    };
}
names!(
    ChannelName,
    UserAccount,
    RtmUserId,
    ChatUserId,
    RoomUuid,
    UserUuid,
    UserId,
    ZimUserId,
    RoomId,
    StreamId,
    UserName
);

/// A number in a query. It has only one spelling: no sign and no leading zero.
fn number_of_text(text: &str, rule: &str) -> Result<u64, ParamError> {
    let number = text.parse().ok().filter(|number: &u64| number.to_string() == text);
    number.ok_or_else(|| ParamError::rule(rule))
}

/// A number in a body.
fn number_of_json(json: &Json, rule: &str) -> Result<u64, ParamError> {
    match json {
        Json::Number(number) => Ok(*number),
        _ => Err(ParamError::rule(rule)),
    }
}

const TTL_RULE: &str = "must be a whole number of seconds, 1 to 86400";

impl Param for Ttl {
    fn of_text(text: &str) -> Result<Ttl, ParamError> {
        Ttl::from_seconds(number_of_text(text, TTL_RULE)?).map_err(ParamError::rule)
    }

    fn of_json(json: &Json) -> Result<Ttl, ParamError> {
        Ttl::from_seconds(number_of_json(json, TTL_RULE)?).map_err(ParamError::rule)
    }
}

const UID_RULE: &str = "must be a whole number, 1 to 4294967295";

impl Param for Uid {
    fn of_text(text: &str) -> Result<Uid, ParamError> {
        Ok(Uid::new(number_of_text(text, UID_RULE)?)?)
    }

    fn of_json(json: &Json) -> Result<Uid, ParamError> {
        Ok(Uid::new(number_of_json(json, UID_RULE)?)?)
    }
}

impl From<UidError> for ParamError {
    fn from(error: UidError) -> ParamError {
        let wildcard = error == UidError::Wildcard;
        let what_to_set = if wildcard { ". GET /rtc/{channel}/token tells the caller's own uid" } else { "" };
        ParamError { wildcard, rule: format!("{error}{what_to_set}") }
    }
}

impl Param for Role {
    fn of_text(text: &str) -> Result<Role, ParamError> {
        match text {
            "subscriber" => Ok(Role::Subscriber),
            "publisher" => Ok(Role::Publisher),
            _ => Err(ParamError::rule("must be one of: subscriber publisher")),
        }
    }
}

const APAAS_ROLE_RULE: &str = "must be a whole number, 0 to 32767";

impl Param for ApaasRole {
    fn of_text(text: &str) -> Result<ApaasRole, ParamError> {
        apaas_role(number_of_text(text, APAAS_ROLE_RULE)?)
    }

    fn of_json(json: &Json) -> Result<ApaasRole, ParamError> {
        apaas_role(number_of_json(json, APAAS_ROLE_RULE)?)
    }
}

fn apaas_role(number: u64) -> Result<ApaasRole, ParamError> {
    let role = i16::try_from(number).ok().and_then(|role| ApaasRole::new(role).ok());
    role.ok_or_else(|| ParamError::rule(APAAS_ROLE_RULE))
}

impl Param for Version {
    fn of_text(text: &str) -> Result<Version, ParamError> {
        match text {
            "007" => Ok(Version::V007),
            "006" => Ok(Version::V006),
            _ => Err(ParamError::rule("must be one of: 007 006")),
        }
    }
}

impl Param for Service {
    fn of_text(text: &str) -> Result<Service, ParamError> {
        match text {
            "rtm" => Ok(Service::Rtm),
            "chat" => Ok(Service::Chat),
            _ => Err(ParamError::rule("must be one of: rtm chat")),
        }
    }
}

/// A further service that an RTC token may open too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// RTM (Signaling).
    Rtm,
    /// Chat.
    Chat,
}

/// The user of a further service in an RTC token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Companion<N> {
    /// The request names the service, but no user.
    Unnamed,
    /// The request names this user.
    Asked(Asked<N>),
}

impl Param for bool {
    fn of_text(text: &str) -> Result<bool, ParamError> {
        match text {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(ParamError::rule("must be true or false")),
        }
    }

    fn of_json(json: &Json) -> Result<bool, ParamError> {
        match json {
            Json::Bool(value) => Ok(*value),
            _ => Err(ParamError::rule("must be true or false")),
        }
    }
}

/// A value with the name of its parameter. So a refusal of the value can name the parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent<T> {
    /// The parameter's name.
    pub name: &'static str,
    /// The parameter's value.
    pub value: T,
}

impl<T> Sent<T> {
    /// The value in another form, with the same parameter's name.
    pub fn map<U>(self, form: impl FnOnce(T) -> U) -> Sent<U> {
        Sent { name: self.name, value: form(self.value) }
    }
}

/// A lifetime as other token servers take it: 0 means the default.
pub(super) struct OrDefault(pub(super) Option<Ttl>);

impl Param for OrDefault {
    fn of_text(text: &str) -> Result<OrDefault, ParamError> {
        if text == "0" { Ok(OrDefault(None)) } else { OrDefault::of(Ttl::of_text(text)) }
    }

    fn of_json(json: &Json) -> Result<OrDefault, ParamError> {
        match json {
            Json::Number(0) => Ok(OrDefault(None)),
            json => OrDefault::of(Ttl::of_json(json)),
        }
    }
}

impl OrDefault {
    fn of(ttl: Result<Ttl, ParamError>) -> Result<OrDefault, ParamError> {
        let or_zero = |error: ParamError| ParamError { rule: format!("{}, or 0 for the default", error.rule), ..error };
        ttl.map(|ttl| OrDefault(Some(ttl))).map_err(or_zero)
    }
}

/// A role in the words and numbers of other token servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoleWord(pub Role);

const ROLE_WORD_RULE: &str = "must be one of: publisher host broadcaster 1, or subscriber audience 2";

impl Param for RoleWord {
    fn of_text(text: &str) -> Result<RoleWord, ParamError> {
        match text {
            "publisher" | "host" | "broadcaster" | "1" => Ok(RoleWord(Role::Publisher)),
            "subscriber" | "audience" | "2" => Ok(RoleWord(Role::Subscriber)),
            _ => Err(ParamError::rule(ROLE_WORD_RULE)),
        }
    }

    fn of_json(json: &Json) -> Result<RoleWord, ParamError> {
        match json {
            Json::Number(1) => Ok(RoleWord(Role::Publisher)),
            Json::Number(2) => Ok(RoleWord(Role::Subscriber)),
            Json::Text(text) => RoleWord::of_text(text),
            _ => Err(ParamError::rule(ROLE_WORD_RULE)),
        }
    }
}

/// Which form of RTC user a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RtcUserForm {
    /// A number.
    Uid,
    /// A string.
    Account,
}

impl Param for RtcUserForm {
    fn of_text(text: &str) -> Result<RtcUserForm, ParamError> {
        match text {
            "uid" => Ok(RtcUserForm::Uid),
            "userAccount" => Ok(RtcUserForm::Account),
            _ => Err(ParamError::rule("must be one of: uid userAccount")),
        }
    }
}

/// A user of RTC as one value. Digits are a uid, and any other text is an account.
impl Param for RtcUser {
    fn of_text(text: &str) -> Result<RtcUser, ParamError> {
        if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
            return Uid::of_text(text).map(RtcUser::Uid);
        }
        UserAccount::of_text(text).map(RtcUser::Account)
    }

    fn of_json(json: &Json) -> Result<RtcUser, ParamError> {
        match json {
            Json::Text(text) => RtcUser::of_text(text),
            json => Uid::of_json(json).map(RtcUser::Uid),
        }
    }
}

/// The user that a client asks a token for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked<N> {
    /// `me`: the caller.
    Me,
    /// A user by id.
    Named(N),
}

impl<N: Param> Param for Asked<N> {
    fn of_text(text: &str) -> Result<Self, ParamError> {
        if text == "me" { Ok(Asked::Me) } else { N::of_text(text).map(Asked::Named) }
    }
}
