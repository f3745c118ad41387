//! Configurations and callers for tests.

use super::claims::{GatewayClaims, Jwt};
use super::{Caller, Identity, Verified};
use crate::config::{Config, Policy, RtmBeyondRooms, Source, UserIdForm, Verifier};
use crate::problem::Problem;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;
use tokens::agora::ChannelName;
use tokens::{Moment, Ttl};

/// When the callers ask, in seconds since 1970.
pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const APP_ID: &str = "0123456789abcdef0123456789abcdef";

/// A configuration that limits only the lifetime, with this change.
pub(crate) fn config(change: impl FnOnce(&mut Config)) -> Arc<Config> {
    let mut config = Config {
        drop_in: false,
        in_query: None,
        verifier: Verifier::Gateway,
        policy: Policy {
            user_id_claim: "sub".to_owned(),
            user_id_form: UserIdForm::Verbatim,
            rooms_claim: None,
            rtc_uid_claim: None,
            publish_scope: None,
            teacher_scope: None,
            scope_claim: None,
            refused_claims: Vec::new(),
            rtm_beyond_rooms: RtmBeyondRooms::Refused,
            zim_own_project: false,
            rtm_006: true,
            default_ttl: Ttl::from_seconds(3600).expect("valid"),
            max_ttl: Ttl::from_seconds(7200).expect("valid"),
            max_seconds_beyond_jwt: None,
            mints_per_minute: None,
        },
        credentials: Source::LocalFile("unused".into()),
        credentials_ttl: Duration::from_secs(300),
        credentials_max_stale: Duration::ZERO,
    };
    change(&mut config);
    Arc::new(config)
}

pub(crate) fn claims_of_gateway(claims: &[(&str, &str)]) -> GatewayClaims {
    let claims: BTreeMap<_, _> = claims.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    GatewayClaims { claims, scopes: None }
}

pub(crate) fn jwt(claims: &[(&str, &str)]) -> Option<Verified> {
    Some(Verified::Jwt(Jwt::OfGateway(claims_of_gateway(claims))))
}

pub(crate) fn now() -> Moment {
    Moment::from_unix_seconds(NOW).expect("a moment")
}

pub(crate) fn caller_of(config: &Arc<Config>, verified: Option<&Verified>) -> Result<Caller, Problem> {
    Caller::for_app(Caller::admit(config, verified, now())?, config, APP_ID.to_owned(), now())
}

pub(crate) fn caller(config: &Arc<Config>, claims: &[(&str, &str)]) -> Caller {
    caller_of(config, jwt(claims).as_ref()).expect("signed in")
}

pub(crate) fn status<T: Debug>(result: Result<T, Problem>) -> u16 {
    result.map_or_else(|problem| problem.status(), |_| 200)
}

pub(crate) fn channel(name: &str) -> ChannelName {
    ChannelName::new(name).expect("valid")
}
