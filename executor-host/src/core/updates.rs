//! The status updates of one task on their way to the agent.
//!
//! ```text
//! push ──► waiting ──sent──► in flight ──acknowledged──► gone
//!             ▲                  │
//!             └──────time────────┘   sent again, later each time
//! ```
//!
//! One update of a task is in flight at a time, so the agent gets them in order even when a call
//! fails in between. A terminal update that is never acknowledged is dropped after some tries: the
//! agent acknowledges no update of a task that it has completed (PROTOCOL §9.4).

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
    flight: Option<Flight>,
    acknowledged_one: bool,
}

/// The oldest update has been sent.
#[derive(Debug, Clone, Copy)]
struct Flight {
    again_at: Instant,
    tries: u32,
}

/// An agent on the same machine acknowledges within milliseconds; one that recovers answers 503
/// for some seconds.
const RESEND_FIRST: Duration = Duration::from_secs(1);

/// An agent that is busy with its own recovery is not helped by more.
const RESEND_MAX: Duration = Duration::from_secs(30);

/// Tries of a terminal update, together about two and a half minutes of a standing subscription:
/// longer than any recovery of an agent within which it would still take the update.
const TERMINAL_TRIES_MAX: u32 = 9;

impl Updates {
    pub(super) fn push(&mut self, update: Update) {
        self.waiting.push_back(update);
    }

    /// Updates that are not acknowledged, oldest first.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Update> {
        self.waiting.iter()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether the agent has acknowledged any update, and so the task.
    pub(super) fn task_is_acknowledged(&self) -> bool {
        self.acknowledged_one
    }

    /// The agent has one of them.
    pub(super) fn acknowledged(&mut self, uuid: Uuid) {
        let Some(index) = self.waiting.iter().position(|update| update.uuid == uuid) else {
            return;
        };
        self.waiting.remove(index);
        self.acknowledged_one = true;
        if index == 0 {
            self.flight = None;
        }
    }

    /// A subscription carried all of them: what was in flight has been sent once more.
    pub(super) fn subscribed(&mut self, now: Instant) {
        if let Some(flight) = &mut self.flight {
            *flight = flight.next(now);
        }
    }

    /// The oldest update, when it was never sent or its time has come again.
    pub(super) fn next_to_send(&mut self, now: Instant) -> Option<Update> {
        let update = self.waiting.front()?;
        let flight = match self.flight {
            None => Flight {
                again_at: now + RESEND_FIRST,
                tries: 1,
            },
            Some(flight) if flight.again_at <= now => flight.next(now),
            Some(_) => return None,
        };
        self.flight = Some(flight);
        Some(update.clone())
    }

    /// Drops a terminal update that was tried often enough, when its last try has had its time.
    pub(super) fn give_up(&mut self, now: Instant) {
        let terminal = self.waiting.front().map(|update| update.finality);
        let tried = self
            .flight
            .is_some_and(|flight| flight.tries >= TERMINAL_TRIES_MAX && flight.again_at <= now);
        if terminal == Some(Finality::Terminal) && tried {
            self.waiting.pop_front();
            self.flight = None;
        }
    }

    /// When the oldest is to be sent again.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.flight.map(|flight| flight.again_at)
    }
}

impl Flight {
    fn next(self, now: Instant) -> Self {
        let tries = self.tries.saturating_add(1);
        let wait = RESEND_FIRST
            .saturating_mul(1 << self.tries.min(16))
            .min(RESEND_MAX);
        Self {
            again_at: now + wait,
            tries,
        }
    }
}

impl Update {
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
