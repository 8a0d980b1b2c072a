//! One task: the data of each phase of its life. Only the ledger changes it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use mesos::{AgentId, ExecutorId, TaskId};

use crate::io::TaskReport;
use crate::repeat::Repeat;
use crate::status::{TaskState, Uuid};

/// One task.
#[derive(Debug)]
pub struct Task {
    pub(super) name: String,
    pub(super) group: usize,
    pub(super) attempts: u32,
    pub(super) seen: VecDeque<Uuid>,
    pub(super) phase: Phase,
}

#[derive(Debug)]
pub(super) enum Phase {
    Pending,
    Live(Live),
    Ended(Ended),
    /// It waited for a launch, and is not wanted any more.
    Cancelled,
}

#[derive(Debug)]
pub(super) struct Live {
    pub(super) id: TaskId,
    pub(super) agent: AgentId,
    pub(super) executor: ExecutorId,
    pub(super) standing: Standing,
    /// Whether an executor has spoken of it.
    pub(super) taken: bool,
    pub(super) kill: Option<KillOrder>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Standing {
    /// Staging, Starting, Running or Killing.
    Known(TaskState),
    /// Its agent is silent; from `until` on that counts as its loss. None while there is nobody
    /// who could say that it is back.
    Unreachable { until: Option<Instant> },
}

#[derive(Debug)]
pub(super) struct KillOrder {
    pub(super) grace: Option<Duration>,
    pub(super) repeat: Repeat,
    pub(super) was_sent: bool,
}

/// How a task has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// The id of its last attempt.
    pub id: TaskId,
    /// The executor that it was launched in.
    pub executor: ExecutorId,
    /// Whether that executor ever had it.
    pub was_taken: bool,
    /// Whether its end was asked for.
    pub kill_ordered: bool,
    /// Everything else.
    pub end: TaskReport,
}

impl Task {
    /// Its name, the same in all attempts.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its group, by index.
    pub fn group(&self) -> usize {
        self.group
    }

    /// Its state; none before its first launch and between two.
    pub fn state(&self) -> Option<TaskState> {
        match &self.phase {
            Phase::Pending => None,
            Phase::Live(live) => Some(live.state()),
            Phase::Ended(ended) => Some(ended.end.state),
            Phase::Cancelled => Some(TaskState::Killed),
        }
    }

    /// The agent of its last attempt.
    pub fn agent(&self) -> Option<&AgentId> {
        match &self.phase {
            Phase::Pending | Phase::Cancelled => None,
            Phase::Live(live) => Some(&live.agent),
            Phase::Ended(ended) => ended.end.agent.as_ref(),
        }
    }

    /// The executor of its last attempt.
    pub fn executor(&self) -> Option<&ExecutorId> {
        match &self.phase {
            Phase::Pending | Phase::Cancelled => None,
            Phase::Live(live) => Some(&live.executor),
            Phase::Ended(ended) => Some(&ended.executor),
        }
    }

    /// Whether nothing more will come of it, unless it is [retried](super::Ledger::retry).
    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Ended(_) | Phase::Cancelled)
    }

    /// Whether it was cancelled before its first launch.
    pub fn never_was(&self) -> bool {
        matches!(self.phase, Phase::Cancelled) && self.attempts == 0
    }

    /// How it ended, if it has after a launch.
    pub fn ended(&self) -> Option<&Ended> {
        match &self.phase {
            Phase::Ended(ended) => Some(ended),
            Phase::Pending | Phase::Live(_) | Phase::Cancelled => None,
        }
    }
}

impl Live {
    pub(super) fn state(&self) -> TaskState {
        match self.standing {
            Standing::Known(state) => state,
            Standing::Unreachable { .. } => TaskState::Unreachable,
        }
    }
}
