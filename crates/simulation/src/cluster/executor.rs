//! One executor process: its tasks, their functions, and its end of the link.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use channel::{ChannelId, LinkEnd, Output, Path, Role};
use mesos::{ExecutorId, TaskId};
use scheduler::{TaskLaunch, TaskState, Uuid};

use super::agent::{FromExecutor, new_uuid};
use crate::checker::Direction;
use crate::net::{Happening, Net, Pipe};
use crate::profile::Fault;
use crate::shell::links;

mod functions;

use functions::Function;

/// How long an executor without tasks waits for more.
const LINGER: Duration = Duration::from_millis(500);

/// How long the last messages may take to reach the scheduler.
const DRAIN_MAX: Duration = Duration::from_secs(60);

/// What an executor hears from its agent.
#[derive(Debug, Clone)]
pub(crate) enum ToExecutor {
    Launch(TaskLaunch),
    Kill(TaskId, Option<Duration>),
    Shutdown(Duration),
    Acknowledged(TaskId, Uuid),
}

pub(crate) struct Executor {
    id: ExecutorId,
    agent: usize,
    link: LinkEnd,
    stream: u64,
    is_cut: bool,
    /// The number of the direct connection that frames take.
    pub(crate) connection: Option<u64>,
    /// A frame is under way, and no other is made.
    is_busy: bool,
    tasks: BTreeMap<TaskId, Task>,
    names: BTreeMap<ChannelId, TaskId>,
    /// What has come for tasks that the agent has not launched yet: an app scheduler may send to
    /// a task as soon as it is launched again.
    early: Vec<(ChannelId, Option<u64>)>,
    /// The channels of these tasks.
    offered: BTreeMap<ChannelId, String>,
    is_lifted: bool,
    launches: u64,
    is_shutting_down: bool,
    drains: u32,
}

struct Task {
    name: String,
    channel: ChannelId,
    function: Function,
    grace: Duration,
    is_killed: bool,
    /// Not taken out of the `in` channel: messages and bytes.
    inbox: (u64, u64),
    is_closed: bool,
    /// Updates that the agent has not acknowledged.
    updates: VecDeque<(TaskState, Uuid)>,
    is_acknowledged: bool,
}

impl Executor {
    pub(crate) fn new(net: &mut Net, id: ExecutorId, agent: usize) -> Self {
        let incarnation = net.chance.u64(1..);
        let config = links::config();
        Self {
            link: LinkEnd::new(Role::Executor, incarnation, config),
            id,
            agent,
            stream: 0,
            is_cut: false,
            connection: None,
            is_busy: false,
            tasks: BTreeMap::new(),
            names: BTreeMap::new(),
            early: Vec::new(),
            offered: BTreeMap::new(),
            is_lifted: false,
            launches: 0,
            is_shutting_down: false,
            drains: 0,
        }
    }

    pub(crate) fn agent(&self) -> usize {
        self.agent
    }

    pub(crate) fn tasks(&self) -> impl Iterator<Item = &TaskId> {
        self.tasks.keys()
    }

    /// What the agent writes does not come any more; the executor notices in its own time.
    pub(crate) fn cut(&mut self) {
        self.is_cut = true;
    }

    /// Whether the agent's events arrive.
    pub(crate) fn hears(&self) -> bool {
        !self.is_cut
    }

    pub(crate) fn subscribe(&mut self, net: &mut Net) {
        self.stream += 1;
        self.is_cut = false;
        let unacknowledged = self.tasks.iter().filter(|(_, task)| !task.is_acknowledged);
        let tasks = unacknowledged.map(|(id, _)| id.clone()).collect();
        let mut updates = Vec::new();
        for (id, task) in &self.tasks {
            let waiting = task.updates.iter();
            updates.extend(waiting.map(|(state, uuid)| (id.clone(), *state, *uuid)));
        }
        let stream = self.stream;
        self.tell_agent(
            net,
            FromExecutor::Subscribe {
                stream,
                tasks,
                updates,
            },
        );
    }

