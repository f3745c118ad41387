//! The fronts. A front brings requests and writes out responses.

pub mod http;
pub mod warm;
pub(crate) mod authorizer;
pub(crate) mod event;
pub(crate) mod load_balancer;
pub(crate) mod lambda;
mod shutdown;
