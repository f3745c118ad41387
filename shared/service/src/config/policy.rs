//! The settings of the policy: who may have which token.

use super::{ConfigError, Variables, error};
use std::num::NonZeroU32;
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
    /// The scope that a caller needs for a role in a classroom other than student and observer, and for a token outside of
    /// any room. `None`: nobody gets such a token.
    pub(crate) teacher_scope: Option<String>,
    /// The claim with the caller's scopes. `None`: `scope` and `scp`, and what the gateway lists as scopes.
    pub(crate) scope_claim: Option<String>,
    /// A JWT that has one of these claims with this value proves no user.
    pub(crate) refused_claims: Vec<RefusedClaim>,
    /// Which RTM tokens a caller with limited rooms gets.
    pub(crate) rtm_beyond_rooms: RtmBeyondRooms,
    /// Whether ZIM has a ZEGO project of its own. Then no ZIM token opens a room of Express.
    pub(crate) zim_own_project: bool,
    /// Whether callers get RTM tokens of version `006`. Agora accepts such a token for 24 hours, whatever its
    /// own lifetime is.
    pub(crate) rtm_006: bool,
    pub(crate) default_ttl: Ttl,
    pub(crate) max_ttl: Ttl,
    /// How many seconds a token may live after the caller's JWT has ended. `None`: as long as it would without a JWT.
    pub(crate) max_seconds_beyond_jwt: Option<u32>,
    /// How many tokens one user gets in a minute from one process. `None`: no limit.
    pub(crate) mints_per_minute: Option<NonZeroU32>,
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

/// Which RTM tokens a caller with limited rooms gets. A token without permissions opens every message channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RtmBeyondRooms {
    /// No token.
    Refused,
    /// Tokens without permissions. Then the rooms do not limit RTM.
    Allowed,
    /// Tokens with permissions for the channels that the rooms claim lists by their full names.
    Permissions,
}

/// A claim, and a value that it must not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RefusedClaim {
    pub(crate) claim: String,
    pub(crate) value: String,
}

/// Whether each claim has its own type, or is a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claims {
    /// A claim may be an object with nested claims.
    Typed,
    /// The gateway sends every claim as a text. Nested claims cannot be read from it.
    Flat,
}

impl Policy {
    /// Every variable that is read.
    pub(super) const VARIABLES: [&str; 15] = [
        "USER_ID_CLAIM",
        "USER_ID_FORM",
        "ROOMS_CLAIM",
        "RTC_UID_CLAIM",
        "PUBLISH_SCOPE",
        "TEACHER_SCOPE",
        "SCOPE_CLAIM",
        "REFUSED_CLAIMS",
        "RTM_006",
        "RTM_BEYOND_ROOMS",
        "ZIM_PROJECT",
        "DEFAULT_TOKEN_TTL_SECONDS",
        "MAX_TOKEN_TTL_SECONDS",
        "MAX_SECONDS_BEYOND_JWT",
        "MINTS_PER_MINUTE",
    ];

    pub(super) fn parse(variables: &Variables<'_>, claims: Claims) -> Result<Policy, ConfigError> {
        let get = |name| variables.get(name);
        let refused_claims = get("REFUSED_CLAIMS").map_or(Ok(Vec::new()), refused_claims)?;
        if claims == Claims::Flat {
            let named = ["USER_ID_CLAIM", "RTC_UID_CLAIM", "ROOMS_CLAIM", "SCOPE_CLAIM"].map(|name| (name, get(name)));
            let refused = refused_claims.iter().map(|refused| ("REFUSED_CLAIMS", Some(&*refused.claim)));
            let mut all = named.into_iter().chain(refused);
            if let Some((variable, _)) = all.find(|(_, claim)| claim.is_some_and(is_path)) {
                return Err(error(variable, "must not name a nested claim: API Gateway does not pass it on"));
            }
        }
        if get("SCOPE_CLAIM").is_some() && get("PUBLISH_SCOPE").is_none() && get("TEACHER_SCOPE").is_none() {
            return Err(error("SCOPE_CLAIM", "needs PUBLISH_SCOPE or TEACHER_SCOPE, the scope to look for"));
        }
        let max_seconds_beyond_jwt = match get("MAX_SECONDS_BEYOND_JWT") {
            None => None,
            Some(_) => Some(variables.up_to("MAX_SECONDS_BEYOND_JWT", 0, 86_400, "seconds")?),
        };
        // Agora accepts a 006 token for 24 hours, so no setting can make its life shorter.
        if max_seconds_beyond_jwt.is_some() && get("RTM_006") == Some("allowed") {
            return Err(error(
                "RTM_006",
                "must not be allowed with MAX_SECONDS_BEYOND_JWT: a 006 token lives 24 hours",
            ));
        }
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
        let zim_own_project = match get("ZIM_PROJECT").unwrap_or("shared") {
            "shared" => false,
            "own" => true,
            _ => return Err(error("ZIM_PROJECT", "must be shared or own")),
        };
        let rooms_claim = get("ROOMS_CLAIM").map(str::to_owned);
        let rtm_beyond_rooms = match get("RTM_BEYOND_ROOMS").unwrap_or("refused") {
            "refused" => RtmBeyondRooms::Refused,
            "allowed" => RtmBeyondRooms::Allowed,
            "permissions" => RtmBeyondRooms::Permissions,
            _ => return Err(error("RTM_BEYOND_ROOMS", "must be refused, allowed or permissions")),
        };
        // Without the claim nobody's rooms are limited. So everybody would get a token for every channel.
        if rtm_beyond_rooms == RtmBeyondRooms::Permissions && rooms_claim.is_none() {
            return Err(error(
                "RTM_BEYOND_ROOMS",
                "must not be permissions without ROOMS_CLAIM, which lists the channels",
            ));
        }
        Ok(Policy {
            zim_own_project,
            user_id_claim: get("USER_ID_CLAIM").unwrap_or("sub").to_owned(),
            user_id_form,
            rooms_claim,
            rtc_uid_claim: get("RTC_UID_CLAIM").map(str::to_owned),
            publish_scope: variables.scope("PUBLISH_SCOPE")?,
            teacher_scope: variables.scope("TEACHER_SCOPE")?,
            scope_claim: get("SCOPE_CLAIM").map(str::to_owned),
            refused_claims,
            rtm_beyond_rooms,
            rtm_006: variables.allowed("RTM_006", "allowed")? && max_seconds_beyond_jwt.is_none(),
            default_ttl,
            max_ttl,
            max_seconds_beyond_jwt,
            mints_per_minute: NonZeroU32::new(variables.up_to("MINTS_PER_MINUTE", 60, 1_000_000, "tokens a minute")?),
        })
    }
}

