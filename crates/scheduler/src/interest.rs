//! Whether the master knows that offers are wanted.
//!
//! SUPPRESS and REVIVE are sent when the wish changes, not when an offer is handled; a REVIVE
//! clears all filters and starts an allocation at once (PROTOCOL §5), so it is rate-limited.

use std::time::{Duration, Instant};

/// The shortest time between two REVIVEs: the interval of allocations, so that no gang takes part
/// in more of them than its neighbours do.
const REVIVE_EVERY: Duration = Duration::from_secs(1);

/// How long to wait before a call that failed is repeated.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What the master was told about our wish for offers.
#[derive(Debug)]
pub(crate) struct Interest {
    wanted: bool,
    /// What the master knows; nothing while a call has failed or there is no subscription.
    told: Option<bool>,
    /// No call before this time.
    not_before: Option<Instant>,
}

/// A call to be made.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Tell {
    Suppress,
    Revive,
}

impl Interest {
    /// Offers are wanted from the beginning.
    pub(crate) fn new() -> Self {
        Self {
            wanted: true,
            told: None,
            not_before: None,
        }
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted
    }

    pub(crate) fn want(&mut self, wanted: bool) {
        self.wanted = wanted;
    }

    /// A new subscription wants offers, whatever was said before (PROTOCOL §4).
    pub(crate) fn subscribed(&mut self) {
        self.told = Some(true);
        self.not_before = None;
    }

    /// A call did not get through.
    pub(crate) fn failed(&mut self, now: Instant) {
        self.told = None;
        self.not_before = Some(now + RETRY_AFTER);
    }

    /// The call to be made now, while subscribed.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<Tell> {
        if self.told == Some(self.wanted) || self.not_before.is_some_and(|at| now < at) {
            return None;
        }
        self.told = Some(self.wanted);
        if self.wanted {
            self.not_before = Some(now + REVIVE_EVERY);
            Some(Tell::Revive)
        } else {
            self.not_before = None;
            Some(Tell::Suppress)
        }
    }

    /// When there is a call to be made.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        if self.told == Some(self.wanted) {
            None
        } else {
            self.not_before
        }
    }
}
