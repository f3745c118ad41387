//! The fronts: each turns what it gets into requests, and writes responses.

pub mod warm;
pub(crate) mod event;
pub(crate) mod lambda;
