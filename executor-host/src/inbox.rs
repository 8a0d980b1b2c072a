//! The `in` channel of a task, with a way to close it from here.
//!
//! A channel is closed by the scheduler's end, after its last message. But a kill comes through
//! Mesos and may come from an operator, or the scheduler may be gone: then the executor closes the
//! channel itself. It leaves the scheduler's own close a moment to arrive first, because with it
//! come the messages that were sent before. At that moment the receiver is closed for good, so that
//! an inbox that has said that it is closed never has a message again.

use std::time::Instant;

use bytes::Bytes;
use link::TryRecvError;
use tokio::{sync::watch, time};

/// The guest's end of a task's `in` channel.
pub struct TaskInbox {
    receiver: link::Receiver,
    close_at: watch::Receiver<Option<Instant>>,
}

/// Closes a task's inbox. When it is dropped, only the scheduler can.
#[derive(Debug)]
pub struct InboxCloser(watch::Sender<Option<Instant>>);

impl InboxCloser {
    /// From that moment on the inbox yields what has arrived and is closed then.
    pub fn close_at(&self, at: Instant) {
        self.0.send_modify(|close_at| {
            *close_at = Some(close_at.map_or(at, |planned| planned.min(at)))
        });
    }
}

impl TaskInbox {
    /// An inbox on a channel of the link, and what closes it.
    pub fn new(receiver: link::Receiver) -> (Self, InboxCloser) {
        let (closer, close_at) = watch::channel(None);
        (Self { receiver, close_at }, InboxCloser(closer))
    }

    /// Waits for a message; `None` once the channel is closed.
    pub async fn recv(&mut self) -> Option<Bytes> {
        self.close_if_due();
        tokio::select! {
            () = closed(&mut self.close_at) => self.receiver.close(),
            message = self.receiver.recv() => return message,
        }
        // No wait any more: what had arrived, or the end.
        self.receiver.recv().await
    }

    /// A message that is there already.
    ///
    /// # Errors
    ///
    /// When there is none, or will never be one.
    pub fn try_recv(&mut self) -> Result<Bytes, TryRecvError> {
        if self
            .close_at
            .borrow()
            .is_some_and(|at| at <= Instant::now())
        {
            self.receiver.close();
        }
        self.receiver.try_recv()
    }

    /// Waits for a message and takes up to `max`, as [`link::Receiver::recv_many`]; empty once the
    /// channel is closed.
    pub async fn recv_many(&mut self, max: usize) -> Vec<Bytes> {
        self.close_if_due();
        tokio::select! {
            () = closed(&mut self.close_at) => self.receiver.close(),
            messages = self.receiver.recv_many(max) => return messages,
        }
        self.receiver.recv_many(max).await
    }

    /// Waits until a message is there or the channel is closed.
    pub async fn readable(&mut self) {
        self.close_if_due();
        tokio::select! {
            () = closed(&mut self.close_at) => self.receiver.close(),
            () = self.receiver.readable() => {}
        }
    }

    /// Closes the receiver once the moment has come; a timer may be late, and a stream of messages
    /// may leave it no turn.
    fn close_if_due(&self) {
        if self
            .close_at
            .borrow()
            .is_some_and(|at| at <= Instant::now())
        {
            self.receiver.close();
        }
    }
}

/// Waits until the inbox is closed from here; for ever if it never is.
async fn closed(close_at: &mut watch::Receiver<Option<Instant>>) {
    loop {
        let at = *close_at.borrow_and_update();
        let Some(at) = at else {
            match close_at.changed().await {
                Ok(()) => continue,
                Err(_closer_is_gone) => return std::future::pending().await,
            }
        };
        match time::timeout_at(at.into(), close_at.changed()).await {
            // The moment was moved.
            Ok(Ok(())) => {}
            Ok(Err(_closer_is_gone)) => return time::sleep_until(at.into()).await,
            Err(_the_moment_came) => return,
        }
    }
}
