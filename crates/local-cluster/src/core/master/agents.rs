//! How agents fall silent and go, and what the master knows of each (PROTOCOL §11.1); how they come is
//! in [`registration`].

mod registration;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use mesos::resources::Resources;
use mesos::v1::task_status::Reason;
use mesos::{AgentId, ExecutorId, FrameworkId, TaskId, v1};

use self::registration::Running;
use super::framework::Framework;
use super::frameworks::FOR_EVER;
use super::trouble::Withheld;
use super::{Master, RegistryChange, Timeouts, events};
use crate::core::wire::{AgentIndex, ToMaster, is_terminal};

/// An agent that has registered and has neither left nor become unreachable.
#[derive(Debug)]
pub(super) struct Agent {
    index: AgentIndex,
    pub(super) id: AgentId,
    /// With the id set.
    info: v1::AgentInfo,
    total: Resources,
    /// Neither offered nor held by a task or an executor.
    free: Resources,
    /// When it was pinged first.
    observed_since: Instant,
    /// Neither free nor held, because the agent has shrunk.
    withheld: Withheld,
    executors: BTreeMap<(FrameworkId, ExecutorId), KnownExecutor>,
    link: Link,
    /// Whether an operator wants nothing of it to be offered.
    deactivated: bool,
}

/// An executor that the master believes to be running.
#[derive(Debug)]
pub(super) struct KnownExecutor {
    pub(super) info: v1::ExecutorInfo,
    /// Allocated to the role of the offer that it was launched with.
    pub(super) resources: Resources,
}

#[derive(Debug)]
enum Link {
    Up,
    /// It holds, and the agent does not answer.
    Silent {
        unreachable_due: Instant,
    },
    Down {
        unreachable_due: Instant,
    },
}

/// The shortest time between two pings: without any an agent would be unreachable at once.
const PING_MIN: Duration = Duration::from_millis(1);

/// All agents of this cluster listen there.
const LOOPBACK: &str = "127.0.0.1";

impl Agent {
    fn new(
        index: AgentIndex,
        id: AgentId,
        info: v1::AgentInfo,
        total: Resources,
        observed_since: Instant,
    ) -> Self {
        Self {
            index,
            observed_since,
            info: v1::AgentInfo {
                id: Some(id.clone().into()),
                ..info
            },
            id,
            free: total.clone(),
            total,
            withheld: Withheld::default(),
            executors: BTreeMap::new(),
            link: Link::Up,
            deactivated: false,
        }
    }

    pub(super) fn index(&self) -> AgentIndex {
        self.index
    }

    pub(super) fn id(&self) -> &AgentId {
        &self.id
    }

    pub(super) fn info(&self) -> &v1::AgentInfo {
        &self.info
    }

    pub(super) fn total(&self) -> &Resources {
        &self.total
    }

    pub(super) fn free(&self) -> &Resources {
        &self.free
    }

    pub(super) fn is_connected(&self) -> bool {
        matches!(self.link, Link::Up | Link::Silent { .. })
    }

    pub(super) fn is_deactivated(&self) -> bool {
        self.deactivated
    }

    pub(super) fn set_deactivated(&mut self, deactivated: bool) {
        self.deactivated = deactivated;
    }

    pub(super) fn due(&self) -> Option<Instant> {
        match self.link {
            Link::Up => None,
            Link::Silent { unreachable_due } | Link::Down { unreachable_due } => {
                Some(unreachable_due)
            }
        }
    }

    /// When it is unreachable if it is silent from now on: it has answered the ping before, and
    /// misses so many from the next on. They go on whether its link holds or not (PROTOCOL §11.1).
    fn unreachable_due(&self, now: Instant, timeouts: &Timeouts) -> Instant {
        let ping = timeouts.agent_ping.max(PING_MIN);
        let silent = now.saturating_duration_since(self.observed_since);
        let pings = silent.as_nanos().div_ceil(ping.as_nanos());
        let pings = u32::try_from(pings).unwrap_or(u32::MAX);
        let due = ping
            .checked_mul(pings.saturating_add(timeouts.agent_pings_max))
            .and_then(|wait| self.observed_since.checked_add(wait));
        due.unwrap_or(now + FOR_EVER).max(now)
    }

