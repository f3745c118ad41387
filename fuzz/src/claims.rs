//! Any identity, asking any route for anything, under any policy.

use crate::function::Function;
use crate::judge::{self, Form, Limits};
use crate::running::{Running, now};
use arbitrary::Arbitrary;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

/// A policy, somebody, and what they ask for.
#[derive(Debug, Arbitrary)]
pub struct Input {
    settings: Settings,
    identity: Identity,
    function: Function,
    post: bool,
    /// Whether the event looks like the emulator's, which has no route keys and decodes nothing.
    emulated: bool,
    accepts_json: bool,
    in_path: Text,
    asked: Vec<(Name, Asked)>,
    // These belong to the policy. They stand last, so that older inputs keep their meaning.
    refuses_006: bool,
    rtm_beyond_rooms: bool,
    by_caller: ByCaller,
}

/// The rest of the policy.
#[derive(Debug, Default, Arbitrary)]
struct ByCaller {
    hashes_ids: bool,
    permissions: bool,
    /// A word that the claim `scp` must not have.
    refuses: Option<u8>,
    max_seconds_beyond_jwt: Option<u16>,
    /// In how many seconds the JWT ends.
    ends_in: Option<i16>,
    mints_per_minute: u8,
}

impl ByCaller {
    fn limits(&self, limits: Limits) -> Limits {
        let mut limits = limits;
        if self.hashes_ids {
            limits.form = Form::Hash;
        }
        if self.permissions && limits.publish_scope.is_some() {
            limits.scope_claim = Some("rooms".to_owned());
        }
        // A comma would end the pair.
        let refused = self.refuses.as_ref().map(word).filter(|word| !word.is_empty() && !word.contains(','));
        limits.refused_claim = refused.map(|word| ("scp".to_owned(), word.to_owned()));
        limits.max_seconds_beyond_jwt = self.max_seconds_beyond_jwt.map(u32::from);
        limits.rtm_006 &= limits.max_seconds_beyond_jwt.is_none();
        limits.mints_per_minute = (self.mints_per_minute % 4).into();
        limits
    }
}

#[derive(Debug, Arbitrary)]
struct Settings {
    form: Form,
    other_user_id_claim: bool,
    rooms: bool,
    uid: bool,
    publish: bool,
    default_ttl: u16,
    max_ttl: u16,
}

#[derive(Debug, Arbitrary)]
enum Identity {
    Nobody,
    Iam { pooled: bool },
    Jwt { claims: Vec<(Claim, Text)>, scopes: Option<Vec<Text>> },
    Both(Text),
}

#[derive(Debug, Arbitrary)]
enum Claim {
    Sub,
    Id,
    Rooms,
    Uid,
    Scope,
    Scp,
    Other(String),
}

/// Texts that are often equal to each other, and any other text.
#[derive(Debug, Arbitrary)]
enum Text {
    Word(u8),
    /// The uid that the user of this name is assigned.
    Uid(u8),
    Beginning(u8),
    List(Vec<u8>),
    ListWithStars(Vec<u8>),
    Number(u32),
    Any(String),
}

const WORDS: [&str; 20] = [
    "alice",
    "bob",
    "Alice",
    "42",
    "0",
    "demo",
    "demo-2",
    "*",
    "",
    "me",
    "rooms/publish",
    "publisher",
    "subscriber",
    "006",
    "007",
    "rtm,chat",
    "true",
    "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
    "f81d4fae7dec11d0a76500a0c91e6bf6",
    "4294967295",
];

fn word(which: &u8) -> &'static str {
    WORDS[usize::from(*which) % WORDS.len()]
}

impl Text {
    fn text(&self) -> String {
        let list = |words: &[u8], end: &str| {
            let words: Vec<_> = words.iter().map(|which| format!("{}{end}", word(which))).collect();
            format!("[{}]", words.join(" "))
        };
        match self {
            Text::Word(which) => word(which).to_owned(),
            Text::Uid(which) => judge::assigned_uid(word(which)).to_string(),
            Text::Beginning(which) => format!("{}*", word(which)),
            Text::List(words) => list(words, ""),
            Text::ListWithStars(words) => list(words, "*"),
            Text::Number(number) => number.to_string(),
            Text::Any(text) => text.clone(),
        }
    }
}

/// Every parameter of every route, and any other name.
#[derive(Debug, Arbitrary)]
enum Name {
    ExpiresIn,
    Version,
    Uid,
    Account,
    Role,
    With,
    Privileges,
    RoomId,
    Login,
    Publish,
    StreamId,
    StreamIds,
    UserId,
    Other(String),
}

impl Name {
    fn text(&self) -> &str {
        match self {
            Name::ExpiresIn => "expires_in",
            Name::Version => "version",
            Name::Uid => "uid",
            Name::Account => "account",
            Name::Role => "role",
            Name::With => "with",
            Name::Privileges => "privileges",
            Name::RoomId => "room_id",
            Name::Login => "login",
            Name::Publish => "publish",
            Name::StreamId => "stream_id",
            Name::StreamIds => "stream_ids",
            Name::UserId => "user_id",
            Name::Other(name) => name,
        }
    }
}

