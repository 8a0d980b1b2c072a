//! The other ends of all tasks' channels, for an app scheduler.

use bytes::Bytes;
use link::app::{AppSendError, AppTrySendError};
use wasmtime::component::Resource;

use super::{AppReceiver, AppSender, DynPollable, RECV_MANY_MAX, TaskWritable, subscribe, within};
use crate::bindings::{
    SchedulerState,
    app_channels::{self, TaskMessage},
    types::{RecvTimeoutError, SendError, TryRecvError, TrySendError},
};

/// The longest name of a task that is looked up. Mesos ids, of which names are a part, have 255 bytes
/// at most (PROTOCOL §4).
const NAME_BYTES_MAX: usize = 255;

impl app_channels::Host for SchedulerState {}

impl app_channels::HostTaskReceiver for SchedulerState {
    async fn recv(
        &mut self,
        receiver: Resource<AppReceiver>,
    ) -> wasmtime::Result<Option<TaskMessage>> {
        let receiver = self.table().get_mut(&receiver)?;
        Ok(receiver.source.recv().await.map(TaskMessage::from))
    }

    fn try_recv(
        &mut self,
        receiver: Resource<AppReceiver>,
    ) -> wasmtime::Result<Result<TaskMessage, TryRecvError>> {
        let receiver = self.table().get_mut(&receiver)?;
        Ok(receiver
            .source
            .try_recv()
            .map(TaskMessage::from)
            .map_err(TryRecvError::from))
    }

    async fn recv_timeout(
        &mut self,
        receiver: Resource<AppReceiver>,
        nanoseconds: u64,
    ) -> wasmtime::Result<Result<TaskMessage, RecvTimeoutError>> {
        let receiver = self.table().get_mut(&receiver)?;
        Ok(
            match within(nanoseconds, &mut receiver.alarm, receiver.source.recv()).await {
                Some(Some(message)) => Ok(TaskMessage::from(message)),
                Some(None) => Err(RecvTimeoutError::Closed),
                None => Err(RecvTimeoutError::Timeout),
            },
        )
    }

    async fn recv_many(
        &mut self,
        receiver: Resource<AppReceiver>,
        max: u32,
    ) -> wasmtime::Result<Vec<TaskMessage>> {
        let receiver = self.table().get_mut(&receiver)?;
        let messages = receiver
            .source
            .recv_many(max.min(RECV_MANY_MAX) as usize)
            .await;
        Ok(messages.into_iter().map(TaskMessage::from).collect())
    }

    fn subscribe(
        &mut self,
        receiver: Resource<AppReceiver>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(self.table(), receiver)
    }

    fn drop(&mut self, receiver: Resource<AppReceiver>) -> wasmtime::Result<()> {
        self.table().delete(receiver)?;
        Ok(())
    }
}

impl app_channels::HostTaskSender for SchedulerState {
    async fn send(
        &mut self,
        sender: Resource<AppSender>,
        task: String,
        message: Vec<u8>,
    ) -> wasmtime::Result<Result<(), SendError>> {
        let sender = self.table().get_mut(&sender)?;
        Ok(sender
            .0
            .send(&task, Bytes::from(message))
            .await
            .map_err(SendError::from))
    }

    fn try_send(
        &mut self,
        sender: Resource<AppSender>,
        task: String,
        message: Vec<u8>,
    ) -> wasmtime::Result<Result<(), TrySendError>> {
        let sender = self.table().get_mut(&sender)?;
        Ok(sender
            .0
            .try_send(&task, Bytes::from(message))
            .map_err(TrySendError::from))
    }

    async fn send_many(
        &mut self,
        sender: Resource<AppSender>,
        messages: Vec<TaskMessage>,
    ) -> wasmtime::Result<Result<(), SendError>> {
        let sender = self.table().get_mut(&sender)?;
        // What goes to one task in a row is handed over at once.
        let mut messages = messages.into_iter().peekable();
        while let Some(TaskMessage { task, data }) = messages.next() {
            let mut batch = vec![Bytes::from(data)];
            while let Some(message) = messages.next_if(|message| message.task == task) {
                batch.push(Bytes::from(message.data));
            }
            if let Err(error) = sender.0.send_many(&task, batch).await {
                return Ok(Err(SendError::from(error)));
            }
        }
        Ok(Ok(()))
    }

    fn close(
        &mut self,
        sender: Resource<AppSender>,
        task: String,
    ) -> wasmtime::Result<Result<(), SendError>> {
        let sender = self.table().get_mut(&sender)?;
        Ok(sender.0.close(&task).map_err(SendError::from))
    }

    fn subscribe(
        &mut self,
        sender: Resource<AppSender>,
        task: String,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        let outbox = self.table().get(&sender)?.0.clone();
        // A longer name exists nowhere, and neither does the empty one: the host need not keep
        // what a guest makes up.
        let task = match task.len() <= NAME_BYTES_MAX {
            true => task,
            false => String::new(),
        };
        // An entry of its own, deleted with its pollable: each waits for another task.
        let writable = self.table().push(TaskWritable { outbox, task })?;
        subscribe(self.table(), writable)
    }

    fn drop(&mut self, sender: Resource<AppSender>) -> wasmtime::Result<()> {
        self.table().delete(sender)?;
        Ok(())
    }
}

impl From<link::Message> for TaskMessage {
    fn from(message: link::Message) -> Self {
        Self {
            task: message.task.as_ref().to_owned(),
            data: Vec::from(message.data),
        }
    }
}

impl From<AppSendError> for SendError {
    fn from(error: AppSendError) -> Self {
        match error {
            AppSendError::Closed => Self::Closed,
            AppSendError::TooLarge => Self::TooLarge,
            AppSendError::UnknownTask => Self::UnknownTask,
        }
    }
}

impl From<AppTrySendError> for TrySendError {
    fn from(error: AppTrySendError) -> Self {
        match error {
            AppTrySendError::Full => Self::Full,
            AppTrySendError::Closed => Self::Closed,
            AppTrySendError::TooLarge => Self::TooLarge,
            AppTrySendError::UnknownTask => Self::UnknownTask,
        }
    }
}
