//! Operations on resources, and what their frameworks hear of them (PROTOCOL §7).
//!
//! Mesos lets the agent apply an operation, keep its status and send it until it is acknowledged.
//! Here the master does that at once: its agents are always there when they have been offered, and
//! keep only what they have now. So a status that was not acknowledged does not outlive a master.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use mesos::resources::Resources;
use mesos::v1::offer::Operation;
use mesos::v1::scheduler::call;
use mesos::{AgentId, FrameworkId, v1};

use super::conversion::{Context, Conversion, Invalid, conversion};
use super::{Master, events};
use crate::core::wire::{AgentIndex, ToAgent};

/// Operations whose framework has not acknowledged how they ended.
#[derive(Debug, Default)]
pub(super) struct Operations {
    pending: BTreeMap<(FrameworkId, String), Pending>,
}

#[derive(Debug)]
struct Pending {
    agent: AgentId,
    info: Operation,
    status: v1::OperationStatus,
    due: Instant,
    wait: Duration,
}

/// Between two attempts to tell a framework, as for updates of tasks: at first, and at most
/// (PROTOCOL §8.2).
const RETRY_WAIT: Duration = Duration::from_secs(10);
const RETRY_WAIT_MAX: Duration = Duration::from_mins(10);

/// Statuses that are kept; of more a framework hears only once.
const PENDING_MAX: usize = 10_000;

impl Operations {
    /// When a framework is told again.
    pub(super) fn due(&self) -> Option<Instant> {
        self.pending.values().map(|pending| pending.due).min()
    }

    /// What operators see of them.
    pub(super) fn describe(&self) -> Vec<v1::Operation> {
        let describe = |((framework, _), pending): (&(FrameworkId, _), &Pending)| v1::Operation {
            framework_id: Some(framework.into()),
            agent_id: Some(pending.agent.clone().into()),
            info: pending.info.clone(),
            latest_status: pending.status.clone(),
            statuses: vec![pending.status.clone()],
            uuid: pending.status.uuid.clone().unwrap_or_default(),
        };
        self.pending.iter().map(describe).collect()
    }

    pub(super) fn remove_framework(&mut self, id: &FrameworkId) {
        self.pending.retain(|(framework, _), _| framework != id);
    }

    /// What was not acknowledged is lost with its agent.
    pub(super) fn remove_agent(&mut self, id: &AgentId) {
        self.pending.retain(|_, pending| pending.agent != *id);
    }
}

impl Master {
    /// Applies an operation to what is left of accepted offers. What it makes of it is there for
    /// the operations after it, or on the agent only.
    pub(super) fn convert(
        &mut self,
        now: Instant,
        id: &FrameworkId,
        operation: Operation,
        (index, role): (AgentIndex, &str),
        available: &mut Resources,
    ) {
        let (Some(framework), Some(agent)) = (self.frameworks.get(id), self.agents.get(&index))
        else {
            return;
        };
        let context = Context {
            roles: &framework.roles,
            principal: framework.info.principal.as_deref(),
            total: agent.total(),
            available,
        };
        let conversion = match conversion(&operation, role, context) {
            Ok(conversion) => conversion,
            Err(Invalid::Resources(invalid)) => {
                return self.fail_operation(id, operation.id, invalid.to_string());
            }
            Err(Invalid::Operation(text)) => {
                let text = format!("{text}; on agent {}", agent.description());
                return self.fail_operation(id, operation.id, text);
            }
        };
        let name = operation.id.as_ref().map(|id| id.value.clone());
        let key = name.map(|name| (id.clone(), name));
        if let Some(key) = key.filter(|key| self.operations.pending.contains_key(key)) {
            let text = format!("Operation ID '{}' is already in use", key.1);
            return self.fail_operation(id, operation.id, text);
        }
        let agent_id = agent.id().clone();
        tracing::info!(framework = %id, agent = %agent_id, ?conversion, "operation applied");
        self.exchange(index, &conversion, available);
        if operation.id.is_some() {
            self.finish_operation(now, id, operation, agent_id, &conversion.converted);
        }
    }

    fn exchange(&mut self, index: AgentIndex, conversion: &Conversion, available: &mut Resources) {
        let Conversion {
            consumed,
            converted,
            at_once,
        } = conversion;
        let Some(agent) = self.agents.get_mut(&index) else {
            return;
        };
        let rest = available.checked_sub(consumed);
        *available = rest.expect("a conversion takes what is available");
        agent.convert(consumed, converted);
        if *at_once {
            *available += converted;
        } else {
            agent.release(converted);
        }
        let resources = agent.total().to_wire();
        self.send_to_agent(index, ToAgent::Checkpoint { resources });
    }

