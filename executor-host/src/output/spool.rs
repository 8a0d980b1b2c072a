//! Between guests and files: a bounded queue for each guest, and the thread that empties them.
//!
//! ```text
//! guest ──► its queue ─┐
//! guest ──► its queue ─┼─ a round: all that waits, guest by guest ──► Sandbox ──► files
//! log   ──► its queue ─┘
//! ```
//!
//! A slow disk, or a guest that prints without end, holds up the guests whose queues are full, and
//! nobody else: each *round* takes what every queue holds, once. What a guest has printed is written
//! when the round after it is over, which [`Spool::flushed`] waits for.

use std::{
    io,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, SystemTime},
};

use tokio::sync::watch;

use super::sandbox::Sandbox;

/// What waits of one guest before it has to wait itself: many lines for a guest that prints now
/// and then, and a moment's work for the thread.
const QUEUE_BYTES_MAX: usize = 64 * 1024;

/// What a queue holds at most: the bound, and what may be printed at once below it, all empty lines,
/// on a few handles of the same stream.
const OVERFULL_BYTES: usize = 1 << 20;

/// What waits of all guests together: a thousand guests that print at once, and little beside what
/// they have in memory.
const SPOOL_BYTES_MAX: usize = 16 << 20;

/// What a guest may print at once.
pub(super) const WRITE_BYTES_MAX: usize = 4 * 1024;

/// What a line counts beside its text: how it is marked when it is written.
const LINE_BYTES: usize = 64;

/// Where a line goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    Stdout,
    Stderr,
    /// The executor's own log, which is marked already.
    Log,
}

/// All queues and the thread, which ends with the last handle.
pub(super) struct Spool {
    shared: Arc<Shared>,
    /// Tells that the thread has ended.
    ended: Mutex<mpsc::Receiver<()>>,
}

struct Shared {
    work: Mutex<Work>,
    changed: Condvar,
    /// Of all queues.
    bytes: AtomicUsize,
    /// The last round that is over.
    done: watch::Sender<u64>,
    /// Nobody writes any more: what is printed goes nowhere, and nobody waits.
    is_over: AtomicBool,
}

#[derive(Default)]
struct Work {
    /// Queues that hold something, each once.
    ready: Vec<Arc<Queue>>,
    /// Rounds that have begun.
    begun: u64,
    is_closed: bool,
}

/// What one guest has printed and nobody has written yet.
pub(super) struct Queue {
    id: u64,
    name: Arc<str>,
    shared: Arc<Shared>,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    batch: Batch,
    is_ready: bool,
    has_printed: bool,
}

/// Lines of one guest, in their order.
#[derive(Debug, Default)]
pub(super) struct Batch {
    text: String,
    lines: Vec<Mark>,
    /// Nothing will come after it.
    pub(super) is_last: bool,
    /// Lines of the log for which there was no room.
    pub(super) left_out: u64,
}

#[derive(Debug, Clone, Copy)]
struct Mark {
    end: usize,
    stream: Stream,
    at: SystemTime,
}

impl Batch {
    fn bytes(&self) -> usize {
        self.text.len() + self.lines.len() * LINE_BYTES
    }

    fn push(&mut self, stream: Stream, at: SystemTime, text: &str) {
        self.text.push_str(text);
        let end = self.text.len();
        self.lines.push(Mark { end, stream, at });
    }

    /// The lines, where and when they were printed.
    pub(super) fn lines(&self) -> impl Iterator<Item = (Stream, SystemTime, &str)> {
        let begins = std::iter::once(0).chain(self.lines.iter().map(|mark| mark.end));
        let lines = self.lines.iter().zip(begins);
        lines.map(|(mark, begin)| (mark.stream, mark.at, &self.text[begin..mark.end]))
    }
}

impl Spool {
    /// Starts the thread, which writes into `sandbox`.
    pub(super) fn start(sandbox: Sandbox) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            work: Mutex::default(),
            changed: Condvar::new(),
            bytes: AtomicUsize::new(0),
            done: watch::Sender::new(0),
            is_over: AtomicBool::new(false),
        });
        let (alive, ended) = mpsc::channel();
        let writing = Writing {
            shared: Arc::clone(&shared),
            _alive: alive,
        };
        let thread = thread::Builder::new().name("output".to_owned());
        thread.spawn(move || writing.run(sandbox))?;
        Ok(Self {
            shared,
            ended: Mutex::new(ended),
        })
    }

    /// A queue for the guest of that name.
    pub(super) fn queue(&self, name: Arc<str>) -> Arc<Queue> {
        static IDS: AtomicUsize = AtomicUsize::new(0);
        Arc::new(Queue {
            id: IDS.fetch_add(1, Ordering::Relaxed) as u64,
            name,
            shared: Arc::clone(&self.shared),
            waiting: Mutex::default(),
        })
    }

    /// Waits until all that was printed before is written.
    pub(super) async fn flushed(&self) {
        let mut done = self.shared.done.subscribe();
        let wanted = self.shared.round_of_all();
        // The sender is ours.
        let _ = done
            .wait_for(|done| *done >= wanted || self.shared.is_over.load(Ordering::Acquire))
            .await;
    }

    /// Whether nothing waits to be written.
    pub(super) fn is_flushed(&self) -> bool {
        *self.shared.done.borrow() >= self.shared.round_of_all()
    }

    /// Has all that was printed written, for as long as that may take, and ends the thread. What is
    /// printed later goes nowhere.
    pub(super) fn close(&self, within: Duration) {
        self.shared.close();
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        // Disconnected is what is waited for.
        let _ = ended.recv_timeout(within);
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl Shared {
    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        self.work().is_closed = true;
        self.changed.notify_all();
    }

    /// The round with which all is written that waits now.
    fn round_of_all(&self) -> u64 {
        let work = self.work();
        work.begun + u64::from(!work.ready.is_empty())
    }
}

