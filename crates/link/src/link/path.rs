//! Which way the frames of a link take, and the hold that a connection has on it.
//!
//! ```text
//!              Link::direct              Link::direct (newer)
//!   Messages ─────────────► Direct(n) ─────────────────────► Direct(n + 1)
//!       ▲                      │ the newest one is dropped         │
//!       └──────────────────────┴───────────────────────────────────┘
//! ```
//!
//! Only the newest connection counts. One that was replaced gets no more frames, and its end
//! changes nothing.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use bytes::Bytes;
use channel::{FrameError, Path};

use super::{Link, Shared, now};
use crate::alarm::Alarm;

impl Link {
    /// A direct path is up: frames take it from now on, and what is in flight is sent again on it.
    ///
    /// The newest direct path counts. When it is dropped, frames take framework messages again.
    pub fn direct(&self) -> DirectPath {
        let connection = {
            let mut state = self.shared.lock();
            state.connection += 1;
            state.end.move_to(now(), Path::Direct);
            state.connection
        };
        self.shared.has_moved();
        DirectPath {
            link: self.clone(),
            connection,
        }
    }

    /// The path that frames take.
    pub fn path(&self) -> Path {
        self.shared.lock().end.path()
    }

    /// Waits until frames take this path; `false`: the link is shut. Cancellation safe.
    pub async fn on_path(&self, path: Path) -> bool {
        loop {
            let moved = self.shared.moved.notified();
            {
                let state = self.shared.lock();
                if state.end.is_shut() {
                    return false;
                }
                if state.end.path() == path {
                    return true;
                }
            }
            moved.await;
        }
    }
}

/// The hold of a connection on its link: frames take this way while it lives and is the newest.
#[derive(Debug)]
pub struct DirectPath {
    link: Link,
    connection: u64,
}

impl DirectPath {
    /// Takes in a frame that arrived on the connection, as [`Link::handle_frame`]; for whoever
    /// fills as well, in one task: instead of being woken while it runs, it is told to look again.
    pub(crate) fn handle_frame(&self, frame: Bytes, again: &LookAgain) -> Result<(), FrameError> {
        let shared = &self.link.shared;
        let ((handled, is_newest), is_due) = shared.with_but_frames(|state| {
            let handled = state.end.handle_frame(now(), frame);
            (handled, state.connection == self.connection)
        });
        match is_newest {
            true => again.set(is_due),
            // Another one transmits.
            false if is_due => shared.frames.notify_waiters(),
            false => {}
        }
        shared.arrived.notify_waiters();
        handled
    }

    /// Waits until there are frames to transmit and gives all that there are, but stops when they
    /// have `bytes_enough` together; `None` once the link is shut or a newer connection has taken
    /// over. Cancellation safe: between the first frame and the end nothing is waited for.
    pub(crate) async fn fill(
        &self,
        alarm: &mut Alarm,
        again: &LookAgain,
        mut take: impl FnMut(Bytes),
        bytes_enough: usize,
    ) -> Option<()> {
        let shared = &self.link.shared;
        loop {
            let changed = shared.frames.notified();
            let (timeout, _watch) = {
                let mut state = shared.lock();
                if state.end.is_shut() || state.connection != self.connection {
                    return None;
                }
                let mut bytes = 0;
                while bytes < bytes_enough
                    && let Some(frame) = state.end.poll_frame(now())
                {
                    bytes += frame.len();
                    take(frame);
                }
                if bytes > 0 {
                    let wakes = state.drain();
                    drop(state);
                    wakes.wake(shared);
                    return Some(());
                }
                let timeout = state.end.poll_timeout();
                (timeout, shared.watch(&mut state, alarm.rings_at(timeout)))
            };
            tokio::select! {
                biased;
                () = again.asked() => {}
                () = changed => {}
                () = alarm.until(timeout) => {}
            }
        }
    }

    /// Whether a newer connection has taken over.
    pub(crate) fn is_replaced(&self) -> bool {
        self.link.shared.lock().connection != self.connection
    }
}

/// Says within one task that there may be a frame to transmit.
///
/// A task that wakes itself while it runs is put at the end of its runtime's queue, and another
/// thread is woken to help: for the lone answer to a lone message that is most of its way.
#[derive(Debug, Default)]
pub(crate) struct LookAgain(AtomicBool);

impl LookAgain {
    fn set(&self, is_due: bool) {
        if is_due {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    /// Ready if it was said. Nobody is woken: whoever waits is polled after whoever says it.
    async fn asked(&self) {
        poll_fn(|_| match self.0.swap(false, Ordering::Relaxed) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
    }
}

impl Drop for DirectPath {
    /// Back to framework messages, unless a newer connection has taken over.
    fn drop(&mut self) {
        {
            let mut state = self.link.shared.lock();
            if state.connection != self.connection {
                return;
            }
            state.end.move_to(now(), Path::Messages);
        }
        self.link.shared.has_moved();
    }
}

impl Shared {
    /// Wakes all that wait for frames: those of the old path find it gone, those of the new one
    /// what was in flight.
    fn has_moved(self: &Arc<Self>) {
        self.moved.notify_waiters();
        self.frames.notify_waiters();
    }
}
