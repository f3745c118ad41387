//! Agora's services and their privileges: the numbers on the wire, and a name for each. They stand here and nowhere
//! else.

use serde::{Serialize, Serializer};

/// A service that a `007` token can open. Agora's Tools repository gives the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u16)]
pub enum ServiceType {
    /// Real-time audio and video.
    Rtc = 1,
    /// RTM (Signaling), SDK 1.x and 2.x.
    Rtm = 2,
    /// The streaming gateway.
    Streaming = 3,
    /// The Full-Path Accelerator.
    Fpa = 4,
    /// Chat.
    Chat = 5,
    /// The Fusion CDN.
    Fcdn = 6,
    /// Flexible Classroom (APaaS).
    Apaas = 7,
    /// RTM with permissions for each resource.
    Rtm2 = 8,
    /// Conversational AI.
    ConvoAi = 9,
    /// Real-time speech to text.
    Stt = 10,
}

impl ServiceType {
    /// Every service, ascending by number.
    pub const ALL: [ServiceType; 10] = [
        ServiceType::Rtc,
        ServiceType::Rtm,
        ServiceType::Streaming,
        ServiceType::Fpa,
        ServiceType::Chat,
        ServiceType::Fcdn,
        ServiceType::Apaas,
        ServiceType::Rtm2,
        ServiceType::ConvoAi,
        ServiceType::Stt,
    ];

    /// The service with this number, if there is one.
    pub fn from_number(number: u16) -> Option<ServiceType> {
        ServiceType::ALL.into_iter().find(|service| service.number() == number)
    }

    /// Its number on the wire.
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// Its name in lower case, such as `rtc`.
    pub const fn name(self) -> &'static str {
        match self {
            ServiceType::Rtc => "rtc",
            ServiceType::Rtm => "rtm",
            ServiceType::Streaming => "streaming",
            ServiceType::Fpa => "fpa",
            ServiceType::Chat => "chat",
            ServiceType::Fcdn => "fcdn",
            ServiceType::Apaas => "apaas",
            ServiceType::Rtm2 => "rtm2",
            ServiceType::ConvoAi => "convoai",
            ServiceType::Stt => "stt",
        }
    }

    /// The privileges that it knows, ascending by number.
    pub const fn privileges(self) -> &'static [Privilege] {
        match self {
            ServiceType::Rtc => &[
                Privilege::JOIN_CHANNEL,
                Privilege::PUBLISH_AUDIO,
                Privilege::PUBLISH_VIDEO,
                Privilege::PUBLISH_DATA_STREAM,
            ],
            ServiceType::Rtm | ServiceType::Fpa | ServiceType::Rtm2 => &[Privilege::LOGIN],
            ServiceType::Streaming => &[Privilege::PUBLISH_MIXED_STREAM, Privilege::PUBLISH_RAW_STREAM],
            ServiceType::Chat => &[Privilege::CHAT_USER, Privilege::CHAT_APP],
            ServiceType::Fcdn => &[Privilege::FCDN_PUBLISH, Privilege::FCDN_PLAY],
            ServiceType::Apaas => &[Privilege::APAAS_ROOM_USER, Privilege::APAAS_USER, Privilege::APAAS_APP],
            ServiceType::ConvoAi | ServiceType::Stt => &[],
        }
    }

    /// The privilege of this service with this number, if there is one.
    pub fn privilege(self, number: u16) -> Option<Privilege> {
        self.privileges().iter().copied().find(|privilege| privilege.number == number)
    }
}

/// As its number.
impl Serialize for ServiceType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u16(self.number())
    }
}

/// What a service lets its user do. Each service counts its own privileges, so a number means nothing without its
/// service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Privilege {
    /// Its number on the wire.
    pub number: u16,
    /// Its name, such as `join_channel`.
    pub name: &'static str,
}

impl Privilege {
    /// RTC: enter the channel.
    pub const JOIN_CHANNEL: Privilege = Privilege::new(1, "join_channel");
    /// RTC: send audio.
    pub const PUBLISH_AUDIO: Privilege = Privilege::new(2, "publish_audio");
    /// RTC: send video.
    pub const PUBLISH_VIDEO: Privilege = Privilege::new(3, "publish_video");
    /// RTC: send messages on a data stream.
    pub const PUBLISH_DATA_STREAM: Privilege = Privilege::new(4, "publish_data_stream");
    /// RTM, RTM2 and FPA: log in.
    pub const LOGIN: Privilege = Privilege::new(1, "login");
    /// RTM in a `006` token, where all services share one list of numbers: log in.
    pub const LOGIN_006: Privilege = Privilege::new(1000, "login");
    /// Chat: log in as one user.
    pub const CHAT_USER: Privilege = Privilege::new(1, "user");
    /// Chat: do anything over REST.
    pub const CHAT_APP: Privilege = Privilege::new(2, "app");
    /// Streaming: publish a stream for Agora's servers to mix.
    pub const PUBLISH_MIXED_STREAM: Privilege = Privilege::new(1, "publish_mixed_stream");
    /// Streaming: publish a stream as it is.
    pub const PUBLISH_RAW_STREAM: Privilege = Privilege::new(2, "publish_raw_stream");
    /// FCDN: publish.
    pub const FCDN_PUBLISH: Privilege = Privilege::new(1, "publish");
    /// FCDN: play.
    pub const FCDN_PLAY: Privilege = Privilege::new(2, "play");
    /// APaaS: enter one room as one user.
    pub const APAAS_ROOM_USER: Privilege = Privilege::new(1, "room_user");
    /// APaaS: call its API as one user.
    pub const APAAS_USER: Privilege = Privilege::new(2, "user");
    /// APaaS: call its API for the whole app.
    pub const APAAS_APP: Privilege = Privilege::new(3, "app");

    const fn new(number: u16, name: &'static str) -> Privilege {
        Privilege { number, name }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn services_and_privileges_go_by_number_and_none_stands_twice() {
        assert!(ServiceType::ALL.is_sorted());
        let names: BTreeSet<_> = ServiceType::ALL.iter().map(|service| service.name()).collect();
        assert_eq!(names.len(), ServiceType::ALL.len());
        for service in ServiceType::ALL {
            assert_eq!(ServiceType::from_number(service.number()), Some(service));
            let numbers: Vec<_> = service.privileges().iter().map(|privilege| privilege.number).collect();
            assert!(numbers.is_sorted_by(|one, next| one < next), "{service:?}: {numbers:?}");
            for privilege in service.privileges() {
                assert_eq!(service.privilege(privilege.number), Some(*privilege));
            }
        }
        assert_eq!(ServiceType::from_number(0), None);
        assert_eq!(ServiceType::from_number(11), None);
        assert_eq!(ServiceType::Rtm.privilege(2), None);
    }
}
