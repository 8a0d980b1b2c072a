//! How long to wait before the next try: a random part of a ceiling that doubles.

use std::time::Duration;

/// Delays drawn evenly from nothing to a ceiling, so that many clients that lost the same server
/// do not come back at the same moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Backoff {
    /// The ceiling of the first delay.
    pub(crate) first: Duration,
    /// What the ceiling never exceeds.
    pub(crate) max: Duration,
}

impl Backoff {
    /// The delay before the try that follows `round` earlier delays.
    pub(crate) fn delay(&self, round: u32, random: &mut fastrand::Rng) -> Duration {
        self.ceiling(round).mul_f64(random.f64())
    }

    fn ceiling(&self, round: u32) -> Duration {
        let doubled = 1_u32
            .checked_shl(round)
            .and_then(|factor| self.first.checked_mul(factor));
        doubled.map_or(self.max, |ceiling| ceiling.min(self.max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ceiling_doubles_up_to_its_maximum() {
        let backoff = Backoff {
            first: Duration::from_millis(500),
            max: Duration::from_secs(15),
        };
        let ceilings: Vec<u128> = (0..7).map(|n| backoff.ceiling(n).as_millis()).collect();
        assert_eq!(ceilings, [500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
        assert_eq!(backoff.ceiling(u32::MAX), backoff.max);
    }

    #[test]
    fn delays_fill_the_range_and_never_leave_it() {
        let backoff = Backoff {
            first: Duration::from_millis(100),
            max: Duration::from_millis(100),
        };
        let mut random = fastrand::Rng::with_seed(7);
        let delays: Vec<Duration> = (0..1000).map(|_| backoff.delay(3, &mut random)).collect();
        assert!(delays.iter().all(|delay| *delay <= backoff.max));
        assert!(delays.iter().any(|delay| *delay < backoff.max / 10));
        assert!(delays.iter().any(|delay| *delay > backoff.max / 10 * 9));
    }
}
