//! What went over the links of a run and what its tasks took, for whoever wants to show it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use link::{ChannelCounters, Counters, Link, Path, Sender, Window};
use mesos::{AgentId, ExecutorId, TaskId};
use tracing::debug;

use crate::usage::{Running, TaskUsage, TotalUsage, UsageWatch, Usages};

/// The counters of all links and tasks of a run, and what tasks took, shared by all clones.
///
/// They can be looked at at any time, while the job runs and when it has ended. Links whose tasks
/// were placed again are among them; of those that ended long ago only the sums are kept.
#[derive(Debug, Clone, Default)]
pub struct Traffic {
    links: Arc<Mutex<Links>>,
    usages: Usages,
}

/// So many links that were shut stay as they are, with what waits in them: messages that have arrived
/// may still be received.
const SHUT_MAX: usize = 64;

/// Of so many others that were shut the counters are kept apart: a task that fails every two minutes
/// has that many lives in more than a day.
const PAST_MAX: usize = 1024;

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

#[derive(Debug, Default)]
struct Links {
    /// In the order of their launch.
    entries: Vec<Entry>,
    /// Shut before all entries were that are.
    past: VecDeque<LinkTraffic>,
    /// The sums over all that are in neither.
    forgotten: TotalTraffic,
    /// How many entries there may be before those that were shut are looked for.
    entries_max: usize,
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

    /// The links so far, in the order of their launch but for those that ended before others began.
    pub fn links(&self) -> Vec<LinkTraffic> {
        let links = self.lock();
        let past = links.past.iter().cloned();
        let entries = links.entries.iter();
        // What tasks take is looked up link by link: what executors tell is not held up meanwhile.
        past.chain(entries.map(|entry| entry.traffic(&self.usages)))
            .collect()
    }

    /// The sums over all links; messages and stalls are those of tasks' channels.
    pub fn total(&self) -> TotalTraffic {
        let links = self.lock();
        let mut total = links.forgotten;
        for link in &links.past {
            total.add(link);
        }
        for entry in &links.entries {
            total.add(&entry.traffic(&self.usages));
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
        let mut links = self.lock();
        links.entries.push(Entry {
            executor,
            agent,
            link,
            tasks,
        });
        if links.entries.len() > links.entries_max {
            links.prune(&self.usages);
        }
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

    fn lock(&self) -> MutexGuard<'_, Links> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Links {
    /// Lets go of links that were shut, all but the last of them.
    fn prune(&mut self, usages: &Usages) {
        let is_shut: Vec<bool> = self.entries.iter().map(|it| it.link.is_shut()).collect();
        let shut = is_shut.iter().filter(|is_shut| **is_shut).count();
        let mut surplus = shut.saturating_sub(SHUT_MAX);
        let entries = std::mem::take(&mut self.entries);
        for (entry, is_shut) in entries.into_iter().zip(is_shut) {
            if is_shut && surplus > 0 {
                surplus -= 1;
                self.past.push_back(entry.traffic(usages));
            } else {
                self.entries.push(entry);
            }
        }
        while self.past.len() > PAST_MAX {
            if let Some(link) = self.past.pop_front() {
                self.forgotten.add(&link);
            }
        }
        // So that each link is looked at a few times in its life.
        self.entries_max = 2 * self.entries.len().max(SHUT_MAX);
    }
}

impl TotalTraffic {
    fn add(&mut self, link: &LinkTraffic) {
        self.frames_sent += link.counters.frames_sent;
        self.frames_resent += link.counters.frames_resent;
        self.moves += link.counters.moves;
        for TaskTraffic { counters, .. } in &link.tasks {
            self.messages_sent += counters.messages_sent;
            self.messages_received += counters.messages_received;
            self.bytes_sent += counters.bytes_sent;
            self.bytes_received += counters.bytes_received;
            self.stalls += counters.stalls;
        }
    }
}

impl Entry {
    fn traffic(&self, usages: &Usages) -> LinkTraffic {
        let running: Vec<_> = {
            let usages = usages.lock();
            let tasks = self.tasks.iter();
            tasks
                .map(|(task, _)| usages.running(task).copied())
                .collect()
        };
        let tasks = self.tasks.iter().zip(&running);
        let tasks = tasks.map(|((_, sender), running)| task_traffic(sender, running.as_ref()));
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

#[cfg(test)]
mod tests {
    use link::{LinkConfig, Role};

    use super::*;

    #[test]
    fn lives_without_end_are_counted_and_not_kept() {
        let traffic = Traffic::new();
        let lives = 4 * PAST_MAX as u64;
        for life in 0..lives {
            let link = Link::new(Role::Scheduler, life, LinkConfig::new());
            let (sender, _receiver) = link.open("a-0").unwrap();
            sender.try_send("message".into()).unwrap();
            let task = TaskId::from(format!("a-0.0.{life}"));
            traffic.add("e".into(), "a".into(), link.clone(), vec![(task, sender)]);
            link.shut();
        }
        assert_eq!(traffic.total().messages_sent, lives);
        let kept = traffic.links().len();
        assert!(kept <= PAST_MAX + 2 * SHUT_MAX, "{kept} links are kept");
    }

    #[test]
    fn links_that_are_not_shut_are_all_kept() {
        let traffic = Traffic::new();
        let links = 3 * SHUT_MAX;
        for number in 0..links {
            let link = Link::new(Role::Scheduler, 1, LinkConfig::new());
            traffic.add(format!("e{number}").into(), "a".into(), link, Vec::new());
        }
        let executors = traffic.links().into_iter().map(|link| link.executor);
        let expected = (0..links).map(|number| ExecutorId::from(format!("e{number}")));
        assert!(executors.eq(expected));
    }
}
