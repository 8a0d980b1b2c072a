//! ACCEPT: offers are checked as a whole, then operations one by one (PROTOCOL §7).

use std::collections::BTreeSet;
use std::time::Instant;

use mesos::resources::{InvalidResource, Resource, Resources};
use mesos::v1::offer::Operation;
use mesos::v1::offer::operation::{LaunchGroup, Type};
use mesos::v1::scheduler::call;
use mesos::v1::task_status::{Reason, Source};
use mesos::{AgentId, ExecutorId, FrameworkId, OfferId, TaskId, v1};

use super::agents::KnownExecutor;
use super::ledger::Task;
use super::validation::{Launch, validate_group, validate_task};
use super::{Master, events};
use crate::core::wire::{AgentIndex, ToAgent};

/// What is left of accepted offers while operations are applied to it.
struct Remainder {
    agent: AgentIndex,
    role: String,
    resources: Resources,
}

/// Why the tasks of an operation are not launched.
struct Failure {
    state: v1::TaskState,
    reason: Reason,
    message: String,
}

impl Failure {
    fn error(reason: Reason, message: impl ToString) -> Self {
        let state = v1::TaskState::TaskError;
        Self {
            state,
            reason,
            message: message.to_string(),
        }
    }
}

impl Master {
    pub(super) fn accept(&mut self, now: Instant, id: &FrameworkId, accept: call::Accept) {
        let offer_ids: Vec<_> = accept
            .offer_ids
            .into_iter()
            .map(|id| OfferId::from(id.value))
            .collect();
        let checked = self.check_offers(id, &offer_ids);
        let mut offers = Vec::new();
        for offer_id in &offer_ids {
            // Offers of others are left alone, even in a call that fails for them.
            let known = self.offers.get(offer_id);
            if known.is_some_and(|offer| offer.framework == *id) {
                offers.extend(match checked {
                    // What is accepted stays taken.
                    Ok(()) => self.offers.remove(offer_id),
                    Err(_) => self.return_offer(offer_id),
                });
            }
        }
        match (checked, offers.first()) {
            (Ok(()), Some(first)) => {
                let mut remainder = Remainder {
                    agent: first.agent,
                    role: first.role.clone(),
                    resources: Resources::new(),
                };
                for offer in &offers {
                    remainder.resources += &offer.resources;
                }
                for operation in accept.operations {
                    self.apply(now, id, operation, &mut remainder);
                }
                if let Some(agent) = self.agents.get_mut(&remainder.agent) {
                    agent.release(&remainder.resources);
                }
                self.refuse(now, first, &remainder.resources, accept.filters.as_ref());
            }
            (checked, _) => {
                let detail = checked.err().unwrap_or_default();
                tracing::warn!(framework = %id, detail, "accept with invalid offers");
                for operation in accept.operations {
                    self.fail_for_offers(now, id, operation, &detail);
                }
            }
        }
    }

    /// The checks of the offers, each over all of them.
    fn check_offers(&self, id: &FrameworkId, offer_ids: &[OfferId]) -> Result<(), String> {
        if offer_ids.is_empty() {
            return Err("No offers specified".to_owned());
        }
        let mut seen = BTreeSet::new();
        for offer_id in offer_ids {
            if !seen.insert(offer_id) {
                return Err(format!("Duplicate offer {offer_id} in offer list"));
            }
        }
        let mut offers = Vec::new();
        for offer_id in offer_ids {
            let offer = self.offers.get(offer_id);
            offers.push((
                offer_id,
                offer.ok_or_else(|| format!("Offer {offer_id} is no longer valid"))?,
            ));
        }
        for (offer_id, offer) in &offers {
            if offer.framework != *id {
                let owner = &offer.framework;
                return Err(format!(
                    "Offer {offer_id} has invalid framework {owner} while framework {id} is \
                     expected"
                ));
            }
        }
        let first = offers[0].1;
        for (offer_id, offer) in &offers {
            if offer.role != first.role {
                return Err(format!(
                    "Aggregated offers must be allocated to the same role. Offer {offer_id} uses \
                     role {} but another is using role {}",
                    offer.role, first.role
                ));
            }
        }
        for (offer_id, offer) in &offers {
            if offer.agent != first.agent {
                let agent = |index| self.agents.get(&index).map(|agent| agent.id().clone());
                let [this, other] = [offer.agent, first.agent]
                    .map(agent)
                    .map(|id| id.unwrap_or_else(|| AgentId::from("")));
                return Err(format!(
                    "Aggregated offers must belong to one single agent. Offer {offer_id} uses \
                     agent {this} and agent {other}"
                ));
            }
        }
        Ok(())
    }

