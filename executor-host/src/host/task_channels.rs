//! The two channels of a task.

use std::{future::Future, pin::Pin};

use bytes::Bytes;
use link::{
    SendError as LinkSendError, TryRecvError as LinkTryRecvError, TrySendError as LinkTrySendError,
};
use wasmtime::component::Resource;

use super::{DynPollable, RECV_MANY_MAX, TaskReceiver, TaskSender, subscribe, within};
use crate::{
    bindings::{
        TaskState, task_channels,
        types::{self, RecvTimeoutError, SendError, TryRecvError, TrySendError},
    },
    inbox::TaskInbox,
    meter::Meter,
};

/// So many messages of a task are sent outside its stack: more than a task sends that waits most of
/// the time. Who sends more has its stack in use.
const SENDS_OUTSIDE_MAX: u32 = 64;

/// A wait in memory of its own: what calls it would have it on the guest's stack, with all that it
/// ever holds. So these are functions, and not inlined.
type Wait<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

#[inline(never)]
fn recv(inbox: &mut TaskInbox) -> Wait<'_, Option<Bytes>> {
    Box::pin(inbox.recv())
}

#[inline(never)]
fn send_in_turn(sender: link::Sender, message: Bytes) -> Wait<'static, Result<(), LinkSendError>> {
    Box::pin(async move { sender.send_in_turn(message).await })
}

#[inline(never)]
fn try_send(sender: &link::Sender, message: Bytes) -> Result<(), LinkTrySendError> {
    sender.try_send(message)
}

/// The same outside the guest's stack.
#[inline(never)]
fn try_send_outside(
    meter: Meter,
    sender: link::Sender,
    message: Bytes,
) -> Wait<'static, Result<(), LinkTrySendError>> {
    Box::pin(async move {
        let errand = move || sender.try_send(message);
        meter.errands().run(errand).await
    })
}

impl<C: Send> types::Host for crate::guest::GuestState<C> {}

impl task_channels::Host for TaskState {}

impl task_channels::HostReceiver for TaskState {
    async fn recv(
        &mut self,
        receiver: Resource<TaskReceiver>,
    ) -> wasmtime::Result<Option<Vec<u8>>> {
        let receiver = self.table().get_mut(&receiver)?;
        let message = match receiver.source.try_recv() {
            Ok(message) => Some(message),
            Err(LinkTryRecvError::Closed) => None,
            Err(LinkTryRecvError::Empty) => recv(&mut receiver.source).await,
        };
        Ok(message.map(Vec::from))
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
        let meter = self.meter().clone();
        let sender = self.table().get_mut(&sender)?;
        sender.sends = sender.sends.saturating_add(1);
        let is_outside = sender.sends <= SENDS_OUTSIDE_MAX;
        let (message, sender) = (Bytes::from(message), &sender.sender);
        let tried = match is_outside {
            true => try_send_outside(meter, sender.clone(), message.clone()).await,
            false => try_send(sender, message.clone()),
        };
        Ok(match tried {
            Ok(()) => Ok(()),
            Err(LinkTrySendError::Full) => send_in_turn(sender.clone(), message)
                .await
                .map_err(SendError::from),
            Err(LinkTrySendError::Closed) => Err(SendError::Closed),
            Err(LinkTrySendError::TooLarge) => Err(SendError::TooLarge),
        })
    }

    fn try_send(
        &mut self,
        sender: Resource<TaskSender>,
        message: Vec<u8>,
    ) -> wasmtime::Result<Result<(), TrySendError>> {
        let sender = self.table().get_mut(&sender)?;
        Ok(sender
            .sender
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
        Ok(sender
            .sender
            .send_many(messages)
            .await
            .map_err(SendError::from))
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
