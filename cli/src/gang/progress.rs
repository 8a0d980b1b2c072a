//! What the framework reports, in the reporter's words.

use framework::{Delivering, Progress, Source, TaskReport, Traffic};
use mesos::AgentId;
use scheduler::Outcome;

use crate::report::{Event, Reporter};

/// Says what the framework reports.
pub(super) fn tell(progress: &Progress, traffic: &Traffic, reporter: &Reporter) {
    match progress {
        Progress::Subscribed { framework, first } => {
            reporter.event(&Event::Subscribed {
                framework_id: framework.as_str(),
                again: !first,
            });
        }
        // What comes of it is told.
        Progress::WaitOver(_) => {}
        Progress::Disconnected { reason } => reporter.event(&Event::Disconnected { reason }),
        Progress::Waiting { shortfall, .. } => {
            reporter.event(&Event::Waiting {
                reason: shortfall.to_string(),
            });
        }
        Progress::Placed { tasks, agents } => {
            reporter.event(&Event::Placed {
                tasks: tasks.len(),
                agents: *agents,
            });
        }
        Progress::Task(task) => reporter.event(&task_event(task, traffic)),
        Progress::PlacedAgain(task) => {
            let message = format!("{task}; it is placed again");
            reporter.event(&Event::Warning { message: &message });
        }
        Progress::Ignored(task) => {
            let message = format!("{task}; the job goes on");
            reporter.event(&Event::Warning { message: &message });
        }
        Progress::Restarting {
            task,
            number,
            max,
            wait,
        } => {
            let seconds = wait.as_secs_f64();
            let message = format!("{task}; restart {number} of {max} in {seconds:.1}s");
            reporter.event(&Event::Warning { message: &message });
        }
        Progress::RestartingByRequest { task } => {
            reporter.event(&Event::Restarting { task });
        }
        Progress::SpawnFailed { group, count, why } => {
            let message = format!("{count} more of `{group}` could not be started: {why}");
            reporter.event(&Event::Warning { message: &message });
        }
        Progress::Delivering(Delivering {
            executors,
            fetching,
            compiling,
            bytes,
            bytes_total,
        }) => reporter.event(&Event::Delivering {
            executors: *executors,
            fetching: *fetching,
            compiling: *compiling,
            bytes: *bytes,
            bytes_total: *bytes_total,
        }),
        Progress::AppStarted => reporter.event(&Event::AppStarted),
        Progress::AppReturned(Ok(())) => {
            reporter.event(&Event::AppReturned { error: None });
        }
        Progress::AppReturned(Err(error)) => {
            reporter.event(&Event::AppReturned { error: Some(error) });
        }
        Progress::Stopping(outcome) => {
            reporter.event(&Event::Stopping {
                reason: stopping(outcome),
            });
        }
        Progress::NotTornDown { framework, reason } => {
            let message = format!(
                "framework `{framework}` was not torn down: {reason}; the master removes it and \
                 its tasks once `cluster.failover_timeout` is over, or at once when somebody \
                 posts `frameworkId={framework}` to its `/teardown`"
            );
            reporter.event(&Event::Warning { message: &message });
        }
    }
}

fn task_event<'a>(task: &'a TaskReport, traffic: &Traffic) -> Event<'a> {
    // What an earlier life of it took was told with that one's end.
    let is_end = task.state.is_end() && task.source == Source::Executor;
    let usage = is_end.then(|| traffic.usage(&task.task)).flatten();
    Event::Task {
        task: &task.task,
        state: task.state.to_string(),
        agent: task.agent.as_ref().map(AgentId::as_str),
        reason: task.reason.as_ref().map(ToString::to_string),
        message: task.message.as_deref(),
        usage: usage.map(Into::into),
    }
}

/// Why the job comes to its end.
pub(crate) fn stopping(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Succeeded => "app scheduler returned".to_owned(),
        Outcome::TaskFailed(task) => format!("task `{}` ended with {}", task.task, task.state),
        Outcome::TooManyRestarts(why) => {
            let task = &why.task;
            format!(
                "task `{}` ended with {} once too often",
                task.task, task.state
            )
        }
        Outcome::AppFailed { .. } => "app scheduler failed".to_owned(),
        Outcome::NeverPlaced(_) => "the gang was not up in time".to_owned(),
        Outcome::Unconnected(_) => "an executor has no direct path".to_owned(),
        Outcome::Interrupted => "interrupted; once more ends the job at once".to_owned(),
        Outcome::Unreachable { .. } => "no master can be reached".to_owned(),
        Outcome::Refused { .. } => "the master refuses us".to_owned(),
    }
}
