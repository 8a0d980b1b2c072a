//! The frames that go out, in the order of their urgency: notices, those to send again, those with
//! data, and mere acknowledgements.

use std::time::Instant;

use bytes::Bytes;
use prost::Message as _;

use super::frame::FrameBuilder;
use super::{Greeted, LinkEnd, State, queue};
use crate::channel::Turn;
use crate::config::{FRAMES_IN_FLIGHT_MAX, Path, Window};
use crate::pace::Load;
use crate::wire::{self, Frame, Record};

impl LinkEnd {
    /// Whether to call [`poll_frame`](Self::poll_frame) whatever the time is. It may have nothing
    /// after all: what was due on a channel may have been made needless by what arrived.
    pub fn has_frame(&self) -> bool {
        match &self.state {
            State::Listening | State::Broken(_) | State::Shut => false,
            State::Greeting { next_at, .. } => next_at.is_none(),
            State::Linked { .. } => {
                let has_turn = !self.ready.is_empty();
                let may_send = || has_turn && self.flight.has_room() && self.pace.is_open();
                self.arrivals.is_ack_due_now()
                    || self.notices.is_due_now()
                    || self.carries_channels() && (self.flight.can_resend() || may_send())
            }
        }
    }

    /// The next frame for the transport, if there is any now.
    pub fn poll_frame(&mut self, now: Instant) -> Option<Bytes> {
        let frame = match &mut self.state {
            State::Listening | State::Broken(_) | State::Shut => None,
            State::Greeting {
                next_at,
                backoff,
                greeted,
            } => {
                if next_at.is_some_and(|next_at| now < next_at) {
                    return None;
                }
                *greeted = match greeted {
                    Greeted::Never => Greeted::Once(now),
                    Greeted::Once(_) | Greeted::Again => Greeted::Again,
                };
                *next_at = Some(now + backoff.resend_after());
                backoff.back_off();
                Some(self.encode(now, 0, Vec::new()))
            }
            State::Linked { window, .. } => {
                let window = *window;
                self.poll_notice(now)
                    .or_else(|| self.poll_resend(now))
                    .or_else(|| self.poll_data(now, window))
                    .or_else(|| self.poll_acknowledgement(now))
            }
        };
        self.counters.frames_sent += u64::from(frame.is_some());
        frame
    }

    /// When to call [`poll_frame`](Self::poll_frame) again if nothing happens before.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Listening | State::Broken(_) | State::Shut => None,
            State::Greeting { next_at, .. } => *next_at,
            State::Linked { .. } => {
                let resend = self.flight.poll_timeout();
                let timeouts = [
                    resend.filter(|_| self.carries_channels()),
                    self.notices.poll_timeout(),
                    self.arrivals.poll_timeout(),
                    // Even if there is nothing to send: there may be, before the pause is over.
                    self.pace.poll_timeout(),
                ];
                timeouts.into_iter().flatten().min()
            }
        }
    }

    fn poll_notice(&mut self, now: Instant) -> Option<Bytes> {
        let notice = self.notices.poll(now)?;
        let frame = Frame {
            notice: Some(notice),
            ..self.frame(now, 0, Vec::new())
        };
        Some(Bytes::from(frame.encode_to_vec()))
    }

    fn poll_resend(&mut self, now: Instant) -> Option<Bytes> {
        if !self.carries_channels() {
            return None;
        }
        let frame = self.flight.poll_resend(now)?;
        self.counters.frames_resent += 1;
        Some(frame)
    }

    /// A new frame with what the channels have, in turns.
    fn poll_data(&mut self, now: Instant, window: Window) -> Option<Bytes> {
        if !self.carries_channels() || !self.pace.poll_open(now) || !self.flight.has_room() {
            return None;
        }
        let mut is_full = false;
        let mut frame = FrameBuilder::new(self.config.frame_bytes_max);
        while let Some(number) = self.ready.pop_front() {
            let Some(channel) = self.table.get_mut(number) else {
                continue;
            };
            let room = frame.room();
            match channel.fill(number, window, &mut frame) {
                Turn::Done => channel.is_ready = false,
                Turn::More => queue(&mut self.ready, number),
                // Who found no room at all is the first in the next frame.
                Turn::NoRoom => {
                    match frame.room() == room {
                        true => self.ready.push_front(number),
                        false => queue(&mut self.ready, number),
                    }
                    is_full = true;
                    break;
                }
            }
            self.release_if_over(number);
        }
        if frame.is_empty() {
            return None;
        }
        if self.path == Path::Messages {
            let load = Load {
                messages: frame.messages(),
                is_full,
                is_alone: self.flight.is_empty(),
            };
            self.pace.note(now, load);
        }
        let (records, carried) = frame.into_parts();
        let bytes = self.encode(now, self.flight.next_sequence(), records);
        self.flight.push(now, bytes.clone(), carried);
        Some(bytes)
    }

    /// Whether frames with numbers take the path of now. If they do not, they all wait: one that
    /// went ahead of those in flight could not take effect before them.
    fn carries_channels(&self) -> bool {
        match self.path {
            Path::Messages => !self.config.direct_only,
            Path::Direct => true,
        }
    }

    pub(super) fn frames_in_flight_max(&self) -> usize {
        match self.path {
            Path::Messages => self.config.frames_in_flight_max,
            Path::Direct => FRAMES_IN_FLIGHT_MAX,
        }
    }

    fn poll_acknowledgement(&mut self, now: Instant) -> Option<Bytes> {
        self.arrivals
            .is_ack_due(now)
            .then(|| self.encode(now, 0, Vec::new()))
    }

    fn encode(&mut self, now: Instant, sequence: u64, records: Vec<Record>) -> Bytes {
        Bytes::from(self.frame(now, sequence, records).encode_to_vec())
    }

    /// A frame with the acknowledgement as it is now.
    fn frame(&mut self, now: Instant, sequence: u64, records: Vec<Record>) -> Frame {
        let ack_delay = self.arrivals.acknowledge(now);
        Frame {
            version: wire::VERSION,
            from: self.incarnation,
            to: match self.state {
                State::Linked { peer, .. } => Some(peer),
                _ => None,
            },
            window_messages: self.config.window.messages,
            window_bytes: self.config.window.bytes,
            acknowledged: self.arrivals.acknowledged(),
            held: self.arrivals.held(),
            ack_delay_us: u32::try_from(ack_delay.as_micros()).unwrap_or(u32::MAX),
            sequence,
            ack_wanted: sequence > 0 && self.flight.next_is_critical(),
            records,
            notice: None,
            notice_seen: self.notices.seen(),
        }
    }
}
