//! How much of what a task prints may go where all tasks print to.
//!
//! ```text
//!           more than its share
//!   Shown ───────────────────────► Hidden (counts what is left out)
//!     ▲                               │
//!     └───────────────────────────────┘
//!       a quarter of the burst is free again
//! ```

use std::time::Instant;

/// A task's share of the sandbox's `stdout` and `stderr`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Share {
    /// What it may print at once.
    pub(super) burst_bytes: u64,
    /// What it may print for longer.
    pub(super) bytes_per_second: u64,
}

/// What was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct LeftOut {
    pub(super) lines: u64,
    pub(super) bytes: u64,
}

/// What becomes of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is shown.
    Shown,
    /// It is shown again, after so much was not.
    ShownAgain(LeftOut),
    /// It is the first that is not shown.
    HiddenFirst,
    /// It is not shown.
    Hidden,
}

/// The share of one task, as far as it is used.
#[derive(Debug, Clone)]
pub(super) struct Rate {
    share: Share,
    free_bytes: u64,
    /// Up to when `free_bytes` is reckoned.
    at: Instant,
    hidden: Option<LeftOut>,
}

impl Rate {
    pub(super) fn new(share: Share, now: Instant) -> Self {
        Self {
            share,
            free_bytes: share.burst_bytes,
            at: now,
            hidden: None,
        }
    }

    /// Judges a line of so many bytes.
    pub(super) fn judge(&mut self, now: Instant, bytes: u64) -> Verdict {
        self.reckon(now);
        let wanted = match self.hidden {
            None => bytes,
            // Not line by line: whoever reads gets pieces that make sense.
            Some(_) => bytes.max(self.share.burst_bytes / 4),
        };
        if wanted <= self.free_bytes {
            self.free_bytes -= bytes;
            return match self.hidden.take() {
                None => Verdict::Shown,
                Some(left_out) => Verdict::ShownAgain(left_out),
            };
        }
        let is_first = self.hidden.is_none();
        let hidden = self.hidden.get_or_insert_default();
        hidden.lines += 1;
        hidden.bytes += bytes;
        match is_first {
            true => Verdict::HiddenFirst,
            false => Verdict::Hidden,
        }
    }

    /// What was not shown last, when nothing comes any more.
    pub(super) fn finish(self) -> Option<LeftOut> {
        self.hidden
    }

    fn reckon(&mut self, now: Instant) {
        let millis = now.saturating_duration_since(self.at).as_millis();
        let millis = u64::try_from(millis).unwrap_or(u64::MAX);
        let more = self.share.bytes_per_second.saturating_mul(millis) / 1000;
        // What is less than a byte stays for later.
        if more > 0 {
            let free = self.free_bytes.saturating_add(more);
            self.free_bytes = free.min(self.share.burst_bytes);
            self.at = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SHARE: Share = Share {
        burst_bytes: 1000,
        bytes_per_second: 100,
    };

    #[test]
    fn a_task_that_prints_little_is_always_shown() {
        let mut now = Instant::now();
        let mut rate = Rate::new(SHARE, now);
        for _ in 0..1000 {
            assert_eq!(rate.judge(now, 50), Verdict::Shown);
            now += Duration::from_millis(500);
        }
        assert_eq!(rate.finish(), None);
    }

    #[test]
    fn what_is_beyond_the_share_is_hidden_and_counted_until_there_is_room() {
        let mut now = Instant::now();
        let mut rate = Rate::new(SHARE, now);
        for _ in 0..10 {
            assert_eq!(rate.judge(now, 100), Verdict::Shown);
        }
        assert_eq!(rate.judge(now, 100), Verdict::HiddenFirst);
        now += Duration::from_secs(2);
        assert_eq!(rate.judge(now, 100), Verdict::Hidden);
        now += Duration::from_millis(600);
        let left_out = LeftOut {
            lines: 2,
            bytes: 200,
        };
        assert_eq!(rate.judge(now, 100), Verdict::ShownAgain(left_out));
        assert_eq!(rate.judge(now, 100), Verdict::Shown);
        assert_eq!(rate.judge(now, 100), Verdict::HiddenFirst);
        let left_out = LeftOut {
            lines: 1,
            bytes: 100,
        };
        assert_eq!(rate.finish(), Some(left_out));
    }

    #[test]
    fn small_steps_of_time_count_as_well() {
        let mut now = Instant::now();
        let mut rate = Rate::new(SHARE, now);
        assert_eq!(rate.judge(now, 1000), Verdict::Shown);
        let mut shown = 0;
        for _ in 0..10_000 {
            now += Duration::from_millis(1);
            let verdict = rate.judge(now, 1);
            shown += u64::from(matches!(verdict, Verdict::Shown | Verdict::ShownAgain(_)));
        }
        // Ten seconds' worth, of which what is not enough to be shown again may be left.
        assert!((750..=1000).contains(&shown), "{shown}");
    }
}