#[derive(Debug, Arbitrary)]
enum Asked {
    Text(Text),
    Seconds(u16),
    Number(u64),
    Flag(bool),
    Texts(Vec<Text>),
    Lifetimes { join: Option<u16>, audio: Option<u16>, video: Option<u16>, data: Option<u16> },
    Flags { login: Option<bool>, publish: Option<bool> },
    Companions { rtm: bool, chat: bool },
    Fraction(f64),
}

impl Asked {
    fn in_query(&self) -> Vec<String> {
        match self {
            Asked::Text(text) => vec![text.text()],
            Asked::Seconds(number) => vec![number.to_string()],
            Asked::Number(number) => vec![number.to_string()],
            Asked::Flag(flag) => vec![flag.to_string()],
            Asked::Texts(texts) => texts.iter().map(Text::text).collect(),
            Asked::Companions { rtm, chat } => [(rtm, "rtm"), (chat, "chat")]
                .iter()
                .filter(|(with, _)| **with)
                .map(|(_, name)| (*name).into())
                .collect(),
            other => vec![other.in_body().to_string()],
        }
    }

    fn in_body(&self) -> Value {
        match self {
            Asked::Text(text) => text.text().into(),
            Asked::Seconds(number) => (*number).into(),
            Asked::Number(number) => (*number).into(),
            Asked::Flag(flag) => (*flag).into(),
            Asked::Texts(texts) => texts.iter().map(Text::text).collect(),
            Asked::Lifetimes { join, audio, video, data } => present([
                ("join_channel", join.map(Value::from)),
                ("publish_audio", audio.map(Value::from)),
                ("publish_video", video.map(Value::from)),
                ("publish_data_stream", data.map(Value::from)),
            ]),
            Asked::Flags { login, publish } => {
                present([("login", login.map(Value::from)), ("publish", publish.map(Value::from))])
            }
            Asked::Companions { .. } => self.in_query().into(),
            Asked::Fraction(number) => (*number).into(),
        }
    }
}

fn present<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect::<Map<_, _>>().into()
}

impl Input {
    /// Sends the request, and judges the answer.
    ///
    /// # Panics
    /// This identity may not get such an answer.
    pub fn check(&self) {
        let limits =
            Limits { rtm_006: !self.refuses_006, rtm_beyond_rooms: self.rtm_beyond_rooms, ..self.settings.limits() };
        let limits = self.by_caller.limits(limits);
        let running = Running::new(self.function, &limits);
        let status = running.ask(self.event(&limits, &self.in_path.text(), &self.asked).to_string().as_bytes());
        // In the emulator's path, an empty segment is no parameter.
        let finds_no_route = self.emulated && self.in_path.text().is_empty();
        assert!(
            status.is_some_and(|status| status != 404 || finds_no_route),
            "an event like the gateway's finds its route: {status:?}"
        );
        self.check_plainest(&limits, &running);
    }

    /// Sends the simplest request, because a service that refuses everything would be wrong too.
    fn check_plainest(&self, limits: &Limits, running: &Running) {
        const ROOM: &str = "demo";
        let own = |name, text: &str| (name, Asked::Text(Text::Any(text.to_owned())));
        let requests = match (self.function, self.post) {
            (Function::Rtc, _) => {
                let with = (Name::With, Asked::Companions { rtm: true, chat: false });
                vec![(ROOM, vec![], Some(ROOM)), (ROOM, vec![with], Some(ROOM))]
            }
            (Function::Rtm, true) => vec![("", vec![own(Name::Uid, "me")], None)],
            (Function::Zego, _) => vec![("me", vec![], None), ("me", vec![own(Name::RoomId, ROOM)], Some(ROOM))],
            _ => vec![("me", vec![], None)],
        };
        for (in_path, asked, room) in requests {
            let event = self.event(limits, in_path, &asked).to_string();
            let status = running.ask(event.as_bytes());
            let opens_rtm = self.function == Function::Rtm || asked.iter().any(|(name, _)| matches!(name, Name::With));
            let event_fields = judge::fields(event.as_bytes());
            let due = judge::plain_status(self.function, limits, &event_fields, room, opens_rtm, now());
            // `Running` has judged whether the user had tokens left.
            let used_up = due == Some(200) && status == Some(429);
            assert!(due.is_none() || due == status || used_up, "{due:?} is due, and {status:?} came for {event}");
        }
    }

