//! Any identity, asking any route for anything, under any policy.

mod drop_in;
mod classroom;

use crate::drop_in::DropIn;
use crate::function::Function;
use crate::judge::{self, Form, Limits, Needs, RtmBeyondRooms, Who};
use crate::running::{Running, now};
use arbitrary::Arbitrary;
pub(crate) use drop_in::AUDIENCE;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
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
    // It is newer than the fields above, so it stands behind them.
    newer: Newer,
}

/// What newer versions of the service added.
#[derive(Debug, Default, Arbitrary)]
struct Newer {
    /// A request for a drop-in route. `None`: a request for one of our own routes.
    drop_in: Option<drop_in::Request>,
    /// Whether the service has no drop-in routes.
    without_drop_in: bool,
    /// Whether the service takes no JWT in a query.
    without_query_audience: bool,
    /// The user's name, for ZEGO's kit token.
    user_name: Option<Text>,
    /// The users of RTM and Chat, for a token that opens RTC, too.
    companions: Option<(Option<Text>, Option<Text>)>,
    /// A request for an agent's token. It counts if there is no request for a drop-in route.
    agent: Option<Agent>,
    /// Whether users with limited rooms get RTM tokens with permissions. If so, `rtm_beyond_rooms` does not count.
    rtm_permissions: bool,
    /// A request for a classroom. It counts if there is no request for a drop-in route and none for an agent's token.
    classroom: Option<classroom::Request>,
    has_teacher_scope: bool,
}

/// What a backend says about an agent.
#[derive(Debug, Default, Arbitrary)]
struct Agent {
    uid: Option<Asked>,
    account: Option<Text>,
    role: Option<Text>,
    service: Option<Service>,
    rtm_user_id: Option<Text>,
    expires_in: Option<u16>,
}

#[derive(Debug, Arbitrary)]
enum Service {
    ConvoAi,
    Stt,
    Other(Text),
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
#[derive(Debug, Clone, Arbitrary)]
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

#[derive(Debug, Clone, Arbitrary)]
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

/// The user in a plain request, where the caller is meant.
const ME: &str = "me";
/// The room in a plain request.
const ROOM: &str = "demo";

impl Input {
    /// Sends the request, and judges the answer.
    ///
    /// # Panics
    /// This identity may not get such an answer.
    pub fn check(&self) {
        // Without a claim for rooms, no service starts with permissions.
        let rtm_permissions = self.newer.rtm_permissions && self.settings.rooms;
        let rtm_beyond_rooms = match (rtm_permissions, self.rtm_beyond_rooms) {
            (true, _) => RtmBeyondRooms::Permissions,
            (false, true) => RtmBeyondRooms::Allowed,
            (false, false) => RtmBeyondRooms::Refused,
        };
        let limits = Limits { rtm_006: !self.refuses_006, rtm_beyond_rooms, ..self.settings.limits() };
        let limits = self.by_caller.limits(limits);
        match (&self.newer.drop_in, &self.newer.agent) {
            (Some(request), _) => self.check_drop_in(request, &self.newer.limits(limits)),
            (None, Some(agent)) => self.check_agent(agent, &limits),
            (None, None) => match &self.newer.classroom {
                Some(request) => self.check_classroom(request, &self.newer.limits(limits)),
                None => self.check_own(&limits),
            },
        }
    }

    fn check_own(&self, limits: &Limits) {
        let running = Running::new(self.function, limits);
        let event = self.own_event(limits, &self.in_path.text(), &self.asked);
        let status = running.ask(event.to_string().as_bytes());
        // In the emulator's path, an empty segment is no parameter.
        let finds_no_route = self.emulated && self.in_path.text().is_empty();
        assert!(
            status.is_some_and(|status| status != 404 || finds_no_route),
            "an event like the gateway's finds its route: {status:?}"
        );
        self.check_plainest(limits, &running);
    }

    fn check_drop_in(&self, request: &drop_in::Request, limits: &Limits) {
        let running = Running::new(request.route.function(), limits);
        let (event, is_found) = self.drop_in_event(request, limits);
        let status = running.ask(event.to_string().as_bytes());
        let is_found = is_found && has_route(request.route, limits);
        assert!(status.is_some_and(|status| status != 404 || !is_found), "this event finds its route: {status:?}");
        self.check_plainest_drop_in(request.route, limits, &running);
    }

    fn check_agent(&self, agent: &Agent, limits: &Limits) {
        let running = Running::new(Function::Agent, limits);
        let status = running.ask(self.agent_event(agent, &self.in_path.text(), limits).to_string().as_bytes());
        let finds_no_route = self.emulated && self.in_path.text().is_empty();
        assert!(status.is_some_and(|status| status != 404 || finds_no_route), "this event finds its route: {status:?}");
        self.check_plainest_agent(limits, &running);
    }

