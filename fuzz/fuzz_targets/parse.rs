//! See `fuzzed::parse`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzed::parse::check(data));
