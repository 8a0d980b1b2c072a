//! The receiving end of a channel with a queue of its own.

use std::sync::Arc;

use bytes::Bytes;
#[cfg(doc)]
use channel::MESSAGE_BYTES_MAX;

use crate::error::TryRecvError;
use crate::inbox::Sink;
use crate::link::{Channel, Shared};
use crate::state::Received;

/// The receiving end of a channel.
///
/// A message holds its room in the channel until it is received. When the receiver is dropped,
/// the peer's senders are told that the channel is closed.
#[derive(Debug)]
pub struct Receiver {
    link: Arc<Shared>,
    channel: Arc<Channel>,
}

impl Receiver {
    pub(crate) fn new(link: Arc<Shared>, channel: Arc<Channel>) -> Self {
        Self { link, channel }
    }

    /// The name by which the channel was opened: the task's.
    pub fn name(&self) -> &Arc<str> {
        &self.channel.name
    }

    /// Waits for a message; `None`: the channel is closed and all was received. Cancellation safe.
    pub async fn recv(&self) -> Option<Bytes> {
        recv_on(&self.link, &self.channel).await
    }

    /// A message that is there already.
    ///
    /// # Errors
    /// When there is none.
    pub fn try_recv(&self) -> Result<Bytes, TryRecvError> {
        try_recv_on(&self.link, &self.channel)
    }

    /// Waits for a message and takes up to `max` that are there, but beyond the first none with
    /// which they would be more than [`MESSAGE_BYTES_MAX`] bytes together. Empty: the channel is
    /// closed and all was received, or `max` is 0. Cancellation safe.
    pub async fn recv_many(&self, max: usize) -> Vec<Bytes> {
        if max == 0 {
            return Vec::new();
        }
        loop {
            let changed = self.channel.readable.notified();
            let (messages, taken) = {
                let mut inbound = self.channel.inbound();
                if inbound.ended && inbound.sink.is_empty() {
                    return Vec::new();
                }
                let messages = inbound.sink.pop_many(max);
                let taken = Received::of(&messages);
                inbound.received.add(taken);
                (messages, taken)
            };
            if messages.is_empty() {
                let _reading = self.channel.readers.wait();
                changed.await;
                continue;
            }
            self.link.take(self.channel.id, taken.messages, taken.bytes);
            return messages;
        }
    }

    /// Takes nothing more in: gives what has arrived, and then it is closed. What comes later
    /// counts as never taken.
    ///
    /// The sender goes on until the receiver is dropped: only then is it known how much of what it
    /// has sent was taken.
    pub fn close(&self) {
        self.channel.inbound().ended = true;
        self.channel.readable.notify_waiters();
    }

    /// Waits until a message is there or the channel is closed. Cancellation safe.
    pub async fn readable(&self) {
        loop {
            let changed = self.channel.readable.notified();
            {
                let inbound = self.channel.inbound();
                if inbound.ended || !inbound.sink.is_empty() {
                    return;
                }
            }
            let _reading = self.channel.readers.wait();
            changed.await;
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.channel.inbound().sink = Sink::Dropped;
        self.link.with(|state| state.end.stop(self.channel.id));
    }
}

/// Waits for a message of a channel with a queue.
pub(crate) async fn recv_on(link: &Shared, channel: &Channel) -> Option<Bytes> {
    loop {
        let changed = channel.readable.notified();
        match try_recv_on(link, channel) {
            Ok(message) => return Some(message),
            Err(TryRecvError::Closed) => return None,
            Err(TryRecvError::Empty) => {
                let _reading = channel.readers.wait();
                changed.await;
            }
        }
    }
}

fn try_recv_on(link: &Shared, channel: &Channel) -> Result<Bytes, TryRecvError> {
    let message = {
        let mut inbound = channel.inbound();
        match inbound.sink.pop() {
            Some(message) => {
                inbound.received.add(Received::of([&message]));
                message
            }
            None if inbound.ended => return Err(TryRecvError::Closed),
            None => return Err(TryRecvError::Empty),
        }
    };
    link.take(channel.id, 1, message.len() as u64);
    Ok(message)
}