    fn check_plainest_agent(&self, limits: &Limits, running: &Running) {
        let number = |number| Some(Asked::Number(number));
        let recorder = Agent { uid: number(9), ..Agent::default() };
        let rtm_user_id = Some(Text::Any("agent".to_owned()));
        let of_product = Agent { uid: number(9), service: Some(Service::ConvoAi), rtm_user_id, ..Agent::default() };
        for agent in [recorder, of_product] {
            let needs = Needs { backend: true, ..Needs::default() };
            self.ask_plain(&self.agent_event(&agent, ROOM, limits), &needs, limits, running, true);
        }
    }

    fn agent_event(&self, agent: &Agent, channel: &str, limits: &Limits) -> Value {
        let text = |text: &Option<Text>| text.as_ref().map(|text| text.text().into());
        let service = agent.service.as_ref().map(|service| match service {
            Service::ConvoAi => "convoai".into(),
            Service::Stt => "stt".into(),
            Service::Other(text) => text.text().into(),
        });
        let body = present([
            ("uid", agent.uid.as_ref().map(Asked::in_body)),
            ("account", text(&agent.account)),
            ("role", text(&agent.role)),
            ("service", service),
            ("rtm_user_id", text(&agent.rtm_user_id)),
            ("expires_in", agent.expires_in.map(Value::from)),
        ]);
        let channel =
            if self.emulated { utf8_percent_encode(channel, NON_ALPHANUMERIC).to_string() } else { channel.to_owned() };
        let route_key = "POST /rtc/{channel}/agent-token";
        let mut event = self.with_identity("POST", route_key, self.authorizer(limits, None));
        event["rawPath"] = format!("/rtc/{channel}/agent-token").into();
        event["rawQueryString"] = "".into();
        event["pathParameters"] = json!({ "channel": channel });
        event["body"] = body.to_string().into();
        event
    }

    /// Sends the simplest request, because a service that refuses everything would be wrong too.
    fn check_plainest(&self, limits: &Limits, running: &Running) {
        let own = |name, text: &str| (name, Asked::Text(Text::Any(text.to_owned())));
        let requests = match (self.function, self.post) {
            (Function::Rtc, _) => {
                let with = (Name::With, Asked::Companions { rtm: true, chat: false });
                vec![(ROOM, vec![], Some(ROOM)), (ROOM, vec![with], Some(ROOM))]
            }
            (Function::Rtm, true) => vec![("", vec![own(Name::Uid, ME)], None)],
            (Function::Zego, _) => vec![(ME, vec![], None), (ME, vec![own(Name::RoomId, ROOM)], Some(ROOM))],
            _ => vec![(ME, vec![], None)],
        };
        for (in_path, asked, room) in requests {
            let event = self.event(limits, in_path, &asked, None);
            let with_rtm = asked.iter().any(|(name, _)| matches!(name, Name::With));
            let needs = Needs::of_own(self.function, &judge::fields(event.to_string().as_bytes()), room, with_rtm);
            self.ask_plain(&event, &needs, limits, running, true);
        }
    }

    /// The same for a drop-in route.
    fn check_plainest_drop_in(&self, route: DropIn, limits: &Limits, running: &Running) {
        for (request, needs) in drop_in::Request::plainest(route) {
            let (event, _) = self.drop_in_event(&request, limits);
            self.ask_plain(&event, &needs, limits, running, has_route(route, limits));
        }
    }

    fn ask_plain(&self, event: &Value, needs: &Needs<'_>, limits: &Limits, running: &Running, has_route: bool) {
        let event = event.to_string();
        let status = running.ask(event.as_bytes());
        let due = match has_route {
            true => judge::plain_status(needs, limits, &judge::fields(event.as_bytes()), now()),
            false => Some(404),
        };
        // `Running` has judged whether the user had tokens left.
        let used_up = due == Some(200) && status == Some(429);
        assert!(due.is_none() || due == status || used_up, "{due:?} is due, and {status:?} came for {event}");
    }

    /// The event of a request for one of our own routes, with the newer parameters.
    fn own_event(&self, limits: &Limits, in_path_text: &str, asked: &[(Name, Asked)]) -> Value {
        self.event(limits, in_path_text, asked, Some(&self.newer))
    }

    fn event(&self, limits: &Limits, in_path_text: &str, asked: &[(Name, Asked)], newer: Option<&Newer>) -> Value {
        let route = self.function.route(self.post).expect("a route of our own");
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
        if let Some(user_name) = newer.and_then(|newer| newer.user_name.as_ref()) {
            match post {
                true => _ = body.insert("user_name".to_owned(), user_name.text().into()),
                false => _ = query.append_pair("user_name", &user_name.text()),
            }
        }
        if let Some((rtm, chat)) = newer.and_then(|newer| newer.companions.as_ref()) {
            let user = |text: &Option<Text>| text.as_ref().map(|text| text.text().into());
            body.insert("with".to_owned(), present([("rtm", user(rtm)), ("chat", user(chat))]));
        }
        let in_path_text = match self.emulated {
            true => utf8_percent_encode(in_path_text, NON_ALPHANUMERIC).to_string(),
            false => in_path_text.to_owned(),
        };
        let path =
            in_path.map_or(route.path.to_owned(), |name| route.path.replace(&format!("{{{name}}}"), &in_path_text));
        let parameters = in_path.map(|name| json!({ name: in_path_text }));
        let mut event = self.with_identity(route.method, &route.to_string(), self.authorizer(limits, None));
        event["rawPath"] = path.into();
        event["rawQueryString"] = query.finish().into();
        event["pathParameters"] = parameters.into();
        if post {
            event["body"] = Value::Object(body).to_string().into();
        }
        event
    }

