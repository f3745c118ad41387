//! One route of a function: from a client's request to its token.

mod pattern;
mod shared;

use crate::response::{Dialect, Form};

use crate::config::Config;
use crate::identity::{Caller, Callers, Identity, Verified};
use crate::in_query;
use crate::json::{self, Json};
use crate::mint_limit::MintLimit;
use crate::minted::Minted;
use crate::params::{Params, PathParameters, Unknown};
use crate::problem::{Problem, guarded};
use crate::request::Request;
use crate::system::{AtOneMoment, System};
use crate::vendor::Vendor;
use pattern::Pattern;
use serde::Serialize;
use shared::Shared;
use std::fmt;
use std::sync::Arc;
use tokens::{Moment, Token};

/// A route, its parameters and who may have which token.
pub struct Route<V> {
    key: RouteKey,
    pattern: Pattern,
    pub(crate) form: Form,
    meant: Meant,
    prepare: Box<Prepare<V>>,
    /// Keeps the shared token from running out. Only a route that hands out one token to all callers has it.
    mint_again: Option<Box<MintAgain<V>>>,
    /// The routes that requests may name in their query: see [`Route::in_query`].
    in_query: Option<Vec<Route<V>>>,
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
    /// Whether it is a drop-in route: another token server's, which only a service with `DROP_IN=true` has.
    pub drop_in: bool,
}

/// Which of the requests with its method and path a route answers. Several other servers share a path, but not the form of
/// their requests.
#[derive(Debug, Clone, Copy)]
enum Meant {
    /// All requests that no route before this one answers.
    All,
    /// Those whose query has one of these parameters.
    WithQuery(&'static [&'static str]),
    /// Those whose body has one of these fields.
    WithBody(&'static [&'static str]),
}

impl fmt::Display for RouteKey {
    /// As API Gateway writes it: `GET /rtm/{user_id}/token`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// Takes the parameters that a client may send.
type Parse<A> = fn(&mut Params) -> Result<A, Problem>;

/// Decides which token a client gets for this identity.
type Grant<I, A, T> = fn(&I, A) -> Result<T, Problem>;

/// Checks the caller and the parameters of a request. What it returns needs only the key.
type Prepare<V> =
    dyn Fn(&Route<V>, &Arc<Config>, &Request, Option<&Verified>, Moment) -> Result<Box<Mint<V>>, Problem> + Send + Sync;

/// Grants and signs.
type Mint<V> = dyn FnOnce(&Arc<V>, &MintLimit, &dyn System) -> Decided + Send;

/// A request whose caller and parameters are checked. It needs only the key.
pub(crate) struct Prepared<V>(Box<Mint<V>>);

/// What the route decided for a caller.
pub(crate) struct Decided {
    /// The user's pseudonym for logs. `None`: there is no user.
    pub(crate) user: Option<String>,
    pub(crate) answer: Result<Answer, Problem>,
}

/// The answer to a request that is not refused.
pub(crate) enum Answer {
    Token(Box<Minted>),
    /// The answer to a `ping`: the service runs, and knows the caller.
    Pong,
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
        parse: Parse<A>,
        grant: Grant<I, A, T>,
    ) -> Route<V> {
        Route::new("GET", path, of_query, parse, grant, mint)
    }

    /// `POST`, with parameters in the path and in a JSON object in the body.
    pub fn post<I: Identity, A: Send + 'static, T: Token<Key = V> + 'static>(
        path: &'static str,
        parse: Parse<A>,
        grant: Grant<I, A, T>,
    ) -> Route<V> {
        Route::new("POST", path, of_body, parse, grant, mint)
    }

    /// `POST`, with parameters in the path and the query string. The Java server in Agora's documentation of
    /// Chat takes such requests. A body is ignored.
    pub fn post_with_query<I: Identity, A: Send + 'static, T: Token<Key = V> + 'static>(
        path: &'static str,
        parse: Parse<A>,
        grant: Grant<I, A, T>,
    ) -> Route<V> {
        Route::new("POST", path, of_query, parse, grant, mint)
    }

