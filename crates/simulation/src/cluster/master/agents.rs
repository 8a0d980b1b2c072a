//! Agents as the master knows them: they register, fall silent, leave (PROTOCOL §11).

use std::time::Duration;

use mesos::resources::Resources;
use mesos::{AgentId, ExecutorId, TaskId};
use scheduler::{Failure, Input, Reason, StatusUpdate, TaskState};

use super::{Master, Standing, Status, Task, ToMaster};
use crate::cluster::agent::{Reported, ToAgent};
use crate::net::{Event, Net};

impl Master {
    /// A message of an agent arrives.
    pub(crate) fn handle_agent(
        &mut self,
        net: &mut Net,
        agent: usize,
        link: u64,
        message: ToMaster,
    ) {
        if self.life.is_none() {
            return;
        }
        let is_heard = self.reaches(agent, link);
        match message {
            ToMaster::Register {
                id,
                tasks,
                executors,
            } => self.register(net, agent, link, id, tasks, executors),
            ToMaster::Update(status, latest) if is_heard => {
                self.forward(net, agent, status, latest);
            }
            ToMaster::Exited { executor, status }
                if is_heard && self.executors.remove(&executor).is_some() =>
            {
                self.fail(net, agent, Some(executor), Some(status));
            }
            ToMaster::Update(..) | ToMaster::Exited { .. } => {}
        }
    }

    fn fail(
        &mut self,
        net: &mut Net,
        agent: usize,
        executor: Option<ExecutorId>,
        status: Option<i32>,
    ) {
        let failure = Failure {
            agent: self.agents[agent].id.clone(),
            executor,
            status,
        };
        self.send(net, Event::Input(Input::Failure(failure)));
    }

    fn forward(&mut self, net: &mut Net, agent: usize, status: Status, latest: TaskState) {
        if let Some(task) = self.tasks.get_mut(&status.task) {
            task.state = status.state;
            if latest.is_end() {
                task.resources = Resources::new();
            }
        }
        let update = StatusUpdate {
            task: status.task,
            state: status.state,
            agent: Some(self.agents[agent].id.clone()),
            source: status.source,
            reason: status.reason,
            message: None,
            uuid: Some(status.uuid),
        };
        self.send(net, Event::Input(Input::Update(update)));
    }

    fn register(
        &mut self,
        net: &mut Net,
        index: usize,
        link: u64,
        id: AgentId,
        tasks: Vec<Reported>,
        executors: Vec<(ExecutorId, Resources)>,
    ) {
        if matches!(self.agents[index].standing, Standing::Gone { .. }) {
            return;
        }
        net.note(|| format!("master: agent {id} registers"));
        self.rescind(net, Some(index));
        if self.agents[index].id != id {
            // It has lost its work directory and with it all that it was.
            self.lose_tasks(net, index, TaskState::Lost, &Reason::AGENT_REMOVED);
            self.agents[index].id = id;
        }
        self.agents[index].standing = Standing::Connected { link };
        self.drop_unreported(net, index, &tasks);
        self.executors.retain(|_, (on, _)| *on != index);
        if self.has_removed() {
            return self.send_to_agent(net, index, ToAgent::ShutdownFramework);
        }
        for (executor, resources) in executors {
            self.executors.insert(executor, (index, resources));
        }
        for reported in tasks {
            self.adopt(net, index, reported);
        }
        self.send_to_agent(net, index, ToAgent::Resend);
        self.allocate_soon(net, Duration::ZERO);
    }

    /// What should be on an agent and is not, is lost.
    fn drop_unreported(&mut self, net: &mut Net, index: usize, reported: &[Reported]) {
        let is_lost = |id: &TaskId| reported.iter().all(|it| it.task != *id);
        let lost: Vec<TaskId> = self
            .tasks
            .iter()
            .filter(|(id, task)| task.agent == index && is_lost(id))
            .map(|(id, _)| id.clone())
            .collect();
        for task in lost {
            let known = self.tasks.remove(&task);
            if known.is_some_and(|known| !known.state.is_end()) {
                let agent = Some(self.agents[index].id.clone());
                let reason = Reason::RECONCILIATION;
                self.tell(net, &task, TaskState::Dropped, agent, reason);
            }
        }
    }

