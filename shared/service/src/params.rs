//! What a client asks for: the parameters of path, query and body. A route takes each once, by name, as a checked type.
//!
//! A parameter that the route does not take is unknown. Our own routes refuse it, and drop-in routes ignore it. A parameter
//! that was sent twice is an error.

mod param;

pub use crate::json::Json;
pub use param::{Asked, Companion, Param, ParamError, RoleWord, RtcUserForm, Sent, Service};

use param::OrDefault;

use crate::json::{self, JsonError};
use crate::problem::Problem;
use std::collections::BTreeMap;
use tokens::Ttl;

/// One value as it was sent.
#[derive(Debug, Clone, PartialEq)]
enum Value {
    /// A text from the path or the query, where everything is text.
    Text(String),
    /// A value from a JSON body, where types count.
    Json(Json),
}

/// The parameters in a path, decoded, by their names. `None` stands for a value that is not UTF-8.
pub(crate) type PathParameters = BTreeMap<String, Option<String>>;

/// What happens if a request has a parameter that the route does not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// The request is refused. So a client learns of a misspelled name.
    Refused,
    /// The parameter is ignored. Other token servers do this too, and their clients may send such parameters.
    Ignored,
}

/// The parameters of one request.
#[derive(Debug)]
pub struct Params {
    unknown: Unknown,
    /// The prefix of each name in messages. Inside the object `privileges` it is `privileges.`.
    within: String,
    values: BTreeMap<String, Vec<Value>>,
}

impl Params {
    /// The parameters in the path and in the query string.
    pub(crate) fn of_query(path: &PathParameters, query: &str, unknown: Unknown) -> Result<Params, Problem> {
        let mut params = Params::of_path(path, unknown)?;
        for (name, value) in pairs(query) {
            params.values.entry(name.into_owned()).or_default().push(Value::Text(value.into_owned()));
        }
        Ok(params)
    }

    /// The parameters in the path and in a JSON object in the body. A parameter in the query string is unknown here.
    pub(crate) fn of_body(
        path: &PathParameters,
        query: &str,
        body: &Result<Vec<u8>, Problem>,
        unknown: Unknown,
    ) -> Result<Params, Problem> {
        let mut params = Params::of_path(path, unknown)?;
        if unknown == Unknown::Refused
            && let Some((name, _)) = pairs(query).next()
        {
            return Err(Problem::bad_parameter(
                &shown(&name),
                "a POST takes its parameters from path and body, not from a query string",
            ));
        }
        let fields = match json::parse(body.as_ref().map_err(Problem::clone)?) {
            Ok(Json::Object(fields)) => fields,
            Err(JsonError::NameTwice) => {
                return Err(Problem::bad_parameter("body", "no name may occur twice in an object"));
            }
            Ok(_) | Err(JsonError::NotJson) => return Err(Problem::not_json("the body must be a JSON object")),
        };
        for (name, value) in fields {
            params.values.entry(name).or_default().push(Value::Json(value));
        }
        Ok(params)
    }

    fn of_path(path: &PathParameters, unknown: Unknown) -> Result<Params, Problem> {
        let mut values = BTreeMap::new();
        for (name, value) in path {
            let not_utf8 = || Problem::bad_parameter(name, "must be UTF-8 behind its percent-encoding");
            values.insert(name.clone(), vec![Value::Text(value.clone().ok_or_else(not_utf8)?)]);
        }
        Ok(Params { unknown, within: String::new(), values })
    }

    /// Takes a parameter that may be missing.
    ///
    /// # Errors
    /// The parameter was sent more than once, or its type doesn't take the value.
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

    /// Takes a parameter that may be missing, together with its name.
    ///
    /// # Errors
    /// Those of [`Self::take`].
    pub fn take_sent<T: Param>(&mut self, name: &'static str) -> Result<Option<Sent<T>>, Problem> {
        Ok(self.take(name)?.map(|value| Sent { name, value }))
    }

    /// Takes a parameter that must be there, together with its name.
    ///
    /// # Errors
    /// Those of [`Self::require`].
    pub fn require_sent<T: Param>(&mut self, name: &'static str) -> Result<Sent<T>, Problem> {
        Ok(Sent { name, value: self.require(name)? })
    }

    /// Takes a lifetime. 0 means the default, as at other token servers.
    ///
    /// # Errors
    /// Those of [`Self::take`].
    pub fn take_ttl_or_zero(&mut self, name: &'static str) -> Result<Option<Sent<Ttl>>, Problem> {
        let sent = self.take::<OrDefault>(name)?;
        Ok(sent.and_then(|OrDefault(ttl)| ttl).map(|value| Sent { name, value }))
    }

