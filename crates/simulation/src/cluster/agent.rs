//! One agent: its executors, the updates that nobody has acknowledged, and its link to the master.
//!
//! The framework checkpoints, so executors outlive a restart of the agent's process (PROTOCOL §9.5).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use mesos::resources::Resources;
use mesos::{AgentId, ExecutorId, TaskId};
use scheduler::{Reason, Source, TaskLaunch, TaskState, Uuid};

use super::executor::ToExecutor;
use super::master::{Status, ToMaster};
use crate::net::{Happening, LaunchOf, Net, Pipe};
use crate::profile::Fault;

mod executors;

/// The first time after which an update is sent again (PROTOCOL §8.2).
const UPDATE_AGAIN_MIN: Duration = Duration::from_secs(10);

/// The longest.
const UPDATE_AGAIN_MAX: Duration = Duration::from_secs(600);

/// How long an executor may take to obey SHUTDOWN (PROTOCOL §9.3).
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// What an agent hears from the master.
#[derive(Debug, Clone)]
pub(crate) enum ToAgent {
    Run(LaunchOf),
    Kill(TaskId, Option<Duration>),
    ShutdownExecutor(ExecutorId),
    ShutdownFramework,
    Acknowledge(TaskId, Uuid),
    /// The framework has subscribed again, or the agent has registered.
    Resend,
}

/// What an agent hears from an executor.
#[derive(Debug, Clone)]
pub(crate) enum FromExecutor {
    Subscribe {
        stream: u64,
        /// Tasks of which no update has been acknowledged.
        tasks: Vec<TaskId>,
        updates: Vec<(TaskId, TaskState, Uuid)>,
    },
    Update(TaskId, TaskState, Uuid),
}

/// A task as an agent reports it to a master.
#[derive(Debug, Clone)]
pub(crate) struct Reported {
    pub(crate) task: TaskId,
    pub(crate) state: TaskState,
    pub(crate) resources: Resources,
}

pub(crate) struct Agent {
    index: usize,
    id: AgentId,
    /// Counts the links to masters.
    link: u64,
    is_connected: bool,
    /// Whether its process runs.
    is_alive: bool,
    is_framework_gone: bool,
    executors: BTreeMap<ExecutorId, Hosted>,
    updates: BTreeMap<TaskId, VecDeque<Status>>,
    seen: BTreeSet<[u8; 16]>,
}

struct Hosted {
    resources: Resources,
    phase: Phase,
    /// Tasks that it has not been told of.
    queued: Vec<TaskLaunch>,
    tasks: BTreeMap<TaskId, Task>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Registering,
    Running { stream: u64 },
    Terminating { stream: Option<u64> },
    Terminated,
}

struct Task {
    state: TaskState,
    resources: Resources,
}

impl Agent {
    pub(crate) fn new(index: usize) -> Self {
        Self {
            index,
            id: AgentId::new(format!("a{index}")),
            link: 0,
            is_connected: false,
            is_alive: true,
            is_framework_gone: false,
            executors: BTreeMap::new(),
            updates: BTreeMap::new(),
            seen: BTreeSet::new(),
        }
    }

    /// Whether messages pass between it and the master.
    pub(crate) fn link(&self) -> Option<u64> {
        (self.is_alive && self.is_connected).then_some(self.link)
    }

    pub(crate) fn link_number(&self) -> u64 {
        self.link
    }

    /// Whether an executor gets framework messages.
    pub(crate) fn passes_to(&self, executor: &ExecutorId) -> bool {
        let hosted = self.executors.get(executor);
        hosted.is_some_and(|hosted| matches!(hosted.phase, Phase::Running { .. }))
    }

    /// The link to the master is gone; what is on it is lost.
    pub(crate) fn disconnect(&mut self) {
        self.is_connected = false;
        self.link += 1;
    }

    /// Its process ends; its executors do not know.
    pub(crate) fn stop(&mut self) {
        self.disconnect();
        self.is_alive = false;
    }

    /// Its process is there again.
    pub(crate) fn resume(&mut self) {
        self.is_alive = true;
    }

    /// It forgets everything, and is another agent.
    pub(crate) fn forget(&mut self, id: AgentId) {
        self.id = id;
        self.executors.clear();
        self.updates.clear();
        self.seen.clear();
        self.is_framework_gone = false;
    }

    /// It registers with whatever master there is.
    pub(crate) fn register(&mut self, net: &mut Net, link: u64) {
        if self.link != link || !self.is_alive || self.is_connected {
            return;
        }
        self.is_connected = true;
        self.link += 1;
        let mut tasks = Vec::new();
        let mut executors = Vec::new();
        for (executor, hosted) in &self.executors {
            let known = hosted
                .tasks
                .iter()
                .map(|(id, task)| (id, task.state, &task.resources));
            let queued = hosted
                .queued
                .iter()
                .map(|task| (&task.id, TaskState::Staging, &task.resources));
            tasks.extend(known.chain(queued).map(|(id, state, resources)| Reported {
                task: id.clone(),
                state,
                resources: resources.clone(),
            }));
            if hosted.phase != Phase::Terminated {
                executors.push((executor.clone(), hosted.resources.clone()));
            }
        }
        let id = self.id.clone();
        self.send(
            net,
            ToMaster::Register {
                id,
                tasks,
                executors,
            },
        );
    }

