//! Tasks that are placed together and begin together, or not at all.
//!
//! ```text
//!             ┌───────────── a task of it fails and is restarted ──────────────┐
//!             ▼                                                                │
//! ──► Resting ──its time has come──► Placing ──it fits──► Launching ──all up──►│
//!                                       │                  │    ▲              │
//!                                       │ not in time      │    └─ lost on the way: placed again
//!                                       ▼                  ▼
//!                                            given up
//! ```
//! The first gang is a wave, tasks that are restarted are one, and those that the app scheduler
//! spawns. A wave ends when all of it is up, and the functions of its tasks begin.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use mesos::{AgentId, ExecutorId};

use super::demands::Demands;
use super::restarting::GivenUp;
use super::{Scheduler, State};
use crate::io::{NeverPlaced, NotUp, Outcome, Output, Progress, SpawnFailed, SpawnId, WaveId};
use crate::job::{Barrier, OnFailure};
use crate::ledger::Ledger;
use crate::placement::{Shortfall, Site};
use crate::status::TaskState;

/// How long to wait for a first offer before that is worth telling.
const QUIET: Duration = Duration::from_secs(3);

/// How often at most it is found out why a wave does not fit: for thousands of tasks that takes
/// longer than to find that out, and people do not read faster. Offers come once a second.
const EXPLAIN_EVERY: Duration = Duration::from_secs(1);

/// Tasks that are placed together.
#[derive(Debug)]
pub(super) struct Wave {
    pub(super) purpose: Purpose,
    /// By index, ascending.
    tasks: Vec<usize>,
    /// Nothing of it is placed before this time.
    rest: Option<Instant>,
    /// When it is given up.
    until: Instant,
    stage: Stage,
    /// Its id, while people have been told that it waits.
    waits: Option<WaveId>,
    /// The place in `tasks` of one that was not up when last looked at. Only when that one is up,
    /// the others are looked at: a wave of thousands does not look at all of them every time.
    watched: usize,
}

/// What a wave is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It is the job's first gang.
    Gang,
    /// Its tasks have failed.
    Restart {
        /// The executor that they were lost with, if they were.
        lost: Option<ExecutorId>,
    },
    /// Somebody has asked for the restart of its task.
    Requested,
    /// The app scheduler wants more tasks.
    Spawn(SpawnId),
}

#[derive(Debug)]
enum Stage {
    /// Nothing is launched.
    Placing {
        /// The last that was told about why it does not fit.
        shortfall: Option<Shortfall>,
        /// When that was found out.
        explained: Option<Instant>,
        /// What it did not fit on since then.
        unexplained: Option<Vec<Site>>,
        /// When to tell that nothing is offered.
        tell_at: Option<Instant>,
    },
    /// All of it has been launched; what was lost on the way is placed again.
    Launching,
}

impl Wave {
    /// A wave that has until `until` to be up, and is not placed before `rest`.
    pub(super) fn new(
        purpose: Purpose,
        tasks: Vec<usize>,
        now: Instant,
        rest: Option<Instant>,
        until: Instant,
    ) -> Self {
        debug_assert!(tasks.is_sorted(), "members are looked for by halving");
        Self {
            purpose,
            tasks,
            rest,
            until,
            stage: Stage::Placing {
                shortfall: None,
                explained: None,
                unexplained: None,
                // One that rests wants no offers.
                tell_at: rest.is_none().then(|| now + QUIET),
            },
            waits: None,
            watched: 0,
        }
    }

    pub(super) fn tasks(&self) -> &[usize] {
        &self.tasks
    }

    pub(super) fn contains(&self, task: usize) -> bool {
        self.tasks.binary_search(&task).is_ok()
    }

    /// Adds a task to a wave that rests.
    pub(super) fn join(&mut self, task: usize) {
        if let Err(place) = self.tasks.binary_search(&task) {
            self.tasks.insert(place, task);
        }
    }

    pub(super) fn is_resting(&self) -> bool {
        self.rest.is_some()
    }

    /// Lets nothing of it be placed before `at`.
    pub(super) fn rest_until(&mut self, at: Instant) {
        self.rest = self.rest.max(Some(at));
    }

