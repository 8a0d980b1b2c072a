//! The measured round trip and the time after which a frame counts as lost.
//!
//! The estimate is the one of Jacobson and Karels (RFC 6298): a smoothed round trip and a smoothed
//! deviation. Only frames that were sent once are measured (Karn's rule); the caller sees to that.

use std::time::Duration;

/// The longest that an acknowledgement is held back to go with other frames.
///
/// A lone acknowledgement costs a call to a master or agent, so it waits for company; 10 ms is far
/// below the shortest resend time.
pub(crate) const ACK_DELAY: Duration = Duration::from_millis(10);

/// The time before anything was measured: some hundred times a usual round trip through a master
/// (1 to 10 ms), because the first frames often meet an executor that is only just starting.
const RESEND_INITIAL: Duration = Duration::from_millis(500);

/// The shortest: above the pauses that a busy master makes between two framework messages.
const RESEND_MIN: Duration = Duration::from_millis(100);

/// The longest. While an agent is away each link makes one call in this time, so a thousand links
/// stay within 200 calls a second; and after its return a link is silent no longer than this.
const RESEND_MAX: Duration = Duration::from_secs(5);

/// The most doublings; with them the shortest time is beyond [`RESEND_MAX`].
const BACKOFF_MAX: u32 = 6;

/// The estimate.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub(crate) struct RoundTrip {
    smoothed: Option<Duration>,
    deviation: Duration,
    backoff: u32,
}

impl RoundTrip {
    pub(crate) fn new() -> Self {
        Self {
            smoothed: None,
            deviation: Duration::ZERO,
            backoff: 0,
        }
    }

    /// Takes in one measurement.
    pub(crate) fn sample(&mut self, round_trip: Duration) {
        match self.smoothed {
            None => {
                self.smoothed = Some(round_trip);
                self.deviation = round_trip / 2;
            }
            Some(smoothed) => {
                let error = smoothed.abs_diff(round_trip);
                self.deviation = (self.deviation * 3 + error) / 4;
                self.smoothed = Some((smoothed * 7 + round_trip) / 8);
            }
        }
    }

    /// Something was resent because nothing came back: wait twice as long the next time.
    pub(crate) fn back_off(&mut self) {
        self.backoff = (self.backoff + 1).min(BACKOFF_MAX);
    }

    /// Something came back.
    pub(crate) fn reset_backoff(&mut self) {
        self.backoff = 0;
    }

    /// How long to wait for an acknowledgement, backoff included.
    pub(crate) fn resend_after(&self) -> Duration {
        (self.expected() * (1 << self.backoff)).min(RESEND_MAX)
    }

    /// How long an acknowledgement takes at most, as far as one can tell, backoff left out.
    pub(crate) fn expected(&self) -> Duration {
        self.smoothed
            .map_or(RESEND_INITIAL, |smoothed| {
                smoothed + self.deviation * 4 + ACK_DELAY
            })
            .clamp(RESEND_MIN, RESEND_MAX)
    }

    pub(crate) fn smoothed(&self) -> Option<Duration> {
        self.smoothed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_steady_round_trip_is_found_and_its_deviation_shrinks() {
        let mut round_trip = RoundTrip::new();
        assert_eq!(round_trip.resend_after(), RESEND_INITIAL);
        round_trip.sample(ms(200));
        assert_eq!(round_trip.resend_after(), ms(200 + 4 * 100 + 10));
        for _ in 0..50 {
            round_trip.sample(ms(200));
        }
        assert_eq!(round_trip.smoothed(), Some(ms(200)));
        assert!(round_trip.resend_after() < ms(211));
    }

    #[test]
    fn the_time_doubles_to_a_cap_and_falls_back_when_something_returns() {
        let mut round_trip = RoundTrip::new();
        round_trip.sample(ms(1));
        let mut times = Vec::new();
        for _ in 0..8 {
            times.push(round_trip.resend_after().as_millis());
            round_trip.back_off();
        }
        assert_eq!(times, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        round_trip.reset_backoff();
        assert_eq!(round_trip.resend_after(), RESEND_MIN);
    }

    #[test]
    fn an_absurd_measurement_stays_within_the_cap() {
        let mut round_trip = RoundTrip::new();
        round_trip.sample(Duration::from_secs(1 << 40));
        round_trip.sample(Duration::ZERO);
        for _ in 0..100 {
            round_trip.back_off();
        }
        assert_eq!(round_trip.resend_after(), RESEND_MAX);
    }
}
