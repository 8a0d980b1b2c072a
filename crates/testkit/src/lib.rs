//! Fixtures and redaction shared by the tests of this workspace.
//!
//! - [`facts`]: fact tables and recordings of a real Mesos, where they exist.
//! - [`http`]: requests as bytes, for what no client would send.
//! - [`pki`]: certificates, for servers behind TLS.
//! - [`zookeeper`]: a real ZooKeeper.

pub mod facts;
pub mod http;
pub mod pki;
pub mod zookeeper;
