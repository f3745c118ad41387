//! How other token servers write their answers. Clients of these servers understand no other form.
//!
//! A refusal, too, has the fields that the clients read. Some clients do not look at the status, and crash without their
//! field.

use super::{JSON, TEXT, json};
use crate::minted::Minted;
use crate::problem::Problem;
use serde_json::{Map, Value, json};

/// A token server whose answers a route writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// The server in Agora's documentation of RTC: `{"token":...,"code":"200"}`.
    AgoraDocs,
    /// agora-token-service's GET routes. These fields have the tokens.
    TokenService(&'static [&'static str]),
    /// agora-token-service's POST routes: `{"token":...}`, and errors as text.
    TokenServicePost,
    /// The image `agoracn/token`.
    DockerImage,
    /// TEN framework's server.
    Ten,
    /// The token generator that Agora's samples ask, which Agora calls the *toolbox*.
    Toolbox,
    /// The Node.js and Python servers in Agora's documentation of Chat.
    ChatDocs,
    /// The Java server in Agora's documentation of Chat: bare texts.
    ChatDocsJava,
    /// ZEGO's demo server: `{"token":...}`.
    ZegoDemo,
    /// The server of ZEGO's AI agent quick start.
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
                // In milliseconds. A client for Android expects a number of 64 bits. It crashes at one that fits into 32.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::System;
    use crate::system::fake::{FakeSystem, Randomness};
    use tokens::Ttl;
    use tokens::agora::{AppCertificate, AppId, ChannelName, Key, Rights, Role, Rtc, RtcUser, Uid};

    const ALL: [Dialect; 10] = [
        Dialect::AgoraDocs,
        Dialect::TokenService(&["rtcToken", "rtmToken"]),
        Dialect::TokenServicePost,
        Dialect::DockerImage,
        Dialect::Ten,
        Dialect::Toolbox,
        Dialect::ChatDocs,
        Dialect::ChatDocsJava,
        Dialect::ZegoDemo,
        Dialect::ZegoQuickStart,
    ];

    fn minted() -> Minted {
        let key = Key {
            app_id: AppId::new("970ca35de60c44645bbae8a215061b33").expect("valid"),
            app_certificate: AppCertificate::new("5cfd2fd1755d40ecb72977518be15d3b").expect("valid"),
        };
        let token = Rtc {
            channel: ChannelName::new("demo").expect("valid"),
            user: RtcUser::Uid(Uid::new(7).expect("valid")),
            rights: Rights::of_role(Role::Publisher, Ttl::from_seconds(60).expect("valid")),
        };
        let system = FakeSystem::new(Randomness::Seeded(1));
        let system: &dyn System = &*system;
        let second = Minted::new(&token, &key, system).expect("minted").signed;
        Minted { second: Some(second), ..Minted::new(&token, &key, system).expect("minted") }
    }

    #[test]
    fn each_answer_is_what_the_servers_clients_read() {
        let minted = minted();
        let (first, second) = (minted.signed.expose(), minted.second.as_ref().expect("two").expose());
        let answers = ALL.map(|dialect| {
            let (content_type, body) = dialect.token(&minted);
            assert_eq!(content_type == TEXT, dialect == Dialect::ChatDocsJava, "{dialect:?}");
            body.replace(first, "TOKEN").replace(second, "SECOND")
        });
        let end = u64::from(minted.signed.expires_at()) * 1000;
        let quick_start = format!(
            r#"{{"code":0,"expire_time":{end},"message":"Generate token success","token":"TOKEN","user_id":null}}"#
        );
        let ten = r#"{"code":"0","data":{"appId":"970ca35de60c44645bbae8a215061b33","channel_name":"demo","token":"TOKEN","uid":7},"msg":"success"}"#;
        let expected = [
            r#"{"code":"200","token":"TOKEN"}"#,
            r#"{"rtcToken":"TOKEN","rtmToken":"SECOND"}"#,
            "{\"token\":\"TOKEN\"}\n",
            r#"{"code":0,"data":{"token":"TOKEN"},"message":"Success"}"#,
            ten,
            r#"{"code":0,"data":{"token":"TOKEN"},"msg":"success"}"#,
            r#"{"status":"success","token":"TOKEN"}"#,
            "TOKEN",
            r#"{"token":"TOKEN"}"#,
            &quick_start,
        ];
        assert_eq!(answers, expected);
        assert!(end > 1 << 31);
    }

    #[test]
    fn each_refusal_is_what_the_servers_clients_read() {
        let problem = Problem::forbidden("uid: no");
        let answers = ALL.map(|dialect| dialect.problem(&problem).1);
        let expected = [
            r#"{"code":"403","token":"uid: no"}"#,
            r#"{"message":"uid: no","rtcToken":"","rtmToken":"","status":403}"#,
            "uid: no\n",
            r#"{"code":-2,"data":"","message":"uid: no"}"#,
            r#"{"code":"10005","data":403,"msg":"uid: no"}"#,
            r#"{"code":403,"data":{"token":""},"msg":"uid: no"}"#,
            r#"{"message":"uid: no","status":"failed"}"#,
            "uid: no\n",
            r#"{"error":"uid: no"}"#,
            r#"{"code":403,"message":"uid: no"}"#,
        ];
        assert_eq!(answers, expected);
        let not_json = Problem::not_json("the body must be a JSON object");
        assert_eq!(Dialect::AgoraDocs.problem(&not_json).1, r#"{"code":"400","token":"Bad request."}"#);
        assert!(Dialect::DockerImage.problem(&not_json).1.starts_with(r#"{"code":-1,"#));
        assert!(
            Dialect::Ten.problem(&Problem::bad_parameter("uid", "is required")).1.starts_with(r#"{"code":"10000","#)
        );
    }
}
