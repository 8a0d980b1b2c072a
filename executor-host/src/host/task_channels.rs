//! The two channels of a task.

use bytes::Bytes;
use link::{
    SendError as LinkSendError, TryRecvError as LinkTryRecvError, TrySendError as LinkTrySendError,
};
use wasmtime::component::Resource;

use super::{DynPollable, RECV_MANY_MAX, TaskReceiver, TaskSender, subscribe, within};
use crate::bindings::{
    TaskState, task_channels,
    types::{self, RecvTimeoutError, SendError, TryRecvError, TrySendError},
};

impl<C: Send> types::Host for crate::guest::GuestState<C> {}

impl task_channels::Host for TaskState {}

impl task_channels::HostReceiver for TaskState {
    async fn recv(
        &mut self,
        receiver: Resource<TaskReceiver>,
    ) -> wasmtime::Result<Option<Vec<u8>>> {
        let receiver = self.table().get_mut(&receiver)?;
        Ok(receiver.source.recv().await.map(Vec::from))
    }

    fn try_recv(
        &mut self,
        receiver: Resource<TaskReceiver>,
    ) -> wasmtime::Result<Result<Vec<u8>, TryRecvError>> {
        let receiver = self.table().get_mut(&receiver)?;
        Ok(receiver
            .source
            .try_recv()
            .map(Vec::from)
            .map_err(TryRecvError::from))
    }

    async fn recv_timeout(
        &mut self,
        receiver: Resource<TaskReceiver>,
        nanoseconds: u64,
    ) -> wasmtime::Result<Result<Vec<u8>, RecvTimeoutError>> {
        let receiver = self.table().get_mut(&receiver)?;
        Ok(
            match within(nanoseconds, &mut receiver.alarm, receiver.source.recv()).await {
                Some(Some(message)) => Ok(Vec::from(message)),
                Some(None) => Err(RecvTimeoutError::Closed),
                None => Err(RecvTimeoutError::Timeout),
            },
        )
    }

    async fn recv_many(
        &mut self,
        receiver: Resource<TaskReceiver>,
        max: u32,
    ) -> wasmtime::Result<Vec<Vec<u8>>> {
        let receiver = self.table().get_mut(&receiver)?;
        let messages = receiver
            .source
            .recv_many(max.min(RECV_MANY_MAX) as usize)
            .await;
        Ok(messages.into_iter().map(Vec::from).collect())
    }

    fn subscribe(
        &mut self,
        receiver: Resource<TaskReceiver>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(self.table(), receiver)
    }

    fn drop(&mut self, receiver: Resource<TaskReceiver>) -> wasmtime::Result<()> {
        self.table().delete(receiver)?;
        Ok(())
    }
}

impl task_channels::HostSender for TaskState {
    async fn send(
        &mut self,
        sender: Resource<TaskSender>,
        message: Vec<u8>,
    ) -> wasmtime::Result<Result<(), SendError>> {
        let sender = self.table().get_mut(&sender)?;
        Ok(sender
            .0
            .send(Bytes::from(message))
            .await
            .map_err(SendError::from))
    }

    fn try_send(
        &mut self,
        sender: Resource<TaskSender>,
        message: Vec<u8>,
    ) -> wasmtime::Result<Result<(), TrySendError>> {
        let sender = self.table().get_mut(&sender)?;
        Ok(sender
            .0
            .try_send(Bytes::from(message))
            .map_err(TrySendError::from))
    }

    async fn send_many(
        &mut self,
        sender: Resource<TaskSender>,
        messages: Vec<Vec<u8>>,
    ) -> wasmtime::Result<Result<(), SendError>> {
        let sender = self.table().get_mut(&sender)?;
        let messages = messages.into_iter().map(Bytes::from).collect();
        Ok(sender.0.send_many(messages).await.map_err(SendError::from))
    }

    fn subscribe(
        &mut self,
        sender: Resource<TaskSender>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(self.table(), sender)
    }

    fn drop(&mut self, sender: Resource<TaskSender>) -> wasmtime::Result<()> {
        self.table().delete(sender)?;
        Ok(())
    }
}

impl From<LinkTryRecvError> for TryRecvError {
    fn from(error: LinkTryRecvError) -> Self {
        match error {
            LinkTryRecvError::Empty => Self::Empty,
            LinkTryRecvError::Closed => Self::Closed,
        }
    }
}

impl From<LinkSendError> for SendError {
    fn from(error: LinkSendError) -> Self {
        match error {
            LinkSendError::Closed => Self::Closed,
            LinkSendError::TooLarge => Self::TooLarge,
        }
    }
}

impl From<LinkTrySendError> for TrySendError {
    fn from(error: LinkTrySendError) -> Self {
        match error {
            LinkTrySendError::Full => Self::Full,
            LinkTrySendError::Closed => Self::Closed,
            LinkTrySendError::TooLarge => Self::TooLarge,
        }
    }
}
