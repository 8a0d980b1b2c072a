//! The calls of executors, checked: from what the wire allows to what an agent can mean.

use std::fmt;

use bytes::Bytes;
use mesos::v1;
use mesos::v1::check_info::Type as CheckType;
use mesos::v1::executor::call::Type;
use mesos::v1::task_status::Source;
use mesos::v1::{CheckStatusInfo, TaskState, TaskStatus};
use mesos::{ExecutorId, FrameworkId, TaskId};
use thiserror::Error;

use crate::core::wire::is_uuid;

/// One call of an executor, valid in itself; whether it fits is for the agent to say.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    /// The framework in whose name it is.
    pub(crate) framework_id: FrameworkId,
    /// The executor in whose name it is.
    pub(crate) executor_id: ExecutorId,
    /// What it wants.
    pub(crate) body: Body,
}

/// What a call wants.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Body {
    /// A stream of events, with what the executor does not know to have arrived.
    Subscribe {
        /// Tasks of which no update was acknowledged.
        unacknowledged_tasks: Vec<TaskId>,
        /// Updates that were not acknowledged.
        unacknowledged_updates: Vec<TaskStatus>,
    },
    /// A status update; its `uuid` is set and valid.
    Update(Box<TaskStatus>),
    /// A framework message.
    Message(Bytes),
    /// A sign of life, which has no effect.
    Heartbeat,
}

/// Why a call is not valid; the text is what Mesos answers behind its prefix.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum InvalidCall {
    /// The type is UNKNOWN, which no server implements.
    #[error("501 Not Implemented.")]
    NotImplemented,
    /// A field that the type demands is missing.
    #[error("Expecting '{0}' to be present")]
    Missing(&'static str),
    /// The uuid is not 16 bytes with a version from 1 to 5.
    #[error("Not a valid UUID")]
    InvalidUuid,
    /// The status names another executor than the call.
    #[error("ExecutorID in Call: {call} does not match ExecutorID in TaskStatus: {status}")]
    OtherExecutor {
        /// The executor of the call.
        call: ExecutorId,
        /// The executor of the status.
        status: ExecutorId,
    },
    /// The source is missing or not the executor.
    #[error("Received Call from {0} with invalid source, expecting 'SOURCE_EXECUTOR'")]
    InvalidSource(Sender),
    /// Only agents and masters may say TASK_STAGING.
    #[error("Received TASK_STAGING from {0} which is not allowed")]
    Staging(Sender),
    /// The result of a check lacks its type, or has one and lacks its result.
    #[error("{0}")]
    InvalidCheck(&'static str),
}

/// Who sent a call, as error texts name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sender {
    executor_id: ExecutorId,
    framework_id: FrameworkId,
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "executor {} of framework {}",
            self.executor_id, self.framework_id
        )
    }
}

impl TryFrom<v1::executor::Call> for Call {
    type Error = InvalidCall;

    /// The checks of PROTOCOL §9.1, in that order.
    fn try_from(call: v1::executor::Call) -> Result<Self, InvalidCall> {
        let sender = Sender {
            executor_id: call.executor_id.into(),
            framework_id: call.framework_id.into(),
        };
        // A number that is no known type counts as absent, as an unknown word does in JSON.
        let r#type = call.r#type.and_then(|number| Type::try_from(number).ok());
        let body = match r#type.ok_or(InvalidCall::Missing("type"))? {
            Type::Unknown => return Err(InvalidCall::NotImplemented),
            Type::Subscribe => subscribe(call.subscribe.ok_or(InvalidCall::Missing("subscribe"))?),
            Type::Update => {
                let update = call.update.ok_or(InvalidCall::Missing("update"))?;
                check_status(&update.status, &sender)?;
                Body::Update(Box::new(update.status))
            }
            Type::Message => {
                let message = call.message.ok_or(InvalidCall::Missing("message"))?;
                Body::Message(message.data)
            }
            Type::Heartbeat => Body::Heartbeat,
        };
        let Sender {
            executor_id,
            framework_id,
        } = sender;
        Ok(Self {
            framework_id,
            executor_id,
            body,
        })
    }
}

/// What a SUBSCRIBE carries is not validated by Mesos; an update without a valid uuid could never
/// be acknowledged and is left out.
fn subscribe(subscribe: v1::executor::call::Subscribe) -> Body {
    Body::Subscribe {
        unacknowledged_tasks: subscribe
            .unacknowledged_tasks
            .into_iter()
            .map(|task| task.task_id.into())
            .collect(),
        unacknowledged_updates: subscribe
            .unacknowledged_updates
            .into_iter()
            .map(|update| update.status)
            .filter(|status| status.uuid.as_ref().is_some_and(|uuid| is_uuid(uuid)))
            .collect(),
    }
}

fn check_status(status: &TaskStatus, sender: &Sender) -> Result<(), InvalidCall> {
    let uuid = status.uuid.as_ref().ok_or(InvalidCall::Missing("uuid"))?;
    if !is_uuid(uuid) {
        return Err(InvalidCall::InvalidUuid);
    }
    if let Some(executor_id) = &status.executor_id
        && executor_id.value != sender.executor_id.as_str()
    {
        return Err(InvalidCall::OtherExecutor {
            call: sender.executor_id.clone(),
            status: executor_id.into(),
        });
    }
    // An absent source reads as SOURCE_MASTER, the first of the enum.
    if status.source() != Source::Executor {
        return Err(InvalidCall::InvalidSource(sender.clone()));
    }
    if status.state() == TaskState::TaskStaging {
        return Err(InvalidCall::Staging(sender.clone()));
    }
    status
        .check_status
        .as_ref()
        .map_or(Ok(()), check_check_status)
}

