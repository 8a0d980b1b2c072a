//! Frames that were sent and not yet acknowledged, and when to send them again.
//!
//! ```text
//!            sent                    acknowledged
//!   (new) ─────────► Waiting ───────────────────────► (gone)
//!                     │   ▲ │      ┌────────────────────▲
//!          later ones │   │ │ held by the peer          │
//!             arrived │   │ └────► Held ────────────────┤
//!                     ▼   │ resent                      │
//!                    Lost ┴─────────────────────────────┘
//! ```
//!
//! A frame counts as lost when [`REORDER_FRAMES`] frames sent after it have arrived, or when
//! something came back and it is older than a round trip can explain. When nothing comes back at
//! all, only the oldest frame is sent again, ever more rarely; earlier if it is the only one. A
//! frame that is sent again is the same bytes: its acknowledgement is stale, which does no harm.
//!
//! When frames move to another path, all that wait are lost with the old one.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::config::Path;
use crate::error::Violation;
use crate::rtt::RoundTrip;

/// How many later frames must have arrived before a missing one counts as lost and not merely
/// overtaken. Three is the usual choice; framework messages are rarely reordered by more.
const REORDER_FRAMES: u64 = 3;

/// How many messages of a channel were completed by a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Hash))]
pub(crate) struct Carried {
    pub(crate) channel: u32,
    pub(crate) messages: u64,
}

/// The frames in flight, oldest first. There are never more than the largest `limit` there was.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Flight {
    frames: VecDeque<InFlight>,
    /// The sequence number of the next new frame.
    next: u64,
    limit: usize,
    path: Path,
    lost: usize,
    last_progress: Option<Instant>,
    round_trip: RoundTrip,
}

#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
struct InFlight {
    frame: Bytes,
    carried: Vec<Carried>,
    sent_at: Instant,
    resent: bool,
    state: FrameState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Hash))]
enum FrameState {
    Waiting,
    Held,
    Lost,
}

/// What the peer says about the frames that it has got.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Acknowledgement {
    pub(crate) acknowledged: u64,
    pub(crate) held: u64,
    pub(crate) delay: Duration,
}

