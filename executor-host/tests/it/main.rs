//! Real guests, compiled from `tests/guests`, in the executor's host.

mod guests;
mod hosted;
mod inboxes;
mod modules;
mod schedulers;
mod tasks;
