//! The frames that go out, in the order of their urgency: those to send again, those with data, and
//! mere acknowledgements.

use std::time::Instant;

use bytes::Bytes;
use prost::Message as _;

use super::frame::FrameBuilder;
use super::{LinkEnd, State};
use crate::channel::Turn;
use crate::config::Window;
use crate::wire::{self, Frame, Record};

impl LinkEnd {
    pub(super) fn poll_resend(&mut self, now: Instant) -> Option<Bytes> {
        let frame = self.flight.poll_resend(now)?;
        self.counters.frames_resent += 1;
        Some(frame)
    }

    /// A new frame with what the channels have, in turns.
    pub(super) fn poll_data(&mut self, now: Instant, window: Window) -> Option<Bytes> {
        if !self.flight.has_room() {
            return None;
        }
        let mut frame = FrameBuilder::new(self.config.frame_bytes_max);
        while let Some(number) = self.ready.pop_front() {
            let Some(channel) = self.table.get_mut(number) else {
                continue;
            };
            let room = frame.room();
            match channel.fill(number, window, &mut frame) {
                Turn::Done => channel.is_ready = false,
                Turn::More => self.ready.push_back(number),
                // Who found no room at all is the first in the next frame.
                Turn::NoRoom if frame.room() == room => {
                    self.ready.push_front(number);
                    break;
                }
                Turn::NoRoom => {
                    self.ready.push_back(number);
                    break;
                }
            }
            self.release_if_over(number);
        }
        if frame.is_empty() {
            return None;
        }
        let (records, carried) = frame.into_parts();
        let bytes = self.encode(now, self.flight.next_sequence(), records);
        self.flight.push(now, bytes.clone(), carried);
        Some(bytes)
    }

    pub(super) fn poll_acknowledgement(&mut self, now: Instant) -> Option<Bytes> {
        self.arrivals
            .is_ack_due(now)
            .then(|| self.encode(now, 0, Vec::new()))
    }

    /// A frame with the acknowledgement as it is now.
    pub(super) fn encode(&mut self, now: Instant, sequence: u64, records: Vec<Record>) -> Bytes {
        let ack_delay = self.arrivals.acknowledge(now);
        let frame = Frame {
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
        };
        Bytes::from(frame.encode_to_vec())
    }
}