    fn fail_for_offers(
        &mut self,
        now: Instant,
        id: &FrameworkId,
        operation: Operation,
        detail: &str,
    ) {
        let Some(framework) = self.frameworks.get(id) else {
            return;
        };
        let failure = Failure {
            state: framework.lost_or(v1::TaskState::TaskDropped),
            reason: Reason::InvalidOffers,
            message: format!("Task launched with invalid offers: {detail}"),
        };
        match operation.r#type() {
            Type::Launch | Type::LaunchGroup => {
                for task in tasks_of(&operation) {
                    self.fail_task(now, id, task, &failure);
                }
            }
            _ => self.fail_operation(
                id,
                operation.id,
                format!("Operation attempted with invalid offers: {detail}"),
            ),
        }
    }

    fn apply(
        &mut self,
        now: Instant,
        id: &FrameworkId,
        mut operation: Operation,
        remainder: &mut Remainder,
    ) {
        let operation_type = operation.r#type();
        let invalid = match operation_type {
            Type::Launch => Reason::TaskInvalid,
            Type::LaunchGroup => Reason::TaskGroupInvalid,
            // Nothing is known of it, not even what to answer.
            Type::Unknown => return,
            _ => {
                let place = (remainder.agent, remainder.role.as_str());
                return self.convert(now, id, operation, place, &mut remainder.resources);
            }
        };
        let failure = if operation.id.is_some() {
            let name = operation_type.as_str_name();
            let name = if invalid == Reason::TaskInvalid {
                "LAUNCH"
            } else {
                name
            };
            let message = format!("The `id` field cannot be set on {name} operations");
            Some(Failure::error(invalid, message))
        } else {
            let upgraded = upgrade_operation(&mut operation, &remainder.role, id);
            upgraded.err().map(|error| Failure::error(invalid, error))
        };
        if let Some(failure) = failure {
            for task in tasks_of(&operation) {
                self.fail_task(now, id, task, &failure);
            }
            return;
        }
        if operation_type == Type::Launch {
            for task in operation.launch.unwrap_or_default().task_infos {
                self.launch(now, id, task, remainder);
            }
        } else if let Some(group) = operation.launch_group {
            self.launch_group(now, id, group, remainder);
        }
    }

    fn launch(
        &mut self,
        now: Instant,
        id: &FrameworkId,
        task: v1::TaskInfo,
        remainder: &mut Remainder,
    ) {
        let checked = self
            .launch_checks(id, remainder)
            .map(|checks| validate_task(&checks, &task));
        match checked {
            Some(Ok(needed)) => {
                let available = remainder.resources.checked_sub(&needed);
                remainder.resources = available.expect("validation has compared them");
                let executor = task.executor.clone();
                self.book_and_send(id, executor, vec![task], false, remainder);
            }
            Some(Err(message)) => {
                self.fail_task(
                    now,
                    id,
                    &task,
                    &Failure::error(Reason::TaskInvalid, message),
                );
            }
            None => {}
        }
    }

    fn launch_group(
        &mut self,
        now: Instant,
        id: &FrameworkId,
        group: LaunchGroup,
        remainder: &mut Remainder,
    ) {
        let checks = self.launch_checks(id, remainder);
        match checks.map(|checks| validate_group(&checks, &group)) {
            Some(Ok(needed)) => {
                let available = remainder.resources.checked_sub(&needed);
                remainder.resources = available.expect("validation has compared them");
                let LaunchGroup {
                    executor,
                    task_group,
                } = group;
                let mut tasks = task_group.tasks;
                for task in &mut tasks {
                    task.executor = Some(executor.clone());
                }
                self.book_and_send(id, Some(executor), tasks, true, remainder);
            }
            Some(Err(message)) => {
                let failure = Failure::error(Reason::TaskGroupInvalid, message);
                for task in &group.task_group.tasks {
                    self.fail_task(now, id, task, &failure);
                }
            }
            None => {}
        }
    }

    fn launch_checks<'a>(
        &'a self,
        id: &'a FrameworkId,
        remainder: &'a Remainder,
    ) -> Option<Launch<'a>> {
        Some(Launch {
            framework_id: id,
            framework: self.frameworks.get(id)?,
            agent: self.agents.get(&remainder.agent)?,
            available: &remainder.resources,
        })
    }

    /// Notes tasks, and their executor if it is new, and sends them on their way. A command task
    /// has none: the agent makes one of the same id, of which the master knows nothing.
    fn book_and_send(
        &mut self,
        id: &FrameworkId,
        executor: Option<v1::ExecutorInfo>,
        tasks: Vec<v1::TaskInfo>,
        group: bool,
        remainder: &Remainder,
    ) {
        let Some(framework) = self.frameworks.get_mut(id) else {
            return;
        };
        let Some(agent) = self.agents.get_mut(&remainder.agent) else {
            return;
        };
        let executor_id = match (&executor, tasks.first()) {
            (Some(executor), _) => ExecutorId::from(executor.executor_id.value.as_str()),
            (None, Some(task)) => ExecutorId::from(task.task_id.value.as_str()),
            (None, None) => return,
        };
        let launch_executor = executor.is_none() || agent.executor(id, &executor_id).is_none();
        if launch_executor && let Some(executor) = &executor {
            let resources = Resources::from_wire(&executor.resources).unwrap_or_default();
            agent.add_executor(
                id,
                KnownExecutor {
                    info: executor.clone(),
                    resources,
                },
            );
        }
        let agent_id = agent.id().clone();
        for task in &tasks {
            let booked = Task::new(
                (remainder.agent, agent_id.clone()),
                executor_id.clone(),
                Resources::from_wire(&task.resources).unwrap_or_default(),
            );
            framework
                .tasks
                .insert(TaskId::from(task.task_id.value.as_str()), booked);
        }
        let info = framework.info.clone();
        for task in &tasks {
            self.publish_launch(id, &executor_id, &agent_id, task);
        }
        let message = ToAgent::RunTasks {
            framework: info,
            executor,
            tasks,
            group,
            launch_executor,
        };
        self.send_to_agent(remainder.agent, message);
    }

    /// The update for a task that was not launched: without uuid and without executor id.
    fn fail_task(
        &mut self,
        now: Instant,
        id: &FrameworkId,
        task: &v1::TaskInfo,
        failure: &Failure,
    ) {
        let status = v1::TaskStatus {
            task_id: task.task_id.clone(),
            state: failure.state.into(),
            source: Some(Source::Master.into()),
            reason: Some(failure.reason.into()),
            message: Some(failure.message.clone()),
            agent_id: Some(task.agent_id.clone()),
            timestamp: Some(self.timestamp(now)),
            ..Default::default()
        };
        self.send(id, events::update(status));
    }
}

