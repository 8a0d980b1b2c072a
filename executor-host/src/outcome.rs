//! How a task ends, and what Mesos is told about it.
//!
//! It owns the one table from outcome to Mesos state, reason and message, [`TaskEnd::of`]:
//!
//! | outcome | state | after a kill | reason | message |
//! |---|---|---|---|---|
//! | returned `ok`, or exit code 0 | `TASK_FINISHED` | `TASK_KILLED` | | how it ended, after a kill |
//! | returned an error | `TASK_FAILED` | `TASK_KILLED` | | the error's text |
//! | exit code | `TASK_FAILED` | `TASK_KILLED` | | the code |
//! | panic | `TASK_FAILED` | `TASK_KILLED` | | the panic's text, wasm backtrace |
//! | trap | `TASK_FAILED` | `TASK_KILLED` | | the trap, wasm backtrace |
//! | memory limit | `TASK_FAILED` | `TASK_KILLED` | `CONTAINER_LIMITATION_MEMORY` | limit, wish, wasm backtrace |
//! | CPU limit | `TASK_FAILED` | `TASK_KILLED` | `CONTAINER_LIMITATION` | limit, wasm backtrace |
//! | idle limit | `TASK_FAILED` | `TASK_KILLED` | `CONTAINER_LIMITATION` | limit |
//! | stopped by force | | `TASK_KILLED` | | that it did not end within its grace |
//! | stopped before its function began | | `TASK_KILLED` | `TASK_KILLED_DURING_LAUNCH` | |
//! | module unusable | `TASK_FAILED` | `TASK_KILLED` | `CONTAINER_LAUNCH_FAILED` | what is wrong with it |
//! | launch refused | `TASK_FAILED` | `TASK_KILLED` | `TASK_INVALID` | why |
//! | host fault | `TASK_FAILED` | `TASK_KILLED` | | that it is the executor's fault |

use std::{fmt, time::Duration};

use mesos::v1::{TaskState, task_status::Reason};

use crate::{limits::MemoryLimitReached, meter::CpuLimitReached, modules::ModuleError};

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

impl TaskEnd {
    /// The table at the top of this module.
    pub fn of(outcome: &Outcome, asked: Asked) -> Self {
        let state = match (outcome, asked) {
            // These two come about only because someone asked.
            (Outcome::Stopped | Outcome::NeverBegan, _) | (_, Asked::Yes) => TaskState::TaskKilled,
            (Outcome::Returned | Outcome::Exited(0), Asked::No) => TaskState::TaskFinished,
            (_, Asked::No) => TaskState::TaskFailed,
        };
        let reason = match outcome {
            Outcome::MemoryLimit { .. } => Some(Reason::ContainerLimitationMemory),
            Outcome::CpuLimit { .. } | Outcome::Idle(_) => Some(Reason::ContainerLimitation),
            Outcome::NeverBegan => Some(Reason::TaskKilledDuringLaunch),
            Outcome::Module(_) => Some(Reason::ContainerLaunchFailed),
            Outcome::Refused(_) => Some(Reason::TaskInvalid),
            _ => None,
        };
        let message = match (outcome, asked) {
            (Outcome::Returned, Asked::No) => None,
            // An error without a text is told by the state alone.
            (Outcome::Failed(text), _) if text.is_empty() => None,
            _ => Some(bounded(outcome.to_string(), MESSAGE_BYTES_MAX)),
        };
        Self {
            state,
            reason,
            message,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Returned => f.write_str("the task returned"),
            Self::Failed(text) | Self::Refused(text) => f.write_str(text),
            Self::Exited(code) => write!(f, "the task exited with code {code}"),
            Self::Panicked { text, backtrace } | Self::Trapped { text, backtrace } => {
                f.write_str(text)?;
                write_backtrace(f, backtrace)
            }
            Self::MemoryLimit { reached, backtrace } => {
                write!(f, "{reached}")?;
                write_backtrace(f, backtrace)
            }
            Self::CpuLimit { reached, backtrace } => {
                write!(f, "{reached}")?;
                write_backtrace(f, backtrace)
            }
            Self::Idle(limit) => write!(f, "idle limit: nothing came for {limit:?}"),
            Self::Stopped => {
                f.write_str("the task did not end within its grace period and was stopped by force")
            }
            Self::NeverBegan => f.write_str("the task was stopped before its function began"),
            Self::Module(error) => write!(f, "{error}"),
            Self::HostFault(text) => write!(f, "the executor failed while it ran the task: {text}"),
        }
    }
}

