//! The clients against servers in this process that do what a test tells them.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are tests, which clippy does not see"
)]

mod containers;
mod examples;
mod executor;
mod fake;
mod json;
mod operator;
mod probe;
mod recordings;
mod scheduler;
mod tls;
mod typed;
mod zookeeper;
