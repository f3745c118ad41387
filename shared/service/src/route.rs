//! One route of a function: from a client's request to its token.

mod pattern;
mod shared;

use crate::response::Form;

use crate::config::Config;
use crate::identity::{Callers, Identity, Verified};
use crate::mint_limit::MintLimit;
use crate::minted::Minted;
use crate::params::{Params, PathParameters};
use crate::problem::{Problem, guarded};
use crate::request::{Path, Request};
use crate::system::{AtOneMoment, System};
use crate::vendor::Vendor;
use pattern::{fits, parameters};
use serde::Serialize;
use shared::Shared;
use std::fmt;
use std::sync::Arc;
use tokens::{Moment, Token};

/// A route, its parameters and who may have which token.
pub struct Route<V> {
    key: RouteKey,
    pub(crate) form: Form,
    prepare: Box<Prepare<V>>,
    /// Keeps the shared token from running out. Only a route that hands out one token to all callers has it.
    mint_again: Option<Box<MintAgain<V>>>,
}

/// Identifies a route, and says who may call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct RouteKey {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// As in the template. `{name}` is a parameter.
    pub path: &'static str,
    /// Who may call it.
    pub callers: Callers,
}

impl fmt::Display for RouteKey {
    /// As API Gateway writes it: `GET /rtm/{user_id}/token`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// Checks the caller and the parameters of a request. What it returns needs only the key.
type Prepare<V> =
    dyn Fn(&Arc<Config>, &Request, Option<&Verified>, Moment) -> Result<Box<Mint<V>>, Problem> + Send + Sync;

/// Grants and signs.
type Mint<V> = dyn FnOnce(&Arc<V>, &MintLimit, &dyn System) -> Decided + Send;

/// A request whose caller and parameters are checked. It needs only the key.
pub(crate) struct Prepared<V>(Box<Mint<V>>);

/// What the route decided for a caller.
pub(crate) struct Decided {
    /// The user's pseudonym for logs. `None`: there is no user.
    pub(crate) user: Option<String>,
    pub(crate) minted: Result<Minted, Problem>,
}

/// Mints the shared token again if it is due within this many seconds.
type MintAgain<V> = dyn Fn(&Arc<V>, u32, &dyn System) -> Result<(), Problem> + Send + Sync;

#[allow(private_bounds, reason = "identities are made in this crate alone")]
impl<V: Vendor> Route<V> {
    /// `GET`, with parameters in the path and the query string.
    ///
    /// `path` is written as in the template: `{name}` is a parameter. `parse` takes the parameters that a client may
    /// send. `grant` decides which token they get for this identity.
    pub fn get<I: Identity, A: Send + 'static, T: Token<Key = V> + 'static>(
        path: &'static str,
        parse: fn(&mut Params) -> Result<A, Problem>,
        grant: fn(&I, A) -> Result<T, Problem>,
    ) -> Route<V> {
        Route::new("GET", path, of_query, parse, grant, mint)
    }

    /// `POST`, with parameters in the path and in a JSON object in the body.
    pub fn post<I: Identity, A: Send + 'static, T: Token<Key = V> + 'static>(
        path: &'static str,
        parse: fn(&mut Params) -> Result<A, Problem>,
        grant: fn(&I, A) -> Result<T, Problem>,
    ) -> Route<V> {
        Route::new("POST", path, of_body, parse, grant, mint)
    }

    /// `GET` of a token that belongs to no single user. It is minted once, and then handed out again
    /// until it is due to be minted again.
    pub fn get_shared<I: Identity, A: Send + 'static, T: Token<Key = V> + PartialEq + Send + 'static>(
        path: &'static str,
        parse: fn(&mut Params) -> Result<A, Problem>,
        grant: fn(&I, A) -> Result<T, Problem>,
    ) -> Route<V> {
        let shared = Arc::new(Shared::new());
        let handing_out = Arc::clone(&shared);
        let route = Route::new("GET", path, of_query, parse, grant, move |token, key, system| {
            handing_out.mint(token, key, system)
        });
        Route { mint_again: Some(Box::new(move |key, within, system| shared.mint_again(key, within, system))), ..route }
    }

    /// Answers with the bare token as text, as the vendor's Chat tutorial does. If the client asks for JSON by name, it
    /// gets JSON.
    #[must_use]
    pub fn as_text(self) -> Route<V> {
        Route { form: Form::Text, ..self }
    }

    /// Answers with `{"token":...,"code":...}`, as the vendor's RTM tutorial does. Errors have this form too.
    #[must_use]
    pub fn as_token_and_code(self) -> Route<V> {
        Route { form: Form::TokenAndCode, ..self }
    }

