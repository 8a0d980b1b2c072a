//! An embedded Mesos-compatible cluster: master and agents on loopback.

mod codec;
mod core;
mod http;
mod master;
