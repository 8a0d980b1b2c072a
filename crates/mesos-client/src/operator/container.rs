//! The operator API of agents, as far as it is about containers whose input and output are
//! attached to.
//!
//! The bodies of these calls and answers are records without end, which Mesos labels as such and
//! with the form of a record beside it (PROTOCOL §2).

use bytes::Bytes;
use mesos::v1;
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use v1::agent::ProcessIo;
use v1::agent::call::attach_container_input::Type as InputType;
use v1::agent::call::{AttachContainerInput, AttachContainerOutput, LaunchNestedContainerSession};
use v1::agent::process_io::{self, control, data};

use super::post::Records;
use super::{AgentOperator, OperatorError};
use crate::encoding::Encoding;
use crate::error::DisconnectReason;

type Call = v1::agent::Call;
type CallType = v1::agent::call::Type;

/// Records that wait until the agent reads them. It is a person or a pipe that writes: neither
/// gains by a longer queue, and both should soon see that nobody reads.
const RECORDS_QUEUED_MAX: usize = 16;

impl AgentOperator {
    /// LAUNCH_NESTED_CONTAINER_SESSION: starts a container below another, and answers what it
    /// writes. It ends with the stream.
    ///
    /// # Errors
    /// By class, see [`OperatorError`].
    pub async fn launch_nested_container_session(
        &self,
        launch: LaunchNestedContainerSession,
    ) -> Result<ContainerOutput, OperatorError> {
        let call = Call {
            r#type: Some(CallType::LaunchNestedContainerSession.into()),
            launch_nested_container_session: Some(launch),
            ..Call::default()
        };
        let records = self.poster.output(&call).await?;
        Ok(ContainerOutput { records })
    }

    /// ATTACH_CONTAINER_OUTPUT: what a container writes from now on.
    ///
    /// # Errors
    /// By class, see [`OperatorError`].
    pub async fn attach_container_output(
        &self,
        container_id: v1::ContainerId,
    ) -> Result<ContainerOutput, OperatorError> {
        let call = Call {
            r#type: Some(CallType::AttachContainerOutput.into()),
            attach_container_output: Some(AttachContainerOutput { container_id }),
            ..Call::default()
        };
        let records = self.poster.output(&call).await?;
        Ok(ContainerOutput { records })
    }

    /// ATTACH_CONTAINER_INPUT: writes to a container. Nothing comes back before the end of the
    /// input, so a refusal is told by [`ContainerInput::finish`].
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn attach_container_input(&self, container_id: v1::ContainerId) -> ContainerInput {
        let (records, queued) = mpsc::channel(RECORDS_QUEUED_MAX);
        let encoding = self.poster.encoding();
        let first = record(
            encoding,
            AttachContainerInput {
                r#type: Some(InputType::ContainerId.into()),
                container_id: Some(container_id),
                process_io: None,
            },
        );
        ContainerInput {
            encoding,
            records,
            outcome: tokio::spawn(self.poster.input(first, queued)),
        }
    }

    /// WAIT_CONTAINER: waits for the end of a container, for as long as that takes.
    ///
    /// # Errors
    /// By class, see [`OperatorError`].
    pub async fn wait_container(
        &self,
        container_id: v1::ContainerId,
    ) -> Result<v1::agent::response::WaitContainer, OperatorError> {
        let call = Call {
            r#type: Some(CallType::WaitContainer.into()),
            wait_container: Some(v1::agent::call::WaitContainer { container_id }),
            ..Call::default()
        };
        let response: v1::agent::Response = self.poster.wait(&call).await?;
        let answer = response.wait_container;
        answer.ok_or_else(|| self.poster.incomplete("wait_container"))
    }

    /// WAIT_NESTED_CONTAINER: the same, of before there were containers without an executor.
    ///
    /// # Errors
    /// By class, see [`OperatorError`].
    pub async fn wait_nested_container(
        &self,
        container_id: v1::ContainerId,
    ) -> Result<v1::agent::response::WaitNestedContainer, OperatorError> {
        let call = Call {
            r#type: Some(CallType::WaitNestedContainer.into()),
            wait_nested_container: Some(v1::agent::call::WaitNestedContainer { container_id }),
            ..Call::default()
        };
        let response: v1::agent::Response = self.poster.wait(&call).await?;
        let answer = response.wait_nested_container;
        answer.ok_or_else(|| self.poster.incomplete("wait_nested_container"))
    }
}

