//! For any valid description: the signed token can be read, its signature is right, and it holds what was described.

use crate::agora::*;
use crate::read::{self, AccessToken2, Unverified};
use crate::zego::{Basic, Room, RoomId, RoomPrivileges, StreamId, StreamIds, UserId, Zim, ZimUserId};
use crate::{Moment, Signed, Stamp, Token, Ttl, zego};
use proptest::prelude::*;
use serde_json::{Value, json};

const RTC_NAME: &str = r"[a-zA-Z0-9 !#$%&()+\-:;<=.>?@\[\]^_{}|~,]{1,64}";
/// Names of classrooms are one byte shorter.
const ROOM_UUID: &str = r"[a-zA-Z0-9 !#$%&()+\-:;<=.>?@\[\]^_{}|~,]{1,63}";
const ACCOUNT: &str = r"[a-zA-Z0-9 !#$%&()+\-:;<=.>?@\[\]^_{}|~,]{2,255}";
const RTM_USER: &str = r"[!-)+-~][ -)+-~]{0,63}";
const CHAT_USER: &str = r"[a-z0-9_\-.]{1,64}";
const PRINTABLE: &str = r"[ -~]{1,64}";
const STREAM: &str = r"[A-Za-z0-9_\-]{1,256}";
const ZIM_USER: &str = r"[A-Za-z0-9!#$%&()+\-;<=.>@^_~]{1,32}";

fn ttl() -> impl Strategy<Value = Ttl> {
    (1..=86_400u64).prop_map(|seconds| Ttl::from_seconds(seconds).expect("in range"))
}

fn moment() -> impl Strategy<Value = Moment> {
    (0..=u64::from(u32::MAX) - 86_400).prop_map(|seconds| Moment::from_unix_seconds(seconds).expect("in range"))
}

fn agora_key() -> impl Strategy<Value = Key> {
    ("[0-9a-fA-F]{32}", "[0-9a-fA-F]{32}").prop_map(|(app_id, certificate)| Key {
        app_id: AppId::new(app_id).expect("valid"),
        app_certificate: AppCertificate::new(&certificate).expect("valid"),
    })
}

fn zego_key() -> impl Strategy<Value = zego::Key> {
    (1..=u64::from(u32::MAX), "[!-~]{32}").prop_map(|(app_id, secret)| zego::Key {
        app_id: zego::AppId::new(app_id).expect("valid"),
        server_secret: zego::ServerSecret::new(&secret).expect("valid"),
    })
}

fn rtc_user() -> impl Strategy<Value = RtcUser> {
    prop_oneof![
        (1..=u64::from(u32::MAX)).prop_map(|uid| RtcUser::Uid(Uid::new(uid).expect("valid"))),
        ACCOUNT.prop_map(|account| RtcUser::Account(UserAccount::new(account).expect("valid"))),
    ]
}

fn rights() -> impl Strategy<Value = Rights> {
    let role = prop_oneof![Just(Role::Subscriber), Just(Role::Publisher)];
    let own = (ttl(), prop::option::of(ttl()), prop::option::of(ttl()), prop::option::of(ttl()));
    prop_oneof![
        (role, ttl()).prop_map(|(role, ttl)| Rights::of_role(role, ttl)),
        own.prop_map(|(join_channel, publish_audio, publish_video, publish_data_stream)| {
            let privileges = Privileges { join_channel, publish_audio, publish_video, publish_data_stream };
            Rights::new(Ttl::MAX, privileges).expect("none outlives 24 hours")
        }),
    ]
}

fn rtc() -> impl Strategy<Value = Rtc> {
    (RTC_NAME, rtc_user(), rights()).prop_map(|(channel, user, rights)| Rtc {
        channel: ChannelName::new(channel).expect("valid"),
        user,
        rights,
    })
}

/// The privileges in the answer to a client, as the token writes them.
fn expected_privileges(token: &impl Token, issued_at: Moment) -> Value {
    let facts = serde_json::to_value(token.facts(issued_at)).expect("plain");
    let names = ["join_channel", "publish_audio", "publish_video", "publish_data_stream"];
    let numbered = names.iter().zip(1..).filter_map(|(name, number)| {
        let until = facts["privileges"].get(name)?["expires_at"].as_u64().expect("a moment");
        Some((number.to_string(), json!(until - u64::from(issued_at.as_unix_seconds()))))
    });
    Value::Object(numbered.collect())
}