/// Whether the name is a path to a nested claim, such as `app_metadata.rooms`. Auth0's names of top-level claims have dots
/// too, but they are URLs. So a dot counts only after the last `/` and `:`. In a URL that is a host alone, no dot counts.
fn is_path(claim: &str) -> bool {
    let host_alone = claim.split_once("://").is_some_and(|(_, rest)| !rest.contains(['/', ':']));
    !host_alone && claim.rsplit(['/', ':']).next().is_some_and(|last| last.contains('.'))
}

/// Reads pairs such as `is_anonymous=true`, with commas between them.
fn refused_claims(pairs: &str) -> Result<Vec<RefusedClaim>, ConfigError> {
    let rule = "must be pairs such as is_anonymous=true, comma-separated";
    let pairs = pairs.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    let refused = pairs.map(|pair| {
        let (claim, value) = pair.split_once('=').map(|(claim, value)| (claim.trim(), value.trim()))?;
        // A claim hardly has a value with such marks. So the setting would refuse nobody.
        let is_plain = !value.contains(['"', '\'', '=']);
        (!claim.is_empty() && !value.is_empty() && is_plain)
            .then(|| RefusedClaim { claim: claim.to_owned(), value: value.to_owned() })
    });
    // A setting without a pair would refuse nobody.
    let refused = refused.collect::<Option<Vec<_>>>().filter(|refused| !refused.is_empty());
    refused.ok_or_else(|| error("REFUSED_CLAIMS", rule))
}

#[cfg(test)]
mod tests {
    use super::super::tests::parse;
    use super::*;

    const SECRET: (&str, &str) = ("AGORA_SECRET_ID", "x");
    const JWT: [(&str, &str); 3] =
        [("IDENTITY", "jwt"), ("JWT_ISSUER", "https://id.example.com/"), ("JWT_AUDIENCE", "tokens.example.com")];

    fn policy(variables: &[(&str, &str)]) -> Result<Policy, String> {
        parse(&[&[SECRET][..], variables].concat()).map(|config| config.policy)
    }

    #[test]
    fn nothing_is_refused_and_each_user_gets_a_token_a_second_unless_the_deployer_says_otherwise() {
        let policy = policy(&[("MAX_SECONDS_BEYOND_JWT", ""), ("REFUSED_CLAIMS", "")]).expect("valid");
        assert_eq!((policy.scope_claim, policy.refused_claims, policy.max_seconds_beyond_jwt), (None, vec![], None));
        assert_eq!(policy.mints_per_minute.map(NonZeroU32::get), Some(60));
    }

    #[test]
    fn refused_claims_are_pairs() {
        let refused = |pairs: &str| {
            let policy = policy(&[&JWT[..], &[("REFUSED_CLAIMS", pairs)]].concat())?;
            let pairs = policy.refused_claims.into_iter().map(|pair| (pair.claim, pair.value));
            Ok::<Vec<_>, String>(pairs.collect())
        };
        let pair = |claim: &str, value: &str| (claim.to_owned(), value.to_owned());
        assert_eq!(refused("is_anonymous=true"), Ok(vec![pair("is_anonymous", "true")]));
        assert_eq!(
            refused(" is_anonymous = true, firebase.sign_in_provider=anonymous,"),
            Ok(vec![pair("is_anonymous", "true"), pair("firebase.sign_in_provider", "anonymous")])
        );
        assert_eq!(refused("https://app.example/kind=guest"), Ok(vec![pair("https://app.example/kind", "guest")]));
        let wrong = ["is_anonymous", "=true", "is_anonymous=", "is_anonymous=true,banned", ",", " , "];
        for wrong in wrong.into_iter().chain(["is_anonymous==true", "is_anonymous=\"true\"", "is_anonymous='true'"]) {
            let rule = "REFUSED_CLAIMS must be pairs such as is_anonymous=true, comma-separated";
            assert_eq!(refused(wrong), Err(rule.to_owned()), "{wrong}");
        }
    }