fn write_backtrace(f: &mut fmt::Formatter<'_>, backtrace: &str) -> fmt::Result {
    if backtrace.is_empty() {
        return Ok(());
    }
    write!(f, "\nwasm backtrace:\n{}", backtrace.trim_end())
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
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(outcome: &Outcome, itself: Expect, killed: Expect) {
        for (asked, expected) in [(Asked::No, itself), (Asked::Yes, killed)] {
            let TaskEnd {
                state,
                reason,
                message,
            } = TaskEnd::of(outcome, asked);
            let reason = reason.map_or("-", |reason| reason.as_str_name());
            let message = message.unwrap_or_else(|| "-".to_owned());
            expected.assert_eq(&format!("{} {reason} {message}", state.as_str_name()));
        }
    }

    #[test]
    fn a_return_finishes_a_task_and_ends_a_killed_one() {
        check(
            &Outcome::Returned,
            expect!["TASK_FINISHED - -"],
            expect!["TASK_KILLED - the task returned"],
        );
        check(
            &Outcome::Exited(0),
            expect!["TASK_FINISHED - the task exited with code 0"],
            expect!["TASK_KILLED - the task exited with code 0"],
        );
    }

    #[test]
    fn an_error_an_exit_code_and_a_fault_fail_a_task() {
        check(
            &Outcome::Failed("no lift".to_owned()),
            expect!["TASK_FAILED - no lift"],
            expect!["TASK_KILLED - no lift"],
        );
        check(
            &Outcome::Failed(String::new()),
            expect!["TASK_FAILED - -"],
            expect!["TASK_KILLED - -"],
        );
        check(
            &Outcome::Exited(3),
            expect!["TASK_FAILED - the task exited with code 3"],
            expect!["TASK_KILLED - the task exited with code 3"],
        );
        check(
            &Outcome::HostFault("index out of bounds".to_owned()),
            expect!["TASK_FAILED - the executor failed while it ran the task: index out of bounds"],
            expect!["TASK_KILLED - the executor failed while it ran the task: index out of bounds"],
        );
    }

    #[test]
    fn a_trap_and_a_panic_carry_their_backtrace() {
        let backtrace = "  0: a\n  1: b\n".to_owned();
        check(
            &Outcome::Trapped {
                text: "unreachable".to_owned(),
                backtrace: backtrace.clone(),
            },
            expect!["TASK_FAILED - unreachable\nwasm backtrace:\n  0: a\n  1: b"],
            expect!["TASK_KILLED - unreachable\nwasm backtrace:\n  0: a\n  1: b"],
        );
        check(
            &Outcome::Panicked {
                text: "panicked at a.rs:1:1:\noh".to_owned(),
                backtrace,
            },
            expect!["TASK_FAILED - panicked at a.rs:1:1:\noh\nwasm backtrace:\n  0: a\n  1: b"],
            expect!["TASK_KILLED - panicked at a.rs:1:1:\noh\nwasm backtrace:\n  0: a\n  1: b"],
        );
    }

    #[test]
    fn a_memory_limit_is_a_container_limitation() {
        let reached = MemoryLimitReached {
            wanted: 300,
            limit: 200,
        };
        check(
            &Outcome::MemoryLimit {
                reached,
                backtrace: String::new(),
            },
            expect![
                "TASK_FAILED REASON_CONTAINER_LIMITATION_MEMORY memory limit: 300 bytes were wanted, 200 bytes are allowed"
            ],
            expect![
                "TASK_KILLED REASON_CONTAINER_LIMITATION_MEMORY memory limit: 300 bytes were wanted, 200 bytes are allowed"
            ],
        );
    }

    #[test]
    fn the_limits_of_time_are_container_limitations() {
        check(
            &Outcome::CpuLimit {
                reached: CpuLimitReached {
                    limit: Duration::from_millis(1500),
                },
                backtrace: "  0: spin\n".to_owned(),
            },
            expect![[r#"
                TASK_FAILED REASON_CONTAINER_LIMITATION CPU limit: 1.5s of processor time are used up
                wasm backtrace:
                  0: spin"#]],
            expect![[r#"
                TASK_KILLED REASON_CONTAINER_LIMITATION CPU limit: 1.5s of processor time are used up
                wasm backtrace:
                  0: spin"#]],
        );
        check(
            &Outcome::Idle(Duration::from_secs(90)),
            expect!["TASK_FAILED REASON_CONTAINER_LIMITATION idle limit: nothing came for 90s"],
            expect!["TASK_KILLED REASON_CONTAINER_LIMITATION idle limit: nothing came for 90s"],
        );
    }

    #[test]
    fn what_only_a_kill_brings_about_is_killed() {
        check(
            &Outcome::Stopped,
            expect![
                "TASK_KILLED - the task did not end within its grace period and was stopped by force"
            ],
            expect![
                "TASK_KILLED - the task did not end within its grace period and was stopped by force"
            ],
        );
        check(
            &Outcome::NeverBegan,
            expect![
                "TASK_KILLED REASON_TASK_KILLED_DURING_LAUNCH the task was stopped before its function began"
            ],
            expect![
                "TASK_KILLED REASON_TASK_KILLED_DURING_LAUNCH the task was stopped before its function began"
            ],
        );
    }

    #[test]
    fn a_task_that_could_not_begin_says_why() {
        check(
            &Outcome::Module(ModuleError::NotWasm),
            expect!["TASK_FAILED REASON_CONTAINER_LAUNCH_FAILED the module is not wasm"],
            expect!["TASK_KILLED REASON_CONTAINER_LAUNCH_FAILED the module is not wasm"],
        );
        check(
            &Outcome::Refused("the task's data is not a task".to_owned()),
            expect!["TASK_FAILED REASON_TASK_INVALID the task's data is not a task"],
            expect!["TASK_KILLED REASON_TASK_INVALID the task's data is not a task"],
        );
    }

    #[test]
    fn a_long_text_is_cut_between_characters_and_says_so() {
        let end = TaskEnd::of(&Outcome::Failed("ü".repeat(MESSAGE_BYTES_MAX)), Asked::No);
        let message = end.message.unwrap();
        assert!(message.len() <= MESSAGE_BYTES_MAX, "{}", message.len());
        assert!(
            message.ends_with("ü… (8240 more bytes)"),
            "{}",
            &message[message.len() - 40..]
        );
    }
}
