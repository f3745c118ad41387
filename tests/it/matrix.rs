//! Every route, asked by everybody: the expected status, never a 5xx, and no token for a caller who may not have one.
//!
//! The same rows hold for both verifiers: once the event says who asks, as the gateway's authorizer writes it, and once a
//! JWT in the event proves it.

use crate::{functions, said};
use harness::http::{self, Response};
use harness::issuer::{Algorithm, Issuer, SigningKey};
use harness::lambda::Function;
use harness::server::TokenServer;
use harness::{Env, project};
use serde_json::{Value, json};
use tokens::agora::Uid;

/// Who asks.
const WHO: [&str; 14] = [
    "nobody",
    "the user",
    "another user",
    "a user without the rooms claim",
    "a user without the scope",
    "a user without an id",
    "an IAM identity",
    "a guest of an identity pool",
    "a JWT with a number among its claims",
    "a JWT with a null among its claims",
    "a JWT and an IAM identity at once",
    "claims outside of a JWT",
    "an anonymous user",
    "a user whose JWT has ended",
];

fn authorizer(who: &str, policy: Policy) -> Option<Value> {
    let jwt = |claims: Value| json!({ "jwt": { "claims": claims, "scopes": null } });
    let claims = |sub: &str, rooms: Option<&str>, scope: &str| {
        let (scope, permissions) = policy.scopes(scope);
        let permissions = format!("[{permissions}]");
        let mut claims = json!({ "sub": sub, "scope": scope, "permissions": permissions, "exp": "4102444800" });
        if let Some(rooms) = rooms {
            claims["rooms"] = json!(rooms);
        }
        claims
    };
    let alice = claims("alice", Some("[demo *]"), "openid publish");
    let iam = json!({ "userArn": "arn:aws:iam::123456789012:user/backend", "accountId": "123456789012" });
    Some(match who {
        "nobody" => return None,
        "the user" => jwt(alice),
        "another user" => jwt(claims("bob", Some("[demo *]"), "openid publish")),
        "a user without the rooms claim" => jwt(claims("alice", None, "openid publish")),
        "a user without the scope" => jwt(claims("alice", Some("[demo *]"), "openid")),
        "a user without an id" => jwt(json!({ "rooms": "[demo]", "scope": "publish" })),
        "an IAM identity" => json!({ "iam": iam }),
        "a guest of an identity pool" => {
            let mut iam = iam;
            iam["cognitoIdentity"] = json!({ "amr": ["unauthenticated"] });
            json!({ "iam": iam })
        }
        "a JWT with a number among its claims" => {
            let mut claims = alice;
            claims["exp"] = json!(4_102_444_800_u64);
            jwt(claims)
        }
        "a JWT with a null among its claims" => {
            let mut claims = alice;
            claims["name"] = json!(null);
            jwt(claims)
        }
        "a JWT and an IAM identity at once" => {
            let mut both = jwt(alice);
            both["iam"] = iam;
            both
        }
        "claims outside of a JWT" => json!({ "claims": alice }),
        "an anonymous user" => {
            let mut claims = alice;
            claims["is_anonymous"] = json!("true");
            jwt(claims)
        }
        "a user whose JWT has ended" => {
            let mut claims = alice;
            claims["exp"] = json!("1700003600");
            jwt(claims)
        }
        other => panic!("{other}"),
    })
}

/// Who verifies the callers.
#[derive(Debug)]
enum Verifier {
    /// `IDENTITY=gateway`
    Gateway,
    /// `IDENTITY=jwt`
    Ours { issuer: Box<Issuer>, key: SigningKey },
}

const AUDIENCE: &str = "tokens.example.com";
const BACKEND_AUDIENCE: &str = "backends.example.com";
const UIKIT_AUDIENCE: &str = "uikit.example.com";

impl Verifier {
    fn settings(&self) -> Env {
        match self {
            // The gateway verifies it. The service needs to know what counts in a header.
            Verifier::Gateway => Env::from([("IDENTITY", "gateway"), ("JWT_AUDIENCE", AUDIENCE)]),
            Verifier::Ours { issuer, .. } => Env::from([
                ("IDENTITY", "jwt"),
                ("JWT_ISSUER", &issuer.url()),
                ("JWT_AUDIENCE", AUDIENCE),
                ("BACKEND_AUDIENCE", BACKEND_AUDIENCE),
                ("BACKEND_SCOPE", "tokens/app"),
            ]),
        }
    }

