//! When something is due, for many things of one kind.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// One deadline at most for each key; the earliest is at hand.
#[derive(Debug)]
pub(super) struct Deadlines<K> {
    by_key: BTreeMap<K, Instant>,
    in_order: BTreeSet<(Instant, K)>,
}

impl<K> Default for Deadlines<K> {
    fn default() -> Self {
        Self {
            by_key: BTreeMap::new(),
            in_order: BTreeSet::new(),
        }
    }
}

impl<K: Ord + Clone> Deadlines<K> {
    /// From now on `key` is due then, or never.
    pub(super) fn set(&mut self, key: &K, due: Option<Instant>) {
        let before = match due {
            Some(due) => self.by_key.insert(key.clone(), due),
            None => self.by_key.remove(key),
        };
        if let Some(before) = before {
            self.in_order.remove(&(before, key.clone()));
        }
        if let Some(due) = due {
            self.in_order.insert((due, key.clone()));
        }
    }

    /// The earliest.
    pub(super) fn first(&self) -> Option<Instant> {
        self.in_order.first().map(|(due, _)| *due)
    }

    /// What is due by now, sorted by key. It stays due until it is set anew.
    pub(super) fn due(&self, now: Instant) -> Vec<K> {
        let due = self.in_order.iter().take_while(|(due, _)| *due <= now);
        let mut keys: Vec<K> = due.map(|(_, key)| key.clone()).collect();
        keys.sort_unstable();
        keys
    }

    /// Fails when what is due is not this.
    #[cfg(test)]
    pub(super) fn check(&self, expected: impl Iterator<Item = (K, Instant)>)
    where
        K: std::fmt::Debug,
    {
        let expected: BTreeMap<K, Instant> = expected.collect();
        assert_eq!(self.by_key, expected);
        let in_order: BTreeSet<_> = expected.into_iter().map(|(key, due)| (due, key)).collect();
        assert_eq!(self.in_order, in_order);
    }
}
