//! What becomes of launched tasks: updates, acknowledgements, reconciliation, kills, messages
//! (PROTOCOL §8, §10).

use std::time::Instant;

use mesos::v1::scheduler::call;
use mesos::v1::task_status::{Reason, Source};
use mesos::{AgentId, ExecutorId, FrameworkId, TaskId, v1};

use super::ledger::Forwarded;
use super::{Master, events};
use crate::core::wire::{AgentIndex, ToAgent, is_terminal};

impl Master {
    /// An update made by an executor or an agent. While nobody listens it is swallowed; the agent
    /// sends it again. One for a task that is not on this agent goes to the scheduler as well, but
    /// the master learns nothing from it.
    pub(super) fn forward_update(
        &mut self,
        from: AgentIndex,
        id: &FrameworkId,
        status: v1::TaskStatus,
        latest_state: v1::TaskState,
    ) {
        let Some(framework) = self.frameworks.get_mut(id) else {
            return;
        };
        let task_id = TaskId::from(status.task_id.value.as_str());
        let task = framework.tasks.get_mut(&task_id);
        if let Some(task) = task.filter(|task| task.agent() == from) {
            if is_terminal(latest_state)
                && let Some(agent) = self.agents.get_mut(&from)
            {
                agent.release(&std::mem::take(&mut task.resources));
            }
            if !is_terminal(task.state) {
                task.state = latest_state;
            }
            // What an update does not tell is as the one before has told it.
            let before = task.forwarded.take();
            let container = before.as_ref().and_then(|it| it.container_status.clone());
            task.forwarded = Some(Forwarded {
                state: status.state(),
                uuid: status.uuid.clone(),
                healthy: status.healthy.or_else(|| before?.healthy),
                container_status: status.container_status.clone().or(container),
            });
            self.publish_status(id, &status, latest_state);
        }
        self.send(id, events::update(status));
    }

    /// ACKNOWLEDGE. Lost while the agent is away, which is harmless: the update comes again.
    pub(super) fn acknowledge(&mut self, id: &FrameworkId, acknowledge: call::Acknowledge) {
        let agent_id = AgentId::from(acknowledge.agent_id.value);
        let Some(agent) = self
            .agent_by_id(&agent_id)
            .filter(|agent| agent.is_connected())
        else {
            return;
        };
        let agent = agent.index();
        let task_id = TaskId::from(acknowledge.task_id.value);
        if let Some(framework) = self.frameworks.get_mut(id) {
            let is_end = |forwarded: &Forwarded| {
                is_terminal(forwarded.state) && forwarded.uuid.as_ref() == Some(&acknowledge.uuid)
            };
            let task = framework.tasks.get(&task_id);
            if task
                .filter(|task| task.agent() == agent)
                .and_then(|task| task.forwarded.as_ref())
                .is_some_and(is_end)
            {
                framework.tasks.remove(&task_id);
                self.record_forgotten(id, &task_id);
            }
        }
        let message = ToAgent::AcknowledgeUpdate {
            framework_id: id.clone(),
            task_id,
            uuid: acknowledge.uuid,
        };
        self.send_to_agent(agent, message);
    }

    /// RECONCILE: every task if none is named, else an answer for each that is named.
    pub(super) fn reconcile(&mut self, now: Instant, id: &FrameworkId, reconcile: call::Reconcile) {
        let asked: Vec<(TaskId, Option<AgentId>)> = if reconcile.tasks.is_empty() {
            let Some(framework) = self.frameworks.get(id) else {
                return;
            };
            framework
                .tasks
                .iter()
                .map(|(task_id, _)| (task_id.clone(), None))
                .collect()
        } else {
            let parts = |task: call::reconcile::Task| {
                (
                    TaskId::from(task.task_id.value),
                    task.agent_id.map(|id| AgentId::from(id.value)),
                )
            };
            reconcile.tasks.into_iter().map(parts).collect()
        };
        for (task_id, agent_id) in asked {
            self.reconcile_task(now, id, task_id, agent_id);
        }
    }

