//! An embedded Mesos-compatible cluster: a master and its agents, on loopback, in this process.
//!
//! To a client of the v1 HTTP APIs it looks like Apache Mesos: the same calls, events, texts and
//! timers, JSON or protobuf, executors as processes of their own. It is for one machine, for
//! trying things out and for tests; state lives in memory.
//!
//! ```no_run
//! use mesos::resources::Resources;
//! use mesosgot_local_cluster::{AgentConfig, ClusterConfig, LocalCluster};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let agent = AgentConfig::new(Resources::parse("cpus:4;mem:4096;ports:[31000-31099]")?);
//! let cluster = LocalCluster::start(ClusterConfig::new(vec![agent])).await?;
//! // Frameworks subscribe at `cluster.master_address()`.
//! cluster.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! - `cluster`: start and stop of the whole, and the trouble that a test can make in it.
//! - `core`: what a master and an agent decide, as machines without I/O.
//! - `master`, `agent`: the loops that drive them; `switchboard`: which master leads, and the links
//!   between it and the agents; `member`, `election`: how a master comes to lead; `queue`: what they
//!   tell each other.
//! - `authentication`: who may speak to them.
//! - `http`, `codec`: the APIs and their two encodings.
//! - `containerizer`, `fetcher`, `sandbox`: executor processes and what they need; `files`: what
//!   operators may read of it.

#![expect(unexpected_cfgs, reason = "`fuzzing` is what cargo fuzz sets")]

mod agent;
mod authentication;
mod cluster;
mod codec;
mod containerizer;
mod core;
mod election;
mod error;
mod fetcher;
mod files;
mod http;
mod master;
mod member;
mod queue;
#[cfg(test)]
mod recordings;
mod sandbox;
mod switchboard;

pub use crate::authentication::{Authentication, Credentials, ExecutorKey, ParseCredentialsError};
pub use crate::core::chaos::{Chaos, ChaosPlan, ParseChaosError, PlannedFault, Profile};
pub use crate::core::faults::{
    Fault, FaultField, FaultKind, Faults, MessageCounts, MessageFaults, ParseFaultError,
    UpdateCounts,
};
pub use cluster::{AgentConfig, ClusterConfig, Happening, LocalCluster, StartError, Trouble};
/// Checks what holds of every call: for the fuzz target, which alone sees it.
#[cfg(fuzzing)]
pub fn check_call(input: &[u8]) {
    codec::check::check(input);
}
