//! What a token grants, and whether its caller may have that.

use super::caller::{Fields, User, body, is_post};
use super::limits::{APP_ID, Limits, ZEGO_APP_ID, agora_key, zego_key};
use crate::function::Function;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use md5::{Digest, Md5};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use tokens::read::{self, AccessToken2, Service, ServiceBody, Token04Claims, Unverified};

/// A token, and what the answer says about it.
pub(super) struct Answer {
    token: String,
    /// `None` if the answer is the token alone, as in the vendor's tutorial.
    says: Option<Map<String, Value>>,
}

impl Answer {
    pub(super) fn read(function: Function, event: &Fields, json: bool, body: &str) -> Answer {
        if !json {
            assert!(matches!(function, Function::ChatApp | Function::ChatUser), "text is for Chat");
            return Answer { token: body.to_owned(), says: None };
        }
        let says: Map<String, Value> = serde_json::from_str(body).expect("an object");
        let token = says["token"].as_str().expect("a token").to_owned();
        if function == Function::Rtm && is_post(event) {
            assert_eq!(Value::Object(says), json!({ "token": token, "code": "200" }));
            return Answer { token, says: None };
        }
        Answer { token, says: Some(says) }
    }

    /// This token, in an answer that says nothing about it.
    pub(super) fn of_token(token: &str) -> Answer {
        Answer { token: token.to_owned(), says: None }
    }

    /// Whether this is its token.
    pub(super) fn is(&self, token: &str) -> bool {
        self.token == token
    }

    /// If the answer says anything about the token, it must say this.
    fn says(&self, name: &str, what: impl Into<Value>) {
        let Some(says) = &self.says else { return };
        assert_eq!(says.get(name), Some(&what.into()), "the answer's {name} is not the token's");
    }
}

/// A token that was granted, with everything that decides whether it may be.
pub(super) struct Granted<'a> {
    pub(super) function: Function,
    pub(super) limits: &'a Limits,
    pub(super) meanwhile: RangeInclusive<u64>,
    pub(super) answer: Answer,
    /// Until when the token may live at most, because the caller's JWT ends.
    pub(super) latest_end: Option<u64>,
    /// Whether the token may be as old as its lifetime, because callers get it again and again.
    pub(super) handed_out_again: bool,
}

