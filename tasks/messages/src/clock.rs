//! Simulated time from real time.

use std::time::{Duration, Instant};

/// Tells the simulated time since its start, which runs `speed` times as fast as the real one.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
    speed: f64,
}

impl Clock {
    /// The slowest: a simulated second takes 100 real ones.
    pub const SPEED_MIN: f64 = 0.01;

    /// The fastest: beyond it, the way of a message takes longer than that of a car.
    pub const SPEED_MAX: f64 = 1000.0;

    /// A clock that starts now. A speed outside of the bounds is taken as the bound, so that no
    /// conversion can overflow.
    pub fn start(speed: f64) -> Self {
        let speed = if speed.is_nan() { 1.0 } else { speed };
        Self {
            started: Instant::now(),
            speed: speed.clamp(Self::SPEED_MIN, Self::SPEED_MAX),
        }
    }

    /// The simulated time since the start.
    pub fn now(&self) -> Duration {
        self.started.elapsed().mul_f64(self.speed)
    }

    /// How long it really takes until this simulated time.
    pub fn until(&self, due: Duration) -> Duration {
        due.saturating_sub(self.now()).div_f64(self.speed)
    }

    /// The real moment of this simulated time.
    pub fn moment(&self, due: Duration) -> Instant {
        self.started + due.div_f64(self.speed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simulated_time_runs_as_fast_as_asked() {
        let clock = Clock::start(100.0);
        let hour = Duration::from_secs(3600);
        assert!(clock.until(hour) <= Duration::from_secs(36));
        assert!(clock.until(hour) > Duration::from_secs(30));
        assert_eq!(clock.moment(hour), clock.started + Duration::from_secs(36));
        assert_eq!(clock.until(Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn a_senseless_speed_does_no_harm() {
        for speed in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let clock = Clock::start(speed);
            assert!(clock.until(Duration::from_secs(1)) <= Duration::from_secs(100));
        }
    }
}
