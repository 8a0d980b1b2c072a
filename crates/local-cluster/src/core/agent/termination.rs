//! How executors end: told to go, destroyed, or by themselves; and what that does to their tasks.

use std::time::{Duration, Instant};

use mesos::v1::task_status::Reason;
use mesos::v1::{ExecutorInfo, TaskState};
use mesos::{ContainerId, ExecutorId, FrameworkId};

use super::command::{self, Kill};
use super::executor::Life;
use super::from_executor::HEARTBEAT_INTERVAL;
use super::status::{self, Verdict};
use super::{Agent, Output, Phase, Stage, duration};
use crate::core::wire::ToMaster;

/// The wait status that is told of a container that could not be launched: exit code 1
/// (PROTOCOL §11.5).
const LAUNCH_FAILED_STATUS: i32 = 256;

impl Agent {
    /// Tells an executor to go and gives it its grace; again has no effect.
    pub(super) fn shutdown_executor(
        &mut self,
        now: Instant,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
    ) {
        let Some(info) = self
            .executor(framework_id, executor_id)
            .map(|it| it.info.clone())
        else {
            return;
        };
        let grace = self.shutdown_grace(&info);
        let Some(executor) = self.executor(framework_id, executor_id) else {
            return;
        };
        let early = executor.take_early();
        let stream = match executor.life {
            // It cannot be told, but its time runs (PROTOCOL §9.3).
            Life::Registering { .. } | Life::Recovered => None,
            Life::Running { stream, .. } => Some(stream),
            Life::Command { .. } => {
                let grace = command::shutdown_grace(grace);
                return self.kill_command(now, framework_id, executor_id, grace);
            }
            Life::Terminating { .. } | Life::Terminated => return,
        };
        executor.life = Life::Terminating {
            stream,
            destroy_at: Some(now + grace),
            verdict: None,
        };
        if let Some(early) = early {
            self.turn_away(early.request);
        }
        if let Some(stream) = stream {
            self.send(stream, status::shutdown());
        }
    }

    /// Ends all executors, each with its grace. Nobody hears of their tasks: the master writes them
    /// off at once (recording 12c).
    pub(super) fn leave(&mut self, now: Instant) {
        self.phase = Phase::Leaving;
        let frameworks: Vec<FrameworkId> = self.frameworks.keys().cloned().collect();
        for framework_id in frameworks {
            self.shutdown_framework(now, &framework_id);
        }
    }

    /// How long an executor may take to go.
    pub(super) fn shutdown_grace(&self, info: &ExecutorInfo) -> Duration {
        info.shutdown_grace_period
            .as_ref()
            .and_then(|period| u64::try_from(period.nanoseconds).ok())
            .map_or(self.config.shutdown_grace, Duration::from_nanos)
    }

    /// Does what is due for every executor: heartbeats, and the end of those that are late.
    pub(super) fn handle_deadlines(&mut self, now: Instant) {
        let due: Vec<(FrameworkId, ExecutorId)> = self
            .frameworks
            .iter()
            .flat_map(|(framework_id, framework)| {
                let late = framework.executors.iter().filter(|(_, executor)| {
                    executor.deadline().is_some_and(|deadline| deadline <= now)
                });
                late.map(|(executor_id, _)| (framework_id.clone(), executor_id.clone()))
            })
            .collect();
        for (framework_id, executor_id) in due {
            self.handle_deadline(now, &framework_id, &executor_id);
        }
    }

    fn handle_deadline(
        &mut self,
        now: Instant,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
    ) {
        let timeout = self.config.registration_timeout;
        let Some(executor) = self.executor(framework_id, executor_id) else {
            return;
        };
        let early = executor.take_early();
        match &mut executor.life {
            Life::Running {
                stream,
                heartbeat_at,
            } => {
                *heartbeat_at = now + HEARTBEAT_INTERVAL;
                let stream = *stream;
                self.send(stream, status::heartbeat());
                return;
            }
            Life::Registering { .. } => {
                let verdict = Verdict::new(
                    TaskState::TaskFailed,
                    Reason::ExecutorRegistrationTimeout,
                    format!(
                        "Executor did not register within {}",
                        duration::to_text(timeout)
                    ),
                );
                executor.life = Life::Terminating {
                    stream: None,
                    destroy_at: None,
                    verdict: Some(verdict),
                };
            }
            Life::Command { kill } => *kill = Some(Kill { destroy_at: None }),
            Life::Terminating { destroy_at, .. } => *destroy_at = None,
            Life::Recovered | Life::Terminated => return,
        }
        let container_id = executor.container_id.clone();
        if let Some(early) = early {
            self.turn_away(early.request);
        }
        self.outputs.push_back(Output::Destroy { container_id });
    }

