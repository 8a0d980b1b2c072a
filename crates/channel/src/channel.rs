//! One channel of a link: two one-way streams that close each on its own.
//!
//! ```text
//! sending:    Open ──close()──► Closing ──data sent──► Closed
//!              └──────peer stops──────┘
//! receiving:  Open ──stop()──► Stopped ──┐
//!              └─────peer closes─────────┴──► Closed
//! ```
//!
//! All counts run from the opening of the channel and never fall, so that a record about them can
//! be repeated without harm.

mod receiving;
mod sending;

use std::sync::Arc;

use crate::config::Window;
use crate::counters::{ChannelCounters, ChannelState};
use crate::end::frame::FrameBuilder;
use crate::wire::{Kind, Open};
use receiving::Receiving;
use sending::Sending;

/// One channel.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone, Hash))]
pub(crate) struct Channel {
    pub(crate) name: Arc<str>,
    /// The application here has opened it.
    pub(crate) is_open: bool,
    /// It is in the queue of channels that have something to send.
    pub(crate) is_ready: bool,
    pub(crate) sending: Sending,
    pub(crate) receiving: Receiving,
}

/// Messages and their bytes since the channel was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(test, derive(Hash))]
pub(crate) struct Amount {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
}

/// How a channel's turn to fill a frame ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// There is nothing more to send for now.
    Done,
    /// There is more, but it is the others' turn.
    More,
    /// There is more, but the frame has no room for it.
    NoRoom,
}

impl Channel {
    pub(crate) fn new(name: Arc<str>) -> Self {
        Self {
            name,
            is_open: false,
            is_ready: false,
            sending: Sending::new(),
            receiving: Receiving::new(),
        }
    }

    /// The control channel: both ends know it from the start.
    pub(crate) fn control(number: u32) -> Self {
        let mut channel = Self::new(Arc::from(""));
        channel.is_open = true;
        channel.sending.is_announced = true;
        channel.receiving.peer = Some(number);
        channel
    }

    /// Whether nothing more can happen on it.
    pub(crate) fn is_over(&self) -> bool {
        self.is_open && self.receiving.is_over() && self.sending.is_over()
    }

    /// Whether a turn would put anything in a frame.
    pub(crate) fn has_work(&self, window: Window) -> bool {
        !self.sending.is_announced && self.is_open
            || self.receiving.has_record(window)
            || self.sending.has_record(window)
    }

    /// Fills a frame with what there is, as far as room, window and fairness allow.
    pub(crate) fn fill(&mut self, number: u32, window: Window, frame: &mut FrameBuilder) -> Turn {
        // Nothing may name the number before it is announced.
        if !self.sending.is_announced && self.is_open {
            let open = Open {
                channel: number,
                name: String::from(&*self.name),
            };
            if !frame.push(Kind::Open(open), self.name.len()) {
                return Turn::NoRoom;
            }
            self.sending.is_announced = true;
        }
        if !self.receiving.fill(window, frame) {
            return Turn::NoRoom;
        }
        self.sending.fill(number, window, frame)
    }

    pub(crate) fn counters(&self) -> ChannelCounters {
        ChannelCounters {
            messages_sent: self.sending.accepted().messages,
            messages_received: self.receiving.begun().messages,
            bytes_sent: self.sending.accepted().bytes,
            bytes_received: self.receiving.begun().bytes,
            stalls: self.sending.stalls(),
        }
    }

    pub(crate) fn state(&self, window: Window) -> ChannelState {
        let is_closed = self.sending.is_closed();
        ChannelState {
            window,
            undelivered: self.sending.undelivered(),
            is_full: !is_closed && !self.sending.has_room(window),
            is_closed,
            is_peer_full: self.receiving.is_full(window),
        }
    }
}

impl Amount {
    fn add(&mut self, bytes: usize) {
        self.messages += 1;
        self.bytes += bytes as u64;
    }

    /// Whether one message more may follow when so much has been taken.
    fn is_within(self, taken: Self, window: Window) -> bool {
        self.messages.saturating_sub(taken.messages) < u64::from(window.messages)
            && self.bytes.saturating_sub(taken.bytes) < window.bytes
    }
}
