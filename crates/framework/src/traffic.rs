//! What went over the links of a run and what its tasks took, for whoever wants to show it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use link::{ChannelCounters, Counters, Link, Path, Sender};
use mesos::{AgentId, ExecutorId};
use tracing::debug;

use crate::usage::{TaskUsage, TotalUsage, Usages};

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

/// What one task's channels have done so far, seen from the framework: *sent* is what its `in`
/// channel carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskTraffic {
    /// The task's name.
    pub task: Arc<str>,
    /// Its counters.
    pub counters: ChannelCounters,
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
    tasks: Vec<Sender>,
}

impl Traffic {
    /// A run without links so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// All links so far, in the order of their launch.
    pub fn links(&self) -> Vec<LinkTraffic> {
        self.lock().iter().map(Entry::traffic).collect()
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

    /// What the task of that name took until its last end, if its executor has told it.
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

    pub(crate) fn add(&self, executor: ExecutorId, agent: AgentId, link: Link, tasks: Vec<Sender>) {
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
            for TaskTraffic { task, counters } in &link.tasks {
                debug!(%task, ?counters, "traffic of a task");
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn traffic(&self) -> LinkTraffic {
        let tasks = self.tasks.iter().map(|sender| TaskTraffic {
            task: Arc::clone(sender.name()),
            counters: sender.counters(),
        });
        LinkTraffic {
            executor: self.executor.clone(),
            agent: self.agent.clone(),
            path: self.link.path(),
            counters: self.link.counters(),
            tasks: tasks.collect(),
        }
    }
}
