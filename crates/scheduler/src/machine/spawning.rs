//! Tasks that the app scheduler adds: all of them or none.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use thiserror::Error;

use super::{Purpose, Scheduler, State, Wave};
use crate::io::{Output, Progress, SpawnFailed, SpawnId};
use crate::job::TASKS_MAX;

/// What is known about spawns.
#[derive(Debug, Default)]
pub(super) struct Spawning {
    /// How many there were.
    count: u64,
    /// Tasks of failed spawns that were launched: how they end is of no consequence.
    given_up: BTreeSet<usize>,
}

/// Why tasks are not spawned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SpawnRefused {
    /// No group has that name.
    #[error("there is no such group")]
    Unknown,
    /// All tasks are ending, or the gang is not up yet.
    #[error("the job is being shut down")]
    ShuttingDown,
    /// The job would have too many tasks, those that have ended among them.
    #[error("the job would have more than {TASKS_MAX} tasks")]
    TooMany,
}

impl Scheduler {
    /// Adds tasks to a group for the app scheduler: they are placed and begin together. What
    /// becomes of them is told by [`Output::Spawned`], once.
    ///
    /// Their names continue the numbers of the group; none is used twice, even if the spawn fails.
    ///
    /// # Errors
    /// When they cannot be added, whatever the cluster offers.
    pub fn spawn(
        &mut self,
        now: Instant,
        group: &str,
        count: u32,
    ) -> Result<SpawnId, SpawnRefused> {
        if !matches!(self.state, State::Running) {
            return Err(SpawnRefused::ShuttingDown);
        }
        let mut groups = self.job.groups.iter();
        let group = groups
            .position(|known| known.name == group)
            .ok_or(SpawnRefused::Unknown)?;
        let known = self.ledger.tasks().len() as u64;
        if known + u64::from(count) > TASKS_MAX {
            return Err(SpawnRefused::TooMany);
        }
        self.spawning.count += 1;
        let spawn = SpawnId(self.spawning.count);
        let name = &self.job.groups[group].name;
        let tasks = self.ledger.add(group, name, count);
        let until = now + self.job.timing.gang;
        let wave = Wave::new(Purpose::Spawn(spawn), tasks, now, None, until);
        self.begin_wave(now, wave);
        self.advance(now);
        Ok(spawn)
    }

    /// Undoes a spawn: what was launched of it is killed.
    pub(super) fn fail_spawn(&mut self, now: Instant, wave: usize, why: SpawnFailed) {
        let mut wave = self.waves.remove(wave);
        self.end_wait(wave.take_waits());
        let mut closed = Vec::new();
        for &task in wave.tasks() {
            if self.ledger.is_pending(task) {
                self.ledger.cancel(task);
                self.tell_over(task);
                // Nobody has heard of one that was never launched.
                if !self.ledger.tasks()[task].never_was() {
                    self.tell_cancelled(task);
                }
            } else if !self.ledger.tasks()[task].is_over() {
                // No function of it has begun that could use a grace.
                self.ledger.order_kill(task, now, Some(Duration::ZERO));
                self.spawning.given_up.insert(task);
                closed.push(self.ledger.tasks()[task].name().to_owned());
            }
        }
        if !closed.is_empty() {
            self.output(Output::CloseInputs(closed));
        }
        self.end_spawn(&wave, why);
        self.settle_offers();
    }

    /// Whether a task belongs to a failed spawn.
    pub(super) fn has_never_begun(&self, task: usize) -> bool {
        self.spawning.given_up.contains(&task)
    }

    /// The job ends: nothing is placed any more.
    pub(super) fn end_waves(&mut self) {
        self.given_up.clear();
        for mut wave in std::mem::take(&mut self.waves) {
            self.end_wait(wave.take_waits());
            for &task in wave.tasks() {
                if self.ledger.is_pending(task) {
                    self.tell_over(task);
                }
            }
            self.end_spawn(&wave, SpawnFailed::ShuttingDown);
        }
    }

    /// Answers whoever has asked for a spawn, if the wave is one.
    fn end_spawn(&mut self, wave: &Wave, why: SpawnFailed) {
        let Purpose::Spawn(spawn) = wave.purpose else {
            return;
        };
        if let Some(&first) = wave.tasks().first() {
            let group = self.ledger.tasks()[first].group();
            self.report(Progress::SpawnFailed {
                group: self.job.groups[group].name.clone(),
                count: wave.tasks().len(),
                why: why.clone(),
            });
        }
        let result = Err(why);
        self.output(Output::Spawned { spawn, result });
    }
}
