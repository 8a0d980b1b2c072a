//! An embedded Mesos-compatible cluster: master and agents on loopback.

mod agent;
mod codec;
mod containerizer;
mod core;
mod error;
mod fetcher;
mod http;
mod sandbox;
