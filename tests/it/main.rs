//! The one integration binary: the real functions, asked as their callers ask them.

mod functions;
mod said;

mod clients;
mod fixtures;
mod http;
mod matrix;
mod openapi;
mod starting;
mod telemetry;
mod repository;
mod template;
mod tools;
