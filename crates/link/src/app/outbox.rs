//! The `in` channels of all tasks, by the tasks' names.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

use bytes::Bytes;
use channel::MESSAGE_BYTES_MAX;
use thiserror::Error;
use tokio::sync::Notify;

use crate::error::{SendError, TrySendError};
use crate::sender::Sender;

/// The `in` channels of all tasks; shared by all clones.
#[derive(Debug, Clone)]
pub struct Outbox {
    shared: Arc<OutboxShared>,
}

/// Why a message was not sent to a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AppSendError {
    /// The task has ended, or its channel was closed.
    #[error("channel is closed")]
    Closed,
    /// The message is larger than a channel carries.
    #[error("message is larger than {MESSAGE_BYTES_MAX} bytes")]
    TooLarge,
    /// No task has that name.
    #[error("no task has that name")]
    UnknownTask,
}

/// Why a message was not sent to a task at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AppTrySendError {
    /// The task's channel is full.
    #[error("channel is full")]
    Full,
    /// The task has ended, or its channel was closed.
    #[error("channel is closed")]
    Closed,
    /// The message is larger than a channel carries.
    #[error("message is larger than {MESSAGE_BYTES_MAX} bytes")]
    TooLarge,
    /// No task has that name.
    #[error("no task has that name")]
    UnknownTask,
}

impl Outbox {
    pub(super) fn new() -> Self {
        Self {
            shared: Arc::new(OutboxShared {
                slots: RwLock::new(HashMap::new()),
                changed: Notify::new(),
            }),
        }
    }

    /// Sends a message to a task; waits while that task's channel is full or the task waits to be
    /// launched again, and holds up nobody who sends to another. Cancellation safe.
    ///
    /// # Errors
    /// When it cannot be sent.
    pub async fn send(&self, task: &str, message: Bytes) -> Result<(), AppSendError> {
        loop {
            let changed = self.shared.changed.notified();
            let slot = self.slot(task).ok_or(AppSendError::UnknownTask)?;
            match slot.sender.send(message.clone()).await {
                Err(SendError::Closed) if slot.may_return() => changed.await,
                sent => return Ok(sent?),
            }
        }
    }

    /// Sends messages to a task in order; waits while its channel is full, or until the task is
    /// launched again. They are next to each other, unless it is launched again in between.
    ///
    /// When the future is dropped, the first so many messages have been sent.
    ///
    /// # Errors
    /// When one of them cannot be sent. Those before it have been sent then.
    pub async fn send_many(&self, task: &str, messages: Vec<Bytes>) -> Result<(), AppSendError> {
        let mut messages = VecDeque::from(messages);
        loop {
            let changed = self.shared.changed.notified();
            let slot = self.slot(task).ok_or(AppSendError::UnknownTask)?;
            match slot.sender.send_all(&mut messages).await {
                Err(SendError::Closed) if slot.may_return() => changed.await,
                sent => return Ok(sent?),
            }
        }
    }

    /// Sends a message to a task unless its channel is full or the task waits to be launched
    /// again.
    ///
    /// # Errors
    /// When it is not sent.
    pub fn try_send(&self, task: &str, message: Bytes) -> Result<(), AppTrySendError> {
        let slot = self.slot(task).ok_or(AppTrySendError::UnknownTask)?;
        match slot.sender.try_send(message) {
            Err(TrySendError::Closed) if slot.may_return() => Err(AppTrySendError::Full),
            sent => Ok(sent?),
        }
    }

    /// Closes a task's channel: tells the task to exit, also should it be launched again. Messages
    /// sent before come first. To close it again changes nothing.
    ///
    /// # Errors
    /// When no task has that name.
    pub fn close(&self, task: &str) -> Result<(), AppSendError> {
        let sender = {
            let mut slots = self.write();
            let slot = slots.get_mut(task).ok_or(AppSendError::UnknownTask)?;
            slot.was_closed = true;
            slot.sender.clone()
        };
        sender.close();
        self.shared.changed.notify_waiters();
        Ok(())
    }

    /// Waits until a task's channel has room, is closed, or does not exist. Cancellation safe.
    pub async fn writable(&self, task: &str) {
        loop {
            let changed = self.shared.changed.notified();
            let Some(slot) = self.slot(task) else { return };
            slot.sender.writable().await;
            if !(slot.sender.is_closed() && slot.may_return()) {
                return;
            }
            changed.await;
        }
    }

    pub(super) fn insert(&self, task: &str, sender: Sender, life: Life) {
        let slot = Slot {
            sender: sender.clone(),
            life,
            was_closed: false,
        };
        let was_closed = {
            let mut slots = self.write();
            let old = slots.insert(task.to_owned(), slot);
            let was_closed = old.is_some_and(|old| old.was_closed);
            if let Some(slot) = slots.get_mut(task) {
                slot.was_closed = was_closed;
            }
            was_closed
        };
        if was_closed {
            sender.close();
        }
        self.shared.changed.notify_waiters();
    }

    pub(super) fn end(&self, task: &str) {
        self.set_life(task, Life::Once);
    }

    pub(super) fn return_later(&self, task: &str) {
        self.set_life(task, Life::Restarted);
    }

    fn set_life(&self, task: &str, life: Life) {
        if let Some(slot) = self.write().get_mut(task) {
            slot.life = life;
        }
        self.shared.changed.notify_waiters();
    }

    pub(super) fn close_all(&self) {
        let senders: Vec<_> = {
            let mut slots = self.write();
            let slots = slots.values_mut();
            slots
                .map(|slot| {
                    slot.was_closed = true;
                    slot.sender.clone()
                })
                .collect()
        };
        for sender in senders {
            sender.close();
        }
        self.shared.changed.notify_waiters();
    }

    fn slot(&self, task: &str) -> Option<Slot> {
        let slots = self.shared.slots.read();
        let slots = slots.unwrap_or_else(PoisonError::into_inner);
        slots.get(task).cloned()
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<String, Slot>> {
        let slots = self.shared.slots.write();
        slots.unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct OutboxShared {
    slots: RwLock<HashMap<String, Slot>>,
    /// A task has a new channel, or will have none.
    changed: Notify,
}

/// The way to one task.
#[derive(Debug, Clone)]
struct Slot {
    sender: Sender,
    life: Life,
    /// By the app scheduler, or with everything.
    was_closed: bool,
}

impl Slot {
    /// Whether there may be a new channel when this one is closed.
    fn may_return(&self) -> bool {
        self.life == Life::Restarted && !self.was_closed
    }
}

/// Whether a task is launched again when it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// Once its channel is closed, nothing can be sent to it.
    Once,
    /// Who sends to it waits for its next channel, until [`AppDriver::end_task`] says that there
    /// will be none.
    ///
    /// [`AppDriver::end_task`]: super::AppDriver::end_task
    Restarted,
}

impl From<SendError> for AppSendError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Closed => Self::Closed,
            SendError::TooLarge => Self::TooLarge,
        }
    }
}

impl From<TrySendError> for AppTrySendError {
    fn from(error: TrySendError) -> Self {
        match error {
            TrySendError::Full => Self::Full,
            TrySendError::Closed => Self::Closed,
            TrySendError::TooLarge => Self::TooLarge,
        }
    }
}