    /// Where its API is, for offers.
    pub(super) fn url(&self) -> v1::Url {
        v1::Url {
            scheme: "http".to_owned(),
            address: v1::Address {
                hostname: Some(self.info.hostname.clone()),
                ip: Some(LOOPBACK.to_owned()),
                port: self.info.port(),
            },
            path: Some("/slave(1)".to_owned()),
            query: vec![],
            fragment: None,
        }
    }

    pub(super) fn executor(
        &self,
        framework: &FrameworkId,
        executor: &ExecutorId,
    ) -> Option<&KnownExecutor> {
        self.executors.get(&(framework.clone(), executor.clone()))
    }

    pub(super) fn executor_ids(&self, of: &FrameworkId) -> impl Iterator<Item = ExecutorId> {
        let own = self
            .executors
            .keys()
            .filter(move |(framework, _)| framework == of);
        own.map(|(_, executor)| executor.clone())
    }

    pub(super) fn executor_infos(&self) -> impl Iterator<Item = &v1::ExecutorInfo> {
        self.executors.values().map(|executor| &executor.info)
    }

    pub(super) fn executor_resources(&self) -> impl Iterator<Item = (&FrameworkId, &Resources)> {
        self.executors
            .iter()
            .map(|((framework, _), executor)| (framework, &executor.resources))
    }

    /// Takes resources out of what is free.
    pub(super) fn take(&mut self, resources: &Resources) {
        let rest = self.free.checked_sub(&resources.unallocate());
        self.free = rest.expect("only what is free is offered");
    }

    /// Puts resources back to what is free. Nobody is offered them before the next run.
    pub(super) fn release(&mut self, resources: &Resources) {
        self.free += resources.unallocate();
        self.withheld.take_from(&mut self.free);
    }

    /// Makes other resources of some that are neither free nor held: they are on their way from an
    /// offer.
    pub(super) fn convert(&mut self, consumed: &Resources, converted: &Resources) {
        let rest = self.total.checked_sub(&consumed.unallocate());
        let rest = rest.expect("what was offered is part of what there is");
        self.total = rest + converted.unallocate();
    }

    /// How Mesos names it in texts (recording 07a).
    pub(super) fn description(&self) -> String {
        let v1::AgentInfo { hostname, .. } = &self.info;
        let port = self.info.port();
        format!("{} at slave(1)@{LOOPBACK}:{port} ({hostname})", self.id)
    }

    /// Keeps so many percent of what it has from being offered, now or when it is free.
    pub(super) fn withhold(&mut self, percent: u8) {
        self.restore();
        self.withheld = Withheld::part_of(&self.total, percent);
        self.withheld.take_from(&mut self.free);
    }

    /// What it keeps so.
    #[cfg(test)]
    pub(super) fn withheld(&self) -> &Resources {
        self.withheld.taken()
    }

    /// Ends that.
    pub(super) fn restore(&mut self) {
        self.free += std::mem::take(&mut self.withheld).into_taken();
    }

    /// Notes an executor, whose resources have been taken already.
    pub(super) fn add_executor(&mut self, framework: &FrameworkId, executor: KnownExecutor) {
        let id = ExecutorId::from(executor.info.executor_id.value.as_str());
        self.executors.insert((framework.clone(), id), executor);
    }

    /// Forgets an executor; whether it was known.
    fn remove_executor(&mut self, framework: &FrameworkId, executor: &ExecutorId) -> bool {
        let removed = self
            .executors
            .remove(&(framework.clone(), executor.clone()));
        if let Some(executor) = &removed {
            self.release(&executor.resources);
        }
        removed.is_some()
    }

    pub(super) fn remove_executors_of(&mut self, framework: &FrameworkId) {
        let ids: Vec<_> = self.executor_ids(framework).collect();
        for id in ids {
            self.remove_executor(framework, &id);
        }
    }
}

