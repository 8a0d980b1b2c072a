//! The guests, compiled once for all tests.

use std::{path::Path, process::Command, sync::LazyLock};

/// Enough for any guest that does not mean to reach it.
pub(crate) const MEMORY: u64 = 16 << 20;

/// The component of `tests/guests/task`.
pub(crate) fn task() -> &'static [u8] {
    static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| component("test-task", "test_task.wasm"));
    &BYTES
}

/// The component of `tests/guests/web`.
pub(crate) fn web() -> &'static [u8] {
    static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| component("test-web", "test_web.wasm"));
    &BYTES
}

/// The component of `tests/guests/scheduler`.
pub(crate) fn scheduler() -> &'static [u8] {
    static BYTES: LazyLock<Vec<u8>> =
        LazyLock::new(|| component("test-scheduler", "test_scheduler.wasm"));
    &BYTES
}

fn component(package: &str, file: &str) -> Vec<u8> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("it lies in the target");
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--target", "wasm32-wasip2"])
        .args(["--package", package, "--target-dir"])
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        // What cargo sets for this test is not meant for the guest.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status()
        .expect("cargo runs");
    assert!(status.success(), "`{package}` does not build");
    let path = target.join("wasm32-wasip2/release").join(file);
    std::fs::read(&path).unwrap_or_else(|error| panic!("`{}`: {error}", path.display()))
}