    /// Gives it until then at least.
    pub(super) fn extend(&mut self, until: Instant) {
        self.until = self.until.max(until);
    }

    /// Its tasks that want a place now, ascending.
    pub(super) fn wanting<'a>(&'a self, ledger: &'a Ledger) -> impl Iterator<Item = usize> + 'a {
        let pending = ledger.pending().filter(|&task| self.contains(task));
        pending.filter(|_| !self.is_resting())
    }

    /// Notes that all of it has been launched.
    pub(super) fn launched(&mut self) {
        self.stage = Stage::Launching;
    }

    /// Its id, if it was told that it waits; it does so no longer.
    pub(super) fn take_waits(&mut self) -> Option<WaveId> {
        self.waits.take()
    }

    /// Whether it may be found out again why it does not fit.
    pub(super) fn may_explain(&self, now: Instant) -> bool {
        match &self.stage {
            Stage::Placing { explained, .. } => {
                explained.is_none_or(|last| now >= last + EXPLAIN_EVERY)
            }
            Stage::Launching => false,
        }
    }

    /// Notes what it did not fit on, for when it is time to say why.
    pub(super) fn explain_later(&mut self, sites: Vec<Site>) {
        if let Stage::Placing { unexplained, .. } = &mut self.stage {
            *unexplained = Some(sites);
        }
    }

    /// What it did not fit on, without having been told why.
    pub(super) fn take_unexplained(&mut self) -> Option<Vec<Site>> {
        match &mut self.stage {
            Stage::Placing { unexplained, .. } => unexplained.take(),
            Stage::Launching => None,
        }
    }

    /// When it is to be said why it does not fit.
    fn explain_at(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Placing {
                explained: Some(last),
                unexplained: Some(_),
                ..
            } => Some(*last + EXPLAIN_EVERY),
            Stage::Placing { .. } | Stage::Launching => None,
        }
    }

    /// Notes why it does not fit; whether that is news.
    pub(super) fn note(&mut self, now: Instant, new: &Shortfall) -> bool {
        let Stage::Placing {
            shortfall,
            explained,
            unexplained,
            tell_at,
        } = &mut self.stage
        else {
            return false;
        };
        *tell_at = None;
        *explained = Some(now);
        *unexplained = None;
        // Once offers have been given back, what is offered next is only a part of the picture
        // again; it is still what is known.
        let is_news = shortfall.as_ref() != Some(new);
        if is_news {
            *shortfall = Some(new.clone());
        }
        is_news
    }

    /// When something is due, if nothing happens before.
    pub(super) fn poll_timeout(&self) -> Instant {
        let next = match (self.rest, &self.stage) {
            (Some(rest), _) => Some(rest),
            (None, Stage::Placing { tell_at, .. }) => *tell_at,
            (None, Stage::Launching) => None,
        };
        let soonest = next.into_iter().chain(self.explain_at());
        soonest.fold(self.until, Instant::min)
    }

    /// A task of it that is neither up nor over.
    fn late(&mut self, ledger: &Ledger, useless: Useless<'_>) -> Option<usize> {
        let count = self.tasks.len();
        let late = (0..count)
            .map(|step| (self.watched + step) % count)
            .find(|&place| {
                let task = self.tasks[place];
                !useless.is_up(ledger, task) && !ledger.tasks()[task].is_over()
            })?;
        self.watched = late;
        Some(self.tasks[late])
    }

    /// How many tasks of it are up.
    fn up(&self, ledger: &Ledger, useless: Useless<'_>) -> usize {
        let tasks = self.tasks.iter();
        tasks.filter(|task| useless.is_up(ledger, **task)).count()
    }

    /// The executors of its living tasks.
    pub(super) fn executors(&self, ledger: &Ledger) -> BTreeSet<ExecutorId> {
        let tasks = self.tasks.iter().map(|&task| &ledger.tasks()[task]);
        let living = tasks.filter(|task| !task.is_over());
        living.filter_map(|task| task.executor().cloned()).collect()
    }
}

/// Tasks that are not up although they run.
#[derive(Debug, Clone, Copy)]
struct Useless<'a> {
    /// They cannot be spoken to.
    abandoned: &'a Demands<ExecutorId, AgentId>,
    given_up: &'a GivenUp,
}

