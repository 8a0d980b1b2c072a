//! The tasks of one framework, by id and by agent.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use mesos::resources::Resources;
use mesos::{AgentId, ExecutorId, TaskId, v1};

use super::offers::remove_from;
use crate::core::wire::AgentIndex;

/// A task that was sent to an agent.
#[derive(Debug)]
pub(super) struct Task {
    /// Never changes, so that the task is found under it.
    agent: AgentIndex,
    pub(super) agent_id: AgentId,
    pub(super) executor_id: ExecutorId,
    /// What it holds, allocated to a role; nothing once it has ended.
    pub(super) resources: Resources,
    /// The newest state that the agent knows.
    pub(super) state: v1::TaskState,
    /// The update that was forwarded last.
    pub(super) forwarded: Option<Forwarded>,
    /// The kill to repeat when the agent comes back.
    pub(super) kill: Option<Option<v1::KillPolicy>>,
}

/// What the master keeps of a forwarded update.
#[derive(Debug)]
pub(super) struct Forwarded {
    pub(super) state: v1::TaskState,
    pub(super) uuid: Option<Bytes>,
    pub(super) healthy: Option<bool>,
    pub(super) container_status: Option<v1::ContainerStatus>,
}

/// Tasks that have not ended, and those whose end has not been acknowledged.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    all: BTreeMap<TaskId, Task>,
    by_agent: BTreeMap<AgentIndex, BTreeSet<TaskId>>,
}

impl Task {
    /// A task of which nothing was heard.
    pub(super) fn new(
        (agent, agent_id): (AgentIndex, AgentId),
        executor_id: ExecutorId,
        resources: Resources,
    ) -> Self {
        Self {
            agent,
            agent_id,
            executor_id,
            resources,
            state: v1::TaskState::TaskStaging,
            forwarded: None,
            kill: None,
        }
    }

    pub(super) fn agent(&self) -> AgentIndex {
        self.agent
    }

    /// The state that a scheduler may know of.
    pub(super) fn known_state(&self) -> v1::TaskState {
        self.forwarded
            .as_ref()
            .map_or(self.state, |forwarded| forwarded.state)
    }
}

impl Tasks {
    /// Puts a task in, in place of one that had its id.
    pub(super) fn insert(&mut self, id: TaskId, task: Task) {
        self.remove(&id);
        self.by_agent
            .entry(task.agent)
            .or_default()
            .insert(id.clone());
        self.all.insert(id, task);
    }

    /// Takes a task out, if it is there.
    pub(super) fn remove(&mut self, id: &TaskId) -> Option<Task> {
        let task = self.all.remove(id)?;
        remove_from(&mut self.by_agent, &task.agent, id);
        Some(task)
    }

    pub(super) fn contains(&self, id: &TaskId) -> bool {
        self.all.contains_key(id)
    }

    pub(super) fn get(&self, id: &TaskId) -> Option<&Task> {
        self.all.get(id)
    }

    pub(super) fn get_mut(&mut self, id: &TaskId) -> Option<&mut Task> {
        self.all.get_mut(id)
    }

    /// Sorted by id.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&TaskId, &Task)> {
        self.all.iter()
    }

    /// Sorted by id.
    pub(super) fn values(&self) -> impl Iterator<Item = &Task> {
        self.all.values()
    }

    /// What the tasks on one agent hold counts no more.
    pub(super) fn forget_resources_on(&mut self, agent: AgentIndex) {
        for id in self.by_agent.get(&agent).into_iter().flatten() {
            if let Some(task) = self.all.get_mut(id) {
                task.resources = Resources::new();
            }
        }
    }

    /// The tasks on one agent, sorted by id.
    pub(super) fn on(&self, agent: AgentIndex) -> impl Iterator<Item = &TaskId> {
        self.by_agent.get(&agent).into_iter().flatten()
    }

    /// Fails when a task is found in another way than it was put in.
    #[cfg(test)]
    pub(super) fn check(&self) {
        let mut by_agent: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for (id, task) in &self.all {
            by_agent.entry(task.agent).or_default().insert(id.clone());
        }
        assert_eq!(self.by_agent, by_agent);
    }
}
