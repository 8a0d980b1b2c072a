//! What an agent does with its executors (PROTOCOL §8.5, §9).

use std::collections::BTreeMap;
use std::time::Duration;

use mesos::{ExecutorId, TaskId};
use scheduler::{Reason, Source, TaskState};

use super::{Agent, FromExecutor, Hosted, Phase, SHUTDOWN_GRACE, Task};
use crate::cluster::executor::ToExecutor;
use crate::cluster::master::ToMaster;
use crate::net::{Happening, LaunchOf, Net};

/// How long an executor takes to start at most: fetching included.
const START_MAX: Duration = Duration::from_secs(4);

impl Agent {
    pub(super) fn run(&mut self, net: &mut Net, launch: LaunchOf) {
        if self.is_framework_gone {
            return;
        }
        let executor = launch.executor.id;
        let hosted = Hosted {
            resources: launch.executor.resources,
            phase: Phase::Registering,
            queued: launch.tasks,
            tasks: BTreeMap::new(),
        };
        self.executors.insert(executor.clone(), hosted);
        let after = net.some_time(START_MAX);
        let agent = self.index;
        net.later(after, Happening::ExecutorStarts { agent, executor });
    }

    /// Whether this executor is still wanted when its process has been started.
    pub(crate) fn wants(&self, executor: &ExecutorId) -> bool {
        let hosted = self.executors.get(executor);
        self.is_alive && hosted.is_some_and(|hosted| hosted.phase == Phase::Registering)
    }

    pub(super) fn kill(&mut self, net: &mut Net, task: &TaskId, grace: Option<Duration>) {
        let mut hosted = self.executors.iter_mut();
        let found = hosted.find(|(_, hosted)| {
            hosted.tasks.contains_key(task) || hosted.queued.iter().any(|it| it.id == *task)
        });
        let Some((executor, hosted)) = found else {
            let reason = Some(Reason::EXECUTOR_TERMINATED);
            return self.add_update(net, task, TaskState::Dropped, Source::Agent, reason, None);
        };
        let executor = executor.clone();
        let queued = hosted.queued.iter().position(|it| it.id == *task);
        let Some(queued) = queued else {
            return self.send_to(net, &executor, ToExecutor::Kill(task.clone(), grace));
        };
        let launch = hosted.queued.remove(queued);
        let killed = Task {
            state: TaskState::Killed,
            resources: launch.resources,
        };
        hosted.tasks.insert(task.clone(), killed);
        net.checker.truth.ended(net.now, task);
        let reason = Some(Reason::new("REASON_TASK_KILLED_DURING_LAUNCH"));
        self.add_update(net, task, TaskState::Killed, Source::Agent, reason, None);
    }

    pub(super) fn shutdown(&mut self, net: &mut Net, executor: &ExecutorId) {
        let Some(hosted) = self.executors.get_mut(executor) else {
            return;
        };
        let stream = match hosted.phase {
            Phase::Running { stream } => Some(stream),
            Phase::Registering => None,
            Phase::Terminating { .. } | Phase::Terminated => return,
        };
        hosted.phase = Phase::Terminating { stream };
        self.send_to(net, executor, ToExecutor::Shutdown(SHUTDOWN_GRACE));
        let destroyed = Happening::Destroy {
            executor: executor.clone(),
        };
        net.later(SHUTDOWN_GRACE, destroyed);
    }

    /// An executor says something; nobody hears it while the process is away.
    pub(crate) fn handle_executor(
        &mut self,
        net: &mut Net,
        executor: &ExecutorId,
        message: FromExecutor,
    ) {
        if !self.is_alive || !self.executors.contains_key(executor) {
            return;
        }
        match message {
            FromExecutor::Update(task, state, uuid) => {
                self.executor_update(net, executor, &task, state, uuid);
            }
            FromExecutor::Subscribe {
                stream,
                tasks,
                updates,
            } => {
                if let Some(hosted) = self.executors.get_mut(executor) {
                    match &mut hosted.phase {
                        Phase::Registering | Phase::Running { .. } => {
                            hosted.phase = Phase::Running { stream };
                        }
                        Phase::Terminating { stream: known } => *known = Some(stream),
                        Phase::Terminated => return,
                    }
                }
                for (task, state, uuid) in updates {
                    self.executor_update(net, executor, &task, state, uuid);
                }
                self.subscribed(net, executor, &tasks);
            }
        }
    }

