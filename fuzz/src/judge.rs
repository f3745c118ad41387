//! Who asks and what they may have, worked out from the event alone; and what their token says.

use arbitrary::Arbitrary;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use tokens::read::{AccessToken2, Service, ServiceBody, Token04Claims, Unverified};
use tokens::{agora, read, zego};

use crate::kind::Kind;

/// The policy, as it is configured.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    pub(crate) user_id_claim: String,
    pub(crate) form: Form,
    pub(crate) rooms_claim: Option<String>,
    pub(crate) rtc_uid_claim: Option<String>,
    pub(crate) publish_scope: Option<String>,
    /// Whether RTM tokens are given where rooms are limited.
    pub(crate) rtm_beyond_rooms: bool,
    /// Whether RTM tokens of version 006 are given.
    pub(crate) rtm_006: bool,
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
            rtm_beyond_rooms: false,
            rtm_006: true,
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
        let allowed = |allowed: bool| if allowed { "allowed" } else { "refused" }.to_owned();
        let or_unset = |name: &Option<String>| name.clone().unwrap_or_default();
        vec![
            ("AUTH", "jwt".to_owned()),
            ("USER_ID_CLAIM", self.user_id_claim.clone()),
            ("USER_ID_FORM", form.to_owned()),
            ("ROOMS_CLAIM", or_unset(&self.rooms_claim)),
            ("RTC_UID_CLAIM", or_unset(&self.rtc_uid_claim)),
            ("PUBLISH_SCOPE", or_unset(&self.publish_scope)),
            ("RTM_BEYOND_ROOMS", allowed(self.rtm_beyond_rooms)),
            ("RTM_006", allowed(self.rtm_006)),
            ("DEFAULT_TOKEN_TTL_SECONDS", self.default_ttl.to_string()),
            ("MAX_TOKEN_TTL_SECONDS", self.max_ttl.to_string()),
        ]
    }
}

/// The same as in `credentials.json`. The two secrets were drawn at random and open nothing: none of them stands in an
/// input by accident, so one in an answer has leaked.
const APP_ID: &str = "00000000000000000000000000000000";
pub(crate) const APP_CERTIFICATE: &str = "a91c4e07d2f35b8860e7b3d94f1a25c6";
const ZEGO_APP_ID: u64 = 1_234_567_890;
pub(crate) const SERVER_SECRET: &str = "q7Vw2Kx9Zt4Rb8Ln3Hs6Yd1Mf5Pg0Cja";

/// The Agora key of all that is fuzzed.
pub(crate) fn agora_key() -> agora::Key {
    agora::Key {
        app_id: agora::AppId::new(APP_ID).expect("an app id"),
        app_certificate: agora::AppCertificate::new(APP_CERTIFICATE).expect("a certificate"),
    }
}

/// The ZEGO key.
pub(crate) fn zego_key() -> zego::Key {
    zego::Key {
        app_id: zego::AppId::new(ZEGO_APP_ID).expect("an app id"),
        server_secret: zego::ServerSecret::new(SERVER_SECRET).expect("a secret"),
    }
}

/// The uid that a user without one is assigned: 31 bits of a digest of app and user, and never 0.
pub(crate) fn assigned_uid(user_id: &str) -> u32 {
    let digest = Sha256::digest([APP_ID, user_id].join("\0"));
    let number = digest.iter().take(4).fold(0, |number, byte| number << 8 | u32::from(*byte));
    (number % (1 << 31)).max(1)
}

/// An object's fields, unread. What nobody reads may be nested deeper than a [`Value`] can be, or hold half a surrogate
/// pair; the service passes over it, too.
pub(crate) type Fields = BTreeMap<String, Box<RawValue>>;

/// No fields are in what is no object.
pub(crate) fn fields(json: &[u8]) -> Fields {
    serde_json::from_slice(json).unwrap_or_default()
}