    fn reconcile_task(
        &mut self,
        now: Instant,
        id: &FrameworkId,
        task_id: TaskId,
        agent_id: Option<AgentId>,
    ) {
        use v1::TaskState;
        let Some(framework) = self.frameworks.get(id) else {
            return;
        };
        let status = v1::TaskStatus {
            task_id: task_id.clone().into(),
            source: Some(Source::Master.into()),
            reason: Some(Reason::Reconciliation.into()),
            timestamp: Some(self.timestamp(now)),
            ..Default::default()
        };
        let status = if let Some(task) = framework.tasks.get(&task_id) {
            let forwarded = task.forwarded.as_ref();
            v1::TaskStatus {
                state: task.known_state().into(),
                message: Some("Reconciliation: Latest task state".to_owned()),
                agent_id: Some(task.agent_id.clone().into()),
                executor_id: Some(task.executor_id.clone().into()),
                healthy: forwarded.and_then(|forwarded| forwarded.healthy),
                container_status: forwarded.and_then(|known| known.container_status.clone()),
                ..status
            }
        } else {
            // It may be on an agent that has not come back yet: no answer is no wrong answer.
            if match &agent_id {
                Some(agent_id) => self.recovered.contains(agent_id),
                None => !self.recovered.is_empty(),
            } {
                return;
            }
            let unreachable = |id| self.registry.unreachable_since(id);
            let unreachable = agent_id.as_ref().and_then(unreachable);
            let is_registered = agent_id
                .as_ref()
                .is_some_and(|id| self.agent_by_id(id).is_some());
            let is_gone = agent_id
                .as_ref()
                .is_some_and(|id| self.registry.gone_since(id).is_some());
            let (state, fate) = match unreachable {
                _ if is_registered => (TaskState::TaskGone, "unknown to the agent"),
                _ if is_gone => (TaskState::TaskGoneByOperator, "gone"),
                Some(_) => (TaskState::TaskUnreachable, "unreachable"),
                None => (TaskState::TaskUnknown, "unknown"),
            };
            let unreachable = unreachable.filter(|_| !is_registered);
            v1::TaskStatus {
                state: framework.lost_or(state).into(),
                message: Some(format!("Reconciliation: Task is {fate}")),
                agent_id: agent_id.map(Into::into),
                unreachable_time: unreachable.map(|nanoseconds| v1::TimeInfo { nanoseconds }),
                ..status
            }
        };
        self.send(id, events::update(status));
    }

    /// KILL: of a task that is not known it is a question, of one that is, it goes to the agent
    /// every time.
    pub(super) fn kill(&mut self, now: Instant, id: &FrameworkId, kill: call::Kill) {
        let task_id = TaskId::from(kill.task_id.value);
        let agent_id = kill.agent_id.map(|id| AgentId::from(id.value));
        let framework = self.frameworks.get_mut(id);
        let task = framework.and_then(|framework| framework.tasks.get_mut(&task_id));
        let Some(task) = task else {
            return self.reconcile_task(now, id, task_id, agent_id);
        };
        if agent_id.is_some_and(|given| given != task.agent_id) {
            tracing::warn!(framework = %id, task = %task_id, "kill with a wrong agent id dropped");
            return;
        }
        // The agent may be away; it is told when it comes back.
        task.kill = Some(kill.kill_policy);
        let agent = task.agent();
        let message = ToAgent::KillTask {
            framework_id: id.clone(),
            task_id,
            kill_policy: kill.kill_policy,
        };
        self.send_to_agent(agent, message);
    }

    /// Tells an agent that has come back of the kills that it may have missed.
    pub(super) fn repeat_kills(&mut self, agent: AgentIndex) {
        let mut kills = Vec::new();
        for (framework_id, framework) in &self.frameworks {
            for task_id in framework.tasks.on(agent) {
                if let Some(task) = framework.tasks.get(task_id)
                    && !is_terminal(task.state)
                    && let Some(kill_policy) = task.kill
                {
                    kills.push(ToAgent::KillTask {
                        framework_id: framework_id.clone(),
                        task_id: task_id.clone(),
                        kill_policy,
                    });
                }
            }
        }
        for kill in kills {
            self.send_to_agent(agent, kill);
        }
    }

    pub(super) fn shutdown_executor(&mut self, id: &FrameworkId, shutdown: call::Shutdown) {
        let agent_id = AgentId::from(shutdown.agent_id.value);
        let Some(agent) = self.agent_by_id(&agent_id) else {
            return;
        };
        let message = ToAgent::ShutdownExecutor {
            framework_id: id.clone(),
            executor_id: ExecutorId::from(shutdown.executor_id.value),
        };
        self.send_to_agent(agent.index(), message);
    }
}
