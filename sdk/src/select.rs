//! Waiting for several things at once: channels, events, timers.
//!
//! `select` tells what is ready and takes nothing: the caller then asks each ready end with its
//! `try_` method. So nothing is lost between two calls, and the caller decides what comes first.

use std::time::{Duration, Instant};

use crate::sys;

pub(crate) use sealed::{Readiness, Sealed};

#[expect(
    unnameable_types,
    reason = "sealed: what can be waited for is decided here"
)]
mod sealed {
    /// What [`Selectable`](super::Selectable) needs of a type; the ends of this crate are all
    /// there are.
    pub trait Sealed {
        /// The readiness to wait for, as it is now.
        fn readiness(&self) -> Readiness;
    }

    /// A readiness as the platform has it.
    pub struct Readiness(pub(crate) crate::sys::Pollable);
}

/// Something that becomes ready. The ends of channels, [`Events`](crate::Events) and [`Timer`]s.
pub trait Selectable: Sealed {}

/// Waits until one of `sources` is ready, but not longer than `timeout`.
///
/// ```
/// use std::time::Duration;
/// use mesosgot_sdk::{Error, Receiver, Timer, TryRecvError, select};
///
/// /// Counts the messages that come before the time is up.
/// fn count(inbox: &Receiver, time: Duration) -> usize {
///     let mut timer = Timer::after(time);
///     let mut count = 0;
///     loop {
///         let selected = select(&[inbox, &timer], None);
///         if selected.is_ready(0) {
///             match inbox.try_recv() {
///                 Ok(_message) => count += 1,
///                 Err(TryRecvError::Empty) => {}
///                 Err(TryRecvError::Closed) => return count,
///             }
///         }
///         if selected.is_ready(1) && timer.fire() {
///             return count;
///         }
///     }
/// }
///
/// # let (inbox, _outbox, handle) = mesosgot_sdk::testing::task();
/// # handle.send("x").unwrap();
/// # assert_eq!(count(&inbox, Duration::from_millis(20)), 1);
/// ```
///
/// # Panics
///
/// When there is nothing that could ever be waited for: no source, or only timers at rest, and no
/// timeout.
pub fn select(sources: &[&dyn Selectable], timeout: Option<Duration>) -> Selected {
    let pollables: Vec<_> = sources.iter().map(|source| source.readiness().0).collect();
    Selected {
        ready: sys::poll(&pollables, timeout),
    }
}

/// What [`select`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selected {
    /// Ascending.
    ready: Vec<usize>,
}

impl Selected {
    /// Whether the source at this index is ready.
    pub fn is_ready(&self, index: usize) -> bool {
        self.ready.binary_search(&index).is_ok()
    }

    /// Whether nothing became ready in time.
    pub fn timed_out(&self) -> bool {
        self.ready.is_empty()
    }

    /// The indices of the sources that are ready, ascending.
    pub fn indices(&self) -> &[usize] {
        &self.ready
    }
}

/// A moment, or moments with equal distances, to [`select`] on.
#[derive(Clone, Debug)]
pub struct Timer {
    /// `None`: at rest.
    due: Option<Instant>,
    period: Option<Duration>,
}

impl Timer {
    /// A timer that is due once, after so long.
    pub fn after(delay: Duration) -> Self {
        Self::at(Instant::now() + delay)
    }

    /// A timer that is due once, at this moment.
    pub fn at(due: Instant) -> Self {
        Self {
            due: Some(due),
            period: None,
        }
    }

    /// A timer that is due after each `period`.
    ///
    /// # Panics
    ///
    /// When `period` is zero.
    pub fn every(period: Duration) -> Self {
        assert!(!period.is_zero(), "a timer needs a period");
        Self {
            due: Some(Instant::now() + period),
            period: Some(period),
        }
    }

    /// A timer at rest: never due until it is [`set`](Self::set).
    pub fn at_rest() -> Self {
        Self {
            due: None,
            period: None,
        }
    }

    /// When it is due next. `None`: it is at rest.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Makes it due at this moment, or lays it at rest.
    pub fn set(&mut self, due: Option<Instant>) {
        self.due = due;
    }

    /// Whether it is due; if so it goes on: to rest, or to the next period that is not over yet.
    /// Periods that were missed are left out.
    pub fn fire(&mut self) -> bool {
        self.fire_at(Instant::now())
    }

    fn fire_at(&mut self, now: Instant) -> bool {
        let Some(due) = self.due.filter(|due| *due <= now) else {
            return false;
        };
        self.due = self.period.map(|period| {
            let late = now.duration_since(due).as_nanos() % period.as_nanos();
            // The remainder is less than a period, and it fits where the period fits.
            let late = Duration::new(
                u64::try_from(late / 1_000_000_000).unwrap_or(0),
                u32::try_from(late % 1_000_000_000).unwrap_or(0),
            );
            now - late + period
        });
        true
    }

    /// Waits until it is due, and [`fire`](Self::fire)s.
    ///
    /// # Panics
    ///
    /// When it is at rest.
    pub fn wait(&mut self) {
        while !self.fire() {
            select(&[&*self], None);
        }
    }
}

impl Sealed for Timer {
    fn readiness(&self) -> Readiness {
        Readiness(sys::Pollable::timer(self.due))
    }
}

impl Selectable for Timer {}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_secs(1);

    #[test]
    fn a_single_timer_fires_once_and_rests() {
        let now = Instant::now();
        let mut timer = Timer::at(now);
        assert!(timer.fire_at(now));
        assert_eq!(timer.due(), None);
        assert!(!timer.fire_at(now + PERIOD));
    }

    #[test]
    fn a_periodic_timer_keeps_its_beat_and_leaves_missed_periods_out() {
        let mut timer = Timer::every(PERIOD);
        let first = timer.due().expect("it was just started");
        assert!(!timer.fire_at(first - PERIOD / 2));
        assert!(timer.fire_at(first));
        assert_eq!(timer.due(), Some(first + PERIOD));
        assert!(timer.fire_at(first + PERIOD * 7 / 2));
        assert_eq!(timer.due(), Some(first + PERIOD * 4));
    }

    #[test]
    fn select_tells_everything_that_is_ready() {
        let due = Timer::after(Duration::ZERO);
        let rests = Timer::at_rest();
        let selected = select(&[&rests, &due, &due], None);
        assert_eq!(selected.indices(), [1, 2]);
        assert!(!selected.is_ready(0) && selected.is_ready(1));
    }

    #[test]
    fn select_ends_at_its_timeout() {
        let rests = Timer::at_rest();
        let selected = select(&[&rests], Some(Duration::from_millis(1)));
        assert!(selected.timed_out());
    }

    #[test]
    fn select_refuses_to_wait_for_nothing() {
        let rests = Timer::at_rest();
        let panic = std::panic::catch_unwind(|| select(&[&rests], None));
        assert!(panic.is_err());
    }
}
