//! How fast new frames follow each other on framework messages.
//!
//! Each such frame is a call to a master or an agent, which a whole cluster shares, so a stream of
//! small messages should go in few frames; but a message that somebody waits for should go at
//! once. What tells them apart is how much a frame carries, and whether anything before it is
//! still unanswered:
//!
//! | the frame | costs |
//! |---|---|
//! | is full | nothing: its bytes have to go somehow |
//! | carries [`MANY`] messages or more, or credit for as many | [`PAUSE`] |
//! | carries few while others are in flight | a part of it |
//! | carries few, and all before it was acknowledged: a question or an answer | nothing |
//!
//! Costs are paid off by time. A frame may go as long as no more than [`DEBT_MAX`] is unpaid; so
//! an irregular stream is not delayed, and a timer that is late takes nothing from the rate.

use std::time::{Duration, Instant};

/// A stream makes one frame in this time, so at most 400 a second, and with the credit that
/// comes back as often 800 calls: a quarter of what a master bears. It is short beside what people
/// notice, and a channel with the default window still passes 100,000 messages a second.
const PAUSE: Duration = Duration::from_micros(2500);

/// The part of [`PAUSE`] that a frame with few messages costs: 1,600 of them a second, half of what
/// a master bears.
const FEW_PART: u32 = 4;

/// A frame that carries so many messages is one of a stream. A master takes 3,000 frames a second;
/// with this many messages in each, waiting for more is the only way to be faster than that.
const MANY: u64 = 32;

/// So much may be unpaid: the credit for a window is spread over a few frames when its channels
/// are emptied one by one, and none of them should wait for the other.
const DEBT_MAX: Duration = PAUSE.saturating_mul(4);

/// What a frame carries, as far as it matters here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// Messages that it completes, and messages that it gives credit for.
    pub(crate) messages: u64,
    /// There was more than it has room for.
    pub(crate) is_full: bool,
    /// No frame before it waits for its acknowledgement.
    pub(crate) is_alone: bool,
}

/// Spaces new frames.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Pace {
    /// When the costs of all frames so far are paid.
    paid_at: Option<Instant>,
    paused_until: Option<Instant>,
}

impl Pace {
    /// Whether a new frame may go, whatever the time is.
    pub(crate) fn is_open(&self) -> bool {
        self.paused_until.is_none()
    }

    /// Whether a new frame may go now.
    pub(crate) fn poll_open(&mut self, now: Instant) -> bool {
        self.paused_until = self.paused_until.filter(|until| now < *until);
        self.is_open()
    }

    /// When a pause ends.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.paused_until
    }

    /// A new frame goes.
    pub(crate) fn note(&mut self, now: Instant, load: Load) {
        let paid_at = self.paid_at.map_or(now, |paid_at| paid_at.max(now)) + load.cost();
        self.paid_at = Some(paid_at);
        let debt = paid_at.saturating_duration_since(now);
        self.paused_until = (debt > DEBT_MAX).then(|| now + (debt - DEBT_MAX));
    }
}

impl Load {
    fn cost(self) -> Duration {
        match self {
            Self { is_full: true, .. } => Duration::ZERO,
            Self { messages, .. } if messages >= MANY => PAUSE,
            Self { is_alone: true, .. } => Duration::ZERO,
            Self { .. } => PAUSE / FEW_PART,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: Load = Load {
        messages: MANY,
        is_full: false,
        is_alone: false,
    };

    /// Notes such frames as fast as they may go for a second, and counts them.
    #[expect(
        clippy::disallowed_methods,
        reason = "virtual time has to begin somewhere"
    )]
    fn frames_in_a_second(load: Load) -> u32 {
        let mut pace = Pace::default();
        let start = Instant::now();
        let mut now = start;
        let mut frames = 0;
        while now < start + Duration::from_secs(1) && frames < 10_000 {
            assert!(pace.poll_open(now), "the time of the timeout has come");
            pace.note(now, load);
            frames += 1;
            now = pace.poll_timeout().unwrap_or(now);
        }
        frames
    }

    #[test]
    fn a_stream_has_a_rate_and_a_debt_and_a_full_frame_or_an_answer_waits_for_nothing() {
        // The debt is four frames.
        assert_eq!(frames_in_a_second(STREAM), 404);
        let few = Load {
            messages: MANY - 1,
            ..STREAM
        };
        assert_eq!(frames_in_a_second(few), 1616);
        let alone = Load {
            is_alone: true,
            ..few
        };
        assert_eq!(frames_in_a_second(alone), 10_000);
        let full = Load {
            is_full: true,
            ..STREAM
        };
        assert_eq!(frames_in_a_second(full), 10_000);
    }

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "virtual time has to begin somewhere"
    )]
    fn a_timer_that_is_late_takes_nothing_from_the_rate() {
        let mut pace = Pace::default();
        let start = Instant::now();
        let mut frames = 0;
        for ms in 0..1000 {
            // The clock of the caller has a millisecond.
            let now = start + Duration::from_millis(ms);
            while pace.poll_open(now) {
                pace.note(now, STREAM);
                frames += 1;
            }
        }
        assert_eq!(frames, 404);
    }
}
