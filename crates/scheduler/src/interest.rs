//! Whether the master knows that offers are wanted.
//!
//! SUPPRESS is sent when nothing is wanted any more, REVIVE when something is again, or when so
//! much more is wanted that what was refused may help now. A REVIVE clears all filters and starts
//! an allocation at once (PROTOCOL §5), so it costs a token.

use std::time::{Duration, Instant};

use crate::bucket::TokenBucket;

/// The most REVIVEs at once. A gang whose launches fail one by one needs a few; whoever sends them
/// without end takes part in more allocations than its neighbours do.
const REVIVES_MAX: u32 = 3;

/// How long one REVIVE must be saved for: five intervals of allocations, which come by themselves.
const REVIVE_EVERY: Duration = Duration::from_secs(5);

/// How long to wait before a call that failed is repeated.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What the master was told about our wish for offers.
#[derive(Debug)]
pub(crate) struct Interest {
    wanted: bool,
    /// What the master knows; nothing while a call has failed, or while it refuses us offers that
    /// we want now.
    told: Option<bool>,
    /// Whether the master may hide offers from us, because of what was refused.
    is_filtered: bool,
    revives: TokenBucket,
    /// No call before this time: the last one has failed.
    retry_at: Option<Instant>,
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
            is_filtered: false,
            revives: TokenBucket::full(REVIVES_MAX, REVIVE_EVERY),
            retry_at: None,
        }
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// Nothing is wanted any more.
    pub(crate) fn want_nothing(&mut self) {
        self.wanted = false;
    }

    /// Something is wanted that was not before: what was refused may help now.
    pub(crate) fn want_more(&mut self) {
        self.wanted = true;
        if self.is_filtered {
            self.told = None;
        }
    }

    /// Something is refused, or what is left of something.
    pub(crate) fn refused(&mut self) {
        self.is_filtered = true;
    }

    /// A new subscription wants offers and has no filters, whatever was before (PROTOCOL §4, §6).
    pub(crate) fn subscribed(&mut self) {
        self.told = Some(true);
        self.is_filtered = false;
        self.retry_at = None;
    }

    /// A call did not get through.
    pub(crate) fn failed(&mut self, now: Instant) {
        self.told = None;
        self.retry_at = Some(now + RETRY_AFTER);
    }

    /// The call to be made now, while subscribed.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<Tell> {
        if self.told == Some(self.wanted) || self.retry_at.is_some_and(|at| now < at) {
            return None;
        }
        let tell = if !self.wanted {
            Tell::Suppress
        } else if self.revives.take(now) {
            self.is_filtered = false;
            Tell::Revive
        } else {
            return None;
        };
        self.told = Some(self.wanted);
        self.retry_at = None;
        Some(tell)
    }

    /// When there is a call to be made.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        if self.told == Some(self.wanted) {
            return None;
        }
        let token_at = self.wanted.then(|| self.revives.next_at()).flatten();
        self.retry_at.max(token_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
    fn beginning() -> Instant {
        Instant::now()
    }

    fn subscribed() -> Interest {
        let mut interest = Interest::new();
        interest.subscribed();
        interest
    }

    /// All calls, and when, from `now` on until nothing is due any more.
    fn calls(interest: &mut Interest, start: Instant, mut now: Instant) -> Vec<(u64, Tell)> {
        let mut calls = Vec::new();
        loop {
            calls.extend(
                interest
                    .poll(now)
                    .map(|tell| ((now - start).as_secs(), tell)),
            );
            match interest.poll_timeout() {
                Some(at) => now = at,
                None => return calls,
            }
        }
    }

    #[test]
    fn a_wish_is_told_when_it_changes_and_not_again() {
        let start = beginning();
        let mut interest = subscribed();
        assert_eq!(calls(&mut interest, start, start), []);
        interest.want_nothing();
        assert_eq!(calls(&mut interest, start, start), [(0, Tell::Suppress)]);
        interest.want_nothing();
        assert_eq!(calls(&mut interest, start, start), []);
        interest.want_more();
        assert_eq!(calls(&mut interest, start, start), [(0, Tell::Revive)]);
        interest.want_more();
        assert_eq!(calls(&mut interest, start, start), []);
        // A filter may hide what is wanted in addition.
        interest.refused();
        assert_eq!(calls(&mut interest, start, start), []);
        interest.want_more();
        assert_eq!(calls(&mut interest, start, start), [(0, Tell::Revive)]);
    }

    #[test]
    fn a_wish_that_changes_all_the_time_is_told_at_the_pace_of_its_tokens() {
        let start = beginning();
        let mut now = start;
        let mut interest = subscribed();
        let mut revives = Vec::new();
        for _ in 0..300 {
            interest.want_nothing();
            assert_ne!(interest.poll(now), Some(Tell::Revive));
            interest.want_more();
            revives.extend(interest.poll(now).map(|_| (now - start).as_millis()));
            if interest.poll(now).is_none() {
                // The next one is due when there is a token, not later.
                let due = interest.poll_timeout();
                assert!(due.is_none_or(|at| at > now && at - now <= REVIVE_EVERY));
            }
            now += Duration::from_millis(100);
        }
        let saved = [5_000, 10_000, 15_000, 20_000, 25_000];
        assert_eq!(revives, [&[0, 100, 200][..], &saved[..]].concat());
    }

    #[test]
    fn a_call_that_failed_is_made_again_after_a_moment_as_the_wish_is_then() {
        let start = beginning();
        let mut interest = subscribed();
        interest.want_nothing();
        assert_eq!(interest.poll(start), Some(Tell::Suppress));
        interest.failed(start);
        assert_eq!(calls(&mut interest, start, start), [(1, Tell::Suppress)]);
        interest.failed(start);
        interest.want_more();
        assert_eq!(calls(&mut interest, start, start), [(1, Tell::Revive)]);
    }

    #[test]
    fn a_new_subscription_wants_offers_until_it_is_told_otherwise() {
        let start = beginning();
        let mut interest = subscribed();
        interest.want_nothing();
        assert_eq!(calls(&mut interest, start, start), [(0, Tell::Suppress)]);
        interest.subscribed();
        assert_eq!(calls(&mut interest, start, start), [(0, Tell::Suppress)]);
        interest.want_more();
        interest.subscribed();
        assert_eq!(calls(&mut interest, start, start), []);
    }
}