/// The tasks of the body that the type names; another body that was sent along means nothing.
fn tasks_of(operation: &Operation) -> &[v1::TaskInfo] {
    let launch = operation.launch.as_ref();
    let group = operation.launch_group.as_ref();
    match operation.r#type() {
        Type::Launch => launch.map_or(&[], |launch| &launch.task_infos),
        Type::LaunchGroup => group.map_or(&[], |group| &group.task_group.tasks),
        _ => &[],
    }
}

/// Brings all resources of a launch to the newer format, allocated to the role of the offer, and
/// fills in what a scheduler may leave out of an executor.
fn upgrade_operation(
    operation: &mut Operation,
    role: &str,
    id: &FrameworkId,
) -> Result<(), InvalidResource> {
    let mut executors = Vec::new();
    let mut tasks = Vec::new();
    match (operation.r#type(), operation) {
        (
            Type::Launch,
            Operation {
                launch: Some(launch),
                ..
            },
        ) => tasks.extend(&mut launch.task_infos),
        (
            Type::LaunchGroup,
            Operation {
                launch_group: Some(group),
                ..
            },
        ) => {
            executors.push(&mut group.executor);
            tasks.extend(&mut group.task_group.tasks);
        }
        _ => {}
    }
    for task in tasks {
        upgrade(&mut task.resources, role)?;
        executors.extend(&mut task.executor);
    }
    for executor in executors {
        upgrade(&mut executor.resources, role)?;
        executor
            .framework_id
            .get_or_insert_with(|| id.clone().into());
    }
    Ok(())
}

/// Amounts of nothing are kept: `cpus:0` reaches the executor (PROTOCOL §7).
fn upgrade(resources: &mut [v1::Resource], role: &str) -> Result<(), InvalidResource> {
    for resource in resources {
        *resource = Resource::from_wire(resource)?.to_wire();
        let allocation = resource
            .allocation_info
            .get_or_insert_with(Default::default);
        allocation.role.get_or_insert_with(|| role.to_owned());
    }
    Ok(())
}
