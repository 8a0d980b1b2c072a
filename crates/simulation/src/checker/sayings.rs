//! What the machine says, held against what it may and must say.

use std::time::Instant;

use mesos::{ExecutorId, TaskId};
use scheduler::{
    Call, JobEvent, JobEventKind, OnFailure, Outcome, Output, Progress, SpawnFailed, SpawnId,
};

use super::{App, Checker, END_MAX};
use crate::violation::Violation;

impl Checker {
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
                let held = self.offers.accept(offers, &executor.agent);
                let launched = self.attempts.launch(executor, tasks);
                let used = held
                    .and_then(|held| launched.map(|()| held))
                    .and_then(|held| self.places.launch(&self.job, &held, executor, tasks));
                used.unwrap_or_else(|violation| self.break_promise(violation));
                for task in tasks {
                    if self.is_stopping || self.over.contains(&task.name) {
                        self.break_promise(Violation::LaunchedUnasked(task.name.clone()));
                    }
                    self.truth.launched(task, &executor.agent);
                }
            }
            Output::Call(call) => self.say_call(call),
            Output::LiftBarrier(executors) => self.lift_barrier(executors),
            Output::StartApp => self.start_app(),
            Output::AbortApp => self.app = App::Over,
            Output::Event(event) => self.say_event(now, event),
            // What follows are the launches of another wave.
            Output::Report(Progress::Placed { .. }) => self.settle_places(),
            Output::Report(Progress::PlacedAgain(report)) => {
                let lost = self.attempts.give_up_unreachable(now, &report.task);
                self.untold.extend(lost);
                self.attempts.place_again(&report.task);
                self.told(&report.task);
            }
            Output::Report(Progress::Restarting { task, wait, .. }) => {
                let executor = self.attempts.executor_of(&task.task);
                if self.app != App::NotStarted {
                    let until = now + *wait + self.job.timing.gang;
                    self.waves.restart(&task.task, executor, until);
                }
                self.attempts.place_again(&task.task);
            }
            Output::Report(Progress::RestartingByRequest { task }) => {
                if !self.returning.remove(task) {
                    self.break_promise(Violation::NotRestarted(task.clone()));
                }
                // Without one whose failure would be ignored, the job can do for ever.
                if !self.can_do_without(task) {
                    let until = now + self.job.timing.gang;
                    self.waves.restart_asked(task, until);
                }
                self.attempts.place_again(task);
            }
            Output::Spawned { spawn, result } => self.answer_spawn(now, *spawn, result),
            Output::TaskOver(task) => {
                if !self.over.insert(task.clone()) {
                    self.break_promise(Violation::ToldTwice(task.clone()));
                }
            }
            Output::Report(Progress::Stopping(outcome)) => {
                if let Outcome::Unconnected(why) = outcome
                    && self.could_do_without(&why.executor)
                {
                    self.break_promise(Violation::WrongOutcome(format!("{outcome:?}")));
                }
                self.is_stopping = true;
                self.returning.clear();
                self.waves.end();
                let grace = self.job.groups.iter().map(|group| group.kill_grace).max();
                self.end_until = Some(now + grace.unwrap_or_default() + END_MAX);
                self.attempts.order_all_kills();
            }
            Output::Report(Progress::NotTornDown { .. }) => self.teardown = Some(false),
            Output::Finished(outcome) => self.finish(outcome),
            Output::TaskReturns(task) => {
                self.over.remove(task);
            }
            Output::CloseInputs(_)
            | Output::CloseInputForNow(_)
            | Output::ExecutorGone(_)
            | Output::EndEvents
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

    fn lift_barrier(&mut self, executors: &[ExecutorId]) {
        if let Err(violation) = self.waves.lift(executors, &self.attempts) {
            self.break_promise(violation);
        }
        self.lifted.extend(executors.iter().cloned());
        let tasks = self.attempts.launched_with(executors);
        self.truth.lift_barrier(&tasks);
    }

    fn start_app(&mut self) {
        let may = self.app == App::NotStarted && self.attempts.are_all_up();
        if !may || !self.waves.end_gang() {
            self.break_promise(Violation::AppStart);
        }
        self.app = App::Running;
    }

    /// What is undone of a spawn ends, or is never launched.
    fn answer_spawn(
        &mut self,
        now: Instant,
        spawn: SpawnId,
        result: &Result<Vec<String>, SpawnFailed>,
    ) {
        match self.waves.answer(now, spawn, result, &self.attempts) {
            Ok(undone) => {
                for name in &undone {
                    self.attempts.cancel(name);
                    if self.attempts.order_kill(name) {
                        self.truth.kill_ordered(now, name);
                    }
                }
            }
            Err(violation) => self.break_promise(violation),
        }
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
            if !self.attempts.cancel(task) {
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
    pub(super) fn is_ignored(&self, task: &TaskId) -> bool {
        let name = self.attempts.name_of(task);
        if name.is_some_and(|name| self.waves.is_spawned(name)) {
            return true;
        }
        match name.and_then(|name| self.on_failure(name)) {
            Some(OnFailure::Ignore) => self.app != App::NotStarted,
            // What it ends in is told when it is not restarted any more.
            Some(OnFailure::Restart(_)) => true,
            Some(OnFailure::Shutdown) | None => false,
        }
    }

    /// Whether an executor has only such tasks as come back, and are not missed if they do not.
    fn could_do_without(&self, executor: &ExecutorId) -> bool {
        let mut tasks = self.attempts.living_in(executor);
        self.app != App::NotStarted
            && !self.lifted.contains(executor)
            && tasks.all(|task| self.can_do_without(task))
    }

    fn can_do_without(&self, name: &str) -> bool {
        self.on_failure(name) == Some(OnFailure::Ignore)
    }

    pub(super) fn on_failure(&self, name: &str) -> Option<OnFailure> {
        let (group, _) = name.rsplit_once('-')?;
        let group = self.job.groups.iter().find(|it| it.name == group);
        group.map(|it| it.on_failure)
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
}
