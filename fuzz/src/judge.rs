//! Who asks and what they may have, worked out from the event alone; and what their token says.

use arbitrary::Arbitrary;
use serde_json::{Map, Value};
use std::time::{SystemTime, UNIX_EPOCH};
use tokens::agora::Uid;
use tokens::inspect::{AccessToken2, Service, ServiceBody, Token04Claims, Unverified};
use tokens::{agora, inspect, zego};

use crate::functions::Kind;

/// The policy, as it is configured.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    pub(crate) user_id_claim: String,
    pub(crate) form: Form,
    pub(crate) rooms_claim: Option<String>,
    pub(crate) rtc_uid_claim: Option<String>,
    pub(crate) publish_scope: Option<String>,
    pub(crate) default_ttl: u32,
    pub(crate) max_ttl: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            user_id_claim: "sub".to_owned(),
            form: Form::Verbatim,
            rooms_claim: None,
            rtc_uid_claim: None,
            publish_scope: None,
            default_ttl: 3600,
            max_ttl: 86_400,
        }
    }
}

/// What `USER_ID_FORM` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Arbitrary)]
pub(crate) enum Form {
    /// `verbatim`
    Verbatim,
    /// `lower`
    Lower,
    /// `uuid`
    Uuid,
}

impl Limits {
    /// As the functions read them.
    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        let form = match self.form {
            Form::Verbatim => "verbatim",
            Form::Lower => "lower",
            Form::Uuid => "uuid",
        };
        let or_unset = |name: &Option<String>| name.clone().unwrap_or_default();
        vec![
            ("AUTH", "jwt".to_owned()),
            ("USER_ID_CLAIM", self.user_id_claim.clone()),
            ("USER_ID_FORM", form.to_owned()),
            ("ROOMS_CLAIM", or_unset(&self.rooms_claim)),
            ("RTC_UID_CLAIM", or_unset(&self.rtc_uid_claim)),
            ("PUBLISH_SCOPE", or_unset(&self.publish_scope)),
            ("DEFAULT_TOKEN_TTL_SECONDS", self.default_ttl.to_string()),
            ("MAX_TOKEN_TTL_SECONDS", self.max_ttl.to_string()),
        ]
    }
}

const APP_ID: &str = "00000000000000000000000000000000";
const APP_CERTIFICATE: &str = "deadbeefdeadbeefdeadbeefdeadbeef";
const ZEGO_APP_ID: u64 = 1_234_567_890;
const SERVER_SECRET: &str = "demo-server-secret-not-a-secret!";

/// The Agora key in the demo credentials.
pub(crate) fn agora_key() -> agora::Key {
    agora::Key {
        app_id: agora::AppId::new(APP_ID).expect("an app id"),
        app_certificate: agora::AppCertificate::new(APP_CERTIFICATE).expect("a certificate"),
    }
}

/// The ZEGO key there.
pub(crate) fn zego_key() -> zego::Key {
    zego::Key {
        app_id: zego::AppId::new(ZEGO_APP_ID).expect("an app id"),
        server_secret: zego::ServerSecret::new(SERVER_SECRET).expect("a secret"),
    }
}

/// The uid that a user without one is assigned.
pub(crate) fn assigned_uid(user_id: &str) -> u32 {
    Uid::of_user(APP_ID, user_id).get()
}

/// Who the gateway says is asking.
#[derive(Debug)]
enum Who {
    Nobody,
    Backend,
    User(User),
}

#[derive(Debug)]
struct User {
    id: String,
    uid: Option<u32>,
    rooms: Option<Vec<String>>,
    may_publish: bool,
}

