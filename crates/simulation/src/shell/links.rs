//! The scheduler's ends of the links, and how frames travel.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use channel::{ChannelId, Config, FrameError, LinkEnd, Output, Path, Role, Window};
use mesos::ExecutorId;
use scheduler::{Barrier, Command, ExecutorLaunch, TaskLaunch};

use super::Shell;
use crate::checker::Direction;
use crate::net::{Happening, Net, Pipe};
use crate::profile::Fault;
use crate::violation::Violation;

/// What lifts the barrier of an executor.
pub(crate) const START: &[u8] = b"start";

/// How often an executor dials before it gives up.
const TRIES_MAX: u32 = 5;

pub(crate) struct Link {
    end: LinkEnd,
    pub(super) channels: BTreeMap<String, Channel>,
    names: BTreeMap<ChannelId, String>,
    is_busy: bool,
    connection: Option<u64>,
}

pub(super) struct Channel {
    pub(super) id: ChannelId,
    /// Not taken by the app scheduler: messages and bytes.
    pub(super) inbox: (u64, u64),
    /// The task has closed it, or nothing can come any more.
    pub(super) is_over: bool,
    pub(super) is_closed: bool,
}

/// Small windows, so that they are full now and then.
pub(crate) fn config() -> Config {
    Config {
        window: Window {
            messages: 4,
            bytes: 1000,
        },
        frames_in_flight_max: 4,
        direct_only: false,
        ..Config::new()
    }
}

/// A message that is its number.
pub(crate) fn message(number: u64) -> Bytes {
    Bytes::copy_from_slice(&number.to_be_bytes())
}

pub(crate) fn number(data: &[u8]) -> u64 {
    data.try_into().map_or(u64::MAX, u64::from_be_bytes)
}

/// Whether executors dial.
pub(crate) fn is_direct(net: &Net) -> bool {
    net.job.barrier == Barrier::Connections || net.job.timing.gang.as_secs().is_multiple_of(2)
}

/// How often a framework message arrives.
pub(crate) fn copies(net: &mut Net, fault: Fault) -> u32 {
    if net.befalls(fault) {
        2 * net.chance.u32(0..2)
    } else {
        1
    }
}

/// How long a copy of a framework message takes.
pub(crate) fn frame_time(net: &mut Net, copy: u32) -> Duration {
    let on_its_way = net.latency() + net.latency();
    if copy > 0 || net.befalls(Fault::FrameLoss) {
        on_its_way + net.some_time(Duration::from_secs(5))
    } else {
        on_its_way
    }
}

/// A frame was refused: between two living ends that may only be one of an earlier life.
pub(crate) fn refused(net: &mut Net, executor: &ExecutorId, error: &FrameError) {
    match error {
        FrameError::OtherIncarnation { .. } | FrameError::Shut => {}
        error => net
            .checker
            .break_promise(Violation::FrameRefused(executor.clone(), error.to_string())),
    }
}

impl Link {
    /// The end, and a task's channel.
    pub(super) fn sender(&mut self, task: &str) -> Option<(&mut LinkEnd, ChannelId)> {
        let channel = self.channels.get(task)?.id;
        Some((&mut self.end, channel))
    }

    /// The app scheduler takes all that is there.
    pub(super) fn take_all(&mut self) {
        for channel in self.channels.values_mut() {
            let (messages, bytes) = std::mem::take(&mut channel.inbox);
            self.end.take(channel.id, messages, bytes);
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.end.poll_timeout().filter(|_| !self.is_busy)
    }
}

impl Shell {
    /// Makes the link to an executor that is being launched.
    pub(super) fn open_link(
        &mut self,
        net: &mut Net,
        executor: &ExecutorLaunch,
        tasks: &[TaskLaunch],
    ) {
        let incarnation = net.chance.u64(1..);
        let mut link = Link {
            end: LinkEnd::new(Role::Scheduler, incarnation, config()),
            channels: BTreeMap::new(),
            names: BTreeMap::new(),
            is_busy: false,
            connection: None,
        };
        for task in tasks {
            let Ok(id) = link.end.open(&task.name) else {
                continue;
            };
            let channel = Channel {
                id,
                inbox: (0, 0),
                is_over: false,
                is_closed: false,
            };
            link.channels.insert(task.name.clone(), channel);
            link.names.insert(id, task.name.clone());
            let before = self.by_task.insert(task.name.clone(), executor.id.clone());
            net.happened.relaunches += u64::from(before.is_some());
        }
        self.links.insert(executor.id.clone(), link);
        // Links whose tasks were all placed again are of no use to anybody.
        let unused: Vec<_> = self
            .links
            .keys()
            .filter(|id| self.by_task.values().all(|used| used != *id))
            .cloned()
            .collect();
        for executor in unused {
            self.shut_link(net, &executor);
        }
    }

