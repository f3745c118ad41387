//! What all functions share: a request in, a response out. A function is a list of [`Route`]s for [`serve`].
//!
//! 1. A front turns an event into a request, with a verified identity or without one.
//! 2. The function finds the route. It checks the caller ([`Caller`], [`Backend`]) and takes the parameters ([`params`]).
//! 3. The route's own `grant` decides from these two which token that makes. It returns a *description* from the `tokens`
//!    crate, or a [`Problem`]. It never sees a secret, a clock or a status code.
//! 4. The function adds the moment and the randomness, signs with the vendor's key, and responds. The front writes that out.
//!
//! [`answer`] serves a function that mints nothing: the one that keeps the others [`warm`].

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
