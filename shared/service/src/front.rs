//! Who brings requests.

pub mod warm;
pub(crate) mod event;
pub(crate) mod lambda;
