//! The SDKs, and the error codes that they show for a refused token.

use crate::cli::Sdk;
use serde::Serialize;

/// What an SDK finds wrong. It is as coarse as the vendors' error codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Anything that has no error code of its own.
    Invalid,
    Expired,
    /// Not expired yet, but the SDK warns.
    WillExpire,
    Format,
    Version,
    AppId,
    UserId,
    Nonce,
    /// Its lifetime is too short for ZIM.
    TooShort,
}

/// The error code that an app sees, with the vendor's name for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct SdkError {
    pub(crate) sdk: Sdk,
    pub(crate) code: i64,
    pub(crate) name: &'static str,
}

impl Sdk {
    /// Agora's SDKs.
    pub(crate) const AGORA: [Sdk; 3] = [Sdk::Rtc, Sdk::Rtm, Sdk::Chat];
    /// ZEGO's SDKs.
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

    /// The error code for a fault, from the vendors' error tables: Agora's RTC `ERROR_CODE_TYPE`, Signaling 2.x
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
