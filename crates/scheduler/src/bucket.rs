//! Rate limits that allow for bursts.

use std::time::{Duration, Instant};

/// So many at once, and one more in every interval: a token bucket in the caller's time.
#[derive(Debug)]
pub(crate) struct TokenBucket {
    size: u32,
    every: Duration,
    tokens: u32,
    /// Since when the next token is being saved; none while the bucket is full.
    since: Option<Instant>,
}

impl TokenBucket {
    /// A bucket of `size` tokens, all there, that gets one back in `every`.
    ///
    /// # Panics
    /// When `every` is nothing: that would be no limit.
    pub(crate) fn full(size: u32, every: Duration) -> Self {
        assert!(!every.is_zero(), "tokens come back one after the other");
        Self {
            size,
            every,
            tokens: size,
            since: None,
        }
    }

    /// Takes a token; whether there was one.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        self.fill(now);
        if self.tokens == 0 {
            return false;
        }
        self.tokens -= 1;
        self.since.get_or_insert(now);
        true
    }

    /// When there will be a token; none: there is one.
    pub(crate) fn next_at(&self) -> Option<Instant> {
        let since = self.since.filter(|_| self.tokens == 0)?;
        Some(since + self.every)
    }

    fn fill(&mut self, now: Instant) {
        while let Some(since) = self.since.filter(|since| *since + self.every <= now) {
            self.tokens += 1;
            self.since = (self.tokens < self.size).then_some(since + self.every);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_secs(5);

    #[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
    fn beginning() -> Instant {
        Instant::now()
    }

    /// How many tokens can be taken at once.
    fn burst(bucket: &mut TokenBucket, now: Instant) -> u32 {
        let mut taken = 0;
        while bucket.take(now) {
            taken += 1;
        }
        taken
    }

    #[test]
    fn a_full_bucket_allows_for_a_burst_and_no_more_however_long_it_was_full() {
        let start = beginning();
        let mut bucket = TokenBucket::full(3, EVERY);
        assert_eq!(bucket.next_at(), None);
        assert_eq!(burst(&mut bucket, start + 1000 * EVERY), 3);
        assert_eq!(bucket.next_at(), Some(start + 1001 * EVERY));
    }

    #[test]
    fn tokens_come_back_one_by_one_counted_from_when_the_first_was_taken() {
        let start = beginning();
        let mut bucket = TokenBucket::full(3, EVERY);
        assert!(bucket.take(start));
        assert!(bucket.take(start + EVERY / 2));
        // The first is back; the third was never taken.
        assert_eq!(burst(&mut bucket, start + EVERY), 2);
        assert_eq!(bucket.next_at(), Some(start + 2 * EVERY));
        assert!(!bucket.take(start + 2 * EVERY - Duration::from_nanos(1)));
        assert!(bucket.take(start + 2 * EVERY));
        assert_eq!(burst(&mut bucket, start + 4 * EVERY), 2);
        assert_eq!(burst(&mut bucket, start + 100 * EVERY), 3);
    }

    #[test]
    fn over_any_time_no_more_is_taken_than_the_rate_and_one_burst() {
        let mut rng = fastrand::Rng::with_seed(1);
        for _ in 0..100 {
            let start = beginning();
            let mut now = start;
            let mut bucket = TokenBucket::full(3, EVERY);
            let mut taken = Vec::new();
            for _ in 0..200 {
                now += EVERY.mul_f64(rng.f64() * 2.0);
                if bucket.take(now) {
                    taken.push(now);
                }
                if let Some(at) = bucket.next_at() {
                    assert!(at > now && at <= now + EVERY);
                }
            }
            for (first, from) in taken.iter().enumerate() {
                for (last, to) in taken.iter().enumerate().skip(first) {
                    let count = last - first + 1;
                    let max = 3.0 + (*to - *from).div_duration_f64(EVERY);
                    assert!(count as f64 <= max, "{count} of {max}");
                }
            }
        }
    }
}