impl Who {
    fn of(event: &Value, limits: &Limits) -> Who {
        // Whatever isn't written as the gateway writes it carries nobody's identity. `Value`'s own index would look
        // into an array's place as well.
        let object = |value: &Value, name: &str| Some(value.as_object()?.get(name)?.as_object()?.clone());
        let Some(context) = object(event, "requestContext").filter(|_| event["version"] == "2.0") else {
            return Who::Nobody;
        };
        let Some(authorizer) = context.get("authorizer").and_then(Value::as_object) else { return Who::Nobody };
        match (authorizer.get("jwt"), authorizer.get("iam")) {
            (Some(jwt), None) => User::of(jwt, limits).map_or(Who::Nobody, Who::User),
            (None, Some(Value::Object(iam))) => {
                let named = |field: &str| matches!(iam.get(field), Some(Value::String(name)) if !name.is_empty());
                let pooled = !matches!(iam.get("cognitoIdentity"), None | Some(Value::Null));
                if named("userArn") && named("accountId") && !pooled { Who::Backend } else { Who::Nobody }
            }
            _ => Who::Nobody,
        }
    }
}

impl User {
    fn of(jwt: &Value, limits: &Limits) -> Option<User> {
        let claims = jwt.as_object()?.get("claims")?.as_object()?;
        claims.values().all(Value::is_string).then_some(())?;
        let claim = |name: &str| claims.get(name).and_then(Value::as_str);
        let id = claim(&limits.user_id_claim).filter(|id| !id.is_empty())?;
        let id = match limits.form {
            Form::Verbatim => id.to_owned(),
            Form::Lower => id.chars().map(|letter| letter.to_ascii_lowercase()).collect(),
            Form::Uuid => id.chars().filter(|letter| *letter != '-').collect::<String>().to_ascii_lowercase(),
        };
        let uid = limits.rtc_uid_claim.as_deref().and_then(claim).and_then(number);
        let rooms = limits.rooms_claim.as_deref().map(|name| match claim(name) {
            None => Vec::new(),
            Some(claim) => rooms(claim),
        });
        let may_publish = limits.publish_scope.as_deref().is_none_or(|needed| {
            let listed = jwt["scopes"].as_array().is_some_and(|scopes| scopes.iter().any(|scope| scope == needed));
            let said = |claim: &str| words(claim).any(|scope| scope == needed);
            listed || claim("scope").is_some_and(said) || claim("scp").is_some_and(said)
        });
        Some(User { id, uid, rooms, may_publish })
    }

    fn may_enter(&self, room: &str) -> bool {
        let Some(rooms) = &self.rooms else { return true };
        rooms.iter().any(|listed| listed == room || beginning(listed).is_some_and(|start| room.starts_with(start)))
    }

    /// Every spelling of an RTC user that is this one.
    fn may_join_as(&self, name: &str) -> bool {
        match number(name) {
            Some(uid) => uid == assigned_uid(&self.id) || Some(uid) == self.uid,
            None => name == self.id,
        }
    }
}

/// The name's beginning, where it stands for all that begin so.
fn beginning(room: &str) -> Option<&str> {
    room.ends_with('*').then(|| &room[..room.len() - 1])
}

/// The array that the gateway has written as `[a b c]`, or the text itself.
fn words(claim: &str) -> impl Iterator<Item = &str> {
    let list = claim.len() >= 2 && claim.starts_with('[') && claim.ends_with(']');
    let inner = if list { &claim[1..claim.len() - 1] } else { claim };
    inner.split([' ', '\t', '\n', '\r', '\x0c']).filter(|word| !word.is_empty())
}

fn rooms(claim: &str) -> Vec<String> {
    if !(claim.len() >= 2 && claim.starts_with('[') && claim.ends_with(']')) {
        return vec![claim.to_owned()];
    }
    let list: Vec<&str> = words(claim).collect();
    // Beside others, a lone `*` is no room.
    let alone = list.len() == 1;
    list.into_iter().filter(|room| alone || *room != "*").map(str::to_owned).collect()
}

