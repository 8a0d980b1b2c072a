//! Messages per second, from counters that only grow.

use std::collections::VecDeque;
use std::time::Duration;

/// Between two samples: all links are looked at for one.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);

/// A rate is that of so much time: long enough to be read, short enough to follow.
const WINDOW: Duration = Duration::from_secs(3);

/// How many messages went over all channels of a job.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::report) struct Messages {
    /// To tasks: what their `in` carried.
    pub(in crate::report) sent: u64,
    /// From tasks.
    pub(in crate::report) received: u64,
}

/// How many messages go over all channels in a second.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(in crate::report) struct Rate {
    /// To tasks.
    pub(in crate::report) sent: f64,
    /// From tasks.
    pub(in crate::report) received: f64,
}

/// The samples that rates are made of. Times are those since any one moment.
#[derive(Debug, Default)]
pub(in crate::report) struct Rates {
    samples: VecDeque<(Duration, Messages)>,
}

impl Rates {
    /// Whether it is time for a sample.
    pub(in crate::report) fn is_due(&self, now: Duration) -> bool {
        let last = self.samples.back();
        last.is_none_or(|(at, _)| now.saturating_sub(*at) >= SAMPLE_EVERY)
    }

    /// Takes a sample.
    pub(in crate::report) fn sample(&mut self, now: Duration, messages: Messages) {
        self.samples.push_back((now, messages));
        // One of them is at the beginning of the window, or before.
        while let Some((second, _)) = self.samples.get(1)
            && now.saturating_sub(*second) >= WINDOW
        {
            self.samples.pop_front();
        }
    }

    /// The rate of late, once there is one.
    pub(in crate::report) fn rate(&self) -> Option<Rate> {
        let ((from, old), (to, new)) = (self.samples.front()?, self.samples.back()?);
        let seconds = to.checked_sub(*from)?.as_secs_f64();
        if seconds <= 0.0 {
            return None;
        }
        let per_second = |old: u64, new: u64| new.saturating_sub(old) as f64 / seconds;
        Some(Rate {
            sent: per_second(old.sent, new.sent),
            received: per_second(old.received, new.received),
        })
    }
}

/// `0/s`, `0.4/s`, `12/s`, `1.2k/s`, `35k/s`, `1.2M/s`.
pub(super) fn told(rate: f64) -> String {
    let (number, unit) = match rate {
        ..999.5 => (rate, ""),
        ..999_500.0 => (rate / 1e3, "k"),
        ..999_500_000.0 => (rate / 1e6, "M"),
        _ => (rate / 1e9, "G"),
    };
    // Counters are whole, and what is nearly nothing is not nothing.
    let decimals =
        usize::from(number > 0.0 && number < 9.95 && (!unit.is_empty() || number < 0.95));
    format!("{number:.decimals$}{unit}/s")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampled(samples: &[(u64, u64)]) -> Option<Rate> {
        let mut rates = Rates::default();
        for (seconds, sent) in samples {
            let now = Duration::from_secs(*seconds);
            assert!(rates.is_due(now));
            let messages = Messages {
                sent: *sent,
                received: 2 * sent,
            };
            rates.sample(now, messages);
            assert!(!rates.is_due(now + Duration::from_millis(999)));
        }
        rates.rate()
    }

    #[test]
    fn a_rate_is_that_of_the_last_seconds() {
        let rate = |sent| {
            let received = 2.0 * sent;
            Some(Rate { sent, received })
        };
        assert_eq!(sampled(&[]), None);
        assert_eq!(sampled(&[(1, 50)]), None);
        assert_eq!(sampled(&[(1, 50), (2, 150)]), rate(100.0));
        let slower = [(0, 0), (1, 1000), (2, 1010), (3, 1020), (4, 1030)];
        assert_eq!(sampled(&slower), rate(10.0));
        let still = [(1, 500), (2, 500), (3, 500), (4, 500), (5, 500)];
        assert_eq!(sampled(&still), rate(0.0));
        // After a pause, such as that of a suspended process, it is that of the pause.
        assert_eq!(sampled(&[(1, 0), (2, 10), (102, 1010)]), rate(10.0));
        // Counters do not fall; if one did, nothing would go wrong.
        assert_eq!(sampled(&[(1, 10), (2, 5)]), rate(0.0));
    }

    #[test]
    fn rates_are_told_in_few_figures() {
        let cases = [
            (0.0, "0/s"),
            (0.333, "0.3/s"),
            (1.0, "1/s"),
            (12.4, "12/s"),
            (999.4, "999/s"),
            (999.6, "1.0k/s"),
            (1240.0, "1.2k/s"),
            (35_400.0, "35k/s"),
            (1_240_000.0, "1.2M/s"),
            (5e9, "5.0G/s"),
        ];
        for (rate, expected) in cases {
            assert_eq!(told(rate), expected, "{rate}");
        }
    }
}
