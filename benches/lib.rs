//! Nothing but the benches beside it: `make bench` runs them.