    fn executor_update(
        &mut self,
        net: &mut Net,
        executor: &ExecutorId,
        task: &TaskId,
        state: TaskState,
        uuid: scheduler::Uuid,
    ) {
        let hosted = self.executors.get_mut(executor);
        if let Some(known) = hosted.and_then(|hosted| hosted.tasks.get_mut(task)) {
            let is_over = known.state.is_end();
            if !is_over && !self.seen.contains(&uuid.0) {
                known.state = state;
                self.add_update(net, task, state, Source::Executor, None, Some(uuid));
            }
        }
        self.send_to(net, executor, ToExecutor::Acknowledged(task.clone(), uuid));
    }

    /// An executor has a stream: it is told what it does not know.
    fn subscribed(&mut self, net: &mut Net, executor: &ExecutorId, known: &[TaskId]) {
        let Some(hosted) = self.executors.get_mut(executor) else {
            return;
        };
        if matches!(hosted.phase, Phase::Terminating { .. }) {
            return self.send_to(net, executor, ToExecutor::Shutdown(SHUTDOWN_GRACE));
        }
        let mut lost = Vec::new();
        for (id, task) in &mut hosted.tasks {
            if task.state == TaskState::Staging && !known.contains(id) {
                task.state = TaskState::Dropped;
                lost.push(id.clone());
            }
        }
        let queued = std::mem::take(&mut hosted.queued);
        for launch in &queued {
            let task = Task {
                state: TaskState::Staging,
                resources: launch.resources.clone(),
            };
            hosted.tasks.insert(launch.id.clone(), task);
        }
        // All of its tasks were killed before it was there.
        let is_useless = hosted.tasks.values().all(|task| task.state.is_end());
        for task in lost {
            let reason = Some(Reason::AGENT_RESTARTED);
            self.add_update(net, &task, TaskState::Dropped, Source::Agent, reason, None);
        }
        for launch in queued {
            self.send_to(net, executor, ToExecutor::Launch(launch));
        }
        if is_useless {
            self.shutdown(net, executor);
        }
    }

    /// The process of an executor has ended.
    pub(crate) fn executor_exited(&mut self, net: &mut Net, executor: &ExecutorId, status: i32) {
        if !self.is_alive {
            return;
        }
        let message = ToMaster::Exited {
            executor: executor.clone(),
            status,
        };
        if self.executors.contains_key(executor) {
            self.send(net, message);
            self.end_executor(net, executor);
        }
    }

    /// The agent's process is there again and finds these executors alive.
    pub(crate) fn recover(&mut self, net: &mut Net, alive: impl Fn(&ExecutorId) -> bool) {
        self.resume();
        let dead: Vec<_> = self
            .executors
            .iter()
            .filter(|(id, hosted)| hosted.phase != Phase::Terminated && !alive(id))
            .map(|(id, _)| id.clone())
            .collect();
        for executor in dead {
            self.end_executor(net, &executor);
        }
    }

    fn end_executor(&mut self, net: &mut Net, executor: &ExecutorId) {
        let Some(hosted) = self.executors.get_mut(executor) else {
            return;
        };
        hosted.phase = Phase::Terminated;
        for launch in std::mem::take(&mut hosted.queued) {
            let task = Task {
                state: TaskState::Staging,
                resources: launch.resources,
            };
            hosted.tasks.insert(launch.id, task);
        }
        let mut ended = Vec::new();
        for (id, task) in &mut hosted.tasks {
            if !task.state.is_end() {
                task.state = TaskState::Failed;
                ended.push(id.clone());
            }
        }
        if self.is_framework_gone || hosted.tasks.is_empty() {
            self.executors.remove(executor);
            return;
        }
        for task in ended {
            let reason = Some(Reason::EXECUTOR_TERMINATED);
            self.add_update(net, &task, TaskState::Failed, Source::Agent, reason, None);
        }
    }
}