/// Reads a `007` token, checks its signature, and returns its services.
fn services(signed: &Signed, key: &Key) -> Value {
    let Ok(Unverified::AccessToken2(token)) = read::token(signed.expose()) else {
        panic!("{:?}", read::token(signed.expose()))
    };
    assert_eq!(token.verify(key, signed.issued_at()), Ok(()));
    let AccessToken2 { app_id, issue_ts, expire, .. } = &token;
    assert_eq!(app_id, key.app_id.as_str());
    assert_eq!(*issue_ts, signed.issued_at().as_unix_seconds());
    assert_eq!(*expire, signed.ttl().as_seconds());
    serde_json::to_value(&token.services).expect("plain")
}

proptest! {
    #[test]
    fn bundle(
        rtc in rtc(),
        rtm in prop::option::of(RTM_USER),
        chat in prop::option::of(CHAT_USER),
        key in agora_key(),
        moment in moment(),
        randomness: [u8; 20],
    ) {
        prop_assume!(rtm.as_deref() != Some("null"));
        let ttl = rtc.ttl().as_seconds();
        let mut expected = vec![json!({
            "type": 1,
            "channel_name": rtc.channel.as_str(),
            "uid": rtc.user.to_string(),
            "privileges": expected_privileges(&rtc, moment),
        })];
        expected.extend(rtm.iter().map(|user| json!({ "type": 2, "privileges": { "1": ttl }, "user_id": user })));
        expected.extend(chat.iter().map(|user| json!({ "type": 5, "privileges": { "1": ttl }, "user_id": user })));
        let alone = rtc.sign(Stamp::new(moment, randomness), &key);
        let token = Bundle {
            rtc,
            rtm: rtm.map(|user| RtmUserId::new(user).expect("valid")),
            chat: chat.map(|user| ChatUserId::new(user).expect("valid")),
        };
        let signed = token.sign(Stamp::new(moment, randomness), &key);
        prop_assert_eq!(services(&signed, &key), Value::Array(expected.clone()));
        prop_assert_eq!(services(&alone, &key), json!(&expected[..1]));
        prop_assert_eq!(signed == alone, expected.len() == 1);
    }

    #[test]
    fn chat_and_rtm(
        chat in CHAT_USER,
        rtm in RTM_USER,
        ttl in ttl(),
        key in agora_key(),
        moment in moment(),
        randomness: [u8; 20],
    ) {
        prop_assume!(rtm != "null");
        let stamp = || Stamp::new(moment, randomness);
        let seconds = ttl.as_seconds();
        let app = ChatApp { ttl }.sign(stamp(), &key);
        prop_assert_eq!(services(&app, &key), json!([{ "type": 5, "privileges": { "2": seconds }, "user_id": "" }]));
        let user = ChatUser { user: ChatUserId::new(chat.clone()).expect("valid"), ttl }.sign(stamp(), &key);
        prop_assert_eq!(services(&user, &key), json!([{ "type": 5, "privileges": { "1": seconds }, "user_id": chat }]));
        let user = RtmUserId::new(rtm.clone()).expect("valid");
        let newer = Rtm { user: user.clone(), ttl, version: Version::V007 }.sign(stamp(), &key);
        prop_assert_eq!(services(&newer, &key), json!([{ "type": 2, "privileges": { "1": seconds }, "user_id": rtm }]));
        let older = Rtm { user, ttl, version: Version::V006 }.sign(stamp(), &key);
        let Ok(Unverified::AccessToken(parsed)) = read::token(older.expose()) else { panic!("{older:?}") };
        prop_assert_eq!(parsed.verify(&key, &rtm, "", moment), Ok(()));
        prop_assert_eq!(parsed.privileges.into_iter().collect::<Vec<_>>(), [(1000, older.expires_at())]);
    }

    #[test]
    fn rtc_006(rtc in rtc(), key in agora_key(), moment in moment(), randomness: [u8; 20]) {
        let signed = RtcV006(rtc.clone()).sign(Stamp::new(moment, randomness), &key);
        let Ok(Unverified::AccessToken(parsed)) = read::token(signed.expose()) else { panic!("{signed:?}") };
        prop_assert_eq!(parsed.verify(&key, rtc.channel.as_str(), &rtc.user.to_string(), moment), Ok(()));
    }

    #[test]
    fn other_services(
        channel in RTC_NAME,
        account in rtc_user(),
        first in prop::option::of(ttl()),
        second in prop::option::of(ttl()),
        room in ROOM_UUID,
        user in RTM_USER,
        role in 0..=i16::MAX,
        ttl in ttl(),
        key in agora_key(),
        moment in moment(),
        randomness: [u8; 20],
    ) {
        let stamp = || Stamp::new(moment, randomness);
        let named = ChannelName::new(channel.clone()).expect("valid");
        let privileges: serde_json::Map<_, _> = [first, second]
            .iter()
            .zip(1..)
            .filter_map(|(lives, number)| Some((number.to_string(), json!((*lives)?.as_seconds()))))
            .collect();
        let expected = |service| json!([{
            "type": service, "privileges": privileges, "channel_name": channel, "account": account.to_string(),
        }]);
        let (publish_mixed_stream, publish_raw_stream) = (first, second);
        let streaming =
            Streaming { channel: named.clone(), account: account.clone(), publish_mixed_stream, publish_raw_stream, ttl };
        prop_assert_eq!(services(&streaming.sign(stamp(), &key), &key), expected(3));
        let fcdn = Fcdn { channel: named, account: account.clone(), publish: first, play: second, ttl };
        prop_assert_eq!(services(&fcdn.sign(stamp(), &key), &key), expected(6));

        let seconds = ttl.as_seconds();
        let uuid = UserUuid::new(user.clone()).expect("valid");
        let room_user = ApaasRoomUser {
            room: RoomUuid::new(room.clone()).expect("valid"),
            user: uuid.clone(),
            role: ApaasRole::new(role).expect("valid"),
            ttl,
        };
        let read = services(&room_user.sign(stamp(), &key), &key);
        prop_assert_eq!(&read[0]["user_id"], &json!(user));
        prop_assert_eq!(read[1]["user_id"].as_str().map(str::len), Some(32));
        prop_assert_eq!(&read[2], &json!({
            "type": 7, "privileges": { "1": seconds }, "room_uuid": room, "user_uuid": user, "role": role,
        }));
        let user_alone = services(&ApaasUser { user: uuid, ttl }.sign(stamp(), &key), &key);
        prop_assert_eq!(user_alone, json!([{
            "type": 7, "privileges": { "2": seconds }, "room_uuid": "", "user_uuid": user, "role": -1,
        }]));
    }

    #[test]
    fn agents(
        channel in RTC_NAME,
        account in rtc_user(),
        user in RTM_USER,
        (shorter, longer) in (ttl(), ttl()).prop_map(|(one, other)| (one.min(other), one.max(other))),
        key in agora_key(),
        moment in moment(),
        randomness: [u8; 20],
    ) {
        prop_assume!(user != "null");
        let rtm = RtmUserId::new(user.clone()).expect("valid");
        let rtc = |ttl| Rtc {
            channel: ChannelName::new(channel.clone()).expect("valid"),
            user: account.clone(),
            rights: Rights::of_role(Role::Subscriber, ttl),
        };
        for (service, number) in [(Product::ConvoAi, 9), (Product::Stt, 10)] {
            let agent = Agent::of_product(service, rtc(longer), rtm.clone()).with_rtm_login(shorter).expect("valid");
            prop_assert_eq!(agent.good_for(), shorter);
            let services = services(&agent.sign(Stamp::new(moment, randomness), &key), &key);
            let (join, login) = (longer.as_seconds(), shorter.as_seconds());
            prop_assert_eq!(services, json!([
                { "type": 1, "privileges": { "1": join }, "channel_name": channel, "uid": account.to_string() },
                { "type": 2, "privileges": { "1": login }, "user_id": user },
                { "type": number, "privileges": {} },
            ]));
            let outlives = Agent::of_product(service, rtc(shorter), rtm.clone()).with_rtm_login(longer);
            prop_assert_eq!(outlives.is_err(), longer > shorter);
        }
    }

    #[test]
    fn rtm2(
        user in RTM_USER,
        read in prop::collection::vec(r"[ -)+-~]{1,64}", 0..20),
        write in prop::collection::vec(r"[ -)+-~]{1,64}", 0..1100),
        ttl in ttl(),
        key in agora_key(),
        moment in moment(),
        randomness: [u8; 20],
    ) {
        prop_assume!(user != "null");
        let names = |texts: &[String]| texts.iter().map(|text| ResourceName::new(text.clone()).expect("valid")).collect();
        let mut permissions = Permissions::default();
        permissions.permit(Resource::Users, Permission::Read, names(&read)).expect("not too many");
        let too_many = permissions.permit(Resource::StreamChannels, Permission::Write, names(&write)).is_err();
        prop_assert_eq!(too_many, write.len() > Permissions::MAX_RESOURCES);
        let mut expected = json!({ "4": { "0": read } });
        if !too_many {
            expected["1"] = json!({ "1": write });
        }
        let token = Rtm2 { user: RtmUserId::new(user.clone()).expect("valid"), permissions, ttl };
        let services = services(&token.sign(Stamp::new(moment, randomness), &key), &key);
        prop_assert_eq!(services, json!([{
            "type": 8, "privileges": { "1": ttl.as_seconds() }, "user_id": user, "permissions": expected,
        }]));
    }

    #[test]
    fn zego_tokens(
        user in PRINTABLE,
        zim_user in ZIM_USER,
        room in r"[ -~]{1,128}",
        streams in prop::collection::vec(STREAM, 0..=StreamIds::MAX),
        login: bool,
        publish: bool,
        ttl in ttl(),
        key in zego_key(),
        moment in moment(),
        randomness: [u8; 20],
    ) {
        let open = |signed: Signed| {
            let Ok(Unverified::Token04(token)) = read::token(signed.expose()) else { panic!("{signed:?}") };
            let claims = token.open(&key, moment).expect("genuine");
            assert_eq!(claims.app_id, key.app_id.get());
            assert_eq!(claims.ctime, i64::from(moment.as_unix_seconds()));
            assert_eq!(claims.expire, i64::from(signed.expires_at()));
            (claims.user_id, claims.payload)
        };
        let stamp = || Stamp::new(moment, randomness);
        let named = UserId::new(user.clone()).expect("valid");
        let basic = Basic { user: named.clone(), ttl };
        prop_assert_eq!(open(basic.sign(stamp(), &key)), (user.clone(), String::new()));
        let zim = Zim { user: ZimUserId::new(zim_user.clone()).expect("valid"), ttl };
        prop_assert_eq!(open(zim.sign(stamp(), &key)), (zim_user, String::new()));
        let ids = streams.iter().map(|id| StreamId::new(id.clone()).expect("valid")).collect();
        let token = Room {
            user: named,
            room: RoomId::new(room.clone()).expect("valid"),
            privileges: RoomPrivileges { login, publish },
            stream_ids: StreamIds::new(ids).expect("not too many"),
            ttl,
        };
        let (opened_user, payload) = open(token.sign(stamp(), &key));
        prop_assert_eq!(opened_user, user);
        let payload: Value = serde_json::from_str(&payload).expect("JSON");
        prop_assert_eq!(payload, json!({
            "room_id": room,
            "privilege": { "1": u8::from(login), "2": u8::from(publish) },
            "stream_id_list": (!streams.is_empty()).then_some(&streams),
        }));
    }
}

/// The longest room token stays below 32,768 bytes of cipher text, which is the limit of some of the vendor's
/// assistants.
#[test]
fn the_longest_room_token_fits() {
    let quotes = |length| "\"".repeat(length);
    let ids = (0..StreamIds::MAX).map(|_| StreamId::new("s".repeat(256)).expect("valid")).collect();
    let token = Room {
        user: UserId::new(quotes(64)).expect("valid"),
        room: RoomId::new(quotes(128)).expect("valid"),
        privileges: RoomPrivileges { login: true, publish: true },
        stream_ids: StreamIds::new(ids).expect("not too many"),
        ttl: Ttl::MAX,
    };
    let key = zego::Key {
        app_id: zego::AppId::new(u32::MAX.into()).expect("valid"),
        server_secret: zego::ServerSecret::new(&"s".repeat(32)).expect("valid"),
    };
    let moment = Moment::from_unix_seconds(1_700_000_000).expect("in range");
    let signed = token.sign(Stamp::new(moment, [255; 20]), &key);
    assert!(signed.expose().len() * 3 / 4 < 32_768);
    assert!(matches!(read::token(signed.expose()), Ok(Unverified::Token04(token)) if token.open(&key, moment).is_ok()));
}
