//! What executors do for their modules, summed up for people.
//!
//! Each executor tells how far it is, and a newer word replaces the older. However many they are,
//! what is said of them all is said twice a second at most.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use link::spec::ModulesProgress;
use mesos::ExecutorId;
use scheduler::{Delivering, Progress};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// Between two reports: what people can follow.
const PAUSE: Duration = Duration::from_millis(500);

/// What each executor has told last. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Deliveries {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    busy: Mutex<HashMap<ExecutorId, ModulesProgress>>,
    changed: Notify,
}

/// Reports from all of them.
#[derive(Debug)]
pub(super) struct DeliveryReports {
    deliveries: Deliveries,
    is_due: bool,
    not_before: Instant,
}

impl Deliveries {
    /// What an executor tells.
    pub(super) fn note(&self, executor: &ExecutorId, progress: ModulesProgress) {
        let changed = if progress.fetching == 0 && progress.compiling == 0 {
            self.busy().remove(executor).is_some()
        } else {
            self.busy().insert(executor.clone(), progress) != Some(progress)
        };
        if changed {
            self.inner.changed.notify_one();
        }
    }

    /// An executor is gone.
    pub(super) fn forget(&self, executor: &ExecutorId) {
        self.note(executor, ModulesProgress::default());
    }

    fn busy(&self) -> MutexGuard<'_, HashMap<ExecutorId, ModulesProgress>> {
        self.inner
            .busy
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn sum(&self) -> Delivering {
        let busy = self.busy();
        let mut sum = Delivering {
            executors: busy.len(),
            ..Delivering::default()
        };
        for progress in busy.values() {
            // What a peer says may be anything.
            let add = |sum: &mut u64, more: u64| *sum = sum.saturating_add(more);
            add(&mut sum.fetching, progress.fetching.into());
            add(&mut sum.compiling, progress.compiling.into());
            add(&mut sum.bytes, progress.bytes);
            add(&mut sum.bytes_total, progress.bytes_total);
        }
        sum
    }
}

impl DeliveryReports {
    pub(super) fn new(deliveries: Deliveries) -> Self {
        Self {
            deliveries,
            is_due: false,
            not_before: Instant::now(),
        }
    }

    /// Waits for something to report. Cancellation safe.
    pub(super) async fn next(&mut self) -> Progress {
        if !self.is_due {
            self.deliveries.inner.changed.notified().await;
            self.is_due = true;
        }
        sleep_until(self.not_before).await;
        self.is_due = false;
        self.not_before = Instant::now() + PAUSE;
        Progress::Delivering(self.deliveries.sum())
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    fn fetching(bytes: u64) -> ModulesProgress {
        ModulesProgress {
            fetching: 1,
            bytes,
            bytes_total: 100,
            ..ModulesProgress::default()
        }
    }

    fn report(executors: usize, fetching: u64, bytes: u64) -> Progress {
        Progress::Delivering(Delivering {
            executors,
            fetching,
            compiling: 0,
            bytes,
            bytes_total: 100 * fetching,
        })
    }

    #[tokio::test(start_paused = true)]
    async fn many_words_of_many_executors_make_few_reports() {
        let deliveries = Deliveries::default();
        let mut reports = DeliveryReports::new(deliveries.clone());
        let (a, b) = (ExecutorId::from("a"), ExecutorId::from("b"));
        deliveries.note(&a, fetching(1));
        assert_eq!(reports.next().await, report(1, 1, 1));
        let began = Instant::now();
        for bytes in 2..50 {
            deliveries.note(&a, fetching(bytes));
            deliveries.note(&b, fetching(bytes));
        }
        // Whoever stops waiting misses nothing.
        assert!(timeout(PAUSE / 2, reports.next()).await.is_err());
        assert_eq!(reports.next().await, report(2, 2, 98));
        assert_eq!(began.elapsed(), PAUSE);
        deliveries.forget(&a);
        deliveries.forget(&b);
        assert_eq!(reports.next().await, report(0, 0, 0));
        deliveries.forget(&b);
        assert!(timeout(PAUSE * 9, reports.next()).await.is_err());
    }

    #[tokio::test]
    async fn an_executor_that_exaggerates_does_no_harm() {
        let deliveries = Deliveries::default();
        let most = ModulesProgress {
            fetching: u32::MAX,
            compiling: u32::MAX,
            bytes: u64::MAX,
            bytes_total: u64::MAX,
        };
        for name in ["a", "b"] {
            deliveries.note(&ExecutorId::from(name), most);
        }
        let Progress::Delivering(sum) = DeliveryReports::new(deliveries).next().await else {
            panic!("nothing else is reported");
        };
        assert_eq!((sum.bytes, sum.bytes_total), (u64::MAX, u64::MAX));
    }
}
