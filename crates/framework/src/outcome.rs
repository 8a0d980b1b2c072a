//! How a run has ended.

use std::io;
use std::net::SocketAddr;

use mesos_client::{DisconnectReason, RefusedError, StartError};
use scheduler::{InvalidJob, NeverPlaced, TaskReport, TooManyRestarts, Unconnected};
use thiserror::Error;

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
    #[error("cannot serve modules on `{bind}`")]
    ModuleServer {
        /// The address.
        bind: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The address for direct paths cannot be used, or no certificate could be made for it.
    #[error("cannot listen for direct paths on `{bind}`: {reason}")]
    Direct {
        /// The address.
        bind: SocketAddr,
        /// Why.
        reason: String,
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
