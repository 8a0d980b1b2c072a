//! The calls of a scheduler (PROTOCOL §5, §7, §8).

use std::rc::Rc;
use std::time::Duration;

use mesos::resources::Resources;
use mesos::{AgentId, OfferId, TaskId};
use scheduler::{Call, CallFault, Reason, TaskState, Uuid};

use super::{Filter, Framework, Master, Standing, Task, Wire};
use crate::cluster::agent::ToAgent;
use crate::net::{Happening, LaunchOf, Net};

/// The shortest life of a filter (PROTOCOL §6).
const FILTER_MIN: Duration = Duration::from_secs(1);

impl Master {
    /// A call arrives.
    pub(crate) fn handle_call(
        &mut self,
        net: &mut Net,
        stream: u64,
        call: u64,
        wire: &Rc<Wire>,
        answered: bool,
    ) {
        let result = if self.life.is_none() {
            // The connection is refused; whoever calls cannot know that.
            Err(CallFault::Unknown)
        } else if self.stream != Some(stream) || self.framework != Framework::Known {
            Err(CallFault::NoEffect)
        } else {
            self.carry_out(net, wire);
            Ok(())
        };
        if answered {
            let after = net.latency();
            net.later(after, Happening::Answer { call, result });
        }
    }

    fn carry_out(&mut self, net: &mut Net, wire: &Wire) {
        match wire {
            Wire::Accept {
                offers,
                launch,
                refuse,
            } => self.accept(net, offers, launch, *refuse),
            Wire::Call(Call::Decline { offers, refuse }) => {
                for offer in offers {
                    if let Some(offered) = self.offers.remove(offer) {
                        self.refuse(net, offered.agent, offered.resources, *refuse);
                    }
                }
            }
            Wire::Call(Call::Suppress) => self.is_suppressed = true,
            Wire::Call(Call::Revive) => {
                self.is_suppressed = false;
                self.filters.clear();
                self.allocate_soon(net, Duration::ZERO);
            }
            Wire::Call(Call::Acknowledge { agent, task, uuid }) => {
                self.acknowledge(net, agent, task, *uuid);
            }
            Wire::Call(Call::Reconcile(tasks)) => self.reconcile(net, tasks),
            Wire::Call(Call::Kill { task, agent, grace }) => {
                self.kill(net, task, agent.as_ref(), *grace);
            }
            Wire::Call(Call::ShutdownExecutor { executor, agent }) => {
                if let Some(index) = self.index_of(agent) {
                    self.send_to_agent(net, index, ToAgent::ShutdownExecutor(executor.clone()));
                }
            }
            Wire::Call(Call::Teardown) => self.remove_framework(net),
        }
    }

    fn index_of(&self, agent: &AgentId) -> Option<usize> {
        self.agents.iter().position(|it| it.id == *agent)
    }

    fn refuse(&mut self, net: &Net, agent: usize, resources: Resources, refuse: Duration) {
        self.filters.push(Filter {
            agent,
            resources,
            until: net.now + refuse.max(FILTER_MIN),
        });
    }

    fn accept(&mut self, net: &mut Net, ids: &[OfferId], launch: &LaunchOf, refuse: Duration) {
        // One bad offer spoils them all, and those that were good are gone (PROTOCOL §7).
        let all_valid = ids.iter().all(|id| self.offers.contains_key(id));
        let offers: Vec<_> = ids.iter().filter_map(|id| self.offers.remove(id)).collect();
        let index = offers.first().map(|offer| offer.agent);
        let (Some(index), true) = (index, all_valid) else {
            net.note(|| format!("master: ACCEPT {ids:?} is invalid"));
            return self.drop_launch(net, launch, &Reason::INVALID_OFFERS);
        };
        if !matches!(self.agents[index].standing, Standing::Connected { .. }) {
            return self.drop_launch(net, launch, &Reason::AGENT_DISCONNECTED);
        }
        let held = offers
            .iter()
            .fold(Resources::new(), |sum, offer| sum + &offer.resources);
        let rest = held.checked_sub(&launch.executor.resources);
        let mut rest = rest.unwrap_or_default();
        let executor = launch.executor.id.clone();
        for task in &launch.tasks {
            rest = rest.checked_sub(&task.resources).unwrap_or_default();
            let known = Task {
                agent: index,
                state: TaskState::Staging,
                resources: task.resources.clone(),
                is_killed: false,
            };
            self.tasks.insert(task.id.clone(), known);
        }
        let entry = (index, launch.executor.resources.clone());
        self.executors.insert(executor, entry);
        if !rest.is_empty() {
            self.refuse(net, index, rest, refuse);
        }
        self.send_to_agent(net, index, ToAgent::Run(launch.clone()));
    }