impl Master {
    /// An agent whose link is down, or that has been removed, can only register: what it still had
    /// on the way when it was given up would contradict what schedulers have been told.
    pub(super) fn handle_agent(&mut self, now: Instant, index: AgentIndex, message: ToMaster) {
        let is_connected = self.agents.get(&index).is_some_and(Agent::is_connected);
        if !is_connected && !matches!(message, ToMaster::Register { .. }) {
            tracing::debug!(?index, "dropped a message of an agent that is gone");
            return;
        }
        match message {
            ToMaster::Register {
                agent,
                checkpointed,
                frameworks,
                executors,
                tasks,
                shown,
            } => {
                let running = Running {
                    frameworks,
                    executors,
                    tasks,
                    shown,
                };
                self.register(now, index, agent, checkpointed, running);
            }
            ToMaster::StatusUpdate {
                framework_id,
                status,
                latest_state,
            } => {
                self.update_to_framework(now, index, framework_id, status, latest_state);
            }
            ToMaster::ExecutorExited {
                framework_id,
                executor_id,
                status,
            } => {
                let Some(agent) = self.agents.get_mut(&index) else {
                    return;
                };
                // Of one that the master does not know it tells nobody, as Mesos.
                if agent.remove_executor(&framework_id, &executor_id) {
                    let event = events::executor_failure(&agent.id, executor_id, status);
                    self.send(&framework_id, event);
                }
            }
            ToMaster::FrameworkMessage {
                framework_id,
                executor_id,
                data,
            } => {
                self.message_to_framework(now, index, framework_id, executor_id, data);
            }
        }
    }

    /// Mesos keeps the tasks of frameworks that checkpoint, and gives up the others at once.
    pub(super) fn handle_agent_disconnected(&mut self, now: Instant, index: AgentIndex) {
        let Some(agent) = self
            .agents
            .get_mut(&index)
            .filter(|agent| agent.is_connected())
        else {
            return;
        };
        let unreachable_due = agent.due();
        agent.link = Link::Down {
            unreachable_due: unreachable_due
                .unwrap_or_else(|| agent.unreachable_due(now, &self.config.timeouts)),
        };
        let hostname = agent.info.hostname.clone();
        tracing::info!(agent = %agent.id, "agent disconnected");
        self.watch_agent(index);
        self.rescind_offers_of(index);
        let loss = Loss {
            state: v1::TaskState::TaskLost,
            reason: Reason::AgentDisconnected,
            message: format!("Agent {hostname} disconnected"),
            unreachable_time: None,
        };
        let checkpoints = |master: &Self, id: &FrameworkId| {
            master
                .frameworks
                .get(id)
                .is_some_and(|framework| framework.info.checkpoint())
        };
        for (framework_id, task_id) in self.tasks_on(index) {
            if !checkpoints(self, &framework_id) {
                self.lose_task(now, &framework_id, &task_id, &loss);
            }
        }
        let frameworks: Vec<_> = self.frameworks.keys().cloned().collect();
        for framework_id in frameworks {
            if !checkpoints(self, &framework_id)
                && let Some(agent) = self.agents.get_mut(&index)
            {
                agent.remove_executors_of(&framework_id);
            }
        }
    }

    /// Nobody notices before it has missed its pings: what is sent to it waits.
    pub(super) fn handle_agent_silent(&mut self, now: Instant, index: AgentIndex) {
        let timeouts = self.config.timeouts;
        if let Some(agent) = self.agents.get_mut(&index)
            && matches!(agent.link, Link::Up)
        {
            let unreachable_due = agent.unreachable_due(now, &timeouts);
            agent.link = Link::Silent { unreachable_due };
            self.watch_agent(index);
        }
    }

    /// It has been silent for less than that; or it was given up, and has to register.
    pub(super) fn handle_agent_answers(&mut self, index: AgentIndex) {
        if let Some(agent) = self.agents.get_mut(&index)
            && matches!(agent.link, Link::Silent { .. })
        {
            agent.link = Link::Up;
            self.watch_agent(index);
        }
    }

    pub(super) fn handle_agent_left(&mut self, now: Instant, index: AgentIndex) {
        let Some(agent) = self.agents.get(&index) else {
            return;
        };
        let message = format!(
            "Agent {} removed: the agent unregistered",
            agent.info.hostname
        );
        let agent_id = agent.id.clone();
        self.note(RegistryChange::Removed { agent_id });
        self.remove_agent(now, index, |_| Loss {
            state: v1::TaskState::TaskLost,
            reason: Reason::AgentRemoved,
            message: message.clone(),
            unreachable_time: None,
        });
    }

