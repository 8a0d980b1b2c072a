//! The ends of the channels as the platform has them: the host's resources on WebAssembly,
//! queues in memory everywhere else. Both modules have the same shape.

#[cfg(not(target_family = "wasm"))]
mod memory;
#[cfg(target_family = "wasm")]
mod wasm;

#[cfg(not(target_family = "wasm"))]
pub(crate) use memory::{
    Control, Events, Job, Pollable, Receiver, Sender, TaskReceiver, TaskSender, poll,
};
#[cfg(target_family = "wasm")]
pub(crate) use wasm::{
    Control, Events, Pollable, Receiver, Sender, TaskReceiver, TaskSender, poll,
};

/// What a wait for nothing says when it panics.
const NOTHING_TO_WAIT_FOR: &str =
    "select has nothing to wait for: no source can become ready, and there is no timeout";
