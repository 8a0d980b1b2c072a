//! What must be known to take a running job back: the records of it, and what they add up to.
//!
//! The ledger writes a record for every change that it makes, and the machine gives it out before
//! anything that follows from the change: a launch is recorded before its ACCEPT, an update before
//! its ACKNOWLEDGE. Whoever keeps each record before acting on what comes after it can be gone at
//! any moment, and knows of every task that may run, and misses no update that does not come again.
//!
//! It does not know where records are kept.

use std::collections::BTreeMap;

use mesos::{AgentId, ExecutorId, FrameworkId, TaskId};

use crate::status::TaskState;

/// A change that must be known after a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// The framework has this id, and subscribes with it again.
    Framework(FrameworkId),
    /// A task is going to be launched: from now on it may run.
    Launched {
        /// The id of this attempt.
        id: TaskId,
        /// The task's name.
        task: String,
        /// Its agent.
        agent: AgentId,
        /// Its executor.
        executor: ExecutorId,
    },
    /// A living task has this state.
    State {
        /// The task.
        id: TaskId,
        /// Its state.
        state: TaskState,
    },
    /// A task has ended.
    Ended {
        /// The task.
        id: TaskId,
        /// The state in which it did; TASK_UNREACHABLE for one that was given up.
        state: TaskState,
    },
    /// An attempt has come to nothing; its task waits for a place again.
    Forgotten {
        /// The attempt.
        id: TaskId,
    },
    /// The framework is going to be torn down: there is nothing to take back.
    Over,
}

/// What all records of a job add up to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recorded {
    /// The id of the framework; none before the first subscription, and after the end.
    pub framework: Option<FrameworkId>,
    /// The last attempt of each task that has one.
    pub tasks: BTreeMap<TaskId, RecordedTask>,
}

/// What is known of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedTask {
    /// The task's name.
    pub name: String,
    /// Its agent.
    pub agent: AgentId,
    /// Its executor.
    pub executor: ExecutorId,
    /// Its state.
    pub state: TaskState,
    /// Whether it has ended.
    pub has_ended: bool,
}

impl Recorded {
    /// Adds a record. One about an attempt that is not known changes nothing.
    pub fn add(&mut self, record: Record) {
        match record {
            Record::Framework(id) => self.framework = Some(id),
            Record::Launched {
                id,
                task,
                agent,
                executor,
            } => {
                let launched = RecordedTask {
                    name: task,
                    agent,
                    executor,
                    state: TaskState::Staging,
                    has_ended: false,
                };
                self.tasks.insert(id, launched);
            }
            Record::State { id, state } => {
                if let Some(task) = self.tasks.get_mut(&id) {
                    task.state = state;
                }
            }
            Record::Ended { id, state } => {
                if let Some(task) = self.tasks.get_mut(&id) {
                    task.state = state;
                    task.has_ended = true;
                }
            }
            Record::Forgotten { id } => {
                self.tasks.remove(&id);
            }
            Record::Over => *self = Self::default(),
        }
    }
}
