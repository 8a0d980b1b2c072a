//! Tasks as operators see them (PROTOCOL §12): what master and agents keep of a task beside what
//! they decide by.

use mesos::v1::task_status::Source;
use mesos::{AgentId, ExecutorId, FrameworkId, v1};

use super::wire::is_terminal;

/// The most statuses that are kept of one task. One that goes on changing its state would grow
/// without end in Mesos; a task that lives as intended has six.
const STATUSES_MAX: usize = 64;

/// A task that was launched and of which nothing has been heard.
pub(crate) fn launched(
    info: &v1::TaskInfo,
    framework_id: &FrameworkId,
    executor_id: &ExecutorId,
    agent_id: &AgentId,
) -> v1::Task {
    let executor = info.executor.as_ref();
    let user = |command: Option<&v1::CommandInfo>| command.and_then(|command| command.user.clone());
    let container = info.container.as_ref();
    v1::Task {
        name: info.name.clone(),
        task_id: info.task_id.clone(),
        framework_id: framework_id.clone().into(),
        // Of a command it is the agent who makes an executor.
        executor_id: executor.map(|_| executor_id.clone().into()),
        agent_id: agent_id.clone().into(),
        state: v1::TaskState::TaskStaging.into(),
        resources: info.resources.clone(),
        labels: info.labels.clone(),
        discovery: info.discovery.clone(),
        container: container
            .or_else(|| executor.and_then(|executor| executor.container.as_ref()))
            .cloned(),
        user: user(info.command.as_ref())
            .or_else(|| user(executor.and_then(|executor| executor.command.as_ref()))),
        health_check: info.health_check.clone(),
        kill_policy: info.kill_policy,
        limits: info.limits.clone(),
        ..Default::default()
    }
}

/// Notes a status, and the newest state that its agent knows; whether that is another than before.
///
/// Of statuses in a row with the same state the last is kept, none with the executor's data. A task
/// that has ended stays so, but what is said of it is kept.
pub(crate) fn note(task: &mut v1::Task, status: &v1::TaskStatus, latest: v1::TaskState) -> bool {
    let changed = !is_terminal(task.state()) && task.state() != latest;
    if changed {
        task.state = latest.into();
    }
    let is_repeated = |last: &v1::TaskStatus| last.state == status.state;
    if task.statuses.last().is_some_and(is_repeated) {
        task.statuses.pop();
    }
    if task.statuses.len() == STATUSES_MAX {
        task.statuses.remove(0);
    }
    task.statuses.push(without_data(status));
    changed
}

/// Notes which update was sent last on its way to the scheduler.
pub(crate) fn note_sent(task: &mut v1::Task, status: &v1::TaskStatus) {
    if let Some(uuid) = &status.uuid {
        task.status_update_state = Some(status.state);
        task.status_update_uuid = Some(uuid.clone());
    }
}

/// Takes back what the master made of a task while it could not be reached.
pub(crate) fn resume(task: &mut v1::Task, state: v1::TaskState) {
    let by_master = |status: &v1::TaskStatus| status.source() == Source::Master;
    while task.statuses.last().is_some_and(by_master) {
        task.statuses.pop();
    }
    task.state = state.into();
}

/// A status without what it carries for the scheduler, which can be large.
pub(crate) fn without_data(status: &v1::TaskStatus) -> v1::TaskStatus {
    v1::TaskStatus {
        data: None,
        ..status.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(state: v1::TaskState, message: &str) -> v1::TaskStatus {
        v1::TaskStatus {
            state: state.into(),
            message: Some(message.to_owned()),
            data: Some("large".into()),
            ..Default::default()
        }
    }

    fn messages(task: &v1::Task) -> Vec<&str> {
        task.statuses.iter().map(v1::TaskStatus::message).collect()
    }

    #[test]
    fn of_statuses_with_the_same_state_the_last_is_kept_and_no_data() {
        use v1::TaskState::{TaskFinished, TaskRunning};
        let mut task = v1::Task::default();
        assert!(note(&mut task, &status(TaskRunning, "one"), TaskRunning));
        assert!(!note(&mut task, &status(TaskRunning, "two"), TaskRunning));
        assert!(note(&mut task, &status(TaskFinished, "end"), TaskFinished));
        assert!(!note(&mut task, &status(TaskRunning, "late"), TaskRunning));
        assert_eq!(task.state(), TaskFinished);
        assert_eq!(messages(&task), ["two", "end", "late"]);
        assert!(task.statuses.iter().all(|status| status.data.is_none()));
    }

    #[test]
    fn of_too_many_statuses_the_oldest_is_forgotten() {
        use v1::TaskState::{TaskRunning, TaskStarting};
        let mut task = v1::Task::default();
        for number in 0..=STATUSES_MAX {
            let state = [TaskStarting, TaskRunning][number % 2];
            note(&mut task, &status(state, &number.to_string()), state);
        }
        assert_eq!(task.statuses.len(), STATUSES_MAX);
        assert_eq!(messages(&task)[0], "1");
    }
}
