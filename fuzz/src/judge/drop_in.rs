//! The answers of drop-in routes. Each has its own form, with its tokens in other places. The judge opens each token.
//! The caller must be allowed to have it, and the request must have asked for it.

use super::caller::{Fields, Who, body, method, object, value, words};
use super::granted::{Answer, Granted};
use super::limits::{APP_ID, AUDIENCE_OF_HEADERS, Limits, zego_key};
use super::tokens_in;
use crate::drop_in::DropIn;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use tokens::read::{self, ServiceBody, Token04Claims, Unverified};

/// The route that the gateway found for an event. `None`: it is no drop-in route.
pub(super) fn route_of(event: &Fields) -> Option<DropIn> {
    let route_key = value(&object(event, "requestContext"), "routeKey");
    let (_, path) = route_key.as_str()?.split_once(' ')?;
    DropIn::find(method(event).as_str()?, path)
}

/// How an answer contains its tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Form {
    TokenAndCode,
    /// An object that has the tokens under these names.
    Named(&'static [&'static str]),
    /// `{"token":…}`, and a line break after it.
    Line,
    DockerImage,
    Ten,
    Toolbox,
    ChatDocs,
    /// The bare token.
    Text,
    QuickStart,
}

impl Form {
    fn of(route: DropIn, event: &Fields) -> Form {
        match route {
            DropIn::FetchRtc | DropIn::FetchEducation => Form::TokenAndCode,
            DropIn::Rtc => Form::Named(&["rtcToken"]),
            DropIn::Rtm => Form::Named(&["rtmToken"]),
            DropIn::Rte => Form::Named(&["rtcToken", "rtmToken"]),
            DropIn::ChatUser | DropIn::ChatApp => Form::Named(&["chatToken"]),
            DropIn::ChatUserInDocs | DropIn::ChatAppInDocs => Form::ChatDocs,
            DropIn::ZegoDemo => Form::Named(&["token"]),
            DropIn::ZegoQuickStart | DropIn::ZegoOlderQuickStart => Form::QuickStart,
            DropIn::GetToken | DropIn::GetNew => Form::Line,
            DropIn::GenerateV2 | DropIn::GenerateConvoAi => Form::Toolbox,
            DropIn::Generate => Form::of_generate(event),
            DropIn::Ping | DropIn::InQuery => panic!("{route:?} has no token of its own"),
        }
    }

    /// Four servers have `POST /token/generate`. Of them only the Java one takes a query.
    fn of_generate(event: &Fields) -> Form {
        let query = value(event, "rawQueryString");
        if form_urlencoded::parse(query.as_str().unwrap_or_default().as_bytes()).next().is_some() {
            return Form::Text;
        }
        let body = body(event);
        let has = |names: &[&str]| names.iter().any(|name| body.contains_key(*name));
        let switches = ["serviceRtc", "serviceRtm", "serviceFpa", "serviceChat", "serviceApaas"];
        if has(&["request_id", "channel_name"]) {
            Form::Ten
        } else if has(&switches) || has(&["tokenExpireTs", "privilegeExpireTs"]) {
            Form::DockerImage
        } else {
            Form::Toolbox
        }
    }

    /// The tokens in an answer.
    fn tokens(self, body: &str) -> Vec<String> {
        let at: &[&str] = match self {
            Form::Text => return vec![body.to_owned()],
            Form::Named(names) => names,
            Form::DockerImage | Form::Ten | Form::Toolbox => &["data"],
            Form::TokenAndCode | Form::Line | Form::ChatDocs | Form::QuickStart => &["token"],
        };
        let says: Value = serde_json::from_str(body).expect("JSON");
        let token = |name: &&str| if *name == "data" { &says["data"]["token"] } else { &says[*name] }.as_str();
        at.iter().map(|name| token(name).expect("a token").to_owned()).collect()
    }

    /// What an answer with these tokens says as a whole.
    fn whole(self, tokens: &[String], opened: &Opened) -> Value {
        let token = &tokens[0];
        match self {
            Form::Text => token.as_str().into(),
            Form::Named(names) => {
                let named = names.iter().zip(tokens).map(|(name, token)| ((*name).to_owned(), token.as_str().into()));
                Value::Object(named.collect())
            }
            Form::TokenAndCode => json!({ "token": token, "code": "200" }),
            Form::Line => json!({ "token": token }),
            Form::DockerImage => json!({ "code": 0, "message": "Success", "data": { "token": token } }),
            Form::Ten => {
                let (channel, uid) = opened.rtc.as_ref().map(|rtc| (&*rtc.channel, &*rtc.uid)).expect("RTC");
                let uid: u32 = uid.parse().expect("a number");
                let data = json!({ "appId": APP_ID, "token": token, "channel_name": channel, "uid": uid });
                json!({ "code": "0", "msg": "success", "data": data })
            }
            Form::Toolbox => json!({ "code": 0, "msg": "success", "data": { "token": token } }),
            Form::ChatDocs => json!({ "status": "success", "token": token }),
            Form::QuickStart => {
                let zego = opened.zego.as_ref().expect("ZEGO's token");
                json!({
                    "code": 0,
                    "message": "Generate token success",
                    "token": token,
                    "user_id": zego.user_id,
                    "expire_time": zego.expire * 1000,
                })
            }
        }
    }
}

