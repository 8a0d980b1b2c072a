//! The events of the scheduler API, made from what they say.

use bytes::Bytes;
use mesos::v1::scheduler::{Event, event};
use mesos::{AgentId, ExecutorId, FrameworkId, OfferId, v1};

use super::HEARTBEAT_INTERVAL;

fn of_type(event_type: event::Type) -> Event {
    Event {
        r#type: Some(event_type.into()),
        ..Event::default()
    }
}

pub(super) fn subscribed(framework: &FrameworkId, master: &v1::MasterInfo) -> Event {
    Event {
        subscribed: Some(event::Subscribed {
            framework_id: framework.clone().into(),
            heartbeat_interval_seconds: Some(HEARTBEAT_INTERVAL.as_secs_f64()),
            master_info: Some(master.clone()),
        }),
        ..of_type(event::Type::Subscribed)
    }
}

pub(super) fn heartbeat() -> Event {
    of_type(event::Type::Heartbeat)
}

pub(super) fn error(message: impl Into<String>) -> Event {
    Event {
        error: Some(event::Error {
            message: message.into(),
        }),
        ..of_type(event::Type::Error)
    }
}

pub(super) fn offers(offers: Vec<v1::Offer>) -> Event {
    Event {
        offers: Some(event::Offers { offers }),
        ..of_type(event::Type::Offers)
    }
}

pub(super) fn rescind(offer: &OfferId) -> Event {
    Event {
        rescind: Some(event::Rescind {
            offer_id: offer.clone().into(),
        }),
        ..of_type(event::Type::Rescind)
    }
}

pub(super) fn update(status: v1::TaskStatus) -> Event {
    Event {
        update: Some(event::Update { status }),
        ..of_type(event::Type::Update)
    }
}

pub(super) fn operation_status(status: v1::OperationStatus) -> Event {
    Event {
        update_operation_status: Some(event::UpdateOperationStatus { status }),
        ..of_type(event::Type::UpdateOperationStatus)
    }
}

pub(super) fn message(agent: &AgentId, executor: ExecutorId, data: Bytes) -> Event {
    Event {
        message: Some(event::Message {
            agent_id: agent.clone().into(),
            executor_id: executor.into(),
            data,
        }),
        ..of_type(event::Type::Message)
    }
}

pub(super) fn executor_failure(agent: &AgentId, executor: ExecutorId, status: i32) -> Event {
    Event {
        failure: Some(event::Failure {
            agent_id: Some(agent.clone().into()),
            executor_id: Some(executor.into()),
            status: Some(status),
        }),
        ..of_type(event::Type::Failure)
    }
}

pub(super) fn agent_failure(agent: &AgentId) -> Event {
    Event {
        failure: Some(event::Failure {
            agent_id: Some(agent.clone().into()),
            executor_id: None,
            status: None,
        }),
        ..of_type(event::Type::Failure)
    }
}
