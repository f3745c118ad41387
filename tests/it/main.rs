//! The only integration binary. It sends requests to the real functions, as their callers do.

mod front;
mod functions;
mod said;

mod clients;
mod fixtures;
mod http;
mod identity;
mod image;
mod first_use;
mod local;
mod matrix;
mod drop_in;
mod openapi;
mod providers;
mod documents;
mod serve;
mod starting;
mod warm;
mod faults;
mod telemetry;
mod memory;
mod repository;
mod template;
mod tools;
