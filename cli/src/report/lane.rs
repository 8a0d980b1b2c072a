//! A queue before a stream, and the thread that prints it: whoever reports what happens never
//! waits for whoever reads it.
//!
//! ```text
//! push, push_in_turn ──► queue ──► thread ──► stdout or stderr
//! ```
//!
//! A reader that does not read fills the queue. Then those who pass on what guests print wait for
//! room, and nobody else does. What would go beyond all bounds is left out and counted.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// So much may wait before guests' output waits its turn: more than a pipe holds, so that the
/// thread always has something to print, and little enough to be printed in a moment.
const ROOM_BYTES: usize = 256 * 1024;

/// So much may wait at all. What does not wait its turn is some hundred bytes for each change of a
/// task: this holds those of a gang of 10,000.
const QUEUE_BYTES_MAX: usize = 16 << 20;

/// The fewest bytes that anything counts in a queue, whose own memory counts as well.
const ITEM_BYTES_MIN: usize = 64;

/// What is to be printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// A line of stdout.
    Result(String),
    /// A line of stderr.
    Talk(String),
    /// What the live line shows from now on.
    Live(String),
    /// The live line goes away.
    EndLive,
}

/// The queue and its thread, which ends after the last item once this is dropped.
#[derive(Debug)]
pub(super) struct Lane {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    items: VecDeque<Item>,
    /// Of the items that wait.
    bytes: usize,
    /// The thread has an item in hand.
    is_printing: bool,
    printed: u64,
    left_out: u64,
    /// For how long anyone waits while nothing is printed; `None`: for ever.
    patience: Option<Duration>,
    /// Nobody reads: nothing is printed any more.
    is_given_up: bool,
    is_dropped: bool,
}

impl Lane {
    /// A lane whose thread gives each item to `print`, which may take its time.
    pub(super) fn start(print: impl FnMut(Item) + Send + 'static) -> Self {
        let shared = Arc::new(Shared::default());
        let printing = Arc::clone(&shared);
        thread::spawn(move || printing.print_all(print));
        Self { shared }
    }

    /// Has an item printed after all that wait; never waits itself.
    pub(super) fn push(&self, item: Item) {
        self.shared.lock().push(item);
        self.shared.changed.notify_all();
    }

    /// The same, unless there is no room.
    ///
    /// # Errors
    /// The item, for [`push_in_turn`](Self::push_in_turn).
    pub(super) fn try_push(&self, item: Item) -> Result<(), Item> {
        let mut state = self.shared.lock();
        if !state.has_room() {
            return Err(item);
        }
        state.push(item);
        drop(state);
        self.shared.changed.notify_all();
        Ok(())
    }

    /// Waits for room, as long as there is patience, and has an item printed.
    pub(super) fn push_in_turn(&self, item: Item) {
        let mut state = self.shared.wait_until(State::has_room);
        state.push(item);
        drop(state);
        self.shared.changed.notify_all();
    }

    /// From now on nobody waits for longer than this while nothing is printed; after that, nothing
    /// is printed any more.
    pub(super) fn set_patience(&self, patience: Duration) {
        self.shared.lock().patience = Some(patience);
        self.shared.changed.notify_all();
    }

    /// Waits until everything is printed, as long as there is patience. Answers how many lines were
    /// left out so far.
    pub(super) fn settle(&self) -> u64 {
        self.shared.wait_until(State::is_idle).left_out
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.shared.lock().is_dropped = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn print_all(&self, mut print: impl FnMut(Item)) {
        let mut state = self.lock();
        loop {
            if let Some(item) = state.items.pop_front() {
                state.bytes -= item.bytes();
                state.is_printing = true;
                drop(state);
                print(item);
                state = self.lock();
                state.is_printing = false;
                state.printed += 1;
                self.changed.notify_all();
            } else if state.is_dropped {
                return;
            } else {
                let woken = self.changed.wait(state);
                state = woken.unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    /// Waits until it is so, or patience is over: then all that waits is given up.
    fn wait_until(&self, is_so: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        let mut seen = state.printed;
        let mut since = Instant::now();
        while !is_so(&state) && !state.is_given_up {
            if state.printed != seen {
                seen = state.printed;
                since = Instant::now();
            }
            let left = state.patience.map_or(Duration::MAX, |patience| {
                patience.saturating_sub(since.elapsed())
            });
            if left.is_zero() {
                state.give_up();
                self.changed.notify_all();
                break;
            }
            let woken = self.changed.wait_timeout(state, left);
            (state, _) = woken.unwrap_or_else(PoisonError::into_inner);
        }
        state
    }
}

impl State {
    fn has_room(&self) -> bool {
        self.bytes < ROOM_BYTES
    }

    fn is_idle(&self) -> bool {
        self.items.is_empty() && !self.is_printing
    }

    fn push(&mut self, item: Item) {
        if self.is_given_up || self.bytes + item.bytes() > QUEUE_BYTES_MAX {
            self.left_out += item.lines();
            return;
        }
        // Only the newest counts: a terminal that is held up is shown nothing that is over.
        if let (Item::Live(_), Some(Item::Live(_))) = (&item, self.items.back()) {
            let old = self.items.pop_back();
            self.bytes -= old.as_ref().map_or(0, Item::bytes);
        }
        self.bytes += item.bytes();
        self.items.push_back(item);
    }

    fn give_up(&mut self) {
        self.is_given_up = true;
        self.bytes = 0;
        let left: u64 = self.items.drain(..).map(|item| item.lines()).sum();
        // The one in hand does not come through either.
        self.left_out += left + u64::from(self.is_printing);
    }
}

impl Item {
    fn bytes(&self) -> usize {
        match self {
            Self::Result(text) | Self::Talk(text) | Self::Live(text) => text.len() + ITEM_BYTES_MIN,
            Self::EndLive => ITEM_BYTES_MIN,
        }
    }

    fn lines(&self) -> u64 {
        match self {
            Self::Result(_) | Self::Talk(_) => 1,
            Self::Live(_) | Self::EndLive => 0,
        }
    }
}

#[cfg(test)]
mod tests;
