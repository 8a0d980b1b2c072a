//! One task's life as the executor machine decides it.
//!
//! ```text
//! Preparing ──ready──► Ready ──barrier lifted──► Running ──stop──► Stopping ──grace──► Forced
//!     │                  │                          │                 │                  │
//!     └───────stop───────┴──► Cancelled             │                 │                  │
//!                                 └────────ended────┴─────────────────┴──────────────────┴─► Ended
//! ```
//!
//! - *Preparing*: its module is fetched, compiled, instantiated. *Ready*: it waits for the barrier.
//! - *Stopping*: its `in` channel is closed and it has until its grace is over to return.
//! - *Cancelled*, *Forced*: it is being stopped by force, before or after its function began.

use std::time::{Duration, Instant};

use super::updates::Updates;
use crate::outcome::{Asked, Outcome, TaskEnd};

/// One task.
#[derive(Debug)]
pub(crate) struct TaskRun {
    phase: Phase,
    kill_grace: Duration,
    pub(crate) updates: Updates,
    /// What the machine has noted as its next deadline.
    pub(super) due: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Preparing,
    Ready,
    Running,
    Stopping { force_at: Instant },
    Cancelled,
    Forced,
    Ended,
}

/// What follows from telling a task to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It has been told before, or has ended.
    Nothing,
    /// Its function never began: nothing to wait for.
    Stop,
    /// It is told by its `in` channel, which closes by `close_at`, and is stopped by force when its
    /// grace is over.
    CloseInbox { close_at: Instant },
    /// It had been told before; the time to stop it by force has moved forward.
    Sooner,
}

/// The longest grace: beyond any that a job needs, and far from the end of the clock.
const GRACE_MAX: Duration = Duration::from_secs(30 * 24 * 3600);

/// How long a close by the scheduler's end is waited for before the executor closes a task's `in`
/// channel itself: several retransmissions of a frame on one host or in one data centre. Never
/// more than a quarter of the grace, which the task needs to end.
const CLOSE_WAIT: Duration = Duration::from_millis(500);

impl TaskRun {
    pub(super) fn new(kill_grace: Duration) -> Self {
        Self {
            phase: Phase::Preparing,
            kill_grace,
            updates: Updates::default(),
            due: None,
        }
    }

    pub(super) fn kill_grace(&self) -> Duration {
        self.kill_grace
    }

    /// It is instantiated. Whether that is news.
    pub(super) fn ready(&mut self) -> bool {
        let news = self.phase == Phase::Preparing;
        if news {
            self.phase = Phase::Ready;
        }
        news
    }

    /// Its function may begin. Whether it does.
    pub(super) fn begin(&mut self) -> bool {
        let begins = self.phase == Phase::Ready;
        if begins {
            self.phase = Phase::Running;
        }
        begins
    }

    /// It is told to stop, with a grace of its own or the one given.
    pub(super) fn stop(&mut self, now: Instant, grace: Option<Duration>) -> Step {
        let grace = grace.unwrap_or(self.kill_grace).min(GRACE_MAX);
        let force_at = now + grace;
        match self.phase {
            Phase::Preparing | Phase::Ready => {
                self.phase = Phase::Cancelled;
                Step::Stop
            }
            Phase::Running => {
                self.phase = Phase::Stopping { force_at };
                let close_at = now + CLOSE_WAIT.min(grace / 4);
                Step::CloseInbox { close_at }
            }
            // A kill is repeated until its end is seen: only a shorter grace changes anything.
            Phase::Stopping { force_at: planned } if force_at < planned => {
                self.phase = Phase::Stopping { force_at };
                Step::Sooner
            }
            Phase::Stopping { .. } | Phase::Cancelled | Phase::Forced | Phase::Ended => {
                Step::Nothing
            }
        }
    }

    pub(super) fn force_at(&self) -> Option<Instant> {
        match self.phase {
            Phase::Stopping { force_at } => Some(force_at),
            _ => None,
        }
    }

    /// Whether its grace is over; if so it is to be stopped by force, once.
    pub(super) fn force(&mut self, now: Instant) -> bool {
        let over = self.force_at().is_some_and(|at| at <= now);
        if over {
            self.phase = Phase::Forced;
        }
        over
    }

    /// Its life is over. What Mesos is to be told, unless it has been told.
    pub(super) fn ended(&mut self, outcome: &Outcome) -> Option<TaskEnd> {
        let end = match self.phase {
            Phase::Ended => return None,
            Phase::Preparing | Phase::Ready | Phase::Running => TaskEnd::of(outcome, Asked::No),
            Phase::Cancelled if *outcome == Outcome::Stopped => {
                TaskEnd::of(&Outcome::NeverBegan, Asked::Yes)
            }
            Phase::Stopping { .. } | Phase::Cancelled | Phase::Forced => {
                TaskEnd::of(outcome, Asked::Yes)
            }
        };
        self.phase = Phase::Ended;
        Some(end)
    }

    pub(super) fn is_ended(&self) -> bool {
        self.phase == Phase::Ended
    }
}
