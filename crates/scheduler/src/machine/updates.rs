//! From status updates to what they mean for the job.

use std::time::Instant;

use mesos::ExecutorId;

use super::Scheduler;
use super::restarting::Failed;
use crate::io::{Call, JobEvent, JobEventKind, Output, Progress, TaskReport};
use crate::ledger::{Applied, Ended};
use crate::policy::{self, Fate};
use crate::status::{Reason, StatusUpdate, TaskState};
use crate::wait_status;

impl Scheduler {
    pub(super) fn handle_update(&mut self, now: Instant, update: &StatusUpdate) {
        self.reconciliation.heard_of(&update.task);
        match self.ledger.apply(now, update) {
            Applied::Changed(index) if update.state.is_end() => self.handle_end(now, index),
            Applied::Changed(index) => self.tell_state(index, update),
            Applied::Duplicate => {}
            Applied::Stale | Applied::Unknown => self.refuse_revenant(now, update),
        }
        // After handling, so that nothing is lost if we are; what the master has made itself has
        // no uuid, comes once, and must not be acknowledged (PROTOCOL §8.2).
        if let (Some(uuid), Some(agent)) = (update.uuid, update.agent.clone()) {
            let task = update.task.clone();
            self.call(Call::Acknowledge { agent, task, uuid });
        }
    }

    /// A task that runs although it was given up, or an earlier attempt that was late, is killed.
    fn refuse_revenant(&mut self, now: Instant, update: &StatusUpdate) {
        if update.state.is_end() {
            self.revenants.remove(&update.task);
        } else if self.ledger.agent_of_task(&update.task).is_none() {
            self.revenants.add(now, &update.task, update.agent.clone());
        }
    }

    /// Tells the new state of a living task.
    fn tell_state(&mut self, index: usize, update: &StatusUpdate) {
        let task = &self.ledger.tasks()[index];
        // A task that is killed sees its `in` channel close, behind what was sent to it. Not
        // before the executor has heard of the kill: the task would seem to end by itself.
        let killing = (update.state == TaskState::Killing).then(|| task.name().to_owned());
        let report = TaskReport {
            task: task.name().to_owned(),
            state: update.state,
            source: update.source,
            reason: update.reason.clone(),
            message: update.message.clone(),
            agent: task.agent().cloned(),
        };
        self.tell(report, task.executor().cloned());
        match killing {
            Some(name) if self.is_awaited(index) || self.given_up.contains(index) => {
                self.output(Output::CloseInputForNow(name))
            }
            Some(name) => self.output(Output::CloseInputs(vec![name])),
            None => {}
        }
    }

    pub(super) fn tell(&mut self, report: TaskReport, executor: Option<ExecutorId>) {
        let kind = match report.state {
            TaskState::Staging | TaskState::Starting | TaskState::Killing => None,
            TaskState::Running => Some(JobEventKind::TaskRunning),
            TaskState::Finished => Some(JobEventKind::TaskFinished),
            TaskState::Failed | TaskState::Error => Some(JobEventKind::TaskFailed),
            TaskState::Killed => Some(JobEventKind::TaskKilled),
            TaskState::Unreachable
            | TaskState::Lost
            | TaskState::Dropped
            | TaskState::Gone
            | TaskState::GoneByOperator
            | TaskState::Unknown => Some(JobEventKind::TaskLost),
        };
        if let Some(kind) = kind {
            self.output(Output::Event(JobEvent {
                kind,
                task: Some(report.task.clone()),
                state: Some(report.state),
                reason: report.reason.clone(),
                message: report.message.clone(),
                agent: report.agent.clone(),
                executor,
            }));
        }
        self.report(Progress::Task(report));
    }

    /// Adds to the end of a task that its executor was killed, or has exited, which agents tell
    /// before the task's end and apart from it.
    fn tell_how_executor_ended(&mut self, executor: &ExecutorId, end: &mut TaskReport) {
        let status = match self.ledger.agent_of(executor) {
            Some(_) => self.wait_statuses.get(executor).copied(),
            // That was the last of its tasks.
            None => self.wait_statuses.remove(executor),
        };
        if end.reason != Some(Reason::EXECUTOR_TERMINATED) {
            return;
        }
        if let Some(how) = status.and_then(wait_status::describe) {
            let told = end.message.take();
            end.message = Some(told.map_or_else(|| how.clone(), |told| format!("{told}: {how}")));
        }
    }

    /// A task has ended: what follows from it.
    pub(super) fn handle_end(&mut self, now: Instant, index: usize) {
        let ended = self.ledger.tasks()[index]
            .ended()
            .expect("the task has just ended");
        let Ended {
            executor,
            was_taken,
            kill_ordered,
            mut end,
            ..
        } = ended.clone();
        self.tell_how_executor_ended(&executor, &mut end);
        let given_up = self.given_up.take(index);
        // What happened to it matters, not that it was ended for that.
        let kill_ordered = kill_ordered && given_up.is_none();
        if let Some(why) = given_up {
            let told = end.message.take();
            end.message = Some(told.map_or_else(|| why.clone(), |told| format!("{why}; {told}")));
        }
        let fate = policy::fate(policy::Ended {
            state: end.state,
            reason: end.reason.as_ref(),
            was_taken,
            kill_ordered,
        });
        let lost = policy::takes_executor_along(end.state, end.source, end.reason.as_ref())
            .then(|| executor.clone());
        if let Some(executor) = &lost {
            self.output(Output::ExecutorGone(executor.clone()));
        }
        // The wave is still being launched: another place may do.
        if fate == Fate::PlaceAgain && self.wave_of(index).is_some() {
            self.ledger.retry(index);
            self.report(Progress::PlacedAgain(end));
            return self.want_offers();
        }
        self.tell(end.clone(), Some(executor));
        if self.take_awaited(index) {
            return self.launch_again(now, index);
        }
        match fate {
            _ if self.has_never_begun(index) => self.tell_over(index),
            Fate::Expected => self.tell_over(index),
            Fate::PlaceAgain | Fate::Failure => {
                let failed = Failed {
                    task: index,
                    end,
                    lost,
                    kill_ordered,
                };
                self.handle_failed(now, failed);
            }
        }
    }
}
