//! Repository chores, as functions that tests call too.
//!
//! - [`tidy`]: rules of this repository that no compiler knows.
//! - [`licenses`]: the licences of everything that is linked, against `deny.toml`.
//! - [`chaos`]: a job on embedded clusters that misbehave.
//! - [`simulate`]: jobs in a world where everything goes wrong.
//! - [`executor`]: the executor as it is deployed.
//! - [`repository`]: the files and the packages that both look at.
//! - [`source`]: Rust source taken apart just far enough for the rules.

pub mod chaos;
pub mod executor;
pub mod licenses;
pub mod repository;
pub mod simulate;
pub mod source;
pub mod tidy;