fn check_check_status(check: &CheckStatusInfo) -> Result<(), InvalidCall> {
    let r#type = check
        .r#type
        .and_then(|number| CheckType::try_from(number).ok());
    let (found, missing) = match r#type {
        None => (false, "CheckStatusInfo must specify 'type'"),
        Some(CheckType::Unknown) => (false, "'UNKNOWN' is not a valid check's status type"),
        Some(CheckType::Command) => (
            check.command.is_some(),
            "Expecting 'command' to be set for COMMAND check's status",
        ),
        Some(CheckType::Http) => (
            check.http.is_some(),
            "Expecting 'http' to be set for HTTP check's status",
        ),
        Some(CheckType::Tcp) => (
            check.tcp.is_some(),
            "Expecting 'tcp' to be set for TCP check's status",
        ),
    };
    if found {
        Ok(())
    } else {
        Err(InvalidCall::InvalidCheck(missing))
    }
}

#[cfg(test)]
mod tests {
    use mesos::v1::executor::call::{Message, Subscribe, Update};

    use super::*;

    /// A uuid of the given version.
    fn uuid(version: u8) -> Bytes {
        let mut bytes = [7; 16];
        bytes[6] = version << 4;
        Bytes::copy_from_slice(&bytes)
    }

    fn update(change: impl FnOnce(&mut TaskStatus)) -> v1::executor::Call {
        let mut status = TaskStatus {
            task_id: TaskId::from("t1").into(),
            state: TaskState::TaskRunning.into(),
            source: Some(Source::Executor.into()),
            uuid: Some(uuid(4)),
            ..TaskStatus::default()
        };
        change(&mut status);
        v1::executor::Call {
            update: Some(Update { status }),
            ..call(Some(Type::Update))
        }
    }

    fn call(r#type: Option<Type>) -> v1::executor::Call {
        v1::executor::Call {
            executor_id: ExecutorId::from("ex1").into(),
            framework_id: FrameworkId::from("f").into(),
            r#type: r#type.map(Into::into),
            ..v1::executor::Call::default()
        }
    }

    #[track_caller]
    fn check_refused(call: v1::executor::Call, text: &str) {
        assert_eq!(Call::try_from(call).unwrap_err().to_string(), text);
    }

    #[test]
    fn calls_without_type_or_body_are_refused_with_the_recorded_texts() {
        check_refused(call(None), "Expecting 'type' to be present");
        let unknown_number = v1::executor::Call {
            r#type: Some(77),
            ..call(None)
        };
        check_refused(unknown_number, "Expecting 'type' to be present");
        check_refused(call(Some(Type::Unknown)), "501 Not Implemented.");
        check_refused(
            call(Some(Type::Subscribe)),
            "Expecting 'subscribe' to be present",
        );
        check_refused(call(Some(Type::Update)), "Expecting 'update' to be present");
        check_refused(
            call(Some(Type::Message)),
            "Expecting 'message' to be present",
        );
    }

    #[test]
    fn wrong_updates_are_refused_with_the_recorded_texts() {
        check_refused(
            update(|status| status.uuid = None),
            "Expecting 'uuid' to be present",
        );
        for uuid in [Bytes::from_static(b"abc"), uuid(7), uuid(0), uuid(6)] {
            check_refused(
                update(|status| status.uuid = Some(uuid)),
                "Not a valid UUID",
            );
        }
        let source = "Received Call from executor ex1 of framework f with invalid source, \
                      expecting 'SOURCE_EXECUTOR'";
        check_refused(update(|status| status.source = None), source);
        check_refused(
            update(|status| status.source = Some(Source::Agent.into())),
            source,
        );
        check_refused(
            update(|status| status.executor_id = Some(ExecutorId::from("other").into())),
            "ExecutorID in Call: ex1 does not match ExecutorID in TaskStatus: other",
        );
        check_refused(
            update(|status| status.state = TaskState::TaskStaging.into()),
            "Received TASK_STAGING from executor ex1 of framework f which is not allowed",
        );
        check_refused(
            update(|status| status.check_status = Some(CheckStatusInfo::default())),
            "CheckStatusInfo must specify 'type'",
        );
    }

    #[test]
    fn valid_calls_pass() {
        for version in 1..=5 {
            let call = Call::try_from(update(|status| status.uuid = Some(uuid(version)))).unwrap();
            assert!(matches!(call.body, Body::Update(_)));
        }
        let message = v1::executor::Call {
            message: Some(Message {
                data: Bytes::from_static(b"A"),
            }),
            ..call(Some(Type::Message))
        };
        assert_eq!(
            Call::try_from(message).unwrap().body,
            Body::Message(Bytes::from_static(b"A"))
        );
        assert_eq!(
            Call::try_from(call(Some(Type::Heartbeat))).unwrap().body,
            Body::Heartbeat
        );
    }

    #[test]
    fn an_unacknowledged_update_without_a_valid_uuid_is_left_out() {
        let good = update(|_| ()).update.unwrap();
        let bad = update(|status| status.uuid = None).update.unwrap();
        let subscribe = v1::executor::Call {
            subscribe: Some(Subscribe {
                unacknowledged_tasks: vec![],
                unacknowledged_updates: vec![good.clone(), bad],
            }),
            ..call(Some(Type::Subscribe))
        };
        assert_eq!(
            Call::try_from(subscribe).unwrap().body,
            Body::Subscribe {
                unacknowledged_tasks: vec![],
                unacknowledged_updates: vec![good.status],
            }
        );
    }
}
