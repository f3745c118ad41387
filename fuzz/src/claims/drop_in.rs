//! Requests for drop-in routes.

use super::{Asked, Text, present};
use crate::drop_in::DropIn;
use crate::judge::{AUDIENCE_OF_HEADERS, Needs, User};
use arbitrary::Arbitrary;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

/// The audience of JWTs in a query.
pub(crate) const AUDIENCE: &str = "uikit";

/// A request for a drop-in route.
#[derive(Debug, Clone, Arbitrary)]
pub(crate) struct Request {
    pub(super) route: DropIn,
    /// Whether the path has a `/` at its end, if the route takes one.
    last_slash: bool,
    /// `None`: `demo`.
    channel: Option<Text>,
    role: Role,
    /// Whether the request names the user as an account.
    account: bool,
    user: Name,
    /// A second user, for RTM or Chat, if the request can name one.
    second: Option<Name>,
    services: Services,
    /// Which server's form a request for `POST /token/generate` has.
    server: Server,
    /// The lifetime.
    seconds: Option<Asked>,
    /// Parameters that replace others, or are added to them.
    further: Vec<(Parameter, Asked)>,
    inner: Inner,
    jwt: JwtInQuery,
}

#[derive(Debug, Clone, Arbitrary)]
enum Role {
    Subscriber,
    Publisher,
    Word(u8),
    Missing,
    Other(Text),
}

const ROLES: [&str; 8] = ["1", "2", "host", "audience", "broadcaster", "publisher", "subscriber", "0"];

impl Role {
    fn text(&self) -> Option<String> {
        match self {
            Role::Subscriber => Some("subscriber".to_owned()),
            Role::Publisher => Some("publisher".to_owned()),
            Role::Word(which) => Some(ROLES[usize::from(*which) % ROLES.len()].to_owned()),
            Role::Missing => None,
            Role::Other(text) => Some(text.text()),
        }
    }

    /// In a body, a role in digits is a number.
    fn in_body(&self) -> Option<Value> {
        let text = self.text()?;
        Some(match text.as_str() {
            "0" | "1" | "2" => text.parse::<u8>().ok().into(),
            _ => text.into(),
        })
    }
}

/// A user.
#[derive(Debug, Clone, Arbitrary)]
enum Name {
    /// The caller, in the form that the place needs.
    Own,
    OwnUid,
    OwnId,
    Me,
    Other(Text),
}

/// The services that the token is for.
#[derive(Debug, Clone, Default, Arbitrary)]
struct Services {
    without_rtc: bool,
    rtm: bool,
    chat: bool,
    /// Chat's app token.
    app: bool,
    /// Services for which there are no tokens.
    other: bool,
    /// Whether the toolbox gets a list.
    as_list: bool,
    /// Whether the request has a lifetime for the privileges, too.
    privileges: Option<u16>,
}

#[derive(Debug, Clone, Copy, Arbitrary)]
enum Server {
    Toolbox,
    Ten,
    DockerImage,
    Java,
}

#[derive(Debug, Clone, Copy, Arbitrary)]
enum Inner {
    Rtc,
    Rtm,
    Rte,
    ChatUser,
}

/// The JWT in a query.
#[derive(Debug, Clone, Default, Arbitrary)]
struct JwtInQuery {
    audience: Audience,
    /// How many seconds lie between `iat` and `exp`. `None`: 300.
    lives: Option<u16>,
    no_iat: bool,
}

#[derive(Debug, Clone, Copy, Default, Arbitrary)]
enum Audience {
    #[default]
    Right,
    Listed,
    OfClient,
    Wrong,
    OfClientAlone,
    Missing,
    OfHeadersToo,
}

/// A parameter of any drop-in route, or of no route.
#[derive(Debug, Clone, Arbitrary)]
enum Parameter {
    Known(u8),
    Other(String),
}

const PARAMETERS: [&str; 32] = [
    "expiry",
    "expires_in",
    "expire",
    "expireSeconds",
    "expireTimeInSeconds",
    "tokenExpireTs",
    "privilegeExpireTs",
    "expired_ts",
    "expiredTs",
    "uid",
    "userId",
    "account",
    "user_id",
    "channel",
    "channelName",
    "CHANNELNAME",
    "channel_name",
    "role",
    "Role",
    "type",
    "types",
    "tokenType",
    "request_id",
    "appId",
    "appCertificate",
    "serviceRtc",
    "serviceRtm",
    "serviceChat",
    "serviceFpa",
    "serviceApaas",
    "jwt",
    "path",
];

