//! How agents register, and what they bring: a new agent, one that is back, or one that the master
//! before this one knew (PROTOCOL §11).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use mesos::resources::Resources;
use mesos::v1::task_status::Reason;
use mesos::{AgentId, ExecutorId, FrameworkId, TaskId, v1};

use super::{Agent, KnownExecutor, Loss, nanoseconds};
use crate::core::history;
use crate::core::master::framework::{Connection, Framework};
use crate::core::master::ledger::Task;
use crate::core::master::{Master, Output, RegistryChange, events};
use crate::core::wire::{AgentIndex, ToAgent, is_terminal};

/// What an agent says is running on it when it registers.
pub(super) struct Running {
    pub(super) frameworks: Vec<v1::FrameworkInfo>,
    pub(super) executors: Vec<(FrameworkId, v1::ExecutorInfo)>,
    pub(super) tasks: Vec<(FrameworkId, v1::TaskInfo, v1::TaskState)>,
    pub(super) shown: Vec<v1::Task>,
}

impl Running {
    fn living_tasks(&self) -> Vec<(FrameworkId, TaskId)> {
        let living = self
            .tasks
            .iter()
            .filter(|(_, _, state)| !is_terminal(*state));
        let ids = |(framework_id, info, _): &(FrameworkId, v1::TaskInfo, v1::TaskState)| {
            let task_id = TaskId::from(info.task_id.value.as_str());
            (framework_id.clone(), task_id)
        };
        living.map(ids).collect()
    }
}

impl Master {
    /// Admits an agent, or one that is back.
    pub(super) fn register(
        &mut self,
        now: Instant,
        index: AgentIndex,
        info: v1::AgentInfo,
        checkpointed: Option<Vec<v1::Resource>>,
        running: Running,
    ) {
        let total = checkpointed.as_ref().unwrap_or(&info.resources);
        let total = match Resources::from_wire(total) {
            Ok(total) => total,
            Err(error) => {
                tracing::error!(?index, %error, "agent refused");
                return;
            }
        };
        let id = info.id.as_ref().map(|id| AgentId::from(id.value.as_str()));
        if id
            .as_ref()
            .is_some_and(|id| self.registry.gone_since(id).is_some())
        {
            return self.turn_away(index);
        }
        if self
            .agents
            .get(&index)
            .is_some_and(|known| Some(&known.id) != id.as_ref())
        {
            // It has lost its work directory and with it all that it was.
            self.handle_agent_left(now, index);
        }
        let is_first = id.is_none();
        let known = self.agents.get(&index);
        let is_known = known.is_some();
        let deactivated = known.is_some_and(Agent::is_deactivated);
        let observed_since = known.map_or(now, |known| known.observed_since);
        let id = id.unwrap_or_else(|| self.new_agent_id());
        tracing::info!(agent = %id, resources = %total, "agent registered");
        self.rescind_offers_of(index);
        self.recovered.remove(&id);
        let was_unreachable = self.registry.unreachable_since(&id).is_some();
        for framework in self.frameworks.values_mut() {
            framework.forget_unreachable(&id);
        }
        self.agent_index.insert(id.clone(), index);
        let mut agent = Agent::new(index, id.clone(), info, total, observed_since);
        agent.set_deactivated(deactivated);
        let info = Box::new(agent.info.clone());
        self.agents.insert(index, agent);
        self.watch_agent(index);
        self.note(RegistryChange::Admitted(info));
        self.publish_agent(index, is_first, is_known);
        let frameworks: Vec<FrameworkId> = running.frameworks.iter().filter_map(id_of).collect();
        let tasks = was_unreachable.then(|| running.living_tasks());
        self.adopt(now, index, running);
        self.tell_of_return(now, &id, tasks.unwrap_or_default());
        self.send_to_agent(index, ToAgent::Registered { agent_id: id });
        self.refresh_frameworks(index, &frameworks);
        self.repeat_kills(index);
        // What has become free elsewhere has to wait for the next run (PROTOCOL §6).
        self.allocate_on(now, &[index]);
    }

