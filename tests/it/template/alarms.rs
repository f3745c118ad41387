//! The metric filter counts lines of the access log. If it counts one during a deployment, the deployment ends.
//!
//! Only AWS runs CloudWatch, which evaluates the pattern. So this file has an evaluator for the part of the documented
//! syntax that the pattern uses. It panics at everything else. The lines have the template's own format. Their values
//! are as AWS documents them:
//!
//! * `integration.integrationStatus` is the status that Lambda gives the gateway, not the function's status (API Gateway's "Customize
//!   HTTP API access logs"). Lambda answers 429 (`Invoke`'s `TooManyRequestsException`) if the concurrency of the function or of the
//!   account is used up. If a function fails, Lambda answers 200 with an error in a header.
//! * `error.responseType` is a type of gateway response. `THROTTLED` is for requests beyond the limits of a route or of the account.
//! * A variable without a value is `-`. So all of them except the status stand in quotes.

use super::{Stack, text};
use serde_json::{Value, json};

/// A request, in the words of the access log. All other variables have no value.
struct Case {
    what: &'static str,
    status: u16,
    given: &'static [(&'static str, &'static str)],
    counts: bool,
}

const LAMBDA: &str = "integration.integrationStatus";
const TYPE: &str = "error.responseType";
const MESSAGE: &str = "error.message";

const CASES: [Case; 17] = [
    Case { what: "a token", status: 200, given: &[(LAMBDA, "200")], counts: false },
    Case { what: "a refusal of ours", status: 403, given: &[(LAMBDA, "200")], counts: false },
    Case { what: "no credentials", status: 503, given: &[(LAMBDA, "200")], counts: true },
    Case { what: "a panic that was caught", status: 500, given: &[(LAMBDA, "200")], counts: true },
    Case {
        what: "an execution that ended or ran out of time",
        status: 500,
        given: &[(LAMBDA, "200"), (TYPE, "INTEGRATION_FAILURE"), (MESSAGE, "Internal Server Error")],
        counts: true,
    },
    Case {
        what: "an answer that is no response",
        status: 500,
        given: &[(LAMBDA, "200"), (MESSAGE, "Internal Server Error")],
        counts: true,
    },
    Case {
        what: "a start that fails in Lambda",
        status: 500,
        given: &[(LAMBDA, "502"), (TYPE, "INTEGRATION_FAILURE"), (MESSAGE, "Internal Server Error")],
        counts: true,
    },
    Case {
        what: "a permission that the deployment lost",
        status: 500,
        given: &[(LAMBDA, "403"), (TYPE, "INTEGRATION_FAILURE"), (MESSAGE, "Internal Server Error")],
        counts: true,
    },
    Case {
        what: "no answer within the gateway's time",
        status: 503,
        given: &[(TYPE, "INTEGRATION_TIMEOUT"), (MESSAGE, "Service Unavailable")],
        counts: true,
    },
    Case {
        what: "no answer within the gateway's time, as others report it",
        status: 504,
        given: &[(MESSAGE, "Gateway Timeout")],
        counts: true,
    },
    Case {
        what: "more than a function's concurrency",
        status: 503,
        given: &[(LAMBDA, "429"), (TYPE, "INTEGRATION_FAILURE"), (MESSAGE, "Service Unavailable")],
        counts: false,
    },
    Case {
        what: "more than a function's concurrency, with the gateway's other status for it",
        status: 500,
        given: &[(LAMBDA, "429"), (MESSAGE, "Internal Server Error")],
        counts: false,
    },
    Case {
        what: "more than the route's limit",
        status: 429,
        given: &[(TYPE, "THROTTLED"), (MESSAGE, "Too Many Requests")],
        counts: false,
    },
    Case {
        what: "more than the account's limit",
        status: 503,
        given: &[(TYPE, "THROTTLED"), (MESSAGE, "Service Unavailable")],
        counts: false,
    },
    // `JwtAuthorizerErrors` and `JwtAuthorizerThrottles` count these.
    Case {
        what: "our authorizer that fails or is turned away",
        status: 500,
        given: &[(TYPE, "AUTHORIZER_FAILURE"), (MESSAGE, "Internal Server Error")],
        counts: false,
    },
    Case {
        what: "our authorizer that answers nonsense",
        status: 500,
        given: &[(TYPE, "AUTHORIZER_CONFIGURATION_ERROR"), (MESSAGE, "Internal Server Error")],
        counts: false,
    },
    Case { what: "no JWT", status: 401, given: &[(TYPE, "UNAUTHORIZED"), (MESSAGE, "Unauthorized")], counts: false },
];

