//! Fixtures and redaction shared by the tests of this workspace.

pub mod http;
