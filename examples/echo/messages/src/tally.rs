//! The count of numbered messages.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::message::read;

/// What has come, against what should: the numbers 0, 1, 2, … each once, in this order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Messages that came and were whole, doubled ones too.
    pub received: u64,
    /// Those that had come before.
    pub duplicated: u64,
    /// Those that came after one with a higher number.
    pub reordered: u64,
    /// Messages that nobody sent like this.
    pub damaged: u64,
    /// The number after the highest one that came.
    next: u64,
    /// Numbers below `next` that did not come: from the first of each run to its end.
    missing: BTreeMap<u64, u64>,
}

/// A message is no tally.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("a tally has {expected} bytes, got {0}", expected = Tally::BYTES)]
pub struct TallyError(usize);

impl Tally {
    const BYTES: usize = 4 * 8;

    /// Counts a message with a number below `end`, and tells its number when it is whole.
    pub fn count(&mut self, message: &[u8], end: u64) -> Option<u64> {
        let number = read(message).filter(|number| *number < end);
        match number {
            Some(number) => self.count_number(number),
            None => self.damaged += 1,
        }
        number
    }

    /// How many of `sent` messages have not come.
    pub fn lost(&self, sent: u64) -> u64 {
        sent.saturating_sub(self.distinct())
    }

    /// How many different ones have come.
    pub fn distinct(&self) -> u64 {
        self.received - self.duplicated
    }

    /// Adds the count of another task.
    pub fn add(&mut self, other: &Self) {
        self.received += other.received;
        self.duplicated += other.duplicated;
        self.reordered += other.reordered;
        self.damaged += other.damaged;
    }

    /// The four counts as a message.
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.received, self.duplicated, self.reordered, self.damaged]
            .into_iter()
            .flat_map(u64::to_le_bytes)
            .collect()
    }

    /// `number` is below the end, so that one more is a number.
    fn count_number(&mut self, number: u64) {
        self.received += 1;
        if number >= self.next {
            if number > self.next {
                self.missing.insert(self.next, number);
            }
            self.next = number + 1;
            return;
        }
        let run = self.missing.range(..=number).next_back();
        match run.map(|(&first, &end)| (first, end)) {
            Some((first, end)) if number < end => {
                self.reordered += 1;
                self.missing.remove(&first);
                if first < number {
                    self.missing.insert(first, number);
                }
                if number + 1 < end {
                    self.missing.insert(number + 1, end);
                }
            }
            _ => self.duplicated += 1,
        }
    }
}

/// The four counts; which numbers they were of stays with the sender.
impl TryFrom<&[u8]> for Tally {
    type Error = TallyError;

    fn try_from(message: &[u8]) -> Result<Self, TallyError> {
        let (words, rest) = message.as_chunks();
        match (words, rest) {
            ([received, duplicated, reordered, damaged], []) => Ok(Self {
                received: u64::from_le_bytes(*received),
                duplicated: u64::from_le_bytes(*duplicated),
                reordered: u64::from_le_bytes(*reordered),
                damaged: u64::from_le_bytes(*damaged),
                ..Self::default()
            }),
            _ => Err(TallyError(message.len())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::write;

    /// Received, lost of 10, duplicated, reordered.
    #[track_caller]
    fn check(numbers: &[u64], expected: [u64; 4]) {
        let mut tally = Tally::default();
        for number in numbers {
            assert_eq!(tally.count(&write(*number, 20), u64::MAX), Some(*number));
        }
        let counts = [
            tally.received,
            tally.lost(10),
            tally.duplicated,
            tally.reordered,
        ];
        assert_eq!(counts, expected, "{numbers:?}");
    }

    #[test]
    fn what_is_lost_doubled_or_late_is_told_apart() {
        check(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [10, 0, 0, 0]);
        check(&[], [0, 10, 0, 0]);
        check(&[0, 1, 2], [3, 7, 0, 0]);
        check(&[9], [1, 9, 0, 0]);
        check(&[0, 1, 1, 2, 0], [5, 7, 2, 0]);
        check(&[1, 0, 2, 3, 4, 5, 6, 7, 8, 9], [10, 0, 0, 1]);
        check(&[0, 5, 3, 1, 4, 2, 6, 7, 8, 9], [10, 0, 0, 4]);
        check(&[0, 5, 3, 3, 4, 2, 2], [7, 5, 2, 3]);
    }

    #[test]
    fn damaged_messages_are_counted_apart() {
        let mut tally = Tally::default();
        assert_eq!(tally.count(b"hello", 10), None);
        assert_eq!(tally.count(&write(10, 20), 10), None, "nobody has sent it");
        assert_eq!((tally.received, tally.damaged), (0, 2));
    }

    #[test]
    fn very_high_numbers_are_numbers_too() {
        check(&[u64::MAX - 1, u64::MAX - 2], [2, 8, 0, 1]);
    }

    #[test]
    fn counts_travel_as_a_message() {
        let mut tally = Tally::default();
        for number in [0, 3, 1, 1] {
            tally.count(&write(number, 20), 10);
        }
        let read = Tally::try_from(&tally.to_bytes()[..]).expect("it is a tally");
        assert_eq!(
            (read.received, read.duplicated, read.reordered, read.damaged),
            (4, 1, 1, 0)
        );
        assert_eq!(Tally::try_from(&b"hello"[..]), Err(TallyError(5)));
    }
}
