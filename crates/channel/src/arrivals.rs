//! The frames that arrive: puts them in order, and decides when to acknowledge.
//!
//! A frame that is ahead of a missing one is kept until that one arrives; there are never more
//! than [`FRAMES_IN_FLIGHT_MAX`] of them, because a peer that goes further breaks a rule.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::config::FRAMES_IN_FLIGHT_MAX;
use crate::error::Violation;
use crate::rtt::ACK_DELAY;
use crate::wire::Record;

/// So many frames are acknowledged together at the latest: a quarter of what is in flight by
/// default, so that a steady stream never waits for an acknowledgement.
const ACK_FRAMES: u32 = 8;

/// Records of one frame, and the length of the frame that their data points into.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Arrived {
    pub(crate) records: Vec<Record>,
    pub(crate) frame_bytes: usize,
}

/// What becomes of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// It is kept; [`Arrivals::next`] gives it when its turn has come.
    Taken,
    /// It was here before.
    Duplicate,
}

/// The frames that arrived out of order, and the acknowledgements owed.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Arrivals {
    /// The first sequence number that was not given out yet.
    next: u64,
    waiting: BTreeMap<u64, Arrived>,
    /// Frames that arrived since the last acknowledgement.
    owed: u32,
    newest_at: Option<Instant>,
    ack: Ack,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ack {
    None,
    At(Instant),
    Now,
}

impl Arrivals {
    pub(crate) fn new() -> Self {
        Self {
            next: 1,
            waiting: BTreeMap::new(),
            owed: 0,
            newest_at: None,
            ack: Ack::None,
        }
    }

    /// Takes in a frame. `ack_wanted`: the peer asks for an acknowledgement at once.
    pub(crate) fn handle(
        &mut self,
        now: Instant,
        sequence: u64,
        ack_wanted: bool,
        arrived: Arrived,
    ) -> Result<Arrival, Violation> {
        if sequence < self.next || self.waiting.contains_key(&sequence) {
            // The peer has not heard of it: the acknowledgement was lost, or is on its way.
            self.ack = Ack::Now;
            return Ok(Arrival::Duplicate);
        }
        if sequence - self.next >= FRAMES_IN_FLIGHT_MAX as u64 {
            return Err(Violation::TooFarAhead {
                found: sequence,
                missing: self.next,
            });
        }
        self.waiting.insert(sequence, arrived);
        self.newest_at = Some(now);
        self.owed += 1;
        // A gap, or the end of one, is told at once: the peer finds by it what to send again.
        let gap = sequence > self.next || self.waiting.len() > 1;
        self.ack = match self.ack {
            _ if gap || ack_wanted || self.owed >= ACK_FRAMES => Ack::Now,
            Ack::None => Ack::At(now + ACK_DELAY),
            ack => ack,
        };
        Ok(Arrival::Taken)
    }

    /// The next frame in order, if it is here.
    pub(crate) fn next(&mut self) -> Option<Arrived> {
        let arrived = self.waiting.remove(&self.next)?;
        self.next += 1;
        Some(arrived)
    }

    /// Acknowledge at once, whatever arrived.
    pub(crate) fn ack_now(&mut self) {
        self.ack = Ack::Now;
    }

    pub(crate) fn is_ack_due_now(&self) -> bool {
        self.ack == Ack::Now
    }

    pub(crate) fn is_ack_due(&self, now: Instant) -> bool {
        match self.ack {
            Ack::None => false,
            Ack::At(due) => due <= now,
            Ack::Now => true,
        }
    }

    /// When an acknowledgement is due that is not due at once.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match self.ack {
            Ack::At(due) => Some(due),
            Ack::None | Ack::Now => None,
        }
    }

    /// All frames up to this one have arrived.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.next - 1
    }

    /// The map of the frames beyond, as in [`Frame::held`](crate::wire::Frame::held).
    pub(crate) fn held(&self) -> u64 {
        self.waiting
            .keys()
            .filter_map(|sequence| sequence.checked_sub(self.next + 1))
            .fold(0, |held, bit| held | 1 << bit)
    }

    /// An acknowledgement goes out; answers how long it was held back.
    pub(crate) fn acknowledge(&mut self, now: Instant) -> Duration {
        self.ack = Ack::None;
        self.owed = 0;
        self.newest_at.map_or(Duration::ZERO, |newest| {
            now.saturating_duration_since(newest)
        })
    }
}

/// Without times.
#[cfg(test)]
impl std::hash::Hash for Arrivals {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        let Self {
            next,
            waiting,
            owed,
            newest_at: _,
            ack,
        } = self;
        for (sequence, arrived) in waiting {
            sequence.hash(state);
            crate::tests::explore::encode(&arrived.records).hash(state);
        }
        (next, owed, std::mem::discriminant(ack)).hash(state);
    }
}