    /// Agents that have been silent for too long are unreachable.
    pub(super) fn remove_overdue_agents(&mut self, now: Instant) {
        for index in self.agent_deadlines.due(now) {
            let Some(id) = self.agents.get(&index).map(|agent| agent.id.clone()) else {
                continue;
            };
            let nanoseconds = nanoseconds(self.timestamp(now));
            self.note_unreachable_tasks(index, &id);
            self.note(RegistryChange::Unreachable {
                agent_id: id,
                nanoseconds,
            });
            self.remove_agent(now, index, |framework| Loss {
                state: framework.lost_or(v1::TaskState::TaskUnreachable),
                reason: Reason::AgentRemoved,
                message: "health check timed out".to_owned(),
                unreachable_time: Some(v1::TimeInfo { nanoseconds }),
            });
        }
    }

    fn note_unreachable_tasks(&mut self, index: AgentIndex, id: &AgentId) {
        for (framework_id, task_id) in self.tasks_on(index) {
            if let Some(framework) = self.frameworks.get_mut(&framework_id)
                && let Some(task) = framework.tasks.get(&task_id)
                && !is_terminal(task.known_state())
            {
                framework.add_unreachable(task_id, id.clone());
            }
        }
    }

    pub(super) fn remove_agent(
        &mut self,
        now: Instant,
        index: AgentIndex,
        loss: impl Fn(&Framework) -> Loss,
    ) {
        for (framework_id, task_id) in self.tasks_on(index) {
            let loss = loss(&self.frameworks[&framework_id]);
            self.lose_task(now, &framework_id, &task_id, &loss);
        }
        self.rescind_offers_of(index);
        let Some(agent) = self.agents.remove(&index) else {
            return;
        };
        self.agent_index.remove(&agent.id);
        self.operations.remove_agent(&agent.id);
        self.watch_agent(index);
        tracing::info!(agent = %agent.id, "agent removed");
        self.publish_agent_removed(&agent.id);
        let frameworks: Vec<_> = self.frameworks.keys().cloned().collect();
        for framework in frameworks {
            self.send(&framework, events::agent_failure(&agent.id));
        }
    }

    /// Forgets a task and says so.
    fn lose_task(&mut self, now: Instant, id: &FrameworkId, task_id: &TaskId, loss: &Loss) {
        let timestamp = self.timestamp(now);
        let Some(framework) = self.frameworks.get_mut(id) else {
            return;
        };
        let Some(task) = framework.tasks.remove(task_id) else {
            return;
        };
        if let Some(agent) = self.agents.get_mut(&task.agent()) {
            agent.release(&task.resources);
        }
        // That it has ended is known already, or comes from the agent.
        if is_terminal(task.known_state()) {
            return self.record_forgotten(id, task_id);
        }
        let status = v1::TaskStatus {
            task_id: task_id.clone().into(),
            state: loss.state.into(),
            source: Some(v1::task_status::Source::Master.into()),
            reason: Some(loss.reason.into()),
            message: Some(loss.message.clone()),
            agent_id: Some(task.agent_id.into()),
            executor_id: Some(task.executor_id.into()),
            timestamp: Some(timestamp),
            unreachable_time: loss.unreachable_time,
            ..Default::default()
        };
        let seen_by_operators = v1::TaskStatus {
            executor_id: None,
            ..status.clone()
        };
        self.publish_status(id, &seen_by_operators, loss.state);
        self.record_forgotten(id, task_id);
        self.send(id, events::update(status));
    }

    pub(super) fn rescind_offers_of(&mut self, agent: AgentIndex) {
        for id in self.offers.on(agent) {
            self.rescind(&id);
        }
    }

    fn tasks_on(&self, agent: AgentIndex) -> Vec<(FrameworkId, TaskId)> {
        let tasks = self
            .frameworks
            .iter()
            .flat_map(|(framework_id, framework)| {
                let own = framework.tasks.on(agent);
                own.map(move |task_id| (framework_id.clone(), task_id.clone()))
            });
        tasks.collect()
    }
}

/// What is said of a task that is lost with its agent.
pub(super) struct Loss {
    pub(super) state: v1::TaskState,
    pub(super) reason: Reason,
    pub(super) message: String,
    pub(super) unreachable_time: Option<v1::TimeInfo>,
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "64 bits of nanoseconds last to the year 2262"
)]
pub(super) fn nanoseconds(seconds: f64) -> i64 {
    (seconds * 1e9) as i64
}
