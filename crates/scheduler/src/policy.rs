//! What the end of a task means for the job. Pure functions; the machine carries them out.

use crate::status::{Reason, Source, TaskState};

mod restarts;

pub use restarts::{Again, Restarts};

/// What is known about a task that has ended.
#[derive(Debug, Clone, Copy)]
pub struct Ended<'a> {
    /// How it ended.
    pub state: TaskState,
    /// Why.
    pub reason: Option<&'a Reason>,
    /// Whether an executor ever had it.
    pub was_taken: bool,
    /// Whether we had asked for its end.
    pub kill_ordered: bool,
}

/// What follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Nothing: this is how a task ends.
    Expected,
    /// It never began through no fault of its own: it is placed again.
    PlaceAgain,
    /// The task has failed.
    Failure,
}

/// Judges the end of a task.
pub fn fate(ended: Ended<'_>) -> Fate {
    match ended.state {
        // A task may be done before the others.
        TaskState::Finished => Fate::Expected,
        // An end that we asked for, whatever name it has.
        TaskState::Killed if ended.kill_ordered => Fate::Expected,
        // A launch whose offer, agent or executor went away on its way.
        state if !ended.was_taken && is_failed_launch(state, ended.reason) => {
            if ended.kill_ordered {
                Fate::Expected
            } else {
                Fate::PlaceAgain
            }
        }
        // An operator's kill included: nobody of this job wanted it.
        _ => Fate::Failure,
    }
}

/// Whether a task that no executor has taken was lost on the way to it (PROTOCOL §5, §7, §8.4).
///
/// TASK_ERROR and TASK_FAILED would only repeat themselves.
fn is_failed_launch(state: TaskState, reason: Option<&Reason>) -> bool {
    match state {
        // Also the answer to a reconciliation about a task that the agent has never heard of.
        TaskState::Dropped
        | TaskState::Gone
        | TaskState::GoneByOperator
        | TaskState::Unknown
        | TaskState::Unreachable => true,
        TaskState::Lost => reason.is_some_and(|reason| {
            [
                Reason::INVALID_OFFERS,
                Reason::AGENT_DISCONNECTED,
                Reason::AGENT_REMOVED,
                Reason::AGENT_RESTARTED,
                Reason::EXECUTOR_TERMINATED,
                Reason::RECONCILIATION,
            ]
            .contains(reason)
        }),
        _ => false,
    }
}

/// Whether nothing more can come of the executor of a task that ended like this.
pub fn takes_executor_along(state: TaskState, source: Source, reason: Option<&Reason>) -> bool {
    match state {
        // The agent is gone, or it has no such executor.
        TaskState::Lost
        | TaskState::Gone
        | TaskState::GoneByOperator
        | TaskState::Unknown
        | TaskState::Unreachable => true,
        // The agent speaks for an executor that has ended.
        _ => source != Source::Executor && reason == Some(&Reason::EXECUTOR_TERMINATED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fate_of(state: TaskState, reason: Option<Reason>, was_taken: bool, kill: bool) -> Fate {
        fate(Ended {
            state,
            reason: reason.as_ref(),
            was_taken,
            kill_ordered: kill,
        })
    }

    #[test]
    fn a_task_that_finishes_is_never_a_failure() {
        assert_eq!(
            fate_of(TaskState::Finished, None, true, false),
            Fate::Expected
        );
        assert_eq!(
            fate_of(TaskState::Finished, None, false, true),
            Fate::Expected
        );
    }

    #[test]
    fn a_kill_that_nobody_ordered_is_a_failure() {
        assert_eq!(fate_of(TaskState::Killed, None, true, true), Fate::Expected);
        assert_eq!(fate_of(TaskState::Killed, None, true, false), Fate::Failure);
    }

    #[test]
    fn a_launch_is_repeated_only_when_no_executor_had_the_task() {
        let invalid = Some(Reason::INVALID_OFFERS);
        assert_eq!(
            fate_of(TaskState::Lost, invalid.clone(), false, false),
            Fate::PlaceAgain
        );
        assert_eq!(
            fate_of(TaskState::Dropped, invalid.clone(), false, false),
            Fate::PlaceAgain
        );
        assert_eq!(
            fate_of(TaskState::Lost, invalid, true, false),
            Fate::Failure
        );
        assert_eq!(fate_of(TaskState::Lost, None, false, false), Fate::Failure);
    }

    #[test]
    fn a_launch_that_would_fail_again_is_not_repeated() {
        let reason = Some(Reason::new("REASON_TASK_INVALID"));
        assert_eq!(
            fate_of(TaskState::Error, reason, false, false),
            Fate::Failure
        );
        let reason = Some(Reason::new("REASON_CONTAINER_LAUNCH_FAILED"));
        assert_eq!(
            fate_of(TaskState::Failed, reason, false, false),
            Fate::Failure
        );
    }
}
