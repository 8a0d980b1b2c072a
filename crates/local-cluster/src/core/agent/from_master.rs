//! What an agent does when the master says so.

use std::time::Instant;

use bytes::Bytes;
use mesos::v1::task_status::Reason;
use mesos::v1::{ExecutorInfo, FrameworkInfo, KillPolicy, TaskInfo, TaskState};
use mesos::{ContainerId, ExecutorId, FrameworkId, TaskId};

use super::command;
use super::executor::{Executor, Kind, Life};
use super::status::{self, Verdict, new_uuid};
use super::updates::Acknowledged;
use super::{Agent, Launch, Output, Phase, Stage};
use crate::core::wire::{ToAgent, ToMaster};

impl Agent {
    pub(super) fn handle_master(&mut self, now: Instant, message: ToAgent) {
        let is_expected = match message {
            ToAgent::Registered { .. } | ToAgent::Shutdown { .. } => {
                matches!(self.phase, Phase::Registering | Phase::Registered)
            }
            _ => self.phase == Phase::Registered,
        };
        if !is_expected {
            return;
        }
        match message {
            ToAgent::Registered { agent_id } => {
                self.phase = Phase::Registered;
                self.id = Some(agent_id);
                self.resend_updates(now);
            }
            ToAgent::Checkpoint { resources } => self.checkpointed = Some(resources),
            ToAgent::RunTasks {
                framework,
                executor,
                tasks,
                group,
                launch_executor,
            } => {
                let (kind, executor) = match (executor, tasks.first()) {
                    (Some(executor), _) => (Kind::Custom, executor),
                    (None, Some(task)) => {
                        let executor = command::executor_info(&framework_id(&framework), task);
                        (Kind::Command, executor)
                    }
                    (None, None) => return,
                };
                let run = RunTasks {
                    framework,
                    kind,
                    executor,
                    tasks,
                    group,
                    launch_executor,
                };
                self.run_tasks(now, run);
            }
            ToAgent::KillTask {
                framework_id,
                task_id,
                kill_policy,
            } => {
                self.kill_task(now, &framework_id, &task_id, kill_policy);
            }
            ToAgent::ShutdownExecutor {
                framework_id,
                executor_id,
            } => {
                if self.is_active(&framework_id) {
                    self.shutdown_executor(now, &framework_id, &executor_id);
                }
            }
            ToAgent::ShutdownFramework { framework_id } => {
                self.shutdown_framework(now, &framework_id);
            }
            ToAgent::FrameworkMessage {
                framework_id,
                executor_id,
                data,
            } => {
                self.deliver_message(&framework_id, &executor_id, data);
            }
            ToAgent::AcknowledgeUpdate {
                framework_id,
                task_id,
                uuid,
            } => {
                self.acknowledge(now, &framework_id, &task_id, &uuid);
            }
            ToAgent::Shutdown { message } => {
                tracing::warn!(%message, "the master does not want this agent");
                self.leave(now);
            }
            ToAgent::UpdateFramework { framework } => {
                let framework_id = framework_id(&framework);
                if self.is_active(&framework_id)
                    && let Some(known) = self.frameworks.get_mut(&framework_id)
                {
                    known.info = framework;
                }
                // Those of other frameworks too (PROTOCOL §4).
                self.resend_updates(now);
            }
        }
    }

