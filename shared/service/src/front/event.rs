//! The event that API Gateway's HTTP API sends (payload format 2.0), read strictly and only as far as it is used.
//!
//! `aws_lambda_events` has the whole event as one type, which fails to parse as a whole when, say, one claim is a
//! number. Here identity is a part of its own ([`Authorizer`]): what isn't exactly what the gateway sends is nobody, and
//! the rest of the request can still be answered.

use crate::json::object;
use crate::problem::Problem;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use monostate::MustBe;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The largest body that is read, in bytes.
pub(crate) const MAX_BODY_BYTES: usize = 8 * 1024;

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Event {
    /// The only payload format this reads: 1.0 has other fields under the same names.
    #[serde(rename = "version")]
    _version: MustBe!("2.0"),
    /// The emulator sends null for none.
    pub(crate) raw_query_string: Option<String>,
    path_parameters: Option<BTreeMap<String, String>>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(deserialize_with = "object")]
    pub(crate) request_context: RequestContext,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RequestContext {
    #[serde(deserialize_with = "object")]
    pub(crate) http: Http,
    pub(crate) request_id: String,
    /// See [`Event::route_path`].
    route_key: String,
    pub(crate) authorizer: Option<Value>,
}

#[derive(Debug, serde::Deserialize)]
pub(crate) struct Http {
    pub(crate) method: String,
}

impl Event {
    /// Reads an event, or says that it is none. Whatever doesn't parse has no identity either.
    pub(crate) fn parse(json: &str) -> Result<Event, Problem> {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let event = object::<Event, _>(&mut deserializer).and_then(|event| deserializer.end().map(|()| event));
        event.map_err(|_| Problem::bad_event())
    }

    /// The path of the route as the template spells it, from a route key such as `GET /rtm/{user_id}/token`. `None` under
    /// the emulator, which calls every route `$default`; the template has no such route.
    pub(crate) fn route_path(&self) -> Option<&str> {
        let route_key = self.request_context.route_key.as_str();
        (route_key != "$default").then(|| route_key.split_once(' ').map_or(route_key, |(_, path)| path))
    }

    /// The parameters in the path, decoded.
    ///
    /// API Gateway sends them decoded. The emulator, which knows no route keys, leaves them as the client wrote them.
    pub(crate) fn path_parameters(&self) -> impl Iterator<Item = (&str, Option<Cow<'_, str>>)> {
        let encoded = self.route_path().is_none();
        let decode = move |value| match encoded {
            true => percent_decode_str(value).decode_utf8().ok(),
            false => Some(Cow::Borrowed(value)),
        };
        self.path_parameters.iter().flatten().map(move |(name, value)| (name.as_str(), decode(value)))
    }

