//! The level of logging that an operator has asked for. What is logged does not change by it; it is
//! only remembered, so that queries tell it.

use std::time::{Duration, Instant};

/// A level that was asked for, while it lasts.
#[derive(Debug, Default)]
pub(crate) struct Logging(Option<(u32, Instant)>);

impl Logging {
    /// From now on, and for so many nanoseconds, this is the level.
    pub(crate) fn set(&mut self, now: Instant, level: u32, nanoseconds: i64) {
        let nanoseconds = u64::try_from(nanoseconds).unwrap_or_default();
        let until = now.checked_add(Duration::from_nanos(nanoseconds));
        self.0 = until.map(|until| (level, until));
    }

    /// The level at this moment, 0 when nobody has asked for another.
    pub(crate) fn level(&self, now: Instant) -> u32 {
        self.0
            .filter(|(_, until)| *until > now)
            .map_or(0, |(level, _)| level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_lasts_as_long_as_it_was_asked_for() {
        let now = Instant::now();
        let later = |nanoseconds| now + Duration::from_nanos(nanoseconds);
        let mut logging = Logging::default();
        assert_eq!(logging.level(now), 0);
        logging.set(now, 2, 10);
        assert_eq!(logging.level(later(9)), 2);
        assert_eq!(logging.level(later(10)), 0);
        logging.set(now, 3, -1);
        assert_eq!(logging.level(now), 0);
    }
}