    fn run_tasks(&mut self, now: Instant, run: RunTasks) {
        let framework_id = framework_id(&run.framework);
        let executor_id = ExecutorId::from(&run.executor.executor_id);
        // The master never sends these: an empty group, a task that is here already.
        let known = |task: &TaskInfo| {
            let task_id = TaskId::from(&task.task_id);
            let framework = self.frameworks.get(&framework_id);
            framework.is_some_and(|framework| framework.owners.contains_key(&task_id))
        };
        if run.tasks.is_empty() || run.tasks.iter().any(known) {
            tracing::warn!(%framework_id, %executor_id, "ignored tasks that cannot be meant");
            return;
        }
        let framework = self
            .frameworks
            .entry(framework_id.clone())
            .or_insert_with(|| self.past.come_back(&framework_id, run.framework.clone()));
        if framework.stage == Stage::Terminating {
            return;
        }
        let executor = framework.executors.get(&executor_id);
        match (executor.map(|executor| &executor.life), run.launch_executor) {
            // Master and agent disagree about the executor (PROTOCOL §9.3).
            (Some(_), true) => {
                // The master has booked an executor that will not come.
                let status = -1;
                self.tell_master(ToMaster::ExecutorExited {
                    framework_id: framework_id.clone(),
                    executor_id: executor_id.clone(),
                    status,
                });
                let message = "Master wants to launch executor, but one already exists";
                self.drop_tasks(now, &framework_id, Some(&executor_id), &run.tasks, message);
            }
            (None, false) => {
                let message = "No executor is expected to launch and there is none running";
                self.drop_tasks(now, &framework_id, Some(&executor_id), &run.tasks, message);
            }
            (Some(Life::Terminating { .. }), false) => {
                self.drop_tasks(now, &framework_id, None, &run.tasks, "Executor terminating");
            }
            (Some(Life::Terminated), false) => {
                self.drop_tasks(now, &framework_id, None, &run.tasks, "Executor terminated");
            }
            (None, true) => {
                self.launch_executor(now, &framework_id, run.kind, run.executor);
                self.give_tasks(&framework_id, &executor_id, run.tasks, run.group);
            }
            (
                Some(
                    Life::Registering { .. }
                    | Life::Recovered
                    | Life::Running { .. }
                    | Life::Command { .. },
                ),
                false,
            ) => {
                self.give_tasks(&framework_id, &executor_id, run.tasks, run.group);
            }
        }
        self.remove_idle_framework(&framework_id);
    }

    fn drop_tasks(
        &mut self,
        now: Instant,
        framework_id: &FrameworkId,
        executor_id: Option<&ExecutorId>,
        tasks: &[TaskInfo],
        message: &str,
    ) {
        let Some(framework) = self.frameworks.get(framework_id) else {
            return;
        };
        let verdict = Verdict::new(
            framework.lost_or(TaskState::TaskDropped),
            Reason::ExecutorTerminated,
            message,
        );
        for task in tasks {
            let task_id = TaskId::from(&task.task_id);
            self.report(now, framework_id, executor_id, &task_id, verdict.clone());
        }
    }

    fn launch_executor(
        &mut self,
        now: Instant,
        framework_id: &FrameworkId,
        kind: Kind,
        info: ExecutorInfo,
    ) {
        let container_id = ContainerId::from(new_uuid(&mut self.rng).to_string());
        let until = now + self.config.registration_timeout;
        let shutdown_grace = self.shutdown_grace(&info);
        let (Some(agent_id), Some(framework)) =
            (self.id.clone(), self.frameworks.get_mut(framework_id))
        else {
            return;
        };
        let executor_id = ExecutorId::from(&info.executor_id);
        let executor = Executor::new(kind, info.clone(), container_id.clone(), until);
        framework.executors.insert(executor_id.clone(), executor);
        self.containers
            .insert(container_id.clone(), (framework_id.clone(), executor_id));
        self.outputs.push_back(Output::Launch(Box::new(Launch {
            container_id,
            agent_id,
            framework_id: framework_id.clone(),
            executor: info,
            checkpoint: framework.info.checkpoint(),
            shutdown_grace,
            is_command: kind == Kind::Command,
        })));
    }

    /// Queues tasks, and delivers them if the executor is there.
    fn give_tasks(
        &mut self,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        tasks: Vec<TaskInfo>,
        group: bool,
    ) {
        let (Some(agent_id), Some(framework)) =
            (self.id.clone(), self.frameworks.get_mut(framework_id))
        else {
            return;
        };
        let Some(executor) = framework.executors.get_mut(executor_id) else {
            return;
        };
        for task in &tasks {
            framework
                .owners
                .insert(TaskId::from(&task.task_id), executor_id.clone());
        }
        executor.enqueue(framework_id, &agent_id, tasks, group);
        self.deliver_queue(framework_id, executor_id);
    }

