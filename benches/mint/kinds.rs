//! Every kind of token, with realistic inputs.

use crate::floor::{Floor, draw};
use benches::turns::Work;
use std::hint::black_box;
use tokens::agora::{self, Permission, Permissions, Privileges, Resource};
use tokens::zego::{self, RoomPrivileges, StreamIds};
use tokens::{Moment, Stamp, Token, Ttl};

pub(crate) const AGORA_APP_ID: &str = "970ca35de60c44645bbae8a215061b33";
pub(crate) const AGORA_CERTIFICATE: &str = "5cfd2fd1755d40ecb72977518be15d3b";
pub(crate) const ZEGO_APP_ID: u32 = 1_234_567_890;
pub(crate) const ZEGO_SECRET: &str = "fa94dd0f974cf2e293728a526b028271";
pub(crate) const CHANNEL: &str = "lobby-2882341273";
pub(crate) const USER: &str = "alice.2882341273";
pub(crate) const UID: u32 = 2_882_341_273;
pub(crate) const TTL: u32 = 3600;

/// One of the three formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    V007,
    V006,
    V04,
}

impl Format {
    /// Whether the floor includes the operating system's randomness. If it does, the token's time includes it too.
    pub(crate) fn draws_in_floor(self) -> bool {
        self == Format::V04
    }

    /// Whether a builder's cost is compared with minting. A `007` token is cheap enough for this comparison. The other
    /// two are compared with signing, without the operating system's randomness, because Node's builders of those do
    /// not use it.
    pub(crate) fn compared_with_randomness(self) -> bool {
        self == Format::V007
    }
}

/// A kind of token, ready to be made again and again in three ways.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) format: Format,
    /// Minting: the operating system's randomness, and signing.
    pub(crate) mint: Work,
    /// Signing alone, with a given stamp.
    pub(crate) sign: Work,
    /// The bare primitives, with the operating system's randomness where [`Format::draws_in_floor`] says so.
    pub(crate) floor: Work,
    /// How many floors a token may cost. `None` for tokens with long lists, which have no target.
    pub(crate) most_floors: Option<f64>,
    /// A token that the builders' tokens are compared with.
    pub(crate) example: String,
}

impl Kind {
    fn new<T: Token<Key: Clone> + Clone + 'static>(
        name: &'static str,
        format: Format,
        token: &T,
        key: &T::Key,
        floor: impl FnOnce(&str) -> Floor,
    ) -> Kind {
        let stamp = || Stamp::new(black_box(now()), black_box([171; Stamp::RANDOMNESS_BYTES]));
        let example = token.sign(stamp(), key).expose().to_owned();
        let mut floor = floor(&example);
        let floor: Work = if format.draws_in_floor() {
            repeat(move || {
                black_box(draw());
                floor.run();
            })
        } else {
            repeat(move || floor.run())
        };
        let (minted, mint_key) = (token.clone(), key.clone());
        let mint = repeat(move || {
            let stamp = Stamp::new(black_box(now()), draw());
            black_box(black_box(&minted).sign(stamp, black_box(&mint_key)));
        });
        let (signed, sign_key) = (token.clone(), key.clone());
        let sign = repeat(move || {
            black_box(black_box(&signed).sign(stamp(), black_box(&sign_key)));
        });
        Kind { name, format, mint, sign, floor, most_floors: Some(1.3), example }
    }

    pub(crate) fn v007<T: Token<Key = agora::Key> + Clone + 'static>(name: &'static str, token: &T) -> Kind {
        Kind::new(name, Format::V007, token, &agora_key(), |example| Floor::of_007(example, AGORA_CERTIFICATE, None))
    }

    fn v007_with_md5<T: Token<Key = agora::Key> + Clone + 'static>(name: &'static str, token: &T, of: &str) -> Kind {
        Kind::new(name, Format::V007, token, &agora_key(), |example| {
            Floor::of_007(example, AGORA_CERTIFICATE, Some(of))
        })
    }

    fn v006<T: Token<Key = agora::Key> + Clone + 'static>(
        name: &'static str,
        token: &T,
        channel: &str,
        uid: &str,
    ) -> Kind {
        let floor = |example: &str| Floor::of_006(example, AGORA_CERTIFICATE, channel, uid);
        Kind::new(name, Format::V006, token, &agora_key(), floor)
    }

    pub(crate) fn v04<T: Token<Key = zego::Key> + Clone + 'static>(name: &'static str, token: &T) -> Kind {
        Kind::new(name, Format::V04, token, &zego_key(), |example| Floor::of_04(example, ZEGO_SECRET))
    }
}

fn of_a_long_list(kind: Kind) -> Kind {
    Kind { most_floors: None, ..kind }
}

/// Generic over the kind, so that a turn's loop calls nothing through a pointer.
fn repeat(mut once: impl FnMut() + 'static) -> Work {
    Box::new(move |times| {
        for _ in 0..times {
            once();
        }
    })
}

pub(crate) fn agora_key() -> agora::Key {
    agora::Key {
        app_id: agora::AppId::new(AGORA_APP_ID).expect("valid"),
        app_certificate: agora::AppCertificate::new(AGORA_CERTIFICATE).expect("valid"),
    }
}

pub(crate) fn zego_key() -> zego::Key {
    zego::Key {
        app_id: zego::AppId::new(ZEGO_APP_ID.into()).expect("valid"),
        server_secret: zego::ServerSecret::new(ZEGO_SECRET).expect("valid"),
    }
}

