//! What must hold for any input at all. The files in `fuzz_targets` give it to libFuzzer.
//!
//! * [`parse`]: any text as a token, and any content in a token that is genuinely signed.
//! * [`event`]: any bytes as an event, to every function with its real routes.
//! * [`claims`]: any identity asking any route for anything, under any policy.
//!
//! The last two hand each answer to the same `judge`, which works out from the event alone who asks and what they may
//! have, and opens the token to see what it says. It shares no code with the service's own reading of identities.

mod function;
mod running;
mod judge;

pub mod claims;
pub mod event;
pub mod parse;
