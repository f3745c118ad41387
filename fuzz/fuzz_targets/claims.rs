//! See `fuzzed::claims`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: fuzzed::claims::Input| input.check());