    fn new<I: Identity, A: Send + 'static, T: Token<Key = V> + 'static>(
        method: &'static str,
        path: &'static str,
        read: fn(&PathParameters, &Request) -> Result<Params, Problem>,
        parse: fn(&mut Params) -> Result<A, Problem>,
        grant: fn(&I, A) -> Result<T, Problem>,
        mint: impl Fn(T, &Arc<V>, &dyn System) -> Result<Minted, Problem> + Clone + Send + Sync + 'static,
    ) -> Route<V> {
        let prepare = move |config: &Arc<Config>, request: &Request, verified: Option<&Verified>, now: Moment| {
            // Check the caller first, so that an unauthenticated caller learns nothing about the parameters.
            let admitted = I::admit(config, verified, now)?;
            let in_path = parameters(path, &request.path).ok_or_else(Problem::no_such_route)?;
            let mut params = read(&in_path, request)?;
            let asked = parse(&mut params)?;
            params.finish()?;
            let (config, mint) = (Arc::clone(config), mint.clone());
            let finish = move |key: &Arc<V>, limit: &MintLimit, system: &dyn System| {
                let system = &AtOneMoment::of(system);
                let for_app = |now| I::for_app(admitted, &config, key.app_id().to_string(), now);
                let identity = match system.moment().and_then(for_app) {
                    Ok(identity) => identity,
                    Err(problem) => return Decided::refused(problem),
                };
                let user = identity.user_id().map(|user_id| key.pseudonym(user_id));
                let minted = guarded(|| {
                    let token = grant(&identity, asked)?;
                    // Refusals do not count, so this comes after the grant.
                    identity.counted().map_or(Ok(()), |user| limit.take(user))?;
                    mint(token, key, system)
                });
                Decided { user, minted }
            };
            Ok(Box::new(finish) as Box<Mint<V>>)
        };
        let key = RouteKey { method, path, callers: I::CALLERS };
        Route { key, form: Form::Json, prepare: Box::new(prepare), mint_again: None }
    }

    /// Identifies the route, and says who may call it.
    pub fn key(&self) -> RouteKey {
        self.key
    }

    /// Checks the caller, whose identity was verified, and the parameters at this moment.
    pub(crate) fn prepare(
        &self,
        config: &Arc<Config>,
        request: &Request,
        verified: Option<&Verified>,
        now: Moment,
    ) -> Result<Prepared<V>, Problem> {
        guarded(|| (self.prepare)(config, request, verified, now)).map(Prepared)
    }

    /// Makes the route ready for this many seconds: if its shared token is due within them, mints it again.
    pub(crate) fn mint_again(&self, key: &Arc<V>, within: u32, system: &dyn System) -> Result<(), Problem> {
        guarded(|| self.mint_again.as_ref().map_or(Ok(()), |mint_again| mint_again(key, within, system)))
    }

    pub(crate) fn has_path_of(&self, request: &Request) -> bool {
        match &request.path {
            Path::OfRoute { path, .. } => path == self.key.path,
            Path::Sent(path) => fits(self.key.path, path),
        }
    }

    pub(crate) fn has_method_of(&self, request: &Request) -> bool {
        self.key.method == request.method
    }
}

impl<V: Vendor> Prepared<V> {
    /// Decides which token the caller gets, and signs it.
    pub(crate) fn mint(self, key: &Arc<V>, limit: &MintLimit, system: &dyn System) -> Decided {
        guarded(|| Ok((self.0)(key, limit, system))).unwrap_or_else(Decided::refused)
    }
}

impl Decided {
    /// A refusal before the caller is known.
    pub(crate) fn refused(problem: Problem) -> Decided {
        Decided { user: None, minted: Err(problem) }
    }
}

fn of_query(path: &PathParameters, request: &Request) -> Result<Params, Problem> {
    Params::of_query(path, &request.query)
}

fn of_body(path: &PathParameters, request: &Request) -> Result<Params, Problem> {
    Params::of_body(path, &request.query, &request.body)
}

/// Mints a new token, only for this request.
fn mint<V: Vendor, T: Token<Key = V>>(token: T, key: &Arc<V>, system: &dyn System) -> Result<Minted, Problem> {
    Minted::new(&token, &**key, system)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Caller;
    use tokens::agora::{ChatUser, ChatUserId, Key};

    fn route(path: &'static str) -> Route<Key> {
        let nothing = |_: &mut Params| Ok(());
        let grant = |caller: &Caller, (): ()| {
            let user = ChatUserId::new("alice").expect("valid");
            Ok(ChatUser { user, ttl: caller.ttl(None)? })
        };
        Route::get(path, nothing, grant)
    }

    #[test]
    fn a_route_is_found_by_its_path_in_the_template() {
        let route = route("/chat/user/{user_id}/token");
        assert_eq!(route.key().to_string(), "GET /chat/user/{user_id}/token");
        let request = Request::new("GET", "/chat/user/{user_id}/token");
        assert!(route.has_path_of(&request) && route.has_method_of(&request));
        assert!(!route.has_path_of(&Request::new("GET", "/chat/user/{id}/token")));
        assert!(!route.has_method_of(&Request::new("POST", "/chat/user/{user_id}/token")));
        assert!(!route.has_method_of(&Request::new("get", "/chat/user/{user_id}/token")));
    }
}
