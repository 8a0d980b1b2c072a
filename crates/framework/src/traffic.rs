//! What went over the links of a run and what its tasks took, for whoever wants to show it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use link::{ChannelCounters, Counters, Link, Path, Sender, Window};
use mesos::{AgentId, ExecutorId, TaskId};
use tracing::debug;

use crate::usage::{KnownUsages, Running, TaskUsage, TotalUsage, UsageWatch, Usages};

/// The counters of all links and tasks of a run, and what tasks took, shared by all clones.
///
/// They can be looked at at any time, while the job runs and when it has ended; looking holds up
/// nothing. Links whose tasks were placed again are among them.
#[derive(Debug, Clone, Default)]
pub struct Traffic {
    links: Arc<Mutex<Vec<Entry>>>,
    usages: Usages,
}

/// What one executor's link has done so far, seen from the framework.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkTraffic {
    /// The executor.
    pub executor: ExecutorId,
    /// Its agent.
    pub agent: AgentId,
    /// The way that frames take, or took last.
    pub path: Path,
    /// The link's own counters, the control channel's messages among them.
    pub counters: Counters,
    /// Its tasks, in the order of their launch.
    pub tasks: Vec<TaskTraffic>,
}

/// What one task's channels have done so far and how they are, seen from the framework: *sent* is
/// what its `in` channel carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskTraffic {
    /// The task's name.
    pub task: Arc<str>,
    /// Its counters.
    pub counters: ChannelCounters,
    /// The most that each of the two channels holds.
    pub window: Window,
    /// Its `in` channel. Its messages were sent by the app scheduler and not received by the task:
    /// as executors tell by half windows, there may be fewer, though never more. While someone
    /// [watches](Traffic::watch) it is as exact as what the executor told last.
    pub input: ChannelTraffic,
    /// Its `out` channel. Its messages have arrived here and were not received by the app scheduler.
    pub output: ChannelTraffic,
}

/// How one channel of a task is at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelTraffic {
    /// Messages on their way.
    pub messages: u64,
    /// There is no room for another one.
    pub is_full: bool,
    /// Somebody waits for room to send one. Nothing if the task is the one and its executor has not
    /// told.
    pub is_sender_blocked: Option<bool>,
    /// Somebody waits to receive one; of the app scheduler, from any task. Nothing if the task is
    /// the one and its executor has not told.
    pub is_receiver_waiting: Option<bool>,
    /// Nothing more is sent.
    pub is_closed: bool,
}

/// The sums over all links.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TotalTraffic {
    /// Messages to tasks.
    pub messages_sent: u64,
    /// Messages of tasks.
    pub messages_received: u64,
    /// Bytes of the messages to tasks.
    pub bytes_sent: u64,
    /// Bytes of the messages of tasks.
    pub bytes_received: u64,
    /// Frames given to transports.
    pub frames_sent: u64,
    /// Those of them that were given again.
    pub frames_resent: u64,
    /// Times that a message was not taken because its channel was full.
    pub stalls: u64,
    /// Times that a link moved to another path or connection.
    pub moves: u64,
}

#[derive(Debug)]
struct Entry {
    executor: ExecutorId,
    agent: AgentId,
    link: Link,
    tasks: Vec<(TaskId, Sender)>,
}

impl Traffic {
    /// A run without links so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// All links so far, in the order of their launch.
    pub fn links(&self) -> Vec<LinkTraffic> {
        let links = self.lock();
        let usages = self.usages.lock();
        links.iter().map(|entry| entry.traffic(&usages)).collect()
    }

    /// The sums over all links; messages and stalls are those of tasks' channels.
    pub fn total(&self) -> TotalTraffic {
        let mut total = TotalTraffic::default();
        for link in self.links() {
            total.frames_sent += link.counters.frames_sent;
            total.frames_resent += link.counters.frames_resent;
            total.moves += link.counters.moves;
            for TaskTraffic { counters, .. } in link.tasks {
                total.messages_sent += counters.messages_sent;
                total.messages_received += counters.messages_received;
                total.bytes_sent += counters.bytes_sent;
                total.bytes_received += counters.bytes_received;
                total.stalls += counters.stalls;
            }
        }
        total
    }

    /// Has executors tell what tasks take while they run, and what they wait for: what changes
    /// within that interval, or more often if somebody else wants it so. For as long as the value
    /// is kept; without one, executors tell it with the end of a task only.
    pub fn watch(&self, interval: Duration) -> UsageWatch {
        self.usages.watch(interval)
    }

    /// What the task of that name has taken, if its executor has told it: until now as far as
    /// somebody [watches](Self::watch), or until its last end.
    pub fn usage(&self, task: &str) -> Option<TaskUsage> {
        self.usages.task(task)
    }

    /// What all tasks took that have ended.
    pub fn total_usage(&self) -> TotalUsage {
        self.usages.total()
    }

    /// Where what tasks took is remembered.
    pub(crate) fn usages(&self) -> &Usages {
        &self.usages
    }

    pub(crate) fn add(
        &self,
        executor: ExecutorId,
        agent: AgentId,
        link: Link,
        tasks: Vec<(TaskId, Sender)>,
    ) {
        self.usages.launched(tasks.iter().map(|(task, _)| task));
        self.lock().push(Entry {
            executor,
            agent,
            link,
            tasks,
        });
    }

    /// Says everything once, for those who debug.
    pub(crate) fn log(&self) {
        for link in self.links() {
            let LinkTraffic {
                executor,
                path,
                counters,
                ..
            } = &link;
            debug!(%executor, ?path, ?counters, "traffic of a link");
            for TaskTraffic { task, counters, .. } in &link.tasks {
                debug!(%task, ?counters, "traffic of a task");
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn traffic(&self, usages: &KnownUsages) -> LinkTraffic {
        let tasks = self.tasks.iter();
        let tasks = tasks.map(|(task, sender)| task_traffic(sender, usages.running(task)));
        LinkTraffic {
            executor: self.executor.clone(),
            agent: self.agent.clone(),
            path: self.link.path(),
            counters: self.link.counters(),
            tasks: tasks.collect(),
        }
    }
}

fn task_traffic(sender: &Sender, running: Option<&Running>) -> TaskTraffic {
    let state = sender.state();
    let (input, output) = (state.outgoing, state.incoming);
    // What it was told of last may be older than what its link knows, or newer.
    let received = running.map_or(0, |it| it.usage.messages_in);
    let unreceived = state.counters.messages_sent.saturating_sub(received);
    TaskTraffic {
        task: Arc::clone(sender.name()),
        counters: state.counters,
        window: state.window,
        input: ChannelTraffic {
            messages: input.messages.min(unreceived),
            is_full: input.is_full,
            is_sender_blocked: Some(input.is_waited_for),
            is_receiver_waiting: running.map(|it| it.is_receiving),
            is_closed: input.is_closed,
        },
        output: ChannelTraffic {
            messages: output.messages,
            is_full: output.is_full,
            is_sender_blocked: running.map(|it| it.is_blocked),
            is_receiver_waiting: Some(output.is_waited_for),
            is_closed: output.is_closed,
        },
    }
}
