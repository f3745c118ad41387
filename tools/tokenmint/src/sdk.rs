//! The SDKs, and the numbers with which they refuse.

use crate::cli::Sdk;
use serde::Serialize;

/// What an SDK finds wrong, as coarse as the vendors' numbers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Anything that has no number of its own.
    Invalid,
    Expired,
    /// Not expired yet, but the SDK speaks up.
    WillExpire,
    Format,
    Version,
    AppId,
    UserId,
    Nonce,
    /// Lives less than ZIM wants.
    TooShort,
}

/// The number that an app sees, with the vendor's words for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct SdkError {
    pub(crate) sdk: Sdk,
    pub(crate) code: i64,
    pub(crate) name: &'static str,
}

impl Sdk {
    /// Those of Agora.
    pub(crate) const AGORA: [Sdk; 3] = [Sdk::Rtc, Sdk::Rtm, Sdk::Chat];
    /// Those of ZEGO.
    pub(crate) const ZEGO: [Sdk; 2] = [Sdk::Express, Sdk::Zim];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Sdk::Rtc => "RTC",
            Sdk::Rtm => "RTM",
            Sdk::Rtm1 => "RTM 1.x",
            Sdk::Chat => "Chat",
            Sdk::Express => "Express",
            Sdk::Zim => "ZIM",
        }
    }

    pub(crate) fn is_zego(self) -> bool {
        matches!(self, Sdk::Express | Sdk::Zim)
    }

    /// The number for a fault. The vendors' own error tables have them: Agora's RTC `ERROR_CODE_TYPE`, Signaling 2.x
    /// and 1.x (log-in), Chat's `EMErrorCode`; ZEGO's Express (`ZegoErrorCode`) and ZIM (`ZIMErrorCode`).
    pub(crate) fn error(self, fault: Fault) -> SdkError {
        let (code, name) = match (self, fault) {
            (Sdk::Rtc, Fault::Expired) => (109, "token expired"),
            (Sdk::Rtc, _) => (110, "invalid token"),
            (Sdk::Rtm, Fault::Expired) => (-10009, "token expired"),
            (Sdk::Rtm, _) => (-10005, "invalid token"),
            (Sdk::Rtm1, Fault::Expired) => (6, "token expired"),
            (Sdk::Rtm1, _) => (5, "invalid token"),
            (Sdk::Chat, Fault::Expired) => (108, "token expired"),
            (Sdk::Chat, Fault::WillExpire) => (109, "token will expire"),
            (Sdk::Chat, _) => (104, "invalid token"),
            (Sdk::Express, Fault::Format) => (1_002_075, "token format error"),
            (Sdk::Express, Fault::AppId) => (1_002_076, "token app id error"),
            (Sdk::Express, Fault::UserId) => (1_002_077, "token user id error"),
            (Sdk::Express, Fault::Expired) => (1_002_078, "token expired"),
            (Sdk::Express, Fault::Version) => (1_002_079, "token version error"),
            (Sdk::Express, Fault::Nonce) => (1_002_080, "token nonce error"),
            (Sdk::Express, _) => (1_002_033, "login refused"),
            (Sdk::Zim, Fault::Expired) => (6_000_106, "token expired"),
            (Sdk::Zim, Fault::Version) => (6_000_107, "token version error"),
            (Sdk::Zim, Fault::TooShort) => (6_000_108, "token time too short"),
            (Sdk::Zim, _) => (6_000_103, "token invalid"),
        };
        SdkError { sdk: self, code, name }
    }
}