    /// Tells a framework of an operation that has ended well, until it says that it knows.
    fn finish_operation(
        &mut self,
        now: Instant,
        id: &FrameworkId,
        operation: Operation,
        agent: AgentId,
        converted: &Resources,
    ) {
        let uuid = uuid::Builder::from_random_bytes(self.rng.u128(..).to_be_bytes()).into_uuid();
        let status = v1::OperationStatus {
            operation_id: operation.id.clone(),
            state: v1::OperationState::OperationFinished.into(),
            converted_resources: converted.to_wire(),
            uuid: Some(v1::Uuid {
                value: uuid.into_bytes().to_vec().into(),
            }),
            agent_id: Some(agent.clone().into()),
            ..v1::OperationStatus::default()
        };
        self.send(id, events::operation_status(status.clone()));
        if self.operations.pending.len() < PENDING_MAX {
            let key = (id.clone(), operation.id.clone().unwrap_or_default().value);
            let pending = Pending {
                agent,
                info: operation,
                status,
                due: now + RETRY_WAIT,
                wait: RETRY_WAIT,
            };
            self.operations.pending.insert(key, pending);
        }
    }

    /// An operation without an id has nobody to tell.
    pub(super) fn fail_operation(
        &mut self,
        id: &FrameworkId,
        operation: Option<v1::OperationId>,
        message: String,
    ) {
        tracing::warn!(framework = %id, message, "operation dropped");
        if operation.is_some() {
            let status = v1::OperationStatus {
                operation_id: operation,
                state: v1::OperationState::OperationError.into(),
                message: Some(message),
                ..v1::OperationStatus::default()
            };
            self.send(id, events::operation_status(status));
        }
    }

    /// Tells frameworks again what they have not acknowledged.
    pub(super) fn repeat_operation_statuses(&mut self, now: Instant) {
        let mut due = Vec::new();
        for ((framework, _), pending) in &mut self.operations.pending {
            if pending.due <= now {
                pending.wait = (pending.wait * 2).min(RETRY_WAIT_MAX);
                pending.due = now + pending.wait;
                due.push((framework.clone(), pending.status.clone()));
            }
        }
        for (framework, status) in due {
            self.send(&framework, events::operation_status(status));
        }
    }

    /// ACKNOWLEDGE_OPERATION_STATUS; of an unknown one it means nothing.
    pub(super) fn acknowledge_operation_status(
        &mut self,
        id: &FrameworkId,
        acknowledge: call::AcknowledgeOperationStatus,
    ) {
        let key = (id.clone(), acknowledge.operation_id.value);
        let known = self.operations.pending.get(&key);
        let uuid = known.and_then(|pending| pending.status.uuid.as_ref());
        if uuid.is_some_and(|uuid| uuid.value == acknowledge.uuid) {
            self.operations.pending.remove(&key);
        }
    }

    /// RECONCILE_OPERATIONS: what is known of each that is named, or of all that are known; never
    /// to be acknowledged.
    pub(super) fn reconcile_operations(
        &mut self,
        id: &FrameworkId,
        operations: Vec<call::reconcile_operations::Operation>,
    ) {
        let mut statuses: Vec<v1::OperationStatus> = Vec::new();
        if operations.is_empty() {
            let pending = self.operations.pending.iter();
            let own = pending.filter(|((framework, _), _)| framework == id);
            statuses.extend(own.map(|(_, pending)| known_status(pending)));
        }
        for operation in operations {
            let key = (id.clone(), operation.operation_id.value.clone());
            statuses.push(match self.operations.pending.get(&key) {
                Some(pending) => known_status(pending),
                None => self.unknown_status(operation),
            });
        }
        for status in statuses {
            self.send(id, events::operation_status(status));
        }
    }

    fn unknown_status(
        &self,
        operation: call::reconcile_operations::Operation,
    ) -> v1::OperationStatus {
        use v1::OperationState;
        let agent = operation.agent_id.as_ref();
        let agent = agent.map(|id| AgentId::from(id.value.as_str()));
        let is = |known: &dyn Fn(&AgentId) -> bool| agent.as_ref().is_some_and(known);
        let (state, what) = if is(&|id| self.recovered.contains(id)) {
            (OperationState::OperationRecovering, "recovering")
        } else if is(&|id| self.registry.gone_since(id).is_some()) {
            (OperationState::OperationGoneByOperator, "gone")
        } else if is(&|id| self.registry.unreachable_since(id).is_some()) {
            (OperationState::OperationUnreachable, "unreachable")
        } else {
            (OperationState::OperationUnknown, "unknown")
        };
        v1::OperationStatus {
            operation_id: Some(operation.operation_id),
            state: state.into(),
            message: Some(format!("Reconciliation: Operation is {what}")),
            agent_id: operation.agent_id,
            ..v1::OperationStatus::default()
        }
    }
}

/// An answer is no status that could be acknowledged.
fn known_status(pending: &Pending) -> v1::OperationStatus {
    v1::OperationStatus {
        uuid: None,
        ..pending.status.clone()
    }
}