    /// Takes a parameter whose name may have upper and lower case letters in any place. Go's JSON decoder does the same.
    ///
    /// # Errors
    /// Those of [`Self::take`].
    pub fn take_in_any_case<T: Param>(&mut self, name: &'static str) -> Result<Option<T>, Problem> {
        let is_it = |given: &str| given.eq_ignore_ascii_case(name);
        let spellings: Vec<String> = self.values.keys().filter(|given| is_it(given)).cloned().collect();
        let values: Vec<Value> = spellings.iter().filter_map(|given| self.values.remove(given)).flatten().collect();
        if !values.is_empty() {
            self.values.insert(name.to_owned(), values);
        }
        self.take(name)
    }

    /// Takes a parameter that must be there.
    ///
    /// # Errors
    /// Those of [`Self::take`]. Or the parameter is missing.
    pub fn require<T: Param>(&mut self, name: &'static str) -> Result<T, Problem> {
        self.take(name)?.ok_or_else(|| self.wrong(name, "is required"))
    }

    /// Takes a list. In a query it is a parameter that may be repeated, in a body an array.
    ///
    /// # Errors
    /// The type doesn't take an item.
    pub fn take_list<T: Param>(&mut self, name: &'static str) -> Result<Option<Vec<T>>, Problem> {
        self.items(name, |text| vec![text])
    }

    /// Takes a list, like [`Self::take_list`]. In a query, one parameter may also hold items separated by commas.
    ///
    /// # Errors
    /// The type doesn't take an item.
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

