//! The only bridge between the wire messages of the scheduler API and domain values.
//!
//! It parses: what is missing or senseless is refused here, so that nothing behind it has to look
//! twice. The other direction is total.

use std::time::Duration;

use bytes::Bytes;
use mesos::resources::{Resource, Scalar};
use mesos::{AgentId, ExecutorId, OfferId, TaskId, v1};
use scheduler::{
    Attribute, AttributeValue, Call as Decided, CallFault, FailedCall, Failure, Input, Offer,
    REGION, Reason, Source, StatusUpdate, TaskState, Uuid, ZONE,
};
use thiserror::Error;
use tracing::warn;
use v1::scheduler::call::{self as wire_call, Type as CallType};
use v1::scheduler::event::Type as EventType;
use v1::scheduler::{Call, Event};

/// What an event is to us.
#[derive(Debug, PartialEq)]
pub(crate) enum Heard {
    /// Something for the machine.
    Input(Input),
    /// A frame of an executor's link.
    Frame {
        /// The executor.
        executor: ExecutorId,
        /// The frame.
        data: Bytes,
    },
    /// Nothing: what this framework never asks for.
    Nothing,
}

/// Why an event cannot be understood.
#[derive(Debug, PartialEq, Error)]
pub(crate) enum Malformed {
    /// Its body is missing.
    #[error("event {0} has no body")]
    NoBody(&'static str),
    /// A part of it is missing.
    #[error("event {event} has no `{field}`")]
    Missing {
        event: &'static str,
        field: &'static str,
    },
    /// A number has no name.
    #[error("`{0}` is not a task state")]
    TaskState(i32),
    /// A uuid has another length.
    #[error("uuid has {0} bytes instead of 16")]
    Uuid(usize),
}

/// Reads an event.
pub(crate) fn event(event: Event) -> Result<Heard, Malformed> {
    let kind = event.r#type();
    let no_body = Malformed::NoBody(kind.as_str_name());
    Ok(match kind {
        EventType::Offers => {
            let offers = event.offers.ok_or(no_body)?.offers;
            Heard::Input(Input::Offers(offers.into_iter().map(offer).collect()))
        }
        EventType::Rescind => Heard::Input(Input::Rescind(
            event.rescind.ok_or(no_body)?.offer_id.into(),
        )),
        EventType::Update => {
            let status = event.update.ok_or(no_body)?.status;
            Heard::Input(Input::Update(status_update(status)?))
        }
        EventType::Message => {
            let message = event.message.ok_or(no_body)?;
            Heard::Frame {
                executor: message.executor_id.into(),
                data: message.data,
            }
        }
        EventType::Failure => {
            let failure = event.failure.ok_or(no_body)?;
            let agent = failure.agent_id.ok_or(Malformed::Missing {
                event: "FAILURE",
                field: "agent_id",
            })?;
            Heard::Input(Input::Failure(Failure {
                agent: agent.into(),
                executor: failure.executor_id.map(Into::into),
                status: failure.status,
            }))
        }
        EventType::Unknown
        | EventType::Subscribed
        | EventType::Heartbeat
        | EventType::Error
        | EventType::InverseOffers
        | EventType::RescindInverseOffer
        | EventType::UpdateOperationStatus => Heard::Nothing,
    })
}

/// Reads an offer, without those of its resources that make no sense: a kind that is not known, an
/// amount that is none. The rest can be used; an offer of nothing else is of no use, and declined.
fn offer(wire: v1::Offer) -> Offer {
    let known = |resource: &v1::Resource| {
        let read = Resource::from_wire(resource);
        read.inspect_err(|error| {
            let (offer, agent) = (&wire.id.value, &wire.agent_id.value);
            warn!(offer, agent, %error, "left a resource of an offer out");
        })
        .ok()
    };
    let resources = wire.resources.iter().filter_map(known).collect();
    let role = wire.allocation_info.and_then(|allocation| allocation.role);
    Offer {
        id: wire.id.into(),
        agent: wire.agent_id.into(),
        hostname: wire.hostname,
        attributes: attributes(wire.attributes, wire.domain),
        role: role.unwrap_or_else(|| "*".to_owned()),
        resources,
    }
}

/// Reads the attributes, with the fault domain among them. No attribute passes for a part of it.
fn attributes(wire: Vec<v1::Attribute>, domain: Option<v1::DomainInfo>) -> Vec<Attribute> {
    let fault_domain = domain.and_then(|domain| domain.fault_domain);
    let places = fault_domain.into_iter().flat_map(|domain| {
        [(REGION, domain.region.name), (ZONE, domain.zone.name)].map(|(name, value)| Attribute {
            name: name.to_owned(),
            value: AttributeValue::Text(value),
        })
    });
    let is_place = |attribute: &Attribute| [REGION, ZONE].contains(&attribute.name.as_str());
    wire.into_iter()
        .filter_map(attribute)
        .filter(|attribute| !is_place(attribute))
        .chain(places)
        .collect()
}

/// Reads an attribute; one whose value does not go with its type is as good as not there.
fn attribute(wire: v1::Attribute) -> Option<Attribute> {
    use v1::value::Type;
    let value = match wire.r#type() {
        Type::Text => wire.text.map(|text| AttributeValue::Text(text.value)),
        Type::Scalar => {
            let scalar = wire.scalar.map(|scalar| Scalar::from_f64(scalar.value));
            scalar.and_then(Result::ok).map(AttributeValue::Scalar)
        }
        Type::Ranges => wire.ranges.map(|ranges| {
            let ranges = ranges
                .range
                .into_iter()
                .map(|range| range.begin..=range.end);
            AttributeValue::Ranges(ranges.collect())
        }),
        Type::Set => wire
            .set
            .map(|set| AttributeValue::Set(set.item.into_iter().collect())),
    };
    if value.is_none() {
        warn!(attribute = wire.name, "attribute has no value of its type");
    }
    Some(Attribute {
        name: wire.name,
        value: value?,
    })
}

