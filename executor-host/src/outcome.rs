//! How a task ends, and what Mesos is told about it.
//!
//! It owns the one table from outcome to Mesos state, reason and message: [`Row`] for each
//! [`Ending`], kept in `table`. `docs/task-ends.md` shows it to people; a test holds the two alike,
//! and another has a guest for each row.

mod table;

use std::{fmt, time::Duration};

use mesos::v1::{TaskState, task_status::Reason};

pub use self::table::{Ending, Row};
use crate::{
    limits::{FixedLimitReached, MemoryLimitReached},
    meter::CpuLimitReached,
    modules::ModuleError,
    room::NoRoom,
};

/// How a task's life ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Its function returned `ok`.
    Returned,
    /// Its function returned an error text.
    Failed(String),
    /// It left by WASI's exit, with this code.
    Exited(i32),
    /// It panicked: a trap after a Rust panic message on stderr.
    Panicked {
        /// The panic's place and text.
        text: String,
        /// The wasm frames, innermost first.
        backtrace: String,
    },
    /// It did what wasm forbids.
    Trapped {
        /// What.
        text: String,
        /// The wasm frames, innermost first.
        backtrace: String,
    },
    /// It wanted more memory than it may have.
    MemoryLimit {
        /// How much.
        reached: MemoryLimitReached,
        /// The wasm frames, innermost first; empty when its module did not even fit at the start.
        backtrace: String,
    },
    /// It wanted more of something than any task may have, such as tables, instances or handles.
    FixedLimit {
        /// Of what, and how many.
        reached: FixedLimitReached,
        /// The wasm frames, innermost first; empty when its module did not even fit at the start.
        backtrace: String,
    },
    /// It took more processor time than it may.
    CpuLimit {
        /// How much that is.
        reached: CpuLimitReached,
        /// The wasm frames, innermost first.
        backtrace: String,
    },
    /// It waited for this long, which is longer than it may.
    Idle(Duration),
    /// It did not end within its grace and was stopped by force.
    Stopped,
    /// It was stopped before its function began.
    NeverBegan,
    /// Its module could not be used.
    Module(ModuleError),
    /// The system does not give the executor enough for it.
    NoRoom(NoRoom),
    /// The executor could not take it.
    Refused(String),
    /// The executor's own code failed while it ran this task.
    HostFault(String),
}

/// Whether a task was told to stop before it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// It ended by itself.
    No,
    /// A kill or the shutdown of the executor asked for it.
    Yes,
}

/// What Mesos is told about the end of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskEnd {
    /// Always terminal.
    pub state: TaskState,
    /// Mesos's reason, where one fits.
    pub reason: Option<Reason>,
    /// A text for people, of at most [`MESSAGE_BYTES_MAX`] bytes.
    pub message: Option<String>,
}

/// The most of a task's text that a status update carries. The master keeps a thousand tasks a
/// framework and answers all of them in one response; a backtrace of 32 frames fits.
pub const MESSAGE_BYTES_MAX: usize = 8 * 1024;

impl Outcome {
    /// The row of the table that tells it.
    pub fn ending(&self) -> Ending {
        match self {
            Self::Returned => Ending::Returned,
            Self::Failed(_) => Ending::Failed,
            Self::Exited(0) => Ending::ExitedWell,
            Self::Exited(_) => Ending::Exited,
            Self::Panicked { .. } => Ending::Panicked,
            Self::Trapped { .. } => Ending::Trapped,
            Self::MemoryLimit { .. } => Ending::MemoryLimit,
            Self::FixedLimit { .. } => Ending::FixedLimit,
            Self::CpuLimit { .. } => Ending::CpuLimit,
            Self::Idle(_) => Ending::Idle,
            Self::Stopped => Ending::Stopped,
            Self::NeverBegan => Ending::NeverBegan,
            Self::Module(ModuleError::Fetch { .. }) => Ending::ModuleNotFetched,
            Self::Module(ModuleError::Import(_)) => Ending::ImportMissing,
            Self::Module(ModuleError::Export { .. }) => Ending::ExportMissing,
            Self::Module(_) => Ending::BadModule,
            Self::NoRoom(_) => Ending::NoRoom,
            Self::Refused(_) => Ending::Refused,
            Self::HostFault(_) => Ending::HostFault,
        }
    }

    /// Whether wasm stopped it where it was: a trap, by its own doing or by a limit.
    pub(crate) fn is_trap(&self) -> bool {
        matches!(
            self,
            Self::Panicked { .. }
                | Self::Trapped { .. }
                | Self::MemoryLimit { .. }
                | Self::FixedLimit { .. }
                | Self::CpuLimit { .. }
        )
    }
}

impl TaskEnd {
    /// What the table says about it.
    pub fn of(outcome: &Outcome, asked: Asked) -> Self {
        let row = outcome.ending().row();
        let state = match asked {
            Asked::No => row.state.unwrap_or(Row::AFTER_A_KILL),
            Asked::Yes => Row::AFTER_A_KILL,
        };
        let message = match (outcome, asked) {
            (Outcome::Returned, Asked::No) => None,
            // An error without a text is told by the state alone.
            (Outcome::Failed(text), Asked::No) if text.is_empty() => None,
            _ => Some(bounded(outcome.to_string(), MESSAGE_BYTES_MAX)),
        };
        Self {
            state,
            reason: row.reason,
            message,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Returned => f.write_str("the task returned"),
            Self::Failed(text) if text.is_empty() => f.write_str("the task returned an error"),
            Self::Failed(text) | Self::Refused(text) => f.write_str(text),
            Self::Exited(code) => write!(f, "the task exited with code {code}"),
            Self::Panicked { text, backtrace } | Self::Trapped { text, backtrace } => {
                write!(f, "{text}{}", Backtrace(backtrace))
            }
            Self::MemoryLimit { reached, backtrace } => {
                write!(
                    f,
                    "{reached}; raise `mem` of the group{}",
                    Backtrace(backtrace)
                )
            }
            Self::FixedLimit { reached, backtrace } => {
                write!(f, "{reached}{}", Backtrace(backtrace))
            }
            Self::CpuLimit { reached, backtrace } => {
                write!(
                    f,
                    "{reached}; raise `limits.cpu_time` of the group{}",
                    Backtrace(backtrace)
                )
            }
            Self::Idle(limit) => write!(
                f,
                "idle limit: nothing came for {limit:?}; raise `limits.idle` of the group"
            ),
            Self::Stopped => {
                f.write_str("the task did not end within its grace period and was stopped by force")
            }
            Self::NeverBegan => f.write_str("the task was stopped before its function began"),
            Self::Module(error) => write!(f, "{error}"),
            Self::NoRoom(error) => write!(f, "{error}"),
            Self::HostFault(text) => write!(f, "the executor failed while it ran the task: {text}"),
        }
    }
}

/// The frames of a guest, below what is said of its end; nothing if there are none.
pub(crate) struct Backtrace<'a>(pub(crate) &'a str);

impl fmt::Display for Backtrace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            "" => Ok(()),
            frames => write!(f, "\nwasm backtrace:\n{}", frames.trim_end()),
        }
    }
}

/// `text`, or its beginning and how much is missing.
fn bounded(mut text: String, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text;
    }
    let whole = text.len();
    // Room for the note with the largest number in it.
    let mut end = bytes_max.saturating_sub(48);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    let missing = whole - end;
    text.push_str(&format!("… ({missing} more bytes)"));
    text
}

#[cfg(test)]
mod tests;
