//! Reads JSON more strictly than Serde does. It refuses an object with a name twice, and an array in
//! place of a struct.

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

/// A JSON value in which no object has a name twice.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A whole number of 64 bits.
    Number(u64),
    /// Any other number: it is negative, too large for 64 bits, or not written as a whole number. No parameter takes
    /// these.
    OtherNumber(f64),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Json>),
    /// An object.
    Object(BTreeMap<String, Json>),
}

impl Json {
    /// The number. A float holds every whole number up to 2⁵³. `None`: it is of another type.
    pub(crate) fn as_number(&self) -> Option<f64> {
        match self {
            Json::Number(number) => Some(*number as f64),
            Json::OtherNumber(number) => Some(*number),
            _ => None,
        }
    }

    /// The string. `None`: it is of another type.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Json::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Why a text cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JsonError {
    /// It is not JSON.
    NotJson,
    /// An object has a name twice.
    NameTwice,
}

/// Reads a text as JSON.
pub(crate) fn parse(text: &[u8]) -> Result<Json, JsonError> {
    serde_json::from_slice(text).map_err(|error| match error.classify() {
        // Only `JsonVisitor::visit_map` makes a data error.
        serde_json::error::Category::Data => JsonError::NameTwice,
        _ => JsonError::NotJson,
    })
}

/// Reads a text as this struct, and only from an object: see [`object`].
pub(crate) fn parse_object<'de, T: Deserialize<'de>>(text: &'de str) -> serde_json::Result<T> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = object(&mut deserializer)?;
    deserializer.end().map(|()| read)
}

/// Reads a struct only from an object. Serde would also take an array of the fields' values. Neither the gateway nor
/// the pre-warming function sends such an array.
pub(crate) fn object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    struct Fields<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<T, A::Error> {
            T::deserialize(MapAccessDeserializer::new(fields))
        }
    }
    deserializer.deserialize_map(Fields(PhantomData))
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Json::Null => serializer.serialize_unit(),
            Json::Bool(flag) => serializer.serialize_bool(*flag),
            Json::Number(number) => serializer.serialize_u64(*number),
            Json::OtherNumber(number) => serializer.serialize_f64(*number),
            Json::Text(text) => serializer.serialize_str(text),
            Json::List(items) => items.serialize(serializer),
            Json::Object(entries) => entries.serialize(serializer),
        }
    }
}

/// Notices a name that occurs twice in an object. `serde_json::Value` would not.
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
        Ok(Json::Number(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::OtherNumber(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::OtherNumber(value))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Point {
        x: u8,
        y: u8,
    }

    #[test]
    fn no_object_has_a_name_twice() {
        let read = |text: &str| parse(text.as_bytes());
        let inner = Json::Object(BTreeMap::from([("b".to_owned(), Json::Number(1))]));
        let expected = Json::Object(BTreeMap::from([("a".to_owned(), Json::List(vec![inner, Json::Null]))]));
        assert_eq!(read(r#"{"a":[{"b":1},null]}"#), Ok(expected));
        for twice in [r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":2}"#, r#"[{"b":{"a":1,"a":2}}]"#] {
            assert_eq!(read(twice), Err(JsonError::NameTwice), "{twice}");
        }
        for other in ["", "{", "{}x", "\u{fffd}"] {
            assert_eq!(read(other), Err(JsonError::NotJson), "{other}");
        }
        assert_eq!(parse(b"\"\xff\""), Err(JsonError::NotJson));
    }

    #[test]
    fn only_a_whole_number_of_64_bits_is_a_number() {
        let number = |text: &str| parse(text.as_bytes());
        assert_eq!(number("18446744073709551615"), Ok(Json::Number(u64::MAX)));
        let others = [("-1", -1.0), ("0.5", 0.5), ("1e2", 100.0), ("18446744073709551616", 18446744073709551616.0)];
        for (other, value) in others {
            assert_eq!(number(other), Ok(Json::OtherNumber(value)), "{other}");
        }
        // Too large for any number that we know.
        assert_eq!(number("1e999"), Err(JsonError::NotJson));
    }

    #[test]
    fn a_struct_is_read_from_an_object_alone() {
        let read = |text: &str| object::<Point, _>(&mut serde_json::Deserializer::from_str(text)).ok();
        assert_eq!(read(r#"{"x":1,"y":2}"#), Some(Point { x: 1, y: 2 }));
        assert_eq!(read("[1,2]"), None);
    }
}
