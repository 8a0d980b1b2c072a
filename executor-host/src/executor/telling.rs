//! When the scheduler is told what running tasks take, and of which.
//!
//! ```text
//!   want ──► round: who has changed? ──► piece ──gap──► piece … ──interval since it began──► round
//! ```
//!
//! Only who has had a turn since it was told has changed, so a task that waits costs one look in
//! each round, and nothing while nobody wants to know. Pieces are small and some time apart: ten
//! thousand busy tasks hold up neither this process nor the link.

use std::time::{Duration, Instant};

use link::spec;
use mesos::TaskId;

/// When to tell, and what is left of a round.
#[derive(Debug, Default)]
pub(super) struct Telling {
    interval: Option<Duration>,
    /// When to go on.
    due: Option<Instant>,
    round_began: Option<Instant>,
    /// Tasks of this round that are not told yet.
    left: Vec<TaskId>,
}

/// The shortest time between two rounds: sooner than people can read, and a look at ten thousand
/// tasks takes a hundredth of it.
const INTERVAL_MIN: Duration = Duration::from_millis(100);

/// The longest: far from the end of the clock.
const INTERVAL_MAX: Duration = Duration::from_secs(24 * 3600);

/// Between two pieces of a round. With it ten thousand tasks are told within a second, by 1.5 MB/s
/// at most.
const GAP: Duration = Duration::from_millis(20);

impl Telling {
    /// The scheduler wants to be told, in another way than before. Answers whether it is told at
    /// all: then the first round is to be of all tasks.
    pub(super) fn want(&mut self, now: Instant, want: spec::WantUsage) -> bool {
        let interval = Duration::from_millis(want.interval_ms);
        *self = match interval.is_zero() {
            true => Self::default(),
            false => Self {
                interval: Some(interval.clamp(INTERVAL_MIN, INTERVAL_MAX)),
                due: Some(now),
                ..Self::default()
            },
        };
        self.interval.is_some()
    }

    /// When to ask for a piece.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    /// Whom to tell of now, if anyone. `changed` is asked once in each round for all that are to
    /// be told. What was told is to be said, by [`told`](Self::told).
    pub(super) fn poll_piece(
        &mut self,
        now: Instant,
        changed: impl FnOnce() -> Vec<TaskId>,
    ) -> &[TaskId] {
        let (Some(interval), Some(due)) = (self.interval, self.due) else {
            return &[];
        };
        if now < due {
            return &[];
        }
        if self.left.is_empty() {
            self.round_began = Some(now);
            self.left = changed();
        }
        self.due = match self.left.is_empty() {
            true => Some(now + interval),
            false => Some(now + GAP),
        };
        self.last_piece()
    }

    /// The piece that was answered last has been told. One that has not is answered again.
    pub(super) fn told(&mut self) {
        let rest = self.left.len() - self.last_piece().len();
        self.left.truncate(rest);
        if self.left.is_empty() {
            // A round that many tasks have made long is followed by the next one at once.
            let next = self.round_began.zip(self.interval);
            let next = next.map(|(began, interval)| began + interval);
            self.due = next.max(self.due);
            self.left = Vec::new();
        }
    }

    fn last_piece(&self) -> &[TaskId] {
        let begin = self.left.len().saturating_sub(spec::USAGES_MAX);
        &self.left[begin..]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const INTERVAL: Duration = Duration::from_secs(1);

    fn want(interval: Duration) -> spec::WantUsage {
        spec::WantUsage {
            interval_ms: interval.as_millis() as u64,
        }
    }

    fn tasks(count: usize) -> Vec<TaskId> {
        (0..count).map(|it| TaskId::new(it.to_string())).collect()
    }

    #[test]
    fn nobody_is_looked_at_unless_the_scheduler_wants_it() {
        let now = Instant::now();
        let mut telling = Telling::default();
        let unasked = || panic!("nobody wants to know");
        assert_eq!(telling.poll_timeout(), None);
        assert_eq!(telling.poll_piece(now, unasked), []);
        assert!(telling.want(now, want(INTERVAL)));
        assert_eq!(telling.poll_timeout(), Some(now));
        assert!(!telling.want(now, want(Duration::ZERO)));
        assert_eq!(telling.poll_timeout(), None);
        assert_eq!(telling.poll_piece(now, unasked), []);
    }

    #[test]
    fn a_round_is_told_in_pieces_some_time_apart_and_the_next_begins_an_interval_later() {
        let began = Instant::now();
        let mut telling = Telling::default();
        telling.want(began, want(INTERVAL));
        let count = 2 * spec::USAGES_MAX + 1;
        let mut told = HashSet::new();
        for piece in 0..3 {
            let now = telling.poll_timeout().unwrap();
            assert_eq!(now, began + GAP * piece);
            told.extend(telling.poll_piece(now, || tasks(count)).to_vec());
            telling.told();
        }
        assert_eq!(told.len(), count);
        let next = began + INTERVAL;
        assert_eq!(telling.poll_timeout(), Some(next));
        assert_eq!(telling.poll_piece(next - GAP, || tasks(1)), []);
        assert_eq!(telling.poll_piece(next, || tasks(1)), tasks(1));
        telling.told();
        // Nothing has changed.
        assert_eq!(telling.poll_piece(next + INTERVAL, Vec::new), []);
        assert_eq!(telling.poll_timeout(), Some(next + 2 * INTERVAL));
    }

    #[test]
    fn a_piece_that_could_not_be_told_comes_again_and_a_long_round_does_not_overlap_the_next() {
        let began = Instant::now();
        let mut telling = Telling::default();
        telling.want(began, want(Duration::from_millis(1)));
        let first = telling.poll_piece(began, || tasks(5)).to_vec();
        let later = began + 2 * INTERVAL_MIN;
        let again = telling.poll_piece(later, || panic!("the round is not over"));
        assert_eq!(again, first);
        telling.told();
        assert_eq!(telling.poll_timeout(), Some(later + GAP));
    }
}
