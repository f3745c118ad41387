//! A backend, and what it may have.

use super::claims::Jwt;
use super::{Callers, Identity, Verified, ttl};
use crate::config::{Config, Verifier};
use crate::mint_limit::CountedUser;
use crate::params::Sent;
use crate::problem::Problem;
use std::sync::Arc;
use tokens::{Moment, Ttl};

/// A backend with an IAM identity of the deployer. IAM decides which routes it may call.
#[derive(Debug)]
pub struct Backend {
    config: Arc<Config>,
}

impl Identity for Backend {
    const CALLERS: Callers = Callers::Backends;

    type Admitted = ();

    fn admit(config: &Config, verified: Option<&Verified>, _: Moment) -> Result<(), Problem> {
        let policy = &config.policy;
        let refused = |jwt: &Jwt| jwt.check_refused_claims(policy).map_err(|why| why.problem(policy));
        match (&config.verifier, verified) {
            (Verifier::None, _) | (_, Some(Verified::Iam)) => Ok(()),
            (_, Some(Verified::Backend(jwt))) => refused(jwt),
            (_, Some(Verified::Jwt(jwt))) => {
                refused(jwt)?;
                Err(Problem::forbidden("this token is for backends; a user's JWT never gets it"))
            }
            (Verifier::Jwt(jwt), None) if jwt.expected.backend.is_some() => Err(Problem::no_token()),
            (_, None) => Err(Problem::no_identity("the request carries no IAM identity")),
        }
    }

    fn for_app((): (), config: &Arc<Config>, _: String, _: Moment) -> Result<Backend, Problem> {
        Ok(Backend { config: Arc::clone(config) })
    }

    fn user_id(&self) -> Option<&str> {
        None
    }

    fn counted(&self) -> Option<&CountedUser> {
        None
    }
}

impl Backend {
    /// The lifetime asked for, or the configured default.
    ///
    /// # Errors
    /// The lifetime is longer than the configured maximum.
    pub fn ttl(&self, asked: Option<Sent<Ttl>>) -> Result<Ttl, Problem> {
        ttl(&self.config.policy, asked)
    }
}
