//! A queue before a stream, and the thread that prints it: whoever reports what happens never
//! waits for whoever reads it.
//!
//! ```text
//! push, push_in_turn ──► queue ──► thread ──► stdout or stderr
//! ```
//!
//! A reader that does not read fills the queue. Then those who pass on what guests print wait for
//! room, and nobody else does. What would go beyond all bounds is left out and counted.
//!
//! The thread also keeps time for what moves on a terminal: nobody else has to.

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
    /// The live area shows something else.
    Redraw,
    /// The live area goes away until it is resumed.
    Suspend,
    /// It comes back.
    Resume,
    /// It goes away for good.
    EndLive,
}

/// What the thread does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// This is printed, at the latest with the next flush.
    Print(Item),
    /// Nothing more waits.
    Flush,
    /// It is time to look at what moves.
    Tick,
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
    /// The thread has items in hand: the last that it took, and those before that were not flushed.
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
    /// A lane whose thread has each step done by `act`, which may take its time; ticks come so
    /// often, if at all.
    pub(super) fn start(tick: Option<Duration>, act: impl FnMut(Step) + Send + 'static) -> Self {
        let shared = Arc::new(Shared::default());
        let printing = Arc::clone(&shared);
        thread::spawn(move || printing.print_all(tick, act));
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

    /// Waits until everything is printed, but not for longer than that. Gives nothing up.
    pub(super) fn settle_within(&self, time: Duration) {
        let is_busy = |state: &mut State| !state.is_idle() && !state.is_given_up;
        let changed = &self.shared.changed;
        drop(changed.wait_timeout_while(self.shared.lock(), time, is_busy));
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

    fn print_all(&self, tick: Option<Duration>, mut act: impl FnMut(Step)) {
        let mut next_tick = tick.map(|tick| Instant::now() + tick);
        let mut state = self.lock();
        loop {
            let step = match (state.items.pop_front(), next_tick) {
                // Not even a flood of lines holds up what moves.
                (item, Some(at)) if Instant::now() >= at => {
                    if let Some(item) = item {
                        state.items.push_front(item);
                    }
                    next_tick = tick.map(|tick| Instant::now() + tick);
                    Step::Tick
                }
                (Some(item), _) => {
                    state.bytes -= item.bytes();
                    state.is_printing = true;
                    Step::Print(item)
                }
                (None, _) if state.is_printing => Step::Flush,
                (None, _) if state.is_dropped => return,
                (None, at) => {
                    state = self.wait(state, at);
                    continue;
                }
            };
            drop(state);
            let is_print = matches!(step, Step::Print(_));
            let is_flush = step == Step::Flush;
            act(step);
            state = self.lock();
            if is_flush && state.items.is_empty() {
                state.is_printing = false;
            }
            if is_print {
                state.printed += 1;
            }
            if is_print || is_flush {
                self.changed.notify_all();
            }
        }
    }

    fn wait<'a>(
        &'a self,
        state: MutexGuard<'a, State>,
        until: Option<Instant>,
    ) -> MutexGuard<'a, State> {
        let Some(until) = until else {
            let woken = self.changed.wait(state);
            return woken.unwrap_or_else(PoisonError::into_inner);
        };
        let left = until.saturating_duration_since(Instant::now());
        let woken = self.changed.wait_timeout(state, left);
        woken.unwrap_or_else(PoisonError::into_inner).0
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
        // What is redrawn is what is known by then.
        if item == Item::Redraw && self.items.back() == Some(&Item::Redraw) {
            return;
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
            Self::Result(text) | Self::Talk(text) => text.len() + ITEM_BYTES_MIN,
            Self::Redraw | Self::Suspend | Self::Resume | Self::EndLive => ITEM_BYTES_MIN,
        }
    }

    fn lines(&self) -> u64 {
        match self {
            Self::Result(_) | Self::Talk(_) => 1,
            Self::Redraw | Self::Suspend | Self::Resume | Self::EndLive => 0,
        }
    }
}

#[cfg(test)]
mod tests;