    /// Puts a JWT of the caller into the query of an event. It lives five minutes, and has an audience of its own.
    fn identify_in_query(&self, event: &mut Value, who: &str, policy: Policy) {
        let query = event["rawQueryString"].as_str().expect("a query").to_owned();
        match self {
            Verifier::Gateway => {
                event["rawQueryString"] = json!(format!("jwt=checked&{query}"));
                let Some(mut authorizer) = authorizer(who, policy) else { return };
                if let Some(claims) = authorizer.pointer_mut("/jwt/claims").and_then(Value::as_object_mut) {
                    let end: u64 = match claims.get("exp") {
                        Some(Value::String(text)) => text.parse().expect("a number"),
                        _ => 4_102_444_800,
                    };
                    claims.insert("iat".to_owned(), json!((end - 300).to_string()));
                    claims.insert("aud".to_owned(), json!(UIKIT_AUDIENCE));
                }
                event["requestContext"]["authorizer"] = authorizer;
            }
            Verifier::Ours { issuer, key } => {
                let Some(authorization) = authorization(issuer, key, who, policy, true) else { return };
                let jwt = authorization.strip_prefix("Bearer ").expect("a bearer token").replace(' ', "%20");
                event["rawQueryString"] = json!(format!("jwt={jwt}&{query}"));
            }
        }
    }

    /// Puts into an event who asks.
    fn identify(&self, event: &mut Value, who: &str, policy: Policy) {
        match self {
            Verifier::Gateway => {
                if let Some(authorizer) = authorizer(who, policy) {
                    event["requestContext"]["authorizer"] = authorizer;
                }
            }
            Verifier::Ours { issuer, key } => {
                if let Some(authorization) = authorization(issuer, key, who, policy, false) {
                    event["headers"]["authorization"] = authorization.into();
                }
                // What the gateway says of a user does not count.
                if who == "claims outside of a JWT" {
                    event["requestContext"]["authorizer"] = authorizer("the user", policy).expect("a user");
                }
            }
        }
    }
}

/// The header of the same caller, or of one whose JWT has the same fault as the gateway's event.
fn authorization(issuer: &Issuer, key: &SigningKey, who: &str, policy: Policy, in_query: bool) -> Option<String> {
    let claims = |sub: &str, rooms: Option<[&str; 2]>, scope: &str| {
        let mut claims = issuer.claims(sub, if in_query { UIKIT_AUDIENCE } else { AUDIENCE });
        if in_query {
            claims["exp"] = json!(claims["iat"].as_u64().expect("a time") + 300);
        }
        let (scope, permissions) = policy.scopes(scope);
        claims["scope"] = json!(scope);
        claims["permissions"] = permissions.split(' ').collect();
        if let Some(rooms) = rooms {
            claims["rooms"] = json!(rooms);
        }
        claims
    };
    let backend = |scope: &str| {
        let mut claims = issuer.claims("backend", BACKEND_AUDIENCE);
        claims["scope"] = json!(scope);
        claims
    };
    let rooms = Some(["demo", "*"]);
    let alice = claims("alice", rooms, "openid publish");
    let with = |name: &str, value: Value| {
        let mut claims = alice.clone();
        claims[name] = value;
        claims
    };
    let claims = match who {
        "nobody" | "claims outside of a JWT" => return None,
        "the user" => alice,
        "another user" => claims("bob", rooms, "openid publish"),
        "a user without the rooms claim" => claims("alice", None, "openid publish"),
        "a user without the scope" => claims("alice", rooms, "openid"),
        "a user without an id" => {
            let mut claims = alice.clone();
            claims.as_object_mut().expect("claims").remove("sub");
            claims
        }
        "an IAM identity" => backend("tokens/app"),
        "a guest of an identity pool" => backend("tokens"),
        "a JWT with a number among its claims" => with("exp", json!("1700003600")),
        "a JWT with a null among its claims" => with("nbf", json!(null)),
        "an anonymous user" => with("is_anonymous", json!(true)),
        "a user whose JWT has ended" => with("exp", json!(1_700_003_600)),
        "a JWT and an IAM identity at once" => {
            let two = [alice, backend("tokens/app")].map(|claims| key.sign(&json!({}), &claims));
            return Some(format!("Bearer {}, Bearer {}", two[0], two[1]));
        }
        other => panic!("{other}"),
    };
    Some(format!("Bearer {}", key.sign(&json!({}), &claims)))
}

