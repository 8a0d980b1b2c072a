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

/// The time before anything was measured: some twenty times a usual round trip through a master (1
/// to 10 ms), for an end that is only just starting. Where it is too short, it doubles until a
/// frame has come through that was sent once, and so could be measured.
const RESEND_INITIAL: Duration = Duration::from_millis(200);

/// The shortest: above the pauses that a busy master makes between two framework messages.
const RESEND_MIN: Duration = Duration::from_millis(100);

/// The shortest for a lone frame: twice the time that its acknowledgement may be held back, so that
/// one which comes as late as it may is waited for. A pause of a master costs one needless call
/// then, and not a window of frames.
const RESEND_LONE_MIN: Duration = ACK_DELAY.saturating_mul(2);

/// The longest. While an agent is away each link makes one call in this time, so a thousand links
/// stay within 200 calls a second; and after its return a link is silent no longer than this.
const RESEND_MAX: Duration = Duration::from_secs(5);

/// The most doublings; with them the shortest time is beyond [`RESEND_MAX`].
const BACKOFF_MAX: u32 = 8;

/// When so many acknowledgements one after the other could not be measured, loss is not the reason
/// any more: with a fifth of all frames lost in each direction it happens once in sixty times.
const UNMEASURED_MAX: u32 = 4;

/// The most doublings that are kept then. They bear round trips of 320 ms for lone frames and of
/// 1.6 s for others, and do not let a link stay slow when an agent is back that was away for long.
const BACKOFF_KEPT_MAX: u32 = 4;

/// The estimate.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub(crate) struct RoundTrip {
    smoothed: Option<Duration>,
    deviation: Duration,
    backoff: u32,
    /// Acknowledgements since the last measurement that told nothing.
    unmeasured: u32,
}

impl RoundTrip {
    pub(crate) fn new() -> Self {
        Self {
            smoothed: None,
            deviation: Duration::ZERO,
            backoff: 0,
            unmeasured: 0,
        }
    }

    /// Takes in one measurement: something came back.
    pub(crate) fn sample(&mut self, round_trip: Duration) {
        self.backoff = 0;
        self.unmeasured = 0;
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

    /// Something came back, but nothing that could be measured, because it was sent more than once.
    ///
    /// That happens again and again if the round trip has become longer than the time: every frame
    /// is sent again before its acknowledgement comes. Then the time must not begin anew, or none
    /// would ever be measured (RFC 6298, section 5).
    pub(crate) fn note_unmeasured(&mut self) {
        self.unmeasured = (self.unmeasured + 1).min(UNMEASURED_MAX);
        self.backoff = match self.smoothed {
            Some(_) if self.unmeasured < UNMEASURED_MAX => 0,
            _ => self.backoff.min(BACKOFF_KEPT_MAX),
        };
    }

    /// How long to wait for an acknowledgement, backoff included.
    pub(crate) fn resend_after(&self) -> Duration {
        self.backed_off(self.expected())
    }

    /// The same if only one frame is in flight.
    pub(crate) fn resend_lone_after(&self) -> Duration {
        self.backed_off(self.expected_from(RESEND_LONE_MIN))
    }

    /// How long an acknowledgement takes at most, as far as one can tell, backoff left out.
    pub(crate) fn expected(&self) -> Duration {
        self.expected_from(RESEND_MIN)
    }

    fn expected_from(&self, min: Duration) -> Duration {
        self.smoothed
            .map_or(RESEND_INITIAL, |smoothed| {
                smoothed + self.deviation * 4 + ACK_DELAY
            })
            .clamp(min, RESEND_MAX)
    }

    fn backed_off(&self, expected: Duration) -> Duration {
        (expected * (1 << self.backoff)).min(RESEND_MAX)
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
        let mut lone_times = Vec::new();
        for _ in 0..9 {
            times.push(round_trip.resend_after().as_millis());
            lone_times.push(round_trip.resend_lone_after().as_millis());
            round_trip.back_off();
        }
        assert_eq!(times, [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
        let expected = [20, 40, 80, 160, 320, 640, 1280, 2560, 5000];
        assert_eq!(lone_times, expected);
        round_trip.note_unmeasured();
        assert_eq!(round_trip.resend_after(), RESEND_MIN);
        assert_eq!(round_trip.resend_lone_after(), RESEND_LONE_MIN);
    }

    #[test]
    fn the_time_stays_doubled_until_something_could_be_measured() {
        let mut round_trip = RoundTrip::new();
        round_trip.back_off();
        round_trip.note_unmeasured();
        assert_eq!(round_trip.resend_after(), 2 * RESEND_INITIAL);
        round_trip.sample(ms(300));
        assert_eq!(round_trip.resend_after(), ms(300 + 4 * 150 + 10));
    }

    #[test]
    fn a_round_trip_that_has_become_longer_than_the_time_is_found_out() {
        let mut round_trip = RoundTrip::new();
        round_trip.sample(ms(1));
        let mut needless = 0;
        for _ in 0..100 {
            // A lone frame, and what is sent again until its acknowledgement comes.
            let mut waited = round_trip.resend_lone_after();
            let mut resent = 0;
            while waited < ms(250) {
                resent += 1;
                round_trip.back_off();
                waited += round_trip.resend_lone_after();
            }
            match resent {
                0 => round_trip.sample(ms(250)),
                _ => round_trip.note_unmeasured(),
            }
            needless += resent;
        }
        assert!(needless < 20, "{needless} frames were sent in vain");
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
