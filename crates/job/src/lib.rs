//! The job file: parsing, defaults, validation and diagnostics.
//!
//! Text in, [`Job`] out, or all that is wrong with it. No I/O: whether a module exists, and whether it
//! is one, is asked of the caller through [`Lookup`]. Drawing the diagnostics is the caller's as well.
//!
//! - [`parse`](parse()): the way in.
//! - [`Job`] and what it is made of: what a file means, defaults filled in.
//! - [`Diagnostics`]: what is wrong, and where.
//! - [`schema`]: the JSON Schema of the file, for editors.

mod advertise;
mod allow;
mod constraint;
mod diagnostic;
mod file;
mod job;
mod master;
mod module;
mod names;
mod near;
mod parse;
mod reading;
mod resolve;
mod shape;
mod spans;
mod tree;
mod units;
mod view;
mod yaml;

pub use advertise::{Advertise, AdvertiseError};
pub use allow::{Allow, Destination, FolderAccess, HttpDestination, HttpHost, Scheme, Transport};
pub use constraint::{Constraint, Operator};
pub use diagnostic::{Diagnostic, Diagnostics, is_said};
pub use file::schema;
pub use job::{
    AMOUNT_MAX, Access, AppScheduler, BACKOFF, BACKOFF_MAX, BACKOFF_MAX_MAX, BACKOFF_MIN,
    CHANNEL_WINDOW, CLUSTER_TIMEOUT, COUNT, CPU_TIME_MIN, CPUS, Channels, Cluster, DISK, Delivery,
    Direct, EXECUTOR_CPUS, EXECUTOR_MEM, Executor, ExecutorBinary, FAILOVER_TIMEOUT, GANG_HOLD,
    GANG_TIMEOUT, GPUS, Gang, Group, IDLE_MIN, Job, KILL_GRACE, KILL_GRACE_MAX, Limits, MEM,
    OnFailure, PORTS, PORTS_BY_NUMBER_MAX, PORTS_MAX, Ports, RESTART_WINDOW, RESTARTS,
    RESTARTS_MAX, ROLE, Restart, Scheduler, Serve, Strategy, TASKS_MAX, TlsMode,
};
pub use master::{Master, MasterError};
pub use module::{Lookup, Module, Named, Objection, PathKind};
pub use names::{NameError, check as check_name};
pub use near::nearest;
pub use parse::{JOB_BYTES_MAX, parse};
pub use units::{Size, UnitError, parse_duration};
pub use view::VIEW_BYTES_MAX;
