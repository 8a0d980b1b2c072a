//! The status updates of one task on their way to the agent.
//!
//! ```text
//!           next_to_send           taken                  acknowledged
//! Waiting ──────────────► Calling ───────► Taken ─────────────────────► (gone), the next is Waiting
//!    ▲                      │               │
//!    │                      │ not taken     │ time
//!    └──────time── PutOff ◄─┘               └──► sent again, later each time; given up after some
//! ```
//!
//! One update of a task is in flight at a time, so the agent gets them in order even when a call
//! fails in between, and however many updates of other tasks are sent beside. A SUBSCRIBE carries
//! all that wait: where it succeeds, they have been taken.
//!
//! An agent that does not take an update (503 while it recovers, no answer) is asked again for as
//! long as it is there. One that takes an update and never acknowledges it has completed the task
//! (PROTOCOL §9.4): after some tries it is given up.

use std::{
    collections::VecDeque,
    fmt,
    time::{Duration, Instant},
};

use mesos::{
    TaskId,
    v1::{TaskState, task_status::Reason},
};

use crate::outcome::TaskEnd;

/// One status update.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Update {
    pub(crate) task: TaskId,
    pub(crate) uuid: Uuid,
    pub(crate) state: TaskState,
    pub(crate) reason: Option<Reason>,
    pub(crate) message: Option<String>,
    /// When it came about.
    pub(crate) at: Instant,
    finality: Finality,
}

/// The id by which an update is acknowledged: a random one of RFC 9562, version 4.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Uuid([u8; 16]);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Finality {
    Terminal,
    Passing,
}

/// The updates of one task that wait for the agent, oldest first. A task has at most three:
/// running, killing, and its end.
#[derive(Debug, Default)]
pub(crate) struct Updates {
    waiting: VecDeque<Update>,
    /// Where the oldest is.
    way: Way,
    /// How many times the oldest was taken and not acknowledged in time.
    tries: u32,
    /// How many of the oldest go with the SUBSCRIBE that is being made.
    carried: usize,
    /// How many of the oldest were taken with the last subscription.
    taken_ahead: usize,
    acknowledged_one: bool,
}

#[derive(Debug, Clone, Copy, Default)]
enum Way {
    /// It was not sent yet.
    #[default]
    Waiting,
    /// A call is under way, of which the outcome will be told.
    Calling,
    /// The agent did not take it.
    PutOff { again_at: Instant },
    /// The agent has taken it, and has not said yet that it keeps it.
    Taken { again_at: Instant },
}

/// An agent on the same machine acknowledges within milliseconds.
const RESEND_FIRST: Duration = Duration::from_secs(1);

/// An agent that is busy is not helped by more.
const RESEND_MAX: Duration = Duration::from_secs(30);

/// Tries of a terminal update that is taken each time, together about two and a half minutes of a
/// standing subscription: longer than any disk holds up an agent that would still acknowledge it.
const TERMINAL_TRIES_MAX: u32 = 9;

/// The same of an update of a task that has ended since. The agent has it, and does without its
/// repetition; what counts is the end, which waits behind it.
const PASSED_TRIES_MAX: u32 = 3;

impl Updates {
    pub(super) fn push(&mut self, update: Update) {
        self.waiting.push_back(update);
    }

