//! What the clients decide, without I/O: no clock, no socket, no randomness but a seeded generator.

pub(crate) mod answer;
pub(crate) mod backoff;
pub(crate) mod duration;
pub(crate) mod endpoint;
pub(crate) mod subscription;
pub(crate) mod zookeeper;