    fn tell_agent(&self, net: &mut Net, message: FromExecutor) {
        let arrives = Happening::FromExecutor {
            agent: self.agent,
            executor: self.id.clone(),
            message,
        };
        net.along(Pipe::FromExecutor(self.id.clone()), arrives);
    }

    fn update(&mut self, net: &mut Net, id: &TaskId, state: TaskState) {
        let uuid = new_uuid(net);
        let Some(task) = self.tasks.get_mut(id) else {
            return;
        };
        task.updates.push_back((state, uuid));
        self.tell_agent(net, FromExecutor::Update(id.clone(), state, uuid));
    }

    /// The agent says something.
    pub(crate) fn handle(&mut self, net: &mut Net, stream: u64, message: ToExecutor) {
        if self.is_cut || self.stream != stream {
            return;
        }
        match message {
            ToExecutor::Launch(launch) => self.launch(net, launch),
            ToExecutor::Kill(task, grace) => self.kill(net, &task, grace),
            ToExecutor::Shutdown(within) => {
                self.is_shutting_down = true;
                let tasks: Vec<_> = self.tasks.keys().cloned().collect();
                for task in tasks {
                    self.kill(net, &task, Some(within / 2));
                }
                self.settle(net);
            }
            ToExecutor::Acknowledged(id, uuid) => {
                if let Some(task) = self.tasks.get_mut(&id) {
                    task.is_acknowledged = true;
                    task.updates.retain(|(_, known)| *known != uuid);
                    if task.updates.is_empty() && task.function == Function::Over {
                        self.names.retain(|_, known| *known != id);
                        self.tasks.remove(&id);
                    }
                }
                self.settle(net);
            }
        }
        self.pump(net);
    }

    fn launch(&mut self, net: &mut Net, launch: TaskLaunch) {
        let Ok(channel) = self.link.open(&launch.name) else {
            return;
        };
        self.launches += 1;
        let grace = net.job.groups[launch.group].kill_grace;
        let task = Task {
            name: launch.name,
            channel,
            function: Function::Preparing,
            grace,
            is_killed: false,
            inbox: (0, 0),
            is_closed: false,
            updates: VecDeque::new(),
            is_acknowledged: false,
        };
        self.names.insert(channel, launch.id.clone());
        self.tasks.insert(launch.id.clone(), task);
        self.offered.remove(&channel);
        for (of, bytes) in std::mem::take(&mut self.early) {
            self.hear(net, of, bytes);
        }
        let after = net.some_time(Duration::from_secs(2));
        let ready = Happening::Ready {
            executor: self.id.clone(),
            task: launch.id,
        };
        net.later(after, ready);
    }

    /// Whether it has nothing more to do.
    fn settle(&mut self, net: &mut Net) {
        if self.tasks.is_empty() {
            let linger = Happening::Linger {
                executor: self.id.clone(),
                launches: self.launches,
            };
            net.later(LINGER, linger);
        }
    }

    /// Nothing has come for a while; whether it exits now.
    pub(crate) fn lingered(&mut self, net: &mut Net, launches: u64) -> bool {
        if !self.tasks.is_empty() || self.launches != launches || self.launches == 0 {
            return self.is_shutting_down && self.tasks.is_empty();
        }
        self.drains += 1;
        let is_drained = self.link.is_flushed() || LINGER * self.drains > DRAIN_MAX;
        if !is_drained && !self.is_shutting_down {
            self.settle(net);
        }
        is_drained || self.is_shutting_down
    }

    /// A frame of the scheduler arrives.
    pub(crate) fn handle_frame(&mut self, net: &mut Net, frame: Bytes) {
        if let Err(error) = self.link.handle_frame(net.now, frame) {
            links::refused(net, &self.id, &error);
        }
        self.pump(net);
    }

    /// Frames take another way.
    pub(crate) fn move_to(&mut self, net: &mut Net, connection: Option<u64>) {
        self.connection = connection;
        let path = match connection {
            Some(_) => Path::Direct,
            None => Path::Messages,
        };
        self.link.move_to(net.now, path);
        self.pump(net);
    }

