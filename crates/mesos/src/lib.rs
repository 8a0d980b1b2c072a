//! Mesos v1 messages, RecordIO, typed ids and the resource algebra.
//!
//! No I/O, no clock, no randomness: what is here can be used by every core.
//!
//! - [`v1`]: the wire messages, generated from `proto/`; they stop at the shells.
//! - [`protobuf`]: the few of protobuf's own messages that they use.
//! - [`recordio`]: the framing of event streams.
//! - [`ids`]: one type for each kind of id.
//! - [`master`]: how people write down where masters are.
//! - [`attributes`]: those of an agent's command line.
//! - [`resources`]: what agents have, offers hold and tasks take, and how to compute with it.
//! - [`zookeeper`]: where masters register, and how that is talked to.

pub mod attributes;
pub mod ids;
pub mod master;
pub mod recordio;
pub mod resources;
pub mod zookeeper;

pub use ids::{AgentId, ContainerId, ExecutorId, FrameworkId, OfferId, TaskId};
pub use protos::google::protobuf;
pub use protos::mesos::v1;
pub use resources::{Resource, Resources, Scalar};

/// Descriptors of all messages in [`v1`], an encoded `google.protobuf.FileDescriptorSet`.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// The messages of the Mesos v1 HTTP APIs, as generated from `proto/`.
#[allow(missing_docs, reason = "the fields are documented in the .proto files")]
#[allow(
    clippy::all,
    clippy::use_self,
    unreachable_pub,
    reason = "generated code"
)]
mod protos {
    include!(concat!(env!("OUT_DIR"), "/protos.rs"));
}
