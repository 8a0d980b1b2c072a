//! Tasks that are to be up together and in time, or undone: the gang, and what is spawned. Tasks
//! that are restarted are here for their time only; that those which were lost together come back
//! together is no promise.

use std::collections::BTreeSet;
use std::time::Instant;

use mesos::ExecutorId;
use scheduler::{SpawnFailed, SpawnId};

use super::books::Attempts;
use crate::violation::Violation;

/// All waves that are not up.
#[derive(Debug, Default)]
pub(super) struct Waves {
    open: Vec<Wave>,
    /// Spawns that are to be answered.
    owed: BTreeSet<SpawnId>,
    /// The tasks of spawns that failed; how they end is of no consequence.
    given_up: BTreeSet<String>,
}

#[derive(Debug)]
struct Wave {
    purpose: Purpose,
    names: BTreeSet<String>,
    /// When it must be up or undone.
    until: Instant,
    /// Whether all of it has been launched once.
    is_launched: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Purpose {
    Gang,
    Spawn(SpawnId),
    /// The executor of the first task of it that failed.
    Restart(Option<ExecutorId>),
    /// Somebody has asked for it.
    Requested,
}

impl Wave {
    /// Whether all of it begins, or nothing.
    fn is_whole(&self) -> bool {
        !matches!(self.purpose, Purpose::Restart(_) | Purpose::Requested)
    }
}

impl Waves {
    pub(super) fn begin_gang(&mut self, names: BTreeSet<String>, until: Instant) {
        self.begin(Purpose::Gang, names, until);
    }

    pub(super) fn begin_spawn(&mut self, spawn: SpawnId, names: BTreeSet<String>, until: Instant) {
        self.owed.insert(spawn);
        self.begin(Purpose::Spawn(spawn), names, until);
    }

    fn begin(&mut self, purpose: Purpose, names: BTreeSet<String>, until: Instant) {
        self.open.push(Wave {
            purpose,
            names,
            until,
            is_launched: false,
        });
    }

    /// A task is launched again, and has until then to be up; one that is a part of something
    /// larger has no time of its own.
    pub(super) fn restart(&mut self, name: &str, executor: Option<&ExecutorId>, until: Instant) {
        if let Some(wave) = self.wave_of(name) {
            if !wave.is_whole() {
                wave.until = wave.until.max(until);
            }
            return;
        }
        // Those that one executor took along may wait for each other.
        let purpose = Purpose::Restart(executor.cloned());
        match self.open.iter_mut().find(|wave| wave.purpose == purpose) {
            Some(wave) => {
                wave.until = wave.until.max(until);
                wave.names.insert(name.to_owned());
            }
            None => self.begin(purpose, [name.to_owned()].into(), until),
        }
    }

    /// A task is launched again because somebody has asked for it.
    pub(super) fn restart_asked(&mut self, name: &str, until: Instant) {
        // It may have been cancelled while it waited for another launch.
        for wave in &mut self.open {
            wave.names.remove(name);
        }
        self.open.retain(|wave| !wave.names.is_empty());
        self.begin(Purpose::Requested, [name.to_owned()].into(), until);
    }

    /// A task that is launched again has until then at least, if it has a time at all.
    pub(super) fn extend(&mut self, name: &str, until: Instant) {
        if let Some(wave) = self.wave_of(name) {
            wave.until = wave.until.max(until);
        }
    }

    fn wave_of(&mut self, name: &str) -> Option<&mut Wave> {
        self.open.iter_mut().find(|wave| wave.names.contains(name))
    }

    /// Whether a task is spawned and not up yet, or undone: its failure is that of the spawn only.
    pub(super) fn is_spawned(&self, name: &str) -> bool {
        let is_spawn = |wave: &Wave| matches!(wave.purpose, Purpose::Spawn(_));
        let mut open = self.open.iter();
        self.given_up.contains(name) || open.any(|wave| is_spawn(wave) && wave.names.contains(name))
    }

