//! Whole runs against a cluster in this process that is told how its tasks behave.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are tests, which clippy does not see"
)]

mod cluster;
mod direct;
mod operator;
mod runs;
mod scale;
mod store;
mod teardown;
