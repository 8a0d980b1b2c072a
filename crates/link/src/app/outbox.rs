//! The `in` channels of all tasks, by the tasks' names.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;
use channel::MESSAGE_BYTES_MAX;
use thiserror::Error;

use crate::error::{SendError, TrySendError};
use crate::sender::Sender;

/// The `in` channels of all tasks; shared by all clones.
#[derive(Debug, Clone)]
pub struct Outbox {
    senders: Arc<RwLock<HashMap<String, Sender>>>,
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
            senders: Arc::new(RwLock::new(HashMap::new())),
        }
    }

    /// Sends a message to a task; waits while that task's channel is full, and holds up nobody
    /// who sends to another. Cancellation safe.
    ///
    /// # Errors
    /// When it cannot be sent.
    pub async fn send(&self, task: &str, message: Bytes) -> Result<(), AppSendError> {
        let sender = self.sender(task).ok_or(AppSendError::UnknownTask)?;
        Ok(sender.send(message).await?)
    }

    /// Sends messages to a task in order and next to each other; waits while its channel is full.
    ///
    /// When the future is dropped, the first so many messages have been sent.
    ///
    /// # Errors
    /// When one of them cannot be sent. Those before it have been sent then.
    pub async fn send_many(&self, task: &str, messages: Vec<Bytes>) -> Result<(), AppSendError> {
        let sender = self.sender(task).ok_or(AppSendError::UnknownTask)?;
        Ok(sender.send_many(messages).await?)
    }

    /// Sends a message to a task unless its channel is full.
    ///
    /// # Errors
    /// When it is not sent.
    pub fn try_send(&self, task: &str, message: Bytes) -> Result<(), AppTrySendError> {
        let sender = self.sender(task).ok_or(AppTrySendError::UnknownTask)?;
        Ok(sender.try_send(message)?)
    }

    /// Closes a task's channel: tells the task to exit. Messages sent before come first. To close
    /// it again changes nothing.
    ///
    /// # Errors
    /// When no task has that name.
    pub fn close(&self, task: &str) -> Result<(), AppSendError> {
        let sender = self.sender(task).ok_or(AppSendError::UnknownTask)?;
        sender.close();
        Ok(())
    }

    /// Waits until a task's channel has room, is closed, or does not exist. Cancellation safe.
    pub async fn writable(&self, task: &str) {
        if let Some(sender) = self.sender(task) {
            sender.writable().await;
        }
    }

    pub(super) fn insert(&self, task: &str, sender: Sender) {
        let old = self.write().insert(task.to_owned(), sender);
        drop(old);
    }

    pub(super) fn close_all(&self) {
        let senders: Vec<_> = self.read().values().cloned().collect();
        for sender in senders {
            sender.close();
        }
    }

    fn sender(&self, task: &str) -> Option<Sender> {
        self.read().get(task).cloned()
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<String, Sender>> {
        self.senders.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<String, Sender>> {
        self.senders.write().unwrap_or_else(PoisonError::into_inner)
    }
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
