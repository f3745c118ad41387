//! Events from an Application Load Balancer whose target is the function. Reads them as requests, and writes responses in
//! the form that the load balancer expects.
//!
//! A load balancer verifies nobody, and its events carry no identity. So a function behind one needs `IDENTITY=jwt`.

use super::event::{body, headers};
use crate::json::{object, parse_object};
use crate::request::{Path, Request};
use crate::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Reads the event of a request. `None`: the event is another one.
pub(crate) fn parse(event: &str) -> Option<Request> {
    parse_object(event).map(Event::into_request).ok()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    #[serde(rename = "requestContext", deserialize_with = "object")]
    _context: RequestContext,
    http_method: String,
    /// Percent-encoded, as the client sent it. So are the names and values in the query.
    path: String,
    #[serde(default)]
    query_string_parameters: BTreeMap<String, String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// In place of the two fields above, if the target group has "multi-value headers".
    #[serde(default)]
    multi_value_query_string_parameters: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    multi_value_headers: BTreeMap<String, Vec<String>>,
    body: Option<String>,
    is_base64_encoded: bool,
}

/// Only a load balancer's events have `elb` here.
#[derive(Deserialize)]
struct RequestContext {
    #[serde(rename = "elb", deserialize_with = "object")]
    _elb: LoadBalancer,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LoadBalancer {
    #[serde(rename = "targetGroupArn")]
    _target_group_arn: String,
}

impl Event {
    fn into_request(self) -> Request {
        let (accept, authorization) = headers(self.headers.into_iter().chain(each(self.multi_value_headers)));
        let query = self.query_string_parameters.into_iter().chain(each(self.multi_value_query_string_parameters));
        let query: Vec<_> = query.map(|(name, value)| format!("{name}={value}")).collect();
        Request {
            gateway_request_id: None,
            client: None,
            method: self.http_method,
            path: Path::Sent(self.path),
            query: query.join("&"),
            accept,
            authorization,
            jwt_in_query: false,
            body: body(self.body.unwrap_or_default(), self.is_base64_encoded),
            said: None,
        }
    }
}

fn each(values: BTreeMap<String, Vec<String>>) -> impl Iterator<Item = (String, String)> {
    values.into_iter().flat_map(|(name, values)| values.into_iter().map(move |value| (name.clone(), value)))
}

/// A response as a load balancer takes it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LoadBalancerResponse {
    status_code: u16,
    headers: Map<String, Value>,
    /// The same headers. A target group with "multi-value headers" reads these alone.
    multi_value_headers: BTreeMap<String, [Value; 1]>,
    body: String,
    is_base64_encoded: bool,
}

impl From<Response> for LoadBalancerResponse {
    fn from(Response { status, headers, body }: Response) -> LoadBalancerResponse {
        let headers = match serde_json::to_value(headers) {
            Ok(Value::Object(headers)) => headers,
            _ => unreachable!("headers are texts"),
        };
        let multi_value_headers = headers.iter().map(|(name, value)| (name.clone(), [value.clone()])).collect();
        LoadBalancerResponse { status_code: status, headers, multi_value_headers, body, is_base64_encoded: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Problem;
    use crate::response::Form;
    use serde_json::json;

    fn event(change: impl FnOnce(&mut Value)) -> Option<Request> {
        let mut event = json!({
            "requestContext": { "elb": { "targetGroupArn": "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/rtm/6d0ecf831eec9f09" } },
            "httpMethod": "GET",
            "path": "/rtm/a%20b/token",
            "queryStringParameters": { "version": "007", "expires%5Fin": "60" },
            "headers": { "accept": "text/plain", "authorization": "Bearer a.b.c", "host": "tokens.example.com" },
            "body": "",
            "isBase64Encoded": false,
        });
        change(&mut event);
        parse(&event.to_string())
    }

    #[test]
    fn a_request_has_no_identity_and_the_path_and_query_that_were_sent() {
        let request = event(|_| ()).expect("valid");
        assert!(matches!(&request.path, Path::Sent(path) if path == "/rtm/a%20b/token"));
        assert_eq!((&*request.method, &*request.query), ("GET", "expires%5Fin=60&version=007"));
        assert_eq!((&*request.accept, &request.authorization.0[..]), ("text/plain", &["Bearer a.b.c".to_owned()][..]));
        assert_eq!((request.body, request.said), (Ok(Vec::new()), None));
        let with_authorizer = |event: &mut Value| {
            event["requestContext"]["authorizer"] = json!({ "jwt": { "claims": { "sub": "alice" }, "scopes": null } });
        };
        assert_eq!(event(with_authorizer).expect("valid").said, None, "a load balancer verifies nobody");
    }

    #[test]
    fn with_multi_value_headers_each_value_is_seen() {
        let request = event(|event| {
            let fields = event.as_object_mut().expect("an object");
            fields.remove("headers");
            fields.remove("queryStringParameters");
            fields.insert("multiValueHeaders".to_owned(), json!({ "authorization": ["Bearer a", "Bearer b"] }));
            fields.insert("multiValueQueryStringParameters".to_owned(), json!({ "with": ["rtm", "chat"] }));
        });
        let request = request.expect("valid");
        assert_eq!(request.authorization.0, ["Bearer a", "Bearer b"]);
        assert_eq!(request.query, "with=rtm&with=chat");
    }

    #[test]
    fn other_events_are_not_a_load_balancers() {
        assert!(event(|event| event["requestContext"] = json!({})).is_none());
        assert!(event(|event| event["requestContext"]["elb"] = json!(["arn"])).is_none());
        assert!(event(|event| event["httpMethod"] = json!(null)).is_none());
        assert!(event(|event| event["path"] = json!(["/"])).is_none());
        for other in ["null", "[]", "{}", r#"{"warmUp":true}"#] {
            assert!(parse(other).is_none(), "{other}");
        }
    }

    #[test]
    fn a_response_has_its_headers_in_both_forms() {
        let response = Response::problem(Form::TokenAndCode, &Problem::no_credentials(), "id");
        let response = serde_json::to_value(LoadBalancerResponse::from(response)).expect("plain data");
        let expected = json!({
            "statusCode": 503,
            "headers": { "content-type": "application/json", "cache-control": "no-store", "retry-after": "5" },
            "multiValueHeaders": {
                "content-type": ["application/json"],
                "cache-control": ["no-store"],
                "retry-after": ["5"],
            },
            "body": r#"{"token":"No tokens at the moment.","code":"503"}"#,
            "isBase64Encoded": false,
        });
        assert_eq!(response, expected);
    }
}