    /// An agent that is gone for good has come back: it is to end.
    fn turn_away(&mut self, index: AgentIndex) {
        tracing::warn!(?index, "an agent that was marked gone came back");
        let message = "Agent has been marked gone".to_owned();
        self.outputs.push_back(Output::ToAgent {
            agent: index,
            message: ToAgent::Shutdown { message },
        });
    }

    /// Agents of a master before this one that have not come are unreachable. What ran on them is
    /// not known, so nobody is told.
    pub(in crate::core::master) fn give_up_recovered_agents(&mut self, now: Instant) {
        if self.recovery_due > now {
            return;
        }
        let nanoseconds = nanoseconds(self.timestamp(now));
        for agent_id in std::mem::take(&mut self.recovered) {
            tracing::info!(agent = %agent_id, "agent has not registered again");
            self.note(RegistryChange::Unreachable {
                agent_id,
                nanoseconds,
            });
        }
    }

    fn new_agent_id(&mut self) -> AgentId {
        let id = format!("{}-S{}", self.config.info.id, self.counters.agents);
        self.counters.agents += 1;
        AgentId::from(id)
    }

    /// Books what is running on an agent that has registered; tasks that are not there are lost.
    fn adopt(
        &mut self,
        now: Instant,
        index: AgentIndex,
        Running {
            frameworks,
            executors,
            tasks,
            shown,
        }: Running,
    ) {
        let mut shown: BTreeMap<(FrameworkId, TaskId), v1::Task> = shown
            .into_iter()
            .map(|task| {
                let framework_id = FrameworkId::from(task.framework_id.value.as_str());
                let task_id = TaskId::from(task.task_id.value.as_str());
                ((framework_id, task_id), task)
            })
            .collect();
        for info in frameworks {
            self.recover_framework(info);
        }
        // The agent is booked anew: what its tasks held before is part of what is free now.
        for framework in self.frameworks.values_mut() {
            framework.tasks.forget_resources_on(index);
        }
        let mut running = BTreeSet::new();
        for (framework_id, info, state) in tasks {
            let task_id = TaskId::from(info.task_id.value.as_str());
            let key = (framework_id, task_id);
            let shown = shown.remove(&key);
            let (framework_id, task_id) = &key;
            if let Some(executor_id) = self.adopt_task(index, framework_id, task_id, &info, state) {
                let agent_id = &self.agents[&index].id;
                let shown = shown.unwrap_or_else(|| {
                    history::launched(&info, framework_id, &executor_id, agent_id)
                });
                self.record_adopted(framework_id, task_id, shown, state);
            }
            running.insert(key);
        }
        for (framework_id, info) in executors {
            self.adopt_executor(index, &framework_id, info);
        }
        for on_agent in self.tasks_on(index) {
            if !running.contains(&on_agent) {
                let (framework_id, task_id) = on_agent;
                let loss = Loss {
                    state: self.frameworks[&framework_id].lost_or(v1::TaskState::TaskDropped),
                    reason: Reason::Reconciliation,
                    message: "Task is unknown to the agent".to_owned(),
                    unreachable_time: None,
                };
                self.lose_task(now, &framework_id, &task_id, &loss);
            }
        }
    }

    /// Tasks that were given up with their agent are there again (recording 12a). Of those that have
    /// ended meanwhile the agent says so itself.
    fn tell_of_return(
        &mut self,
        now: Instant,
        agent_id: &AgentId,
        tasks: Vec<(FrameworkId, TaskId)>,
    ) {
        let timestamp = self.timestamp(now);
        for (framework_id, task_id) in tasks {
            let framework = self.frameworks.get(&framework_id);
            let Some(task) = framework.and_then(|framework| framework.tasks.get(&task_id)) else {
                continue;
            };
            let last = self.last_status(&framework_id, &task_id);
            let status = v1::TaskStatus {
                task_id: task_id.into(),
                state: task.state.into(),
                source: Some(v1::task_status::Source::Master.into()),
                reason: Some(Reason::AgentReregistered.into()),
                message: Some("Unreachable agent re-reregistered".to_owned()),
                agent_id: Some(agent_id.clone().into()),
                executor_id: Some(task.executor_id.clone().into()),
                timestamp: Some(timestamp),
                healthy: last.and_then(|status| status.healthy),
                container_status: last.and_then(|status| status.container_status.clone()),
                ..Default::default()
            };
            self.send(&framework_id, events::update(status));
        }
    }

