//! Holds what the scheduler machine hears and says, and what really happens, against the promises.
//!
//! A second, naive opinion: it keeps its own books of offers and attempts, in the simplest way
//! that can be right, and shares no code with the machine. It decides nothing and is told
//! everything: [`hear`](Checker::hear) and [`say`](Checker::say) at the machine,
//! [`settle`](Checker::settle) after each step of it, [`Truth`] from the cluster.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use mesos::{ExecutorId, TaskId};
use scheduler::{
    Call, Command, Input, Job, JobEvent, JobEventKind, OnFailure, Outcome, Output, Progress,
};

use crate::violation::Violation;

mod books;
mod offers;
mod streams;
#[cfg(test)]
mod tests;
mod truth;

use books::{Attempts, News};
use offers::Offers;
pub(crate) use streams::{Direction, Streams};
pub(crate) use truth::Truth;

/// Nothing that a stopping job waits for may take longer than this, beside the grace of its tasks:
/// 15 s for the kills, 5 s for the app scheduler, 15 s for a master, and some for the way.
const END_MAX: Duration = Duration::from_secs(40);

/// Checks one run.
#[derive(Debug)]
pub(crate) struct Checker {
    job: Job,
    violation: Option<Violation>,
    offers: Offers,
    attempts: Attempts,
    pub(crate) truth: Truth,
    pub(crate) streams: Streams,
    is_subscribed: bool,
    was_subscribed: bool,
    /// When the gang must be up or given up.
    gang_until: Option<Instant>,
    /// When the job must have ended.
    end_until: Option<Instant>,
    app: App,
    /// Reliable updates of this step that are to be acknowledged.
    owed: Vec<(TaskId, scheduler::Uuid)>,
    /// Ends of this step that are to be told.
    untold: Vec<TaskId>,
    /// Tasks that were killed while they waited to be launched again.
    cancelled: BTreeSet<String>,
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
            attempts: Attempts::new(job),
            truth: Truth::default(),
            streams: Streams::default(),
            is_subscribed: false,
            was_subscribed: false,
            gang_until: None,
            end_until: Some(now + job.timing.subscribe),
            app: App::NotStarted,
            owed: Vec::new(),
            untold: Vec::new(),
            cancelled: BTreeSet::new(),
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
                if !std::mem::replace(&mut self.was_subscribed, true) {
                    self.gang_until = Some(now + self.job.timing.gang);
                    self.end_until = None;
                }
            }
            Input::Disconnected { .. } => {
                self.is_subscribed = false;
                self.offers.void();
            }
            Input::Refused { .. } => {
                self.is_subscribed = false;
                self.offers.void();
                self.end_until = Some(now);
                // The master has removed it.
                self.teardown = Some(true);
            }
            Input::Offers(offers) => offers.iter().for_each(|offer| self.offers.add(now, offer)),
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
            Input::Command(Command::Unconnected { .. }) => self.has_failed = true,
            Input::Failure(_) | Input::CallFailed { .. } | Input::Command(_) | Input::Tick => {}
        }
    }

    /// The app scheduler has a task killed; answers whether it should be there.
    pub(crate) fn kill(&mut self, task: &str) -> bool {
        self.attempts.order_kill(task)
    }

    /// The machine says this.
    pub(crate) fn say(&mut self, now: Instant, output: &Output) {
        if self.is_finished {
            return self.break_promise(Violation::AfterEnd);
        }
        match output {
            Output::Accept {
                offers,
                executor,
                tasks,
                ..
            } => {
                if !self.is_subscribed {
                    self.break_promise(Violation::Unsubscribed);
                }
                let used = tasks.iter().fold(executor.resources.clone(), |sum, task| {
                    sum + &task.resources
                });
                let held = self.offers.accept(offers, &executor.agent);
                let launched = self.attempts.launch(executor, tasks);
                let fits = held.and_then(|held| match held.contains(&used) {
                    true => launched,
                    false => Err(Violation::Overused(executor.id.clone())),
                });
                fits.unwrap_or_else(|violation| self.break_promise(violation));
                for task in tasks {
                    self.truth.launched(&task.id, &task.name);
                }
            }
            Output::Call(call) => self.say_call(call),
            Output::LiftBarrier(_) if self.app == App::NotStarted && !self.attempts.is_up() => {
                self.break_promise(Violation::AppStart);
            }
            Output::StartApp => self.start_app(),
            Output::AbortApp => self.app = App::Over,
            Output::Event(event) => self.say_event(now, event),
            Output::Report(Progress::PlacedAgain(report)) => {
                let lost = self.attempts.give_up_unreachable(now, &report.task);
                self.untold.extend(lost);
                self.attempts.place_again(&report.task);
                self.told(&report.task);
            }
            Output::Report(Progress::Stopping(_)) => {
                self.gang_until = None;
                let grace = self.job.groups.iter().map(|group| group.kill_grace).max();
                self.end_until = Some(now + grace.unwrap_or_default() + END_MAX);
                self.attempts.order_all_kills();
            }
            Output::Report(Progress::NotTornDown) => self.teardown = Some(false),
            Output::Finished(outcome) => self.finish(outcome),
            Output::LiftBarrier(_)
            | Output::CloseInputs(_)
            | Output::ExecutorGone(_)
            | Output::EndEvents
            // No job of the simulation restarts or spawns tasks.
            | Output::TaskOver(_)
            | Output::Spawned { .. }
            | Output::Remember(_)
            | Output::Report(_) => {}
        }
    }

    fn say_call(&mut self, call: &Call) {
        match call {
            Call::Acknowledge { task, uuid, .. } => {
                let owed = self.owed.iter().position(|it| it == &(task.clone(), *uuid));
                let Some(index) = owed else {
                    return self.break_promise(Violation::Acknowledged {
                        task: task.clone(),
                        times: 2,
                    });
                };
                self.owed.remove(index);
                return;
            }
            Call::Decline { offers, .. } => {
                for offer in offers {
                    if let Err(violation) = self.offers.answer(offer) {
                        self.break_promise(violation);
                    }
                }
            }
            Call::Teardown => {
                // All offers go with the framework.
                self.offers.void();
                self.teardown = Some(true);
            }
            Call::Suppress
            | Call::Revive
            | Call::Reconcile(_)
            | Call::Kill { .. }
            | Call::ShutdownExecutor { .. } => {}
        }
        if !self.is_subscribed {
            self.break_promise(Violation::Unsubscribed);
        }
    }

    fn start_app(&mut self) {
        let may = self.app == App::NotStarted && self.attempts.is_up();
        if !may || self.gang_until.take().is_none() {
            self.break_promise(Violation::AppStart);
        }
        self.app = App::Running;
        self.truth.lift_barrier();
    }

    fn say_event(&mut self, now: Instant, event: &JobEvent) {
        let is_end = matches!(
            event.kind,
            JobEventKind::TaskFinished
                | JobEventKind::TaskFailed
                | JobEventKind::TaskKilled
                | JobEventKind::TaskLost
        );
        let is_end = is_end && event.state.is_some_and(|state| state.is_end());
        let Some(task) = event.task.as_deref().filter(|_| is_end) else {
            return;
        };
        // A task that waits to be launched again can be killed: no attempt of it ends then.
        if event.executor.is_none() {
            if !self.cancelled.insert(task.to_owned()) {
                self.break_promise(Violation::ToldTwice(task.to_owned()));
            }
            return;
        }
        // An agent that stays unreachable is given up without an update.
        if let Some(id) = self.attempts.give_up_unreachable(now, task) {
            self.has_failed |= !self.attempts.was_killed(&id) && !self.is_ignored(&id);
            self.truth.given_up(&id);
            self.untold.push(id);
        }
        self.told(task);
    }

    /// Whether the failure of a task does not matter: that of its group is ignored, once the whole
    /// gang has been up.
    fn is_ignored(&self, task: &TaskId) -> bool {
        let group = self.attempts.name_of(task).and_then(|name| {
            let (group, _) = name.rsplit_once('-')?;
            self.job.groups.iter().find(|it| it.name == group)
        });
        match group.map(|it| it.on_failure) {
            Some(OnFailure::Ignore) => self.app != App::NotStarted,
            // What it ends in is told when it is not restarted any more.
            Some(OnFailure::Restart(_)) => true,
            Some(OnFailure::Shutdown) | None => false,
        }
    }

    /// An end was told, in one way or the other.
    fn told(&mut self, task: &str) {
        let attempts = &self.attempts;
        let owed = self
            .untold
            .iter()
            .position(|id| attempts.name_of(id) == Some(task));
        match owed {
            Some(index) => {
                self.untold.remove(index);
            }
            None => self.break_promise(Violation::ToldTwice(task.to_owned())),
        }
    }

    fn finish(&mut self, outcome: &Outcome) {
        self.is_finished = true;
        if self.app == App::Running {
            self.break_promise(Violation::AppLeft);
        }
        if *outcome == Outcome::Succeeded && self.has_failed {
            self.break_promise(Violation::WrongOutcome(format!("{outcome:?}")));
        }
        if self.teardown.is_none() && self.was_subscribed {
            self.break_promise(Violation::LeftInSilence);
        }
        let open = self.offers.open();
        if open > 0 && self.teardown != Some(true) {
            self.break_promise(Violation::Unanswered(open));
        }
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
        if self.gang_until.is_some_and(|until| until < now) {
            self.break_promise(Violation::GangTimeout);
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
