//! What people and the app scheduler ask for while a job runs: the end of a task, or its next life.
//!
//! ```text
//!            restart                 it has ended
//! Running ───────────► returning ──────────────────► launched again, as a wave of its own
//!    │                     │ kill                             ▲
//!    │ kill                ▼                     restart      │
//!    └──────────────────► ending ─────────────► Ended ────────┘
//! ```

use std::collections::BTreeSet;
use std::time::Instant;

use thiserror::Error;

use super::{Purpose, Scheduler, State, Wave};
use crate::io::{Output, Progress};

/// Tasks that come back because somebody has asked for it.
#[derive(Debug, Default)]
pub(super) struct Returns {
    /// Those that have to end first.
    awaited: BTreeSet<usize>,
    /// All that were ever asked for: those who send to one of them wait for its next life, until
    /// it is told that there is none.
    asked: BTreeSet<usize>,
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Not all tasks of the gang are up yet.
    Starting,
    /// All were up, and the app scheduler runs.
    Running,
    /// All tasks are ending, or have ended.
    Ending,
}

/// Why a task is not killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KillRefused {
    /// No task has that name.
    #[error("there is no such task")]
    Unknown,
    /// All tasks are ending anyway.
    #[error("the job is being shut down")]
    ShuttingDown,
}

/// Why a task is not restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RestartRefused {
    /// No task has that name.
    #[error("there is no such task")]
    Unknown,
    /// The gang is being placed and launched.
    #[error("the gang is not up yet")]
    NotUp,
    /// All tasks are ending.
    #[error("the job is being shut down")]
    ShuttingDown,
    /// It is being started or restarted, or others with it.
    #[error("the task is being started or restarted already")]
    Starting,
    /// It belongs to a spawn that has failed: nobody was told its name.
    #[error("the task never began: others that were spawned with it failed")]
    NeverBegan,
}

impl Scheduler {
    /// How far the job is.
    pub fn phase(&self) -> Phase {
        match self.state {
            State::Waiting { .. } | State::Starting => Phase::Starting,
            State::Running => Phase::Running,
            State::Stopping { .. } | State::Ended => Phase::Ending,
        }
    }

    /// Kills a task. One that has ended stays as it is; one that waits to be launched again, or is
    /// to be restarted, is not.
    ///
    /// # Errors
    /// When there is nothing to kill, or everything is.
    pub fn kill(&mut self, now: Instant, task: &str) -> Result<(), KillRefused> {
        if self.phase() == Phase::Ending {
            return Err(KillRefused::ShuttingDown);
        }
        let index = self.ledger.index_of(task).ok_or(KillRefused::Unknown)?;
        self.returns.awaited.remove(&index);
        self.given_up.take(index);
        if self.ledger.is_pending(index) {
            self.cancel_launch(index);
        } else {
            self.ledger.order_kill(index, now, None);
        }
        self.advance(now);
        Ok(())
    }

    /// Gives a task a new life, whatever the policy of its group: if it lives it is killed, with
    /// its grace; once it has ended it is placed by the rules of its group, at once and without
    /// counting among its restarts. If there is no place in time, the job ends, unless it would have
    /// gone on without the task.
    ///
    /// # Errors
    /// When it cannot have one now.
    pub fn restart(&mut self, now: Instant, task: &str) -> Result<(), RestartRefused> {
        match self.phase() {
            Phase::Starting => return Err(RestartRefused::NotUp),
            Phase::Running => {}
            Phase::Ending => return Err(RestartRefused::ShuttingDown),
        }
        let index = self.ledger.index_of(task);
        let index = index.filter(|index| !self.ledger.tasks()[*index].never_was());
        let index = index.ok_or(RestartRefused::Unknown)?;
        if self.returns.awaited.contains(&index) || self.wave_of(index).is_some() {
            return Err(RestartRefused::Starting);
        }
        if self.has_never_begun(index) {
            return Err(RestartRefused::NeverBegan);
        }
        self.returns.asked.insert(index);
        self.output(Output::TaskReturns(task.to_owned()));
        if self.ledger.tasks()[index].is_over() {
            self.launch_again(now, index);
        } else {
            self.returns.awaited.insert(index);
            self.ledger.order_kill(index, now, None);
        }
        self.advance(now);
        self.remember();
        Ok(())
    }

    /// A task that has ended, and was waited for, has its next life.
    pub(super) fn launch_again(&mut self, now: Instant, index: usize) {
        self.ledger.retry(index);
        let task = self.ledger.tasks()[index].name().to_owned();
        self.report(Progress::RestartingByRequest { task });
        let until = now + self.job.timing.gang;
        let wave = Wave::new(Purpose::Requested, vec![index], now, None, until);
        self.begin_wave(now, wave);
    }

    /// Whether a task is launched again when it has ended.
    pub(super) fn is_awaited(&self, index: usize) -> bool {
        self.returns.awaited.contains(&index)
    }

    /// Whether a task has ended that is to be launched again; it is not waited for any more.
    pub(super) fn take_awaited(&mut self, index: usize) -> bool {
        self.returns.awaited.remove(&index)
    }

    /// Whether a restart of the task was ever asked for.
    pub(super) fn was_asked_for(&self, index: usize) -> bool {
        self.returns.asked.contains(&index)
    }

    /// The job ends: nothing returns.
    pub(super) fn end_returns(&mut self) {
        self.returns.awaited.clear();
    }
}
