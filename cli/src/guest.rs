//! Guests on their way into a job: from a folder or a file to a component that an executor runs.
//!
//! - [`build`]: compiles guest projects with cargo.
//! - [`component`]: recognises what a file holds and makes a component of it.

pub(crate) mod build;
pub(crate) mod component;
