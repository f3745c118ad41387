//! The fronts. A front brings requests and writes out responses.

pub mod warm;
pub(crate) mod event;
pub(crate) mod lambda;
