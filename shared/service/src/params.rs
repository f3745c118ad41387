//! What a client asks for: the parameters of path, query and body, each taken once and by name, as a checked type.
//!
//! What nobody takes is unknown, and an error; so is what was sent twice.

use crate::event::Event;
use crate::problem::Problem;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;
use tokens::agora::{ChannelName, ChatUserId, Role, RtmUserId, Uid, UserAccount, Version};
use tokens::zego::{RoomId, StreamId, UserId, ZimUserId};
use tokens::{NameError, NameFlaw, Ttl};

/// One value as it was sent.
#[derive(Debug, Clone, PartialEq)]
enum Value {
    /// A text from the path or the query, where everything is text.
    Text(String),
    /// A value from a JSON body, where types count.
    Json(Json),
}

/// A JSON value in which no object has a name twice.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A whole number; `None` where it is negative, a fraction, or beyond 64 bits: no parameter takes such a number.
    Number(Option<u64>),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Json>),
    /// An object.
    Object(BTreeMap<String, Json>),
}

/// The parameters of one request.
#[derive(Debug)]
pub struct Params {
    /// What stands before a name in messages: `privileges.` within that object.
    within: String,
    values: BTreeMap<String, Vec<Value>>,
}

impl Params {
    /// The parameters in the path and in the query string.
    pub(crate) fn of_query(event: &Event) -> Result<Params, Problem> {
        let mut params = Params::of_path(event)?;
        for (name, value) in query(event) {
            params.values.entry(name.into_owned()).or_default().push(Value::Text(value.into_owned()));
        }
        Ok(params)
    }

    /// The parameters in the path and in a JSON object in the body. A query string belongs to no such request, so
    /// what it holds is unknown.
    pub(crate) fn of_body(event: &Event) -> Result<Params, Problem> {
        let mut params = Params::of_path(event)?;
        if let Some((name, _)) = query(event).next() {
            return Err(Problem::bad_parameter(
                &shown(&name),
                "a POST takes its parameters from path and body, not from a query string",
            ));
        }
        let Json::Object(fields) = parse_json(&event.body()?)? else {
            return Err(Problem::not_json("the body must be a JSON object"));
        };
        for (name, value) in fields {
            params.values.entry(name).or_default().push(Value::Json(value));
        }
        Ok(params)
    }

    fn of_path(event: &Event) -> Result<Params, Problem> {
        let mut values = BTreeMap::new();
        for (name, value) in event.path_parameters() {
            let value =
                value.ok_or_else(|| Problem::bad_parameter(name, "must be UTF-8 behind its percent-encoding"))?;
            values.insert(name.to_owned(), vec![Value::Text(value.into_owned())]);
        }
        Ok(Params { within: String::new(), values })
    }

    /// Takes a parameter that may be missing.
    ///
    /// # Errors
    /// It was sent more than once, or is not what its type takes.
    pub fn take<T: Param>(&mut self, name: &'static str) -> Result<Option<T>, Problem> {
        let Some(mut values) = self.values.remove(name) else { return Ok(None) };
        let (Some(value), true) = (values.pop(), values.is_empty()) else {
            return Err(self.wrong(name, "must be given only once"));
        };
        match value {
            Value::Text(text) => T::of_text(&text),
            Value::Json(json) => T::of_json(&json),
        }
        .map(Some)
        .map_err(|wrong| wrong.problem(&self.full(name)))
    }

    /// Takes a parameter that must be there.
    ///
    /// # Errors
    /// Those of [`Self::take`], and its absence.
    pub fn require<T: Param>(&mut self, name: &'static str) -> Result<T, Problem> {
        self.take(name)?.ok_or_else(|| self.wrong(name, "is required"))
    }

    /// Takes a list: in a query a parameter that may be repeated, in a body an array.
    ///
    /// # Errors
    /// An item is not what its type takes.
    pub fn take_list<T: Param>(&mut self, name: &'static str) -> Result<Option<Vec<T>>, Problem> {
        self.items(name, |text| vec![text])
    }

    /// The same, but in a query the items may also stand in one parameter with commas between them.
    ///
    /// # Errors
    /// An item is not what its type takes.
    pub fn take_comma_list<T: Param>(&mut self, name: &'static str) -> Result<Option<Vec<T>>, Problem> {
        self.items(name, |text| text.split(',').collect())
    }

    fn items<T: Param>(&mut self, name: &'static str, split: fn(&str) -> Vec<&str>) -> Result<Option<Vec<T>>, Problem> {
        let Some(values) = self.values.remove(name) else { return Ok(None) };
        let full = self.full(name);
        let wrong = |error: ParamError| error.problem(&full);
        let mut items = Vec::new();
        for value in values {
            match value {
                Value::Text(text) => {
                    for item in split(&text) {
                        items.push(T::of_text(item).map_err(wrong)?);
                    }
                }
                Value::Json(Json::List(list)) => {
                    for item in &list {
                        items.push(T::of_json(item).map_err(wrong)?);
                    }
                }
                Value::Json(_) => return Err(self.wrong(name, "must be an array")),
            }
        }
        Ok(Some(items))
    }