fn status_update(wire: v1::TaskStatus) -> Result<StatusUpdate, Malformed> {
    let state =
        v1::TaskState::try_from(wire.state).map_err(|_| Malformed::TaskState(wire.state))?;
    // Kinds that a newer Mesos may add decide nothing here.
    let reason = wire
        .reason
        .and_then(|number| v1::task_status::Reason::try_from(number).ok());
    let uuid = match wire.uuid {
        // The master's own updates have none, or an empty one.
        None => None,
        Some(bytes) if bytes.is_empty() => None,
        Some(bytes) => {
            let array = <[u8; 16]>::try_from(&bytes[..]);
            Some(Uuid(array.map_err(|_| Malformed::Uuid(bytes.len()))?))
        }
    };
    Ok(StatusUpdate {
        task: wire.task_id.into(),
        state: task_state(state),
        agent: wire.agent_id.map(Into::into),
        source: source(wire.source, uuid.is_some()),
        reason: reason.map(|reason| Reason::new(reason.as_str_name())),
        message: wire.message.filter(|message| !message.is_empty()),
        uuid,
    })
}

/// Who made an update; without a source, whether it is reliable tells a master from an executor.
fn source(wire: Option<i32>, is_reliable: bool) -> Source {
    use v1::task_status::Source as Wire;
    match wire.and_then(|number| Wire::try_from(number).ok()) {
        Some(Wire::Master) => Source::Master,
        Some(Wire::Agent) => Source::Agent,
        Some(Wire::Executor) => Source::Executor,
        None if is_reliable => Source::Executor,
        None => Source::Master,
    }
}

/// A state in our words.
pub(crate) fn task_state(wire: v1::TaskState) -> TaskState {
    use v1::TaskState as Wire;
    match wire {
        Wire::TaskStaging => TaskState::Staging,
        Wire::TaskStarting => TaskState::Starting,
        Wire::TaskRunning => TaskState::Running,
        Wire::TaskKilling => TaskState::Killing,
        Wire::TaskFinished => TaskState::Finished,
        Wire::TaskFailed => TaskState::Failed,
        Wire::TaskKilled => TaskState::Killed,
        Wire::TaskError => TaskState::Error,
        Wire::TaskLost => TaskState::Lost,
        Wire::TaskDropped => TaskState::Dropped,
        Wire::TaskUnreachable => TaskState::Unreachable,
        Wire::TaskGone => TaskState::Gone,
        Wire::TaskGoneByOperator => TaskState::GoneByOperator,
        Wire::TaskUnknown => TaskState::Unknown,
    }
}

/// A call to be made, and what the machine wants to hear if it fails.
#[derive(Debug, PartialEq)]
pub(crate) struct PendingCall {
    pub(crate) call: Call,
    pub(crate) on_failure: Option<FailedCall>,
}

impl PendingCall {
    fn new(kind: CallType) -> Self {
        let call = Call {
            r#type: Some(kind.into()),
            ..Call::default()
        };
        Self {
            call,
            on_failure: None,
        }
    }
}