impl Useless<'_> {
    /// Whether a task runs and is of use.
    fn is_up(self, ledger: &Ledger, task: usize) -> bool {
        let mut executor = ledger.tasks()[task].executor().into_iter();
        ledger.tasks()[task].state() == Some(TaskState::Running)
            && !executor.any(|executor| self.abandoned.contains(executor))
            && !self.given_up.contains(task)
    }
}

impl Scheduler {
    /// Lets a wave begin, beside others.
    pub(super) fn begin_wave(&mut self, now: Instant, wave: Wave) {
        let rests = wave.is_resting();
        self.waves.push(wave);
        if !rests {
            self.place_more(now);
        }
    }

    /// The wave to which a task belongs that is not up yet.
    pub(super) fn wave_of(&self, task: usize) -> Option<usize> {
        self.waves.iter().position(|wave| wave.contains(task))
    }

    /// Does what the time and the last input have made due for the waves.
    pub(super) fn advance_waves(&mut self, now: Instant) {
        self.end_rests(now);
        let mut index = 0;
        // The end of the job is the end of all waves.
        while index < self.waves.len() {
            if self.late(index).is_none() && self.unconnected(index).is_none() {
                let wave = self.waves.remove(index);
                self.lift_barrier(wave);
            } else if now >= self.waves[index].until {
                self.give_up(now, index);
            } else {
                self.tell_quiet(now, index);
                if self.waves[index].explain_at().is_some_and(|at| at <= now) {
                    self.explain(now, index);
                }
                index += 1;
            }
        }
    }

    /// A task of a wave that is neither up nor over.
    fn late(&mut self, index: usize) -> Option<usize> {
        let useless = Useless {
            abandoned: &self.abandoned,
            given_up: &self.given_up,
        };
        self.waves[index].late(&self.ledger, useless)
    }

    /// Lets those be placed that have rested.
    fn end_rests(&mut self, now: Instant) {
        let mut has_begun = false;
        for wave in &mut self.waves {
            if wave.rest.take_if(|at| *at <= now).is_none() {
                continue;
            }
            has_begun = true;
            if let Stage::Placing { tell_at, .. } = &mut wave.stage {
                *tell_at = Some(now + QUIET);
            }
        }
        if has_begun {
            self.place_more(now);
        }
    }

    /// More tasks want a place than before.
    fn place_more(&mut self, now: Instant) {
        self.want_offers();
        // Another wave may have left some of what is held.
        if self.holds_offers() {
            self.place(now);
        }
    }

    /// Says that nothing is offered, once.
    fn tell_quiet(&mut self, now: Instant, index: usize) {
        if let Stage::Placing {
            tell_at: tell_at @ Some(_),
            ..
        } = &mut self.waves[index].stage
            && *tell_at <= Some(now)
        {
            *tell_at = None;
            let nothing = self.nothing_offered(index);
            self.tell_waiting(index, nothing);
        }
    }

    /// Says why a wave does not fit.
    pub(super) fn tell_waiting(&mut self, index: usize, shortfall: Shortfall) {
        let wave = *self.waves[index].waits.get_or_insert_with(|| {
            self.waits += 1;
            WaveId(self.waits)
        });
        self.report(Progress::Waiting { wave, shortfall });
    }

    /// Says that a wave waits no longer, if that it does was told: it is launched, or removed.
    pub(super) fn end_wait(&mut self, waits: Option<WaveId>) {
        if let Some(wave) = waits {
            self.report(Progress::WaitOver(wave));
        }
    }

    /// An executor of a wave whose connection is still to be waited for.
    fn unconnected(&self, index: usize) -> Option<ExecutorId> {
        match self.job.barrier {
            Barrier::Tasks => None,
            Barrier::Connections => {
                let mut executors = self.waves[index].executors(&self.ledger).into_iter();
                executors.find(|executor| !self.connected.contains(executor))
            }
        }
    }

