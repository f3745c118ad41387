//! Events in API Gateway's payload format 2.0: from an HTTP API, from a Function URL, and from `cargo lambda watch`.
//! Reads them as requests, and writes responses in the form that API Gateway expects.
//!
//! Only the fields that are used are read, and they are read strictly. `aws_lambda_events` has one type for the whole
//! event. If, for example, one claim is a number, it cannot parse the event at all. Here [`gateway::said`] reads
//! the caller's identity separately.

use crate::identity::gateway;
use crate::json::{object, parse_object};
use crate::problem::Problem;
use crate::request::{Authorization, MAX_BODY_BYTES, Path, Request};
use crate::response::{Headers, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use monostate::MustBe;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Reads the event of a request. Any other event is refused as a whole.
pub(crate) fn parse(event: &str) -> Result<Request, Problem> {
    parse_object(event).map(Event::into_request).map_err(|_| Problem::bad_event())
}

/// A response as the gateway takes it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventResponse {
    status_code: u16,
    headers: Headers,
    body: String,
    is_base64_encoded: bool,
    /// This field and the next are always empty. The emulator refuses a response without them.
    multi_value_headers: Empty,
    cookies: [(); 0],
}

#[derive(Serialize)]
struct Empty {}

impl From<Response> for EventResponse {
    fn from(Response { status, headers, body }: Response) -> EventResponse {
        EventResponse {
            status_code: status,
            headers,
            body,
            is_base64_encoded: false,
            multi_value_headers: Empty {},
            cookies: [],
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    /// The only payload format that is read. 1.0 has other fields under the same names.
    #[serde(rename = "version")]
    _version: MustBe!("2.0"),
    #[serde(default)]
    raw_path: String,
    /// The emulator sends null for none.
    raw_query_string: Option<String>,
    path_parameters: Option<BTreeMap<String, String>>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(deserialize_with = "object")]
    request_context: RequestContext,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext {
    #[serde(deserialize_with = "object")]
    http: Http,
    request_id: String,
    /// Such as `GET /rtm/{user_id}/token`. A Function URL and the emulator call every route `$default`. The template has
    /// no such route.
    route_key: String,
    authorizer: Option<Value>,
}

#[derive(Deserialize)]
struct Http {
    method: String,
}

impl Event {
    fn into_request(self) -> Request {
        let RequestContext { http, request_id, route_key, authorizer } = self.request_context;
        let (path, said, gateway_request_id) = match route_key.as_str() {
            // Where there are no routes, the path is as the client wrote it. No authorizer counts: a Function URL does not
            // say whether an IAM identity is a guest's of an identity pool. It has no access log either.
            "$default" => (Path::Sent(self.raw_path), None, None),
            // The gateway sends the path decoded, so only its parameters say what the client sent.
            key => {
                let path = key.split_once(' ').map_or(key, |(_, path)| path).to_owned();
                let parameters = self.path_parameters.unwrap_or_default();
                let parameters = parameters.into_iter().map(|(name, value)| (name, Some(value))).collect();
                (Path::OfRoute { path, parameters }, gateway::said(authorizer.as_ref()), by_gateway(request_id))
            }
        };
        let (accept, authorization) = headers(self.headers);
        Request {
            gateway_request_id,
            client: None,
            method: http.method,
            path,
            query: self.raw_query_string.unwrap_or_default(),
            accept,
            authorization,
            jwt_in_query: false,
            body: body(self.body.unwrap_or_default(), self.is_base64_encoded),
            said,
        }
    }
}

/// A request's id, if it looks like a gateway's. Any other text stays out of logs and answers.
pub(super) fn by_gateway(request_id: String) -> Option<String> {
    let is_of_id = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=-_".contains(&byte);
    ((1..=64).contains(&request_id.len()) && request_id.bytes().all(is_of_id)).then_some(request_id)
}

/// The headers that are used: `Accept`, and each value of `Authorization`. AWS sends names in lower case. Events that
/// people write by hand may have upper case.
pub(super) fn headers(all: impl IntoIterator<Item = (String, String)>) -> (String, Authorization) {
    let (mut accept, mut authorization) = (String::new(), Authorization::default());
    for (name, value) in all {
        if name.eq_ignore_ascii_case("accept") {
            accept = value;
        } else if name.eq_ignore_ascii_case("authorization") {
            authorization.0.push(value);
        }
    }
    (accept, authorization)
}

/// The body's bytes.
pub(super) fn body(text: String, is_base64_encoded: bool) -> Result<Vec<u8>, Problem> {
    let longest = if is_base64_encoded { MAX_BODY_BYTES.div_ceil(3) * 4 } else { MAX_BODY_BYTES };
    // Check the length before decoding, so that nothing large is copied.
    if text.len() > longest {
        return Err(Problem::too_large(MAX_BODY_BYTES));
    }
    if !is_base64_encoded {
        return Ok(text.into_bytes());
    }
    let bytes = BASE64_STANDARD.decode(text).map_err(|_| Problem::not_json("the body's base64 is broken"))?;
    if bytes.len() > MAX_BODY_BYTES { Err(Problem::too_large(MAX_BODY_BYTES)) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::gateway::Said;
    use crate::response::Form;
    use proptest::prelude::*;
    use serde_json::json;

    fn event(change: impl FnOnce(&mut Value)) -> Result<Request, Problem> {
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
        parse(&event.to_string())
    }

    #[test]
    fn a_route_is_known_by_its_path_in_the_template_or_else_by_the_path_that_was_sent() {
        let path = |key: &str| event(|event| event["requestContext"]["routeKey"] = json!(key)).expect("valid").path;
        let of_route = |path: Path| match path {
            Path::OfRoute { path, parameters } => (path, parameters["user_id"].clone()),
            Path::Sent(path) => panic!("{path}"),
        };
        let decoded_by_the_gateway = Some("a%20b".to_owned());
        assert_eq!(
            of_route(path("GET /rtm/{user_id}/token")),
            ("/rtm/{user_id}/token".to_owned(), decoded_by_the_gateway.clone())
        );
        assert_eq!(of_route(path("odd")), ("odd".to_owned(), decoded_by_the_gateway));
        assert!(matches!(path("$default"), Path::Sent(path) if path == "/rtm/alice/token"));
    }

    #[test]
    fn only_a_gateways_id_becomes_the_requests() {
        let id = |key: &str, id: &str| {
            let request = event(|event| {
                event["requestContext"]["routeKey"] = json!(key);
                event["requestContext"]["requestId"] = json!(id);
            });
            request.expect("valid").gateway_request_id
        };
        let route = "GET /rtm/{user_id}/token";
        for made_by_gateway in ["JKJaXmPLvHcESHA=", "8b221351-925f-4543-a839-f3b8dd003239", &"a".repeat(64)] {
            assert_eq!(id(route, made_by_gateway).as_deref(), Some(made_by_gateway));
            assert_eq!(id("$default", made_by_gateway), None, "a Function URL has no access log");
        }
        for other in ["", "a b", "\n", "\"", "\u{e4}", &"a".repeat(65)] {
            assert_eq!(id(route, other), None, "{other}");
        }
    }

    #[test]
    fn where_there_are_no_routes_nobody_is_verified() {
        let said = |key: &str| {
            let request = event(|event| {
                event["requestContext"]["routeKey"] = json!(key);
                let iam = json!({ "userArn": "arn:aws:iam::123456789012:user/backend", "accountId": "123456789012" });
                event["requestContext"]["authorizer"] = json!({ "iam": iam });
            });
            request.expect("valid").said
        };
        assert_eq!(said("GET /chat/app/token"), Some(Said::Iam));
        assert_eq!(said("$default"), None, "a Function URL hides who is a guest of an identity pool");
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
            parse(r#"["2.0","/","",{},{},{"http":{"method":"GET"},"requestId":"id","routeKey":"GET /"},null,false]"#)
                .is_err()
        );
        for other in ["null", "[]", "{}", r#"{"warmUp":true}"#, r#"{"source":"aws.scheduler","detail":{}}"#] {
            assert!(parse(other).is_err(), "{other}");
        }
    }

    #[test]
    fn a_body_is_decoded_within_bounds() {
        let body = |text: String, encoded: bool| {
            let event = event(|event| {
                event["body"] = json!(text);
                event["isBase64Encoded"] = json!(encoded);
            });
            event.expect("valid").body.map_err(|problem| problem.status())
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
    fn a_header_has_its_name_in_any_case() {
        for name in ["accept", "Accept", "ACCEPT"] {
            let request = event(|event| event["headers"] = json!({ "a": "b", name: "text/plain" })).expect("valid");
            assert_eq!(request.accept, "text/plain", "{name}");
        }
        assert_eq!(event(|_| ()).expect("valid").accept, "");
    }

    #[test]
    fn what_the_emulator_leaves_out_is_empty() {
        let request = event(|event| {
            for field in ["rawQueryString", "pathParameters", "body"] {
                event[field] = json!(null);
            }
            let fields = event.as_object_mut().expect("an object");
            fields.remove("headers");
            fields.remove("isBase64Encoded");
        });
        let request = request.expect("valid");
        assert_eq!((request.query.as_str(), request.body), ("", Ok(Vec::new())));
        assert!(matches!(request.path, Path::OfRoute { parameters, .. } if parameters.is_empty()));
        assert_eq!(request.said, None);
    }

    #[test]
    fn a_response_is_written_as_the_gateway_takes_it() {
        let problem = Problem::no_credentials();
        let response = EventResponse::from(Response::problem(Form::TokenAndCode, &problem, "id"));
        let expected = json!({
            "statusCode": 503,
            "headers": { "content-type": "application/json", "cache-control": "no-store", "retry-after": "5" },
            "body": r#"{"token":"No tokens at the moment.","code":"503"}"#,
            "isBase64Encoded": false,
            "multiValueHeaders": {},
            "cookies": [],
        });
        assert_eq!(serde_json::to_value(response).expect("plain data"), expected);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*") {
            let _ = parse(&text);
        }
    }
}