    pub(super) fn lift_barrier(&mut self, net: &mut Net, executors: &[ExecutorId]) {
        for executor in executors {
            if let Some(link) = self.links.get_mut(executor) {
                let start = Bytes::from_static(START);
                // It has room: this is the first record. If the link is shut, nobody is there.
                let _ = link.end.send(ChannelId::CONTROL, start);
            }
        }
        self.pump_links(net);
    }

    pub(super) fn close_inputs(&mut self, net: &mut Net, tasks: &[String]) {
        for task in tasks {
            let executor = self.by_task.get(task);
            let Some(link) = executor.and_then(|id| self.links.get_mut(id)) else {
                continue;
            };
            if let Some(channel) = link.channels.get_mut(task)
                && !std::mem::replace(&mut channel.is_closed, true)
            {
                link.end.close(channel.id);
                if let Some(executor) = executor {
                    net.checker.streams.closed(executor, task, Direction::In);
                }
            }
        }
    }

    /// Nothing more comes of an executor, nor reaches it.
    pub(super) fn shut_link(&mut self, net: &mut Net, executor: &ExecutorId) {
        self.take_outputs(net, executor);
        let Some(link) = self.links.get_mut(executor) else {
            return;
        };
        if !self.shut.insert(executor.clone()) {
            return;
        }
        let undelivered = link.end.shut();
        let mut over = Vec::new();
        for (name, channel) in &mut link.channels {
            let lost = undelivered.iter().find(|it| it.channel == channel.id);
            let lost = lost.map_or(0, |it| it.messages);
            let streams = &mut net.checker.streams;
            streams.shut(executor, name, Direction::In, lost);
            channel.is_over = true;
            over.push(name.clone());
        }
        for task in over {
            self.channel_over(net, &task, executor);
        }
    }

    /// A frame of an executor arrives.
    pub(super) fn hear_frame(&mut self, net: &mut Net, executor: &ExecutorId, frame: Bytes) {
        let Some(link) = self.links.get_mut(executor) else {
            return;
        };
        match link.end.handle_frame(net.now, frame) {
            Ok(()) => {}
            Err(FrameError::OtherIncarnation { .. } | FrameError::Shut) => {}
            Err(FrameError::Malformed(_)) => {
                self.command(net, Command::Abandon(executor.clone()));
            }
            Err(error) => refused(net, executor, &error),
        }
        self.take_outputs(net, executor);
        self.pump_links(net);
    }

    fn take_outputs(&mut self, net: &mut Net, executor: &ExecutorId) {
        let mut over = Vec::new();
        let Some(link) = self.links.get_mut(executor) else {
            return;
        };
        while let Some(output) = link.end.poll_output() {
            match output {
                Output::Message { channel, data } => {
                    let name = link.names.get(&channel);
                    let Some((name, channel)) =
                        name.and_then(|name| Some((name, link.channels.get_mut(name)?)))
                    else {
                        continue;
                    };
                    let streams = &mut net.checker.streams;
                    streams.received_one(executor, name, Direction::Out, number(&data));
                    channel.inbox.0 += 1;
                    channel.inbox.1 += data.len() as u64;
                }
                Output::Closed { channel } => {
                    let name = link.names.get(&channel);
                    if let Some((name, channel)) =
                        name.and_then(|name| Some((name, link.channels.get_mut(name)?)))
                    {
                        let streams = &mut net.checker.streams;
                        streams.close_seen(executor, name, Direction::Out);
                        channel.is_over = true;
                        over.push(name.clone());
                    }
                }
                Output::Linked { .. }
                | Output::Told { .. }
                | Output::Offered { .. }
                | Output::Stopped { .. }
                | Output::Writable { .. }
                | Output::Released { .. } => {}
            }
        }
        for task in over {
            if self.held.get(&task) == Some(executor) {
                net.checker.streams.end_told(executor, &task);
            }
            self.channel_over(net, &task, executor);
        }
    }

