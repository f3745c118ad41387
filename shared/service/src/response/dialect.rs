//! How other token servers write their answers. Clients that were written for them read nothing else.
//!
//! A refusal has the keys that its clients read, too. Some clients look at no status, and crash without the key.

use super::{JSON, TEXT, json};
use crate::minted::Minted;
use crate::problem::Problem;
use serde_json::{Map, Value, json};

/// A token server whose answers a route writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// The one in Agora's documentation of RTC: `{"token":...,"code":"200"}`.
    AgoraDocs,
    /// agora-token-service. Its tokens have these names.
    TokenService(&'static [&'static str]),
    /// agora-token-service's POST routes: `{"token":...}`, and errors as text.
    TokenServicePost,
    /// The image `agoracn/token`.
    DockerImage,
    /// TEN framework's.
    Ten,
    /// The generator that Agora's samples ask, the *toolbox*.
    Toolbox,
    /// The Node.js and Python ones in Agora's documentation of Chat.
    ChatDocs,
    /// The Java one in Agora's documentation of Chat: bare texts.
    ChatDocsJava,
    /// ZEGO's demo server: `{"token":...}`.
    ZegoDemo,
    /// The one of ZEGO's quick start for AI agents.
    ZegoQuickStart,
}

impl Dialect {
    /// The content type and the body of an answer with a token.
    pub(super) fn token(self, minted: &Minted) -> (&'static str, String) {
        let token = minted.signed.expose();
        let body = match self {
            Dialect::ChatDocsJava => return (TEXT, token.to_owned()),
            Dialect::TokenServicePost => format!("{}\n", json(&json!({ "token": token }))),
            Dialect::TokenService(names) => {
                let tokens = [Some(&minted.signed), minted.second.as_ref()].into_iter().flatten();
                let named = names.iter().zip(tokens).map(|(name, token)| ((*name).to_owned(), token.expose().into()));
                json(&named.collect::<Map<String, Value>>())
            }
            Dialect::AgoraDocs => json(&json!({ "token": token, "code": "200" })),
            Dialect::DockerImage => json(&json!({ "code": 0, "message": "Success", "data": { "token": token } })),
            Dialect::Ten => {
                let fact = |name| minted.facts.get(name);
                let data = json!({
                    "appId": minted.app_id, "token": token, "channel_name": fact("channel"), "uid": fact("uid"),
                });
                json(&json!({ "code": "0", "msg": "success", "data": data }))
            }
            Dialect::Toolbox => json(&json!({ "code": 0, "msg": "success", "data": { "token": token } })),
            Dialect::ChatDocs => json(&json!({ "status": "success", "token": token })),
            Dialect::ZegoDemo => json(&json!({ "token": token })),
            Dialect::ZegoQuickStart => json(&json!({
                "code": 0,
                "message": "Generate token success",
                "token": token,
                "user_id": minted.facts.get("user_id"),
                // In milliseconds. A client of Android reads it as a number of 64 bits, and crashes if it fits into 32.
                "expire_time": u64::from(minted.signed.expires_at()) * 1000,
            })),
        };
        (JSON, body)
    }

    /// The content type and the body of a refusal.
    pub(super) fn problem(self, problem: &Problem) -> (&'static str, String) {
        let (status, text) = (problem.status(), problem.detail());
        let body = match self {
            Dialect::ChatDocsJava | Dialect::TokenServicePost => return (TEXT, format!("{text}\n")),
            Dialect::TokenService(names) => {
                let mut body: Map<String, Value> = names.iter().map(|name| ((*name).to_owned(), "".into())).collect();
                body.insert("message".to_owned(), text.into());
                body.insert("status".to_owned(), status.into());
                json(&body)
            }
            Dialect::AgoraDocs => {
                let text = if problem.is_not_json() { problem.tutorial_text() } else { text };
                json(&json!({ "token": text, "code": status.to_string() }))
            }
            Dialect::DockerImage => {
                let code = if problem.is_not_json() { -1 } else { -2 };
                json(&json!({ "code": code, "message": text, "data": "" }))
            }
            Dialect::Ten => {
                let code = if status == 400 { "10000" } else { "10005" };
                json(&json!({ "code": code, "msg": text, "data": status }))
            }
            Dialect::Toolbox => json(&json!({ "code": status, "msg": text, "data": { "token": "" } })),
            Dialect::ChatDocs => json(&json!({ "status": "failed", "message": text })),
            Dialect::ZegoDemo => json(&json!({ "error": text })),
            Dialect::ZegoQuickStart => json(&json!({ "code": status, "message": text })),
        };
        (JSON, body)
    }
}
