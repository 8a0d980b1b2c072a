//! The `in` channel of a task, with a way to close it from here.
//!
//! A channel is closed by the scheduler's end, after its last message. But a kill comes through
//! Mesos and may come from an operator, or the scheduler may be gone: then the executor closes the
//! channel itself. It leaves the scheduler's own close a moment to arrive first, because with it
//! come the messages that were sent before. At that moment the receiver is closed for good, so that
//! an inbox that has said that it is closed never has a message again.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Instant,
};

use bytes::Bytes;
use link::TryRecvError;
use tokio::time;

/// The guest's end of a task's `in` channel.
///
/// What waits for a message is on the guest's stack, of which every task keeps what it has ever
/// touched: so nothing else is waited for there, and the moment comes from outside.
pub struct TaskInbox(Arc<Closable>);

/// Closes a task's inbox. When it is dropped, only the scheduler can.
#[derive(Debug)]
pub struct InboxCloser(Weak<Closable>);

#[derive(Debug)]
struct Closable {
    receiver: link::Receiver,
    close_at: Mutex<Option<Instant>>,
}

impl InboxCloser {
    /// From that moment on the inbox yields what has arrived and is closed then.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn close_at(&self, at: Instant) {
        let Some(inbox) = self.0.upgrade() else {
            return;
        };
        let mut planned = inbox.planned();
        *planned = Some(planned.map_or(at, |planned| planned.min(at)));
        drop(planned);
        // For who waits; who does not looks at the moment by itself.
        let inbox = Arc::downgrade(&inbox);
        tokio::spawn(async move {
            time::sleep_until(at.into()).await;
            if let Some(inbox) = inbox.upgrade() {
                inbox.receiver.close();
            }
        });
    }
}

impl TaskInbox {
    /// An inbox on a channel of the link, and what closes it.
    pub fn new(receiver: link::Receiver) -> (Self, InboxCloser) {
        let inbox = Arc::new(Closable {
            receiver,
            close_at: Mutex::default(),
        });
        let closer = InboxCloser(Arc::downgrade(&inbox));
        (Self(inbox), closer)
    }

    /// Waits for a message; `None` once the channel is closed.
    pub async fn recv(&mut self) -> Option<Bytes> {
        self.0.close_if_due();
        self.0.receiver.recv().await
    }

    /// A message that is there already.
    ///
    /// # Errors
    ///
    /// When there is none, or will never be one.
    pub fn try_recv(&mut self) -> Result<Bytes, TryRecvError> {
        self.0.close_if_due();
        self.0.receiver.try_recv()
    }

    /// Waits for a message and takes up to `max`, as [`link::Receiver::recv_many`]; empty once the
    /// channel is closed.
    pub async fn recv_many(&mut self, max: usize) -> Vec<Bytes> {
        self.0.close_if_due();
        self.0.receiver.recv_many(max).await
    }

    /// Waits until a message is there or the channel is closed.
    pub async fn readable(&mut self) {
        self.0.close_if_due();
        self.0.receiver.readable().await;
    }
}

impl Closable {
    /// Closes the receiver once the moment has come; a timer may be late, and a stream of messages
    /// may leave it no turn.
    fn close_if_due(&self) {
        let planned = *self.planned();
        if planned.is_some_and(|at| at <= Instant::now()) {
            self.receiver.close();
        }
    }

    fn planned(&self) -> MutexGuard<'_, Option<Instant>> {
        self.close_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
