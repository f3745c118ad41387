//! See `fuzz::jwt`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: fuzz::jwt::Input| input.check());
