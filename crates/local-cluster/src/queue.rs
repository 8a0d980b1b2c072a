//! The queues between a master and its agents, of which both ends are in this process.
//!
//! They have no bound in general. Registrations, launches, updates and the like must not be lost,
//! their number is bounded by what senders keep of tasks and executors, and a sender that had to
//! wait could wait for a peer that waits for it. Framework messages are another matter: a peer can
//! send them as fast as it likes, and has its 202 before they are read. They are at most once
//! (PROTOCOL §10), so those that would make a queue too large are dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc;

use crate::core::wire::{AgentIndex, ToAgent, ToMaster};

/// How much may wait in one queue in framework messages: the largest one that fits into a call, or
/// a thousand of the usual size for each of some hundred executors.
const MESSAGE_BYTES_MAX: usize = 256 << 20;

/// Makes a queue.
pub(crate) fn queue<T: Queued>() -> (Sender<T>, Receiver<T>) {
    with_bound(MESSAGE_BYTES_MAX)
}

fn with_bound<T: Queued>(bytes_max: usize) -> (Sender<T>, Receiver<T>) {
    let (items_to, items) = mpsc::unbounded_channel();
    let queued = Arc::new(AtomicUsize::new(0));
    let sender = Sender {
        items: items_to,
        queued: Arc::clone(&queued),
        bytes_max,
    };
    (sender, Receiver { items, queued })
}

/// What can be put into a queue.
pub(crate) trait Queued {
    /// The bytes of a message that can be dropped; `None` where that is not allowed.
    fn droppable_bytes(&self) -> Option<usize>;
}

impl Queued for ToAgent {
    fn droppable_bytes(&self) -> Option<usize> {
        let Self::FrameworkMessage {
            framework_id,
            executor_id,
            data,
        } = self
        else {
            return None;
        };
        let ids = framework_id.as_str().len() + executor_id.as_str().len();
        Some(size_of::<Self>() + ids + data.len())
    }
}

impl Queued for (AgentIndex, ToMaster) {
    fn droppable_bytes(&self) -> Option<usize> {
        let ToMaster::FrameworkMessage {
            framework_id,
            executor_id,
            data,
        } = &self.1
        else {
            return None;
        };
        let ids = framework_id.as_str().len() + executor_id.as_str().len();
        Some(size_of::<Self>() + ids + data.len())
    }
}

/// Puts messages into a queue.
#[derive(Debug)]
pub(crate) struct Sender<T> {
    items: mpsc::UnboundedSender<T>,
    /// Bytes of droppable messages in the queue.
    queued: Arc<AtomicUsize>,
    bytes_max: usize,
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self {
            items: self.items.clone(),
            queued: Arc::clone(&self.queued),
            bytes_max: self.bytes_max,
        }
    }
}

impl<T: Queued> Sender<T> {
    /// Puts a message in. To a peer that has died it is lost, as over a broken link.
    pub(crate) fn send(&self, item: T) {
        if let Some(bytes) = item.droppable_bytes() {
            let before = self.queued.fetch_add(bytes, Ordering::Relaxed);
            // One that is too large by itself would never pass: it does when it is alone.
            if before > 0 && before + bytes > self.bytes_max {
                self.queued.fetch_sub(bytes, Ordering::Relaxed);
                tracing::debug!(bytes, queued = before, "dropped a framework message");
                return;
            }
        }
        let _ = self.items.send(item);
    }
}

/// Takes messages out of a queue, in order.
#[derive(Debug)]
pub(crate) struct Receiver<T> {
    items: mpsc::UnboundedReceiver<T>,
    queued: Arc<AtomicUsize>,
}

impl<T: Queued> Receiver<T> {
    /// The next message; `None` when no sender is left. It can be dropped and called again.
    pub(crate) async fn recv(&mut self) -> Option<T> {
        let item = self.items.recv().await?;
        Some(self.taken(item))
    }

    /// How many messages are there.
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    /// The next message, if there is one.
    pub(crate) fn try_recv(&mut self) -> Option<T> {
        let item = self.items.try_recv().ok()?;
        Some(self.taken(item))
    }

    fn taken(&self, item: T) -> T {
        if let Some(bytes) = item.droppable_bytes() {
            self.queued.fetch_sub(bytes, Ordering::Relaxed);
        }
        item
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(data: &'static [u8]) -> ToAgent {
        ToAgent::FrameworkMessage {
            framework_id: "f".into(),
            executor_id: "e".into(),
            data: data.into(),
        }
    }

    #[test]
    fn framework_messages_are_dropped_from_a_full_queue_and_nothing_else_is() {
        let bytes = message(b"one").droppable_bytes().unwrap();
        let (sender, mut receiver) = with_bound(2 * bytes);
        let other = || ToAgent::Registered {
            agent_id: "a".into(),
        };
        let sent = [
            message(b"one"),
            message(b"two"),
            message(b"3"),
            other(),
            other(),
        ];
        sent.into_iter().for_each(|item| sender.send(item));
        assert_eq!(receiver.try_recv(), Some(message(b"one")));
        sender.send(message(b"six"));
        let rest: Vec<_> = std::iter::from_fn(|| receiver.try_recv()).collect();
        assert_eq!(rest, [message(b"two"), other(), other(), message(b"six")]);
    }

    #[test]
    fn a_message_larger_than_the_bound_passes_when_it_is_alone() {
        let (sender, mut receiver) = with_bound(1);
        sender.send(message(b"large"));
        sender.send(message(b"second"));
        assert_eq!(receiver.try_recv(), Some(message(b"large")));
        assert_eq!(receiver.try_recv(), None);
    }
}
