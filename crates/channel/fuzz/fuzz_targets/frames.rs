//! Whatever bytes a peer sends, an end answers with values. From this folder's parent:
//! `cargo +nightly fuzz run frames`.

#![no_main]

#[path = "../check.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    check::check(input);
});
