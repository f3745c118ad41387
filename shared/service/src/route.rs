//! One route of a function: from what a client asks to the token it makes.

use crate::response::{Form, Minted};

use crate::config::Config;
use crate::identity::{Callers, Identity};
use crate::params::Params;
use crate::problem::Problem;
use crate::request::Request;
use crate::system::System;
use crate::vendor::Vendor;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokens::Token;
use tokens::renewal::renew_after;

/// A route, its parameters and who may have which token.
pub struct Route<V> {
    key: RouteKey,
    pub(crate) form: Form,
    prepare: Box<Prepare<V>>,
    /// Keeps the shared token from running out. Only a route that hands out one token to all callers has it.
    mint_again: Option<Box<MintAgain<V>>>,
}

/// What tells a route from all others, and who may call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RouteKey {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// As the template has it, `{name}` being a parameter.
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

/// Verifies and parses a request. What it returns waits only for the key.
type Prepare<V> = dyn Fn(&Arc<Config>, &Request) -> Result<Box<Mint<V>>, Problem> + Send + Sync;

/// Grants and signs.
type Mint<V> = dyn FnOnce(&Arc<V>, &dyn System) -> Decided + Send;

/// A request whose caller and parameters are checked. It waits only for the key.
pub(crate) struct Prepared<V>(Box<Mint<V>>);

/// What the route decided for a caller.
pub(crate) struct Decided {
    /// What stands for the caller in logs, where there is one.
    pub(crate) user: Option<String>,
    pub(crate) minted: Result<Minted, Problem>,
}

/// Mints the shared token again if it is due within this many seconds.
type MintAgain<V> = dyn Fn(&Arc<V>, u32, &dyn System) -> Result<(), Problem> + Send + Sync;

#[allow(private_bounds, reason = "identities are made in this crate alone")]
impl<V: Vendor> Route<V> {
    /// `GET`, with parameters in the path and the query string.
    ///
    /// `path` is written as in the template, `{name}` being a parameter. `parse` takes what a client may ask, and
    /// `grant` decides which token that makes for this identity.
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

    /// `GET` of a token that belongs to no single user: minted once, and handed out again
    /// until it is due to be minted again.
    pub fn get_shared<I: Identity, A: Send + 'static, T: Token<Key = V> + PartialEq + Send + 'static>(
        path: &'static str,
        parse: fn(&mut Params) -> Result<A, Problem>,
        grant: fn(&I, A) -> Result<T, Problem>,
    ) -> Route<V> {
        let shared = Arc::new(Shared(Mutex::new(None)));
        let handing_out = Arc::clone(&shared);
        let route = Route::new("GET", path, of_query, parse, grant, move |token, key, system| {
            handing_out.mint(token, key, system)
        });
        Route { mint_again: Some(Box::new(move |key, within, system| shared.mint_again(key, within, system))), ..route }
    }

    /// Answers with the bare token as text unless the client asks for JSON by name, as the vendor's Chat tutorial does.
    #[must_use]
    pub fn as_text(self) -> Route<V> {
        Route { form: Form::Text, ..self }
    }

    /// Answers with `{"token":...,"code":...}`, errors too, as the vendor's RTM tutorial does.
    #[must_use]
    pub fn as_token_and_code(self) -> Route<V> {
        Route { form: Form::TokenAndCode, ..self }
    }

    fn new<I: Identity, A: Send + 'static, T: Token<Key = V> + 'static>(
        method: &'static str,
        path: &'static str,
        read: fn(&Request) -> Result<Params, Problem>,
        parse: fn(&mut Params) -> Result<A, Problem>,
        grant: fn(&I, A) -> Result<T, Problem>,
        mint: impl Fn(T, &Arc<V>, &dyn System) -> Result<Minted, Problem> + Clone + Send + Sync + 'static,
    ) -> Route<V> {
        let prepare = move |config: &Arc<Config>, request: &Request| {
            // The caller first, so that an unauthenticated one learns nothing about the parameters.
            let admitted = I::admit(config, request.identity.as_ref())?;
            let mut params = read(request)?;
            let asked = parse(&mut params)?;
            params.finish()?;
            let (config, mint) = (Arc::clone(config), mint.clone());
            let finish = move |key: &Arc<V>, system: &dyn System| {
                let identity = I::for_app(admitted, &config, key.app_id().to_string());
                let user = identity.user_id().map(|user_id| key.pseudonym(user_id));
                Decided { user, minted: guarded(|| mint(grant(&identity, asked)?, key, system)) }
            };
            Ok(Box::new(finish) as Box<Mint<V>>)
        };
        let key = RouteKey { method, path, callers: I::CALLERS };
        Route { key, form: Form::Json, prepare: Box::new(prepare), mint_again: None }
    }

    /// What tells it from all other routes, and who may call it.
    pub fn key(&self) -> RouteKey {
        self.key
    }

    /// Checks who calls and what is asked for.
    pub(crate) fn prepare(&self, config: &Arc<Config>, request: &Request) -> Result<Prepared<V>, Problem> {
        guarded(|| (self.prepare)(config, request)).map(Prepared)
    }

