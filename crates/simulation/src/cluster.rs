//! A model of a Mesos cluster, as PROTOCOL.md tells it, in the scheduler's own terms.
//!
//! Small on purpose, and written from the description of the protocol instead of reusing the
//! embedded cluster: where the two differ, one of them is wrong.

pub(crate) mod agent;
pub(crate) mod executor;
pub(crate) mod master;
