//! The sending end of a channel.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use channel::ChannelCounters;
use tokio::sync::Notify;

use crate::error::{SendError, TrySendError};
use crate::link::{Channel, Shared};

/// The sending end of a channel, shared by all its clones.
///
/// It closes when the last clone is dropped. Messages sent before the close are delivered first.
#[derive(Debug, Clone)]
pub struct Sender {
    end: Arc<SenderEnd>,
}

struct SenderEnd {
    link: Arc<Shared>,
    channel: Arc<Channel>,
}

impl Sender {
    pub(crate) fn new(link: Arc<Shared>, channel: Arc<Channel>) -> Self {
        Self {
            end: Arc::new(SenderEnd { link, channel }),
        }
    }

    pub(crate) fn link(&self) -> &Shared {
        &self.end.link
    }

    pub(crate) fn channel(&self) -> &Channel {
        &self.end.channel
    }

    /// The name by which the channel was opened: the task's.
    pub fn name(&self) -> &Arc<str> {
        &self.end.channel.name
    }

    /// Sends a message; waits while the channel is full.
    ///
    /// Senders that wait are served in the order in which they came. Cancellation safe: a message
    /// is either sent or not, and a place in the order is given up.
    ///
    /// # Errors
    /// When the channel is or gets closed, or the message is too large.
    pub async fn send(&self, message: Bytes) -> Result<(), SendError> {
        send_on(&self.end.link, &self.end.channel, message).await
    }

    /// Sends a message unless the channel is full or others wait for room in it.
    ///
    /// # Errors
    /// When it is not sent.
    pub fn try_send(&self, message: Bytes) -> Result<(), TrySendError> {
        try_send_on(&self.end.link, &self.end.channel, message)
    }

    /// Sends a message for which [`try_send`](Self::try_send) has just found no room: as
    /// [`send`](Self::send), but what was counted as a stall then is not counted again.
    ///
    /// # Errors
    /// When it cannot be sent.
    pub async fn send_in_turn(&self, message: Bytes) -> Result<(), SendError> {
        send_in_turn_on(&self.end.link, &self.end.channel, message).await
    }

    /// Sends messages in order and next to each other; waits while the channel is full.
    ///
    /// When the future is dropped, the first so many messages have been sent.
    ///
    /// # Errors
    /// When one of them cannot be sent. Those before it have been sent then.
    pub async fn send_many(&self, messages: Vec<Bytes>) -> Result<(), SendError> {
        self.send_all(&mut messages.into()).await
    }

    /// As [`send_many`](Self::send_many); leaves in the queue what was not sent.
    pub(crate) async fn send_all(&self, messages: &mut VecDeque<Bytes>) -> Result<(), SendError> {
        let SenderEnd { link, channel } = &*self.end;
        let _turn = Turn::wait(channel).await;
        loop {
            let changed = channel.writable.notified();
            link.with(|state| {
                while let Some(message) = messages.front() {
                    match state.end.send(channel.id, message.clone()) {
                        Ok(()) => messages.pop_front(),
                        Err(channel::SendError::Full) => return Ok(()),
                        Err(channel::SendError::Closed) => return Err(SendError::Closed),
                        Err(channel::SendError::TooLarge) => return Err(SendError::TooLarge),
                    };
                }
                Ok(())
            })?;
            if messages.is_empty() {
                return Ok(());
            }
            changed.await;
        }
    }

    /// Waits until the channel has room or is closed. Cancellation safe; another sender may be
    /// faster to use the room.
    pub async fn writable(&self) {
        let SenderEnd { link, channel } = &*self.end;
        loop {
            let changed = channel.writable.notified();
            {
                let mut state = link.lock();
                let is_closed = state.end.is_closed(channel.id);
                let is_free = channel.waiting.load(Ordering::Acquire) == 0;
                if is_closed || state.end.poll_writable(channel.id) && is_free {
                    return;
                }
            }
            changed.await;
        }
    }

    /// Closes the channel after what was sent. Senders that wait for room are refused.
    pub fn close(&self) {
        self.end.close();
    }

    /// Whether nothing can be sent any more.
    pub fn is_closed(&self) -> bool {
        self.end.link.lock().end.is_closed(self.end.channel.id)
    }

