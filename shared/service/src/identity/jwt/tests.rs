//! Whole tokens: those that are verified, and those that must not be.

mod good;
mod providers;
mod attacks;
mod claim_types;
mod any_bytes;
