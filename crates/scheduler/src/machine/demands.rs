//! What is asked of the cluster until it is done, because a call may be lost without a word: while
//! the agent is away, or while the executor's stream is broken (PROTOCOL §5, §8.5, §9.5).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::repeat::Repeat;

/// How long to wait for the effect of a demand: an executor has 5 s to obey a SHUTDOWN (PROTOCOL
/// §9.3).
const AGAIN_MIN: Duration = Duration::from_secs(10);

/// The longest wait between two calls for the same thing.
const AGAIN_MAX: Duration = Duration::from_secs(60);

/// The most demands at a time. What is ours is less; it bounds what a master can make us remember
/// with tasks that we never launched.
const DEMANDS_MAX: usize = 100_000;

/// Things that are to end, with what must be known to ask for it, and when that is done next.
#[derive(Debug)]
pub(super) struct Demands<K, V> {
    waiting: BTreeMap<K, Demand<V>>,
}

#[derive(Debug)]
struct Demand<V> {
    repeat: Repeat,
    value: V,
}

impl<K: Ord + Clone, V: Clone> Demands<K, V> {
    pub(super) fn new() -> Self {
        Self {
            waiting: BTreeMap::new(),
        }
    }

    /// Something is to end; whether that is new.
    pub(super) fn add(&mut self, now: Instant, key: &K, value: V) -> bool {
        if self.contains(key) || self.waiting.len() >= DEMANDS_MAX {
            return false;
        }
        let demand = Demand {
            repeat: Repeat::new(now, AGAIN_MIN),
            value,
        };
        self.waiting.insert(key.clone(), demand);
        true
    }

    pub(super) fn contains(&self, key: &K) -> bool {
        self.waiting.contains_key(key)
    }

    /// It has ended.
    pub(super) fn remove(&mut self, key: &K) {
        self.waiting.remove(key);
    }

    /// Forgets those that have ended.
    pub(super) fn retain(&mut self, lives: impl Fn(&K) -> bool) {
        self.waiting.retain(|key, _| lives(key));
    }

    /// What was asked before may have been lost with the subscription.
    pub(super) fn repeat(&mut self, now: Instant) {
        for demand in self.waiting.values_mut() {
            demand.repeat.set_next(now);
        }
    }

    /// What is to be asked now.
    pub(super) fn poll(&mut self, now: Instant) -> Option<(K, V)> {
        let mut waiting = self.waiting.iter_mut();
        let (key, demand) = waiting.find(|(_, demand)| demand.repeat.next() <= now)?;
        demand.repeat.made(now, AGAIN_MAX);
        Some((key.clone(), demand.value.clone()))
    }

    /// When the next one is to be asked.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.waiting
            .values()
            .map(|demand| demand.repeat.next())
            .min()
    }
}