    /// Waits until the other direction of the channel is over: the peer has closed it and all that
    /// it sent is in the [`Receiver`](crate::Receiver) or [`Inbox`](crate::Inbox), or the link is
    /// shut. Cancellation safe.
    pub async fn peer_closed(&self) {
        loop {
            let changed = self.end.channel.readable.notified();
            if self.is_peer_closed() {
                return;
            }
            changed.await;
        }
    }

    /// Whether the other direction of the channel is over, as in
    /// [`peer_closed`](Self::peer_closed).
    pub fn is_peer_closed(&self) -> bool {
        self.end.channel.inbound().ended
    }

    /// How many messages the peer's application had not taken when it stopped taking any; 0 while
    /// it still takes them.
    pub fn untaken(&self) -> u64 {
        self.end.channel.untaken.load(Ordering::Relaxed)
    }

    /// What the channel has done so far, in both directions; also when it is over.
    pub fn counters(&self) -> ChannelCounters {
        let channel = &self.end.channel;
        let living = self.end.link.lock().end.channel_counters(channel.id);
        let counters = living.or_else(|| channel.released.get().copied());
        // Neither living nor released: a link that was shut keeps its channels, so this is never
        // the case.
        counters.unwrap_or_default()
    }
}

impl SenderEnd {
    fn close(&self) {
        self.link.with(|state| state.end.close(self.channel.id));
        self.channel.writable.notify_waiters();
    }
}

impl Drop for SenderEnd {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for SenderEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Channel").field(&self.channel.name).finish()
    }
}

/// Sends on a channel, in turn; waits while it is full.
pub(crate) async fn send_on(
    link: &Shared,
    channel: &Channel,
    message: Bytes,
) -> Result<(), SendError> {
    match try_send_on(link, channel, message.clone()) {
        Ok(()) => Ok(()),
        Err(TrySendError::Closed) => Err(SendError::Closed),
        Err(TrySendError::TooLarge) => Err(SendError::TooLarge),
        Err(TrySendError::Full) => send_in_turn_on(link, channel, message).await,
    }
}

/// Sends on a channel when it has room and nobody else waits any more.
async fn send_in_turn_on(
    link: &Shared,
    channel: &Channel,
    message: Bytes,
) -> Result<(), SendError> {
    let _turn = Turn::wait(channel).await;
    loop {
        let changed = channel.writable.notified();
        let sent = link.with(|state| {
            let closed = state.end.is_closed(channel.id);
            // Asking first keeps a wait from counting as several stalls.
            match closed || state.end.poll_writable(channel.id) {
                true => state.end.send(channel.id, message.clone()),
                false => Err(channel::SendError::Full),
            }
        });
        match sent {
            Ok(()) => return Ok(()),
            Err(channel::SendError::Closed) => return Err(SendError::Closed),
            Err(channel::SendError::TooLarge) => return Err(SendError::TooLarge),
            Err(channel::SendError::Full) => changed.await,
        }
    }
}

/// Sends on a channel unless it is full or others wait for room in it.
pub(crate) fn try_send_on(
    link: &Shared,
    channel: &Channel,
    message: Bytes,
) -> Result<(), TrySendError> {
    link.with(|state| {
        if channel.waiting.load(Ordering::Acquire) > 0 && !state.end.is_closed(channel.id) {
            return Err(TrySendError::Full);
        }
        state
            .end
            .send(channel.id, message)
            .map_err(TrySendError::from)
    })
}

/// The right to wait for room in a channel; it ends with the value.
struct Turn<'a> {
    _guard: tokio::sync::MutexGuard<'a, ()>,
    _place: Place<'a>,
}

impl<'a> Turn<'a> {
    async fn wait(channel: &'a Channel) -> Self {
        channel.waiting.fetch_add(1, Ordering::AcqRel);
        let place = Place {
            waiting: &channel.waiting,
            writable: &channel.writable,
        };
        Self {
            _guard: channel.turn.lock().await,
            _place: place,
        }
    }
}

/// A place in the order of those who wait for room.
struct Place<'a> {
    waiting: &'a AtomicUsize,
    writable: &'a Notify,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        // The last one out: whoever found a queue of senders may look again.
        if self.waiting.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.writable.notify_waiters();
        }
    }
}