    /// Takes a JSON object as parameters of its own, and lets `take` take them all.
    ///
    /// # Errors
    /// It is no object, or `take` fails, or leaves something over.
    pub fn take_object<T>(
        &mut self,
        name: &'static str,
        take: impl FnOnce(&mut Params) -> Result<T, Problem>,
    ) -> Result<Option<T>, Problem> {
        let Some(mut values) = self.values.remove(name) else { return Ok(None) };
        let (Some(Value::Json(Json::Object(fields))), true) = (values.pop(), values.is_empty()) else {
            return Err(self.wrong(name, "must be a JSON object, in the body"));
        };
        let values = fields.into_iter().map(|(name, json)| (name, vec![Value::Json(json)])).collect();
        let mut params = Params { within: format!("{}.", self.full(name)), values };
        let taken = take(&mut params)?;
        params.finish()?;
        Ok(Some(taken))
    }

    /// Checks that nothing is left over.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        match self.values.keys().next() {
            None => Ok(()),
            Some(name) => Err(Problem::bad_parameter(
                &format!("{}{}", self.within, shown(name)),
                "is not a parameter of this route",
            )),
        }
    }

    fn full(&self, name: &str) -> String {
        format!("{}{name}", self.within)
    }

    fn wrong(&self, name: &str, rule: &str) -> Problem {
        Problem::bad_parameter(&self.full(name), rule)
    }
}

/// The query string's pairs. The gateway's own map of them joins repeated ones with commas, so it isn't used.
fn query(event: &Event) -> form_urlencoded::Parse<'_> {
    form_urlencoded::parse(event.raw_query_string.as_deref().unwrap_or_default().as_bytes())
}

/// A name that a client made up, fit to be shown back: short, and without anything odd.
fn shown(name: &str) -> String {
    let plain = name.len() <= 40 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    if plain && !name.is_empty() { name.to_owned() } else { "(unprintable name)".to_owned() }
}

/// Why a value isn't what a parameter takes.
#[derive(Debug)]
pub struct ParamError {
    rule: String,
    wildcard: bool,
}

impl ParamError {
    fn rule(rule: impl fmt::Display) -> ParamError {
        ParamError { rule: rule.to_string(), wildcard: false }
    }

    pub(crate) fn of_the_callers_own_id(self) -> ParamError {
        ParamError { rule: format!("the caller's own id doesn't fit: {}", self.rule), ..self }
    }

    /// A wildcard is well-formed and understood, but nobody may have one.
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
    /// Says what it must be instead.
    fn of_text(text: &str) -> Result<Self, ParamError>;

    /// Reads it from a body. Unless a type says otherwise it is a JSON string there, read as in a query.
    ///
    /// # Errors
    /// Says what it must be instead.
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
names!(ChannelName, UserAccount, RtmUserId, ChatUserId, UserId, ZimUserId, RoomId, StreamId);

/// Numbers: decimal digits in a query, a JSON number in a body.
macro_rules! numbers {
    ($($name:ty, $rule:literal, $of_number:expr;)*) => {
        $(impl Param for $name {
            fn of_text(text: &str) -> Result<Self, ParamError> {
                // One spelling for each number: no sign, no leading zero.
                let number = text.parse().ok().filter(|number: &u64| number.to_string() == text);
                $of_number(number.ok_or_else(|| ParamError::rule($rule))?)
            }

            fn of_json(json: &Json) -> Result<Self, ParamError> {
                let Json::Number(Some(number)) = json else { return Err(ParamError::rule($rule)) };
                $of_number(*number)
            }
        })*
    };
}
numbers! {
    Ttl, "must be a whole number of seconds, 1 to 86400", |seconds| Ttl::from_seconds(seconds).map_err(ParamError::rule);
    Uid, "must be a whole number, 1 to 4294967295", |uid| Uid::new(uid).map_err(|error| ParamError {
        wildcard: error == tokens::agora::UidError::Wildcard,
        rule: error.to_string(),
    });
}

/// Words of a fixed list.
macro_rules! words {
    ($($name:ty { $($word:literal => $value:expr),* })*) => {
        $(impl Param for $name {
            fn of_text(text: &str) -> Result<Self, ParamError> {
                match text {
                    $($word => Ok($value),)*
                    _ => Err(ParamError::rule(concat!("must be one of:", $(" ", $word),*))),
                }
            }
        })*
    };
}
words! {
    Role { "subscriber" => Role::Subscriber, "publisher" => Role::Publisher }
    Version { "007" => Version::V007, "006" => Version::V006 }
    Companion { "rtm" => Companion::Rtm, "chat" => Companion::Chat }
}

/// A service that may ride along in an RTC token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Companion {
    /// RTM (Signaling).
    Rtm,
    /// Chat.
    Chat,
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

/// The user that a client asks a token for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked<N> {
    /// `me`: the caller, whoever that is.
    Me,
    /// A user by name.
    Named(N),
}

impl<N: Param> Param for Asked<N> {
    fn of_text(text: &str) -> Result<Self, ParamError> {
        if text == "me" { Ok(Asked::Me) } else { N::of_text(text).map(Asked::Named) }
    }
}

/// Reads a body as JSON. Errors never quote it.
fn parse_json(body: &[u8]) -> Result<Json, Problem> {
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        // The one data error there can be, see `JsonVisitor::visit_map`.
        serde_json::error::Category::Data => Problem::bad_parameter("body", "no name may occur twice in an object"),
        _ => Problem::not_json("the body must be a JSON object"),
    })
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

/// Keeps what `serde_json::Value` would lose: that a name occurs twice in an object.
struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(Some(value)))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Json, E> {
        Ok(Json::Number(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
        Ok(Json::Number(None))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut object = BTreeMap::new();
        while let Some((name, value)) = entries.next_entry::<String, Json>()? {
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("a name occurs twice"));
            }
        }
        Ok(Json::Object(object))
    }
}
