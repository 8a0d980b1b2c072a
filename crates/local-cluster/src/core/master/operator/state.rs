//! What there is: agents, frameworks, executors, tasks and roles, as operators see them.

use std::collections::BTreeMap;

use mesos::resources::{Resource, Resources, Value};
use mesos::v1::master::response::{
    GetAgents, GetExecutors, GetFrameworks, GetRoles, GetState, GetTasks, get_agents,
    get_executors, get_frameworks,
};
use mesos::{FrameworkId, TaskId, v1};

use crate::core::facts::{MESOS_VERSION, agent_capabilities, shown};
use crate::core::master::Master;
use crate::core::master::agents::Agent;
use crate::core::master::allocator::offer_message;
use crate::core::master::framework::{Connection, Framework};
use crate::core::master::ledger::Task;
use crate::core::master::offers::Offer;
use crate::core::wire::AgentIndex;

/// Resources, booked for somebody.
type Booked<K> = BTreeMap<K, Resources>;

impl Master {
    pub(super) fn state(&self) -> GetState {
        GetState {
            get_tasks: Some(self.get_tasks()),
            get_executors: Some(self.get_executors()),
            get_frameworks: Some(self.get_frameworks()),
            get_agents: Some(self.get_agents()),
        }
    }

    pub(super) fn get_agents(&self) -> GetAgents {
        let mut allocated: Booked<AgentIndex> = BTreeMap::new();
        for (_, agent, resources) in self.allocations() {
            *allocated.entry(agent).or_default() += resources;
        }
        let mut offered: Booked<AgentIndex> = BTreeMap::new();
        for offer in self.offers.values() {
            *offered.entry(offer.agent).or_default() += &offer.resources;
        }
        let held = |booked: &Booked<AgentIndex>, agent: &Agent| {
            booked.get(&agent.index()).map(shown).unwrap_or_default()
        };
        let agents = self.agents.values().map(|agent| get_agents::Agent {
            allocated_resources: held(&allocated, agent),
            offered_resources: held(&offered, agent),
            ..self.agent_message(agent)
        });
        GetAgents {
            agents: agents.collect(),
            recovered_agents: self.recovered_agents().collect(),
        }
    }

    /// Agents of a master before this one that have not come yet.
    fn recovered_agents(&self) -> impl Iterator<Item = v1::AgentInfo> {
        let admitted = self.registry.admitted();
        let recovered = self.recovered.iter();
        recovered.filter_map(|id| admitted.get(id).cloned())
    }

    /// An agent without what is allocated and offered of it.
    pub(super) fn agent_message(&self, agent: &Agent) -> get_agents::Agent {
        let times = self.operators.agents.get(agent.id());
        let address = agent.url().address;
        let (ip, port) = (address.ip.unwrap_or_default(), address.port);
        get_agents::Agent {
            agent_info: agent.info().clone(),
            active: agent.is_connected() && !agent.is_deactivated(),
            deactivated: Some(agent.is_deactivated()),
            version: MESOS_VERSION.to_owned(),
            pid: Some(format!("slave(1)@{ip}:{port}")),
            registered_time: times.map(|times| times.registered),
            reregistered_time: times.and_then(|times| times.reregistered),
            total_resources: shown(agent.total()),
            capabilities: agent_capabilities(),
            ..Default::default()
        }
    }

    pub(super) fn get_frameworks(&self) -> GetFrameworks {
        let mut allocated: Booked<&FrameworkId> = BTreeMap::new();
        for (framework, _, resources) in self.allocations() {
            *allocated.entry(framework).or_default() += resources;
        }
        let mut offers: BTreeMap<&FrameworkId, Vec<v1::Offer>> = BTreeMap::new();
        let mut offered: Booked<&FrameworkId> = BTreeMap::new();
        for (id, offer) in self.offers.iter() {
            *offered.entry(&offer.framework).or_default() += &offer.resources;
            let wire = self.offer_message(id, offer);
            offers.entry(&offer.framework).or_default().extend(wire);
        }
        let frameworks = self.frameworks.iter().map(|(id, framework)| {
            let held =
                |booked: &Booked<&FrameworkId>| booked.get(id).map(shown).unwrap_or_default();
            get_frameworks::Framework {
                allocated_resources: held(&allocated),
                offered_resources: held(&offered),
                offers: offers.get(id).cloned().unwrap_or_default(),
                offer_constraints: Some(v1::scheduler::OfferConstraints::default()),
                ..self.framework_message(id, framework)
            }
        });
        let completed =
            self.operators
                .completed
                .iter()
                .map(|(framework, _)| get_frameworks::Framework {
                    offer_constraints: Some(v1::scheduler::OfferConstraints::default()),
                    ..framework.clone()
                });
        GetFrameworks {
            frameworks: frameworks.collect(),
            completed_frameworks: completed.collect(),
            recovered_frameworks: Vec::new(),
        }
    }

