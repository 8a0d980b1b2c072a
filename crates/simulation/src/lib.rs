//! Whole runs of jobs in one virtual time: the scheduler machine and the channel machine as they
//! are, around them a model of the shell and of a Mesos cluster in which everything goes wrong.
//!
//! A seed decides everything: the job, the agents, what fails and when. [`run`] plays one seed and
//! holds what happens against the promises of the machines ([`Violation`]); [`shrink`] finds out
//! which faults a failure needs.
//!
//! The cluster is written from the description of the protocol, in the terms of the scheduler
//! machine, and shares no code with the embedded cluster: two readings of one description find
//! the mistakes of each other. It is no place for timing, encodings or HTTP.
//!
//! In reading order:
//! - `profile`: what may go wrong, and what does in one run.
//! - `job`: the jobs that are tried.
//! - `net`: the time, what is on its way, and what has happened.
//! - `world`: one run; `world/strikes`: faults of a moment.
//! - `cluster`: master, agents, executors and functions.
//! - `shell`: what `crates/framework` is to the machines.
//! - `checker`: the promises.

mod checker;
mod cluster;
mod job;
mod net;
mod profile;
mod report;
mod shell;
mod violation;
mod world;

pub use net::Happened;
pub use profile::{Fault, Profile};
pub use report::{Failure, run, shrink};
pub use violation::Violation;
