//! How long round trips took, in constant memory however many there are.

use std::time::Duration;

/// Counts of times. A bucket is at most a 64th of its time wide, so what is answered is right to
/// 1.6 %.
#[derive(Debug, Clone, Default)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

/// Below twice as many nanoseconds each has a bucket of its own; above, each doubling has so many.
const BUCKETS_LOG2: u32 = 6;

impl Histogram {
    /// Counts `times` round trips that took so long.
    pub(crate) fn count(&mut self, time: Duration, times: u64) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let bucket = bucket(nanos);
        if self.counts.len() <= bucket {
            self.counts.resize(bucket + 1, 0);
        }
        self.counts[bucket] += times;
        self.total += times;
    }

    /// The time that so many of a hundred did not exceed; `None` when there were none at all.
    pub(crate) fn percentile(&self, percent: u64) -> Option<Duration> {
        let rank = (self.total * percent).div_ceil(100).max(1);
        let mut below = 0;
        let bucket = self.counts.iter().position(|count| {
            below += count;
            below >= rank
        })?;
        Some(Duration::from_nanos(lowest(bucket)))
    }
}

fn bucket(nanos: u64) -> usize {
    let shift = (u64::BITS - 1 - nanos.max(1).leading_zeros()).saturating_sub(BUCKETS_LOG2);
    (shift << BUCKETS_LOG2) as usize + (nanos >> shift) as usize
}

/// The shortest time of a bucket.
fn lowest(bucket: usize) -> u64 {
    let shift = (bucket >> BUCKETS_LOG2).saturating_sub(1);
    ((bucket - (shift << BUCKETS_LOG2)) as u64) << shift
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_a_64th_of_its_time_wide() {
        for nanos in (0..64).flat_map(|bits| [1 << bits, (1 << bits) + (1 << bits) / 3]) {
            let lowest = lowest(bucket(nanos));
            assert!(lowest <= nanos && nanos - lowest <= nanos / 64, "{nanos}");
        }
        assert_eq!(bucket(0), 0);
        assert!(bucket(u64::MAX) < 4096);
    }

    #[test]
    fn percentiles_are_those_of_the_sorted_times() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentile(50), None);
        for micros in 1..=100 {
            histogram.count(Duration::from_micros(micros), 1);
        }
        for (percent, micros) in [(1, 1.0), (50, 50.0), (99, 99.0), (100, 100.0)] {
            let found = histogram.percentile(percent).expect("there are times");
            let ratio = found.as_secs_f64() * 1e6 / micros;
            assert!((0.98..=1.0).contains(&ratio), "{percent} %: {found:?}");
        }
    }
}
