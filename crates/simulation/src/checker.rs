//! Holds what the scheduler machine hears and says, and what really happens, against the promises.
//!
//! A second, naive opinion: it keeps its own books of offers and attempts, in the simplest way
//! that can be right, and shares no code with the machine. It decides nothing and is told
//! everything: [`hear`](Checker::hear) and [`say`](Checker::say) at the machine,
//! [`settle`](Checker::settle) after each step of it, [`Truth`] from the cluster.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use mesos::{ExecutorId, TaskId};
use scheduler::{Command, Input, Job, OnFailure, SpawnId};

use crate::violation::Violation;

mod books;
mod offers;
mod places;
mod sayings;
mod streams;
#[cfg(test)]
mod tests;
mod truth;
mod waves;

use books::{Attempts, News};
use offers::Offers;
use places::Places;
pub(crate) use streams::{Direction, Streams};
pub(crate) use truth::Truth;
use waves::Waves;

/// Nothing that a stopping job waits for may take longer than this, beside the grace of its tasks:
/// 15 s for the kills, 5 s for the app scheduler, 15 s for a master, and some for the way.
const END_MAX: Duration = Duration::from_secs(40);

/// Checks one run.
#[derive(Debug)]
pub(crate) struct Checker {
    job: Job,
    violation: Option<Violation>,
    offers: Offers,
    places: Places,
    attempts: Attempts,
    pub(crate) truth: Truth,
    pub(crate) streams: Streams,
    is_subscribed: bool,
    was_subscribed: bool,
    waves: Waves,
    /// When the job must have ended.
    end_until: Option<Instant>,
    app: App,
    /// Reliable updates of this step that are to be acknowledged.
    owed: Vec<(TaskId, scheduler::Uuid)>,
    /// Ends of this step that are to be told.
    untold: Vec<TaskId>,
    /// Executors whose tasks have begun.
    lifted: BTreeSet<ExecutorId>,
    /// Tasks that will not be launched again.
    over: BTreeSet<String>,
    /// Tasks that are to be launched again once they have ended.
    returning: BTreeSet<String>,
    is_stopping: bool,
    has_failed: bool,
    teardown: Option<bool>,
    is_finished: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum App {
    NotStarted,
    Running,
    Over,
}

impl Checker {
    pub(crate) fn new(job: &Job, now: Instant) -> Self {
        Self {
            job: job.clone(),
            violation: None,
            offers: Offers::default(),
            places: Places::default(),
            attempts: Attempts::new(job),
            truth: Truth::default(),
            streams: Streams::default(),
            is_subscribed: false,
            was_subscribed: false,
            waves: Waves::default(),
            end_until: Some(now + job.timing.subscribe),
            app: App::NotStarted,
            owed: Vec::new(),
            untold: Vec::new(),
            lifted: BTreeSet::new(),
            over: BTreeSet::new(),
            returning: BTreeSet::new(),
            is_stopping: false,
            has_failed: false,
            teardown: None,
            is_finished: false,
        }
    }

    /// The first promise that was broken.
    pub(crate) fn violation(&self) -> Option<&Violation> {
        self.violation
            .as_ref()
            .or_else(|| self.truth.violation())
            .or_else(|| self.streams.violation())
    }

    pub(crate) fn break_promise(&mut self, violation: Violation) {
        self.violation.get_or_insert(violation);
    }

    /// Whether the machine has said its last word.
    pub(crate) fn is_finished(&self) -> bool {
        self.is_finished
    }

    /// Whether the end was a TEARDOWN; nothing if there has been no word of it.
    pub(crate) fn was_torn_down(&self) -> Option<bool> {
        self.teardown
    }

    /// The machine is about to be told this.
    pub(crate) fn hear(&mut self, now: Instant, input: &Input) {
        if self.is_finished {
            return;
        }
        match input {
            Input::Subscribed(_) => {
                self.is_subscribed = true;
                self.offers.void();
                let lost_at = now + self.job.timing.unreachable;
                self.attempts.wait_for_unreachable(Some(lost_at));
                if !std::mem::replace(&mut self.was_subscribed, true) {
                    let gang = self.attempts.names().clone();
                    let until = now + self.job.timing.gang;
                    self.waves.begin_gang(gang, until);
                    self.end_until = None;
                }
            }
            Input::Disconnected { .. } => {
                self.is_subscribed = false;
                self.offers.void();
                self.attempts.wait_for_unreachable(None);
            }
            Input::Refused { .. } => {
                self.is_subscribed = false;
                self.offers.void();
                self.end_until = Some(now);
                self.waves.end();
                // The master has removed it.
                self.teardown = Some(true);
            }
            Input::Offers(offers) => {
                for offer in offers {
                    self.offers.add(now, offer);
                    self.places.hear(offer);
                }
            }
            Input::Rescind(offer) => self.offers.rescind(offer),
            Input::Update(update) => {
                if let (Some(uuid), Some(_)) = (update.uuid, &update.agent) {
                    self.owed.push((update.task.clone(), uuid));
                }
                match self
                    .attempts
                    .update(now, update, self.job.timing.unreachable)
                {
                    News::Nothing => {}
                    News::End => self.untold.push(update.task.clone()),
                    News::Failure => {
                        self.untold.push(update.task.clone());
                        self.has_failed |= !self.is_ignored(&update.task);
                    }
                }
            }
            Input::CallFailed {
                call: scheduler::FailedCall::Accept(tasks),
                fault: scheduler::CallFault::NoEffect,
            } => tasks.iter().for_each(|task| self.attempts.undo(task)),
            Input::Command(Command::AppReturned(result)) => {
                self.app = App::Over;
                self.has_failed |= result.is_err();
            }
            Input::Command(Command::Unconnected { executor, .. }) if !self.is_stopping => {
                let tasks = self.attempts.living_in(executor).map(str::to_owned);
                let tasks: Vec<String> = tasks.collect();
                for task in &tasks {
                    // A spawn that cannot be connected to fails by itself.
                    if !self.waves.is_spawned(task) {
                        self.cannot_connect(now, executor, task);
                    }
                }
            }
            Input::Failure(_) | Input::CallFailed { .. } | Input::Command(_) | Input::Tick => {}
        }
    }

