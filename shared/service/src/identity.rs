//! Who calls, and what they may have.
//!
//! A function grants to a [`Caller`] or a [`Backend`]. It cannot make one itself: both come only from what API
//! Gateway's authorizer or the service itself verified. In a local run with `IDENTITY=none` they need no verified identity.

pub(crate) mod gateway;
pub(crate) mod jwt;
pub(crate) mod issuer;
mod claims;
pub(crate) mod authorized;
mod caller;
mod backend;
pub mod whoami;
#[cfg(test)]
pub(crate) mod samples;

pub use backend::Backend;
pub use caller::{Caller, RtmChannels};

use crate::config::{Config, Policy};
use crate::mint_limit::CountedUser;
use crate::params::Sent;
use crate::problem::Problem;
use claims::Jwt;
use serde::Serialize;
use std::sync::Arc;
use tokens::{Moment, Ttl};

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Callers {
    /// Signed-in users: see [`Caller`].
    Users,
    /// Backends with an IAM identity: see [`Backend`].
    Backends,
}

/// An identity that was verified.
#[derive(Debug, PartialEq)]
pub(crate) enum Verified {
    /// A JWT whose signature, issuer, audience and expiry were checked.
    Jwt(Jwt),
    /// An IAM identity whose signature was checked.
    Iam,
    /// A backend's JWT, which we verified ourselves.
    Backend(Jwt),
}

/// A kind of identity that a route can be for. Private, so that no function can add one.
pub(crate) trait Identity: Sized + 'static {
    /// Who has this kind of identity.
    const CALLERS: Callers;

    /// What is known of the caller before the vendor's app is known.
    type Admitted: Send + 'static;

    /// Admits a verified identity at this moment, or says why not: 401 if there is none, 403 if it is of the wrong kind.
    fn admit(config: &Config, verified: Option<&Verified>, now: Moment) -> Result<Self::Admitted, Problem>;

    /// The identity, as the vendor's app with this id knows it. Some time may have passed since it was admitted. So it may
    /// get no token any more: the problem says why.
    fn for_app(admitted: Self::Admitted, config: &Arc<Config>, app_id: String, now: Moment) -> Result<Self, Problem>;

    /// The user's id, if it is a user.
    fn user_id(&self) -> Option<&str>;

    /// The user whose tokens are counted. `None`: the caller gets any number of tokens.
    fn counted(&self) -> Option<&CountedUser>;
}

fn ttl(policy: &Policy, asked: Option<Sent<Ttl>>) -> Result<Ttl, Problem> {
    match asked {
        Some(Sent { name, value }) if value > policy.max_ttl => {
            let rule = format!("must be at most {} seconds here", policy.max_ttl.as_seconds());
            Err(Problem::bad_parameter(name, rule))
        }
        Some(Sent { value, .. }) => Ok(value),
        None => Ok(policy.default_ttl),
    }
}

#[cfg(test)]
mod tests {
    use super::samples::{caller_of, config, jwt, now, status};
    use super::*;

    #[test]
    fn each_kind_of_identity_opens_its_own_routes_only() {
        let config = config(|_| ());
        let who = |verified: Option<Verified>| {
            (status(caller_of(&config, verified.as_ref())), status(Backend::admit(&config, verified.as_ref(), now())))
        };
        assert_eq!(who(None), (401, 401));
        assert_eq!(who(jwt(&[("sub", "alice")])), (200, 403));
        assert_eq!(who(Some(Verified::Iam)), (403, 200));
        assert_eq!(who(jwt(&[])), (401, 403));
        assert_eq!(who(jwt(&[("sub", "")])), (401, 403));
    }
}
