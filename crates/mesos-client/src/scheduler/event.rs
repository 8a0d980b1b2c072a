//! What the master tells a scheduler, each event with what belongs to it.

use bytes::Bytes;
use mesos::{AgentId, ExecutorId, OfferId, v1};
use v1::scheduler::event::Type;

/// An event other than those which the client keeps to itself (SUBSCRIBED, HEARTBEAT, ERROR).
#[derive(Debug, Clone, PartialEq)]
pub enum SchedulerEvent {
    /// Resources that are ours until we accept or decline.
    Offers(Vec<v1::Offer>),
    /// Resources of ours that are wanted back, because a machine goes down.
    InverseOffers(Vec<v1::InverseOffer>),
    /// An offer is void.
    Rescind(OfferId),
    /// An inverse offer is void.
    RescindInverseOffer(OfferId),
    /// The state of a task; to be acknowledged if it has a uuid.
    Update(Box<v1::TaskStatus>),
    /// The state of an operation; likewise.
    UpdateOperationStatus(Box<v1::OperationStatus>),
    /// Bytes of an executor.
    Message {
        /// Who sent them.
        executor: ExecutorId,
        /// Where that is.
        agent: AgentId,
        /// They themselves.
        data: Bytes,
    },
    /// An executor has ended, or, without one, an agent was removed.
    Failure {
        /// The executor.
        executor: Option<ExecutorId>,
        /// The agent.
        agent: Option<AgentId>,
        /// The status that the executor's process ended with, as `wait` tells it.
        status: Option<i32>,
    },
}

impl SchedulerEvent {
    /// Reads an event; `None` if it lacks what its type has, or has a type that is not known here.
    pub fn read(event: v1::scheduler::Event) -> Option<Self> {
        Some(match event.r#type() {
            Type::Offers => Self::Offers(event.offers?.offers),
            Type::InverseOffers => Self::InverseOffers(event.inverse_offers?.inverse_offers),
            Type::Rescind => Self::Rescind(event.rescind?.offer_id.into()),
            Type::RescindInverseOffer => {
                Self::RescindInverseOffer(event.rescind_inverse_offer?.inverse_offer_id.into())
            }
            Type::Update => Self::Update(Box::new(event.update?.status)),
            Type::UpdateOperationStatus => {
                Self::UpdateOperationStatus(Box::new(event.update_operation_status?.status))
            }
            Type::Message => {
                let message = event.message?;
                Self::Message {
                    executor: message.executor_id.into(),
                    agent: message.agent_id.into(),
                    data: message.data,
                }
            }
            Type::Failure => {
                let failure = event.failure?;
                Self::Failure {
                    executor: failure.executor_id.map(Into::into),
                    agent: failure.agent_id.map(Into::into),
                    status: failure.status,
                }
            }
            Type::Unknown | Type::Subscribed | Type::Error | Type::Heartbeat => return None,
        })
    }
}