    /// A task will not be connected to. If it was to come back, and its group does not want the job
    /// to end with it, it is killed for that.
    fn cannot_connect(&mut self, now: Instant, executor: &ExecutorId, task: &str) {
        let is_back = self.app == App::NotStarted || self.lifted.contains(executor);
        if is_back || self.on_failure(task) == Some(OnFailure::Shutdown) {
            self.has_failed = true;
            return;
        }
        self.waves.extend(task, now + self.job.timing.gang);
        self.truth.kill_ordered(now, task);
    }

    /// The app scheduler wants more tasks, and the machine gives this number to the wish.
    pub(crate) fn spawn(&mut self, now: Instant, spawn: SpawnId, group: &str, count: u32) {
        let names = self.attempts.add(group, count);
        let until = now + self.job.timing.gang;
        self.waves.begin_spawn(spawn, names, until);
    }

    /// The machine gives no more tasks; that may be at the end only.
    pub(crate) fn refuse_spawn(&mut self) {
        if self.app == App::Running && !self.is_stopping {
            self.break_promise(Violation::SpawnAnswered);
        }
    }

    /// A task will be restarted, as somebody wants; answers whether it has to end first.
    pub(crate) fn restart(&mut self, task: &str) -> bool {
        self.returning.insert(task.to_owned());
        self.attempts.order_kill(task)
    }

    /// The app scheduler has a task killed; answers whether it should be there.
    pub(crate) fn kill(&mut self, task: &str) -> bool {
        self.returning.remove(task);
        self.attempts.order_kill(task)
    }

    /// The machine has said all that it has to say about the last input.
    pub(crate) fn settle(&mut self) {
        if let Some((task, _)) = self.owed.pop() {
            self.owed.clear();
            if !self.is_finished {
                self.break_promise(Violation::Acknowledged { task, times: 0 });
            }
        }
        if let Some(task) = self.untold.pop() {
            self.untold.clear();
            if !self.is_finished {
                self.break_promise(Violation::Untold(task));
            }
        }
        let mut returning = self.returning.iter();
        if let Some(task) = returning.find(|task| self.attempts.is_over(task)) {
            self.break_promise(Violation::NotRestarted(task.clone()));
        }
        self.settle_places();
        if let Err(violation) = self.waves.settle(&self.attempts) {
            self.break_promise(violation);
        }
        if (self.is_stopping || self.is_finished) && self.waves.owes_answers() {
            self.break_promise(Violation::SpawnUnanswered);
        }
    }

    fn settle_places(&mut self) {
        if let Err(violation) = self.places.settle(&self.job, &self.attempts) {
            self.break_promise(violation);
        }
    }

    /// Time has come this far, and all that was due before is done.
    pub(crate) fn check_time(&mut self, now: Instant) {
        if self.is_finished {
            return;
        }
        if let Some(offer) = self.offers.held_since_before(now, self.job.timing.hold) {
            self.break_promise(Violation::Hoarded(offer));
        }
        if let Some(task) = self.attempts.lost_before(now) {
            self.break_promise(Violation::Untold(task));
        }
        if let Some(violation) = self.waves.late(now, &self.attempts) {
            self.break_promise(violation);
        }
        if self.end_until.is_some_and(|until| until < now) {
            self.break_promise(Violation::NoEnd);
        }
    }

    /// Nothing has gone wrong for so long that everything must be known and done.
    pub(crate) fn check_peace(&mut self, now: Instant, quiet_for: Duration) {
        if self.is_finished {
            return;
        }
        let unknown = |task: &TaskId| self.attempts.is_living(task);
        if let Err(violation) = self.truth.check_peace(now, quiet_for, unknown) {
            self.break_promise(violation);
        }
    }

    /// Everything is over, and what had to end has had the time for it.
    pub(crate) fn check_end(&mut self, left: &BTreeSet<ExecutorId>, was_removed: bool) {
        if !self.is_finished {
            self.break_promise(Violation::NoEnd);
        }
        if let Some(executor) = left.first().filter(|_| was_removed) {
            self.break_promise(Violation::LeftRunning(executor.clone()));
        }
    }
}
