//! Every call of the executor API but SUBSCRIBE and HEARTBEAT, which are the client's own, as a
//! function; and what the agent tells, each event with what belongs to it.

use bytes::Bytes;
use mesos::{TaskId, v1};
use v1::executor::call::{self, Type as CallType};
use v1::executor::event::Type as EventType;

use super::ExecutorHandle;
use crate::error::CallError;

impl ExecutorHandle {
    /// UPDATE: tells the state of a task. `status` needs a uuid that no other update has, and the
    /// source `SOURCE_EXECUTOR`. Until ACKNOWLEDGED comes it belongs into each
    /// [`Unacknowledged`](crate::Unacknowledged).
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn update(&self, status: v1::TaskStatus) -> Result<(), CallError> {
        self.call(v1::executor::Call {
            r#type: Some(CallType::Update.into()),
            update: Some(call::Update { status }),
            ..v1::executor::Call::default()
        })
        .await
    }

    /// MESSAGE: carries bytes to the scheduler, at most once, and not always in order
    /// (PROTOCOL §10).
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn message(&self, data: Bytes) -> Result<(), CallError> {
        self.call(v1::executor::Call {
            r#type: Some(CallType::Message.into()),
            message: Some(call::Message { data }),
            ..v1::executor::Call::default()
        })
        .await
    }
}

/// An event other than those which the client keeps to itself (SUBSCRIBED, HEARTBEAT, ERROR).
#[derive(Debug, Clone, PartialEq)]
pub enum ExecutorEvent {
    /// A task to start.
    Launch(Box<v1::TaskInfo>),
    /// Tasks to start, all or none.
    LaunchGroup(Vec<v1::TaskInfo>),
    /// A task to end.
    Kill {
        /// Which.
        task: TaskId,
        /// How, if the scheduler says.
        kill_policy: Option<v1::KillPolicy>,
    },
    /// The agent has an update.
    Acknowledged {
        /// Of which task.
        task: TaskId,
        /// Which one.
        uuid: Bytes,
    },
    /// Bytes of the scheduler.
    Message(Bytes),
    /// Everything is to end; the agent forces it after a grace.
    Shutdown,
}

impl ExecutorEvent {
    /// Reads an event; `None` if it lacks what its type has, or has a type that is not known here.
    pub fn read(event: v1::executor::Event) -> Option<Self> {
        Some(match event.r#type() {
            EventType::Launch => Self::Launch(Box::new(event.launch?.task)),
            EventType::LaunchGroup => Self::LaunchGroup(event.launch_group?.task_group.tasks),
            EventType::Kill => {
                let kill = event.kill?;
                Self::Kill {
                    task: kill.task_id.into(),
                    kill_policy: kill.kill_policy,
                }
            }
            EventType::Acknowledged => {
                let acknowledged = event.acknowledged?;
                Self::Acknowledged {
                    task: acknowledged.task_id.into(),
                    uuid: acknowledged.uuid,
                }
            }
            EventType::Message => Self::Message(event.message?.data),
            EventType::Shutdown => Self::Shutdown,
            EventType::Unknown
            | EventType::Subscribed
            | EventType::Error
            | EventType::Heartbeat => return None,
        })
    }
}
