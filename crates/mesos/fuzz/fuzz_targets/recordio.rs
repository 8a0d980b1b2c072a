//! Whatever bytes a peer sends are read alike however they are cut. From this folder's parent:
//! `cargo +nightly fuzz run recordio`.

#![no_main]

#[allow(dead_code, reason = "each target has one of the checks")]
#[path = "../check.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let _ = check::recordio(input);
});
