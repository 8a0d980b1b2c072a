//! Ranges: sets of whole numbers (ports) held as the fewest intervals.

use std::fmt;
use std::ops::RangeInclusive;

/// A set of `u64`, held as sorted intervals that neither overlap nor touch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Ranges(Vec<RangeInclusive<u64>>);

impl Ranges {
    /// No number.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Whether there is no number in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The intervals, in order.
    pub fn iter(&self) -> impl Iterator<Item = &RangeInclusive<u64>> {
        self.0.iter()
    }

    /// How many numbers there are.
    pub fn count(&self) -> u128 {
        self.0
            .iter()
            .map(|range| u128::from(range.end() - range.start()) + 1)
            .sum()
    }

    /// The numbers, in order.
    pub fn values(&self) -> impl Iterator<Item = u64> {
        self.0.iter().cloned().flatten()
    }

    /// So many of the numbers, the lowest; all when there are no more.
    #[must_use]
    pub fn lowest(&self, count: u64) -> Self {
        let mut left = count;
        let mut lowest = Vec::new();
        for range in &self.0 {
            let Some(more) = left.checked_sub(1) else {
                break;
            };
            let end = range.start().saturating_add(more).min(*range.end());
            lowest.push(*range.start()..=end);
            // One more than the difference, of which there are no more than `left`.
            left = more - (end - range.start());
        }
        Self(lowest)
    }

    /// Whether every number of `other` is here.
    pub fn contains(&self, other: &Self) -> bool {
        other.subtract(self).is_empty()
    }

    /// What is here or there.
    pub fn union(&self, other: &Self) -> Self {
        self.0.iter().chain(&other.0).cloned().collect()
    }

    /// What is here but not there.
    pub fn subtract(&self, other: &Self) -> Self {
        let mut rest = Vec::new();
        // Both sides are sorted: intervals of `other` that end before this one starts stay behind.
        let mut first = 0;
        for range in &self.0 {
            let (mut start, end) = (*range.start(), *range.end());
            while other.0.get(first).is_some_and(|cut| *cut.end() < start) {
                first += 1;
            }
            let mut consumed = false;
            for cut in other.0[first..]
                .iter()
                .take_while(|cut| *cut.start() <= end)
            {
                if *cut.start() > start {
                    rest.push(start..=cut.start() - 1);
                }
                if *cut.end() >= end {
                    consumed = true;
                    break;
                }
                start = cut.end() + 1;
            }
            if !consumed {
                rest.push(start..=end);
            }
        }
        Self(rest)
    }

    /// What is here and there.
    pub fn intersect(&self, other: &Self) -> Self {
        self.subtract(&self.subtract(other))
    }
}

impl FromIterator<RangeInclusive<u64>> for Ranges {
    /// Intervals in any order; they may overlap, and those which end before they start are empty.
    fn from_iter<I: IntoIterator<Item = RangeInclusive<u64>>>(ranges: I) -> Self {
        let mut ranges: Vec<_> = ranges
            .into_iter()
            .filter(|range| range.start() <= range.end())
            .collect();
        ranges.sort_unstable_by_key(|range| *range.start());
        let mut merged: Vec<RangeInclusive<u64>> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match merged.last_mut() {
                // Saturation is right: nothing starts beyond the largest number.
                Some(last) if *range.start() <= last.end().saturating_add(1) => {
                    *last = *last.start()..=*last.end().max(range.end());
                }
                _ => merged.push(range),
            }
        }
        Self(merged)
    }
}

impl fmt::Display for Ranges {
    /// As Mesos prints it: `[31000-31099, 32000-32000]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (index, range) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{}-{}", range.start(), range.end())?;
        }
        f.write_str("]")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn intervals_are_sorted_and_merged_when_they_touch() {
        let ranges: Ranges = [5..=9, 1..=2, 3..=4, 20..=30, 25..=40]
            .into_iter()
            .collect();
        assert_eq!(ranges.to_string(), "[1-9, 20-40]");
        assert_eq!(ranges.count(), 30);
    }

    #[test]
    fn the_largest_number_is_no_trap() {
        let all: Ranges = [0..=u64::MAX, u64::MAX..=u64::MAX].into_iter().collect();
        let last: Ranges = [u64::MAX..=u64::MAX].into_iter().collect();
        assert_eq!(all.count(), 1 << 64);
        assert_eq!(all.subtract(&last).to_string(), "[0-18446744073709551614]");
        assert_eq!(all.subtract(&last).union(&last), all);
        assert!(all.subtract(&all).is_empty());
    }

    #[test]
    fn an_interval_that_ends_before_it_starts_is_empty() {
        let (start, end) = (5, 4);
        assert!([start..=end].into_iter().collect::<Ranges>().is_empty());
    }

    fn ranges() -> impl Strategy<Value = Ranges> {
        prop::collection::vec((0_u64..60, 0_u64..10), 0..8).prop_map(|pairs| {
            pairs
                .into_iter()
                .map(|(start, length)| start..=start + length)
                .collect()
        })
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_plain_set(left in ranges(), right in ranges()) {
            let (a, b): (BTreeSet<_>, BTreeSet<_>) = (left.values().collect(), right.values().collect());
            let values = |ranges: Ranges| ranges.values().collect::<BTreeSet<_>>();
            prop_assert_eq!(values(left.union(&right)), &a | &b);
            prop_assert_eq!(values(left.subtract(&right)), &a - &b);
            prop_assert_eq!(values(left.intersect(&right)), &a & &b);
            prop_assert_eq!(left.contains(&right), a.is_superset(&b));
            prop_assert_eq!(left.count(), a.len() as u128);
        }

        #[test]
        fn equal_sets_are_equal_ranges(left in ranges(), right in ranges()) {
            prop_assert_eq!(left.union(&right), right.union(&left));
            prop_assert_eq!(left.subtract(&right).union(&left.intersect(&right)), left);
        }
    }
}
