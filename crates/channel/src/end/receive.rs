//! The frames that arrive: whether they are for us, who the peer is, and in which order they take
//! effect. What their records do is in `records`.

use std::time::{Duration, Instant};

use bytes::Bytes;
use prost::Message as _;

use super::{ChannelId, Greeted, LinkEnd, Output, State};
use crate::arrivals::{Arrival, Arrived};
use crate::config::{FRAME_BYTES_MAX, Window};
use crate::error::{FrameError, Violation};
use crate::flight::Acknowledgement;
use crate::wire::{self, Frame, Notice};

impl LinkEnd {
    /// A frame has arrived.
    ///
    /// # Errors
    /// When it is not of this link, or the peer broke a rule; see [`FrameError`] for what to do.
    /// It never panics, whatever the bytes are.
    pub fn handle_frame(&mut self, now: Instant, bytes: Bytes) -> Result<(), FrameError> {
        match self.state {
            State::Broken(violation) => return Err(FrameError::Violation(violation)),
            State::Shut => return Err(FrameError::Shut),
            State::Listening | State::Greeting { .. } | State::Linked { .. } => {}
        }
        let frame_bytes = bytes.len();
        if frame_bytes > FRAME_BYTES_MAX {
            return Err(FrameError::TooLarge { bytes: frame_bytes });
        }
        let frame = Frame::decode(bytes).map_err(FrameError::Malformed)?;
        self.check_origin(&frame)?;
        self.counters.frames_received += 1;
        self.apply(now, frame, frame_bytes).map_err(|violation| {
            self.state = State::Broken(violation);
            FrameError::Violation(violation)
        })
    }

    /// Whether a frame is from our peer and for us.
    fn check_origin(&self, frame: &Frame) -> Result<(), FrameError> {
        if frame.version != wire::VERSION {
            let found = frame.version;
            return Err(FrameError::Version { found });
        }
        if let Some(found) = frame.to.filter(|to| *to != self.incarnation) {
            let expected = self.incarnation;
            return Err(FrameError::OtherIncarnation { found, expected });
        }
        match self.state {
            State::Linked { peer: expected, .. } if frame.from != expected => {
                let found = frame.from;
                Err(FrameError::OtherIncarnation { found, expected })
            }
            _ => Ok(()),
        }
    }

    fn apply(&mut self, now: Instant, frame: Frame, frame_bytes: usize) -> Result<(), Violation> {
        if frame.to.is_none() && frame.sequence > 0 {
            return Err(Violation::SequencedGreeting(frame.sequence));
        }
        if !matches!(self.state, State::Linked { .. }) {
            self.link(now, &frame)?;
        }
        // A greeting is answered at once, a repeated one too: the answer may have been lost.
        if frame.to.is_none() {
            self.arrivals.ack_now();
        }
        let acknowledgement = Acknowledgement {
            acknowledged: frame.acknowledged,
            held: frame.held,
            delay: Duration::from_micros(frame.ack_delay_us.into()),
        };
        for carried in self.flight.acknowledge(now, acknowledgement)? {
            if let Some(channel) = self.table.get_mut(carried.channel) {
                channel.sending.acknowledge(carried.messages);
                self.release_if_over(carried.channel);
            }
        }
        self.apply_notice(frame.notice, frame.notice_seen)?;
        if frame.sequence == 0 {
            return Ok(());
        }
        let arrived = Arrived {
            records: frame.records,
            frame_bytes,
        };
        let arrival = self
            .arrivals
            .handle(now, frame.sequence, frame.ack_wanted, arrived)?;
        self.counters.frames_duplicated += u64::from(arrival == Arrival::Duplicate);
        while let Some(arrived) = self.arrivals.next() {
            for record in arrived.records {
                self.apply_record(record, arrived.frame_bytes)?;
            }
        }
        Ok(())
    }

    fn apply_notice(&mut self, notice: Option<Notice>, seen: u64) -> Result<(), Violation> {
        self.notices.handle_seen(seen)?;
        let Some(notice) = notice else {
            return Ok(());
        };
        // A repeated one too: the answer may have been lost.
        self.arrivals.ack_now();
        if let Some(notice) = self.notices.handle(notice)? {
            self.outputs.push_back(Output::Told { notice });
        }
        Ok(())
    }

    /// The first frame of the peer: from now on it is known.
    fn link(&mut self, now: Instant, frame: &Frame) -> Result<(), Violation> {
        if frame.window_messages == 0 || frame.window_bytes == 0 {
            return Err(Violation::ZeroWindow);
        }
        let window = Window {
            messages: self.config.window.messages.min(frame.window_messages),
            bytes: self.config.window.bytes.min(frame.window_bytes),
        };
        // A greeting is answered at once, so nothing is to be left out.
        if let State::Greeting { greeted, .. } = self.state
            && let Greeted::Once(greeted_at) = greeted
        {
            let elapsed = now.saturating_duration_since(greeted_at);
            self.flight.sample(elapsed);
        }
        let peer = frame.from;
        self.state = State::Linked { peer, window };
        self.outputs.push_back(Output::Linked { peer });
        let mut writable = Vec::new();
        for (number, channel) in self.table.iter_mut() {
            if channel.sending.end_shortage(window) {
                writable.push(ChannelId(number));
            }
        }
        writable.sort();
        let outputs = writable
            .into_iter()
            .map(|channel| Output::Writable { channel });
        self.outputs.extend(outputs);
        Ok(())
    }
}
