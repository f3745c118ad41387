//! The one integration binary: the real functions, asked as their callers ask them.

mod functions;
mod said;

mod clients;
mod fixtures;
mod http;
mod local;
mod matrix;
mod openapi;
mod starting;
mod warm;
mod faults;
mod telemetry;
mod memory;
mod repository;
mod template;
mod tools;