    /// All of a wave is up: the functions of its tasks begin.
    fn lift_barrier(&mut self, mut wave: Wave) {
        // It is still so if none of it is wanted any more.
        self.end_wait(wave.take_waits());
        let executors = wave.executors(&self.ledger);
        // Nothing comes of those that have ended.
        let ledger = &self.ledger;
        self.connected
            .retain(|executor| ledger.agent_of(executor).is_some());
        if !executors.is_empty() {
            self.output(Output::LiftBarrier(executors.into_iter().collect()));
        }
        match wave.purpose {
            Purpose::Gang => self.start_app(),
            Purpose::Restart { .. } | Purpose::Requested => {}
            Purpose::Spawn(spawn) => {
                let names = wave.tasks.iter().map(|&task| {
                    let task = &self.ledger.tasks()[task];
                    task.name().to_owned()
                });
                let result = Ok(names.collect());
                self.output(Output::Spawned { spawn, result });
            }
        }
    }

    /// Whether nothing depends on a wave: somebody wanted a task to be restarted whose failure
    /// would have been ignored.
    pub(super) fn may_wait_on(&self, index: usize) -> bool {
        let wave = &self.waves[index];
        let mut tasks = wave.tasks.iter();
        wave.purpose == Purpose::Requested
            && tasks.all(|&task| {
                let group = self.ledger.tasks()[task].group();
                self.job.groups[group].on_failure == OnFailure::Ignore
            })
    }

    /// A wave was not up in time.
    fn give_up(&mut self, now: Instant, index: usize) {
        self.explain(now, index);
        let may_wait = self.may_wait_on(index);
        if may_wait {
            let until = now + self.job.timing.gang;
            self.waves[index].extend(until);
        }
        // The first one is to be named.
        self.waves[index].watched = 0;
        let Some(late) = self.late(index) else {
            let reason = "it had not connected in time".to_owned();
            if let Some(executor) = self.unconnected(index) {
                self.give_up_connecting(now, executor, reason, may_wait);
            }
            return;
        };
        // Its place may come as long as the job runs.
        if may_wait && self.ledger.is_pending(late) {
            return;
        }
        let why = self.why_late(index, late);
        match &self.waves[index].purpose {
            Purpose::Gang => self.begin_stopping(now, Outcome::NeverPlaced(why)),
            Purpose::Requested if may_wait => {
                let why = match why {
                    NeverPlaced::NotUp { first, .. } => format!("it {}", first.1),
                    why => why.to_string(),
                };
                self.give_up_task(now, late, format!("not up in time: {why}"));
            }
            Purpose::Restart { .. } | Purpose::Requested => {
                let task = self.ledger.tasks()[late].name().to_owned();
                let why = Box::new(why);
                let why = NeverPlaced::NotRestarted { task, why };
                self.begin_stopping(now, Outcome::NeverPlaced(why));
            }
            Purpose::Spawn(_) => self.fail_spawn(now, index, SpawnFailed::NeverPlaced(why)),
        }
    }

    /// Why a wave is not up, of which a task is late.
    fn why_late(&self, index: usize, late: usize) -> NeverPlaced {
        let wave = &self.waves[index];
        let useless = Useless {
            abandoned: &self.abandoned,
            given_up: &self.given_up,
        };
        match &wave.stage {
            Stage::Placing { shortfall, .. } => {
                let shortfall = shortfall.clone();
                NeverPlaced::NoPlace(shortfall.unwrap_or_else(|| self.nothing_offered(index)))
            }
            Stage::Launching => NeverPlaced::NotUp {
                up: wave.up(&self.ledger, useless),
                tasks: wave.tasks.len(),
                first: {
                    let task = &self.ledger.tasks()[late];
                    let why = match task.state() {
                        None => NotUp::NoPlace,
                        Some(_) if self.given_up.contains(late) => NotUp::NotKilled,
                        Some(TaskState::Running) => NotUp::Abandoned,
                        Some(state) => NotUp::State(state),
                    };
                    (task.name().to_owned(), why)
                },
            },
        }
    }

    /// Whether any task wants a place now.
    pub(super) fn wants_places(&self) -> bool {
        match self.state {
            State::Waiting { .. } => true,
            // Most of the time nothing is pending at all.
            State::Starting | State::Running => {
                !self.ledger.is_placed()
                    && self
                        .waves
                        .iter()
                        .any(|wave| wave.wanting(&self.ledger).next().is_some())
            }
            State::Stopping { .. } | State::Ended => false,
        }
    }
}
