//! How a channel is at this moment, for display.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use channel::{ChannelCounters, Window};

use crate::sender::Sender;

/// How a channel is at this moment, as far as this end knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelState {
    /// What it has done so far.
    pub counters: ChannelCounters,
    /// The most that each direction holds.
    pub window: Window,
    /// From here to the peer. Its messages were sent here and not received there: that is told in
    /// steps of half a window, so there may be fewer, though never more.
    pub outgoing: Direction,
    /// From the peer to here. Its messages have arrived here and were not received.
    pub incoming: Direction,
}

/// One direction of a channel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Direction {
    /// Messages on their way.
    pub messages: u64,
    /// There is no room for another one.
    pub is_full: bool,
    /// Somebody here waits: to send, if it is outgoing, else to receive.
    pub is_waited_for: bool,
    /// Nothing more is sent.
    pub is_closed: bool,
}

/// What a [`Receiver`](crate::Receiver) has given so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Received {
    /// Messages.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Sender {
    /// How the channel is at this moment, also when it is over.
    pub fn state(&self) -> ChannelState {
        let channel = self.channel();
        let (state, counters) = {
            let link = self.link().lock();
            let state = link.end.channel_state(channel.id);
            (state, link.end.channel_counters(channel.id))
        };
        let released = || channel.released.get().copied();
        let inbound = channel.inbound();
        ChannelState {
            // As in `counters`.
            counters: counters.or_else(released).unwrap_or_default(),
            window: state.window,
            outgoing: Direction {
                messages: state.undelivered,
                is_full: state.is_full,
                is_waited_for: state.is_full && channel.is_waited_for(),
                is_closed: state.is_closed,
            },
            incoming: Direction {
                messages: inbound.sink.waiting(),
                is_full: state.is_peer_full,
                is_waited_for: inbound.sink.has_reader(&channel.readers),
                is_closed: inbound.ended,
            },
        }
    }

    /// What the [`Receiver`](crate::Receiver) of the same channel has given so far; nothing if an
    /// inbox has its messages.
    pub fn received(&self) -> Received {
        self.channel().inbound().received
    }
}

impl Received {
    pub(crate) fn of<'a>(messages: impl IntoIterator<Item = &'a Bytes>) -> Self {
        let mut sum = Self::default();
        for message in messages {
            sum.messages += 1;
            sum.bytes += message.len() as u64;
        }
        sum
    }

    pub(crate) fn add(&mut self, more: Self) {
        self.messages += more.messages;
        self.bytes += more.bytes;
    }
}

/// How many wait for a message.
#[derive(Debug, Default)]
pub(crate) struct Readers(AtomicUsize);

/// One that waits, for as long as this is kept.
pub(crate) struct Reading<'a>(&'a Readers);

impl Readers {
    pub(crate) fn wait(&self) -> Reading<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Reading(self)
    }

    pub(crate) fn are_some(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}
