//! Real guests, compiled from `tests/guests`, in the executor's host.
#![expect(
    clippy::unwrap_used,
    reason = "a test ends where something does not hold"
)]

mod agent;
mod components;
mod direct;
mod ends;
mod executors;
mod grants;
mod guests;
mod handles;
mod hosted;
mod hostile;
mod http;
mod inboxes;
mod life;
mod modules;
mod modules_over_link;
mod output;
mod pinned;
mod running;
mod schedulers;
mod smith;
mod tasks;
mod threads;
mod usages;
