//! What the master says of itself, of its agents, and of calls that it did not take.

use std::time::Instant;

use mesos::ExecutorId;

use super::{Scheduler, State};
use crate::io::{CallFault, FailedCall, Failure, JobEvent, JobEventKind, Output, Progress};
use crate::wait_status;

impl Scheduler {
    pub(super) fn handle_subscribed(&mut self, now: Instant) {
        self.is_connected = true;
        self.pool.void();
        self.interest.subscribed();
        self.reconciliation.restart(now, self.ledger.places());
        self.ledger.repeat_kills(now);
        self.ledger.restart_losses(now);
        self.abandoned.repeat(now);
        self.revenants.repeat(now);
    }

    pub(super) fn handle_disconnected(&mut self, reason: String) {
        if let State::Waiting { reason: last, .. } = &mut self.state {
            *last = Some(reason.clone());
        }
        if self.is_connected {
            self.event(JobEventKind::Disconnected);
        }
        self.is_connected = false;
        self.pool.void();
        self.reconciliation.pause();
        self.ledger.suspend_losses();
        self.report(Progress::Disconnected { reason });
    }

    pub(super) fn handle_failure(&mut self, failure: Failure) {
        let Failure {
            agent,
            executor,
            status,
        } = failure;
        let gone: Vec<ExecutorId> = match &executor {
            Some(executor) => vec![executor.clone()],
            None => {
                let executors = self.ledger.executors();
                executors
                    .filter(|(_, on)| **on == agent)
                    .map(|(id, _)| id.clone())
                    .collect()
            }
        };
        let kind = match executor {
            Some(_) => JobEventKind::ExecutorLost,
            None => JobEventKind::AgentLost,
        };
        // An executor that is gone stays gone; an agent may be unreachable only for a while, and
        // what its executors have sent may still come.
        if let Some(executor) = executor.clone() {
            if let Some(status) = status
                && self.ledger.agent_of(&executor).is_some()
            {
                self.wait_statuses.insert(executor.clone(), status);
            }
            self.output(Output::ExecutorGone(executor));
        }
        // FAILURE about an agent goes to every framework (PROTOCOL §11.1).
        if !gone.is_empty() {
            self.output(Output::Event(JobEvent {
                agent: Some(agent),
                executor,
                message: status.and_then(wait_status::describe),
                ..JobEvent::new(kind)
            }));
        }
    }

    pub(super) fn handle_call_failed(&mut self, now: Instant, call: FailedCall, fault: CallFault) {
        match (call, fault) {
            (FailedCall::Interest, _) => self.interest.failed(now),
            // The offers are gone or void, and nothing runs: the tasks want other places.
            (FailedCall::Accept(tasks), CallFault::NoEffect) => {
                for task in &tasks {
                    if self.ledger.undo_launch(task) {
                        self.reconciliation.heard_of(task);
                    }
                }
                self.want_offers();
            }
            // A retry could launch them twice (PROTOCOL §13.4); the master knows better.
            (FailedCall::Accept(tasks), CallFault::Unknown) => {
                let ledger = &self.ledger;
                let asked = tasks
                    .into_iter()
                    .filter_map(|task| Some((ledger.agent_of_task(&task)?.clone(), task)))
                    .map(|(agent, task)| (task, agent));
                self.reconciliation.ask(now, asked);
            }
        }
    }
}
