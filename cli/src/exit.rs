//! The exit codes: the only place that decides them.

use std::process::ExitCode;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The job succeeded, or the command did what it was asked for.
    Success,
    /// The job failed, or the command could not be done.
    Failure,
    /// The command line or the job file is wrong.
    Usage,
    /// The cluster cannot be reached or refused us.
    Cluster,
    /// The gang was never placed.
    NeverPlaced,
    /// Interrupted by the user.
    Interrupted,
}

impl Exit {
    /// The number that the shell sees.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failure => 1,
            Self::Usage => 2,
            Self::Cluster => 3,
            Self::NeverPlaced => 4,
            // 128 + SIGINT, as shells count.
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