    /// Takes a JSON object. Its fields are parameters of their own.
    ///
    /// # Errors
    /// The value is not an object, or `take` fails, or a field is unknown.
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
        let mut params = Params { unknown: self.unknown, within: format!("{}.", self.full(name)), values };
        let taken = take(&mut params)?;
        params.finish()?;
        Ok(Some(taken))
    }

    /// Whether a parameter is a JSON object.
    pub fn is_object(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(|values| matches!(values[..], [Value::Json(Json::Object(_))]))
    }

    /// Refuses a parameter that nobody has taken, unless the route ignores such parameters.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        match (self.unknown, self.values.keys().next()) {
            (Unknown::Ignored, _) | (Unknown::Refused, None) => Ok(()),
            (Unknown::Refused, Some(name)) => Err(Problem::bad_parameter(
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

/// A query string's pairs. The gateway also sends them as a map, but that joins repeated ones with commas. So the map
/// is not used.
fn pairs(query: &str) -> form_urlencoded::Parse<'_> {
    form_urlencoded::parse(query.as_bytes())
}

/// A parameter name from a client, if an answer may show it: it must be short and contain only plain characters. An app
/// certificate and a server secret have 32 characters, so nobody finds one in an answer.
fn shown(name: &str) -> String {
    let plain = name.len() < 32 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    if plain && !name.is_empty() { name.to_owned() } else { "(unprintable name)".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokens::Ttl;
    use tokens::agora::{ChannelName, Role, Uid};

    fn path() -> PathParameters {
        BTreeMap::from([("channel".to_owned(), Some("demo".to_owned()))])
    }

    fn of_query(query: &str) -> Params {
        Params::of_query(&path(), query, Unknown::Refused).expect("parameters")
    }

    fn of_body(body: &str) -> Result<Params, Problem> {
        Params::of_body(&path(), "", &Ok(body.into()), Unknown::Refused)
    }

    fn refused<T: std::fmt::Debug>(taken: Result<T, Problem>) -> (u16, String) {
        let problem = taken.expect_err("refused");
        (problem.status(), problem.detail().to_owned())
    }

    #[test]
    fn what_is_taken_is_checked_and_what_is_left_is_unknown() {
        let mut params = of_query("role=publisher&expires_in=60");
        assert_eq!(params.require::<ChannelName>("channel").expect("from the path").as_str(), "demo");
        assert_eq!(params.take::<Role>("role"), Ok(Some(Role::Publisher)));
        assert_eq!(params.take::<Uid>("uid"), Ok(None));
        let (status, detail) = refused(params.finish());
        assert!(status == 400 && detail.starts_with("expires_in: "), "{detail}");
    }

    #[test]
    fn a_parameter_that_is_needed_is_named() {
        let (status, detail) = refused(of_query("").require::<Uid>("uid"));
        assert!(status == 400 && detail.starts_with("uid: "), "{detail}");
    }

    #[test]
    fn nothing_may_come_twice() {
        let (status, detail) = refused(of_query("role=publisher&role=publisher").take::<Role>("role"));
        assert!(status == 400 && detail.starts_with("role: "), "{detail}");
        // The path already has this parameter.
        let (status, detail) = refused(of_query("channel=other").require::<ChannelName>("channel"));
        assert!(status == 400 && detail.starts_with("channel: "), "{detail}");
        let (status, detail) = refused(of_body(r#"{"role":"publisher","role":"publisher"}"#));
        assert!(status == 400 && detail.contains("twice"), "{detail}");
    }

    #[test]
    fn a_number_has_one_spelling() {
        let ttl = |text: &str| of_query(&format!("expires_in={text}")).take::<Ttl>("expires_in");
        assert_eq!(ttl("60").map(|ttl| ttl.map(Ttl::as_seconds)), Ok(Some(60)));
        for wrong in ["060", "%2B60", "-1", "6e1", "60.0", "0", "86401", "18446744073709551616", ""] {
            assert_eq!(refused(ttl(wrong)).0, 400, "{wrong}");
        }
        let ttl = |json: &str| of_body(&format!(r#"{{"expires_in":{json}}}"#))?.take::<Ttl>("expires_in");
        assert_eq!(ttl("60").map(|ttl| ttl.map(Ttl::as_seconds)), Ok(Some(60)));
        for wrong in ["\"60\"", "60.5", "-60", "null", "true", "[60]", "{}"] {
            assert_eq!(refused(ttl(wrong)).0, 400, "{wrong}");
        }
    }

    #[test]
    fn a_wildcard_is_forbidden_and_not_merely_wrong() {
        assert_eq!(refused(of_query("uid=0").take::<Uid>("uid")).0, 403);
        assert_eq!(refused(of_query("name=*").take::<ChannelName>("name")).0, 403);
        assert_eq!(refused(of_query("name=%C3%A9").take::<ChannelName>("name")).0, 400);
    }

    #[test]
    fn an_odd_name_is_not_repeated() {
        let (_, detail) = refused(of_query("%1b%5b31m=1").finish());
        assert!(!detail.contains('\u{1b}'), "{detail}");
    }

    #[test]
    fn what_a_drop_in_route_does_not_take_is_ignored() {
        let params = |query, body: &str| Params::of_body(&path(), query, &Ok(body.into()), Unknown::Ignored);
        let sent = r#"{"uid":7,"ts":[1],"service":{"enable":true,"more":{}}}"#;
        let mut drop_in = params("t=1&uid=8", sent).expect("parameters");
        assert_eq!(drop_in.take("uid"), Ok(Uid::new(7).ok()));
        assert_eq!(drop_in.take_object("service", |service| service.take("enable")), Ok(Some(Some(true))));
        assert_eq!(drop_in.finish(), Ok(()));
        assert_eq!(Params::of_query(&path(), "3600&t=1", Unknown::Ignored).map(Params::finish), Ok(Ok(())));
        // What it takes must still be right.
        let mut wrong = params("", r#"{"uid":"all","UID":7}"#).expect("parameters");
        assert_eq!(refused(wrong.take::<Uid>("uid")).0, 400);
        assert_eq!(
            refused(Params::of_query(&path(), "uid=1&uid=2", Unknown::Ignored).expect("parameters").take::<Uid>("uid"))
                .0,
            400
        );
    }

    #[test]
    fn a_body_is_an_object_and_takes_no_query_beside_it() {
        for wrong in ["", "[]", "7", "{", "\"uid\""] {
            assert_eq!(refused(of_body(wrong)).0, 400, "{wrong}");
        }
        let (status, detail) =
            refused(Params::of_body(&path(), "role=publisher", &Ok(b"{}".to_vec()), Unknown::Refused));
        assert!(status == 400 && detail.starts_with("role: "), "{detail}");
    }

    #[test]
    fn what_the_front_could_not_read_is_refused() {
        let broken = BTreeMap::from([("channel".to_owned(), None)]);
        let (status, detail) = refused(Params::of_query(&broken, "", Unknown::Refused));
        assert!(status == 400 && detail.starts_with("channel: "), "{detail}");
        assert_eq!(refused(Params::of_body(&path(), "", &Err(Problem::too_large(8192)), Unknown::Refused)).0, 413);
    }
}