impl Parameter {
    fn text(&self) -> &str {
        match self {
            Parameter::Known(which) => PARAMETERS[usize::from(*which) % PARAMETERS.len()],
            Parameter::Other(name) => name,
        }
    }
}

/// The parts of an event that come from the request. The identity is none of them.
pub(super) struct Sent {
    pub(super) method: &'static str,
    /// The method and the path in the template.
    pub(super) route_key: String,
    pub(super) parameters: Map<String, Value>,
    /// The path, with each segment encoded.
    pub(super) path: String,
    pub(super) query: String,
    pub(super) body: Option<String>,
    /// Whether the path leads to the route. With a `/` in a user id, it may lead to another one.
    pub(super) is_found: bool,
}

/// Where the parameters of a request stand.
#[derive(Default)]
struct Parts {
    in_path: Vec<(&'static str, String)>,
    /// What the greedy variable stands for.
    greedy: Vec<String>,
    query: Vec<(String, String)>,
    body: Option<Map<String, Value>>,
}

impl Request {
    /// A listener's request for `demo`, in which the caller asks for their own token.
    pub(crate) fn plain(route: DropIn) -> Request {
        Request {
            route,
            last_slash: false,
            channel: None,
            role: Role::Subscriber,
            account: false,
            user: Name::Own,
            second: None,
            services: Services::default(),
            server: Server::Toolbox,
            seconds: None,
            further: vec![],
            inner: Inner::Rtc,
            jwt: JwtInQuery::default(),
        }
    }

    /// The simplest requests for each kind of token of a route, and what each needs.
    pub(crate) fn plainest(route: DropIn) -> Vec<(Request, Needs<'static>)> {
        let plain = Request::plain(route);
        let with = |change: fn(&mut Request)| {
            let mut request = plain.clone();
            change(&mut request);
            request
        };
        let needs = Needs { backend: route.is_for_backends(), in_query: route == DropIn::InQuery, ..Needs::default() };
        let room = Needs { room: Some("demo"), ..needs };
        let publish = Needs { publish: true, ..room };
        let rtm = Needs { rtm_alone: true, ..needs };
        let toolbox = || {
            vec![
                (plain.clone(), publish),
                (with(|it| it.services.rtm = true), Needs { rtm: true, ..publish }),
                (with(|it| it.services = Services { without_rtc: true, rtm: true, ..Services::default() }), rtm),
                (with(|it| it.services = Services { without_rtc: true, chat: true, ..Services::default() }), needs),
            ]
        };
        match route {
            // `claims::classroom` makes these requests.
            DropIn::FetchEducation => vec![],
            DropIn::FetchRtc => vec![(plain.clone(), room), (with(|it| it.role = Role::Word(0)), publish)],
            DropIn::Rtc => vec![
                (plain.clone(), room),
                (with(|it| it.last_slash = true), room),
                (with(|it| it.role = Role::Publisher), publish),
                (with(|it| it.account = true), Needs { account: true, ..room }),
            ],
            DropIn::Rte => vec![
                (with(|it| it.last_slash = true), Needs { rtm_alone: true, ..room }),
                (
                    with(|it| (it.role, it.second) = (Role::Publisher, Some(Name::Own))),
                    Needs { rtm_alone: true, ..publish },
                ),
            ],
            DropIn::Rtm => vec![(plain.clone(), rtm), (with(|it| it.last_slash = true), rtm)],
            DropIn::ZegoDemo | DropIn::ZegoQuickStart | DropIn::ZegoOlderQuickStart => {
                vec![(plain.clone(), Needs { every_room: true, ..needs })]
            }
            DropIn::GetToken | DropIn::GetNew => vec![
                (plain.clone(), room),
                (with(|it| (it.role, it.last_slash) = (Role::Word(0), true)), publish),
                (with(|it| it.services = Services { without_rtc: true, rtm: true, ..Services::default() }), rtm),
                (with(|it| it.services.rtm = true), Needs { rtm: true, account: true, ..publish }),
                (with(|it| it.services = Services { without_rtc: true, chat: true, ..Services::default() }), needs),
            ],
            DropIn::Generate => {
                let mut all = toolbox();
                all.extend([
                    (with(|it| it.server = Server::Ten), Needs { rtm: true, ..publish }),
                    (with(|it| it.server = Server::Java), needs),
                    (with(|it| it.server = Server::DockerImage), room),
                    (
                        with(|it| {
                            (it.server, it.role) = (Server::DockerImage, Role::Word(0));
                            it.services = Services { rtm: true, chat: true, ..Services::default() };
                        }),
                        Needs { rtm: true, ..publish },
                    ),
                ]);
                all
            }
            DropIn::GenerateV2 | DropIn::GenerateConvoAi => toolbox(),
            DropIn::ChatUser | DropIn::ChatApp | DropIn::Ping => {
                vec![(plain.clone(), needs), (with(|it| it.last_slash = true), needs)]
            }
            DropIn::ChatUserInDocs | DropIn::ChatAppInDocs => vec![(plain.clone(), needs)],
            DropIn::InQuery => vec![
                (plain.clone(), room),
                (with(|it| it.inner = Inner::Rtm), rtm),
                (with(|it| (it.inner, it.role) = (Inner::Rte, Role::Publisher)), Needs { rtm_alone: true, ..publish }),
            ],
        }
    }