    /// PROTOCOL §8.5; the agent does no escalation, save for its own commands.
    fn kill_task(
        &mut self,
        now: Instant,
        framework_id: &FrameworkId,
        task_id: &TaskId,
        kill_policy: Option<KillPolicy>,
    ) {
        if !self.is_active(framework_id) {
            return;
        }
        let Some(executor) = self.owner_of(framework_id, task_id) else {
            let Some(framework) = self.frameworks.get(framework_id) else {
                return;
            };
            let dropped = framework.lost_or(TaskState::TaskDropped);
            let verdict = Verdict::new(dropped, Reason::ExecutorTerminated, "Cannot find executor");
            self.report(now, framework_id, None, task_id, verdict);
            return;
        };
        let stream = match executor.life {
            Life::Registering { .. } | Life::Recovered => None,
            Life::Running { stream, .. } => Some(stream),
            Life::Command { .. } => {
                let grace = executor.kill_grace(kill_policy.as_ref());
                let executor_id = ExecutorId::from(&executor.info.executor_id);
                return self.kill_command(now, framework_id, &executor_id, grace);
            }
            // The KILL is lost.
            Life::Terminating { .. } | Life::Terminated => return,
        };
        let executor_id = ExecutorId::from(&executor.info.executor_id);
        let undelivered = executor.dequeue(task_id);
        if undelivered.is_empty()
            && let Some(stream) = stream
        {
            self.send(stream, status::kill(task_id, kill_policy));
        }
        for task_id in undelivered {
            let verdict = Verdict::new(
                TaskState::TaskKilled,
                Reason::TaskKilledDuringLaunch,
                "Killed before delivery to the executor",
            );
            self.report(now, framework_id, Some(&executor_id), &task_id, verdict);
        }
    }

    pub(super) fn shutdown_framework(&mut self, now: Instant, framework_id: &FrameworkId) {
        // Also when none of its executors are left: an update can be.
        self.updates.remove_framework(framework_id);
        let Some(framework) = self.frameworks.get_mut(framework_id) else {
            return;
        };
        framework.stage = Stage::Terminating;
        let executors: Vec<ExecutorId> = framework.executors.keys().cloned().collect();
        for executor_id in executors {
            self.shutdown_executor(now, framework_id, &executor_id);
            self.remove_done_executor(framework_id, &executor_id);
        }
        self.remove_idle_framework(framework_id);
    }

    /// Dropped unless the executor has subscribed and was not told to go (PROTOCOL §10).
    fn deliver_message(
        &mut self,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        data: Bytes,
    ) {
        if !self.is_active(framework_id) {
            return;
        }
        if let Some(executor) = self.executor(framework_id, executor_id)
            && let Life::Running { stream, .. } = executor.life
        {
            self.send(stream, status::message(data));
        }
    }

    fn acknowledge(
        &mut self,
        now: Instant,
        framework_id: &FrameworkId,
        task_id: &TaskId,
        uuid: &Bytes,
    ) {
        match self.updates.acknowledge(now, framework_id, task_id, uuid) {
            Acknowledged::Unexpected => {
                tracing::debug!(%framework_id, %task_id, "unexpected acknowledgement");
            }
            Acknowledged::Idle => {}
            Acknowledged::Forward(next) => self.forward(framework_id.clone(), *next),
            Acknowledged::Ended => {
                let Some(framework) = self.frameworks.get_mut(framework_id) else {
                    return;
                };
                let Some(executor_id) = framework.owners.get(task_id).cloned() else {
                    return;
                };
                // The end may have been that of an earlier task of this id.
                if let Some(executor) = framework.executors.get_mut(&executor_id)
                    && executor.complete(task_id)
                {
                    framework.owners.remove(task_id);
                }
                self.remove_done_executor(framework_id, &executor_id);
                self.remove_idle_framework(framework_id);
            }
        }
    }

    fn resend_updates(&mut self, now: Instant) {
        for (framework_id, status) in self.updates.resend(now) {
            self.forward(framework_id, status);
        }
    }

    /// Whether the framework has executors here and was not removed.
    pub(super) fn is_active(&self, framework_id: &FrameworkId) -> bool {
        self.frameworks
            .get(framework_id)
            .is_some_and(|framework| framework.stage == Stage::Active)
    }
}

/// [`ToAgent::RunTasks`].
struct RunTasks {
    framework: FrameworkInfo,
    kind: Kind,
    executor: ExecutorInfo,
    tasks: Vec<TaskInfo>,
    group: bool,
    launch_executor: bool,
}

/// The id that the master has filled in.
fn framework_id(framework: &FrameworkInfo) -> FrameworkId {
    framework
        .id
        .as_ref()
        .map_or_else(|| FrameworkId::from(""), FrameworkId::from)
}