    /// The functions of the tasks of these executors are to begin.
    pub(super) fn lift(
        &mut self,
        executors: &[ExecutorId],
        attempts: &Attempts,
    ) -> Result<(), Violation> {
        let is_lifted = |name: &String| {
            let executor = attempts.living_with(name);
            executor.filter(|executor| executors.contains(executor))
        };
        for wave in &mut self.open {
            let lifted = wave.names.iter().find_map(&is_lifted);
            if let Some(executor) = lifted
                && wave.is_whole()
                && !wave.names.iter().all(|name| attempts.is_up(name))
            {
                return Err(Violation::LiftedEarly(executor.clone()));
            }
            if !wave.is_whole() {
                wave.names.retain(|name| is_lifted(name).is_none());
            }
        }
        self.open.retain(|wave| !wave.names.is_empty());
        Ok(())
    }

    /// The gang is up; answers whether it was still to be.
    pub(super) fn end_gang(&mut self) -> bool {
        let gang = self.open.iter();
        let gang = gang.take_while(|wave| wave.purpose != Purpose::Gang);
        let index = gang.count();
        let is_open = index < self.open.len();
        if is_open {
            self.open.remove(index);
        }
        is_open
    }

    /// A spawn is answered; answers the tasks of one that is undone.
    pub(super) fn answer(
        &mut self,
        now: Instant,
        spawn: SpawnId,
        result: &Result<Vec<String>, SpawnFailed>,
        attempts: &Attempts,
    ) -> Result<BTreeSet<String>, Violation> {
        if !self.owed.remove(&spawn) {
            return Err(Violation::SpawnAnswered);
        }
        let purpose = Purpose::Spawn(spawn);
        let open = self.open.iter().position(|wave| wave.purpose == purpose);
        // None when the job is being shut down, and all waves with it.
        let wave = open.map(|index| self.open.remove(index));
        let is_right = match (&wave, result) {
            (Some(wave), Ok(names)) => {
                let is_up = |name: &String| attempts.is_up(name);
                wave.names == names.iter().cloned().collect() && wave.names.iter().all(is_up)
            }
            (Some(wave), Err(SpawnFailed::NeverPlaced(_))) => now >= wave.until,
            (Some(_), Err(SpawnFailed::TaskFailed(_) | SpawnFailed::Unconnected(_))) => true,
            (None, Err(SpawnFailed::ShuttingDown)) => true,
            (None, _) | (Some(_), Err(SpawnFailed::ShuttingDown)) => false,
        };
        if !is_right {
            return Err(Violation::SpawnAnswered);
        }
        match (wave, result) {
            (Some(wave), Err(_)) => {
                self.given_up.extend(wave.names.iter().cloned());
                Ok(wave.names)
            }
            _ => Ok(BTreeSet::new()),
        }
    }

    /// The job ends: nothing has to be up any more, but spawns are still answered.
    pub(super) fn end(&mut self) {
        self.open.clear();
    }

    /// Whether somebody waits for the answer to a spawn.
    pub(super) fn owes_answers(&self) -> bool {
        !self.owed.is_empty()
    }

    /// The first launch of a gang or a spawn is that of all of it, in one step of the machine.
    pub(super) fn settle(&mut self, attempts: &Attempts) -> Result<(), Violation> {
        for wave in self.open.iter_mut().filter(|wave| wave.is_whole()) {
            if wave.is_launched || !wave.names.iter().any(|name| attempts.was_launched(name)) {
                continue;
            }
            wave.is_launched = true;
            if let Some(name) = wave.names.iter().find(|name| attempts.is_waiting(name)) {
                return Err(Violation::PartLaunched(name.clone()));
            }
        }
        Ok(())
    }

    /// A wave that should be up or undone by now.
    pub(super) fn late(&mut self, now: Instant, attempts: &Attempts) -> Option<Violation> {
        let late = self.open.iter_mut().filter(|wave| wave.until < now);
        late.filter_map(|wave| match wave.purpose {
            Purpose::Gang => Some(Violation::GangTimeout),
            Purpose::Spawn(_) => Some(Violation::SpawnTimeout),
            Purpose::Restart(_) | Purpose::Requested => {
                let mut names = wave.names.iter();
                let late = names.find(|name| !attempts.is_over(name));
                Some(Violation::RestartTimeout(late?.clone()))
            }
        })
        .next()
    }
}
