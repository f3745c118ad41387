//! The settings of the policy: who may have which token.

use super::{ConfigError, Variables, error};
use tokens::Ttl;

/// Who may have which token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Policy {
    /// The JWT claim that is the caller's user id.
    pub(crate) user_id_claim: String,
    pub(crate) user_id_form: UserIdForm,
    /// The claim that lists the rooms a caller may enter. `None`: every caller may enter every room.
    pub(crate) rooms_claim: Option<String>,
    /// The claim with a caller's own numeric RTC uid. `None`: every caller has only the assigned uid.
    pub(crate) rtc_uid_claim: Option<String>,
    /// The scope that a caller needs to publish. `None`: every signed-in caller may publish.
    pub(crate) publish_scope: Option<String>,
    /// Whether callers get RTM tokens although rooms are limited. An RTM token opens every message channel.
    pub(crate) rtm_beyond_rooms: bool,
    /// Whether callers get RTM tokens of version `006`. Agora accepts such a token for 24 hours, whatever its
    /// own lifetime is.
    pub(crate) rtm_006: bool,
    pub(crate) default_ttl: Ttl,
    pub(crate) max_ttl: Ttl,
}

/// How the claim becomes the vendors' user id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UserIdForm {
    /// As it is.
    Verbatim,
    /// In lower case. Chat refuses upper case, and Firebase ids contain it.
    Lower,
    /// A UUID without its hyphens. It has 32 characters, the most that ZIM takes. Cognito's `sub` is longer.
    Uuid,
    /// See [`tokens::hashed_user_id`]. For ids that a vendor refuses, such as Auth0's.
    Hash,
}

impl Policy {
    /// Every variable that is read.
    pub(super) const VARIABLES: [&str; 9] = [
        "USER_ID_CLAIM",
        "USER_ID_FORM",
        "ROOMS_CLAIM",
        "RTC_UID_CLAIM",
        "PUBLISH_SCOPE",
        "RTM_006",
        "RTM_BEYOND_ROOMS",
        "DEFAULT_TOKEN_TTL_SECONDS",
        "MAX_TOKEN_TTL_SECONDS",
    ];

    pub(super) fn parse(variables: &Variables<'_>) -> Result<Policy, ConfigError> {
        let get = |name| variables.get(name);
        let ttl = |name, default| {
            let rule = |_| error(name, "must be 1 to 86400 seconds");
            Ttl::from_seconds(variables.seconds(name, default)?).map_err(rule)
        };
        let max_ttl = ttl("MAX_TOKEN_TTL_SECONDS", 86_400)?;
        // If the maximum is below 3600 s and no default is set, the maximum is also the default.
        let default_ttl = ttl("DEFAULT_TOKEN_TTL_SECONDS", 3600.min(max_ttl.as_seconds().into()))?;
        if default_ttl > max_ttl {
            return Err(error("DEFAULT_TOKEN_TTL_SECONDS", "must not be more than MAX_TOKEN_TTL_SECONDS"));
        }
        let user_id_form = match get("USER_ID_FORM").unwrap_or("verbatim") {
            "verbatim" => UserIdForm::Verbatim,
            "lower" => UserIdForm::Lower,
            "uuid" => UserIdForm::Uuid,
            "hash" => UserIdForm::Hash,
            _ => return Err(error("USER_ID_FORM", "must be verbatim, lower, uuid or hash")),
        };
        Ok(Policy {
            user_id_claim: get("USER_ID_CLAIM").unwrap_or("sub").to_owned(),
            user_id_form,
            rooms_claim: get("ROOMS_CLAIM").map(str::to_owned),
            rtc_uid_claim: get("RTC_UID_CLAIM").map(str::to_owned),
            publish_scope: get("PUBLISH_SCOPE").map(str::to_owned),
            rtm_beyond_rooms: variables.allowed("RTM_BEYOND_ROOMS", "refused")?,
            rtm_006: variables.allowed("RTM_006", "allowed")?,
            default_ttl,
            max_ttl,
        })
    }
}
