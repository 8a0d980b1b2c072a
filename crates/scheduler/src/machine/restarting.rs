//! What follows from a failure, by the policy of the task's group; and tasks that come back.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use mesos::ExecutorId;

use super::{AppRun, Purpose, Scheduler, State, Wave};
use crate::io::{Outcome, Output, Progress, SpawnFailed, TaskReport, TooManyRestarts};
use crate::job::{OnFailure, Restart};
use crate::status::{Source, TaskState};

/// A task that has failed.
pub(super) struct Failed {
    pub(super) task: usize,
    pub(super) end: TaskReport,
    /// The executor that it was lost with, if it was.
    pub(super) lost: Option<ExecutorId>,
    /// Whether its end was asked for.
    pub(super) kill_ordered: bool,
}

/// Tasks of waves that are of no use, such as without a connection where the job wants one. They
/// are killed, which counts as their failure.
#[derive(Debug, Default)]
pub(super) struct GivenUp(BTreeMap<usize, String>);

impl GivenUp {
    pub(super) fn contains(&self, task: usize) -> bool {
        self.0.contains_key(&task)
    }

    /// Why a task was given up, if it was; it is not any more.
    pub(super) fn take(&mut self, task: usize) -> Option<String> {
        self.0.remove(&task)
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

impl Scheduler {
    /// Does what the group of a failed task wants.
    pub(super) fn handle_failed(&mut self, now: Instant, failed: Failed) {
        let group = self.ledger.tasks()[failed.task].group();
        let on_failure = self.job.groups[group].on_failure;
        let is_ending = !matches!(self.state, State::Starting | State::Running);
        let wave = self.wave_of(failed.task);
        let purpose = wave.map(|wave| &self.waves[wave].purpose);
        match (on_failure, purpose) {
            // A task whose end was asked for has no further life to be brought back to.
            (OnFailure::Restart(_), None | Some(Purpose::Restart { .. } | Purpose::Requested))
                if failed.kill_ordered && self.has_begun() =>
            {
                self.ignore(failed)
            }
            (OnFailure::Restart(rules), _) if !is_ending => {
                self.restart_failed(now, failed, &rules, wave)
            }
            // What was spawned fails without those who were there before.
            (_, Some(Purpose::Spawn(_))) => self.fail_spawn_of(now, failed),
            // A gang that has not been up is incomplete without it.
            (OnFailure::Ignore | OnFailure::Restart(_), None) if self.has_begun() => {
                self.ignore(failed);
            }
            // It was up before, and is restarted for itself only.
            (OnFailure::Ignore, Some(Purpose::Requested)) => self.ignore(failed),
            (OnFailure::Shutdown | OnFailure::Ignore | OnFailure::Restart(_), _) => {
                if self.was_asked_for(failed.task) {
                    self.tell_over(failed.task);
                }
                self.begin_stopping(now, Outcome::TaskFailed(failed.end));
            }
        }
    }

    /// Whether the gang has been up.
    fn has_begun(&self) -> bool {
        self.app != AppRun::NotStarted
    }

    fn ignore(&mut self, failed: Failed) {
        self.tell_over(failed.task);
        self.report(Progress::Ignored(failed.end));
    }

    fn restart_failed(
        &mut self,
        now: Instant,
        failed: Failed,
        rules: &Restart,
        wave: Option<usize>,
    ) {
        let restarts = self.restarts.entry(failed.task).or_default();
        let Some(again) = restarts.again(now, rules, &mut self.rng) else {
            return self.give_up_restarting(now, failed, rules);
        };
        self.ledger.retry(failed.task);
        self.report(Progress::Restarting {
            task: failed.end,
            number: again.number,
            max: rules.max,
            wait: again.wait,
        });
        let rest = now + again.wait;
        let until = rest + self.job.timing.gang;
        // Those that one executor took along come back together: each on its own would need an
        // executor of its own, and more room than was lost.
        let lost_with = wave.or_else(|| {
            let lost = Purpose::Restart {
                lost: Some(failed.lost.clone()?),
            };
            let mut waves = self.waves.iter();
            waves.position(|wave| wave.purpose == lost && wave.is_resting())
        });
        let Some(index) = lost_with else {
            let purpose = Purpose::Restart { lost: failed.lost };
            let tasks = vec![failed.task];
            return self.begin_wave(now, Wave::new(purpose, tasks, now, Some(rest), until));
        };
        let wave = &mut self.waves[index];
        wave.join(failed.task);
        wave.rest_until(rest);
        // The others have to be up in the time that they were given at first.
        if matches!(wave.purpose, Purpose::Restart { .. } | Purpose::Requested) {
            wave.extend(until);
        }
        self.settle_offers();
    }

    fn give_up_restarting(&mut self, now: Instant, failed: Failed, rules: &Restart) {
        self.tell_over(failed.task);
        let wave = self.wave_of(failed.task);
        if wave.is_some_and(|wave| matches!(self.waves[wave].purpose, Purpose::Spawn(_))) {
            return self.fail_spawn_of(now, failed);
        }
        let many = TooManyRestarts {
            task: failed.end,
            max: rules.max,
            window: rules.window,
        };
        self.begin_stopping(now, Outcome::TooManyRestarts(many));
    }

    fn fail_spawn_of(&mut self, now: Instant, failed: Failed) {
        if let Some(wave) = self.wave_of(failed.task) {
            self.fail_spawn(now, wave, SpawnFailed::TaskFailed(failed.end));
        }
    }

    /// Whether the job goes on when tasks of a wave fail.
    pub(super) fn may_fail(&self, wave: usize) -> bool {
        self.waves[wave].tasks().iter().all(|&task| {
            let group = self.ledger.tasks()[task].group();
            self.job.groups[group].on_failure != OnFailure::Shutdown
        })
    }

    /// Ends a task of a wave that is of no use, for this reason.
    pub(super) fn give_up_task(&mut self, now: Instant, task: usize, why: String) {
        if !self.ledger.tasks()[task].is_over() && !self.given_up.contains(task) {
            // No function of it has begun that could use a grace.
            self.ledger.order_kill(task, now, Some(Duration::ZERO));
            self.given_up.0.insert(task, why);
        }
    }

    /// A task that waits to be launched will not be: the app scheduler does not want it any more.
    pub(super) fn cancel_launch(&mut self, task: usize) {
        // Nobody can ask before the gang is up, which would be incomplete without it.
        if !matches!(self.state, State::Running) {
            return;
        }
        self.ledger.cancel(task);
        self.tell_over(task);
        self.tell_cancelled(task);
        self.settle_offers();
    }

    /// Tells that a task has ended which waited to be launched again.
    pub(super) fn tell_cancelled(&mut self, task: usize) {
        let report = TaskReport {
            task: self.ledger.tasks()[task].name().to_owned(),
            state: TaskState::Killed,
            source: Source::Master,
            reason: None,
            message: Some("it was killed before it was launched".to_owned()),
            agent: None,
        };
        self.tell(report, None);
    }

    /// Tells that a task which might have been launched again will not be.
    pub(super) fn tell_over(&mut self, index: usize) {
        let task = &self.ledger.tasks()[index];
        let on_failure = self.job.groups[task.group()].on_failure;
        if matches!(on_failure, OnFailure::Restart(_)) || self.was_asked_for(index) {
            let name = task.name().to_owned();
            self.output(Output::TaskOver(name));
        }
    }
}
