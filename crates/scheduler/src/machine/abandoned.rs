//! Executors that broke the rules of their link: they are asked to end until they have.
//!
//! A SHUTDOWN is lost without a word while the agent is away, or while the executor's stream is
//! broken (PROTOCOL §5, §9.5). Until such an executor has ended, its tasks cannot be spoken to.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use mesos::ExecutorId;

/// How long to wait for the effect of a SHUTDOWN: an executor has 5 s to obey (PROTOCOL §9.3).
const AGAIN_MIN: Duration = Duration::from_secs(10);

/// The longest wait between two SHUTDOWNs of an executor.
const AGAIN_MAX: Duration = Duration::from_secs(60);

/// Executors that are to end, and when each is asked next. At most one entry for each that was
/// launched.
#[derive(Debug, Default)]
pub(super) struct Abandoned {
    executors: BTreeMap<ExecutorId, Demand>,
}

#[derive(Debug)]
struct Demand {
    next: Instant,
    wait: Duration,
}

impl Abandoned {
    /// An executor is to end; whether that is new.
    pub(super) fn add(&mut self, now: Instant, executor: &ExecutorId) -> bool {
        if self.contains(executor) {
            return false;
        }
        let demand = Demand {
            next: now,
            wait: AGAIN_MIN,
        };
        self.executors.insert(executor.clone(), demand);
        true
    }

    pub(super) fn contains(&self, executor: &ExecutorId) -> bool {
        self.executors.contains_key(executor)
    }

    /// What was asked before may have been lost with the subscription.
    pub(super) fn repeat(&mut self, now: Instant) {
        for demand in self.executors.values_mut() {
            demand.next = now;
        }
    }

    /// Forgets those that have ended.
    pub(super) fn retain(&mut self, lives: impl Fn(&ExecutorId) -> bool) {
        self.executors.retain(|executor, _| lives(executor));
    }

    /// An executor that is to be asked now.
    pub(super) fn poll(&mut self, now: Instant) -> Option<ExecutorId> {
        let mut executors = self.executors.iter_mut();
        let (executor, demand) = executors.find(|(_, demand)| demand.next <= now)?;
        demand.next = now + demand.wait;
        demand.wait = (demand.wait * 2).min(AGAIN_MAX);
        Some(executor.clone())
    }

    /// When the next one is to be asked.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.executors.values().map(|demand| demand.next).min()
    }
}