impl Flight {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            frames: VecDeque::new(),
            next: 1,
            limit,
            path: Path::Messages,
            lost: 0,
            last_progress: None,
            round_trip: RoundTrip::new(),
        }
    }

    /// Whether every frame was acknowledged.
    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    pub(crate) fn has_room(&self) -> bool {
        self.frames.len() < self.limit
    }

    /// The sequence number of the next new frame.
    pub(crate) fn next_sequence(&self) -> u64 {
        self.next
    }

    /// Whether the next frame uses up half or all of the frames that may be in flight.
    pub(crate) fn next_is_critical(&self) -> bool {
        let after = self.frames.len() + 1;
        after == self.limit || after == self.limit.div_ceil(2)
    }

    pub(crate) fn round_trip(&self) -> &RoundTrip {
        &self.round_trip
    }

    /// Whether a lost frame can be sent again at once: a path is not given more than it bears,
    /// however much was in flight on the one before.
    pub(crate) fn can_resend(&self) -> bool {
        let waiting = |frame: &&InFlight| frame.state == FrameState::Waiting;
        self.lost > 0 && self.frames.iter().filter(waiting).count() < self.limit
    }

    /// A round trip was measured otherwise than by a frame that was acknowledged.
    pub(crate) fn sample(&mut self, round_trip: Duration) {
        self.round_trip.sample(round_trip);
    }

    /// Another path, which bears `limit` frames at a time: what waits is lost, and nothing is
    /// known of the round trip.
    pub(crate) fn start_anew(&mut self, now: Instant, path: Path, limit: usize) {
        self.path = path;
        self.limit = limit;
        self.last_progress = Some(now);
        self.round_trip = RoundTrip::new();
        for frame in &mut self.frames {
            if frame.state == FrameState::Waiting {
                frame.state = FrameState::Lost;
                self.lost += 1;
            }
            // Whatever comes back for it was sent on the old path: nothing to measure.
            frame.resent = true;
        }
    }

    /// A new frame goes out; it has the number [`next_sequence`](Self::next_sequence).
    pub(crate) fn push(&mut self, now: Instant, frame: Bytes, carried: Vec<Carried>) {
        assert!(self.has_room(), "a frame is only made when there is room");
        self.next += 1;
        self.frames.push_back(InFlight {
            frame,
            carried,
            sent_at: now,
            resent: false,
            state: FrameState::Waiting,
        });
    }

    /// Takes in what has arrived over there; answers what is acknowledged for good.
    pub(crate) fn acknowledge(
        &mut self,
        now: Instant,
        acknowledgement: Acknowledgement,
    ) -> Result<Vec<Carried>, Violation> {
        let Acknowledgement {
            acknowledged,
            held,
            delay,
        } = acknowledgement;
        let last = self.next - 1;
        let newest_held = match held {
            0 => acknowledged,
            held => acknowledged.saturating_add(65 - u64::from(held.leading_zeros())),
        };
        if newest_held > last {
            let found = newest_held;
            return Err(Violation::AcknowledgedUnsent { found, last });
        }

        let mut progress = Progress::default();
        let mut carried = Vec::new();
        while self.first_sequence() <= acknowledged {
            let sequence = self.first_sequence();
            let Some(frame) = self.frames.pop_front() else {
                break;
            };
            self.lost -= usize::from(frame.state == FrameState::Lost);
            progress.note(sequence, &frame);
            carried.extend(frame.carried);
        }
        let first = self.first_sequence();
        for bit in (0..64).filter(|bit| held >> bit & 1 == 1) {
            let sequence = acknowledged + 2 + bit;
            let Some(index) = sequence.checked_sub(first) else {
                continue;
            };
            let frame = &mut self.frames[index as usize];
            progress.note(sequence, frame);
            self.lost -= usize::from(frame.state == FrameState::Lost);
            frame.state = FrameState::Held;
        }
        if progress.any {
            self.handle_progress(now, &progress, delay);
        }
        Ok(carried)
    }

    fn handle_progress(&mut self, now: Instant, progress: &Progress, delay: Duration) {
        self.last_progress = Some(now);
        match progress.newest {
            Some((_, sent_at)) => {
                let elapsed = now.saturating_duration_since(sent_at);
                self.round_trip.sample(elapsed.saturating_sub(delay));
            }
            None => self.round_trip.note_unmeasured(),
        }
        let overtaken = progress
            .newest
            .map_or(0, |(sequence, _)| sequence.saturating_sub(REORDER_FRAMES));
        let expected = self.round_trip.expected();
        let first = self.first_sequence();
        for (sequence, frame) in (first..).zip(&mut self.frames) {
            let late = now.saturating_duration_since(frame.sent_at) >= expected;
            // What was sent again is younger than its number; only its age tells.
            let passed = !frame.resent && sequence <= overtaken;
            if frame.state == FrameState::Waiting && (late || passed) {
                frame.state = FrameState::Lost;
                self.lost += 1;
            }
        }
    }

    /// A frame to send again now, if one is lost or the time is up.
    pub(crate) fn poll_resend(&mut self, now: Instant) -> Option<Bytes> {
        let frame = if self.can_resend() {
            let lost = |frame: &&mut InFlight| frame.state == FrameState::Lost;
            let frame = self.frames.iter_mut().find(lost);
            frame.expect("`lost` counts the frames in that state")
        } else if self.poll_timeout().is_some_and(|due| due <= now) {
            self.round_trip.back_off();
            self.frames.front_mut().expect("it has a deadline")
        } else {
            return None;
        };
        self.lost -= usize::from(frame.state == FrameState::Lost);
        frame.state = FrameState::Waiting;
        frame.resent = true;
        frame.sent_at = now;
        Some(frame.frame.clone())
    }

    /// When the oldest frame is sent again unless something comes back before.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let oldest = self.frames.front()?;
        let since = self
            .last_progress
            .map_or(oldest.sent_at, |progress| progress.max(oldest.sent_at));
        let after = match self.has_lone_frame() {
            true => self.round_trip.resend_lone_after(),
            false => self.round_trip.resend_after(),
        };
        Some(since + after)
    }

    /// Whether there is one frame only: a message that somebody waits for, and nothing after it
    /// whose arrival would tell that it is lost. On a direct path nothing is lost.
    fn has_lone_frame(&self) -> bool {
        self.path == Path::Messages && self.frames.len() == 1
    }

    fn first_sequence(&self) -> u64 {
        self.next - self.frames.len() as u64
    }
}

/// What one acknowledgement brought.
#[derive(Debug, Default)]
struct Progress {
    any: bool,
    /// The newest frame that arrived and was sent once only (Karn's rule), and when it was sent.
    newest: Option<(u64, Instant)>,
}

impl Progress {
    fn note(&mut self, sequence: u64, frame: &InFlight) {
        if frame.state == FrameState::Held {
            return;
        }
        self.any = true;
        if !frame.resent {
            self.newest = self.newest.max(Some((sequence, frame.sent_at)));
        }
    }
}

/// Without times, and without what a frame says beside its records.
#[cfg(test)]
impl std::hash::Hash for Flight {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        let Self {
            frames,
            next,
            limit,
            path: _,
            lost,
            last_progress: _,
            round_trip: _,
        } = self;
        for frame in frames {
            let InFlight {
                frame,
                carried,
                sent_at: _,
                resent,
                state: frame_state,
            } = frame;
            crate::tests::explore::records(frame).hash(state);
            (carried, resent, frame_state).hash(state);
        }
        (next, limit, lost).hash(state);
    }
}
