//! What is found out about a text, before anybody decides how to show it. Its JSON is what `--json` prints.

use crate::cli::Sdk;
use crate::sdk::{Fault, SdkError};
use serde::Serialize;
use serde_json::{Map, Value};

/// Everything.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) verdict: Verdict,
    /// The moment as of which it is explained, in Unix seconds.
    pub(crate) now: i64,
    /// What stands in the token, if it can be read at all.
    pub(crate) token: Option<View>,
    pub(crate) signature: Signature,
    /// What speaks against it, the gravest first.
    pub(crate) reasons: Vec<Reason>,
    /// What could be checked if more were known.
    pub(crate) unchecked: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// Nothing that was checked speaks against it.
    Good,
    /// An SDK would refuse it.
    Refused,
    /// It is no token that can be read.
    Unreadable,
}

/// A token's fields under the same names in all three formats. Moments are Unix seconds, other times seconds.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct View {
    /// `006`, `007` or `04`.
    pub(crate) format: &'static str,
    pub(crate) vendor: &'static str,
    #[serde(skip)]
    pub(crate) title: &'static str,
    /// Sealed in a `04` token until its secret is given.
    pub(crate) app_id: Option<String>,
    pub(crate) issued_at: Option<i64>,
    pub(crate) expires_at: i64,
    /// Negative after its end.
    pub(crate) expires_in: i64,
    pub(crate) lifetime: Option<i64>,
    /// Agora's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) salt: Option<u32>,
    /// ZEGO's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) nonce: Option<i64>,
    pub(crate) services: Vec<ServiceView>,
}

/// One service.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ServiceView {
    pub(crate) service: &'static str,
    /// Its number on the wire, in a `007` token.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(crate) number: Option<u16>,
    /// For whom and where: `channel`, `uid`, `user_id`...
    #[serde(flatten)]
    pub(crate) fields: Map<String, Value>,
    pub(crate) privileges: Vec<PrivilegeView>,
}

/// One privilege.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PrivilegeView {
    pub(crate) number: u16,
    pub(crate) name: &'static str,
    pub(crate) granted: bool,
    /// When it ends, or the token if that is earlier.
    pub(crate) expires_at: i64,
    pub(crate) expires_in: i64,
}

/// Whether the vendor's key made the token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "lowercase")]
pub(crate) enum Signature {
    Genuine,
    Wrong,
    /// Nobody can say, for this want.
    Unchecked {
        because: String,
    },
}

/// One thing that speaks against a token.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Reason {
    /// Its stable name.
    pub(crate) code: Code,
    pub(crate) severity: Severity,
    /// What is the matter.
    pub(crate) message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) advice: Option<String>,
    /// The numbers with which SDKs say it.
    pub(crate) errors: Vec<SdkError>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    /// An SDK refuses it for this.
    Refused,
    /// It works, and is not what somebody wants; or it works in some apps only.
    Warning,
    /// Worth knowing.
    Note,
}

/// The stable names of all reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Code {
    // No token.
    Empty,
    Placeholder,
    Shortened,
    KeyInsteadOfToken,
    NumberInsteadOfToken,
    UuidInsteadOfToken,
    Jwt,
    OldAgoraToken,
    OldZegoToken,
    ChatRestToken,
    ErrorAnswer,
    JsonWithoutToken,
    Web,
    CutAtEnd,
    Garbled,
    TooLong,
    NotAToken,
    // Around a token, or damage that could be undone.
    CutAtStart,
    UrlEncoded,
    Base64Url,
    Base64Twice,
    PlusBecameSpace,
    LineBreaks,
    InvisibleCharacters,
    PaddingLost,
    EscapedSlashes,
    Quoted,
    Bearer,
    InsideJson,
    Surrounded,
    // What it says.
    Expired,
    NotYetIssued,
    MomentAsLifetime,
    LifetimeAsMoment,
    Milliseconds,
    #[serde(rename = "over-24-hours")]
    Over24Hours,
    TooLongForZim,
    TooShortForZim,
    ExpiresSoon,
    PrivilegeEnded,
    PrivilegeZero,
    NoPrivilege,
    LoginDenied,
    PublishDenied,
    NoServices,
    UnknownService,
    WrongAppId,
    MalformedAppId,
    WrongCertificate,
    WrongSecret,
    ExpiryMismatch,
    BadNonce,
    BadPayload,
    WrongChannel,
    WrongUser,
    AccountJoinedAsNumber,
    NumberJoinedAsAccount,
    LeadingZeros,
    SignedUid,
    Wildcard,
    NameRule,
    AppToken,
    OtherVendor,
    MissingService,
    WrongVersion,
    RtmLivesADay,
    UnusualMessage,
    OpensRestApis,
    RoomChecksOff,
}

impl Reason {
    pub(crate) fn new(severity: Severity, code: Code, message: impl Into<String>) -> Reason {
        Reason { code, severity, message: message.into(), advice: None, errors: Vec::new() }
    }

    pub(crate) fn refused(code: Code, message: impl Into<String>) -> Reason {
        Reason::new(Severity::Refused, code, message)
    }

    pub(crate) fn warning(code: Code, message: impl Into<String>) -> Reason {
        Reason::new(Severity::Warning, code, message)
    }

    pub(crate) fn note(code: Code, message: impl Into<String>) -> Reason {
        Reason::new(Severity::Note, code, message)
    }

    pub(crate) fn advice(mut self, advice: impl Into<String>) -> Reason {
        self.advice = Some(advice.into());
        self
    }

    /// How these SDKs say it.
    pub(crate) fn seen_as(mut self, fault: Fault, sdks: &[Sdk]) -> Reason {
        self.errors.extend(sdks.iter().map(|sdk| sdk.error(fault)));
        self
    }
}

impl Report {
    /// Of a token that could be read.
    pub(crate) fn of_token(now: i64, findings: Findings) -> Report {
        let Findings { token, signature, mut reasons, unchecked } = findings;
        reasons.sort_by_key(|reason| reason.severity);
        let refused = reasons.iter().any(|reason| reason.severity == Severity::Refused);
        let verdict = if refused { Verdict::Refused } else { Verdict::Good };
        Report { verdict, now, token: Some(token), signature, reasons, unchecked }
    }

    /// Of a text that is none.
    pub(crate) fn of_no_token(now: i64, reasons: Vec<Reason>) -> Report {
        let signature = Signature::Unchecked { because: "there is no token to check".to_owned() };
        Report { verdict: Verdict::Unreadable, now, token: None, signature, reasons, unchecked: Vec::new() }
    }
}

/// What reading a token's fields has brought up.
#[derive(Debug)]
pub(crate) struct Findings {
    pub(crate) token: View,
    pub(crate) signature: Signature,
    pub(crate) reasons: Vec<Reason>,
    pub(crate) unchecked: Vec<String>,
}
