//! Real guests, compiled from `tests/guests`, in the executor's host.

mod agent;
mod executors;
mod guests;
mod hosted;
mod inboxes;
mod modules;
mod schedulers;
mod tasks;
