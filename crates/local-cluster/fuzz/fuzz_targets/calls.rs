//! Whatever bytes a client sends, a call is read or refused. From this folder's parent:
//! `cargo +nightly fuzz run calls`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    mesosgot_local_cluster::check_call(input);
});