    /// Makes the route ready for this many seconds: mints its shared token again if it is due within them.
    pub(crate) fn mint_again(&self, key: &Arc<V>, within: u32, system: &dyn System) -> Result<(), Problem> {
        guarded(|| self.mint_again.as_ref().map_or(Ok(()), |mint_again| mint_again(key, within, system)))
    }

    /// Whether a request is for this path. A front that knows the routes says so itself. Where it doesn't, a function's
    /// paths are told apart by their parameters.
    pub(crate) fn has_path_of(&self, request: &Request) -> bool {
        match &request.route_path {
            Some(path) => path == self.key.path,
            None => {
                let ours = self.key.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
                ours.collect::<BTreeSet<_>>() == request.path_parameters.keys().map(String::as_str).collect()
            }
        }
    }

    pub(crate) fn has_method_of(&self, request: &Request) -> bool {
        self.key.method == request.method
    }
}

impl<V: Vendor> Prepared<V> {
    /// Decides which token the caller gets, and signs it.
    pub(crate) fn mint(self, key: &Arc<V>, system: &dyn System) -> Decided {
        guarded(|| Ok((self.0)(key, system))).unwrap_or_else(Decided::refused)
    }
}

impl Decided {
    /// A refusal before it was known who calls.
    pub(crate) fn refused(problem: Problem) -> Decided {
        Decided { user: None, minted: Err(problem) }
    }
}

fn of_query(request: &Request) -> Result<Params, Problem> {
    Params::of_query(&request.path_parameters, &request.query)
}

fn of_body(request: &Request) -> Result<Params, Problem> {
    Params::of_body(&request.path_parameters, &request.query, &request.body)
}

/// Makes a panic this request's problem. The runtime would catch it too, but pass its text on to whoever invoked.
fn guarded<T>(work: impl FnOnce() -> Result<T, Problem>) -> Result<T, Problem> {
    // What a panic leaves behind is dropped with the request; what is shared stands behind locks that allow for it.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(Problem::panicked()))
}

/// A token of its own for this request.
fn mint<V: Vendor, T: Token<Key = V>>(token: T, key: &Arc<V>, system: &dyn System) -> Result<Minted, Problem> {
    sign(&token, key, system)
}

fn sign<V: Vendor, T: Token<Key = V>>(token: &T, key: &V, system: &dyn System) -> Result<Minted, Problem> {
    let fresh = system.fresh()?;
    let signed = token.sign(fresh.stamp, key);
    let issued_at = signed.issued_at();
    let Ok(Value::Object(facts)) = serde_json::to_value(token.facts(issued_at)) else {
        unreachable!("facts are fields of an object");
    };
    Ok(Minted {
        kind: token.kind(),
        app_id: serde_json::to_value(key.app_id()).expect("an id is plain data"),
        expires_in: signed.ttl().as_seconds(),
        renew_at: issued_at.as_unix_seconds() + renew_after(token.good_for(), fresh.spread),
        facts,
        signed,
    })
}

/// The one token that is handed out to everybody who may have it.
struct Shared<T, V>(Mutex<Option<Handed<T, V>>>);

struct Handed<T, V> {
    token: T,
    /// The very key that signed it: a rotated one ends it at once.
    key: Arc<V>,
    minted: Minted,
}

impl<V: Vendor, T: Token<Key = V> + PartialEq> Shared<T, V> {
    fn mint(&self, token: T, key: &Arc<V>, system: &dyn System) -> Result<Minted, Problem> {
        let mut handed = self.lock();
        let now = system.moment()?.as_unix_seconds();
        if let Some(again) = handed.as_ref().filter(|again| again.token == token && again.is_good(key, now, 0)) {
            let expires_in = again.minted.signed.expires_at() - now;
            return Ok(Minted { expires_in, ..again.minted.clone() });
        }
        let minted = sign(&token, key, system)?;
        *handed = Some(Handed { token, key: Arc::clone(key), minted: minted.clone() });
        Ok(minted)
    }

    /// Mints the token that is handed out again, if there is one and it is due within this many seconds.
    fn mint_again(&self, key: &Arc<V>, within: u32, system: &dyn System) -> Result<(), Problem> {
        let now = system.moment()?.as_unix_seconds();
        if let Some(old) = self.lock().as_mut().filter(|old| !old.is_good(key, now, within)) {
            old.minted = sign(&old.token, key, system)?;
            old.key = Arc::clone(key);
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Handed<T, V>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T, V> Handed<T, V> {
    /// Whether it may be handed out with this key, now and for so many seconds more.
    fn is_good(&self, key: &Arc<V>, now: u32, within: u32) -> bool {
        // A clock that was set back makes a token from the future: not that one either.
        let issued_at = self.minted.signed.issued_at().as_unix_seconds();
        Arc::ptr_eq(&self.key, key) && issued_at <= now && now.saturating_add(within) < self.minted.renew_at
    }
}