    /// A header by its lower-case name; the gateway joins repeated ones with commas.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        // API Gateway sends names in lower case; events made by hand need not.
        self.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body's bytes.
    pub(crate) fn body(&self) -> Result<Cow<'_, [u8]>, Problem> {
        let body = self.body.as_deref().unwrap_or_default();
        // Measured before it is decoded too: nothing large is even copied.
        if body.len() > MAX_BODY_BYTES.div_ceil(3) * 4 || (!self.is_base64_encoded && body.len() > MAX_BODY_BYTES) {
            return Err(Problem::too_large(MAX_BODY_BYTES));
        }
        if !self.is_base64_encoded {
            return Ok(Cow::Borrowed(body.as_bytes()));
        }
        let body = BASE64_STANDARD.decode(body).map_err(|_| Problem::not_json("the body's base64 is broken"))?;
        if body.len() > MAX_BODY_BYTES {
            return Err(Problem::too_large(MAX_BODY_BYTES));
        }
        Ok(Cow::Owned(body))
    }

    /// Whether `Accept` asks for this media type by name: `*/*` doesn't, nor does a weight of 0.
    pub(crate) fn accepts_by_name(&self, media_type: &str) -> bool {
        self.header("accept").unwrap_or_default().split(',').any(|range| {
            let mut parts = range.split(';').map(str::trim);
            let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(media_type));
            let refused = |parameter: &str| {
                let weight = parameter.to_ascii_lowercase().strip_prefix("q=").map(str::to_owned);
                weight.is_some_and(|weight| weight.parse() == Ok(0.0))
            };
            named && !parts.any(refused)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn event(change: impl FnOnce(&mut Value)) -> Result<Event, Problem> {
        let mut event = json!({
            "version": "2.0",
            "routeKey": "GET /rtm/{user_id}/token",
            "rawPath": "/rtm/alice/token",
            "rawQueryString": "",
            "headers": {},
            "pathParameters": { "user_id": "a%20b" },
            "requestContext": {
                "http": { "method": "GET", "path": "/rtm/alice/token" },
                "requestId": "id",
                "routeKey": "GET /rtm/{user_id}/token",
            },
            "isBase64Encoded": false,
        });
        change(&mut event);
        Event::parse(&event.to_string())
    }

    fn first_parameter(event: &Event) -> Option<String> {
        event.path_parameters().next().expect("one").1.map(Cow::into_owned)
    }

    #[test]
    fn the_gateway_sends_decoded_parameters_and_the_emulator_encoded_ones() {
        let gateway = event(|_| ()).expect("valid");
        assert_eq!(first_parameter(&gateway).as_deref(), Some("a%20b"));
        let emulator = event(|event| event["requestContext"]["routeKey"] = json!("$default")).expect("valid");
        assert_eq!(first_parameter(&emulator).as_deref(), Some("a b"));
        let not_utf8 = event(|event| {
            event["requestContext"]["routeKey"] = json!("$default");
            event["pathParameters"]["user_id"] = json!("%ff");
        });
        assert_eq!(first_parameter(&not_utf8.expect("valid")), None);
    }

    #[test]
    fn other_events_are_refused() {
        for version in [json!("1.0"), json!(2.0), json!(null), json!({ "2.0": null }), json!(["2.0"])] {
            assert!(event(|event| event["version"] = version.clone()).is_err(), "{version}");
        }
        assert!(event(|event| _ = event.as_object_mut().expect("an object").remove("requestContext")).is_err());
        let as_array = |event: &mut Value| {
            let http = event["requestContext"]["http"].take();
            event["requestContext"] = json!([http, "id", "GET /rtm/{user_id}/token", null]);
        };
        assert!(event(as_array).is_err(), "a struct's fields in an array");
        assert!(event(|event| event["requestContext"]["http"] = json!(["GET"])).is_err());
        assert!(
            Event::parse(
                r#"["2.0","",{},{},{"http":{"method":"GET"},"requestId":"id","routeKey":"GET /"},null,false]"#
            )
            .is_err()
        );
        for other in ["null", "[]", "{}", r#"{"warmUp":true}"#, r#"{"source":"aws.scheduler","detail":{}}"#] {
            assert!(Event::parse(other).is_err(), "{other}");
        }
    }

    #[test]
    fn a_body_is_decoded_within_bounds() {
        let body = |text: String, encoded: bool| {
            let event = event(|event| {
                event["body"] = json!(text);
                event["isBase64Encoded"] = json!(encoded);
            });
            event.expect("valid").body().map(Cow::into_owned).map_err(|problem| problem.status())
        };
        assert_eq!(body("{}".to_owned(), false), Ok(b"{}".to_vec()));
        assert_eq!(body("e30=".to_owned(), true), Ok(b"{}".to_vec()));
        assert_eq!(body("!!!".to_owned(), true), Err(400));
        assert_eq!(body(" ".repeat(8192), false).map(|body| body.len()), Ok(8192));
        assert_eq!(body(" ".repeat(8193), false), Err(413));
        assert_eq!(body(BASE64_STANDARD.encode([b' '; 8192]), true).map(|body| body.len()), Ok(8192));
        assert_eq!(body(BASE64_STANDARD.encode([b' '; 8193]), true), Err(413));
        assert_eq!(body("A".repeat(1 << 20), true), Err(413));
    }

    #[test]
    fn only_the_name_itself_asks_for_json() {
        let accepts = |accept: &str| {
            event(|event| event["headers"] = json!({ "accept": accept }))
                .expect("valid")
                .accepts_by_name("application/json")
        };
        for yes in ["application/json", "text/html, Application/JSON;q=0.5", "application/json; charset=utf-8"] {
            assert!(accepts(yes), "{yes}");
        }
        for no in ["", "*/*", "application/*", "text/plain", "application/json;q=0", "application/problem+json"] {
            assert!(!accepts(no), "{no}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*") {
            let _ = Event::parse(&text);
        }
    }
}