    fn send(&mut self, net: &mut Net, message: ToMaster) {
        let (agent, link) = (self.index, self.link);
        if !self.is_connected {
            return;
        }
        let arrives = |message| Happening::ToMaster {
            agent,
            link,
            message,
        };
        if matches!(message, ToMaster::Update(..)) && net.befalls(Fault::UpdateLoss) {
            match net.chance.u32(0..3) {
                0 => net.note(|| format!("LOST from a{agent}: {message:?}")),
                1 => {
                    let late = net.some_time(Duration::from_secs(30));
                    net.later(late, arrives(message));
                }
                _ => {
                    let late = net.some_time(Duration::from_secs(30));
                    net.later(late, arrives(message.clone()));
                    net.along(Pipe::ToMaster(agent, link), arrives(message));
                }
            }
            return;
        }
        net.along(Pipe::ToMaster(agent, link), arrives(message));
    }

    /// A message of the master arrives.
    pub(crate) fn handle_master(&mut self, net: &mut Net, link: u64, message: ToAgent) {
        if self.link() != Some(link) {
            return;
        }
        match message {
            ToAgent::Run(launch) => self.run(net, launch),
            ToAgent::Kill(task, grace) => self.kill(net, &task, grace),
            ToAgent::ShutdownExecutor(executor) => self.shutdown(net, &executor),
            ToAgent::ShutdownFramework => {
                self.is_framework_gone = true;
                self.updates.clear();
                let executors: Vec<_> = self.executors.keys().cloned().collect();
                for executor in executors {
                    self.shutdown(net, &executor);
                }
            }
            ToAgent::Acknowledge(task, uuid) => self.acknowledged(net, &task, uuid),
            ToAgent::Resend => {
                let waiting: Vec<_> = self.updates.keys().cloned().collect();
                for task in waiting {
                    self.send_update(net, &task);
                }
            }
        }
    }

    fn add_update(
        &mut self,
        net: &mut Net,
        task: &TaskId,
        state: TaskState,
        source: Source,
        reason: Option<Reason>,
        uuid: Option<Uuid>,
    ) {
        if self.is_framework_gone {
            return;
        }
        let uuid = uuid.unwrap_or_else(|| new_uuid(net));
        if !self.seen.insert(uuid.0) {
            return;
        }
        let status = Status {
            task: task.clone(),
            state,
            source,
            reason,
            uuid,
        };
        let waiting = self.updates.entry(task.clone()).or_default();
        waiting.push_back(status);
        if waiting.len() == 1 {
            self.send_first(net, task);
        }
    }

    /// Sends the first update of a task for the first time.
    fn send_first(&mut self, net: &mut Net, task: &TaskId) {
        let first = self.updates.get(task).and_then(VecDeque::front);
        if let Some(uuid) = first.map(|status| status.uuid) {
            self.send_update(net, task);
            let due = Happening::UpdateDue {
                agent: self.index,
                task: task.clone(),
                uuid,
                wait: UPDATE_AGAIN_MIN,
            };
            net.later(UPDATE_AGAIN_MIN, due);
        }
    }

    fn send_update(&mut self, net: &mut Net, task: &TaskId) {
        let first = self.updates.get(task).and_then(VecDeque::front);
        if let Some(status) = first.cloned() {
            let mut hosted = self.executors.values();
            let latest = hosted.find_map(|hosted| hosted.tasks.get(task));
            let latest = latest.map_or(status.state, |task| task.state);
            self.send(net, ToMaster::Update(status, latest));
        }
    }

    /// The time has come to send an update again, if it still waits.
    pub(crate) fn repeat_update(
        &mut self,
        net: &mut Net,
        task: TaskId,
        uuid: Uuid,
        wait: Duration,
    ) {
        let first = self.updates.get(&task).and_then(VecDeque::front);
        if first.is_none_or(|status| status.uuid != uuid) {
            return;
        }
        if self.is_alive {
            self.send_update(net, &task);
        }
        let wait = (wait * 2).min(UPDATE_AGAIN_MAX);
        let due = Happening::UpdateDue {
            agent: self.index,
            task,
            uuid,
            wait,
        };
        net.later(wait, due);
    }

    fn acknowledged(&mut self, net: &mut Net, task: &TaskId, uuid: Uuid) {
        let Some(waiting) = self.updates.get_mut(task) else {
            return;
        };
        if waiting.front().is_none_or(|status| status.uuid != uuid) {
            return;
        }
        let last = waiting.pop_front();
        if waiting.is_empty() {
            self.updates.remove(task);
        } else {
            self.send_first(net, task);
        }
        if last.is_some_and(|last| last.state.is_end()) {
            self.updates.remove(task);
            for hosted in self.executors.values_mut() {
                hosted.tasks.remove(task);
            }
            self.executors
                .retain(|_, hosted| hosted.phase != Phase::Terminated || !hosted.tasks.is_empty());
        }
    }

    fn send_to(&self, net: &mut Net, executor: &ExecutorId, message: ToExecutor) {
        let stream = self
            .executors
            .get(executor)
            .and_then(|hosted| match hosted.phase {
                Phase::Running { stream } => Some(stream),
                Phase::Terminating { stream } => stream,
                Phase::Registering | Phase::Terminated => None,
            });
        if let Some(stream) = stream {
            let arrives = Happening::ToExecutor {
                executor: executor.clone(),
                stream,
                message,
            };
            net.along(Pipe::ToExecutor(executor.clone(), stream), arrives);
        }
    }
}

/// A fresh id for an update.
pub(crate) fn new_uuid(net: &mut Net) -> Uuid {
    Uuid(net.chance.u128(..).to_be_bytes())
}