impl Queue {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How much may be printed now. Nothing: [`room`](Self::room) waits for more.
    pub(super) fn permitted(&self) -> usize {
        if self.shared.is_over.load(Ordering::Acquire) {
            return WRITE_BYTES_MAX;
        }
        let is_full = self.waiting().batch.bytes() >= QUEUE_BYTES_MAX
            || self.shared.bytes.load(Ordering::Acquire) >= SPOOL_BYTES_MAX;
        match is_full {
            true => 0,
            false => WRITE_BYTES_MAX,
        }
    }

    /// Whether more waits than a guest can print that asks before.
    pub(super) fn is_overfull(&self) -> bool {
        self.waiting().batch.bytes() >= OVERFULL_BYTES
    }

    /// Waits until something may be printed.
    pub(super) async fn room(&self) {
        let mut done = self.shared.done.subscribe();
        while self.permitted() == 0 {
            // The sender is ours.
            let _ = done.changed().await;
        }
    }

    /// Has a line written. It is for the caller to know that there is room.
    pub(super) fn push(self: &Arc<Self>, stream: Stream, at: SystemTime, text: &str) {
        self.change(|waiting| {
            waiting.has_printed = true;
            waiting.batch.push(stream, at, text);
        });
    }

    /// Has a line of the log written, or counts it if there is no room: who logs never waits.
    pub(super) fn push_log(self: &Arc<Self>, text: &str) {
        let has_room = self.permitted() > 0;
        self.change(|waiting| match has_room {
            true => waiting.batch.push(Stream::Log, SystemTime::now(), text),
            false => waiting.batch.left_out += 1,
        });
    }

    /// Nothing comes any more. Of a guest that has printed nothing nobody need know.
    pub(super) fn close(self: &Arc<Self>) {
        if self.waiting().has_printed {
            self.change(|waiting| waiting.batch.is_last = true);
        }
    }

    fn change(self: &Arc<Self>, act: impl FnOnce(&mut Waiting)) {
        if self.shared.is_over.load(Ordering::Acquire) {
            return;
        }
        let mut waiting = self.waiting();
        let before = waiting.batch.bytes();
        act(&mut waiting);
        let more = waiting.batch.bytes() - before;
        self.shared.bytes.fetch_add(more, Ordering::AcqRel);
        let is_new = !std::mem::replace(&mut waiting.is_ready, true);
        drop(waiting);
        if is_new {
            self.shared.work().ready.push(Arc::clone(self));
            self.shared.changed.notify_one();
        }
    }

    fn take(&self) -> Batch {
        let mut waiting = self.waiting();
        waiting.is_ready = false;
        let batch = std::mem::take(&mut waiting.batch);
        self.shared.bytes.fetch_sub(batch.bytes(), Ordering::AcqRel);
        batch
    }
}

/// The thread's side.
struct Writing {
    shared: Arc<Shared>,
    _alive: mpsc::Sender<()>,
}

impl Writing {
    fn run(self, mut sandbox: Sandbox) {
        loop {
            let Some((round, ready)) = self.next_round() else {
                return;
            };
            for queue in ready {
                let batch = queue.take();
                sandbox.write(queue.id, &queue.name, &batch);
            }
            sandbox.end_round();
            self.shared.done.send_replace(round);
        }
    }

    /// Waits until something is printed; `None` when that will not happen any more.
    fn next_round(&self) -> Option<(u64, Vec<Arc<Queue>>)> {
        let mut work = self.shared.work();
        while work.ready.is_empty() {
            if work.is_closed {
                return None;
            }
            let woken = self.shared.changed.wait(work);
            work = woken.unwrap_or_else(PoisonError::into_inner);
        }
        work.begun += 1;
        Some((work.begun, std::mem::take(&mut work.ready)))
    }
}

impl Drop for Writing {
    /// However the thread ends: nobody waits for it any more.
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Release);
        self.shared.done.send_modify(|_| {});
    }
}
