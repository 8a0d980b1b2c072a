//! What outlives a master: which agents belong to the cluster, and which are lost to it.
//!
//! Mesos keeps this in a replicated log and everything else in memory (PROTOCOL §11.2). A new
//! master waits for the agents that were admitted before it; until they are there it does not say
//! that a task of them is unknown.

use std::collections::BTreeMap;

use mesos::{AgentId, v1};

/// The agents that masters know of. It has one entry for each agent that there ever was, as in
/// Mesos before its garbage collection; in a cluster of one process these are few.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Registry {
    /// With the id set.
    admitted: BTreeMap<AgentId, v1::AgentInfo>,
    /// Agents that stopped answering, and when, in nanoseconds since the Unix epoch.
    unreachable: BTreeMap<AgentId, i64>,
    /// Agents that an operator has given up for good.
    gone: BTreeMap<AgentId, i64>,
}

/// One change of a [`Registry`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum RegistryChange {
    /// The agent is part of the cluster, or is again.
    Admitted(Box<v1::AgentInfo>),
    /// It has stopped answering.
    Unreachable { agent_id: AgentId, nanoseconds: i64 },
    /// It has left.
    Removed { agent_id: AgentId },
    /// It will never be part of the cluster again.
    Gone { agent_id: AgentId, nanoseconds: i64 },
}

impl Registry {
    /// Takes a change in.
    pub(crate) fn apply(&mut self, change: RegistryChange) {
        match change {
            RegistryChange::Admitted(info) => {
                let Some(id) = &info.id else { return };
                let id = AgentId::from(id.value.as_str());
                self.unreachable.remove(&id);
                self.admitted.insert(id, *info);
            }
            RegistryChange::Unreachable {
                agent_id,
                nanoseconds,
            } => {
                self.admitted.remove(&agent_id);
                self.unreachable.insert(agent_id, nanoseconds);
            }
            RegistryChange::Removed { agent_id } => {
                self.admitted.remove(&agent_id);
                self.unreachable.remove(&agent_id);
            }
            RegistryChange::Gone {
                agent_id,
                nanoseconds,
            } => {
                self.admitted.remove(&agent_id);
                self.unreachable.remove(&agent_id);
                self.gone.insert(agent_id, nanoseconds);
            }
        }
    }

    /// The agents that are part of the cluster.
    pub(super) fn admitted(&self) -> &BTreeMap<AgentId, v1::AgentInfo> {
        &self.admitted
    }

    /// Since when an agent does not answer.
    pub(super) fn unreachable_since(&self, id: &AgentId) -> Option<i64> {
        self.unreachable.get(id).copied()
    }

    /// How many agents do not answer.
    pub(super) fn unreachable_count(&self) -> usize {
        self.unreachable.len()
    }

    /// Since when an agent is gone for good.
    pub(super) fn gone_since(&self, id: &AgentId) -> Option<i64> {
        self.gone.get(id).copied()
    }
}