/// The access log's line.
fn line(stack: &Stack, case: &Case) -> Value {
    let format = text(&stack.only("AWS::ApiGatewayV2::Stage")["AccessLogSettings"]["Format"]);
    let mut parts = format.split("$context.");
    let mut line = parts.next().expect("the first").to_owned();
    for part in parts {
        let end = part.find(|end: char| !(end.is_ascii_alphanumeric() || end == '.')).unwrap_or(part.len());
        let (name, rest) = part.split_at(end);
        let given = case.given.iter().find(|(given, _)| *given == name).map(|(_, value)| (*value).to_owned());
        let value = match name {
            "status" => case.status.to_string(),
            _ => given.unwrap_or_else(|| "-".to_owned()),
        };
        line += &value;
        line += rest;
    }
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{}: {error}: {line}", case.what))
}

#[test]
fn what_is_turned_away_ends_no_deployment_and_what_fails_does() {
    let stack = Stack::plain();
    let pattern = text(&stack.only("AWS::Logs::MetricFilter")["FilterPattern"]);
    for case in &CASES {
        let line = line(&stack, case);
        assert_eq!(matches(&pattern, &line), case.counts, "{}: {line}", case.what);
    }
}

/// Whether CloudWatch counts a line: `{ … }` around comparisons with `&&`, `||` and parentheses, of which `&&` binds
/// tighter.
fn matches(pattern: &str, line: &Value) -> bool {
    let inside = pattern.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let mut tokens = tokens(inside.expect("a pattern for JSON"));
    tokens.reverse();
    let result = any(&mut tokens, line);
    assert!(tokens.is_empty(), "what is {tokens:?}?");
    result
}

/// Splits a pattern into words, texts in quotes, and signs.
fn tokens(pattern: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = pattern.trim_start();
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '(' | ')' => 1,
            '"' => rest[1..].find('"').expect("a closed text") + 2,
            '&' | '|' | '=' | '!' | '<' | '>' => rest.find(|end| !"&|=!<>".contains(end)).expect("not the last"),
            _ => rest.find(|end: char| end.is_whitespace() || "()&|=!<>\"".contains(end)).unwrap_or(rest.len()),
        };
        tokens.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    tokens
}

fn any(tokens: &mut Vec<&str>, line: &Value) -> bool {
    let mut result = all(tokens, line);
    while tokens.last() == Some(&"||") {
        tokens.pop();
        result |= all(tokens, line);
    }
    result
}

fn all(tokens: &mut Vec<&str>, line: &Value) -> bool {
    let mut result = one(tokens, line);
    while tokens.last() == Some(&"&&") {
        tokens.pop();
        result &= one(tokens, line);
    }
    result
}

fn one(tokens: &mut Vec<&str>, line: &Value) -> bool {
    let mut next = || tokens.pop().expect("more of the pattern");
    let first = next();
    if first == "(" {
        let result = any(tokens, line);
        assert_eq!(tokens.pop(), Some(")"));
        return result;
    }
    let (operator, wanted) = (next(), next());
    // A field that is an object or a list never matches.
    let field = line.get(first.strip_prefix("$.").expect("a field")).unwrap_or_else(|| panic!("{line} has no {first}"));
    if let Some(wanted) = wanted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        assert!(!wanted.contains(['*', '%', '\\']), "this test knows no wildcard");
        let Some(field) = field.as_str() else { return false };
        return match operator {
            "=" => field == wanted,
            "!=" => field != wanted,
            _ => panic!("{operator} compares no texts"),
        };
    }
    let wanted: f64 = wanted.parse().expect("a number");
    let Some(field) = field.as_f64() else { return false };
    match operator {
        ">=" => field >= wanted,
        ">" => field > wanted,
        "<=" => field <= wanted,
        "<" => field < wanted,
        _ => panic!("this test doesn't know {operator}"),
    }
}

/// The evaluator gives the documented results for CloudWatch's own examples.
#[test]
fn the_evaluator_does_what_is_documented() {
    let line = json!({ "errorCode": "AccessDenied", "latency": 500, "code": "-", "users": [1] });
    for (pattern, expected) in [
        ("{ $.latency >= 500 }", true),
        ("{ $.latency > +1000 }", false),
        ("{ ($.errorCode = \"AccessDenied\") && ($.latency < 10e3) }", true),
        ("{ $.errorCode != \"AccessDenied\" }", false),
        ("{ $.code >= 500 }", false),
        ("{ $.users != \"1\" }", false),
        ("{ $.latency < 1 && $.latency < 1 || $.errorCode = \"AccessDenied\" }", true),
        ("{ $.latency < 1 && ($.latency < 1 || $.errorCode = \"AccessDenied\") }", false),
    ] {
        assert_eq!(matches(pattern, &line), expected, "{pattern}");
    }
}