    pub(crate) fn poll_timeout(&self) -> Option<std::time::Instant> {
        self.link.poll_timeout().filter(|_| !self.is_busy)
    }

    /// The last frame has left.
    pub(crate) fn unbusy(&mut self, net: &mut Net) {
        self.is_busy = false;
        self.pump(net);
    }

    /// Hands on what the link has to say and to send.
    pub(crate) fn pump(&mut self, net: &mut Net) {
        self.take_outputs(net);
        while !self.is_busy {
            let Some(frame) = self.link.poll_frame(net.now) else {
                break;
            };
            self.transmit(net, frame);
            self.take_outputs(net);
        }
    }

    fn transmit(&mut self, net: &mut Net, frame: Bytes) {
        let executor = self.id.clone();
        if let Some(connection) = self.connection {
            let arrives = Happening::FrameDirect {
                executor: executor.clone(),
                connection,
                is_down: false,
                frame,
            };
            return net.along(Pipe::Direct(executor, connection, false), arrives);
        }
        self.is_busy = true;
        let wait = net.latency();
        net.later(
            wait,
            Happening::PumpExecutor {
                executor: executor.clone(),
            },
        );
        for copy in 0..links::copies(net, Fault::FrameLoss) {
            let wait = links::frame_time(net, copy);
            let frame = frame.clone();
            let executor = executor.clone();
            net.later(wait, Happening::FrameUp { executor, frame });
        }
    }

    fn take_outputs(&mut self, net: &mut Net) {
        while let Some(output) = self.link.poll_output() {
            match output {
                Output::Message { channel, .. } if channel == ChannelId::CONTROL => {
                    self.link.take(channel, 1, links::START.len() as u64);
                    self.is_lifted = true;
                    let tasks: Vec<_> = self.tasks.keys().cloned().collect();
                    for task in tasks {
                        self.begin(net, &task);
                    }
                }
                Output::Offered { channel, name } => {
                    self.offered.insert(channel, name.to_string());
                }
                Output::Message { channel, data } => {
                    if let Some(name) = self.name_of(channel) {
                        let number = links::number(&data);
                        let streams = &mut net.checker.streams;
                        streams.received_one(&self.id, &name, Direction::In, number);
                    }
                    self.hear(net, channel, Some(data.len() as u64));
                }
                Output::Closed { channel } => {
                    if let Some(name) = self.name_of(channel) {
                        let streams = &mut net.checker.streams;
                        streams.close_seen(&self.id, &name, Direction::In);
                    }
                    self.hear(net, channel, None);
                }
                Output::Linked { .. } if links::is_direct(net) => {
                    let executor = self.id.clone();
                    let after = net.latency();
                    net.later(after, Happening::Dial { executor, tries: 0 });
                }
                Output::Linked { .. }
                | Output::Told { .. }
                | Output::Stopped { .. }
                | Output::Writable { .. }
                | Output::Released { .. } => {}
            }
        }
    }

    /// The task of a channel, or the one that is expected for it.
    fn name_of(&self, channel: ChannelId) -> Option<String> {
        let task = self.names.get(&channel).and_then(|id| self.tasks.get(id));
        let name = task.map(|task| &task.name);
        name.or_else(|| self.offered.get(&channel)).cloned()
    }

    /// A message of so many bytes for a task, or none: the end of them. It waits until the task is
    /// launched.
    fn hear(&mut self, net: &mut Net, channel: ChannelId, bytes: Option<u64>) {
        let Some(id) = self.names.get(&channel).cloned() else {
            return self.early.push((channel, bytes));
        };
        match bytes {
            Some(bytes) => {
                if let Some(task) = self.tasks.get_mut(&id) {
                    task.inbox.0 += 1;
                    task.inbox.1 += bytes;
                }
            }
            None => self.inbox_closed(net, &id),
        }
    }
}
