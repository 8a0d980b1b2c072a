//! The ordered end of a job.

use std::time::{Duration, Instant};

use mesos::ExecutorId;

use super::{AppRun, Purpose, Scheduler, State};
use crate::io::{Call, JobEventKind, Outcome, Output, Progress, SpawnFailed, Stop, Unconnected};
use crate::record::Record;

/// How long to wait for the end of tasks that were killed: two KILLs and a slow agent. What is
/// left then ends with the framework.
const KILL_PATIENCE: Duration = Duration::from_secs(15);

/// How long the app scheduler may take to return once all tasks have ended: enough to write a
/// report, not enough to be waited for by somebody who wants the job to end.
const APP_PATIENCE: Duration = Duration::from_secs(5);

/// How long to wait for a connection on which the framework can be torn down: the longest backoff
/// of a subscription.
const MASTER_PATIENCE: Duration = Duration::from_secs(15);

/// What a stopping job waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// The tasks.
    Tasks { until: Instant },
    /// The app scheduler.
    App { until: Instant },
    /// A connection to the master.
    Master { until: Instant },
}

impl Ending {
    pub(super) fn until(self) -> Instant {
        match self {
            Self::Tasks { until } | Self::App { until } | Self::Master { until } => until,
        }
    }
}

impl Scheduler {
    /// Begins the end of the job; once it has begun, only a failure can make success worse.
    pub(super) fn begin_stopping(&mut self, now: Instant, new: Outcome) {
        match &mut self.state {
            State::Ended => return,
            State::Stopping { outcome, .. } => {
                if *outcome == Outcome::Succeeded {
                    *outcome = new;
                }
                return;
            }
            _ => {}
        }
        self.report(Progress::Stopping(new.clone()));
        self.event(JobEventKind::Shutdown);
        self.end_returns();
        self.end_waves();
        self.interest.want_nothing();
        self.decline_held();
        let until = self.stop_tasks(now) + KILL_PATIENCE;
        self.state = State::Stopping {
            outcome: new,
            ending: Ending::Tasks { until },
        };
    }

    /// Closes every `in` channel and orders the kills; answers when the last one is due.
    fn stop_tasks(&mut self, now: Instant) -> Instant {
        let living: Vec<usize> = self.ledger.living().collect();
        let mut last = now;
        let mut names = Vec::with_capacity(living.len());
        for index in living {
            let task = &self.ledger.tasks()[index];
            names.push(task.name().to_owned());
            // Before the start barrier is lifted there is no function that could use a grace.
            let grace = match self.app {
                AppRun::NotStarted => Duration::ZERO,
                AppRun::Running | AppRun::Returned => self.job.groups[task.group()].kill_grace,
            };
            let at = now + grace;
            last = last.max(at);
            // It has had its grace then.
            self.ledger.order_kill(index, at, Some(Duration::ZERO));
        }
        if !names.is_empty() {
            self.output(Output::CloseInputs(names));
        }
        last
    }

    /// Goes on with the end as far as nothing has to be waited for.
    pub(super) fn advance_ending(&mut self, now: Instant) {
        while let State::Stopping { ending, .. } = self.state {
            let is_over = now >= ending.until();
            let next = match ending {
                Ending::Tasks { .. } if self.ledger.live() == 0 || is_over => {
                    // Whoever listens until the end must not have to be aborted.
                    if self.app == AppRun::Running {
                        self.output(Output::EndEvents);
                    }
                    Ending::App {
                        until: now + APP_PATIENCE,
                    }
                }
                Ending::App { .. } if self.app != AppRun::Running || is_over => {
                    self.abort_app();
                    Ending::Master {
                        until: now + MASTER_PATIENCE,
                    }
                }
                Ending::Master { .. } if self.is_connected || is_over => {
                    return self.tear_down();
                }
                Ending::Tasks { .. } | Ending::App { .. } | Ending::Master { .. } => return,
            };
            if let State::Stopping { ending, .. } = &mut self.state {
                *ending = next;
            }
        }
    }

    pub(super) fn handle_app_returned(&mut self, now: Instant, result: Result<(), String>) {
        if self.app != AppRun::Running {
            return;
        }
        self.app = AppRun::Returned;
        self.report(Progress::AppReturned(result.clone()));
        self.begin_stopping(
            now,
            match result {
                Ok(()) => Outcome::Succeeded,
                Err(message) => Outcome::AppFailed { message },
            },
        );
    }

    pub(super) fn handle_stop(&mut self, now: Instant, stop: Stop) {
        if let State::Waiting { .. } = self.state {
            return self.end_now(Outcome::Interrupted);
        }
        self.begin_stopping(now, Outcome::Interrupted);
        if stop == Stop::Now {
            self.abort_app();
            self.tear_down();
        }
    }

    /// No master has taken the subscription in time.
    pub(super) fn give_up_subscribing(&mut self) {
        let reason = match &mut self.state {
            State::Waiting { reason, .. } => reason.take(),
            _ => None,
        };
        self.end_now(Outcome::Unreachable { reason });
    }

    /// There is no connection to an executor, and the job wants one to each. Tasks that were to
    /// come back are given up alone if `by_policy`, and if their groups let the job go on.
    pub(super) fn give_up_connecting(
        &mut self,
        now: Instant,
        executor: ExecutorId,
        reason: String,
        by_policy: bool,
    ) {
        let Some(agent) = self.ledger.agent_of(&executor).cloned() else {
            return;
        };
        let unconnected = Unconnected {
            executor,
            agent,
            reason,
        };
        let executor = &unconnected.executor;
        let mut waves = self.waves.iter();
        let wave = waves.position(|wave| wave.executors(&self.ledger).contains(executor));
        match wave.map(|wave| (wave, &self.waves[wave].purpose)) {
            Some((wave, Purpose::Spawn(_))) => {
                self.fail_spawn(now, wave, SpawnFailed::Unconnected(unconnected));
            }
            Some((wave, Purpose::Restart { .. } | Purpose::Requested))
                if by_policy && self.may_fail(wave) =>
            {
                let until = now + self.job.timing.gang;
                self.waves[wave].extend(until);
                let why = unconnected.to_string();
                for task in self.waves[wave].tasks().to_vec() {
                    if self.ledger.tasks()[task].executor() == Some(&unconnected.executor) {
                        self.give_up_task(now, task, why.clone());
                    }
                }
            }
            _ => self.begin_stopping(now, Outcome::Unconnected(unconnected)),
        }
    }

    fn abort_app(&mut self) {
        if self.app == AppRun::Running {
            self.output(Output::AbortApp);
            self.app = AppRun::Returned;
        }
    }

    fn tear_down(&mut self) {
        if self.is_connected {
            self.output(Output::Remember(Record::Over));
            self.call(Call::Teardown);
        } else if let Some(framework) = self.framework.clone() {
            let reason = "there was no connection to the master".to_owned();
            self.report(Progress::NotTornDown { framework, reason });
        }
        let state = std::mem::replace(&mut self.state, State::Ended);
        if let State::Stopping { outcome, .. } = state {
            self.output(Output::Finished(outcome));
        }
    }

    /// Ends at once, with nothing to say to a master.
    pub(super) fn end_now(&mut self, outcome: Outcome) {
        self.end_waves();
        self.abort_app();
        self.state = State::Ended;
        self.output(Output::Finished(outcome));
    }
}
