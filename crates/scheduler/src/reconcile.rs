//! When to ask the master about tasks; it does not know their states.
//!
//! ```text
//! Quiet ──ask(tasks)──► Asking ──answers──► Quiet
//!                       │    ▲
//!                       └────┘ the rest again, ever later
//! ```
//! Whatever the answers say, all tasks are asked about once in a while.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use mesos::{AgentId, TaskId};

use crate::repeat::Repeat;

/// The first time to wait for answers; a master answers at once unless it is recovering.
const BACKOFF_MIN: Duration = Duration::from_secs(1);

/// The longest time to wait for answers: agents take up to a minute to come back after a master
/// failover (PROTOCOL §11.2).
const BACKOFF_MAX: Duration = Duration::from_secs(60);

/// How often all tasks are asked about without a reason, for updates that were lost unnoticed.
const IMPLICIT_EVERY: Duration = Duration::from_secs(15 * 60);

/// Tasks that an answer is missing for.
#[derive(Debug, Default)]
pub(crate) struct Reconciliation {
    missing: BTreeMap<TaskId, AgentId>,
    again: Option<Repeat>,
    /// When to ask about all tasks; only while subscribed.
    implicit_at: Option<Instant>,
}

/// A question to be sent.
#[derive(Debug, PartialEq)]
pub(crate) enum Question {
    /// About these tasks.
    Explicit(Vec<(TaskId, AgentId)>),
    /// About all tasks.
    Implicit,
}

impl Reconciliation {
    /// Begins anew with all tasks that are alive: there is a new subscription.
    pub(crate) fn restart(&mut self, now: Instant, tasks: impl Iterator<Item = (TaskId, AgentId)>) {
        self.missing = tasks.collect();
        self.again = (!self.missing.is_empty()).then(|| Repeat::new(now, BACKOFF_MIN));
        self.implicit_at = Some(now + IMPLICIT_EVERY);
    }

    /// Asks about further tasks.
    pub(crate) fn ask(&mut self, now: Instant, tasks: impl Iterator<Item = (TaskId, AgentId)>) {
        self.missing.extend(tasks);
        if !self.missing.is_empty() {
            self.again = Some(Repeat::new(now + BACKOFF_MIN, BACKOFF_MIN));
        }
    }

    /// Asks nothing while there is no subscription.
    pub(crate) fn pause(&mut self) {
        self.again = None;
        self.implicit_at = None;
    }

    /// Notes that something was heard of a task.
    pub(crate) fn heard_of(&mut self, task: &TaskId) {
        if self.missing.remove(task).is_some() && self.missing.is_empty() {
            self.again = None;
        }
    }

    /// What is to be asked now.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<Question> {
        if let Some(again) = self.again.as_mut().filter(|again| again.next() <= now) {
            again.made(now, BACKOFF_MAX);
            let tasks = self
                .missing
                .iter()
                .map(|(task, agent)| (task.clone(), agent.clone()));
            return Some(Question::Explicit(tasks.collect()));
        }
        self.implicit_at.filter(|at| *at <= now)?;
        self.implicit_at = Some(now + IMPLICIT_EVERY);
        Some(Question::Implicit)
    }

    /// When there is something to be asked.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let again = self.again.map(|again| again.next());
        again.into_iter().chain(self.implicit_at).min()
    }
}