/// What a container writes. Dropping it ends the stream.
#[derive(Debug)]
pub struct ContainerOutput {
    records: Records,
}

impl ContainerOutput {
    /// The next piece. Loses nothing when dropped.
    ///
    /// # Errors
    /// How the stream ended: [`DisconnectReason::Closed`] when the container has.
    pub async fn next(&mut self) -> Result<ProcessIo, DisconnectReason> {
        self.records.next().await
    }
}

/// What is written to a container. Dropping it ends the call, not the container's input.
#[derive(Debug)]
pub struct ContainerInput {
    encoding: Encoding,
    records: mpsc::Sender<Bytes>,
    outcome: JoinHandle<Result<(), OperatorError>>,
}

/// The agent takes nothing more; [`ContainerInput::finish`] says why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the agent takes no more input of the container")]
pub struct InputClosed;

impl ContainerInput {
    /// Writes to the container's standard input; waits while the agent does not read.
    ///
    /// # Errors
    /// When the agent takes nothing more.
    pub async fn write(&self, data: impl Into<Bytes>) -> Result<(), InputClosed> {
        let data = data.into();
        // To Mesos no bytes are the end.
        if data.is_empty() {
            return Ok(());
        }
        self.stdin(data).await
    }

    /// Ends the container's standard input. With a terminal it must get the character that
    /// terminals have for that instead, mostly `^D`.
    ///
    /// # Errors
    /// When the agent takes nothing more.
    pub async fn close_stdin(&self) -> Result<(), InputClosed> {
        self.stdin(Bytes::new()).await
    }

    /// Tells the container how large its terminal is, in characters.
    ///
    /// # Errors
    /// When the agent takes nothing more.
    pub async fn resize(&self, rows: u32, columns: u32) -> Result<(), InputClosed> {
        let window_size = v1::tty_info::WindowSize { rows, columns };
        self.send(ProcessIo {
            r#type: Some(process_io::Type::Control.into()),
            control: Some(process_io::Control {
                r#type: Some(control::Type::TtyInfo.into()),
                tty_info: Some(v1::TtyInfo {
                    window_size: Some(window_size),
                }),
                heartbeat: None,
            }),
            data: None,
        })
        .await
    }

    /// Sends anything, such as heartbeats for what forgets idle connections on the way.
    ///
    /// # Errors
    /// When the agent takes nothing more.
    pub async fn send(&self, process_io: ProcessIo) -> Result<(), InputClosed> {
        let input = AttachContainerInput {
            r#type: Some(InputType::ProcessIo.into()),
            container_id: None,
            process_io: Some(process_io),
        };
        let record = record(self.encoding, input);
        self.records.send(record).await.map_err(|_| InputClosed)
    }

    /// Ends the call when all was sent, and waits for what the agent says to it.
    ///
    /// # Errors
    /// By class, see [`OperatorError`].
    ///
    /// # Panics
    /// When the runtime ends meanwhile.
    pub async fn finish(self) -> Result<(), OperatorError> {
        drop(self.records);
        self.outcome
            .await
            .expect("it neither panics nor is aborted")
    }

    async fn stdin(&self, data: Bytes) -> Result<(), InputClosed> {
        self.send(ProcessIo {
            r#type: Some(process_io::Type::Data.into()),
            data: Some(process_io::Data {
                r#type: Some(data::Type::Stdin.into()),
                data: Some(data),
            }),
            control: None,
        })
        .await
    }
}

/// A call as one of many records.
fn record(encoding: Encoding, input: AttachContainerInput) -> Bytes {
    let call = Call {
        r#type: Some(CallType::AttachContainerInput.into()),
        attach_container_input: Some(input),
        ..Call::default()
    };
    let mut record = Vec::new();
    mesos::recordio::encode(&encoding.encode(&call), &mut record);
    record.into()
}
