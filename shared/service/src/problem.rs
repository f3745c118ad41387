//! The problems that clients are told, in the format of RFC 9457. Only this file knows HTTP status codes.

use serde::Serialize;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The status of a response with a token.
pub(crate) const OK: u16 = 200;

/// Why a request gets no token.
///
/// Its text may name parameters and rules. It never contains a value that a client sent, a secret or a token. Which rule
/// a JWT breaks is for the log alone: see `Problem::rule`.
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
    /// A genuine JWT that proves no user here, because of its claims.
    UnusableJwt,
    Forbidden,
    RefusedVersion,
    NoSuchRoute,
    /// The methods that the path does have, as the header `Allow` lists them.
    NoSuchMethod(&'static str),
    TooLarge,
    TooSlow,
    /// The service verifies JWTs itself, and the request has none.
    NoToken,
    /// A JWT that the service itself refuses, because it breaks this rule.
    InvalidToken {
        rule: &'static str,
    },
    /// A good JWT without the scope that the service asks for.
    InsufficientScope {
        rule: &'static str,
    },
    /// The user may ask again after this many seconds.
    TooManyTokens {
        retry_after: u32,
    },
    NoCredentials,
    NoKeys,
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

    /// 401: the JWT is genuine, but proves no user here. `detail` says why.
    pub(crate) fn unusable_jwt(detail: impl Into<String>) -> Problem {
        Problem { kind: Kind::UnusableJwt, detail: detail.into() }
    }

    /// 401: the request has no JWT, and the service verifies them itself.
    pub(crate) fn no_token() -> Problem {
        Problem { kind: Kind::NoToken, detail: "the request carries no JWT (Authorization: Bearer)".to_owned() }
    }

    /// 401: the request has no JWT in its query, where this route takes it from.
    pub(crate) fn no_token_in_query() -> Problem {
        Problem { kind: Kind::NoToken, detail: "the request carries no JWT in its query".to_owned() }
    }

    /// 401: the JWT proves nobody. The log says which rule it breaks. The answer doesn't, because it may be a forger's.
    pub(crate) fn invalid_token(rule: &'static str) -> Problem {
        let detail = "the JWT is not valid for this service";
        Problem { kind: Kind::InvalidToken { rule }, detail: detail.to_owned() }
    }

    /// 403: the JWT is good, but lacks the scope that every user's JWT needs.
    pub(crate) fn insufficient_scope(rule: &'static str) -> Problem {
        let detail = "the JWT lacks the scope that this service asks for";
        Problem { kind: Kind::InsufficientScope { rule }, detail: detail.to_owned() }
    }

    /// 503: the issuer's keys were never loaded, or are too old. The log says why.
    pub(crate) fn no_keys() -> Problem {
        let detail = "the service cannot verify JWTs at the moment";
        Problem { kind: Kind::NoKeys, detail: detail.to_owned() }
    }

    /// 403: this identity may not have this token.
    pub fn forbidden(detail: impl Into<String>) -> Problem {
        Problem { kind: Kind::Forbidden, detail: detail.into() }
    }

    /// 403: the caller gets no token of this version. `detail` says which version to ask for.
    pub(crate) fn refused_version(detail: &str) -> Problem {
        Problem { kind: Kind::RefusedVersion, detail: detail.to_owned() }
    }

    /// 404: no such route.
    pub(crate) fn no_such_route() -> Problem {
        Problem { kind: Kind::NoSuchRoute, detail: "the service has no such route".to_owned() }
    }

    /// 405: the path has a route, but not for this method. `allowed`: the methods that it has, separated by commas.
    pub(crate) fn no_such_method(allowed: &'static str) -> Problem {
        Problem { kind: Kind::NoSuchMethod(allowed), detail: format!("this route has only {allowed}") }
    }

    /// 413: the body is larger than `limit` bytes.
    pub(crate) fn too_large(limit: usize) -> Problem {
        Problem { kind: Kind::TooLarge, detail: format!("the body must be at most {limit} bytes long") }
    }

    /// 408: the client takes too long to send the body.
    pub(crate) fn too_slow() -> Problem {
        Problem { kind: Kind::TooSlow, detail: "the body took too long to arrive".to_owned() }
    }

    /// 403: a server that believes every caller got a request from elsewhere.
    pub(crate) fn not_this_machine() -> Problem {
        let detail = "this server has IDENTITY=none, so it answers only programs and pages of its own machine: \
                      use localhost in the address, or name the page's origin in ALLOWED_ORIGINS";
        Problem { kind: Kind::Forbidden, detail: detail.to_owned() }
    }

    /// 429: the user has used up the tokens of a minute, and may ask again after this many seconds.
    pub(crate) fn too_many_tokens(retry_after: u32) -> Problem {
        let detail = "the caller got too many tokens in a minute (MINTS_PER_MINUTE): keep a token until its renew_at";
        Problem { kind: Kind::TooManyTokens { retry_after }, detail: detail.to_owned() }
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
            Kind::NoIdentity | Kind::UnusableJwt | Kind::NoToken | Kind::InvalidToken { .. } => 401,
            Kind::Forbidden | Kind::RefusedVersion | Kind::InsufficientScope { .. } => 403,
            Kind::NoSuchRoute => 404,
            Kind::NoSuchMethod(_) => 405,
            Kind::TooSlow => 408,
            Kind::TooLarge => 413,
            Kind::TooManyTokens { .. } => 429,
            Kind::Panicked => 500,
            Kind::NoCredentials | Kind::NoKeys | Kind::NoRandomness => 503,
        }
    }

    /// Whether the fault is the service's. A caller may try again with the same request.
    pub(crate) fn is_ours(&self) -> bool {
        self.status() >= 500
    }

    /// A short stable name, for logs and the problem's `type`.
    pub(crate) fn name(&self) -> &'static str {
        match self.kind {
            Kind::BadParameter => "bad-parameter",
            Kind::NotJson => "not-json",
            Kind::NoIdentity | Kind::UnusableJwt | Kind::NoToken => "no-identity",
            Kind::InvalidToken { .. } => "invalid-token",
            Kind::Forbidden | Kind::RefusedVersion => "forbidden",
            Kind::InsufficientScope { .. } => "insufficient-scope",
            Kind::NoSuchRoute => "no-such-route",
            Kind::NoSuchMethod(_) => "no-such-method",
            Kind::TooLarge => "too-large",
            Kind::TooSlow => "too-slow",
            Kind::TooManyTokens { .. } => "too-many-tokens",
            Kind::NoCredentials => "no-credentials",
            Kind::NoKeys => "no-keys",
            Kind::NoRandomness => "no-randomness",
            Kind::Panicked => "panicked",
        }
    }

    /// Whether the body could not be read as JSON.
    pub(crate) fn is_not_json(&self) -> bool {
        self.kind == Kind::NotJson
    }

    /// What is wrong, in words for the client's developer.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// Which rule the caller's JWT breaks. For the log alone, because a forger could read the answer. It contains nothing
    /// of the JWT.
    pub(crate) fn rule(&self) -> Option<&'static str> {
        match self.kind {
            Kind::InvalidToken { rule } | Kind::InsufficientScope { rule } => Some(rule),
            _ => None,
        }
    }

    /// After how many seconds the client should try again. `None`: another try makes no sense.
    pub(crate) fn retry_after(&self) -> Option<u32> {
        match self.kind {
            Kind::NoCredentials | Kind::NoKeys | Kind::NoRandomness => Some(5),
            Kind::TooManyTokens { retry_after } => Some(retry_after),
            _ => None,
        }
    }

    /// What the header `WWW-Authenticate` says (RFC 6750).
    pub(crate) fn challenge(&self) -> Option<&'static str> {
        match self.kind {
            Kind::NoToken => Some(r#"Bearer realm="tokenmint""#),
            Kind::InvalidToken { .. } | Kind::UnusableJwt => Some(r#"Bearer realm="tokenmint", error="invalid_token""#),
            Kind::InsufficientScope { .. } => Some(r#"Bearer realm="tokenmint", error="insufficient_scope""#),
            _ => None,
        }
    }

    /// What the header `Allow` says (RFC 9110, 15.5.6).
    pub(crate) fn allow(&self) -> Option<&'static str> {
        match self.kind {
            Kind::NoSuchMethod(allowed) => Some(allowed),
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
            Kind::NoIdentity | Kind::UnusableJwt | Kind::NoToken | Kind::InvalidToken { .. } => "Nobody is signed in.",
            Kind::Forbidden | Kind::RefusedVersion | Kind::InsufficientScope { .. } => {
                "This caller may not have this token."
            }
            Kind::NoSuchRoute => "There is no such route.",
            Kind::NoSuchMethod(_) => "There is no such method here.",
            Kind::TooLarge => "The body is too large.",
            Kind::TooSlow => "The body came too slowly.",
            Kind::TooManyTokens { .. } => "This caller got too many tokens.",
            Kind::NoCredentials | Kind::NoKeys | Kind::NoRandomness => "No tokens at the moment.",
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
/// Turns a panic into a problem of this request. The runtime would catch it too, but would send its text to
/// the invoker.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T, Problem>) -> Result<T, Problem> {
    // After a panic the request's own data is dropped. Shared data is behind locks that work after a panic.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(Problem::panicked()))
}
