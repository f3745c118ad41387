//! The configured policy, and the credentials.

use arbitrary::Arbitrary;
use tokens::{agora, zego};

/// The configured policy.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    pub(crate) user_id_claim: String,
    pub(crate) form: Form,
    pub(crate) rooms_claim: Option<String>,
    pub(crate) rtc_uid_claim: Option<String>,
    pub(crate) publish_scope: Option<String>,
    /// The scope for every role in a classroom other than student and observer.
    pub(crate) teacher_scope: Option<String>,
    /// The claim with the scopes, if one is configured.
    pub(crate) scope_claim: Option<String>,
    /// A claim, and the value that makes its user nobody.
    pub(crate) refused_claim: Option<(String, String)>,
    /// Which RTM tokens users with limited rooms get.
    pub(crate) rtm_beyond_rooms: RtmBeyondRooms,
    /// Whether users get RTM tokens of version 006.
    pub(crate) rtm_006: bool,
    pub(crate) default_ttl: u32,
    pub(crate) max_ttl: u32,
    /// How many seconds a token may outlive the JWT.
    pub(crate) max_seconds_beyond_jwt: Option<u32>,
    /// How many tokens a user gets in a minute. 0: any number.
    pub(crate) mints_per_minute: u32,
    /// Whether the drop-in routes are switched on.
    pub(crate) drop_in: bool,
    /// The audience of JWTs in a query, if they are allowed.
    pub(crate) query_audience: Option<String>,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            user_id_claim: "sub".to_owned(),
            form: Form::Verbatim,
            rooms_claim: None,
            rtc_uid_claim: None,
            publish_scope: None,
            teacher_scope: None,
            scope_claim: None,
            refused_claim: None,
            rtm_beyond_rooms: RtmBeyondRooms::Refused,
            rtm_006: true,
            default_ttl: 3600,
            max_ttl: 86_400,
            max_seconds_beyond_jwt: None,
            mints_per_minute: 0,
            drop_in: true,
            query_audience: None,
        }
    }
}

/// The value of `RTM_BEYOND_ROOMS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RtmBeyondRooms {
    /// `refused`
    Refused,
    /// `allowed`
    Allowed,
    /// `permissions`
    Permissions,
}

/// The value of `USER_ID_FORM`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Arbitrary)]
pub(crate) enum Form {
    /// `verbatim`
    Verbatim,
    /// `lower`
    Lower,
    /// `uuid`
    Uuid,
    /// `hash`
    // Not drawn like the others, because inputs that are kept would get other forms.
    #[arbitrary(skip)]
    Hash,
}

impl Limits {
    /// The variables that configure a function so.
    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        let form = match self.form {
            Form::Verbatim => "verbatim",
            Form::Lower => "lower",
            Form::Uuid => "uuid",
            Form::Hash => "hash",
        };
        let rtm_beyond_rooms = match self.rtm_beyond_rooms {
            RtmBeyondRooms::Refused => "refused",
            RtmBeyondRooms::Allowed => "allowed",
            RtmBeyondRooms::Permissions => "permissions",
        };
        let allowed = |allowed: bool| if allowed { "allowed" } else { "refused" }.to_owned();
        let or_unset = |name: &Option<String>| name.clone().unwrap_or_default();
        vec![
            ("IDENTITY", "gateway".to_owned()),
            ("USER_ID_CLAIM", self.user_id_claim.clone()),
            ("USER_ID_FORM", form.to_owned()),
            ("ROOMS_CLAIM", or_unset(&self.rooms_claim)),
            ("RTC_UID_CLAIM", or_unset(&self.rtc_uid_claim)),
            ("PUBLISH_SCOPE", or_unset(&self.publish_scope)),
            ("TEACHER_SCOPE", or_unset(&self.teacher_scope)),
            ("SCOPE_CLAIM", or_unset(&self.scope_claim)),
            ("REFUSED_CLAIMS", or_unset(&self.refused_claim.as_ref().map(|(claim, value)| format!("{claim}={value}")))),
            ("MAX_SECONDS_BEYOND_JWT", or_unset(&self.max_seconds_beyond_jwt.map(|seconds| seconds.to_string()))),
            ("MINTS_PER_MINUTE", self.mints_per_minute.to_string()),
            ("RTM_BEYOND_ROOMS", rtm_beyond_rooms.to_owned()),
            ("RTM_006", allowed(self.rtm_006)),
            ("DEFAULT_TOKEN_TTL_SECONDS", self.default_ttl.to_string()),
            ("MAX_TOKEN_TTL_SECONDS", self.max_ttl.to_string()),
            ("DROP_IN", self.drop_in.to_string()),
            ("UIKIT_JWT_IN_QUERY", self.query_audience.is_some().to_string()),
            ("UIKIT_JWT_AUDIENCE", or_unset(&self.query_audience)),
            ("JWT_AUDIENCE", or_unset(&self.query_audience.as_ref().map(|_| AUDIENCE_OF_HEADERS.to_owned()))),
        ]
    }
}

/// The audience of JWTs in headers, where a JWT may also be in a query.
pub(crate) const AUDIENCE_OF_HEADERS: &str = "api";

/// As in `credentials.json`. The two secrets are random and open nothing. No input holds one of them by accident. So if
/// an answer holds one, it has leaked.
pub(super) const APP_ID: &str = "00000000000000000000000000000000";
pub(crate) const APP_CERTIFICATE: &str = "a91c4e07d2f35b8860e7b3d94f1a25c6";
pub(super) const ZEGO_APP_ID: u64 = 1_234_567_890;
pub(crate) const SERVER_SECRET: &str = "q7Vw2Kx9Zt4Rb8Ln3Hs6Yd1Mf5Pg0Cja";

/// The Agora key of all fuzzed functions.
pub(crate) fn agora_key() -> agora::Key {
    agora::Key {
        app_id: agora::AppId::new(APP_ID).expect("an app id"),
        app_certificate: agora::AppCertificate::new(APP_CERTIFICATE).expect("a certificate"),
    }
}

/// The ZEGO key.
pub(crate) fn zego_key() -> zego::Key {
    zego::Key {
        app_id: zego::AppId::new(ZEGO_APP_ID).expect("an app id"),
        server_secret: zego::ServerSecret::new(SERVER_SECRET).expect("a secret"),
    }
}