    fn drop_launch(&mut self, net: &mut Net, launch: &LaunchOf, reason: &Reason) {
        for task in &launch.tasks {
            let agent = Some(launch.executor.agent.clone());
            self.tell(net, &task.id, TaskState::Dropped, agent, reason.clone());
        }
    }

    fn acknowledge(&mut self, net: &mut Net, agent: &AgentId, task: &TaskId, uuid: Uuid) {
        let Some(index) = self.index_of(agent) else {
            return;
        };
        if !matches!(self.agents[index].standing, Standing::Connected { .. }) {
            return;
        }
        if self.tasks.get(task).is_some_and(|it| it.state.is_end()) {
            self.tasks.remove(task);
        }
        let message = ToAgent::Acknowledge(task.clone(), uuid);
        self.send_to_agent(net, index, message);
    }

    fn reconcile(&mut self, net: &mut Net, tasks: &[(TaskId, AgentId)]) {
        if !tasks.is_empty() {
            for (task, agent) in tasks {
                self.answer(net, task, Some(agent));
            }
            return;
        }
        let known: Vec<_> = self
            .tasks
            .iter()
            .filter(|(_, task)| task.state != TaskState::Unreachable)
            .map(|(id, task)| (id.clone(), task.state, self.agents[task.agent].id.clone()))
            .collect();
        for (id, state, agent) in known {
            self.tell(net, &id, state, Some(agent), Reason::RECONCILIATION);
        }
    }

    /// Answers a question about one task (PROTOCOL §8.4).
    fn answer(&mut self, net: &mut Net, task: &TaskId, agent: Option<&AgentId>) {
        let reason = Reason::RECONCILIATION;
        if let Some(known) = self.tasks.get(task) {
            let (state, agent) = (known.state, self.agents[known.agent].id.clone());
            return self.tell(net, task, state, Some(agent), reason);
        }
        let standing = agent
            .and_then(|agent| self.index_of(agent))
            .map(|index| self.agents[index].standing);
        let mut agents = self.agents.iter();
        let any_recovered = agents.any(|agent| agent.standing == Standing::Recovered);
        let state = match standing {
            Some(Standing::Recovered) => return,
            None if agent.is_none() && any_recovered => return,
            Some(Standing::Connected { .. } | Standing::Disconnected) => TaskState::Gone,
            Some(Standing::Unreachable) => TaskState::Unreachable,
            Some(Standing::Gone { by_operator: true }) => TaskState::GoneByOperator,
            Some(Standing::Gone { .. } | Standing::Unknown) | None => TaskState::Unknown,
        };
        self.tell(net, task, state, agent.cloned(), reason);
    }

    fn kill(
        &mut self,
        net: &mut Net,
        task: &TaskId,
        agent: Option<&AgentId>,
        grace: Option<Duration>,
    ) {
        let known = self.tasks.get_mut(task);
        let Some(known) = known.filter(|known| known.state != TaskState::Unreachable) else {
            return self.answer(net, task, agent);
        };
        let index = known.agent;
        if agent.is_some_and(|agent| self.agents[index].id != *agent) {
            return;
        }
        known.is_killed = true;
        self.send_to_agent(net, index, ToAgent::Kill(task.clone(), grace));
    }
}
