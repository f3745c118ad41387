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
//! * A variable without a value is `-`. So a line always has the same number of fields.

use super::{Stack, text};

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
fn line(stack: &Stack, case: &Case) -> String {
    let format = text(&stack.only("AWS::ApiGatewayV2::Stage")["AccessLogSettings"]["Format"]);
    let mut parts = format.split("$context.");
    let mut line = parts.next().expect("the first").to_owned();
    for part in parts {
        let end = part.find(|end: char| !(end.is_ascii_alphanumeric() || end == '.')).unwrap_or(part.len());
        let (name, rest) = part.split_at(end);
        let given = case.given.iter().find(|(given, _)| *given == name).map(|(_, value)| (*value).to_owned());
        let value = match name {
            "status" => case.status.to_string(),
            // Its space must not make a field more.
            "routeKey" => "GET /rtm/{user_id}/token".to_owned(),
            _ => given.unwrap_or_else(|| "-".to_owned()),
        };
        line += &value;
        line += rest;
    }
    line
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

/// Whether CloudWatch counts a line: `[name, name=value, ...]` has as many fields as the line, in its order, and each
/// condition holds.
fn matches(pattern: &str, line: &str) -> bool {
    let inside = pattern.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).expect("a pattern for fields");
    let conditions: Vec<_> = inside.split(',').map(str::trim).collect();
    let fields = fields(line);
    fields.len() == conditions.len() && fields.iter().zip(conditions).all(|(field, condition)| holds(condition, field))
}

/// The fields of a line: words, and texts in quotes or brackets.
fn fields(line: &str) -> Vec<&str> {
    let mut fields = Vec::new();
    let mut rest = line.trim();
    while let Some(first) = rest.chars().next() {
        let close = match first {
            '"' => Some('"'),
            '[' => Some(']'),
            _ => None,
        };
        let (field, after) = match close {
            Some(close) => rest[1..].split_once(close).expect("closed"),
            None => rest.split_once(' ').unwrap_or((rest, "")),
        };
        fields.push(field);
        rest = after.trim_start();
    }
    fields
}

/// A condition is a name alone, or comparisons of that name with texts, with `&&` between them. `*` at the end of a text
/// stands for any rest.
fn holds(condition: &str, field: &str) -> bool {
    let name = condition.split(['=', '!']).next().expect("the first").trim();
    assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "this test doesn't know {condition}");
    if condition == name {
        return true;
    }
    condition.split("&&").map(str::trim).all(|comparison| {
        let rest = comparison.strip_prefix(name).expect("the same name in each comparison").trim_start();
        let (equal, wanted) = match rest.strip_prefix("!=") {
            Some(wanted) => (false, wanted),
            None => (true, rest.strip_prefix('=').expect("= or !=")),
        };
        let wanted = wanted.trim();
        let wanted = wanted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(wanted);
        let (wanted, any_rest) = wanted.strip_suffix('*').map_or((wanted, false), |beginning| (beginning, true));
        assert!(!wanted.contains(['*', '%', '"', '|', '<', '>']), "this test doesn't know {comparison}");
        (if any_rest { field.starts_with(wanted) } else { field == wanted }) == equal
    })
}

/// The evaluator gives the documented results for examples like CloudWatch's own.
#[test]
fn the_evaluator_does_what_is_documented() {
    let line = "127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] \"GET /index.html HTTP/1.0\" 404 1534";
    for (pattern, expected) in [
        ("[ip, user, name, time, request, status, bytes]", true),
        ("[ip, user, name, time, request, status=4*, bytes]", true),
        ("[ip, user, name, time, request, status = 404, bytes]", true),
        ("[ip, user, name, time, request = GET*, status=4*, bytes]", true),
        ("[ip, user=\"-\", name != \"root\" && name != \"admin\", time, request, status, bytes]", true),
        ("[ip, user, name != \"root\" && name != \"frank\", time, request, status, bytes]", false),
        ("[ip, user, name, time, request, status=5*, bytes]", false),
        ("[ip, user, name, time, request, status!=404, bytes]", false),
        ("[ip, user, name, time, request, status]", false),
    ] {
        assert_eq!(matches(pattern, line), expected, "{pattern}");
    }
}