    fn channel(&self) -> String {
        self.channel.as_ref().map_or("demo".to_owned(), Text::text)
    }

    /// The user's name, for a place that takes a uid or an account.
    fn rtc_user(&self, caller: Option<&User>) -> String {
        name(&self.user, caller, !self.account)
    }

    /// The user's name, for a place that takes only a user id.
    fn user_id(&self, caller: Option<&User>) -> String {
        match (&self.user, caller) {
            // The caller's own id, as the word `me`.
            (Name::Own, _) => "me".to_owned(),
            (user, _) => name(user, caller, false),
        }
    }

    fn second(&self, caller: Option<&User>) -> Option<String> {
        self.second.as_ref().map(|second| match second {
            Name::Own => "me".to_owned(),
            second => name(second, caller, false),
        })
    }

    /// The request as this caller sends it. `None`: the gateway does not know the caller.
    pub(super) fn sent(&self, caller: Option<&User>) -> Sent {
        let route = self.route;
        let mut parts = self.parts(route, caller);
        for (parameter, asked) in &self.further {
            self.add(&mut parts, parameter, asked);
        }
        if route == DropIn::InQuery {
            return self.sent_in_query(caller, parts);
        }
        let (method, path) = route.key();
        let with_end = self.last_slash && route.has_end();
        let (encoded, is_found) = self.path(path, &parts, with_end);
        let mut parameters: Map<String, Value> =
            parts.in_path.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())).collect();
        if let Some(name) = greedy(path) {
            let slash = if self.last_slash { "/" } else { "" };
            parameters.insert(name.to_owned(), format!("{}{slash}", parts.greedy.join("/")).into());
        }
        if with_end {
            parameters.insert("end".to_owned(), "".into());
        }
        let path = if with_end { route.path_with_end() } else { path.to_owned() };
        Sent {
            method,
            route_key: format!("{method} {path}"),
            parameters,
            path: encoded,
            query: query(&parts.query),
            body: parts.body.map(|body| Value::Object(body).to_string()),
            is_found,
        }
    }

    /// A request whose query has the JWT and the path of another request. The path stays encoded there.
    fn sent_in_query(&self, caller: Option<&User>, parts: Parts) -> Sent {
        let inner = match self.inner {
            Inner::Rtc => DropIn::Rtc,
            Inner::Rtm => DropIn::Rtm,
            Inner::Rte => DropIn::Rte,
            Inner::ChatUser => DropIn::ChatUser,
        };
        let of_inner = self.parts(inner, caller);
        let (path, _) = self.path(inner.key().1, &of_inner, false);
        let inner_query = query(&of_inner.query);
        let further = query(&parts.query);
        let mut whole = format!("jwt=a.b.c&path={path}");
        if !inner_query.is_empty() {
            whole += &format!("?{inner_query}");
        }
        if !further.is_empty() {
            whole += &format!("&{further}");
        }
        let (method, path) = DropIn::InQuery.key();
        Sent {
            method,
            route_key: format!("{method} {path}"),
            parameters: Map::new(),
            path: path.to_owned(),
            query: whole,
            body: None,
            is_found: true,
        }
    }

    /// The path as it is sent, and whether it leads to the route.
    fn path(&self, path: &str, parts: &Parts, with_end: bool) -> (String, bool) {
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let value =
            |name: &str| parts.in_path.iter().find(|(known, _)| *known == name).map(|(_, value)| encoded(value));
        let segments = path.split('/').flat_map(|segment| match segment.strip_prefix('{') {
            None => vec![segment.to_owned()],
            Some(parameter) if parameter.ends_with("+}") => parts.greedy.iter().map(|text| encoded(text)).collect(),
            Some(parameter) => vec![value(parameter.trim_end_matches('}')).unwrap_or_default()],
        });
        let mut encoded = segments.collect::<Vec<_>>().join("/");
        let is_greedy = greedy(path).is_some();
        if with_end || (self.last_slash && is_greedy) {
            encoded.push('/');
        }
        // The gateway decodes before it splits, so a `/` in a value is one more segment there.
        let plain = |text: &String| !text.is_empty() && !text.contains('/');
        (encoded, parts.greedy.iter().all(plain) && parts.in_path.iter().all(|(_, value)| !value.is_empty()))
    }

    fn add(&self, parts: &mut Parts, parameter: &Parameter, asked: &Asked) {
        match &mut parts.body {
            Some(body) => {
                body.insert(parameter.text().to_owned(), asked.in_body());
            }
            None => {
                parts.query.extend(asked.in_query().into_iter().map(|value| (parameter.text().to_owned(), value)));
            }
        }
    }

    fn parts(&self, route: DropIn, caller: Option<&User>) -> Parts {
        let in_query = |name: &str, value: String| (name.to_owned(), value);
        let seconds = |name: &str| -> Vec<(String, String)> {
            let values = self.seconds.iter().flat_map(Asked::in_query);
            values.map(|value| (name.to_owned(), value)).collect()
        };
        let of_query = |query: Vec<(String, String)>| Parts { query, ..Parts::default() };
        let of_body = |body: Value| match body {
            Value::Object(body) => Parts { body: Some(body), ..Parts::default() },
            other => panic!("{other} is no body"),
        };
        let channel_role_type = || {
            vec![
                ("channel", self.channel()),
                ("role", self.role.text().unwrap_or_default()),
                ("type", if self.account { "userAccount" } else { "uid" }.to_owned()),
            ]
        };
        match route {
            DropIn::FetchRtc => of_body(present([
                ("channelName", Some(self.channel().into())),
                ("uid", Some(as_number(self.rtc_user(caller)))),
                ("role", self.role.in_body()),
                ("expires_in", self.seconds.as_ref().map(Asked::in_body)),
            ])),
            DropIn::Rtc => Parts {
                in_path: channel_role_type(),
                greedy: vec![self.rtc_user(caller)],
                query: seconds("expiry"),
                body: None,
            },
            DropIn::Rte => Parts {
                in_path: channel_role_type(),
                greedy: [self.rtc_user(caller)].into_iter().chain(self.second(caller)).collect(),
                query: seconds("expiry"),
                body: None,
            },
            DropIn::Rtm | DropIn::ChatUser => {
                Parts { greedy: vec![self.user_id(caller)], query: seconds("expiry"), ..Parts::default() }
            }
            DropIn::ChatApp => of_query(seconds("expiry")),
            DropIn::ChatAppInDocs => of_query(seconds("expireTimeInSeconds")),
            DropIn::ChatUserInDocs => of_query(
                [in_query("account", self.user_id(caller))].into_iter().chain(seconds("expireTimeInSeconds")).collect(),
            ),
            DropIn::ZegoDemo => {
                of_query([in_query("uid", self.user_id(caller))].into_iter().chain(seconds("expired_ts")).collect())
            }
            DropIn::ZegoQuickStart | DropIn::ZegoOlderQuickStart => {
                of_query(vec![in_query("userId", self.user_id(caller))])
            }
            DropIn::GetToken | DropIn::GetNew => of_body(self.one_of_three(caller)),
            DropIn::GenerateV2 | DropIn::GenerateConvoAi => of_body(self.toolbox(caller)),
            DropIn::Generate => match self.server {
                Server::Toolbox => of_body(self.toolbox(caller)),
                Server::DockerImage => of_body(self.docker_image(caller)),
                Server::Ten => of_body(json!({
                    "request_id": "1", "channel_name": self.channel(), "uid": as_number(self.rtc_user(caller)),
                })),
                Server::Java => {
                    let token_type = self.services.other.then(|| in_query("tokenType", "user".to_owned()));
                    let token_type =
                        if self.services.app { Some(in_query("tokenType", "app".to_owned())) } else { token_type };
                    let user = in_query("userId", self.user_id(caller));
                    of_query([user].into_iter().chain(token_type).chain(seconds("expireSeconds")).collect())
                }
            },
            DropIn::Ping | DropIn::InQuery | DropIn::FetchEducation => Parts::default(),
        }
    }

    fn one_of_three(&self, caller: Option<&User>) -> Value {
        let Services { without_rtc, rtm, chat, app, .. } = self.services;
        let kind = match (chat, rtm) {
            (true, _) => "chat",
            (_, true) => "rtm",
            _ => "rtc",
        };
        // RTM with a channel joins a stream channel. Such a request must have the user id, not `me`.
        let user = match kind {
            "rtc" => self.rtc_user(caller),
            "rtm" if !without_rtc => name(&self.user, caller, false),
            _ => self.user_id(caller),
        };
        present([
            ("tokenType", Some(kind.into())),
            ("channel", (!without_rtc).then(|| self.channel().into())),
            ("role", self.role.in_body()),
            ("uid", (!app).then(|| user.into())),
            ("expire", self.seconds.as_ref().map(Asked::in_body)),
        ])
    }

    fn toolbox(&self, caller: Option<&User>) -> Value {
        let Services { without_rtc, rtm, chat, as_list, other, .. } = self.services;
        let types = [(!without_rtc, 1), (rtm, 2), (chat, 3), (other, 4)];
        let types: Vec<u8> = types.into_iter().filter_map(|(is_on, number)| is_on.then_some(number)).collect();
        let one = if let ([one], false) = (&types[..], as_list) { Some(*one) } else { None };
        let user = if without_rtc { self.user_id(caller) } else { self.rtc_user(caller) };
        present([
            ("appId", Some("".into())),
            ("channelName", Some(self.channel().into())),
            ("uid", Some(user.into())),
            ("type", one.map(Value::from)),
            ("types", one.is_none().then(|| types.clone().into())),
            ("expire", self.seconds.as_ref().map(Asked::in_body)),
        ])
    }

    fn docker_image(&self, caller: Option<&User>) -> Value {
        let Services { without_rtc, rtm, chat, app, other, privileges, .. } = self.services;
        let user = if without_rtc { self.user_id(caller) } else { self.rtc_user(caller) };
        let rtc = present([("enable", Some((!without_rtc).into())), ("role", self.role.in_body())]);
        let in_chat = self.second(caller).unwrap_or_else(|| "me".to_owned());
        present([
            ("channelName", Some(self.channel().into())),
            ("uid", Some(user.into())),
            ("tokenExpireTs", self.seconds.as_ref().map(Asked::in_body)),
            ("privilegeExpireTs", privileges.map(Value::from)),
            ("serviceRtc", Some(rtc)),
            ("serviceRtm", Some(json!({ "enable": rtm }))),
            ("serviceChat", Some(json!({ "enableUser": chat, "enableApp": app, "userUuid": in_chat }))),
            ("serviceFpa", other.then(|| json!({ "enable": other }))),
        ])
    }

    /// The further claims of a JWT in a query, which ends at this time.
    pub(super) fn claims_in_query(&self, ends: u64) -> Vec<(&'static str, String)> {
        if self.route != DropIn::InQuery {
            return vec![];
        }
        let issued = ends.saturating_sub(self.jwt.lives.map_or(300, u64::from));
        let audience = match self.jwt.audience {
            Audience::Right => vec![("aud", AUDIENCE.to_owned())],
            Audience::Listed => vec![("aud", format!("[other {AUDIENCE}]"))],
            Audience::OfClient => vec![("client_id", AUDIENCE.to_owned())],
            Audience::OfClientAlone => vec![("aud", "api".to_owned()), ("client_id", AUDIENCE.to_owned())],
            Audience::Wrong => vec![("aud", format!("{AUDIENCE}s"))],
            Audience::Missing => vec![],
            Audience::OfHeadersToo => vec![("aud", format!("[{AUDIENCE} {AUDIENCE_OF_HEADERS}]"))],
        };
        let times = [("exp", ends.to_string())].into_iter();
        let times = times.chain((!self.jwt.no_iat).then(|| ("iat", issued.to_string())));
        audience.into_iter().chain(times).collect()
    }
}

/// The greedy variable of a path.
fn greedy(path: &str) -> Option<&str> {
    path.rsplit('/').next()?.strip_prefix('{')?.strip_suffix("+}")
}

fn query(pairs: &[(String, String)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

fn name(name: &Name, caller: Option<&User>, as_uid: bool) -> String {
    let uid = || caller.map_or(7, User::own_uid).to_string();
    let id = || caller.map_or("alice", User::id).to_owned();
    match name {
        Name::Own if as_uid => uid(),
        Name::Own => id(),
        Name::OwnUid => uid(),
        Name::OwnId => id(),
        Name::Me => "me".to_owned(),
        Name::Other(text) => text.text(),
    }
}

/// A number, if the text is one.
fn as_number(text: String) -> Value {
    text.parse::<u64>().map_or(Value::String(text), Value::from)
}