impl Granted<'_> {
    /// The token was issued just now and does not live too long, and the answer says so. `first_ends` is the lifetime
    /// of the privilege that ends first.
    fn times(&self, issued_at: u64, lives: u64, first_ends: u64) {
        assert!((1..=self.limits.max_ttl.into()).contains(&lives), "{lives} seconds");
        if let Some(end) = self.latest_end {
            assert!(issued_at + lives <= end, "the token ends at {}, and may live until {end}", issued_at + lives);
        }
        let now = *self.meanwhile.end();
        if self.handed_out_again {
            assert!((now.saturating_sub(lives)..=now).contains(&issued_at), "issued at {issued_at}, and it is {now}");
        } else {
            assert!(self.meanwhile.contains(&issued_at), "issued at {issued_at}, and it is {:?}", self.meanwhile);
        }
        let expires_at = issued_at + lives;
        self.answer.says("issued_at", issued_at);
        self.answer.says("expires_at", expires_at);
        let Some(says) = &self.answer.says else { return };
        let [expires_in, renew_at] = ["expires_in", "renew_at"].map(|name| says[name].as_u64().expect("seconds"));
        if self.handed_out_again {
            let left = expires_at.saturating_sub(now)..=expires_at.saturating_sub(*self.meanwhile.start());
            assert!(expires_in == lives || left.contains(&expires_in), "{expires_in} seconds are left");
        } else {
            assert_eq!(expires_in, lives);
        }
        let ends = issued_at + first_ends;
        let in_time = ends - if first_ends < 120 { 1 } else { 60 };
        assert!((issued_at..=in_time).contains(&renew_at), "renew_at is {renew_at}, and the token ends at {ends}");
    }

    fn access_token2(&self) -> AccessToken2 {
        let Ok(Unverified::AccessToken2(token)) = read::token(&self.answer.token) else { panic!("no 007 token") };
        token.verify_signature(&agora_key()).expect("our own signature");
        self.answer.says("app_id", APP_ID);
        assert_eq!(token.unknown_service_type, None);
        let lives = || token.services.iter().flat_map(|service| service.privileges.values().copied());
        assert!(lives().all(|lives| (1..=token.expire).contains(&lives)), "a privilege outlives its token");
        let first_ends = lives().min().expect("a privilege");
        self.times(token.issue_ts.into(), token.expire.into(), first_ends.into());
        token
    }

    pub(super) fn chat_app(&self) {
        let token = self.access_token2();
        self.answer.says("kind", "agora-chat-app");
        let [chat] = &token.services[..] else { panic!("one service") };
        assert_eq!((chat.service_type.number(), user_of(chat)), (5, ""));
        assert_eq!(chat.privileges.keys().collect::<Vec<_>>(), [&2], "what only an app may");
    }

    pub(super) fn chat_user(&self, user: &User) {
        let token = self.access_token2();
        self.answer.says("kind", "agora-chat-user");
        self.answer.says("user_id", &*user.id);
        let [chat] = &token.services[..] else { panic!("one service") };
        own_service(chat, 5, user);
    }

    pub(super) fn rtm(&self, user: &User) {
        self.answer.says("user_id", &*user.id);
        if let Some(channels) = user.rtm_channels(self.limits) {
            return self.rtm2(user, &channels);
        }
        assert!(user.may_use_rtm(self.limits), "{user:?} reads every message channel");
        self.answer.says("kind", "agora-rtm");
        if let Ok(Unverified::AccessToken(token)) = read::token(&self.answer.token) {
            assert!(user.may_use_rtm_006(self.limits), "a 006 token for {user:?}");
            self.answer.says("version", "006");
            self.answer.says("app_id", APP_ID);
            token.verify_signature(&agora_key(), &user.id, "").expect("signed for this user");
            assert!(!user.id.is_empty() && !user.id.contains('*'), "a wildcard");
            let [(1000, ends)] = token.privileges.iter().map(|(number, ends)| (*number, *ends)).collect::<Vec<_>>()[..]
            else {
                panic!("to log in and no more")
            };
            // In the vendor's format, the token itself is always valid for 24 hours.
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

    /// For RTM with permissions: exactly these channels, and no other service.
    fn rtm2(&self, user: &User, channels: &BTreeSet<&str>) {
        let token = self.access_token2();
        self.answer.says("kind", "agora-rtm2");
        let [rtm] = &token.services[..] else { panic!("one service") };
        let ServiceBody::Rtm2 { user_id, permissions } = &rtm.body else { panic!("no permissions: {rtm:?}") };
        assert_eq!((rtm.service_type.number(), user_id), (8, &user.id));
        assert!(!user_id.is_empty() && !user_id.contains('*'), "a wildcard");
        assert_eq!(rtm.privileges.keys().collect::<Vec<_>>(), [&1], "to log in and no more");
        // Message channels and stream channels, to read and to write.
        assert_eq!(permissions.keys().collect::<Vec<_>>(), [&0, &1]);
        for permissions in permissions.values() {
            assert_eq!(permissions.keys().collect::<Vec<_>>(), [&0, &1]);
            for names in permissions.values() {
                assert!(
                    names.iter().all(|name| user.may_enter(name) && !name.contains('*')),
                    "{user:?} uses {names:?}"
                );
                assert!(
                    names.iter().map(String::as_str).eq(channels.iter().copied()),
                    "{names:?} are not {channels:?}"
                );
            }
        }
        let both = json!({ "read": channels, "write": channels });
        self.answer.says("permissions", json!({ "message_channels": both, "stream_channels": both }));
    }

    pub(super) fn rtc(&self, user: &User) {
        let token = self.access_token2();
        self.answer.says("kind", "agora-rtc");
        let (rtc, companions) = token.services.split_first().expect("a service");
        let Joins { channel_name, uid, publishes } = self.joins(&token, rtc);
        let says = self.answer.says.as_ref();
        assert!(user.may_join_as(uid), "{user:?} joins as {uid:?}");
        assert!(user.may_enter(channel_name), "{user:?} enters {channel_name:?}");
        assert!(user.may_publish || !publishes, "{user:?} publishes");
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
            if let Some(says) = says {
                assert_eq!(says.get(name), said.as_ref(), "the answer's {name} is not the token's");
            }
        }
    }

    /// For a classroom: one room in one role, with RTM and Chat. Or outside of any room: then the user needs the right to every role.
    pub(super) fn classroom(&self, user: &User) {
        let token = self.access_token2();
        let (apaas, others) = token.services.split_last().expect("a service");
        let ServiceBody::Apaas { room_uuid, user_uuid, role } = &apaas.body else { panic!("no APaaS: {apaas:?}") };
        assert_eq!(*user_uuid, user.id, "another user");
        assert!(!user_uuid.is_empty() && !user_uuid.contains('*'), "a wildcard");
        self.answer.says("user_uuid", &**user_uuid);
        let privileges: Vec<u16> = apaas.privileges.keys().copied().collect();
        if room_uuid.is_empty() {
            self.answer.says("kind", "agora-apaas-user");
            assert_eq!((privileges, *role, others.len()), (vec![2], -1, 0));
            assert!(
                user.rooms.is_none() && user.may_publish && user.may_teach,
                "{user:?} has every role in every room"
            );
            return;
        }
        self.answer.says("kind", "agora-apaas-room-user");
        self.answer.says("room_uuid", &**room_uuid);
        self.answer.says("role", *role);
        assert_eq!(privileges, [1]);
        let [rtm, chat] = others else { panic!("RTM and Chat: {others:?}") };
        own_service(rtm, 2, user);
        let digest: String = Md5::digest(&user.id).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!((chat.service_type.number(), user_of(chat)), (5, &*digest));
        assert_eq!(chat.privileges.keys().collect::<Vec<_>>(), [&1]);
        assert!(user.may_use_rtm(self.limits), "{user:?} reads every message channel");
        assert!(!room_uuid.contains('*') && user.may_enter(room_uuid), "{user:?} enters {room_uuid:?}");
        assert!(user.may_publish || *role == 4, "{user:?} publishes in class");
        assert!(user.may_teach || [2, 4].contains(role), "{user:?} has the role {role}");
    }

    /// For a backend: any agent in any channel. The token of a product's agent also has RTM, and the product's service.
    pub(super) fn agent(&self, event: &Fields) {
        let token = self.access_token2();
        let (rtc, others) = token.services.split_first().expect("a service");
        let joins = self.joins(&token, rtc);
        let (rtm, product) = match others {
            [] => (None, None),
            [rtm] => (Some(rtm), None),
            [rtm, product] => (Some(rtm), Some(product)),
            _ => panic!("too many services: {others:?}"),
        };
        let rtm = rtm.map(|rtm| {
            let user = user_of(rtm);
            assert!(rtm.service_type.number() == 2 && !user.is_empty() && !user.contains('*'), "{rtm:?}");
            assert_eq!(rtm.privileges.keys().collect::<Vec<_>>(), [&1], "to log in and no more");
            json!({ "user_id": user })
        });
        let product = product.map(|product| {
            assert!(product.privileges.is_empty(), "{product:?}");
            match product.service_type.number() {
                9 => "convoai",
                10 => "stt",
                _ => panic!("no product: {product:?}"),
            }
        });
        // The backend named the agent, and the token is for this one.
        let asked = body(event);
        let text = |name: &str| asked.get(name).and_then(Value::as_str).map(str::to_owned);
        let number = asked.get("uid").and_then(Value::as_u64).map(|uid| uid.to_string());
        assert_eq!(number.or(text("account")).as_deref(), Some(joins.uid), "another agent");
        assert_eq!(Some(joins.publishes), Some(text("role").as_deref() == Some("publisher")), "another role");
        assert_eq!(product.map(str::to_owned), text("service"), "another product");
        assert_eq!(
            rtm.as_ref().map(|rtm| rtm["user_id"].clone()),
            asked.get("rtm_user_id").cloned(),
            "another RTM user"
        );
        self.answer.says("kind", product.map_or("agora-rtc".to_owned(), |product| format!("agora-{product}")));
        let says = self.answer.says.as_ref().expect("an object");
        assert_eq!((says.get("rtm"), says.get("service")), (rtm.as_ref(), product.map(Value::from).as_ref()));
    }

    /// Checks the RTC service, and that the answer says the same.
    fn joins<'a>(&self, token: &AccessToken2, rtc: &'a Service) -> Joins<'a> {
        let ServiceBody::Rtc { channel_name, uid } = &rtc.body else { panic!("no RTC service: {rtc:?}") };
        self.answer.says("channel", &**channel_name);
        assert!(!channel_name.is_empty() && !channel_name.contains('*'), "a wildcard channel");
        assert!(!uid.is_empty() && uid != "0" && !uid.contains('*'), "a wildcard uid");
        let says = self.answer.says.as_ref();
        // The request may have named a number as `uid` or as `account`.
        match says.map(|says| (says.get("uid"), says.get("account"))) {
            None => {}
            Some((Some(Value::Number(said)), None)) => {
                assert_eq!(said.to_string(), *uid, "the answer's uid is not the token's")
            }
            Some((None, Some(said))) => assert_eq!(said, uid, "the answer's account is not the token's"),
            both => panic!("one of the two: {both:?}"),
        }
        assert!(rtc.privileges.contains_key(&1) && rtc.privileges.keys().all(|number| (1..=4).contains(number)));
        let publishes = rtc.privileges.keys().any(|number| *number != 1);
        self.answer.says("role", if publishes { "publisher" } else { "subscriber" });
        let names = ["join_channel", "publish_audio", "publish_video", "publish_data_stream"];
        let ends = (1..).zip(names).filter_map(|(number, name)| {
            let lives = rtc.privileges.get(&number)?;
            Some((name.to_owned(), json!({ "expires_at": token.issue_ts + lives })))
        });
        self.answer.says("privileges", ends.collect::<Map<_, _>>());
        Joins { channel_name, uid, publishes }
    }

    pub(super) fn zego(&self, user: &User) {
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
        self.kit_token(&claims);
        if claims.payload.is_empty() {
            self.answer.says("kind", if self.function == Function::Zim { "zego-zim" } else { "zego-basic" });
            assert!(user.rooms.is_none(), "{user:?} enters every room");
            assert!(user.may_publish, "{user:?} publishes everywhere");
            return;
        }
        self.answer.says("kind", "zego-room");
        assert_eq!(self.function, Function::Zego, "ZIM has no rooms");
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

impl Granted<'_> {
    /// Checks the kit token, if the answer has one: it contains the same token, for the same user and room.
    fn kit_token(&self, claims: &Token04Claims) {
        let Some(kit_token) = self.answer.says.as_ref().and_then(|says| says.get("kit_token")) else { return };
        let (token, about) = kit_token.as_str().and_then(|kit| kit.split_once('#')).expect("two parts");
        assert!(self.answer.is(token), "another token");
        let about = BASE64_STANDARD.decode(about).expect("base64");
        let about: Value = serde_json::from_slice(&about).expect("JSON");
        let room =
            serde_json::from_str(&claims.payload).map_or(Value::Null, |payload: Value| payload["room_id"].clone());
        assert_eq!(about["userID"], *claims.user_id);
        assert_eq!(about["roomID"].as_str(), Some(room.as_str().unwrap_or_default()));
        assert_eq!(about["appID"], ZEGO_APP_ID);
    }
}

/// What the RTC service of a token lets its user do.
struct Joins<'a> {
    channel_name: &'a str,
    uid: &'a str,
    publishes: bool,
}

fn user_of(service: &Service) -> &str {
    match &service.body {
        ServiceBody::User { user_id } => user_id,
        other => panic!("{other:?} in place of a user"),
    }
}

/// Fails if the service is not for this user alone.
fn own_service(service: &Service, service_type: u16, user: &User) {
    assert_eq!((service.service_type.number(), user_of(service)), (service_type, user.id.as_str()));
    assert!(!user.id.is_empty() && !user.id.contains('*'), "a wildcard");
    assert_eq!(service.privileges.keys().collect::<Vec<_>>(), [&1], "to log in and no more");
}
