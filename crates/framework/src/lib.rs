//! The scheduler shell: carries out what the scheduler machine decides, against a Mesos master.
//!
//! [`run`] takes a job as plain values and an app scheduler as a function, and answers how the job
//! has ended. It owns sockets, the clock and tasks of the runtime; every decision about the gang
//! is the `scheduler` crate's, every decision about frames the `link` crate's.
//!
//! - [`config`]: what to run and where.
//! - [`survey()`]: where the gang would go.
//! - [`outcome`]: how it ended.
//! - [`store`]: where it is kept what must be remembered of it.
//! - `address`: where others reach what is bound here.
//! - `convert`: the only bridge between wire messages and domain values.
//! - `identity`: the certificate of a run.
//! - `launch`: what a task and its executor look like on the wire.
//! - `modules`: serves modules, and the executor itself, to agents.
//! - [`operator`]: the way into a running job for people.
//! - [`Traffic`]: what goes over the links, to look at.
//! - [`Sandboxes`]: where executors are, to read in their sandboxes.
//! - `usage`: what tasks take, which is shown by [`Traffic`] as well.
//! - `driver`: the loop.

mod address;
pub mod config;
mod convert;
mod driver;
mod identity;
mod launch;
mod modules;
pub mod operator;
pub mod outcome;
mod random;
#[cfg(test)]
mod recordings;
mod sandboxes;
pub mod store;
pub mod survey;
mod traffic;
mod usage;

pub use config::{
    Allow, Delivery, Destination, DirectConfig, DirectMode, ExecutorProgram, Executors, Folder,
    FrameworkConfig, GroupConfig, HttpDestination, MasterConfig, Module, ModuleServing, TlsMode,
};
pub use driver::{run, run_with_store};
pub use mesos_client::{
    Credentials, DisconnectReason, InvalidEndpoint, Masters, RefusedError, Secret, Tls,
};
pub use operator::OperatorError;
pub use outcome::{FrameworkError, JobOutcome};
pub use random::unguessable;
pub use sandboxes::{AgentAddress, SandboxPlace, Sandboxes};
pub use scheduler::{
    Cause, Certainty, Constraint, Delivering, InvalidJob, InvalidPattern, Leftover, NeverPlaced,
    NotUp, Obstacle, OnFailure, Operator, Pattern, PlannedAgent, Progress, Reason, Record,
    Recorded, RecordedTask, Remedy, Restart, Shortfall, Source, Stop, Strategy, TaskReport,
    TaskState, Timing, TooManyRestarts, Unconnected, WaveId,
};
pub use store::{JobDigest, MemoryStore, Store};
pub use survey::{SurveyConfig, survey};
pub use traffic::{ChannelTraffic, LinkTraffic, TaskTraffic, TotalTraffic, Traffic};
pub use usage::{TaskUsage, TotalUsage, UsageWatch};
