//! What an end tells its application.

use std::sync::Arc;

use bytes::Bytes;

use crate::counters::ChannelCounters;
use crate::wire;

/// A channel at one end. The peer has another number for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelId(pub(super) u32);

impl ChannelId {
    /// The channel of the two ends themselves: always open, never closed.
    pub const CONTROL: Self = Self(wire::CONTROL);
}

/// What the application is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// The peer is known from now on. Once in the life of a link.
    Linked {
        /// The peer's incarnation.
        peer: u64,
    },
    /// The peer has told this; what it told earlier does not count any more.
    Told {
        /// The notice.
        notice: Bytes,
    },
    /// The peer opened a channel that is not open here. It can be opened by its name; what arrives
    /// until then is already given.
    Offered {
        /// The channel, as [`LinkEnd::open`](crate::LinkEnd::open) will answer it.
        channel: ChannelId,
        /// Its name.
        name: Arc<str>,
    },
    /// A message. It counts against the window until [`LinkEnd::take`](crate::LinkEnd::take).
    Message {
        /// The channel.
        channel: ChannelId,
        /// Its bytes.
        data: Bytes,
    },
    /// The peer closed its stream; all its messages were given before.
    Closed {
        /// The channel.
        channel: ChannelId,
    },
    /// The peer's application takes nothing more; sending is over.
    Stopped {
        /// The channel.
        channel: ChannelId,
        /// How many messages it never took.
        untaken: u64,
    },
    /// The channel was full and has room again.
    Writable {
        /// The channel.
        channel: ChannelId,
    },
    /// Both streams are over; nothing more will be said about the channel.
    Released {
        /// The channel.
        channel: ChannelId,
        /// All that it has done.
        counters: ChannelCounters,
    },
}

/// Messages of a channel that a link, when it was shut, had accepted, and of which it did not know
/// that the peer's application took them.
///
/// What the application took is told in steps of half a window, and exactly when it stops. So the
/// count may be too large, though never more than a window; it is too small for no channel that was
/// not yet [released](Output::Released). What [`Output::Stopped`] has told is not told again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// The channel.
    pub channel: ChannelId,
    /// Its name; empty for the control channel.
    pub name: Arc<str>,
    /// So many messages, at least 1.
    pub messages: u64,
}

#[cfg(test)]
impl ChannelId {
    pub(crate) fn numbered(number: u32) -> Self {
        Self(number)
    }

    pub(crate) fn number(self) -> u32 {
        self.0
    }
}