/// What a request asks for.
#[derive(Debug, PartialEq)]
struct Asked {
    /// The services by their numbers, in rising order. Empty: it asks for ZEGO's basic token.
    services: Vec<u16>,
    /// If one of them is RTC: the channel, and the privileges by their numbers.
    rtc: Option<(String, Vec<u16>)>,
    /// If one of the services is APaaS: the room, and the role by its number.
    class: Option<(String, i16)>,
}

impl Asked {
    fn of(route: DropIn, event: &Fields) -> Vec<Asked> {
        let in_path = |name: &str| value(&object(event, "pathParameters"), name);
        let body = || body(event);
        match route {
            DropIn::FetchRtc => {
                let body = body();
                // Its names may have upper and lower case letters in any place.
                let any_case = |name: &str| body.iter().find(|(sent, _)| sent.eq_ignore_ascii_case(name));
                let sent = |name: &str| any_case(name).map_or(&Value::Null, |(_, value)| value);
                vec![Asked::rtc(&[1], sent("channelName"), of_role(sent("role")))]
            }
            DropIn::FetchEducation => {
                let body = body();
                let room = body["roomUuid"].as_str().expect("a room").to_owned();
                let role = body["role"].as_i64().and_then(|role| role.try_into().ok()).expect("a role");
                vec![Asked { class: Some((room, role)), ..Asked::of_numbers(&[2, 5, 7]) }]
            }
            DropIn::Rtc => vec![Asked::rtc(&[1], &in_path("channel"), of_role(&in_path("role")))],
            DropIn::Rte => {
                vec![Asked::rtc(&[1], &in_path("channel"), of_role(&in_path("role"))), Asked::alone(2)]
            }
            DropIn::Rtm => vec![Asked::alone(2)],
            DropIn::ChatUser | DropIn::ChatApp | DropIn::ChatUserInDocs | DropIn::ChatAppInDocs => {
                vec![Asked::alone(5)]
            }
            DropIn::ZegoDemo | DropIn::ZegoQuickStart | DropIn::ZegoOlderQuickStart => {
                vec![Asked::of_numbers(&[])]
            }
            DropIn::GetToken | DropIn::GetNew => vec![Asked::one_of_three(&body())],
            DropIn::GenerateV2 | DropIn::GenerateConvoAi => vec![Asked::toolbox(&body())],
            DropIn::Generate => vec![match Form::of_generate(event) {
                Form::Text => Asked::alone(5),
                Form::Ten => Asked::rtc(&[1, 2], &body()["channel_name"], PUBLISHER),
                Form::DockerImage => Asked::docker_image(&body()),
                _ => Asked::toolbox(&body()),
            }],
            DropIn::Ping | DropIn::InQuery => panic!("{route:?} asks for no token of its own"),
        }
    }

    fn of_numbers(services: &[u16]) -> Asked {
        Asked { services: services.to_vec(), rtc: None, class: None }
    }

    fn alone(service: u16) -> Asked {
        Asked::of_numbers(&[service])
    }

    fn rtc(services: &[u16], channel: &Value, privileges: &[u16]) -> Asked {
        let channel = channel.as_str().expect("a channel").to_owned();
        Asked { rtc: Some((channel, privileges.to_vec())), ..Asked::of_numbers(services) }
    }

    /// RTC with further services, or one of these alone.
    fn of_services(rtc: bool, rtm: bool, chat: bool, channel: &Value, privileges: &[u16]) -> Asked {
        let services = [(rtc, 1), (rtm, 2), (chat, 5)];
        let services: Vec<u16> = services.into_iter().filter_map(|(is_on, number)| is_on.then_some(number)).collect();
        if rtc { Asked::rtc(&services, channel, privileges) } else { Asked::of_numbers(&services) }
    }

    fn one_of_three(body: &Map<String, Value>) -> Asked {
        match (body.get("tokenType").and_then(Value::as_str), body.get("channel")) {
            (Some("rtc"), channel) => {
                let role = body.get("role").map_or(SUBSCRIBER, of_role);
                Asked::rtc(&[1], channel.unwrap_or(&Value::Null), role)
            }
            // To join a stream channel, and to send messages there.
            (Some("rtm"), Some(channel)) => Asked::rtc(&[1, 2], channel, &[1, 4]),
            (Some("rtm"), None) => Asked::alone(2),
            (Some("chat"), _) => Asked::alone(5),
            other => panic!("a token for {other:?}"),
        }
    }