fn object(fields: &Fields, name: &str) -> Fields {
    fields.get(name).map(|object| self::fields(object.get().as_bytes())).unwrap_or_default()
}

/// Null for what isn't there or cannot be read.
fn value(fields: &Fields, name: &str) -> Value {
    fields.get(name).and_then(|value| serde_json::from_str(value.get()).ok()).unwrap_or_default()
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
    fn of(event: &Fields, limits: &Limits) -> Who {
        // Whatever isn't written as the gateway writes it carries nobody's identity.
        if value(event, "version") != "2.0" {
            return Who::Nobody;
        }
        let authorizer = value(&object(event, "requestContext"), "authorizer");
        let Some(authorizer) = authorizer.as_object() else { return Who::Nobody };
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
            Form::Uuid => {
                let form = id.bytes().map(|byte| if byte.is_ascii_hexdigit() { b'x' } else { byte });
                form.eq(*b"xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx").then_some(())?;
                id.replace('-', "").to_ascii_lowercase()
            }
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

    /// An RTM token opens every message channel, so limited rooms refuse it.
    fn may_use_rtm(&self, limits: &Limits) -> bool {
        self.rooms.is_none() || limits.rtm_beyond_rooms
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

/// The status that the policy gives to the simplest request: a caller asks for their own token. `room` is the room that it
/// names, if it names one. `opens_rtm`: the token opens RTM, alone or beside a channel. `None`: the policy alone does not
/// decide, for example because the vendor may refuse the caller's id.
pub(crate) fn plain_status(
    kind: Kind,
    limits: &Limits,
    event: &Fields,
    room: Option<&str>,
    opens_rtm: bool,
) -> Option<u64> {
    let granted = |granted: bool| Some(if granted { 200 } else { 403 });
    match (kind, Who::of(event, limits)) {
        // Who is nobody here may be somebody whom this route refuses.
        (Kind::ChatApp, Who::Nobody) => None,
        (Kind::ChatApp, who) => granted(matches!(who, Who::Backend)),
        (_, Who::Nobody) => Some(401),
        (_, Who::Backend) => Some(403),
        (_, Who::User(user)) => {
            // What every vendor takes.
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
            let taken = (1..=32).contains(&user.id.len()) && user.id.bytes().all(plain) && user.id != "null";
            taken.then_some(())?;
            if opens_rtm && !user.may_use_rtm(limits) {
                return granted(false);
            }
            match (kind, room) {
                // Without a version, each of the two routes has its own.
                (Kind::Rtm, _) => granted(limits.rtm_006 || !is_post(event)),
                (Kind::Zego | Kind::Zim, None) => granted(user.rooms.is_none() && user.may_publish),
                (_, Some(room)) => granted(user.may_enter(room)),
                (_, None) => granted(true),
            }
        }
    }
}

fn is_post(event: &Fields) -> bool {
    value(&object(&object(event, "requestContext"), "http"), "method") == "POST"
}

/// Judges an answer that was given while it was these Unix seconds, and returns its status where it has one.
///
/// # Panics
/// Nobody may get such an answer, or not whoever sent this event.
pub(crate) fn answer(
    kind: Kind,
    limits: &Limits,
    event: &[u8],
    meanwhile: RangeInclusive<u64>,
    answer: &Value,
) -> Option<u64> {
    let text = answer.to_string();
    assert!(!text.contains(APP_CERTIFICATE) && !text.contains(SERVER_SECRET), "a secret in an answer");
    let event = fields(event);
    if answer.get("warmed").is_some() {
        assert!(is_warm_up(&event), "an event that is no warm-up was taken for one");
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
    let who = Who::of(&event, limits);
    let answer = Answer::read(kind, &event, answer["headers"]["content-type"] == "application/json", body);
    let granted = Granted { kind, limits, meanwhile, answer };
    match (kind, who) {
        (Kind::ChatApp, Who::Backend) => granted.chat_app(),
        (Kind::ChatUser, Who::User(user)) => granted.chat_user(&user),
        (Kind::Rtc, Who::User(user)) => granted.rtc(&user),
        (Kind::Rtm, Who::User(user)) => granted.rtm(&user),
        (Kind::Zego | Kind::Zim, Who::User(user)) => granted.zego(&user),
        (_, who) => panic!("a {kind:?} token for {who:?}"),
    }
    Some(status)
}

/// `{"warm_up":{"for_seconds":240,"hold_milliseconds":500}}` and nothing else.
fn is_warm_up(event: &Fields) -> bool {
    let warm_up = object(event, "warm_up");
    let up_to = |name: &str, most: u64| value(&warm_up, name).as_u64().is_some_and(|number| number <= most);
    let whole = event.len() == 1 && warm_up.len() == 2;
    whole && up_to("for_seconds", u32::MAX.into()) && up_to("hold_milliseconds", 5000)
}

/// A token, and what its answer says about it.
struct Answer {
    token: String,
    /// Nothing where the vendor's tutorial has the token alone.
    says: Option<Map<String, Value>>,
}

impl Answer {
    fn read(kind: Kind, event: &Fields, json: bool, body: &str) -> Answer {
        if !json {
            assert!(matches!(kind, Kind::ChatApp | Kind::ChatUser), "text is for Chat");
            return Answer { token: body.to_owned(), says: None };
        }
        let says: Map<String, Value> = serde_json::from_str(body).expect("an object");
        let token = says["token"].as_str().expect("a token").to_owned();
        if kind == Kind::Rtm && is_post(event) {
            assert_eq!(Value::Object(says), json!({ "token": token, "code": "200" }));
            return Answer { token, says: None };
        }
        Answer { token, says: Some(says) }
    }

    /// Where it says anything, it says this, too.
    fn says(&self, name: &str, what: impl Into<Value>) {
        let Some(says) = &self.says else { return };
        assert_eq!(says.get(name), Some(&what.into()), "the answer's {name} is not the token's");
    }
}

/// What was given to somebody.
struct Granted<'a> {
    kind: Kind,
    limits: &'a Limits,
    meanwhile: RangeInclusive<u64>,
    answer: Answer,
}

impl Granted<'_> {
    /// Issued just now; lives no longer than it may; and the answer says so. `first_ends` is the life of what ends first.
    fn times(&self, issued_at: u64, lives: u64, first_ends: u64) {
        assert!((1..=self.limits.max_ttl.into()).contains(&lives), "{lives} seconds");
        let now = *self.meanwhile.end();
        if self.kind == Kind::ChatApp {
            // It is handed out again while it lives.
            assert!((now.saturating_sub(lives)..=now).contains(&issued_at), "issued at {issued_at}, and it is {now}");
        } else {
            assert!(self.meanwhile.contains(&issued_at), "issued at {issued_at}, and it is {:?}", self.meanwhile);
        }
        let expires_at = issued_at + lives;
        self.answer.says("issued_at", issued_at);
        self.answer.says("expires_at", expires_at);
        let Some(says) = &self.answer.says else { return };
        let [expires_in, renew_at] = ["expires_in", "renew_at"].map(|name| says[name].as_u64().expect("seconds"));
        if self.kind == Kind::ChatApp {
            let left = expires_at.saturating_sub(now)..=expires_at.saturating_sub(*self.meanwhile.start());
            assert!(expires_in == lives || left.contains(&expires_in), "{expires_in} seconds are left");
        } else {
            assert_eq!(expires_in, lives);
        }
        let ends = issued_at + first_ends;
        let in_time = ends - if first_ends < 120 { 1 } else { 60 };
        assert!((issued_at..=in_time).contains(&renew_at), "to be renewed at {renew_at}, and it ends at {ends}");
    }

    fn access_token2(&self) -> AccessToken2 {
        let Ok(Unverified::AccessToken2(token)) = read::token(&self.answer.token) else { panic!("no 007 token") };
        token.verify_signature(&agora_key()).expect("our own signature");
        self.answer.says("app_id", APP_ID);
        assert_eq!(token.unknown_service_type, None);
        let lives = || token.services.iter().flat_map(|service| service.privileges.values().copied());
        assert!(lives().all(|lives| (1..=token.expire).contains(&lives)), "outlives its token");
        let first_ends = lives().min().expect("a privilege");
        self.times(token.issue_ts.into(), token.expire.into(), first_ends.into());
        token
    }

    fn chat_app(&self) {
        let token = self.access_token2();
        self.answer.says("kind", "agora-chat-app");
        let [chat] = &token.services[..] else { panic!("one service") };
        assert_eq!((chat.service_type.number(), user_of(chat)), (5, ""));
        assert_eq!(chat.privileges.keys().collect::<Vec<_>>(), [&2], "what only an app may");
    }

    fn chat_user(&self, user: &User) {
        let token = self.access_token2();
        self.answer.says("kind", "agora-chat-user");
        self.answer.says("user_id", &*user.id);
        let [chat] = &token.services[..] else { panic!("one service") };
        own_service(chat, 5, user);
    }

    fn rtm(&self, user: &User) {
        assert!(user.may_use_rtm(self.limits), "{user:?} reads every message channel");
        self.answer.says("kind", "agora-rtm");
        self.answer.says("user_id", &*user.id);
        if let Ok(Unverified::AccessToken(token)) = read::token(&self.answer.token) {
            assert!(self.limits.rtm_006, "a 006 token for {user:?}");
            self.answer.says("version", "006");
            self.answer.says("app_id", APP_ID);
            token.verify_signature(&agora_key(), &user.id, "").expect("signed for this user");
            assert!(!user.id.is_empty() && !user.id.contains('*'), "a wildcard");
            let [(1000, ends)] = token.privileges.iter().map(|(number, ends)| (*number, *ends)).collect::<Vec<_>>()[..]
            else {
                panic!("to log in and no more")
            };
            // The token itself is always good for 24 hours: its vendor's format.
            let issued_at = u64::from(token.ts) - 86_400;
            let lives = u64::from(ends) - issued_at;
            self.times(issued_at, lives, lives);
            return;
        }
        let token = self.access_token2();
        self.answer.says("version", "007");
        let [rtm] = &token.services[..] else { panic!("one service") };
        own_service(rtm, 2, user);
    }

    fn rtc(&self, user: &User) {
        let token = self.access_token2();
        self.answer.says("kind", "agora-rtc");
        let (rtc, companions) = token.services.split_first().expect("a service");
        let ServiceBody::Rtc { channel_name, uid } = &rtc.body else { panic!("no RTC service: {rtc:?}") };
        self.answer.says("channel", &**channel_name);
        assert!(!channel_name.is_empty() && !channel_name.contains('*'), "a wildcard channel");
        assert!(!uid.is_empty() && uid != "0" && !uid.contains('*'), "a wildcard uid");
        assert!(user.may_join_as(uid), "{user:?} joins as {uid:?}");
        let says = self.answer.says.as_ref().expect("JSON");
        // A number in decimal may have been asked for as either.
        match (says.get("uid"), says.get("account")) {
            (Some(Value::Number(said)), None) => {
                assert_eq!(said.to_string(), *uid, "the answer's uid is not the token's")
            }
            (None, Some(said)) => assert_eq!(said, uid, "the answer's account is not the token's"),
            both => panic!("one of the two: {both:?}"),
        }
        assert!(user.may_enter(channel_name), "{user:?} enters {channel_name:?}");
        assert!(rtc.privileges.contains_key(&1) && rtc.privileges.keys().all(|number| (1..=4).contains(number)));
        let publishes = rtc.privileges.keys().any(|number| *number != 1);
        assert!(user.may_publish || !publishes, "{user:?} publishes");
        self.answer.says("role", if publishes { "publisher" } else { "subscriber" });
        let names = ["join_channel", "publish_audio", "publish_video", "publish_data_stream"];
        let ends = (1..).zip(names).filter_map(|(number, name)| {
            let lives = rtc.privileges.get(&number)?;
            Some((name.to_owned(), json!({ "expires_at": token.issue_ts + lives })))
        });
        self.answer.says("privileges", ends.collect::<Map<_, _>>());
        assert!(companions.len() <= 2);
        for companion in companions {
            own_service(companion, if companion.service_type.number() == 2 { 2 } else { 5 }, user);
        }
        if let [first, second] = companions {
            assert!(first.service_type.number() < second.service_type.number(), "one of each");
        }
        for (service_type, name) in [(2, "rtm"), (5, "chat")] {
            let rides_along = companions.iter().any(|companion| companion.service_type.number() == service_type);
            assert!(
                !rides_along || name != "rtm" || user.may_use_rtm(self.limits),
                "{user:?} reads every message channel"
            );
            let said = rides_along.then(|| json!({ "user_id": user.id }));
            assert_eq!(says.get(name), said.as_ref(), "the answer's {name} is not the token's");
        }
    }

    fn zego(&self, user: &User) {
        let Ok(Unverified::Token04(token)) = read::token(&self.answer.token) else { panic!("no 04 token") };
        let claims: Token04Claims = token.decrypt(&zego_key()).expect("our own secret");
        assert!(!claims.user_id.is_empty());
        assert_eq!(claims.user_id, user.id);
        self.answer.says("user_id", &*claims.user_id);
        self.answer.says("app_id", ZEGO_APP_ID);
        let [issued_at, expires_at] =
            [claims.ctime, claims.expire].map(|moment| u64::try_from(moment).expect("after 1970"));
        let lives = expires_at.checked_sub(issued_at).expect("it ends after it begins");
        self.times(issued_at, lives, lives);
        if claims.payload.is_empty() {
            self.answer.says("kind", if self.kind == Kind::Zim { "zego-zim" } else { "zego-basic" });
            assert!(user.rooms.is_none(), "{user:?} enters every room");
            assert!(user.may_publish, "{user:?} publishes everywhere");
            return;
        }
        self.answer.says("kind", "zego-room");
        assert_eq!(self.kind, Kind::Zego, "ZIM has no rooms");
        let payload: Value = serde_json::from_str(&claims.payload).expect("JSON");
        let room = payload["room_id"].as_str().expect("a room");
        self.answer.says("room_id", room);
        assert!(!room.is_empty() && user.may_enter(room), "{user:?} enters {room:?}");
        let privilege = payload["privilege"].as_object().expect("privileges");
        assert_eq!(privilege.keys().collect::<Vec<_>>(), ["1", "2"]);
        let [login, publish] = ["1", "2"].map(|number| privilege[number] != 0);
        assert!(user.may_publish || !publish, "{user:?} publishes");
        self.answer.says("privileges", json!({ "login": login, "publish": publish }));
        self.answer.says(
            "stream_ids",
            payload.get("stream_id_list").filter(|list| !list.is_null()).unwrap_or(&json!([])).clone(),
        );
    }
}

fn user_of(service: &Service) -> &str {
    match &service.body {
        ServiceBody::User { user_id } => user_id,
        other => panic!("{other:?} in place of a user"),
    }
}

/// A service that is this user's, and only theirs.
fn own_service(service: &Service, service_type: u16, user: &User) {
    assert_eq!((service.service_type.number(), user_of(service)), (service_type, user.id.as_str()));
    assert!(!user.id.is_empty() && !user.id.contains('*'), "a wildcard");
    assert_eq!(service.privileges.keys().collect::<Vec<_>>(), [&1], "to log in and no more");
}
