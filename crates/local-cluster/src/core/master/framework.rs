//! One framework: who it is, what it can do, whether it listens, and its tasks.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Instant;

use mesos::v1::framework_info::capability;
use mesos::{AgentId, FrameworkId, TaskId, v1};

use super::StreamIndex;
use super::ledger::Tasks;

/// A framework that has subscribed and is not completed.
#[derive(Debug)]
pub(super) struct Framework {
    /// With the id set, whatever the scheduler sent.
    pub(super) info: v1::FrameworkInfo,
    pub(super) capabilities: Capabilities,
    pub(super) roles: BTreeSet<String>,
    pub(super) suppressed: BTreeSet<String>,
    pub(super) connection: Connection,
    pub(super) tasks: Tasks,
    /// Tasks that were given up with an agent that stopped answering, oldest first, until that agent
    /// comes back.
    unreachable_tasks: VecDeque<(TaskId, AgentId)>,
    /// Offers made so far for each of its roles; breaks ties between those that have as much as each
    /// other.
    pub(super) offers_made: BTreeMap<String, u64>,
}

/// Whether somebody listens.
#[derive(Debug)]
pub(super) enum Connection {
    Connected {
        stream: StreamIndex,
        stream_id: String,
        heartbeat_due: Instant,
    },
    Disconnected {
        /// When it is removed.
        removal_due: Instant,
    },
    /// It subscribed with a master before this one, as its agents say. It is never removed: the
    /// timeout does not outlive a master (PROTOCOL §4).
    Recovered,
}

/// The capabilities that change what a master does.
#[derive(Debug, Clone, Copy, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "capabilities are independent of each other"
)]
pub(super) struct Capabilities {
    pub(super) multi_role: bool,
    pub(super) reservation_refinement: bool,
    pub(super) partition_aware: bool,
    pub(super) gpu_resources: bool,
    pub(super) revocable_resources: bool,
    pub(super) shared_resources: bool,
    pub(super) region_aware: bool,
}

/// Unreachable tasks that are remembered of a framework, as by Mesos (PROTOCOL §13.1). So few are
/// searched one by one.
const UNREACHABLE_TASKS_MAX: usize = 1000;

impl Framework {
    pub(super) fn new(
        id: &FrameworkId,
        info: v1::FrameworkInfo,
        suppressed: BTreeSet<String>,
        connection: Connection,
    ) -> Self {
        let info = v1::FrameworkInfo {
            id: Some(id.clone().into()),
            ..info
        };
        Self {
            capabilities: Capabilities::of(&info),
            roles: roles(&info),
            info,
            suppressed,
            connection,
            tasks: Tasks::default(),
            unreachable_tasks: VecDeque::new(),
            offers_made: BTreeMap::new(),
        }
    }

    /// Takes a new FrameworkInfo; the user and `checkpoint` stay (PROTOCOL §4).
    pub(super) fn replace_info(&mut self, info: v1::FrameworkInfo) {
        self.info = v1::FrameworkInfo {
            id: self.info.id.clone(),
            user: std::mem::take(&mut self.info.user),
            checkpoint: self.info.checkpoint,
            ..info
        };
        self.capabilities = Capabilities::of(&self.info);
        self.roles = roles(&self.info);
        self.offers_made.retain(|role, _| self.roles.contains(role));
    }

    /// Remembers a task that may still run where nobody can reach it.
    pub(super) fn add_unreachable(&mut self, task_id: TaskId, agent_id: AgentId) {
        self.unreachable_tasks.push_back((task_id, agent_id));
        if self.unreachable_tasks.len() > UNREACHABLE_TASKS_MAX {
            self.unreachable_tasks.pop_front();
        }
    }

    /// The agent is there again and says itself what runs on it.
    pub(super) fn forget_unreachable(&mut self, agent_id: &AgentId) {
        self.unreachable_tasks
            .retain(|(_, agent)| agent != agent_id);
    }

    pub(super) fn is_unreachable(&self, task_id: &TaskId) -> bool {
        self.unreachable_tasks.iter().any(|(id, _)| id == task_id)
    }

    /// Whether only its agents have told of it.
    pub(super) fn is_recovered(&self) -> bool {
        matches!(self.connection, Connection::Recovered)
    }

    /// Its stream, if there is one.
    pub(super) fn stream(&self) -> Option<(StreamIndex, &str)> {
        match &self.connection {
            Connection::Connected {
                stream, stream_id, ..
            } => Some((*stream, stream_id)),
            Connection::Disconnected { .. } | Connection::Recovered => None,
        }
    }

    /// When something has to be done about it.
    pub(super) fn due(&self) -> Option<Instant> {
        match self.connection {
            Connection::Connected { heartbeat_due, .. } => Some(heartbeat_due),
            Connection::Disconnected { removal_due } => Some(removal_due),
            Connection::Recovered => None,
        }
    }

    /// The state for a task that Mesos calls lost unless the framework knows better words.
    pub(super) fn lost_or(&self, state: v1::TaskState) -> v1::TaskState {
        if self.capabilities.partition_aware {
            state
        } else {
            v1::TaskState::TaskLost
        }
    }
}

impl Capabilities {
    pub(super) fn of(info: &v1::FrameworkInfo) -> Self {
        use capability::Type;
        let has = |wanted: Type| {
            info.capabilities
                .iter()
                .any(|capability| capability.r#type == Some(wanted.into()))
        };
        Self {
            multi_role: has(Type::MultiRole),
            reservation_refinement: has(Type::ReservationRefinement),
            partition_aware: has(Type::PartitionAware),
            gpu_resources: has(Type::GpuResources),
            revocable_resources: has(Type::RevocableResources),
            shared_resources: has(Type::SharedResources),
            region_aware: has(Type::RegionAware),
        }
    }
}

/// The roles of a framework; one without MULTI_ROLE has one, `*` unless it says another.
pub(super) fn roles(info: &v1::FrameworkInfo) -> BTreeSet<String> {
    if Capabilities::of(info).multi_role {
        return info.roles.iter().cloned().collect();
    }
    BTreeSet::from([single_role(info).unwrap_or("*").to_owned()])
}

/// The one role of a framework without MULTI_ROLE, if it says one.
pub(super) fn single_role(info: &v1::FrameworkInfo) -> Option<&str> {
    info.role.as_deref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_too_many_unreachable_tasks_the_oldest_is_forgotten() {
        let connection = Connection::Disconnected {
            removal_due: Instant::now(),
        };
        let mut framework = Framework::new(
            &FrameworkId::from("f"),
            v1::FrameworkInfo::default(),
            BTreeSet::new(),
            connection,
        );
        let task = |number: usize| TaskId::from(number.to_string());
        let agent = AgentId::from("a");
        for number in 0..=UNREACHABLE_TASKS_MAX {
            framework.add_unreachable(task(number), agent.clone());
        }
        assert!(!framework.is_unreachable(&task(0)));
        assert!((1..=UNREACHABLE_TASKS_MAX).all(|number| framework.is_unreachable(&task(number))));
        framework.forget_unreachable(&agent);
        assert!(!framework.is_unreachable(&task(1)));
    }
}