    fn event(&self, limits: &Limits, in_path_text: &str, asked: &[(Name, Asked)]) -> Value {
        let route = self.function.route(self.post);
        let in_path = route.path.split(['{', '}']).nth(1);
        let post = route.method == "POST";
        let (mut query, mut body) = (form_urlencoded::Serializer::new(String::new()), Map::new());
        for (name, asked) in asked {
            if post {
                body.insert(name.text().to_owned(), asked.in_body());
            } else {
                for value in asked.in_query() {
                    query.append_pair(name.text(), &value);
                }
            }
        }
        let in_path_text = match self.emulated {
            true => utf8_percent_encode(in_path_text, NON_ALPHANUMERIC).to_string(),
            false => in_path_text.to_owned(),
        };
        let route_key = if self.emulated { "$default".to_owned() } else { route.to_string() };
        let authorizer = match &self.identity {
            Identity::Nobody => Value::Null,
            Identity::Iam { pooled } => iam(*pooled),
            Identity::Jwt { claims, scopes } => {
                let ends =
                    self.by_caller.ends_in.map(|seconds| now().saturating_add_signed(seconds.into()).to_string());
                let ends = ends.map(|exp| ("exp".to_owned(), Value::from(exp)));
                let claims = claims.iter().map(|(claim, text)| (claim.name(limits), text.text().into())).chain(ends);
                let scopes = scopes.as_ref().map(|scopes| scopes.iter().map(Text::text).collect::<Vec<_>>());
                json!({ "jwt": { "claims": claims.collect::<Map<_, _>>(), "scopes": scopes } })
            }
            Identity::Both(id) => {
                let mut both = iam(false);
                both["jwt"] = json!({ "claims": { "sub": id.text() }, "scopes": null });
                both
            }
        };
        let mut event = json!({
            "version": "2.0",
            "rawPath": in_path.map_or(route.path.to_owned(), |name| route.path.replace(&format!("{{{name}}}"), &in_path_text)),
            "rawQueryString": query.finish(),
            "headers": { "accept": if self.accepts_json { "application/json" } else { "*/*" } },
            "pathParameters": in_path.map(|name| json!({ name: in_path_text })),
            "requestContext": {
                "http": { "method": route.method },
                "requestId": "id",
                "routeKey": route_key,
                "authorizer": authorizer,
            },
        });
        if post {
            event["body"] = Value::Object(body).to_string().into();
        }
        event
    }
}

/// Lets each kind of caller send the simplest request, with each method.
///
/// # Panics
/// A caller gets less or more than the policy says.
pub(crate) fn grants_what_it_must(function: Function, limits: &Limits, running: &Running) {
    let alice = |scope: &str| {
        let claims = [(Claim::Sub, "alice"), (Claim::Rooms, "[demo]"), (Claim::Scope, scope)];
        let permissions = (Claim::Other("permissions".to_owned()), scope);
        let claims = claims.into_iter().chain([permissions]).map(|(claim, text)| (claim, Text::Any(text.to_owned())));
        Identity::Jwt { claims: claims.collect(), scopes: None }
    };
    for post in [false, true] {
        for identity in [Identity::Nobody, Identity::Iam { pooled: false }, alice("email"), alice("rooms/publish")] {
            let settings = Settings {
                form: limits.form,
                other_user_id_claim: false,
                rooms: limits.rooms_claim.is_some(),
                uid: limits.rtc_uid_claim.is_some(),
                publish: limits.publish_scope.is_some(),
                default_ttl: 0,
                max_ttl: 0,
            };
            let in_path = Text::Any(String::new());
            let input = Input {
                settings,
                identity,
                function,
                post,
                emulated: false,
                accepts_json: true,
                in_path,
                asked: vec![],
                refuses_006: !limits.rtm_006,
                rtm_beyond_rooms: limits.rtm_beyond_rooms,
                by_caller: ByCaller { ends_in: Some(600), ..ByCaller::default() },
            };
            input.check_plainest(limits, running);
        }
    }
}

fn iam(pooled: bool) -> Value {
    let pool = pooled.then(|| json!({ "amr": ["authenticated"] }));
    json!({ "iam": { "userArn": "arn:aws:iam::1:user/x", "accountId": "1", "cognitoIdentity": pool } })
}

impl Settings {
    fn limits(&self) -> Limits {
        let claim = |set: bool, name: &str| set.then(|| name.to_owned());
        let max_ttl = 1 + u32::from(self.max_ttl);
        Limits {
            user_id_claim: if self.other_user_id_claim { "id" } else { "sub" }.to_owned(),
            form: self.form,
            rooms_claim: claim(self.rooms, "rooms"),
            rtc_uid_claim: claim(self.uid, "uid"),
            publish_scope: claim(self.publish, "rooms/publish"),
            default_ttl: 1 + u32::from(self.default_ttl) % max_ttl,
            max_ttl,
            ..Limits::default()
        }
    }
}

impl Claim {
    fn name(&self, limits: &Limits) -> String {
        match self {
            Claim::Sub => "sub",
            Claim::Id => &limits.user_id_claim,
            Claim::Rooms => "rooms",
            Claim::Uid => "uid",
            Claim::Scope => "scope",
            Claim::Scp => "scp",
            Claim::Other(name) => name,
        }
        .to_owned()
    }
}