    /// Updates that are not acknowledged, oldest first, for a SUBSCRIBE.
    pub(super) fn carry(&mut self) -> impl Iterator<Item = &Update> {
        self.carried = self.waiting.len();
        self.waiting.iter()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether the agent has acknowledged any update, and so the task.
    pub(super) fn task_is_acknowledged(&self) -> bool {
        self.acknowledged_one
    }

    /// The agent keeps one of them.
    pub(super) fn acknowledged(&mut self, now: Instant, uuid: Uuid) {
        if self.remove(now, uuid).is_some() {
            self.acknowledged_one = true;
        }
    }

    /// The agent has refused one of them and always will. The end of a task that was refused for
    /// what it says is told once more without that, as `bare`.
    pub(super) fn refused(&mut self, now: Instant, uuid: Uuid, bare: Uuid) {
        let Some(update) = self.remove(now, uuid) else {
            return;
        };
        let says_something = update.reason.is_some() || update.message.is_some();
        if update.finality == Finality::Terminal && says_something {
            self.waiting.push_back(Update {
                uuid: bare,
                reason: None,
                message: None,
                ..update
            });
        }
    }

    /// The agent has taken one of them, and will acknowledge it.
    pub(super) fn taken(&mut self, now: Instant, uuid: Uuid) {
        if self.is_calling(uuid) {
            self.count_try(now);
        }
    }

    /// The agent has not taken one of them, but may later.
    pub(super) fn put_off(&mut self, now: Instant, uuid: Uuid) {
        if self.is_calling(uuid) {
            let again_at = now + RESEND_FIRST;
            self.way = Way::PutOff { again_at };
        }
    }

    /// There is a subscription: what went with it has been taken.
    pub(super) fn subscribed(&mut self, now: Instant) {
        self.taken_ahead = std::mem::take(&mut self.carried);
        match self.way {
            Way::Calling => {}
            _ if self.taken_ahead > 0 => self.count_try(now),
            _ => self.way = Way::Waiting,
        }
    }

    /// The oldest update, when it was never sent or its time has come again. What becomes of the
    /// call has to be told by [`taken`](Self::taken), [`put_off`](Self::put_off) or
    /// [`refused`](Self::refused).
    pub(super) fn next_to_send(&mut self, now: Instant) -> Option<Update> {
        let update = self.waiting.front()?;
        match self.way {
            Way::Calling => return None,
            Way::PutOff { again_at } | Way::Taken { again_at } if again_at > now => return None,
            Way::Waiting | Way::PutOff { .. } | Way::Taken { .. } => {}
        }
        self.way = Way::Calling;
        Some(update.clone())
    }

    /// Drops the oldest update of a task that has ended when it was taken often enough, and its last
    /// try has had its time.
    pub(super) fn give_up(&mut self, now: Instant) {
        let (Some(oldest), Some(newest)) = (self.waiting.front(), self.waiting.back()) else {
            return;
        };
        let tries_max = match (oldest.finality, newest.finality) {
            (Finality::Terminal, _) => TERMINAL_TRIES_MAX,
            (Finality::Passing, Finality::Terminal) => PASSED_TRIES_MAX,
            (Finality::Passing, Finality::Passing) => return,
        };
        let is_over = matches!(self.way, Way::Taken { again_at } if again_at <= now);
        if is_over && self.tries >= tries_max {
            let uuid = oldest.uuid;
            self.remove(now, uuid);
        }
    }

    /// When the oldest is to be sent again.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.way {
            Way::PutOff { again_at } | Way::Taken { again_at } => Some(again_at),
            Way::Waiting | Way::Calling => None,
        }
    }

    fn is_calling(&self, uuid: Uuid) -> bool {
        let is_oldest = self.waiting.front().is_some_and(|it| it.uuid == uuid);
        is_oldest && matches!(self.way, Way::Calling)
    }

    fn count_try(&mut self, now: Instant) {
        let wait = RESEND_FIRST
            .saturating_mul(1 << self.tries.min(16))
            .min(RESEND_MAX);
        self.tries = self.tries.saturating_add(1);
        self.way = Way::Taken {
            again_at: now + wait,
        };
    }

    fn remove(&mut self, now: Instant, uuid: Uuid) -> Option<Update> {
        let index = self.waiting.iter().position(|it| it.uuid == uuid)?;
        let update = self.waiting.remove(index);
        if self.waiting.is_empty() {
            // A task that goes on for weeks has none, and there are thousands of tasks.
            self.waiting = VecDeque::new();
        }
        for count in [&mut self.carried, &mut self.taken_ahead] {
            *count -= usize::from(index < *count);
        }
        if index == 0 {
            self.way = Way::Waiting;
            self.tries = 0;
            if self.taken_ahead > 0 {
                self.count_try(now);
            }
        }
        update
    }
}

impl Update {
    /// Whether it tells the end of its task.
    pub(crate) fn is_end(&self) -> bool {
        self.finality == Finality::Terminal
    }

    /// A task has come to a state that is not its last.
    pub(super) fn of_state(task: &TaskId, uuid: Uuid, state: TaskState, at: Instant) -> Self {
        let (reason, message) = (None, None);
        Self {
            task: task.clone(),
            uuid,
            state,
            reason,
            message,
            at,
            finality: Finality::Passing,
        }
    }

    /// A task has ended.
    pub(super) fn of_end(task: &TaskId, uuid: Uuid, end: TaskEnd, at: Instant) -> Self {
        let TaskEnd {
            state,
            reason,
            message,
        } = end;
        Self {
            task: task.clone(),
            uuid,
            state,
            reason,
            message,
            at,
            finality: Finality::Terminal,
        }
    }
}

impl Uuid {
    pub(super) fn random(random: &mut fastrand::Rng) -> Self {
        let mut bytes = [0; 16];
        random.fill(&mut bytes);
        // Version 4, variant of the RFC; agents refuse others.
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Self(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl TryFrom<&[u8]> for Uuid {
    type Error = std::array::TryFromSliceError;

    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        bytes.try_into().map(Self)
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