    /// The gateway sends `{"rooms":["a"]}` as a text that cannot be taken apart. So no nested claim is found in it.
    #[test]
    fn behind_the_gateway_no_setting_names_a_claim_within_another() {
        let publish = ("PUBLISH_SCOPE", "publish");
        for (variable, path) in [
            ("USER_ID_CLAIM", "user.id"),
            ("RTC_UID_CLAIM", "app_metadata.uid"),
            ("ROOMS_CLAIM", "app_metadata.rooms"),
            ("SCOPE_CLAIM", "realm_access.roles"),
            ("REFUSED_CLAIMS", "is_anonymous=true,firebase.sign_in_provider=anonymous"),
            ("REFUSED_CLAIMS", "https://app.example.com/meta.anonymous=true"),
            ("ROOMS_CLAIM", "https://hasura.io/jwt/claims.x-hasura-rooms"),
            ("ROOMS_CLAIM", "custom:meta.rooms"),
        ] {
            let rule = format!("{variable} must not name a nested claim: API Gateway does not pass it on");
            assert_eq!(policy(&[publish, (variable, path)]), Err(rule.clone()));
            assert_eq!(policy(&[publish, (variable, path), ("IDENTITY", "gateway")]), Err(rule));
            assert!(policy(&[&JWT[..], &[publish, (variable, path)]].concat()).is_ok(), "{variable}");
            assert!(policy(&[("IDENTITY", "none"), publish, (variable, path)]).is_ok(), "{variable}");
        }
        for whole in [
            "https://app.example.com/rooms",
            "https://example.com",
            "custom:rooms",
            "cognito:groups",
            "urn:example.com:rooms",
            "example.com/rooms",
        ] {
            assert!(policy(&[("ROOMS_CLAIM", whole)]).is_ok(), "{whole}");
        }
        assert!(policy(&[("REFUSED_CLAIMS", "version=1.0")]).is_ok(), "the value may have dots");
    }

    #[test]
    fn numbers_have_their_ranges() {
        let beyond = |value| policy(&[("MAX_SECONDS_BEYOND_JWT", value)]).map(|policy| policy.max_seconds_beyond_jwt);
        assert_eq!((beyond("0"), beyond("86400")), (Ok(Some(0)), Ok(Some(86_400))));
        for wrong in ["86401", "-1", "1h", "4294967296", " 60"] {
            let rule = "MAX_SECONDS_BEYOND_JWT must be 0 to 86400 seconds";
            assert_eq!(beyond(wrong), Err(rule.to_owned()), "{wrong}");
        }
        let mints = |value| policy(&[("MINTS_PER_MINUTE", value)]).map(|policy| policy.mints_per_minute);
        assert_eq!((mints("0"), mints("1")), (Ok(None), Ok(Some(NonZeroU32::MIN))));
        assert_eq!(mints("1000000"), Ok(NonZeroU32::new(1_000_000)));
        for wrong in ["1000001", "-1", "1.5", "many"] {
            let rule = "MINTS_PER_MINUTE must be 0 to 1000000 tokens a minute";
            assert_eq!(mints(wrong), Err(rule.to_owned()), "{wrong}");
        }
    }

    #[test]
    fn settings_that_contradict_each_other_are_refused() {
        let rule = "SCOPE_CLAIM needs PUBLISH_SCOPE or TEACHER_SCOPE, the scope to look for";
        assert_eq!(policy(&[("SCOPE_CLAIM", "permissions")]), Err(rule.to_owned()));
        assert!(policy(&[("SCOPE_CLAIM", "permissions"), ("PUBLISH_SCOPE", "publish")]).is_ok());
        assert!(policy(&[("SCOPE_CLAIM", "permissions"), ("TEACHER_SCOPE", "teach")]).is_ok());
        let permissions = ("RTM_BEYOND_ROOMS", "permissions");
        let rule = "RTM_BEYOND_ROOMS must not be permissions without ROOMS_CLAIM, which lists the channels";
        assert_eq!(policy(&[permissions]), Err(rule.to_owned()));
        assert!(policy(&[permissions, ("ROOMS_CLAIM", "rooms")]).is_ok());
        let beyond = ("MAX_SECONDS_BEYOND_JWT", "60");
        let rule = "RTM_006 must not be allowed with MAX_SECONDS_BEYOND_JWT: a 006 token lives 24 hours";
        assert_eq!(policy(&[beyond, ("RTM_006", "allowed")]), Err(rule.to_owned()));
        assert_eq!(policy(&[beyond]).map(|policy| policy.rtm_006), Ok(false));
        assert_eq!(policy(&[beyond, ("RTM_006", "refused")]).map(|policy| policy.rtm_006), Ok(false));
    }
}
