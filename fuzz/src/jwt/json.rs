//! Reads JSON for the judge. The service has a reader of its own, and the two share no code but Serde's parser.

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use service::params::Json;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

/// An object's members. Each name occurs once.
pub(super) type Members = BTreeMap<String, Value>;

/// A JSON value in which no object has a name twice.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Flag(bool),
    Whole(u64),
    Negative(i64),
    Fraction(f64),
    Text(String),
    List(Vec<Value>),
    Object(Members),
}

/// An object. `None`: the bytes are something else, or a name occurs twice in any object within.
pub(super) fn object(bytes: &[u8]) -> Option<Members> {
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(members)) => Some(members),
        _ => None,
    }
}

impl Value {
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether the service says the same value, with the same type.
    pub(super) fn is(&self, said: &Json) -> bool {
        match (self, said) {
            (Value::Null, Json::Null) => true,
            (Value::Flag(flag), Json::Bool(said)) => flag == said,
            (Value::Whole(number), Json::Number(said)) => number == said,
            (Value::Negative(number), Json::OtherNumber(said)) => *number as f64 == *said,
            (Value::Fraction(number), Json::OtherNumber(said)) => number == said,
            (Value::Text(text), Json::Text(said)) => text == said,
            (Value::List(list), Json::List(said)) => {
                list.len() == said.len() && list.iter().zip(said).all(|(value, said)| value.is(said))
            }
            (Value::Object(members), Json::Object(said)) => are(members, said),
            _ => false,
        }
    }
}

/// Whether the service says the same members.
pub(super) fn are(members: &Members, said: &BTreeMap<String, Json>) -> bool {
    members.len() == said.len() && members.iter().all(|(name, value)| said.get(name).is_some_and(|said| value.is(said)))
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value in which no name occurs twice")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Flag(flag))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Whole(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Negative(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Fraction(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        Ok(Value::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut members = Members::new();
        while let Some(name) = object.next_key()? {
            match members.entry(name) {
                Entry::Vacant(entry) => entry.insert(object.next_value()?),
                Entry::Occupied(_) => return Err(A::Error::custom("twice")),
            };
        }
        Ok(Value::Object(members))
    }
}
