//! Recordings of a real Mesos, played again: to the embedded cluster, or to another real Mesos.
//!
//! A recording holds what schedulers, executors and operators sent, and what a master and its
//! agents answered. The [`player`] sends the same again, with the ids that are current in the
//! place of those that were, and compares all that comes back, field by field. Only what cannot be
//! the same may differ, and [`compare`] lists it.
//!
//! In reading order:
//!
//! - [`recording`]: the files.
//! - [`mapping`]: which id, address or path of the recording is which one here.
//! - [`compare`]: two values, and what may differ.
//! - [`cut`]: bodies of which a recording has only the begin.
//! - [`event`]: records of a stream, and the orders that Mesos keeps and does not keep.
//! - [`protobuf`]: messages as JSON, and back.
//! - [`wire`]: connections on which nothing is hidden.
//! - [`executor`]: executor processes that do what the player says.
//! - [`token`]: tokens of executors, made anew with the ids of here.
//! - [`target`]: the cluster that is played to.
//! - [`player`]: one recording from start to end.
//! - [`known`]: what differs and is known to.

pub mod compare;
pub mod cut;
pub mod event;
pub mod executor;
pub mod known;
pub mod mapping;
pub mod player;
pub mod protobuf;
pub mod recording;
pub mod target;
pub mod token;
pub mod wire;
