//! What `inspect` found out about a text. `--json` prints this; `show` prints it for people.

use crate::cli::Sdk;
use crate::sdk::{Fault, SdkError};
use serde::Serialize;
use serde_json::{Map, Value};

/// All findings about one text.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) verdict: Verdict,
    /// The moment for which the token is explained, in Unix seconds.
    pub(crate) now: i64,
    /// The token's fields, if it can be read.
    pub(crate) token: Option<View>,
    pub(crate) signature: Signature,
    /// What speaks against it. The most serious comes first.
    pub(crate) reasons: Vec<Reason>,
    /// What could not be checked, because an option is missing.
    pub(crate) unchecked: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// Nothing that was checked speaks against it.
    Good,
    /// An SDK would refuse it.
    Refused,
    /// It is not a token, or it cannot be read.
    Unreadable,
}

/// A token's fields. They have the same names in all three formats. Moments are Unix seconds; lengths are seconds.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct View {
    /// `006`, `007` or `04`.
    pub(crate) format: &'static str,
    pub(crate) vendor: &'static str,
    #[serde(skip)]
    pub(crate) title: &'static str,
    /// A `04` token hides it unless the server secret is given.
    pub(crate) app_id: Option<String>,
    pub(crate) issued_at: Option<i64>,
    pub(crate) expires_at: i64,
    /// Negative after its end.
    pub(crate) expires_in: i64,
    pub(crate) lifetime: Option<i64>,
    /// Only Agora's tokens have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) salt: Option<u32>,
    /// Only ZEGO's tokens have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) nonce: Option<i64>,
    pub(crate) services: Vec<ServiceView>,
}

/// One service in a token.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ServiceView {
    pub(crate) service: &'static str,
    /// Its number in a `007` token.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(crate) number: Option<u16>,
    /// Who and where: `channel`, `uid`, `user_id` and so on.
    #[serde(flatten)]
    pub(crate) fields: Map<String, Value>,
    pub(crate) privileges: Vec<PrivilegeView>,
}

/// One privilege of a service.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PrivilegeView {
    pub(crate) number: u16,
    pub(crate) name: &'static str,
    pub(crate) granted: bool,
    /// When it ends: its own end or the token's, the earlier of the two.
    pub(crate) expires_at: i64,
    pub(crate) expires_in: i64,
}

/// Whether the vendor's key made the token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "lowercase")]
pub(crate) enum Signature {
    Genuine,
    Wrong,
    /// Not checked, for this reason.
    Unchecked {
        because: String,
    },
}

/// One thing that speaks against a token.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Reason {
    /// Its name. It never changes.
    pub(crate) code: Code,
    pub(crate) severity: Severity,
    /// What is wrong.
    pub(crate) message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) advice: Option<String>,
    /// What the service says of it. Only `whoami` has this.
    // Boxed: a reason is also an error, and only the reasons of `whoami` have this large part.
    #[serde(flatten)]
    pub(crate) service: Option<Box<OfService>>,
    /// The error codes that SDKs show for it.
    pub(crate) errors: Vec<SdkError>,
}

/// What a reason has to do with the service.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct OfService {
    /// The rule that the JWT breaks, in the words of the service's log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rule: Option<String>,
    /// The status of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    /// The settings that decide here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) settings: Vec<Setting>,
}

/// A setting of the service, and of the stack. Some have only one of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Setting {
    /// The environment variable.
    pub(crate) variable: &'static str,
    /// The template's parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) parameter: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    /// An SDK refuses the token because of this.
    Refused,
    /// It works, but perhaps not as meant, or only in some apps.
    Warning,
    /// Worth knowing.
    Note,
}

/// The names of all reasons. They never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Code {
    // The text is not a token.
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
    // Something stands around a token, or it has damage that we can undo.
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
    // What the token says.
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
    TeachDenied,
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
    PermissionChecksOff,
    // What `whoami` says of a JWT, beside some of the names above.
    VendorToken,
    OpaqueToken,
    EncryptedJwt,
    SeveralJwts,
    MalformedJwt,
    WrongAlgorithm,
    GatewayAlgorithm,
    NoKeyId,
    UnknownKey,
    OtherAlgorithm,
    SeveralKeys,
    WrongSignature,
    WrongIssuer,
    WrongDate,
    IdToken,
    WrongAudience,
    MissingScope,
    BackendScope,
    RefusedClaim,
    NoUserId,
    NotAUuid,
    IdRefused,
    NoRooms,
    NoUid,
    MachineToken,
    AnonymousUser,
    Impersonated,
    LimitedRooms,
    FlatClaims,
}

impl Reason {
    pub(crate) fn new(severity: Severity, code: Code, message: impl Into<String>) -> Reason {
        Reason { code, severity, message: message.into(), advice: None, service: None, errors: Vec::new() }
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

    /// Adds the service's rule, and the status with which it answers.
    pub(crate) fn rule(mut self, rule: String, status: u16) -> Reason {
        let service = self.service.get_or_insert_default();
        (service.rule, service.status) = (Some(rule), Some(status));
        self
    }

    /// Adds settings that it depends on.
    pub(crate) fn settings(mut self, settings: &[Setting]) -> Reason {
        self.service.get_or_insert_default().settings.extend(settings);
        self
    }

    /// Adds the error codes of these SDKs.
    pub(crate) fn seen_as(mut self, fault: Fault, sdks: &[Sdk]) -> Reason {
        self.errors.extend(sdks.iter().map(|sdk| sdk.error(fault)));
        self
    }
}

impl Report {
    /// The report about a token that could be read.
    pub(crate) fn of_token(now: i64, findings: Findings) -> Report {
        let Findings { token, signature, mut reasons, unchecked } = findings;
        reasons.sort_by_key(|reason| reason.severity);
        let refused = reasons.iter().any(|reason| reason.severity == Severity::Refused);
        let verdict = if refused { Verdict::Refused } else { Verdict::Good };
        Report { verdict, now, token: Some(token), signature, reasons, unchecked }
    }

    /// The report about a text that is not a token.
    pub(crate) fn of_no_token(now: i64, reasons: Vec<Reason>) -> Report {
        let signature = Signature::Unchecked { because: "there is no token to check".to_owned() };
        Report { verdict: Verdict::Unreadable, now, token: None, signature, reasons, unchecked: Vec::new() }
    }
}

/// What we found in a token's fields.
#[derive(Debug)]
pub(crate) struct Findings {
    pub(crate) token: View,
    pub(crate) signature: Signature,
    pub(crate) reasons: Vec<Reason>,
    pub(crate) unchecked: Vec<String>,
}
