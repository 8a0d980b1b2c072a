//! How a run has ended.

use std::io;
use std::net::SocketAddr;

use mesos::AgentId;
use mesos_client::{DisconnectReason, RefusedError, StartError};
use scheduler::{InvalidJob, NeverPlaced, TaskReport, TooManyRestarts, Unconnected};
use thiserror::Error;

/// The largest ACCEPT that is sent, 64 MiB. Mesos has no limit of its own, but protobuf had this one
/// for long, and nothing larger than 65 MiB has been seen to pass (PROTOCOL §1, §10). A task takes
/// about a kilobyte beside its arguments and environment, so that 50,000 on one agent fit.
pub(crate) const ACCEPT_BYTES_MAX: usize = 64 << 20;

/// How a job has ended that a cluster has taken.
#[derive(Debug, Clone, PartialEq)]
pub enum JobOutcome {
    /// The app scheduler returned well and no task failed.
    Succeeded,
    /// A task failed, and with it the job.
    TaskFailed(TaskReport),
    /// A task failed more often than it may be restarted.
    TooManyRestarts(TooManyRestarts),
    /// The app scheduler failed.
    AppFailed {
        /// What it returned, or its backtrace.
        message: String,
    },
    /// Not all tasks were up within `gang.timeout`, at first or after a restart.
    NeverPlaced(NeverPlaced),
    /// An executor could not connect, and the job requires direct paths.
    Unconnected(Unconnected),
    /// Somebody asked for the end.
    Interrupted,
}

/// Why a job could not be run, by who must act.
#[derive(Debug, Error)]
pub enum FrameworkError {
    /// The job is at fault: no cluster could run it.
    #[error("job cannot be run")]
    InvalidJob(#[from] InvalidJob),
    /// An executor without a program, or another fault of the configuration.
    #[error("executor program has no path")]
    NoExecutorProgram,
    /// The address for modules cannot be used.
    #[error("cannot serve modules on `{bind}`: {reason}")]
    ModuleServer {
        /// The address.
        bind: SocketAddr,
        /// Why.
        reason: String,
    },
    /// What was given as our certificate is none.
    #[error("cannot use our certificate: {0}")]
    Certificate(String),
    /// The address for direct paths cannot be used, or no certificate could be made for it.
    #[error("cannot listen for direct paths on `{bind}`: {reason}")]
    Direct {
        /// The address.
        bind: SocketAddr,
        /// Why.
        reason: String,
    },
    /// So many tasks were to be launched on one agent that the call is larger than what masters are
    /// known to take: fewer tasks on an agent would do, or shorter arguments and environments. An
    /// offer can be accepted once only, so the call cannot be cut into several.
    #[error(
        "cannot launch {tasks} tasks on agent `{agent}`: the call has {bytes} bytes, and masters \
         are known to take {ACCEPT_BYTES_MAX}"
    )]
    LaunchTooLarge {
        /// The agent.
        agent: AgentId,
        /// So many tasks.
        tasks: usize,
        /// The size of the call that would launch them.
        bytes: usize,
    },
    /// What must be remembered could not be kept.
    #[error("cannot keep what must be remembered of the job")]
    Store(#[source] io::Error),
    /// Certificates or credentials cannot be used.
    #[error("cannot connect to a master")]
    Start(#[from] StartError),
    /// No master took the subscription in time; perhaps the address is wrong.
    #[error("no master has taken the subscription: {}", match reason {
        Some(reason) => reason.to_string(),
        None => "no answer".to_owned(),
    })]
    Unreachable {
        /// What the last attempt ended with, if one has ended.
        reason: Option<DisconnectReason>,
    },
    /// A master refused the framework, at once or later.
    #[error(transparent)]
    Refused(RefusedError),
    /// The client of the master has ended although nobody asked it to: a bug.
    #[error("the connection to the master has ended unasked")]
    ClientEnded,
}
