//! Signing asks for memory twice at most: for what is signed, and for the token.

use allocation_counter::measure;
use tokens::agora::{self, Permission, Permissions, Resource, Version};
use tokens::zego::{self, RoomPrivileges, StreamIds};
use tokens::{Moment, Stamp, Token, Ttl};

const MOST: u64 = 2;

fn check<T: Token>(size: &str, token: &T, key: &T::Key) {
    let moment = Moment::from_unix_seconds(u64::from(u32::MAX) - 86_400).expect("in range");
    // The first token finds out what the processor can do; base64 keeps that.
    token.sign(Stamp::new(moment, [0; Stamp::RANDOMNESS_BYTES]), key);
    // The largest numbers: they have the most digits.
    let stamp = Stamp::new(moment, [u8::MAX; Stamp::RANDOMNESS_BYTES]);
    let allocations = measure(|| drop(token.sign(stamp, key))).count_total;
    assert!((1..=MOST).contains(&allocations), "{} {size} takes {allocations}", token.kind());
}

#[test]
fn every_kind_takes_two_allocations_at_most_whatever_its_size() {
    let ttl = Ttl::MAX;
    let agora_key = agora::Key {
        app_id: agora::AppId::new("970ca35de60c44645bbae8a215061b33").expect("valid"),
        app_certificate: agora::AppCertificate::new("5cfd2fd1755d40ecb72977518be15d3b").expect("valid"),
    };
    let zego_key = zego::Key {
        app_id: zego::AppId::new(u32::MAX.into()).expect("valid"),
        server_secret: zego::ServerSecret::new("fa94dd0f974cf2e293728a526b028271").expect("valid"),
    };
    for (size, long) in [("at its shortest", false), ("at its longest", true)] {
        let text = |most: usize| "a".repeat(if long { most } else { 1 });
        let channel = || agora::ChannelName::new(text(64)).expect("valid");
        let account = || agora::RtcUser::Account(agora::UserAccount::new(text(255)).expect("valid"));
        let uid = || agora::RtcUser::Uid(agora::Uid::new(u32::MAX.into()).expect("valid"));
        let rtm_user = || agora::RtmUserId::new(text(64)).expect("valid");
        let chat_user = || agora::ChatUserId::new(text(64)).expect("valid");
        let apaas_user = || agora::UserUuid::new(text(64)).expect("valid");
        let rights = || agora::Rights::of_role(agora::Role::Publisher, ttl);
        let rtc = |user| agora::Rtc { channel: channel(), user, rights: rights() };

        check(size, &agora::ChatApp { ttl }, &agora_key);
        check(size, &agora::ChatUser { user: chat_user(), ttl }, &agora_key);
        for version in [Version::V006, Version::V007] {
            check(size, &agora::Rtm { user: rtm_user(), ttl, version }, &agora_key);
        }
        for user in [uid(), account()] {
            check(size, &rtc(user.clone()), &agora_key);
            check(size, &agora::RtcV006(rtc(user)), &agora_key);
        }
        let bundle = agora::Bundle { rtc: rtc(account()), rtm: Some(rtm_user()), chat: Some(chat_user()) };
        check(size, &bundle, &agora_key);
        for service in [agora::Product::ConvoAi, agora::Product::Stt] {
            let agent = agora::Agent::of_product(service, rtc(account()), rtm_user());
            check(size, &agent, &agora_key);
        }
        for account in [uid(), account()] {
            let (publish_mixed_stream, publish_raw_stream) = (Some(ttl), Some(ttl));
            let channel = channel();
            let fcdn = agora::Fcdn {
                channel: channel.clone(),
                account: account.clone(),
                publish: Some(ttl),
                play: Some(ttl),
                ttl,
            };
            check(size, &fcdn, &agora_key);
            let streaming = agora::Streaming { channel, account, publish_mixed_stream, publish_raw_stream, ttl };
            check(size, &streaming, &agora_key);
        }
        check(size, &agora::Fpa, &agora_key);
        let role = agora::ApaasRole::new(i16::MAX).expect("valid");
        let room = agora::RoomUuid::new(text(63)).expect("valid");
        check(size, &agora::ApaasRoomUser { room, user: apaas_user(), role, ttl }, &agora_key);
        check(size, &agora::ApaasUser { user: apaas_user(), ttl }, &agora_key);
        check(size, &agora::ApaasApp { ttl }, &agora_key);

        // The longest has ten blocks in its zlib stream.
        let mut permissions = Permissions::default();
        for resource in [
            Resource::MessageChannels,
            Resource::StreamChannels,
            Resource::GroupChannels,
            Resource::ServerGroups,
            Resource::Users,
        ] {
            for permission in [Permission::Read, Permission::Write] {
                let name = agora::ResourceName::new(text(64)).expect("valid");
                let names = vec![name; if long { Permissions::MAX_RESOURCES } else { 0 }];
                permissions.permit(resource, permission, names).expect("not too many");
            }
        }
        check(size, &agora::Rtm2 { user: rtm_user(), permissions, ttl }, &agora_key);

        // What JSON has to escape takes the most room.
        let quotes = |most: usize| "\"".repeat(if long { most } else { 1 });
        let zego_user = || zego::UserId::new(quotes(64)).expect("valid");
        check(size, &zego::Basic { user: zego_user(), ttl }, &zego_key);
        check(size, &zego::Zim { user: zego::ZimUserId::new(text(32)).expect("valid"), ttl }, &zego_key);
        for streams in [0, StreamIds::MAX] {
            let stream_ids = vec![zego::StreamId::new(text(256)).expect("valid"); streams];
            let room = zego::Room {
                user: zego_user(),
                room: zego::RoomId::new(quotes(128)).expect("valid"),
                privileges: RoomPrivileges { login: true, publish: true },
                stream_ids: StreamIds::new(stream_ids).expect("not too many"),
                ttl,
            };
            check(size, &room, &zego_key);
        }
    }
}
