//! Guests on their way into a job: from a folder or a file to a component that an executor runs.
//!
//! - `projects`: what cargo knows of guest projects.
//! - [`build`]: compiles them with cargo; `progress` reads how far it is.
//! - [`fetch`]: fetches modules that are named by an address.
//! - `fresh`: knows whether that would make anything new.
//! - [`component`]: recognises what a file holds and makes a component of it.
//! - [`imports`]: what a component imports, and whether anybody gives that.

pub(crate) mod build;
pub(crate) mod component;
pub(crate) mod fetch;
mod fresh;
pub(crate) mod imports;
mod progress;
mod projects;
