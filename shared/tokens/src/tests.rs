//! Tests of the crate as a whole.

mod cutting;
mod round_trip;
mod vectors;
