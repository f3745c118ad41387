//! Everything impure that the token functions share. A function is a list of [`Route`]s given to [`serve`].
//!
//! An event enters [`serve`], which finds its route, the caller's verified identity ([`Caller`], [`Backend`]) and what
//! is asked for ([`params`]). The route's own `grant` decides, from these two alone, which token that makes: a
//! *description* from the `tokens` crate, or a [`Problem`]. Then `serve` adds the moment and the randomness, signs with the
//! vendor's key, and answers. A `grant` never sees a secret, a clock or a status code.
//!
//! A function that mints nothing is [`answer`]'s: the one that keeps the others [`warm`].

mod front;
mod request;
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
mod vendor;
mod response;
mod minted;
mod system;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;

pub use front::lambda::{InvocationError, answer, cannot_start, serve};
pub use front::warm;
pub use identity::{Backend, Caller, Callers};
pub use problem::Problem;
pub use route::{Route, RouteKey};
pub use vendor::Vendor;
