//! What one guest takes: how much of a processor and when last, and how much memory.
//!
//! A turn of a guest happens on one thread, so its time is that of the thread meanwhile: what
//! others do with the processor in between does not count.

use std::{
    future::poll_fn,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};
use tokio::time::{Instant, sleep_until};

use crate::errands::Errands;

/// The meter of one guest. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Meter {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    cpu_time_max: Option<Duration>,
    /// Nanoseconds of all turns that are over.
    used: AtomicU64,
    /// When the turn began, in nanoseconds of its thread.
    turn_began: AtomicU64,
    /// When the last turn was over.
    rests_since: Mutex<Instant>,
    memory_bytes: AtomicU64,
    memory_bytes_peak: AtomicU64,
    errands: Errands,
}

/// What a guest has taken so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Processor time of its turns, its start among them.
    pub cpu_time: Duration,
    /// Linear memory that it has, or had when it ended.
    pub memory_bytes: u64,
    /// The most linear memory that it has had.
    pub memory_bytes_peak: u64,
}

/// A guest took more processor time than it may.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("CPU limit: {limit:?} of processor time are used up")]
pub struct CpuLimitReached {
    /// How much it may take.
    pub limit: Duration,
}

impl Meter {
    pub(crate) fn new(cpu_time_max: Option<Duration>) -> Self {
        let inner = Inner {
            cpu_time_max,
            used: AtomicU64::new(0),
            turn_began: AtomicU64::new(0),
            rests_since: Mutex::new(Instant::now()),
            memory_bytes: AtomicU64::new(0),
            memory_bytes_peak: AtomicU64::new(0),
            errands: Errands::default(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// The guest, each turn of which is measured, with the errands that it leaves.
    pub(crate) fn measure<T>(&self, guest: impl Future<Output = T>) -> impl Future<Output = T> {
        // Apart: what holds this would hold a large future twice.
        let mut guest = Box::pin(guest);
        poll_fn(move |context| {
            let began = thread_time();
            self.inner.turn_began.store(began, Ordering::Relaxed);
            let polled = loop {
                let polled = guest.as_mut().poll(context);
                if polled.is_ready() || !self.inner.errands.run_one() {
                    break polled;
                }
            };
            let took = thread_time().saturating_sub(began);
            self.inner.used.fetch_add(took, Ordering::Relaxed);
            *self.rests_since() = Instant::now();
            polled
        })
    }

    /// The function begins now: what it waited for before was none of its doing.
    pub(crate) fn begin(&self) {
        *self.rests_since() = Instant::now();
    }

    /// What is done for the guest outside its stack, within a turn that is measured.
    pub(crate) fn errands(&self) -> &Errands {
        &self.inner.errands
    }

    /// The processor time of all turns that are over.
    pub(crate) fn used(&self) -> Duration {
        Duration::from_nanos(self.inner.used.load(Ordering::Relaxed))
    }

    /// The guest's linear memory is of that size now.
    pub(crate) fn memory(&self, bytes: u64) {
        self.inner.memory_bytes.store(bytes, Ordering::Relaxed);
        self.inner
            .memory_bytes_peak
            .fetch_max(bytes, Ordering::Relaxed);
    }

    /// All that it has taken, but for what the present turn takes of a processor.
    pub(crate) fn usage(&self) -> Usage {
        Usage {
            cpu_time: self.used(),
            memory_bytes: self.inner.memory_bytes.load(Ordering::Relaxed),
            memory_bytes_peak: self.inner.memory_bytes_peak.load(Ordering::Relaxed),
        }
    }

    /// Whether the guest may go on. To be asked within a turn.
    pub(crate) fn check(&self) -> Result<(), CpuLimitReached> {
        let Some(limit) = self.inner.cpu_time_max else {
            return Ok(());
        };
        let began = self.inner.turn_began.load(Ordering::Relaxed);
        let turn = Duration::from_nanos(thread_time().saturating_sub(began));
        match self.used() + turn > limit {
            true => Err(CpuLimitReached { limit }),
            false => Ok(()),
        }
    }

    /// Waits until the guest has had no turn for so long. Not within what is measured: whatever
    /// wakes that counts as a turn.
    pub(crate) async fn idle(&self, limit: Duration) {
        let due = || self.rests_since().checked_add(limit);
        while let Some(due) = due() {
            if due <= Instant::now() {
                return;
            }
            sleep_until(due).await;
        }
        std::future::pending().await
    }

    fn rests_since(&self) -> std::sync::MutexGuard<'_, Instant> {
        let rests_since = self.inner.rests_since.lock();
        rests_since.unwrap_or_else(PoisonError::into_inner)
    }
}

/// The processor time of this thread, in nanoseconds.
fn thread_time() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    seconds * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use tokio::task::yield_now;

    use super::*;

    fn spin(duration: Duration) {
        let began = thread_time();
        while Duration::from_nanos(thread_time() - began) < duration {}
    }

    #[tokio::test]
    async fn what_a_guest_computes_counts_and_what_it_waits_does_not() {
        let meter = Meter::new(None);
        let guest = async {
            spin(Duration::from_millis(5));
            yield_now().await;
            // Another's time, and a wait.
            tokio::time::sleep(Duration::from_millis(50)).await;
            spin(Duration::from_millis(5));
        };
        let other = async {
            yield_now().await;
            spin(Duration::from_millis(40));
        };
        tokio::join!(meter.measure(guest), other);
        assert!(meter.used() >= Duration::from_millis(10));
        assert!(
            meter.used() < Duration::from_millis(40),
            "{:?}",
            meter.used()
        );
    }

    #[tokio::test]
    async fn the_turn_that_goes_on_counts_as_well() {
        let meter = Meter::new(Some(Duration::from_millis(4)));
        let turns = async {
            assert_eq!(meter.check(), Ok(()));
            spin(Duration::from_millis(3));
            yield_now().await;
            assert_eq!(meter.check(), Ok(()));
            spin(Duration::from_millis(2));
            meter.check()
        };
        let limit = Duration::from_millis(4);
        assert_eq!(meter.measure(turns).await, Err(CpuLimitReached { limit }));
    }

    #[tokio::test]
    async fn a_guest_is_idle_when_no_turn_came_for_so_long() {
        let limit = Duration::from_millis(100);
        let meter = Meter::new(None);
        let began = Instant::now();
        let guest = async move {
            while began.elapsed() < limit * 3 {
                tokio::time::sleep(limit / 20).await;
            }
            std::future::pending::<()>().await;
        };
        let measured = meter.clone();
        let guest = tokio::spawn(async move { measured.measure(guest).await });
        meter.idle(limit).await;
        assert!(began.elapsed() >= limit * 3);
        guest.abort();
        let rested = meter.rests_since().elapsed();
        assert!(rested >= limit, "{rested:?}");
    }
}
