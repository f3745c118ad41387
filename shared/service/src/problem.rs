//! The problems that clients are told, in the format of RFC 9457. Only this file knows HTTP status codes.

use serde::Serialize;
use std::fmt::Display;

/// The status of a response with a token.
pub(crate) const OK: u16 = 200;

/// Why a request gets no token.
///
/// Its text may name parameters and rules. It never contains a value that a client sent, a secret or a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    kind: Kind,
    detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    BadParameter,
    NotJson,
    NoIdentity,
    Forbidden,
    RefusedVersion,
    NoSuchRoute,
    NoSuchMethod,
    TooLarge,
    NoCredentials,
    NoRandomness,
    Panicked,
}

impl Problem {
    /// 400: a parameter is missing, malformed, out of range or unknown. `rule` says what it must be.
    pub fn bad_parameter(parameter: &str, rule: impl Display) -> Problem {
        Problem { kind: Kind::BadParameter, detail: format!("{parameter}: {rule}") }
    }

    /// 400: the body cannot be read as JSON.
    pub(crate) fn not_json(detail: &str) -> Problem {
        Problem { kind: Kind::NotJson, detail: detail.to_owned() }
    }

    /// 400: the event is not one of an HTTP API.
    pub(crate) fn bad_event() -> Problem {
        let detail = "the event is not an API Gateway HTTP API event (payload format 2.0)";
        Problem { kind: Kind::BadParameter, detail: detail.to_owned() }
    }

    /// 401: the request has no identity, or one that cannot be used.
    pub(crate) fn no_identity(detail: impl Into<String>) -> Problem {
        Problem { kind: Kind::NoIdentity, detail: detail.into() }
    }

    /// 403: this identity may not have this token.
    pub fn forbidden(detail: impl Into<String>) -> Problem {
        Problem { kind: Kind::Forbidden, detail: detail.into() }
    }

    /// 403: this service gives nobody a token of this version. `detail` says which version to ask for.
    pub(crate) fn refused_version(detail: &str) -> Problem {
        Problem { kind: Kind::RefusedVersion, detail: detail.to_owned() }
    }

    /// 404: no such route.
    pub(crate) fn no_such_route() -> Problem {
        Problem { kind: Kind::NoSuchRoute, detail: "this function has no such route".to_owned() }
    }

    /// 405: the path has a route, but not for this method.
    pub(crate) fn no_such_method() -> Problem {
        Problem { kind: Kind::NoSuchMethod, detail: "this route has no such method".to_owned() }
    }

    /// 413: the body is larger than `limit` bytes.
    pub(crate) fn too_large(limit: usize) -> Problem {
        Problem { kind: Kind::TooLarge, detail: format!("the body must be at most {limit} bytes long") }
    }

    /// 503: the vendor's credentials were never loaded, or cannot be used. The log says which.
    pub(crate) fn no_credentials() -> Problem {
        let detail = "the service has no usable credentials at the moment";
        Problem { kind: Kind::NoCredentials, detail: detail.to_owned() }
    }

    /// 503: the local credentials file has no part of this name.
    pub(crate) fn no_part(part: &str) -> Problem {
        let detail = format!("this run has no credentials for this vendor: LOCAL_CREDENTIALS has no part \"{part}\"");
        Problem { kind: Kind::NoCredentials, detail }
    }

    /// 503: the operating system gave no randomness, or its clock is unusable.
    pub(crate) fn no_randomness() -> Problem {
        let detail = "the service cannot make tokens at the moment";
        Problem { kind: Kind::NoRandomness, detail: detail.to_owned() }
    }

    /// 500: a mistake in our code. The log says where it happened.
    pub(crate) fn panicked() -> Problem {
        Problem { kind: Kind::Panicked, detail: "the service made a mistake".to_owned() }
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> u16 {
        match self.kind {
            Kind::BadParameter | Kind::NotJson => 400,
            Kind::NoIdentity => 401,
            Kind::Forbidden | Kind::RefusedVersion => 403,
            Kind::NoSuchRoute => 404,
            Kind::NoSuchMethod => 405,
            Kind::TooLarge => 413,
            Kind::Panicked => 500,
            Kind::NoCredentials | Kind::NoRandomness => 503,
        }
    }

    /// A short stable name, for logs and the problem's `type`.
    pub(crate) fn name(&self) -> &'static str {
        match self.kind {
            Kind::BadParameter => "bad-parameter",
            Kind::NotJson => "not-json",
            Kind::NoIdentity => "no-identity",
            Kind::Forbidden | Kind::RefusedVersion => "forbidden",
            Kind::NoSuchRoute => "no-such-route",
            Kind::NoSuchMethod => "no-such-method",
            Kind::TooLarge => "too-large",
            Kind::NoCredentials => "no-credentials",
            Kind::NoRandomness => "no-randomness",
            Kind::Panicked => "panicked",
        }
    }

    /// What is wrong, in words for the client's developer.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// After how many seconds the client should try again. `None`: another try makes no sense.
    pub(crate) fn retry_after(&self) -> Option<u32> {
        match self.kind {
            Kind::NoCredentials | Kind::NoRandomness => Some(5),
            _ => None,
        }
    }

    /// The text that the tutorial's RTM server writes in place of a token.
    pub(crate) fn tutorial_text(&self) -> &str {
        match self.kind {
            Kind::NotJson => "Bad request.",
            Kind::BadParameter => "Bad request. Please check your params.",
            // The tutorial's form has no `detail`. But its clients must learn which version to ask for.
            Kind::RefusedVersion => &self.detail,
            _ => self.title(),
        }
    }

    fn title(&self) -> &'static str {
        match self.kind {
            Kind::BadParameter => "A parameter is missing or wrong.",
            Kind::NotJson => "The body is not JSON.",
            Kind::NoIdentity => "Nobody is signed in.",
            Kind::Forbidden | Kind::RefusedVersion => "This caller may not have this token.",
            Kind::NoSuchRoute => "There is no such route.",
            Kind::NoSuchMethod => "There is no such method here.",
            Kind::TooLarge => "The body is too large.",
            Kind::NoCredentials | Kind::NoRandomness => "No tokens at the moment.",
            Kind::Panicked => "This should not have happened.",
        }
    }

    /// The `application/problem+json` body.
    pub(crate) fn body<'a>(&'a self, request_id: &'a str) -> impl Serialize + 'a {
        #[derive(Serialize)]
        struct Body<'a> {
            r#type: String,
            title: &'static str,
            status: u16,
            detail: &'a str,
            request_id: &'a str,
        }
        Body {
            r#type: format!("urn:tokenmint:problem:{}", self.name()),
            title: self.title(),
            status: self.status(),
            detail: &self.detail,
            request_id,
        }
    }
}