/// Stands for the user's id in a request.
const ALICE: &str = "ALICE";

/// Stands for the uid that the user is assigned.
const UID: &str = "UID_OF_USER";

/// A request, and the statuses that the first seven callers of [`WHO`] get for it. All others get 401.
struct Request {
    function: &'static str,
    route: &'static str,
    parameters: Value,
    query: &'static str,
    body: Option<&'static str>,
    statuses: [u16; 7],
}

const fn ask(function: &'static str, route: &'static str, statuses: [u16; 7]) -> Request {
    Request { function, route, parameters: Value::Null, query: "", body: None, statuses }
}

/// The settings that vary. ROOMS_CLAIM, PUBLISH_SCOPE and REFUSED_CLAIMS are always set.
#[derive(Debug, Clone, Copy)]
struct Policy {
    /// RTM_BEYOND_ROOMS
    rtm_beyond_rooms: &'static str,
    /// RTM_006
    rtm_006: &'static str,
    /// With USER_ID_FORM=hash, SCOPE_CLAIM=permissions and MAX_SECONDS_BEYOND_JWT.
    by_caller: bool,
}

const POLICIES: [Policy; 5] = [
    Policy { rtm_beyond_rooms: "refused", rtm_006: "allowed", by_caller: false },
    Policy { rtm_beyond_rooms: "allowed", rtm_006: "allowed", by_caller: false },
    Policy { rtm_beyond_rooms: "allowed", rtm_006: "refused", by_caller: false },
    Policy { rtm_beyond_rooms: "allowed", rtm_006: "refused", by_caller: true },
    Policy { rtm_beyond_rooms: "permissions", rtm_006: "allowed", by_caller: false },
];

impl Policy {
    /// The request's text for this user.
    fn text(self, text: &str) -> String {
        let uid = Uid::of_user(&"0".repeat(32), self.alice());
        text.replace(ALICE, self.alice()).replace(UID, &uid.to_string())
    }

    fn settings(self) -> Env {
        // One user asks for many tokens here. Another test has the limit.
        let always = [
            ("ROOMS_CLAIM", "rooms"),
            ("PUBLISH_SCOPE", "publish"),
            ("REFUSED_CLAIMS", "is_anonymous=true"),
            ("MINTS_PER_MINUTE", "0"),
            ("DROP_IN", "true"),
            ("UIKIT_JWT_IN_QUERY", "true"),
            ("UIKIT_JWT_AUDIENCE", UIKIT_AUDIENCE),
            ("RTM_BEYOND_ROOMS", self.rtm_beyond_rooms),
            ("RTM_006", self.rtm_006),
        ];
        let by_caller = [("USER_ID_FORM", "hash"), ("SCOPE_CLAIM", "permissions"), ("MAX_SECONDS_BEYOND_JWT", "86400")];
        let by_caller = if self.by_caller { Env::from(by_caller) } else { Env::default() };
        Env::from(always).and_all(by_caller)
    }

    /// The claim `scope` and the words of the claim `permissions`. Only one of them counts. The other one always has the
    /// scope for publishing.
    fn scopes(self, counts: &str) -> (&str, &str) {
        if self.by_caller { ("openid publish", counts) } else { (counts, "publish") }
    }

    /// The vendors' id of the user.
    fn alice(self) -> &'static str {
        // The first 32 digits of what `printf alice | sha256sum` prints.
        if self.by_caller { "2bd806c97f0e00af1a1fc3328fa763a9" } else { "alice" }
    }

    /// The status for this caller.
    fn status(self, verifier: &Verifier, statuses: [u16; 7], who: &str) -> u16 {
        let at = WHO.iter().position(|known| *known == who).expect("one of them");
        match who {
            // The gateway has checked the end, and we believe it, unless tokens may not outlive JWTs.
            "a user whose JWT has ended" if matches!(verifier, Verifier::Gateway) && !self.by_caller => statuses[1],
            // This needs another kind of identity, so nobody looks at the claims.
            "a user whose JWT has ended" if matches!(verifier, Verifier::Gateway) && statuses[5] == 403 => 403,
            _ => statuses.get(at).copied().unwrap_or(401),
        }
    }
}

/// These statuses. If the setting is not `allowed`, 403 in place of 200.
fn if_allowed(setting: &str, statuses: [u16; 7]) -> [u16; 7] {
    statuses.map(|status| if status == 200 && setting != "allowed" { 403 } else { status })
}

