//! The generic Mesos executor: hosts a job's tasks as wasm instances.
//!
//! One process of it runs on an agent for each job. It speaks the v1 executor API, and its tasks
//! speak with the job's app scheduler over a link. Guests are components that fulfil a world of
//! `sdk/wit`; each is an instance of its own with limits of its own, and the end of one is never
//! the end of another.
//!
//! Reading order: `core` decides what happens to tasks, [`run`] does it; [`task`] runs one
//! guest on what [`modules`] compiled, [`engine`] has all of wasmtime's settings, [`outcome`] says
//! what Mesos is told. [`app_scheduler`] runs the other kind of guest, for `mesosgot` itself.

mod core;

pub mod app_scheduler;
pub mod engine;
pub mod inbox;
pub mod interfaces;
pub mod modules;
pub mod outcome;
pub mod output;
pub mod task;

#[expect(
    unreachable_pub,
    reason = "generated code names them, and it is all public"
)]
mod bindings;
mod errands;
mod executor;
mod files;
mod grants;
mod guest;
mod handles;
#[expect(
    unreachable_pub,
    reason = "the generated bindings re-export the types of handles"
)]
mod host;
mod http;
mod limits;
mod listings;
mod lookups;
mod meter;
mod program;
mod room;
mod sockets;
mod turns;

/// By this the file of an executor is known to be of the same version as another program; it is in
/// every program that is one.
pub const VERSION_MARK: &str = concat!("mesosgot-executor/", env!("CARGO_PKG_VERSION"), ";");

pub use executor::{Exit, LaunchError, RunError, run};
pub use grants::FOLDERS_FILE;
pub use grants::{
    Allow, Destination, Folder, HttpDestination, HttpHost, Sandbox, Scheme, Transport,
};
pub use limits::{FixedLimitReached, MemoryLimitReached, Parts, TaskLimits};
pub use meter::{CpuLimitReached, Usage};
pub use program::program;
pub use room::{NoRoom, handles_for, maps_for, room_for};