    pub(super) fn pump_links(&mut self, net: &mut Net) {
        let executors: Vec<_> = self.links.keys().cloned().collect();
        for executor in executors {
            self.pump_link(net, &executor);
        }
    }

    fn pump_link(&mut self, net: &mut Net, executor: &ExecutorId) {
        loop {
            self.take_outputs(net, executor);
            let Some(link) = self.links.get_mut(executor) else {
                return;
            };
            if link.is_busy {
                return;
            }
            let Some(frame) = link.end.poll_frame(net.now) else {
                return;
            };
            let executor = executor.clone();
            if let Some(connection) = link.connection {
                let arrives = Happening::FrameDirect {
                    executor: executor.clone(),
                    connection,
                    is_down: true,
                    frame,
                };
                net.along(Pipe::Direct(executor, connection, true), arrives);
                continue;
            }
            link.is_busy = true;
            let wait = net.latency();
            let pump = Happening::Pump {
                executor: executor.clone(),
            };
            net.later(wait, pump);
            let Some(stream) = self.stream.filter(|_| self.is_subscribed) else {
                return;
            };
            for copy in 0..copies(net, Fault::FrameLoss) {
                let wait = frame_time(net, copy);
                let down = Happening::FrameDown {
                    stream,
                    executor: executor.clone(),
                    frame: frame.clone(),
                };
                net.later(wait, down);
            }
        }
    }

    /// The last frame to an executor has left.
    pub(crate) fn unbusy(&mut self, net: &mut Net, executor: &ExecutorId) {
        if let Some(link) = self.links.get_mut(executor) {
            link.is_busy = false;
        }
        self.pump_link(net, executor);
    }

    /// An executor dials; answers the connection if there is one.
    pub(crate) fn dial(&mut self, net: &mut Net, executor: &ExecutorId, tries: u32) -> Option<u64> {
        if self.shut.contains(executor) || !self.links.contains_key(executor) {
            return None;
        }
        if net.befalls(Fault::DirectLoss) {
            if tries + 1 < TRIES_MAX {
                let wait = net.some_time(Duration::from_secs(10));
                let again = Happening::Dial {
                    executor: executor.clone(),
                    tries: tries + 1,
                };
                net.later(wait, again);
            } else if net.job.barrier == Barrier::Connections {
                let reason = "no route".to_owned();
                let executor = executor.clone();
                self.command(net, Command::Unconnected { executor, reason });
            }
            return None;
        }
        self.connections += 1;
        let connection = self.connections;
        self.command(net, Command::Connected(executor.clone()));
        self.move_link(net, executor, Some(connection));
        if net.is_stormy() && net.weather.has(Fault::DirectLoss) {
            let after = net.some_time(Duration::from_secs(60));
            let executor = executor.clone();
            let breaks = Happening::DirectBreaks {
                executor,
                connection,
            };
            net.later(after, breaks);
        }
        Some(connection)
    }

    /// The frames of a link take another way from now on.
    pub(crate) fn move_link(
        &mut self,
        net: &mut Net,
        executor: &ExecutorId,
        connection: Option<u64>,
    ) {
        if let Some(link) = self.links.get_mut(executor) {
            link.connection = connection;
            let path = match connection {
                Some(_) => Path::Direct,
                None => Path::Messages,
            };
            link.end.move_to(net.now, path);
        }
        self.pump_link(net, executor);
    }

    /// A direct connection is gone, and with it what is on it.
    pub(crate) fn break_direct(&mut self, net: &mut Net, executor: &ExecutorId, connection: u64) {
        let link = self.links.get(executor);
        if link.is_some_and(|link| link.connection == Some(connection)) {
            self.move_link(net, executor, None);
        }
    }

    /// A frame arrives over a direct connection.
    pub(crate) fn hear_direct(&mut self, net: &mut Net, executor: &ExecutorId, frame: Bytes) {
        self.hear_frame(net, executor, frame);
    }
}
