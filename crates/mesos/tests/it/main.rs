//! The declared messages against what is known of Mesos, and the decoders against recordings.
#![expect(
    clippy::disallowed_methods,
    reason = "tests read the fact tables; the crate itself does no I/O"
)]
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

mod malformed;
mod transcripts;
mod wire;

use mesosgot_mesos as mesos;
use prost_reflect::DescriptorPool;

/// Everything that is declared in `proto/`.
fn declared() -> DescriptorPool {
    DescriptorPool::decode(mesos::DESCRIPTORS).unwrap()
}