    /// `GET` of two tokens for the same caller, each with a name in the answer.
    pub fn get_two<I: Identity, A: Send + 'static, T: Token<Key = V> + 'static, U: Token<Key = V> + 'static>(
        path: &'static str,
        parse: Parse<A>,
        grant: Grant<I, A, (T, U)>,
    ) -> Route<V> {
        Route::new("GET", path, of_query, parse, grant, |(first, second), key, system| {
            let second = Minted::new(&second, &**key, system)?.signed;
            Ok(Minted { second: Some(second), ..Minted::new(&first, &**key, system)? })
        })
    }

    /// `GET` of a token that belongs to no single user. It is minted once, and then handed out again
    /// until it is due to be minted again.
    pub fn get_shared<I: Identity, A: Send + 'static, T: Token<Key = V> + PartialEq + Send + 'static>(
        path: &'static str,
        parse: Parse<A>,
        grant: Grant<I, A, T>,
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

    /// Makes it a drop-in route, which answers as another token server does, and ignores parameters that it does not take.
    #[must_use]
    pub fn drop_in(self, dialect: Dialect) -> Route<V> {
        Route { key: RouteKey { drop_in: true, ..self.key }, form: Form::Dialect(dialect), ..self }
    }

    /// Answers a path with a `/` at the end, too. A path that ends in a greedy variable does so without this.
    #[must_use]
    pub fn with_or_without_last_slash(self) -> Route<V> {
        Route { pattern: self.pattern.with_last_slash(), ..self }
    }

    /// Takes further parameters behind the greedy variable, each behind a `/`. They may be missing.
    #[must_use]
    pub fn with_further(self, names: &'static [&'static str]) -> Route<V> {
        Route { pattern: self.pattern.with_further(names), ..self }
    }

    /// Answers only requests whose query has one of these parameters.
    #[must_use]
    pub fn if_query_has(self, names: &'static [&'static str]) -> Route<V> {
        Route { meant: Meant::WithQuery(names), ..self }
    }

    /// Answers only requests whose body has one of these fields.
    #[must_use]
    pub fn if_body_has(self, names: &'static [&'static str]) -> Route<V> {
        Route { meant: Meant::WithBody(names), ..self }
    }

    fn new<I: Identity, A: Send + 'static, T: 'static>(
        method: &'static str,
        path: &'static str,
        read: fn(&PathParameters, &Request, Unknown) -> Result<Params, Problem>,
        parse: Parse<A>,
        grant: Grant<I, A, T>,
        mint: impl Fn(T, &Arc<V>, &dyn System) -> Result<Minted, Problem> + Clone + Send + Sync + 'static,
    ) -> Route<V> {
        let prepare = move |route: &Route<V>,
                            config: &Arc<Config>,
                            request: &Request,
                            verified: Option<&Verified>,
                            now: Moment| {
            // Check the caller first, so that an unauthenticated caller learns nothing about the parameters.
            let admitted = I::admit(config, verified, now)?;
            let in_path = route.pattern.parameters(&request.path).ok_or_else(Problem::no_such_route)?;
            let unknown = if route.key.drop_in { Unknown::Ignored } else { Unknown::Refused };
            let mut params = read(&in_path, request, unknown)?;
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
                let answer = guarded(|| {
                    let token = grant(&identity, asked)?;
                    // Refusals do not count, so this comes after the grant.
                    identity.counted().map_or(Ok(()), |user| limit.take(user))?;
                    mint(token, key, system).map(|minted| Answer::Token(Box::new(minted)))
                });
                Decided { user, answer }
            };
            Ok(Box::new(finish) as Box<Mint<V>>)
        };
        let key = RouteKey { method, path, callers: I::CALLERS, drop_in: false };
        Route::with(key, Box::new(prepare))
    }

    /// `GET` that takes no parameters. It tells a user that the service runs, and has its key.
    pub fn ping(path: &'static str) -> Route<V> {
        let prepare =
            |route: &Route<V>, config: &Arc<Config>, request: &Request, verified: Option<&Verified>, now: Moment| {
                let admitted = Caller::admit(config, verified, now)?;
                route.pattern.parameters(&request.path).ok_or_else(Problem::no_such_route)?;
                let config = Arc::clone(config);
                let finish = move |key: &Arc<V>, _: &MintLimit, system: &dyn System| {
                    let for_app = |now| Caller::for_app(admitted, &config, key.app_id().to_string(), now);
                    match system.moment().and_then(for_app) {
                        Ok(caller) => Decided {
                            user: caller.user_id().map(|user_id| key.pseudonym(user_id)),
                            answer: Ok(Answer::Pong),
                        },
                        Err(problem) => Decided::refused(problem),
                    }
                };
                Ok(Box::new(finish) as Box<Mint<V>>)
            };
        let key = RouteKey { method: "GET", path, callers: Caller::CALLERS, drop_in: true };
        Route::with(key, Box::new(prepare))
    }

    /// `GET` whose query has the caller's JWT and the path of one of these routes, for UI kits that send no headers. See
    /// the module `in_query`.
    pub fn in_query(path: &'static str, dialect: Dialect, routes: Vec<Route<V>>) -> Route<V> {
        // Never called: `inner` replaces this route with the one that the query names.
        let prepare = |_: &Route<V>, _: &Arc<Config>, _: &Request, _: Option<&Verified>, _: Moment| {
            Err::<Box<Mint<V>>, _>(Problem::no_such_route())
        };
        let key = RouteKey { method: "GET", path, callers: Caller::CALLERS, drop_in: true };
        Route { in_query: Some(routes), form: Form::Dialect(dialect), ..Route::with(key, Box::new(prepare)) }
    }

    fn with(key: RouteKey, prepare: Box<Prepare<V>>) -> Route<V> {
        let pattern = Pattern::new(key.path);
        Route { key, pattern, form: Form::Json, meant: Meant::All, prepare, mint_again: None, in_query: None }
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
        guarded(|| (self.prepare)(self, config, request, verified, now)).map(Prepared)
    }

    /// Makes the route ready for this many seconds: if its shared token is due within them, mints it again.
    pub(crate) fn mint_again(&self, key: &Arc<V>, within: u32, system: &dyn System) -> Result<(), Problem> {
        guarded(|| self.mint_again.as_ref().map_or(Ok(()), |mint_again| mint_again(key, within, system)))
    }

    /// The path of the template's second route, for requests with a `/` at the end.
    pub fn path_with_end(&self) -> Option<String> {
        self.pattern.with_end()
    }

    /// Whether a service with this configuration has the route.
    pub(crate) fn is_served(&self, config: &Config) -> bool {
        (config.drop_in || !self.key.drop_in) && (config.in_query.is_some() || self.in_query.is_none())
    }

    /// The route that the request is for. If the query names a route, the request becomes the one that the query describes.
    ///
    /// # Errors
    /// The query describes no request, or one for another route.
    pub(crate) fn inner<'a>(&'a self, request: &mut Request) -> Result<&'a Route<V>, Problem> {
        let Some(routes) = &self.in_query else { return Ok(self) };
        in_query::unwrap(request)?;
        routes.iter().find(|route| route.has_path_of(request)).ok_or_else(|| {
            Problem::bad_parameter("path", "must be the path of agora-token-service's routes for rtc, rtm or rte")
        })
    }

    /// Whether requests have their JWT in the query.
    pub(crate) fn is_in_query(&self) -> bool {
        self.in_query.is_some()
    }

    pub(crate) fn has_path_of(&self, request: &Request) -> bool {
        self.pattern.is_of(&request.path)
    }

    /// Whether the route answers this request, which has its path and its method.
    pub(crate) fn is_meant(&self, request: &Request) -> bool {
        match self.meant {
            Meant::All => true,
            Meant::WithQuery(names) => {
                form_urlencoded::parse(request.query.as_bytes()).any(|(name, _)| names.contains(&&*name))
            }
            Meant::WithBody(names) => match request.body.as_ref().map(|body| json::parse(body)) {
                Ok(Ok(Json::Object(fields))) => names.iter().any(|name| fields.contains_key(*name)),
                _ => false,
            },
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
        Decided { user: None, answer: Err(problem) }
    }
}

fn of_query(path: &PathParameters, request: &Request, unknown: Unknown) -> Result<Params, Problem> {
    Params::of_query(path, &request.query, unknown)
}

fn of_body(path: &PathParameters, request: &Request, unknown: Unknown) -> Result<Params, Problem> {
    Params::of_body(path, &request.query, &request.body, unknown)
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
