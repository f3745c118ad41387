//! See `fuzz::claims`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: fuzz::claims::Input| input.check());
