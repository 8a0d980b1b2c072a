//! What one guest takes: how much of a processor and when last, and how much memory.
//!
//! A turn of a guest happens on one thread, so its time is that of the thread meanwhile: what
//! others do with the processor in between does not count.
//!
//! A guest *rests* from the end of a turn until it is woken: what it waits for its next turn, as
//! others have theirs, is none of its doing.

use std::{
    future::poll_fn,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Wake, Waker},
    thread::{self, ThreadId},
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
    life: Mutex<Life>,
    memory_bytes: AtomicU64,
    memory_bytes_peak: AtomicU64,
    errands: Errands,
}

#[derive(Debug)]
struct Life {
    activity: Activity,
    /// Who gives the guest its turns.
    turns: Waker,
    /// It was woken from within its last turn: it waits for nothing.
    gives_way: bool,
}

/// What a guest does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Activity {
    /// It waits for something, since then.
    Rests(Instant),
    /// It was woken and waits for its turn.
    Runnable,
    /// It has a turn, on this thread. Woken meanwhile, it wants another one.
    HasTurn { on: ThreadId, is_woken: bool },
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
            life: Mutex::new(Life {
                activity: Activity::Rests(Instant::now()),
                turns: Waker::noop().clone(),
                gives_way: false,
            }),
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
        let waker = Waker::from(Arc::clone(&self.inner));
        poll_fn(move |context| {
            self.inner.begin_turn(context.waker());
            let context = &mut Context::from_waker(&waker);
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
            self.inner.end_turn();
            polled
        })
    }

    /// The function begins now: what it waited for before was none of its doing.
    pub(crate) fn begin(&self) {
        self.inner.life().activity = Activity::Rests(Instant::now());
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

    /// Whether the guest was made to give way in its last turn, and waits for nothing else.
    pub(crate) fn gives_way(&self) -> bool {
        self.inner.life().gives_way
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
        match self.used() + self.turn() > limit {
            true => Err(CpuLimitReached { limit }),
            false => Ok(()),
        }
    }

    /// What the present turn has taken so far. To be asked within it.
    pub(crate) fn turn(&self) -> Duration {
        let began = self.inner.turn_began.load(Ordering::Relaxed);
        Duration::from_nanos(thread_time().saturating_sub(began))
    }

    /// Waits until the guest has rested for so long. Not within what is measured: whatever wakes that
    /// counts as a turn.
    pub(crate) async fn idle(&self, limit: Duration) {
        loop {
            let now = Instant::now();
            let (is_resting, since) = match self.inner.life().activity {
                Activity::Rests(since) => (true, since),
                Activity::Runnable | Activity::HasTurn { .. } => (false, now),
            };
            match since.checked_add(limit) {
                Some(due) if is_resting && due <= now => return,
                Some(due) => sleep_until(due).await,
                None => std::future::pending().await,
            }
        }
    }
}

impl Inner {
    fn begin_turn(&self, waker: &Waker) {
        let mut life = self.life();
        life.turns.clone_from(waker);
        life.gives_way = false;
        life.activity = Activity::HasTurn {
            on: thread::current().id(),
            is_woken: false,
        };
    }

    fn end_turn(&self) {
        let mut life = self.life();
        life.activity = match life.activity {
            Activity::HasTurn { is_woken: true, .. } => Activity::Runnable,
            _ => Activity::Rests(Instant::now()),
        };
    }

    fn life(&self) -> MutexGuard<'_, Life> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Inner {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let turns = {
            let mut life = self.life();
            life.activity = match life.activity {
                Activity::Rests(_) | Activity::Runnable => Activity::Runnable,
                Activity::HasTurn { on, .. } => {
                    // What others wake it for came meanwhile.
                    life.gives_way |= on == thread::current().id();
                    Activity::HasTurn { on, is_woken: true }
                }
            };
            life.turns.clone()
        };
        turns.wake();
    }
}

/// The processor time of this thread, in nanoseconds.
pub(crate) fn thread_time() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    seconds * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use futures_util::FutureExt as _;
    use tokio::{task::yield_now, time::timeout};

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
            pending::<()>().await;
        };
        let measured = meter.clone();
        let guest = tokio::spawn(async move { measured.measure(guest).await });
        meter.idle(limit).await;
        assert!(began.elapsed() >= limit * 3);
        guest.abort();
        let Activity::Rests(since) = meter.inner.life().activity else {
            panic!("it does not rest");
        };
        assert!(since.elapsed() >= limit, "{:?}", since.elapsed());
    }

    const LIMIT: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn a_guest_that_waits_for_its_turn_is_not_idle() {
        let meter = Meter::new(None);
        let (wake, woken) = tokio::sync::oneshot::channel();
        let mut guest = Box::pin(meter.measure(async {
            assert_eq!(woken.await, Ok(()));
            pending::<()>().await
        }));
        assert!(guest.as_mut().now_or_never().is_none());
        wake.send(()).unwrap();
        // Nobody gives it a turn for long.
        assert!(timeout(LIMIT * 3, meter.idle(LIMIT)).await.is_err());
        let began = Instant::now();
        assert!(guest.as_mut().now_or_never().is_none());
        meter.idle(LIMIT).await;
        assert!(began.elapsed() >= LIMIT);
    }

    #[tokio::test]
    async fn a_guest_that_gives_way_is_not_idle() {
        let meter = Meter::new(None);
        let mut guest = Box::pin(meter.measure(async {
            yield_now().await;
            pending::<()>().await
        }));
        assert!(guest.as_mut().now_or_never().is_none());
        assert!(timeout(LIMIT * 3, meter.idle(LIMIT)).await.is_err());
        assert!(guest.as_mut().now_or_never().is_none());
        meter.idle(LIMIT).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_guest_that_has_a_turn_is_not_idle() {
        let meter = Meter::new(None);
        let watch = meter.clone();
        let guest = async move {
            let watched = timeout(LIMIT * 3, watch.idle(LIMIT));
            // On this thread, within the turn.
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(watched))
        };
        let turn = tokio::spawn(async move { meter.measure(guest).await });
        assert!(turn.await.unwrap().is_err(), "it was idle");
    }
}