/// A uid's only spelling.
fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// Judges an answer, and returns its status where it has one.
///
/// # Panics
/// Nobody may get such an answer, or not whoever sent this event.
pub(crate) fn answer(kind: Kind, limits: &Limits, event: &Value, answer: &Value) -> Option<u64> {
    let text = answer.to_string();
    assert!(!text.contains(APP_CERTIFICATE) && !text.contains(SERVER_SECRET), "a secret in an answer");
    if answer.get("warmed").is_some() {
        assert!(is_warm_up(event), "an event that is no warm-up was taken for one");
        let fields: Vec<_> = answer["warmed"].as_object().expect("an object").keys().collect();
        assert_eq!(fields, ["cold", "environment", "fresh_for_seconds"]);
        return None;
    }
    let status = answer["statusCode"].as_u64().expect("a status");
    assert!([200, 400, 401, 403, 404, 405, 413].contains(&status), "status {status}");
    assert_eq!(answer["headers"]["cache-control"], "no-store");
    let body = answer["body"].as_str().expect("a body");
    if status != 200 {
        // What a client sent is not repeated, so a refusal stays small.
        assert!(body.len() < 1000, "{} bytes of refusal", body.len());
        return Some(status);
    }
    let who = Who::of(event, limits);
    let parsed: Option<Map<String, Value>> = serde_json::from_str(body).ok();
    let token = match &parsed {
        None => body,
        Some(fields) => {
            moments(fields, limits);
            fields["token"].as_str().expect("a token")
        }
    };
    match (kind, who) {
        (Kind::ChatApp, Who::Backend) => chat_app(limits, token),
        (Kind::ChatUser, Who::User(user)) => chat_user(limits, &user, token),
        (Kind::Rtc, Who::User(user)) => rtc(limits, &user, token),
        (Kind::Rtm, Who::User(user)) => rtm(limits, &user, token),
        (Kind::Zego | Kind::Zim, Who::User(user)) => zego(kind, limits, &user, token),
        (_, who) => panic!("a {kind:?} token for {who:?}"),
    }
    Some(status)
}

/// `{"warm_up":{"for_seconds":240,"hold_milliseconds":500}}` and nothing else.
fn is_warm_up(event: &Value) -> bool {
    let Some(fields) = event.as_object().filter(|event| event.len() == 1) else { return false };
    let Some(fields) = fields.get("warm_up").and_then(Value::as_object).filter(|fields| fields.len() == 2) else {
        return false;
    };
    let up_to = |name: &str, most: u64| fields.get(name).and_then(Value::as_u64).is_some_and(|number| number <= most);
    up_to("for_seconds", u32::MAX.into()) && up_to("hold_milliseconds", 5000)
}

/// What the answer says of time fits together.
fn moments(fields: &Map<String, Value>, limits: &Limits) {
    let Some(issued_at) = fields.get("issued_at").and_then(Value::as_u64) else { return };
    let [expires_at, expires_in, renew_at] =
        ["expires_at", "expires_in", "renew_at"].map(|name| fields[name].as_u64().expect("a moment"));
    assert!(expires_at - issued_at <= limits.max_ttl.into() && expires_in <= expires_at - issued_at);
    assert!((issued_at..=expires_at).contains(&renew_at));
}

fn is_now(issued_at: i64) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let now = i64::try_from(now).expect("not so soon");
    // A token that is handed out again may be a day old.
    assert!((now - 86_400..=now).contains(&issued_at), "issued at {issued_at}, and it is {now}");
}

fn access_token2(limits: &Limits, token: &str) -> AccessToken2 {
    let Ok(Unverified::AccessToken2(token)) = inspect::parse(token) else { panic!("no 007 token") };
    token.verify_signature(&agora_key()).expect("our own signature");
    assert_eq!(token.unknown_service_type, None);
    assert!((1..=limits.max_ttl).contains(&token.expire), "{} seconds", token.expire);
    is_now(token.issue_ts.into());
    for service in &token.services {
        assert!(service.privileges.values().all(|lives| (1..=token.expire).contains(lives)), "outlives its token");
    }
    token
}

fn user_of(service: &Service) -> &str {
    match &service.body {
        ServiceBody::User { user_id } => user_id,
        other => panic!("{other:?} in place of a user"),
    }
}

