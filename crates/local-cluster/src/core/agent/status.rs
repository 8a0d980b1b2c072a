//! Task statuses and executor events as an agent writes them.
//!
//! Only the wire messages; when they are sent is decided elsewhere.

use std::net::Ipv4Addr;

use bytes::Bytes;
use mesos::v1::executor::Event;
use mesos::v1::executor::event::Type;
use mesos::v1::executor::event::{Acknowledged, Kill, Launch, LaunchGroup, Message, Subscribed};
use mesos::v1::network_info::IpAddress;
use mesos::v1::task_status::{Reason, Source};
use mesos::v1::{
    ContainerStatus, KillPolicy, NetworkInfo, TaskGroupInfo, TaskInfo, TaskState, TaskStatus,
};
use mesos::{AgentId, ContainerId, ExecutorId, TaskId};

/// What an agent itself has to say about a task.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Verdict {
    pub(super) state: TaskState,
    pub(super) reason: Reason,
    pub(super) message: String,
}

impl Verdict {
    pub(super) fn new(state: TaskState, reason: Reason, message: impl Into<String>) -> Self {
        Self {
            state,
            reason,
            message: message.into(),
        }
    }

    /// The reliable update that says so.
    pub(super) fn into_status(
        self,
        agent_id: &AgentId,
        executor_id: Option<&ExecutorId>,
        task_id: &TaskId,
        timestamp: f64,
        uuid: Bytes,
    ) -> TaskStatus {
        TaskStatus {
            task_id: task_id.into(),
            state: self.state.into(),
            message: Some(self.message),
            source: Some(Source::Agent.into()),
            reason: Some(self.reason.into()),
            agent_id: Some(agent_id.into()),
            executor_id: executor_id.map(Into::into),
            timestamp: Some(timestamp),
            uuid: Some(uuid),
            ..TaskStatus::default()
        }
    }
}

/// Completes what an executor reported with what its agent knows of the container; what the
/// executor itself said of networks is kept (PROTOCOL §8.2).
pub(super) fn describe_container(
    status: &mut TaskStatus,
    container_id: &ContainerId,
    pid: Option<u32>,
    ip: Ipv4Addr,
) {
    let container = status
        .container_status
        .get_or_insert_with(ContainerStatus::default);
    container.container_id = Some(container_id.into());
    if let Some(pid) = pid {
        container.executor_pid = Some(pid);
    }
    if container.network_infos.is_empty() {
        container.network_infos.push(NetworkInfo {
            ip_addresses: vec![IpAddress {
                // IPv4 goes without saying: Mesos does not set it, and JSON writes the default.
                protocol: None,
                ip_address: Some(ip.to_string()),
            }],
            ..NetworkInfo::default()
        });
    }
}

/// The uuid of a new update or container: version 4, which Mesos checks (PROTOCOL §3).
pub(super) fn new_uuid(rng: &mut fastrand::Rng) -> uuid::Uuid {
    uuid::Builder::from_random_bytes(rng.u128(..).to_be_bytes()).into_uuid()
}

fn event(r#type: Type) -> Event {
    Event {
        r#type: Some(r#type.into()),
        ..Event::default()
    }
}

pub(super) fn subscribed(subscribed: Subscribed) -> Event {
    Event {
        subscribed: Some(subscribed),
        ..event(Type::Subscribed)
    }
}

pub(super) fn launch(task: TaskInfo) -> Event {
    Event {
        launch: Some(Launch { task }),
        ..event(Type::Launch)
    }
}

pub(super) fn launch_group(tasks: Vec<TaskInfo>) -> Event {
    Event {
        launch_group: Some(LaunchGroup {
            task_group: TaskGroupInfo { tasks },
        }),
        ..event(Type::LaunchGroup)
    }
}

pub(super) fn kill(task_id: &TaskId, kill_policy: Option<KillPolicy>) -> Event {
    Event {
        kill: Some(Kill {
            task_id: task_id.into(),
            kill_policy,
        }),
        ..event(Type::Kill)
    }
}

pub(super) fn acknowledged(task_id: &TaskId, uuid: Bytes) -> Event {
    Event {
        acknowledged: Some(Acknowledged {
            task_id: task_id.into(),
            uuid,
        }),
        ..event(Type::Acknowledged)
    }
}

pub(super) fn message(data: Bytes) -> Event {
    Event {
        message: Some(Message { data }),
        ..event(Type::Message)
    }
}

pub(super) fn shutdown() -> Event {
    event(Type::Shutdown)
}

pub(super) fn heartbeat() -> Event {
    event(Type::Heartbeat)
}