    /// Kills a container as somebody else would: what it was doing is found out by its end.
    pub(super) fn kill_executor(&mut self, pick: u32) {
        let Some(index) = (pick as usize).checked_rem(self.containers.len()) else {
            return;
        };
        let picked = self.containers.keys().nth(index);
        self.outputs.extend(picked.map(|id| Output::Destroy {
            container_id: id.clone(),
        }));
    }

    pub(super) fn handle_launch_failed(
        &mut self,
        now: Instant,
        container_id: &ContainerId,
        message: &str,
    ) {
        let verdict = Verdict::new(
            TaskState::TaskFailed,
            Reason::ContainerLaunchFailed,
            format!("Failed to launch container: {message}"),
        );
        self.handle_exited(now, container_id, LAUNCH_FAILED_STATUS, Some(verdict));
    }

    /// The process of an executor is gone: the master hears of it, and then of each of its tasks
    /// that has not ended (PROTOCOL §9.3).
    pub(super) fn handle_exited(
        &mut self,
        now: Instant,
        container_id: &ContainerId,
        status: i32,
        verdict: Option<Verdict>,
    ) {
        let Some((framework_id, executor_id)) = self.containers.remove(container_id) else {
            return;
        };
        let Some(executor) = self.executor(&framework_id, &executor_id) else {
            return;
        };
        let (stream, early) = (executor.stream(), executor.take_early());
        let life = std::mem::replace(&mut executor.life, Life::Terminated);
        let is_command = executor.is_command();
        if let Life::Command { kill } = life {
            self.end_command(now, &framework_id, &executor_id, kill.is_some(), status);
        }
        let known = match life {
            Life::Terminating { verdict, .. } => verdict,
            Life::Registering { .. }
            | Life::Recovered
            | Life::Running { .. }
            | Life::Command { .. }
            | Life::Terminated => None,
        };
        let Some(executor) = self.executor(&framework_id, &executor_id) else {
            return;
        };
        let living = executor.living();
        if let Some(early) = early {
            self.turn_away(early.request);
        }
        if let Some(stream) = stream {
            self.outputs.push_back(Output::Close { stream });
        }
        // Nobody hears of one that is found dead by an agent that recovers (PROTOCOL §9.3), nor of
        // one that is the agent's own.
        if !is_command && !matches!(self.phase, Phase::Recovering { .. }) {
            self.tell_master(ToMaster::ExecutorExited {
                framework_id: framework_id.clone(),
                executor_id: executor_id.clone(),
                status,
            });
        }
        // The master has written off the tasks of a framework that it has removed.
        if self.is_active(&framework_id) {
            let verdict = known.or(verdict).unwrap_or_else(|| {
                let reason = Reason::ExecutorTerminated;
                Verdict::new(TaskState::TaskFailed, reason, "Executor terminated")
            });
            for task_id in living {
                self.report(
                    now,
                    &framework_id,
                    Some(&executor_id),
                    &task_id,
                    verdict.clone(),
                );
            }
        }
        self.remove_done_executor(&framework_id, &executor_id);
        self.remove_idle_framework(&framework_id);
    }

    /// Forgets an executor whose process is gone, when none of its tasks is waiting for an
    /// acknowledgement or nobody is left to give one.
    pub(super) fn remove_done_executor(
        &mut self,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
    ) {
        let Some(framework) = self.frameworks.get_mut(framework_id) else {
            return;
        };
        let terminating = framework.stage == Stage::Terminating;
        let Some(executor) = framework.executors.get(executor_id) else {
            return;
        };
        if executor.life == Life::Terminated
            && (executor.is_done() || terminating)
            && let Some(executor) = framework.executors.remove(executor_id)
        {
            framework.owners.retain(|_, owner| owner != executor_id);
            framework.keep_completed(executor);
            self.past.count_executor();
        }
    }

    /// Forgets a framework that has no executors here. Its updates are kept until they are
    /// acknowledged: what became of a dropped task has to be heard.
    pub(super) fn remove_idle_framework(&mut self, framework_id: &FrameworkId) {
        if self
            .frameworks
            .get(framework_id)
            .is_some_and(|framework| framework.executors.is_empty())
            && let Some(framework) = self.frameworks.remove(framework_id)
        {
            self.past.keep(framework_id.clone(), framework);
        }
    }
}
