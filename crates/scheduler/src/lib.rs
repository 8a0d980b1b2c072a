//! What a Mesos framework decides that launches a whole gang of tasks or none of it.
//!
//! No I/O, no clock, no threads: [`Scheduler`] takes what has happened and answers what is to be
//! done, so that a test can play a day of a cluster in a millisecond. The shell around it is the
//! `framework` crate; wire messages stop there.
//!
//! In reading order:
//! - [`job`]: what is to run, as plain values.
//! - [`io`]: everything that the machine hears and says, on one page.
//! - [`machine`]: the life of a job, from the first subscription to the teardown.
//! - [`constraint`]: where tasks of a group may go.
//! - [`placement`]: which task goes to which agent, and why a gang does not fit.
//! - [`plan`]: where a gang would go.
//! - [`offers`]: which offers are held, and which are given back.
//! - [`ledger`]: the states of all tasks; nothing else changes them.
//! - [`record`]: what must be known to take a job back.
//! - [`policy`]: what the end of a task means for the job.
//! - [`status`]: task states and reasons as values.

mod bucket;
pub mod constraint;
mod interest;
pub mod io;
pub mod job;
pub mod ledger;
pub mod machine;
pub mod offers;
pub mod placement;
pub mod plan;
pub mod policy;
mod reconcile;
pub mod record;
mod repeat;
pub mod status;
mod wait_status;

pub use constraint::{
    Attribute, AttributeValue, Constraint, InvalidPattern, Operator, Pattern, REGION, ZONE,
};
pub use io::{
    Call, CallFault, Command, Delivering, ExecutorLaunch, FailedCall, Failure, Input, JobEvent,
    JobEventKind, NeverPlaced, NotUp, Outcome, Output, Progress, SpawnFailed, SpawnId, Stop,
    TaskLaunch, TaskReport, TooManyRestarts, Unconnected, WaveId,
};
pub use job::{Barrier, Group, InvalidJob, Job, OnFailure, Restart, Strategy, Timing};
pub use machine::{KillRefused, Phase, RestartRefused, Scheduler, SpawnRefused, TaskView};
pub use offers::Offer;
pub use placement::{Cause, Certainty, Leftover, Measure, Obstacle, PORTS, Remedy, Shortfall};
pub use plan::{Plan, PlannedAgent};
pub use record::{Record, Recorded, RecordedTask};
pub use status::{Reason, Source, StatusUpdate, TaskState, Uuid};
