//! How often a task is restarted, and after what wait.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::job::Restart;

/// The restarts of one task. It remembers those in the window, of which the rules allow so many.
#[derive(Debug, Default)]
pub struct Restarts {
    at: VecDeque<Instant>,
}

/// A restart that is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Again {
    /// Which one it is in the window, from 1.
    pub number: u32,
    /// How long to wait before it.
    pub wait: Duration,
}

impl Restarts {
    /// The restart after a failure now; `None` if there were as many in the window as may be.
    ///
    /// The wait doubles with every restart in the window, up to the longest. By chance it is
    /// between a half and the whole of that, so that tasks that failed together come back apart.
    pub fn again(
        &mut self,
        now: Instant,
        rules: &Restart,
        rng: &mut fastrand::Rng,
    ) -> Option<Again> {
        while self
            .at
            .front()
            .is_some_and(|at| now.duration_since(*at) >= rules.window)
        {
            self.at.pop_front();
        }
        let before = u32::try_from(self.at.len()).unwrap_or(u32::MAX);
        if before >= rules.max {
            return None;
        }
        self.at.push_back(now);
        let doubled = 2_u32.saturating_pow(before);
        let whole = rules.backoff.saturating_mul(doubled).min(rules.backoff_max);
        Some(Again {
            number: before + 1,
            wait: whole.mul_f64(0.5 + rng.f64() / 2.0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
    fn beginning() -> Instant {
        Instant::now()
    }

    const RULES: Restart = Restart {
        backoff: Duration::from_secs(1),
        backoff_max: Duration::from_secs(5),
        max: 5,
        window: Duration::from_secs(600),
    };

    #[test]
    fn waits_double_up_to_the_longest_and_are_at_least_half_of_that() {
        for seed in 0..100 {
            let mut rng = fastrand::Rng::with_seed(seed);
            let mut restarts = Restarts::default();
            for (number, whole) in [1.0, 2.0, 4.0, 5.0, 5.0].into_iter().enumerate() {
                let again = restarts.again(beginning(), &RULES, &mut rng).unwrap();
                assert_eq!(again.number as usize, number + 1);
                let share = again.wait.as_secs_f64() / whole;
                assert!((0.5..=1.0).contains(&share), "{share} of {whole} s");
            }
            assert_eq!(restarts.again(beginning(), &RULES, &mut rng), None);
        }
    }

    #[test]
    fn a_restart_counts_until_the_window_has_passed() {
        let mut rng = fastrand::Rng::with_seed(1);
        let start = beginning();
        let rules = Restart { max: 2, ..RULES };
        let mut restarts = Restarts::default();
        let mut number_at = |seconds: u64| {
            let now = start + Duration::from_secs(seconds);
            restarts
                .again(now, &rules, &mut rng)
                .map(|again| again.number)
        };
        assert_eq!(number_at(0), Some(1));
        assert_eq!(number_at(599), Some(2));
        assert_eq!(number_at(599), None);
        assert_eq!(number_at(600), Some(2), "the first one is forgotten");
        assert_eq!(number_at(1198), None);
        assert_eq!(number_at(5000), Some(1));
    }
}