    fn toolbox(body: &Map<String, Value>) -> Asked {
        let types: Vec<Value> = match (body.get("type"), body.get("types")) {
            (Some(one), None) => vec![one.clone()],
            (None, Some(Value::Array(types))) => types.clone(),
            other => panic!("a token for {other:?}"),
        };
        let is_for = |number: u64| types.contains(&number.into());
        let channel = body.get("channelName").unwrap_or(&Value::Null);
        Asked::of_services(is_for(1), is_for(2), is_for(3), channel, PUBLISHER)
    }

    fn docker_image(body: &Map<String, Value>) -> Asked {
        let field = |service: &str, name: &str| body.get(service).map_or(&Value::Null, |service| &service[name]);
        let is_on = |service: &str, switch: &str| *field(service, switch) == true;
        let role = of_role(field("serviceRtc", "role"));
        let channel = body.get("channelName").unwrap_or(&Value::Null);
        let rtc = is_on("serviceRtc", "enable");
        Asked::of_services(rtc, is_on("serviceRtm", "enable"), is_on("serviceChat", "enableUser"), channel, role)
    }
}

/// To join, and to publish audio, video and messages.
const PUBLISHER: &[u16] = &[1, 2, 3, 4];
/// To join.
const SUBSCRIBER: &[u16] = &[1];

/// The privileges of a role, in the words and the numbers of other servers.
fn of_role(role: &Value) -> &'static [u16] {
    let publishes = match role {
        Value::Number(number) => number.as_u64() == Some(1),
        Value::String(word) => ["publisher", "host", "broadcaster", "1"].contains(&word.as_str()),
        _ => false,
    };
    if publishes { PUBLISHER } else { SUBSCRIBER }
}

/// What a token contains.
struct Opened {
    services: Vec<u16>,
    rtc: Option<Rtc>,
    class: Option<(String, i16)>,
    zego: Option<Token04Claims>,
}

struct Rtc {
    channel: String,
    uid: String,
    privileges: Vec<u16>,
}

impl Opened {
    /// Opens a token, and checks that its caller may have it.
    fn checked(token: &str, granted: &Granted<'_>, who: &Who) -> Opened {
        match (read::token(token).expect("a token"), who) {
            (Unverified::Token04(token), Who::User(user)) => {
                granted.zego(user);
                let zego: Token04Claims = token.decrypt(&zego_key()).expect("our own secret");
                assert!(zego.payload.is_empty(), "no such route gives a token for a room");
                Opened { services: vec![], rtc: None, class: None, zego: Some(zego) }
            }
            (Unverified::AccessToken2(token), who) => {
                let services: Vec<u16> = token.services.iter().map(|service| service.service_type.number()).collect();
                match (services.first(), who) {
                    (Some(1), Who::User(user)) => granted.rtc(user),
                    (Some(2), Who::User(user)) if services.last() == Some(&7) => granted.classroom(user),
                    (Some(2 | 8), Who::User(user)) => granted.rtm(user),
                    (Some(5), Who::User(user)) => granted.chat_user(user),
                    (Some(5), Who::Backend) => granted.chat_app(),
                    (_, who) => panic!("a token for the services {services:?} for {who:?}"),
                }
                let rtc = token.services.first().and_then(|service| match &service.body {
                    ServiceBody::Rtc { channel_name, uid } => Some(Rtc {
                        channel: channel_name.clone(),
                        uid: uid.clone(),
                        privileges: service.privileges.keys().copied().collect(),
                    }),
                    _ => None,
                });
                let class = token.services.last().and_then(|service| match &service.body {
                    ServiceBody::Apaas { room_uuid, role, .. } => Some((room_uuid.clone(), *role)),
                    _ => None,
                });
                Opened { services, rtc, class, zego: None }
            }
            (Unverified::AccessToken(_), _) => panic!("no such route gives a 006 token"),
            (_, who) => panic!("a token of ZEGO's for {who:?}"),
        }
    }

    fn as_asked(&self) -> Asked {
        let rtc = self.rtc.as_ref().map(|rtc| (rtc.channel.clone(), rtc.privileges.clone()));
        // A request for RTM may get a token with permissions.
        let services = self.services.iter().map(|service| if *service == 8 { 2 } else { *service });
        Asked { services: services.collect(), rtc, class: self.class.clone() }
    }
}