    /// A framework that is known by its agents only, after a failover of the master.
    fn recover_framework(&mut self, info: v1::FrameworkInfo) {
        let Some(id) = id_of(&info) else { return };
        if !self.frameworks.contains_key(&id) && !self.completed.contains(&id) {
            tracing::info!(framework = %id, "framework recovered");
            let recovered = Framework::new(&id, info, BTreeSet::new(), Connection::Recovered);
            self.frameworks.insert(id.clone(), recovered);
            self.publish_framework_recovered(&id);
        }
    }

    /// Tells an agent that has registered what the frameworks on it are by now; those that are gone
    /// for good it is to shut down. Each that is there makes the agent send its updates once more
    /// (PROTOCOL §11.2); of one that has not subscribed with this master there is no news (recording
    /// 13: two frameworks, one of them recovered, and every update comes twice).
    fn refresh_frameworks(&mut self, index: AgentIndex, frameworks: &[FrameworkId]) {
        for id in frameworks {
            let framework = self.frameworks.get(id);
            if framework.is_some_and(Framework::is_recovered) {
                continue;
            }
            let message = match framework {
                Some(framework) => ToAgent::UpdateFramework {
                    framework: framework.info.clone(),
                },
                None => ToAgent::ShutdownFramework {
                    framework_id: id.clone(),
                },
            };
            self.send_to_agent(index, message);
        }
    }

    /// Books a task, if its framework is there; the executor that has it.
    fn adopt_task(
        &mut self,
        index: AgentIndex,
        framework_id: &FrameworkId,
        task_id: &TaskId,
        info: &v1::TaskInfo,
        state: v1::TaskState,
    ) -> Option<ExecutorId> {
        let framework = self.frameworks.get_mut(framework_id);
        let known = framework.and_then(|framework| framework.tasks.remove(task_id));
        // Another agent may have had a task of this id.
        if let Some(known) = &known
            && let Some(agent) = self.agents.get_mut(&known.agent())
        {
            agent.release(&known.resources);
        }
        let (Some(agent), Some(framework)) = (
            self.agents.get_mut(&index),
            self.frameworks.get_mut(framework_id),
        ) else {
            return None;
        };
        let mut resources = Resources::from_wire(&info.resources).unwrap_or_default();
        if is_terminal(state) || !agent.free.contains(&resources.unallocate()) {
            resources = Resources::new();
        }
        agent.take(&resources);
        let (forwarded, kill) = known
            .map(|task| (task.forwarded, task.kill))
            .unwrap_or_default();
        let executor_id = match &info.executor {
            Some(executor) => ExecutorId::from(executor.executor_id.value.as_str()),
            None => ExecutorId::from(task_id.as_str()),
        };
        let agent_id = agent.id.clone();
        let mut task = Task::new((index, agent_id), executor_id.clone(), resources);
        task.state = state;
        task.forwarded = forwarded;
        task.kill = kill;
        framework.tasks.insert(task_id.clone(), task);
        Some(executor_id)
    }

    fn adopt_executor(
        &mut self,
        index: AgentIndex,
        framework_id: &FrameworkId,
        info: v1::ExecutorInfo,
    ) {
        let Some(agent) = self.agents.get_mut(&index) else {
            return;
        };
        let resources = Resources::from_wire(&info.resources).unwrap_or_default();
        if self.frameworks.contains_key(framework_id)
            && agent.free.contains(&resources.unallocate())
        {
            agent.take(&resources);
            agent.add_executor(framework_id, KnownExecutor { info, resources });
        }
    }
}

fn id_of(framework: &v1::FrameworkInfo) -> Option<FrameworkId> {
    let id = framework.id.as_ref()?;
    Some(FrameworkId::from(id.value.as_str()))
}