    /// A framework without what it holds.
    pub(super) fn framework_message(
        &self,
        id: &FrameworkId,
        framework: &Framework,
    ) -> get_frameworks::Framework {
        let record = self.operators.frameworks.get(id);
        let times = record.and_then(|record| record.times);
        let is_connected = framework.stream().is_some();
        get_frameworks::Framework {
            framework_info: framework.info.clone(),
            active: is_connected,
            connected: is_connected,
            recovered: matches!(framework.connection, Connection::Recovered),
            registered_time: times.map(|times| times.registered),
            reregistered_time: times.and_then(|times| times.reregistered),
            ..Default::default()
        }
    }

    fn offer_message(&self, id: &mesos::OfferId, offer: &Offer) -> Option<v1::Offer> {
        let agent = self.agents.get(&offer.agent)?;
        let (to, role) = (&offer.framework, &offer.role);
        Some(offer_message(id, to, agent, role, &offer.resources))
    }

    pub(super) fn get_executors(&self) -> GetExecutors {
        let executors = self.agents.values().flat_map(|agent| {
            agent
                .executor_infos()
                .map(|executor_info| get_executors::Executor {
                    executor_info: executor_info.clone(),
                    agent_id: agent.id().clone().into(),
                })
        });
        GetExecutors {
            executors: executors.collect(),
            orphan_executors: Vec::new(),
        }
    }

    pub(super) fn get_tasks(&self) -> GetTasks {
        let living = self.frameworks.iter().flat_map(|(id, framework)| {
            let record = self.operators.frameworks.get(id);
            framework.tasks.iter().map(move |(task_id, task)| {
                record
                    .and_then(|record| record.tasks.get(task_id))
                    .cloned()
                    .unwrap_or_else(|| unrecorded(id, task_id, task))
            })
        });
        let completed = self.operators.completed.iter().map(|(_, record)| record);
        let records = || completed.clone().chain(self.operators.frameworks.values());
        GetTasks {
            tasks: living.collect(),
            unreachable_tasks: records()
                .flat_map(|record| record.unreachable.iter().cloned())
                .collect(),
            completed_tasks: records()
                .flat_map(|record| record.completed.iter().cloned())
                .collect(),
            ..Default::default()
        }
    }

    /// Roles that somebody has subscribed to, with the amounts that are allocated or offered to them.
    pub(super) fn get_roles(&self) -> GetRoles {
        let mut roles: BTreeMap<&str, (Vec<v1::FrameworkId>, Resources)> = BTreeMap::new();
        for (id, framework) in &self.frameworks {
            for role in &framework.roles {
                roles.entry(role).or_default().0.push(id.clone().into());
            }
        }
        let allocated = self.allocations().map(|(_, _, resources)| resources);
        let offered = self.offers.values().map(|offer| &offer.resources);
        for resource in allocated.chain(offered).flat_map(Resources::iter) {
            if let Some(role) = resource.allocation_role()
                && let Some((_, held)) = roles.get_mut(role)
                && let Value::Scalar(amount) = resource.value()
            {
                *held += Resources::from(Resource::scalar(resource.name(), *amount));
            }
        }
        let roles = roles.into_iter().map(|(name, (frameworks, held))| {
            let mut resources = held.to_wire();
            resources.sort_by(|one, other| one.name.cmp(&other.name));
            v1::Role {
                name: name.to_owned(),
                weight: 1.0,
                frameworks,
                resources,
            }
        });
        GetRoles {
            roles: roles.collect(),
        }
    }

    /// What tasks and executors hold, where and for whom.
    pub(super) fn allocations(
        &self,
    ) -> impl Iterator<Item = (&FrameworkId, AgentIndex, &Resources)> {
        let tasks = self.frameworks.iter().flat_map(|(id, framework)| {
            let tasks = framework.tasks.values();
            tasks.map(move |task| (id, task.agent(), &task.resources))
        });
        let executors = self.agents.values().flat_map(|agent| {
            agent
                .executor_resources()
                .map(|(id, resources)| (id, agent.index(), resources))
        });
        tasks.chain(executors)
    }
}

/// A task of which only the ledger knows.
fn unrecorded(id: &FrameworkId, task_id: &TaskId, task: &Task) -> v1::Task {
    v1::Task {
        name: task_id.to_string(),
        task_id: task_id.clone().into(),
        framework_id: id.clone().into(),
        executor_id: Some(task.executor_id.clone().into()),
        agent_id: task.agent_id.clone().into(),
        state: task.state.into(),
        resources: task.resources.to_wire(),
        ..Default::default()
    }
}
