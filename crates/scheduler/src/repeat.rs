//! When a call is made again whose effect is still to be seen.

use std::time::{Duration, Instant};

/// The next time for a call, and the wait behind it, which doubles with every call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Repeat {
    next: Instant,
    wait: Duration,
}

impl Repeat {
    /// A call that is due at `next`, and `wait` later again.
    pub(crate) fn new(next: Instant, wait: Duration) -> Self {
        Self { next, wait }
    }

    /// When the call is due.
    pub(crate) fn next(&self) -> Instant {
        self.next
    }

    /// The call is due at `at`; the wait behind it stays.
    pub(crate) fn set_next(&mut self, at: Instant) {
        self.next = at;
    }

    /// The call is made now, and again after the wait, which never exceeds `wait_max`.
    pub(crate) fn made(&mut self, now: Instant, wait_max: Duration) {
        self.next = now + self.wait;
        self.wait = (self.wait * 2).min(wait_max);
    }
}
