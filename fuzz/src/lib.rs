//! What must hold for every input. The files in `fuzz_targets` give these checks to libFuzzer.
//!
//! * [`parse`]: any text as a token, and any content in a token that is genuinely signed.
//! * [`event`]: any bytes as an event, to every function with its real routes.
//! * [`claims`]: any identity asking any route for anything, under any policy.
//! * [`jwt`]: any bytes as a JWT, and any content in a JWT that is genuinely signed.
//!
//! `event` and `claims` give each answer to the same `judge`. It works out from the event alone who asks and what this caller
//! may have. Then it opens the token and compares. It shares no code with the part of the service that reads
//! identities. `jwt` has a judge of its own.

mod function;
mod drop_in;
mod running;
mod judge;

pub mod claims;
pub mod event;
pub mod jwt;
pub mod parse;
