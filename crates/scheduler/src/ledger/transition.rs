//! Which update is news: states of a living task only go forward.

use super::task::{Live, Standing};
use crate::status::{Reason, Source, StatusUpdate, TaskState};

/// Whether an update is news about a living task.
pub(super) fn follows(live: &Live, update: &StatusUpdate) -> bool {
    match (live.standing, update.state) {
        // A launch error bears the id of the living task when an ACCEPT reaches the master twice;
        // it is not that task's end (PROTOCOL §7, §13.4).
        (_, state) if state.is_end() => !(live.taken && is_launch_error(update)),
        (Standing::Unreachable { .. }, TaskState::Unreachable) => false,
        // A silent agent has come back, with whatever state the task has.
        (Standing::Unreachable { .. }, _) => true,
        (Standing::Known(_), TaskState::Unreachable) => true,
        (Standing::Known(known), state) => rank(state) > rank(known),
    }
}

fn is_launch_error(update: &StatusUpdate) -> bool {
    update.source == Source::Master
        && (update.state == TaskState::Error || update.reason == Some(Reason::INVALID_OFFERS))
}

/// Whether an update shows that an executor has taken the task.
pub(super) fn speaks_for_executor(update: &StatusUpdate) -> bool {
    update.source == Source::Executor
        || matches!(
            update.state,
            TaskState::Starting | TaskState::Running | TaskState::Killing
        )
}

/// The order in which a living task goes through its states.
fn rank(state: TaskState) -> u8 {
    match state {
        TaskState::Staging => 0,
        TaskState::Starting => 1,
        TaskState::Running => 2,
        TaskState::Killing => 3,
        _ => 4,
    }
}