    fn adopt(&mut self, net: &mut Net, index: usize, reported: Reported) {
        let Reported {
            task,
            state,
            resources,
        } = reported;
        let known = self.tasks.remove(&task);
        let was = known.as_ref().map(|known| known.state);
        let is_killed = known.is_some_and(|known| known.is_killed);
        let is_over = state.is_end();
        let forwarded = was.filter(|was| *was != TaskState::Unreachable);
        let adopted = Task {
            agent: index,
            state: forwarded.unwrap_or(state),
            resources: if is_over { Resources::new() } else { resources },
            is_killed,
        };
        self.tasks.insert(task.clone(), adopted);
        if was == Some(TaskState::Unreachable) {
            let agent = Some(self.agents[index].id.clone());
            let reason = Reason::new("REASON_AGENT_REREGISTERED");
            self.tell(net, &task, state, agent, reason);
        }
        if is_killed {
            self.send_to_agent(net, index, ToAgent::Kill(task, None));
        }
    }

    /// The master notices that the link to an agent is broken.
    pub(crate) fn disconnect(&mut self, net: &mut Net, index: usize, link: u64) {
        if self.reaches(index, link) {
            self.agents[index].standing = Standing::Disconnected;
            self.rescind(net, Some(index));
        }
    }

    /// Nothing was heard of an agent for 75 s, since this link broke.
    pub(crate) fn give_up(&mut self, net: &mut Net, index: usize, link: u64) {
        let standing = self.agents[index].standing;
        if self.reaches(index, link) || self.life.is_some() && standing == Standing::Disconnected {
            self.make_unreachable(net, index);
        }
    }

    /// Agents that have not come back to this master.
    pub(crate) fn give_up_recovered(&mut self, net: &mut Net, life: u64) {
        if self.life != Some(life) {
            return;
        }
        for index in 0..self.agents.len() {
            if self.agents[index].standing == Standing::Recovered {
                self.make_unreachable(net, index);
            }
        }
    }

    fn make_unreachable(&mut self, net: &mut Net, index: usize) {
        net.note(|| format!("master: agent a{index} is unreachable"));
        self.agents[index].standing = Standing::Unreachable;
        let agent = self.agents[index].id.clone();
        let mut silent = Vec::new();
        for (id, task) in &mut self.tasks {
            if task.agent == index && !task.state.is_end() {
                task.state = TaskState::Unreachable;
                task.resources = Resources::new();
                silent.push(id.clone());
            }
        }
        self.tasks
            .retain(|_, task| task.agent != index || !task.state.is_end());
        self.executors.retain(|_, (on, _)| *on != index);
        for task in silent {
            let agent = Some(agent.clone());
            let reason = Reason::AGENT_REMOVED;
            self.tell(net, &task, TaskState::Unreachable, agent, reason);
        }
        self.rescind(net, Some(index));
        self.fail(net, index, None, None);
    }

    /// An agent leaves for good, or an operator says that it has.
    pub(crate) fn remove_agent(&mut self, net: &mut Net, index: usize, by_operator: bool) {
        if self.life.is_none() || self.agents[index].standing == Standing::Unknown {
            return;
        }
        let (state, reason) = if by_operator {
            let reason = Reason::new("REASON_AGENT_REMOVED_BY_OPERATOR");
            (TaskState::GoneByOperator, reason)
        } else {
            (TaskState::Lost, Reason::AGENT_REMOVED)
        };
        self.lose_tasks(net, index, state, &reason);
        self.agents[index].standing = Standing::Gone { by_operator };
        self.rescind(net, Some(index));
        self.fail(net, index, None, None);
    }

    fn lose_tasks(&mut self, net: &mut Net, index: usize, state: TaskState, reason: &Reason) {
        let lost: Vec<TaskId> = self
            .tasks
            .iter()
            .filter(|(_, task)| task.agent == index)
            .map(|(id, _)| id.clone())
            .collect();
        self.executors.retain(|_, (on, _)| *on != index);
        for task in lost {
            let known = self.tasks.remove(&task);
            if known.is_some_and(|known| !known.state.is_end()) {
                let agent = Some(self.agents[index].id.clone());
                self.tell(net, &task, state, agent, reason.clone());
            }
        }
    }
}