/// ACCEPT for one launch.
pub(crate) fn accept(
    offers: Vec<OfferId>,
    tasks: Vec<v1::TaskInfo>,
    refuse: Duration,
) -> PendingCall {
    let launched = tasks
        .iter()
        .map(|task| TaskId::from(&task.task_id))
        .collect();
    let launch = v1::offer::Operation {
        r#type: Some(v1::offer::operation::Type::Launch.into()),
        launch: Some(v1::offer::operation::Launch { task_infos: tasks }),
        ..v1::offer::Operation::default()
    };
    let mut pending = PendingCall::new(CallType::Accept);
    pending.call.accept = Some(wire_call::Accept {
        offer_ids: offers.into_iter().map(Into::into).collect(),
        operations: vec![launch],
        filters: Some(filters(refuse)),
    });
    pending.on_failure = Some(FailedCall::Accept(launched));
    pending
}

/// MESSAGE with a frame for an executor.
pub(crate) fn message(agent: &AgentId, executor: &ExecutorId, data: Bytes) -> Call {
    let mut pending = PendingCall::new(CallType::Message);
    pending.call.message = Some(wire_call::Message {
        agent_id: agent.into(),
        executor_id: executor.into(),
        data,
    });
    pending.call
}

/// The call that the machine asks for.
pub(crate) fn call(decided: Decided) -> PendingCall {
    match decided {
        Decided::Decline { offers, refuse } => {
            let mut pending = PendingCall::new(CallType::Decline);
            pending.call.decline = Some(wire_call::Decline {
                offer_ids: offers.into_iter().map(Into::into).collect(),
                filters: Some(filters(refuse)),
            });
            pending
        }
        Decided::Suppress => interest(CallType::Suppress),
        Decided::Revive => interest(CallType::Revive),
        Decided::Acknowledge { agent, task, uuid } => {
            let mut pending = PendingCall::new(CallType::Acknowledge);
            pending.call.acknowledge = Some(wire_call::Acknowledge {
                agent_id: agent.into(),
                task_id: task.into(),
                uuid: Bytes::copy_from_slice(&uuid.0),
            });
            pending
        }
        Decided::Reconcile(tasks) => {
            let mut pending = PendingCall::new(CallType::Reconcile);
            let tasks = tasks
                .into_iter()
                .map(|(task, agent)| wire_call::reconcile::Task {
                    task_id: task.into(),
                    agent_id: Some(agent.into()),
                });
            pending.call.reconcile = Some(wire_call::Reconcile {
                tasks: tasks.collect(),
            });
            pending
        }
        Decided::Kill { task, agent, grace } => {
            let mut pending = PendingCall::new(CallType::Kill);
            pending.call.kill = Some(wire_call::Kill {
                task_id: task.into(),
                agent_id: agent.map(Into::into),
                kill_policy: grace.map(|grace| v1::KillPolicy {
                    grace_period: Some(duration(grace)),
                }),
            });
            pending
        }
        Decided::ShutdownExecutor { executor, agent } => {
            let mut pending = PendingCall::new(CallType::Shutdown);
            pending.call.shutdown = Some(wire_call::Shutdown {
                executor_id: executor.into(),
                agent_id: agent.into(),
            });
            pending
        }
        Decided::Teardown => PendingCall::new(CallType::Teardown),
    }
}

/// SUPPRESS or REVIVE, for all roles.
fn interest(kind: CallType) -> PendingCall {
    PendingCall {
        on_failure: Some(FailedCall::Interest),
        ..PendingCall::new(kind)
    }
}

/// What is known about the effect of a call that failed.
pub(crate) fn call_fault(error: &mesos_client::CallError) -> CallFault {
    use mesos_client::CallError;
    match error {
        CallError::Malformed(_) | CallError::NotSubscribed | CallError::Rejected { .. } => {
            CallFault::NoEffect
        }
        CallError::Transport(_) => CallFault::Unknown,
    }
}

/// A duration on the wire; 292 years at most.
pub(crate) fn duration(duration: Duration) -> v1::DurationInfo {
    v1::DurationInfo {
        nanoseconds: i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX),
    }
}

fn filters(refuse: Duration) -> v1::Filters {
    v1::Filters {
        refuse_seconds: Some(refuse.as_secs_f64()),
    }
}

#[cfg(test)]
mod offers;
#[cfg(test)]
mod tests;
