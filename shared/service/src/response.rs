//! A response that a front writes out: a token or a problem, in the form of its route.

mod dialect;

pub use dialect::Dialect;

use crate::minted::Minted;
use crate::problem::{self, Problem};
use crate::request::Request;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, REFERRER_POLICY, RETRY_AFTER, WWW_AUTHENTICATE};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use tokens::Moment;
use tokens::zego::KitToken;

/// How a route writes its answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// JSON with the token and all that a client needs to use it.
    Json,
    /// The bare token as text, as in the vendor's Chat tutorial. See [`Form::for_request`].
    Text,
    /// `{"token":...,"code":"200"}`, as in the vendor's RTM tutorial. Errors have this form too.
    TokenAndCode,
    /// As another token server writes them. Errors have its form too.
    Dialect(Dialect),
}

impl Form {
    /// The form for this request's answer. If the form is text and the client asks for JSON by name, it gets JSON.
    pub(crate) fn for_request(self, request: &Request) -> Form {
        match self {
            Form::Text if request.accepts_by_name(JSON) => Form::Json,
            form => form,
        }
    }
}

/// A response. It looks the same for every front.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Headers,
    pub(crate) body: String,
}

/// All headers of a response, by their names.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Headers {
    content_type: &'static str,
    /// No cache may store a token: it belongs to one client, and it expires.
    cache_control: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<String>,
    /// How to sign in, if the service itself verifies JWTs.
    #[serde(skip_serializing_if = "Option::is_none")]
    www_authenticate: Option<&'static str>,
    /// For a 405: the methods that the path has.
    #[serde(skip_serializing_if = "Option::is_none")]
    allow: Option<&'static str>,
    /// Set if the address contains a JWT: the browser must tell the address to no other page.
    #[serde(skip_serializing_if = "Option::is_none")]
    referrer_policy: Option<&'static str>,
}

impl Headers {
    /// Each header with its value.
    pub(crate) fn each(&self) -> impl Iterator<Item = (HeaderName, &str)> {
        let always = [(CONTENT_TYPE, self.content_type), (CACHE_CONTROL, self.cache_control)];
        let retry_after = self.retry_after.as_deref().map(|value| (RETRY_AFTER, value));
        let www_authenticate = self.www_authenticate.map(|value| (WWW_AUTHENTICATE, value));
        let allow = self.allow.map(|value| (ALLOW, value));
        let referrer_policy = self.referrer_policy.map(|value| (REFERRER_POLICY, value));
        always.into_iter().chain(retry_after).chain(www_authenticate).chain(allow).chain(referrer_policy)
    }
}

const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";
const TEXT: &str = "text/plain; charset=utf-8";

impl Response {
    fn new(status: u16, content_type: &'static str, retry_after: Option<u32>, body: String) -> Response {
        let retry_after = retry_after.map(|seconds| seconds.to_string());
        let headers = Headers {
            content_type,
            cache_control: "no-store",
            retry_after,
            www_authenticate: None,
            allow: None,
            referrer_policy: None,
        };
        Response { status, headers, body }
    }

    pub(crate) fn token(form: Form, minted: &Minted) -> Response {
        let token = minted.signed.expose();
        let (content_type, body) = match form {
            Form::Text => (TEXT, token.to_owned()),
            Form::Json => (JSON, json(&full(minted))),
            Form::TokenAndCode => (JSON, json(&TokenAndCode { token, code: &problem::OK.to_string() })),
            Form::Dialect(dialect) => dialect.token(minted),
        };
        Response::new(problem::OK, content_type, None, body)
    }

    /// The answer to a `ping`, as agora-token-service gives it.
    pub(crate) fn pong() -> Response {
        Response::other(&BTreeMap::from([("message", "pong")]))
    }

    /// Something that is neither a token nor a problem.
    pub(crate) fn other(value: &impl Serialize) -> Response {
        Response::new(problem::OK, JSON, None, json(value))
    }

    /// For a request whose address contains a JWT: the browser must tell the address to no other page.
    pub(crate) fn without_referrer(mut self) -> Response {
        self.headers.referrer_policy = Some("no-referrer");
        self
    }

    pub(crate) fn problem(form: Form, problem: &Problem, request_id: &str) -> Response {
        let status = problem.status();
        let (content_type, body) = match form {
            Form::Json | Form::Text => (PROBLEM, json(&problem.body(request_id))),
            Form::TokenAndCode => {
                (JSON, json(&TokenAndCode { token: problem.tutorial_text(), code: &status.to_string() }))
            }
            Form::Dialect(dialect) => dialect.problem(problem),
        };
        let mut response = Response::new(status, content_type, problem.retry_after(), body);
        response.headers.www_authenticate = problem.challenge();
        response.headers.allow = problem.allow();
        response
    }
}

#[derive(Serialize)]
struct TokenAndCode<'a> {
    token: &'a str,
    code: &'a str,
}

fn full(minted: &Minted) -> impl Serialize {
    #[derive(Serialize)]
    struct Full<'a> {
        token: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        kit_token: Option<&'a str>,
        kind: &'static str,
        app_id: &'a Value,
        #[serde(flatten)]
        facts: &'a Map<String, Value>,
        issued_at: Moment,
        expires_at: u32,
        expires_in: u32,
        renew_at: u32,
    }
    Full {
        token: minted.signed.expose(),
        kit_token: minted.kit_token.as_ref().map(KitToken::expose),
        kind: minted.kind,
        app_id: &minted.app_id,
        facts: &minted.facts,
        issued_at: minted.signed.issued_at(),
        expires_at: minted.signed.expires_at(),
        expires_in: minted.expires_in,
        renew_at: minted.renew_at,
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("answers are plain data")
}