/// Judges an answer with the status 200.
pub(super) fn answer<'a>(
    route: DropIn,
    limits: &Limits,
    event: &Fields,
    who: &Who,
    content_type: &str,
    body: &str,
    in_answer: impl Fn(Answer) -> Granted<'a>,
) {
    if route == DropIn::Ping {
        assert!(matches!(who, Who::User(_)), "a pong for {who:?}");
        assert_eq!((content_type, body), ("application/json", r#"{"message":"pong"}"#));
        return;
    }
    let (form, asked) = match route {
        DropIn::InQuery => {
            assert!(limits.query_audience.is_some(), "no JWT may be in a query");
            assert!(may_be_in_query(event, limits), "this JWT may not be in a query");
            let (route, channel, role) = in_query(event).expect("a path");
            // The RTC token comes first.
            let mut asked = Vec::new();
            if matches!(route, DropIn::Rtc | DropIn::Rte) {
                asked.push(Asked::rtc(&[1], &channel, of_role(&role)));
            }
            if matches!(route, DropIn::Rtm | DropIn::Rte) {
                asked.push(Asked::alone(2));
            }
            (Form::of(route, event), asked)
        }
        route => (Form::of(route, event), Asked::of(route, event)),
    };
    let is_text = form == Form::Text;
    assert_eq!(content_type, if is_text { "text/plain; charset=utf-8" } else { "application/json" });
    let tokens = form.tokens(body);
    let mut everywhere = tokens_in(body);
    everywhere.sort_unstable();
    let mut expected: Vec<&str> = tokens.iter().map(String::as_str).collect();
    expected.sort_unstable();
    assert_eq!(everywhere.len(), expected.len(), "tokens in other places");
    assert!(everywhere == expected, "other tokens than the client reads");
    let opened: Vec<Opened> =
        tokens.iter().map(|token| Opened::checked(token, &in_answer(Answer::of_token(token)), who)).collect();
    assert_eq!(opened.iter().map(Opened::as_asked).collect::<Vec<_>>(), asked, "not what the request asks for");
    let says: Value = if is_text { body.into() } else { serde_json::from_str(body).expect("JSON") };
    assert!(says == form.whole(&tokens, &opened[0]), "the form of {route:?}");
    assert_eq!(body.ends_with('\n'), form == Form::Line, "a line break at the end");
}

/// Judges a refusal. Some clients do not look at the status, and crash if their field is missing.
pub(super) fn refusal(route: DropIn, event: &Fields, status: u64, body: &str) {
    // A request with another status may have reached no route. An event with `elb` may be a load balancer's.
    let reached = [401, 403, 429].contains(&status) && !object(event, "requestContext").contains_key("elb");
    if !reached || value(event, "version") != "2.0" || matches!(route, DropIn::Ping | DropIn::InQuery) {
        return;
    }
    if let Form::Named(names) = Form::of(route, event)
        && names != ["token"]
    {
        let says: Value = serde_json::from_str(body).expect("JSON");
        assert!(names.iter().all(|name| says[*name] == ""), "a refusal of {route:?} lacks a field");
        assert_eq!(says["status"], status);
    }
}

/// Whether the JWT in the event is one that may be in a query: it is for the audience of such JWTs, and lives five minutes
/// at most.
pub(super) fn may_be_in_query(event: &Fields, limits: &Limits) -> bool {
    let claims = value(&object(event, "requestContext"), "authorizer")["jwt"]["claims"].clone();
    let claim = |name: &str| claims[name].as_str();
    let Some(audience) = limits.query_audience.as_deref() else { return false };
    let is_for = |audience: &str| {
        claim("aud").or_else(|| claim("client_id")).is_some_and(|audiences| {
            let is_list = audiences.len() >= 2 && audiences.starts_with('[') && audiences.ends_with(']');
            audiences == audience || (is_list && words(audiences).any(|one| one == audience))
        })
    };
    let time = |name: &str| claim(name)?.parse::<f64>().ok().filter(|time| (0.0..f64::INFINITY).contains(time));
    let lives = time("exp").zip(time("iat")).map(|(ends, issued): (f64, f64)| (ends as u64).checked_sub(issued as u64));
    is_for(audience) && !is_for(AUDIENCE_OF_HEADERS) && lives.flatten().is_some_and(|seconds| seconds <= 300)
}

/// The route that the path in a query names, its channel and its role.
fn in_query(event: &Fields) -> Option<(DropIn, Value, Value)> {
    let query = value(event, "rawQueryString");
    let path = query.as_str()?.split('&').find_map(|pair| pair.strip_prefix("path="))?;
    let segments = path.split('?').next()?.split('/').skip(1);
    let segments: Vec<_> =
        segments.map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned()).collect();
    let route = match segments.first()?.as_str() {
        "rtc" => DropIn::Rtc,
        "rtm" => DropIn::Rtm,
        "rte" => DropIn::Rte,
        _ => return None,
    };
    let segment = |which: usize| segments.get(which).map_or(Value::Null, |segment| segment.as_str().into());
    Some((route, segment(1), segment(2)))
}
