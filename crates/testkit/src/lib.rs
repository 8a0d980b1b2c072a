//! Fixtures and redaction shared by the tests of this workspace.
//!
//! - [`facts`]: fact tables and recordings of a real Mesos, where they exist.

pub mod facts;