    /// The event of a request for a drop-in route, and whether its path leads to that route.
    fn drop_in_event(&self, request: &drop_in::Request, limits: &Limits) -> (Value, bool) {
        let (method, path) = request.route.key();
        let authorizer = self.authorizer(limits, Some(request));
        // Such a request names its caller, so read first who the caller is.
        let asker = self.with_identity(method, &format!("{method} {path}"), authorizer.clone());
        let who = Who::of(&judge::fields(asker.to_string().as_bytes()), limits);
        let caller = if let Who::User(user) = &who { Some(user) } else { None };
        let sent = request.sent(caller);
        let mut event = self.with_identity(sent.method, &sent.route_key, authorizer);
        let decoded = || percent_decode_str(&sent.path).decode_utf8_lossy().into_owned();
        event["rawPath"] = if self.emulated { sent.path.clone() } else { decoded() }.into();
        event["rawQueryString"] = sent.query.into();
        event["pathParameters"] = if sent.parameters.is_empty() { Value::Null } else { sent.parameters.into() };
        event["body"] = sent.body.into();
        (event, sent.is_found)
    }

    fn authorizer(&self, limits: &Limits, request: Option<&drop_in::Request>) -> Value {
        match &self.identity {
            Identity::Nobody => Value::Null,
            Identity::Iam { pooled } => iam(*pooled),
            Identity::Jwt { claims, scopes } => {
                let ends = self.by_caller.ends_in.map(|seconds| now().saturating_add_signed(seconds.into()));
                let in_query =
                    request.map(|request| request.claims_in_query(ends.unwrap_or(now() + 100))).unwrap_or_default();
                let in_query = in_query.into_iter().map(|(name, text)| (name.to_owned(), Value::from(text)));
                let ends = ends.map(|exp| ("exp".to_owned(), Value::from(exp.to_string())));
                let claims = claims.iter().map(|(claim, text)| (claim.name(limits), text.text().into()));
                let claims: Map<_, _> = claims.chain(ends).chain(in_query).collect();
                let scopes = scopes.as_ref().map(|scopes| scopes.iter().map(Text::text).collect::<Vec<_>>());
                json!({ "jwt": { "claims": claims, "scopes": scopes } })
            }
            Identity::Both(id) => {
                let mut both = iam(false);
                both["jwt"] = json!({ "claims": { "sub": id.text() }, "scopes": null });
                both
            }
        }
    }

    /// An event for this route, without a path and without parameters.
    fn with_identity(&self, method: &str, route_key: &str, authorizer: Value) -> Value {
        let route_key = if self.emulated { "$default" } else { route_key };
        json!({
            "version": "2.0",
            "headers": { "accept": if self.accepts_json { "application/json" } else { "*/*" } },
            "requestContext": {
                "http": { "method": method },
                "requestId": "id",
                "routeKey": route_key,
                "authorizer": authorizer,
            },
        })
    }
}

/// Whether a service with these limits has the route.
fn has_route(route: DropIn, limits: &Limits) -> bool {
    limits.drop_in && (route != DropIn::InQuery || limits.query_audience.is_some())
}

impl Newer {
    fn limits(&self, limits: Limits) -> Limits {
        let query_audience = (!self.without_drop_in && !self.without_query_audience).then(|| AUDIENCE.to_owned());
        let teacher_scope = self.has_teacher_scope.then(|| "publisher".to_owned());
        Limits { drop_in: !self.without_drop_in, query_audience, teacher_scope, ..limits }
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
        for identity in [
            Identity::Nobody,
            Identity::Iam { pooled: false },
            alice("email"),
            alice("rooms/publish"),
            alice("rooms/publish teach"),
        ] {
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
                rtm_beyond_rooms: limits.rtm_beyond_rooms == RtmBeyondRooms::Allowed,
                by_caller: ByCaller { ends_in: Some(600), ..ByCaller::default() },
                newer: Newer::default(),
            };
            match function {
                Function::Agent => {
                    input.check_plainest_agent(limits, running);
                    continue;
                }
                Function::Apaas => {
                    input.check_plainest_classroom(limits, running);
                    continue;
                }
                _ => {}
            }
            if function.route(post).is_some() {
                input.check_plainest(limits, running);
            }
            for route in DropIn::of_function(function) {
                input.check_plainest_drop_in(route, limits, running);
            }
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