/// A fixed moment, because reading the clock costs all builders the same.
pub(crate) fn now() -> Moment {
    Moment::from_unix_seconds(1_800_000_000).expect("in range")
}

pub(crate) fn ttl() -> Ttl {
    Ttl::from_seconds(TTL.into()).expect("valid")
}

pub(crate) fn rtc(user: agora::RtcUser) -> agora::Rtc {
    let channel = agora::ChannelName::new(CHANNEL).expect("valid");
    agora::Rtc { channel, user, rights: agora::Rights::of_role(agora::Role::Publisher, ttl()) }
}

pub(crate) fn uid() -> agora::RtcUser {
    agora::RtcUser::Uid(agora::Uid::new(UID.into()).expect("valid"))
}

pub(crate) fn account(name: &str) -> agora::RtcUser {
    agora::RtcUser::Account(agora::UserAccount::new(name).expect("valid"))
}

pub(crate) fn rtm_user() -> agora::RtmUserId {
    agora::RtmUserId::new(USER).expect("valid")
}

pub(crate) fn chat_user() -> agora::ChatUserId {
    agora::ChatUserId::new(USER).expect("valid")
}

pub(crate) fn permissions(resources: usize) -> Permissions {
    let names = (0..resources).map(|n| agora::ResourceName::new(format!("channel-{n:04}")).expect("valid")).collect();
    let mut permissions = Permissions::default();
    permissions.permit(Resource::MessageChannels, Permission::Read, names).expect("not too many");
    permissions
}

pub(crate) fn room(streams: usize) -> zego::Room {
    let streams = (0..streams).map(|n| zego::StreamId::new(format!("stream-{n:04}")).expect("valid")).collect();
    zego::Room {
        user: zego::UserId::new(USER).expect("valid"),
        room: zego::RoomId::new(CHANNEL).expect("valid"),
        privileges: RoomPrivileges { login: true, publish: true },
        stream_ids: StreamIds::new(streams).expect("not too many"),
        ttl: ttl(),
    }
}

/// All kinds of the crate. Some come in two sizes.
pub(crate) fn all() -> Vec<Kind> {
    let ttl = ttl();
    let channel = || agora::ChannelName::new(CHANNEL).expect("valid");
    let apaas_user = || agora::UserUuid::new(USER).expect("valid");
    let rtm = |version| agora::Rtm { user: rtm_user(), ttl, version };
    let audio_only = Privileges {
        join_channel: ttl,
        publish_audio: Some(Ttl::from_seconds(600).expect("valid")),
        publish_video: None,
        publish_data_stream: None,
    };
    vec![
        Kind::v007("agora-chat-app", &agora::ChatApp { ttl }),
        Kind::v007("agora-chat-user", &agora::ChatUser { user: chat_user(), ttl }),
        Kind::v007("agora-rtm", &rtm(agora::Version::V007)),
        Kind::v007("agora-rtc", &rtc(uid())),
        Kind::v007("agora-rtc/account", &rtc(account(USER))),
        Kind::v007(
            "agora-rtc/privileges",
            &agora::Rtc { rights: agora::Rights::new(ttl, audio_only).expect("none is longer"), ..rtc(uid()) },
        ),
        Kind::v007(
            "agora-rtc/with-rtm-chat",
            &agora::Bundle { rtc: rtc(account(USER)), rtm: Some(rtm_user()), chat: Some(chat_user()) },
        ),
        Kind::v007("agora-convoai", &agora::Agent::of_product(agora::Product::ConvoAi, rtc(uid()), rtm_user())),
        Kind::v007("agora-rtm2", &agora::Rtm2 { user: rtm_user(), permissions: permissions(3), ttl }),
        of_a_long_list(Kind::v007(
            "agora-rtm2/1024",
            &agora::Rtm2 { user: rtm_user(), permissions: permissions(1024), ttl },
        )),
        Kind::v007(
            "agora-streaming",
            &agora::Streaming {
                channel: channel(),
                account: account(USER),
                publish_mixed_stream: Some(ttl),
                publish_raw_stream: Some(ttl),
                ttl,
            },
        ),
        Kind::v007(
            "agora-fcdn",
            &agora::Fcdn { channel: channel(), account: account(USER), publish: Some(ttl), play: Some(ttl), ttl },
        ),
        Kind::v007("agora-fpa", &agora::Fpa),
        Kind::v007_with_md5(
            "agora-apaas-room-user",
            &agora::ApaasRoomUser {
                room: agora::RoomUuid::new(CHANNEL).expect("valid"),
                user: apaas_user(),
                role: agora::ApaasRole::new(1).expect("valid"),
                ttl,
            },
            USER,
        ),
        Kind::v007("agora-apaas-user", &agora::ApaasUser { user: apaas_user(), ttl }),
        Kind::v007("agora-apaas-app", &agora::ApaasApp { ttl }),
        Kind::v006("agora-rtm/006", &rtm(agora::Version::V006), USER, ""),
        Kind::v006("agora-rtc/006", &agora::RtcV006(rtc(uid())), CHANNEL, &UID.to_string()),
        Kind::v04("zego-basic", &zego::Basic { user: zego::UserId::new(USER).expect("valid"), ttl }),
        Kind::v04("zego-room", &room(0)),
        of_a_long_list(Kind::v04("zego-room/100-streams", &room(100))),
        Kind::v04("zego-zim", &zego::Zim { user: zego::ZimUserId::new(USER).expect("valid"), ttl }),
    ]
}