/// These statuses, for a request for RTM alone. With permissions, the user without the rooms claim has no channels, and so no token.
fn if_rtm(policy: Policy, statuses: [u16; 7]) -> [u16; 7] {
    match policy.rtm_beyond_rooms {
        "permissions" => {
            let mut statuses = statuses;
            statuses[3] = 403;
            statuses
        }
        setting => if_allowed(setting, statuses),
    }
}

fn requests(policy: Policy) -> Vec<Request> {
    let mut all = own_requests(policy);
    all.extend(drop_in_requests(policy));
    all
}

/// Requests for drop-in routes. The policy is that of our own routes.
fn drop_in_requests(policy: Policy) -> Vec<Request> {
    const APP: [u16; 7] = [401, 403, 403, 403, 403, 403, 200];
    const CHAT: [u16; 7] = [401, 200, 403, 200, 200, 401, 403];
    const LISTEN: [u16; 7] = [401, 200, 403, 403, 200, 401, 403];
    const PUBLISH: [u16; 7] = [401, 200, 403, 403, 403, 401, 403];
    let rtm = if_rtm(policy, CHAT);
    let joins = |role: &str, uid: &str| json!({ "channel": "demo", "role": role, "type": "userAccount", "uid": uid });
    let user = |user_id: &str| json!({ "user_id": user_id });
    let rtc = "GET /rtc/{channel}/{role}/{type}/{uid+}";
    let rte = "GET /rte/{channel}/{role}/{type}/{uid+}";
    let in_path = |function, route, parameters, statuses| Request { parameters, ..ask(function, route, statuses) };
    let in_query = |function, route, query, statuses| Request { query, ..ask(function, route, statuses) };
    let in_body = |route, body, statuses| Request { body: Some(body), ..ask("drop-in", route, statuses) };
    let mut all = vec![
        Request {
            body: Some(r#"{"uid":UID_OF_USER,"ChannelName":"demo","role":2}"#),
            ..ask("rtc-token", "POST /fetch_rtc_token", LISTEN)
        },
        in_path("rtc-token", rtc, joins("audience", ALICE), LISTEN),
        in_path("rtc-token", rtc, joins("1", "ALICE/"), PUBLISH),
        in_path("rtm-token", "GET /rtm/{user_id+}", user(ALICE), rtm),
        in_path("rtm-token", "GET /rtm/{user_id+}", user("ALICE/"), rtm),
        in_path("chat-user-token", "GET /chat/account/{user_id+}", user(ALICE), CHAT),
        in_query("chat-user-token", "GET /api/token/generateUserToken", "account=ALICE", CHAT),
        ask("chat-app-token", "GET /chat/app", APP),
        ask("chat-app-token", "GET /api/token/generateAppToken", APP),
        // Rooms are limited, and this token opens every room.
        in_query("zego-token", "GET /access_token", "uid=ALICE", NOBODY),
        in_query("zego-token", "GET /api/zego-token", "userId=ALICE", NOBODY),
        in_query("zego-token", "GET /api/zegotoken", "userId=ALICE", NOBODY),
        Request {
            body: Some(r#"{"roomUuid":"demo","userUuid":"ALICE","role":2}"#),
            ..ask("apaas-token", "POST /fetch_education_token", if_allowed(policy.rtm_beyond_rooms, PUBLISH))
        },
        in_path("drop-in", rte, joins("2", ALICE), if_rtm(policy, LISTEN)),
        in_path("drop-in", rte, joins("host", "ALICE/ALICE/"), if_rtm(policy, PUBLISH)),
        in_path("drop-in", rte, joins("2", "ALICE/somebody"), NOBODY),
        ask("drop-in", "GET /ping", [401, 200, 200, 200, 200, 401, 403]),
        in_query("drop-in", "GET /uikit", "path=/rtc/demo/publisher/userAccount/ALICE/", PUBLISH),
        in_query("drop-in", "GET /uikit", "path=/rtm/ALICE", rtm),
        in_query("drop-in", "POST /token/generate", "userId=ALICE&tokenType=user", CHAT),
        in_query("drop-in", "POST /token/generate", "userId=ALICE&tokenType=app", NOBODY),
        in_body(
            "POST /token/generate",
            r#"{"request_id":"1","channel_name":"demo","uid":UID_OF_USER}"#,
            if_allowed(policy.rtm_beyond_rooms, PUBLISH),
        ),
        in_body(
            "POST /token/generate",
            r#"{"channelName":"demo","uid":"ALICE","serviceRtc":{"enable":true,"role":2}}"#,
            LISTEN,
        ),
        in_body("POST /token/generate", r#"{"uid":"ALICE","serviceRtm":{"enable":true}}"#, rtm),
        in_body("POST /token/generate", r#"{"serviceChat":{"enableUser":true,"userUuid":"ALICE"}}"#, CHAT),
        in_body("POST /token/generate", r#"{"serviceChat":{"enableApp":true}}"#, NOBODY),
    ];
    for route in ["POST /getToken", "POST /token/getNew"] {
        all.extend([
            in_body(route, r#"{"tokenType":"rtc","channel":"demo","uid":"ALICE"}"#, LISTEN),
            in_body(route, r#"{"tokenType":"rtc","channel":"demo","uid":"UID_OF_USER","role":"publisher"}"#, PUBLISH),
            in_body(route, r#"{"tokenType":"rtm","uid":"ALICE"}"#, rtm),
            in_body(
                route,
                r#"{"tokenType":"rtm","uid":"ALICE","channel":"demo"}"#,
                if_allowed(policy.rtm_beyond_rooms, PUBLISH),
            ),
            in_body(route, r#"{"tokenType":"chat","uid":"ALICE"}"#, CHAT),
            in_body(route, r#"{"tokenType":"chat"}"#, NOBODY),
        ]);
    }
    for route in ["POST /token/generate", "POST /v2/token/generate", "POST /v2/convoai/token/generate"] {
        all.extend([
            in_body(route, r#"{"appCertificate":"x","channelName":"demo","type":1,"uid":"ALICE"}"#, PUBLISH),
            in_body(route, r#"{"channelName":"demo","types":[2],"uid":"ALICE"}"#, rtm),
            in_body(route, r#"{"type":3,"uid":"ALICE"}"#, CHAT),
            in_body(route, r#"{"channelName":"*","type":1,"uid":"ALICE"}"#, NOBODY),
        ]);
    }
    all
}

/// What no caller gets.
const NOBODY: [u16; 7] = [401, 403, 403, 403, 403, 401, 403];

fn own_requests(policy: Policy) -> Vec<Request> {
    const IN_CLASS: &str = "GET /apaas/{user_uuid}/rooms/{room_uuid}/token";
    let in_class = || json!({ "user_uuid": ALICE, "room_uuid": "demo" });
    let in_class_as_student = if_allowed(policy.rtm_beyond_rooms, [401, 200, 403, 403, 403, 401, 403]);
    let in_class_as_observer = if_allowed(policy.rtm_beyond_rooms, [401, 200, 403, 403, 200, 401, 403]);
    let user = || json!({ "user_id": ALICE });
    let demo = || json!({ "channel": "demo" });
    let room = r#"{"room_id":"demo"}"#;
    let publish = r#"{"room_id":"demo","privileges":{"publish":true}}"#;
    let rtm = if_rtm(policy, [401, 200, 403, 200, 200, 401, 403]);
    // A 006 token has no permissions.
    let rtm_006 = if_allowed(policy.rtm_006, if_allowed(policy.rtm_beyond_rooms, [401, 200, 403, 200, 200, 401, 403]));
    let with_rtm = if_allowed(policy.rtm_beyond_rooms, [401, 200, 200, 403, 200, 401, 403]);
    // The functions run with ROOMS_CLAIM and PUBLISH_SCOPE, so a user may lack either.
    //                                                     nobody user other rooms scope no id IAM
    vec![
        ask("chat-app-token", "GET /chat/app/token", [401, 403, 403, 403, 403, 403, 200]),
        Request {
            parameters: user(),
            ..ask("chat-user-token", "GET /chat/user/{user_id}/token", [401, 200, 403, 200, 200, 401, 403])
        },
        Request { parameters: user(), ..ask("rtm-token", "GET /rtm/{user_id}/token", rtm) },
        Request { parameters: user(), query: "version=006", ..ask("rtm-token", "GET /rtm/{user_id}/token", rtm_006) },
        Request { body: Some(r#"{"uid":"ALICE"}"#), ..ask("rtm-token", "POST /fetch_rtm_token", rtm_006) },
        Request { body: Some(r#"{"uid":"ALICE","version":"007"}"#), ..ask("rtm-token", "POST /fetch_rtm_token", rtm) },
        Request {
            parameters: demo(),
            ..ask("rtc-token", "GET /rtc/{channel}/token", [401, 200, 200, 403, 200, 401, 403])
        },
        Request {
            parameters: demo(),
            query: "account=ALICE",
            ..ask("rtc-token", "GET /rtc/{channel}/token", [401, 200, 403, 403, 200, 401, 403])
        },
        Request {
            parameters: demo(),
            query: "role=publisher",
            ..ask("rtc-token", "GET /rtc/{channel}/token", [401, 200, 200, 403, 403, 401, 403])
        },
        Request { parameters: demo(), query: "with=rtm", ..ask("rtc-token", "GET /rtc/{channel}/token", with_rtm) },
        Request {
            parameters: demo(),
            query: "with=chat,rtm",
            ..ask("rtc-token", "GET /rtc/{channel}/token", with_rtm)
        },
        Request {
            parameters: demo(),
            query: "with=chat",
            ..ask("rtc-token", "GET /rtc/{channel}/token", [401, 200, 200, 403, 200, 401, 403])
        },
        Request {
            parameters: demo(),
            body: Some(r#"{"with":["rtm"]}"#),
            ..ask("rtc-token", "POST /rtc/{channel}/token", with_rtm)
        },
        Request {
            parameters: json!({ "channel": "vip" }),
            ..ask("rtc-token", "GET /rtc/{channel}/token", [401, 403, 403, 403, 403, 401, 403])
        },
        Request {
            parameters: json!({ "channel": "*" }),
            ..ask("rtc-token", "GET /rtc/{channel}/token", [401, 403, 403, 403, 403, 401, 403])
        },
        Request {
            parameters: demo(),
            body: Some(r#"{"role":"publisher"}"#),
            ..ask("rtc-token", "POST /rtc/{channel}/token", [401, 200, 200, 403, 403, 401, 403])
        },
        Request {
            parameters: demo(),
            body: Some(r#"{"uid":9,"service":"convoai","rtm_user_id":"agent","role":"publisher"}"#),
            ..ask("agent-token", "POST /rtc/{channel}/agent-token", [401, 403, 403, 403, 403, 403, 200])
        },
        Request {
            parameters: json!({ "channel": "vip" }),
            body: Some(r#"{"account":"ALICE"}"#),
            ..ask("agent-token", "POST /rtc/{channel}/agent-token", [401, 403, 403, 403, 403, 403, 200])
        },
        Request {
            parameters: json!({ "channel": "*" }),
            body: Some(r#"{"uid":9}"#),
            ..ask("agent-token", "POST /rtc/{channel}/agent-token", [401, 403, 403, 403, 403, 403, 403])
        },
        Request {
            parameters: user(),
            query: "room_id=demo",
            ..ask("zego-token", "GET /zego/{user_id}/token", [401, 200, 403, 403, 200, 401, 403])
        },
        Request {
            parameters: user(),
            ..ask("zego-token", "GET /zego/{user_id}/token", [401, 403, 403, 403, 403, 401, 403])
        },
        Request {
            parameters: user(),
            body: Some(room),
            ..ask("zego-token", "POST /zego/{user_id}/token", [401, 200, 403, 403, 200, 401, 403])
        },
        Request {
            parameters: user(),
            body: Some(publish),
            ..ask("zego-token", "POST /zego/{user_id}/token", [401, 200, 403, 403, 403, 401, 403])
        },
        Request { parameters: in_class(), query: "role=2", ..ask("apaas-token", IN_CLASS, in_class_as_student) },
        Request { parameters: in_class(), query: "role=4", ..ask("apaas-token", IN_CLASS, in_class_as_observer) },
        Request {
            parameters: json!({ "user_uuid": ALICE, "room_uuid": "vip" }),
            query: "role=4",
            ..ask("apaas-token", IN_CLASS, NOBODY)
        },
        // The scope for publishing does not allow teaching. Nobody here has the scope for teaching.
        Request { parameters: in_class(), query: "role=1", ..ask("apaas-token", IN_CLASS, NOBODY) },
        Request {
            parameters: json!({ "user_uuid": ALICE }),
            ..ask("apaas-token", "GET /apaas/{user_uuid}/token", NOBODY)
        },
        Request {
            parameters: user(),
            ..ask("zim-token", "GET /zim/{user_id}/token", [401, 403, 403, 403, 403, 401, 403])
        },
    ]
}

fn event(request: &Request, policy: Policy) -> Value {
    let (method, _) = request.route.split_once(' ').expect("a method and a path");
    let parameters = policy.text(&request.parameters.to_string());
    json!({
        "version": "2.0",
        "rawQueryString": policy.text(request.query),
        "pathParameters": serde_json::from_str::<Value>(&parameters).expect("JSON"),
        "headers": { "accept": "application/json" },
        "requestContext": { "http": { "method": method }, "requestId": "id", "routeKey": request.route },
        "body": request.body.map(|body| policy.text(body)),
        "isBase64Encoded": false,
    })
}

/// The same request.
fn over_http(event: &Value, server: &TokenServer) -> Response {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let route = text(&event["requestContext"]["routeKey"]);
    let (method, path) = route.split_once(' ').expect("a method and a path");
    let parameters = event["pathParameters"].as_object().into_iter().flatten();
    let path = parameters.fold(path.to_owned(), |path, (name, value)| {
        path.replace(&format!("{{{name}}}"), &text(value)).replace(&format!("{{{name}+}}"), &text(value))
    });
    let query = text(&event["rawQueryString"]);
    let query = if query.is_empty() { query } else { format!("?{query}") };
    let headers = event["headers"].as_object().expect("headers").iter();
    let sent = http::Request::new(method, &server.url(&format!("{path}{query}")));
    let sent = headers.fold(sent, |sent, (name, value)| sent.header(name, &text(value)));
    sent.body(text(&event["body"])).send()
}

#[test]
fn every_route_answers_everybody_as_it_should() {
    for policy in POLICIES {
        answers_everybody_as_it_should(&Verifier::Gateway, policy);
    }
}

#[test]
fn every_route_answers_everybodys_jwt_as_it_should() {
    let key = SigningKey::generate("current", Algorithm::Es256);
    let verifier = Verifier::Ours { issuer: Box::new(Issuer::start(&[&key])), key };
    for policy in POLICIES {
        answers_everybody_as_it_should(&verifier, policy);
    }
}

fn answers_everybody_as_it_should(verifier: &Verifier, policy: Policy) {
    let credentials = project::root().join("tests/demo-credentials.json");
    let env = Env::from([("LOCAL_CREDENTIALS", credentials.to_str().expect("UTF-8"))])
        .and_all(policy.settings())
        .and_all(verifier.settings());
    // The server believes no gateway, so it takes only JWTs.
    let server = matches!(verifier, Verifier::Ours { .. }).then(|| TokenServer::start(env.clone()));
    let requests = requests(policy);
    for name in functions::minting() {
        let function = Function::start(&name, env.clone());
        let own: Vec<_> = requests.iter().filter(|request| request.function == name).collect();
        let routes = functions::routes_in_code().into_iter().filter(|(_, function)| *function == name);
        for (route, _) in routes {
            assert!(own.iter().any(|request| request.route == route), "the matrix lacks {route}");
        }
        for request in own {
            for who in WHO {
                let expected = match (request.route, who, verifier) {
                    // No JWT of a backend is for the audience of JWTs in a query.
                    ("GET /uikit", "an IAM identity", Verifier::Ours { .. }) => 401,
                    _ => policy.status(verifier, request.statuses, who),
                };
                let mut event = event(request, policy);
                match request.route {
                    "GET /uikit" => verifier.identify_in_query(&mut event, who, policy),
                    _ => verifier.identify(&mut event, who, policy),
                }
                let response = function.invoke(&event).response();
                let what = format!(
                    "{} {} {:?} for {who} under {policy:?} and {:?}",
                    request.route,
                    request.query,
                    request.body,
                    verifier.settings()
                );
                assert_eq!(response["statusCode"], expected, "{what}: {response}");
                let body = response["body"].as_str().expect("a text");
                let is_ping = request.route == "GET /ping";
                assert_eq!(said::holds_a_token(body), expected == 200 && !is_ping, "{what}: {body}");
                // Everybody may ask whether a server is there.
                if let Some(server) = server.as_ref().filter(|_| !is_ping) {
                    let response = over_http(&event, server);
                    assert_eq!(response.status, expected, "{what}, from the server: {}", response.text());
                    assert_eq!(said::holds_a_token(response.text()), expected == 200, "{what}, from the server");
                }
            }
        }
    }
}