fn chat_app(limits: &Limits, token: &str) {
    let token = access_token2(limits, token);
    let [chat] = &token.services[..] else { panic!("one service") };
    assert_eq!((chat.service_type, user_of(chat)), (5, ""));
    assert_eq!(chat.privileges.keys().collect::<Vec<_>>(), [&2], "what only an app may");
}

/// A service that is this user's, and only theirs.
fn own_service(service: &Service, service_type: u16, user: &User) {
    assert_eq!((service.service_type, user_of(service)), (service_type, user.id.as_str()));
    assert!(!user.id.is_empty() && !user.id.contains('*'), "a wildcard");
    assert_eq!(service.privileges.keys().collect::<Vec<_>>(), [&1], "to log in and no more");
}

fn chat_user(limits: &Limits, user: &User, token: &str) {
    let token = access_token2(limits, token);
    let [chat] = &token.services[..] else { panic!("one service") };
    own_service(chat, 5, user);
}

fn rtm(limits: &Limits, user: &User, token: &str) {
    if let Ok(Unverified::AccessToken(token)) = inspect::parse(token) {
        token.verify_signature(&agora_key(), &user.id, "").expect("signed for this user");
        assert!(!user.id.is_empty() && !user.id.contains('*'), "a wildcard");
        // Its vendor knows 24 hours only.
        is_now(i64::from(token.ts) - 86_400);
        return;
    }
    let token = access_token2(limits, token);
    let [rtm] = &token.services[..] else { panic!("one service") };
    own_service(rtm, 2, user);
}

fn rtc(limits: &Limits, user: &User, token: &str) {
    let token = access_token2(limits, token);
    let (rtc, companions) = token.services.split_first().expect("a service");
    let ServiceBody::Rtc { channel_name, uid } = &rtc.body else { panic!("no RTC service: {rtc:?}") };
    assert!(!channel_name.is_empty() && !channel_name.contains('*'), "a wildcard channel");
    assert!(!uid.is_empty() && uid != "0" && !uid.contains('*'), "a wildcard uid");
    assert!(user.may_join_as(uid), "{user:?} joins as {uid:?}");
    assert!(user.may_enter(channel_name), "{user:?} enters {channel_name:?}");
    assert!(rtc.privileges.contains_key(&1) && rtc.privileges.keys().all(|number| (1..=4).contains(number)));
    assert!(user.may_publish || rtc.privileges.keys().all(|number| *number == 1), "{user:?} publishes");
    assert!(companions.len() <= 2);
    for companion in companions {
        own_service(companion, if companion.service_type == 2 { 2 } else { 5 }, user);
    }
    if let [first, second] = companions {
        assert!(first.service_type < second.service_type, "one of each");
    }
}

fn zego(kind: Kind, limits: &Limits, user: &User, token: &str) {
    let Ok(Unverified::Token04(token)) = inspect::parse(token) else { panic!("no 04 token") };
    let claims: Token04Claims = token.decrypt(&zego_key()).expect("our own secret");
    assert!(!claims.user_id.is_empty());
    assert_eq!(claims.user_id, user.id);
    is_now(claims.ctime);
    assert!((1..=i64::from(limits.max_ttl)).contains(&(claims.expire - claims.ctime)));
    if claims.payload.is_empty() {
        assert!(user.rooms.is_none(), "{user:?} enters every room");
        assert!(user.may_publish, "{user:?} publishes everywhere");
        return;
    }
    assert_eq!(kind, Kind::Zego, "ZIM has no rooms");
    let payload: Value = serde_json::from_str(&claims.payload).expect("JSON");
    let room = payload["room_id"].as_str().expect("a room");
    assert!(!room.is_empty() && user.may_enter(room), "{user:?} enters {room:?}");
    let privilege = payload["privilege"].as_object().expect("privileges");
    assert_eq!(privilege.keys().collect::<Vec<_>>(), ["1", "2"]);
    assert!(user.may_publish || privilege["2"] == 0, "{user:?} publishes");
}
