//! Everything impure that the token functions share. A function is a list of [`Route`]s given to [`serve`].
//!
//! [`serve`] takes an event. It finds the route, the caller's verified identity ([`Caller`], [`Backend`]) and the
//! parameters ([`params`]). The route's own `grant` decides from the identity and the parameters alone. It returns a
//! *description* from the `tokens` crate, or a [`Problem`]. Then `serve` adds the moment and the randomness, signs with
//! the vendor's key, and answers. A `grant` never sees a secret, a clock or a status code.
//!
//! [`whoami`] explains to people who the sender of a JWT would be. Nothing that is deployed calls it.
//!
//! [`authorize`] serves the function that API Gateway may ask in place of its own authorizer: it verifies the caller's JWT,
//! and a token function believes it.
//!
//! [`answer`] serves a function that mints nothing: the one that keeps the others [`warm`].

mod front;
mod request;
mod in_query;
mod function;
mod route;
pub mod params;
mod identity;
mod problem;
mod json;
mod config;
mod credentials;
mod keeper;
pub mod aws;
pub mod small_file;
mod vendor;
mod response;
mod minted;
mod mint_limit;
mod system;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;

pub use front::authorizer::authorize;
pub use front::lambda::{InvocationError, answer, cannot_start, serve};
pub use front::{http, warm};
pub use identity::{Backend, Caller, Callers, RtmChannels, whoami};
pub use problem::Problem;
pub use response::Dialect;
pub use route::{Route, RouteKey};
pub use vendor::Vendor;
