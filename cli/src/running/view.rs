//! How a job is, in the words that go over the wire: made of what its [`Tally`](crate::tally::Tally)
//! knew at one moment, and of what is counted elsewhere. Nobody is held up meanwhile.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use framework::{ChannelTraffic, Delivering, LinkTraffic, TaskTraffic, TaskUsage, TotalTraffic};
use mesos::AgentId;

use super::metrics::GroupFigures;
use super::status::{
    AgentStatus, ChannelStatus, ChannelTotals, DeliveringStatus, Forgotten, GroupStatus, JobId,
    Status, TaskStatus,
};
use crate::tally::{Snapshot, TaskTally, Told, group_of};

/// What is counted elsewhere, and looked up when somebody asks.
pub(super) struct Figures<'a> {
    pub(super) id: &'a JobId,
    /// When the job began, and for how long it has run.
    pub(super) started: &'a str,
    pub(super) uptime: Duration,
    pub(super) total: TotalTraffic,
    pub(super) hostnames: HashMap<AgentId, String>,
    pub(super) forgotten: Forgotten,
}

/// How things are, but for the tasks.
pub(super) fn head(known: &Snapshot, figures: Figures<'_>) -> Status {
    let total = figures.total;
    let it = known.delivering;
    let delivers = it != Delivering::default();
    Status {
        id: figures.id.clone(),
        phase: known.phase,
        reason: known.reason().map(str::to_owned),
        disconnected: known.disconnected.clone(),
        framework_id: known.framework_id.clone(),
        started: figures.started.to_owned(),
        uptime_seconds: figures.uptime.as_secs_f64(),
        groups: groups(known),
        agents: agents(known, &figures.hostnames),
        tasks: Vec::new(),
        channels: ChannelTotals {
            messages_sent: total.messages_sent,
            messages_received: total.messages_received,
            bytes_sent: total.bytes_sent,
            bytes_received: total.bytes_received,
            stalls: total.stalls,
        },
        delivering: delivers.then_some(DeliveringStatus {
            executors: it.executors,
            fetching: it.fetching,
            compiling: it.compiling,
            bytes: it.bytes,
            bytes_total: it.bytes_total,
        }),
        forgotten: figures.forgotten,
    }
}

fn groups(known: &Snapshot) -> Vec<GroupStatus> {
    let groups = known.groups.iter().map(|group| {
        let states = group.states.iter();
        GroupStatus {
            group: group.name.clone(),
            count: group.size,
            states: states
                .map(|(state, count)| ((*state).to_owned(), *count))
                .collect(),
        }
    });
    groups.collect()
}

fn agents(known: &Snapshot, hostnames: &HashMap<AgentId, String>) -> Vec<AgentStatus> {
    let agents = known.agents.iter().map(|(agent, tasks)| AgentStatus {
        agent: agent.as_str().to_owned(),
        hostname: hostnames.get(agent).cloned().unwrap_or_default(),
        tasks: *tasks,
    });
    agents.collect()
}

/// All tasks of which something was heard, by group and number. `usage` is what one took, as far as
/// it was told.
pub(super) fn tasks(
    tasks: &[Arc<TaskTally>],
    links: &[LinkTraffic],
    usage: impl Fn(&str) -> Option<TaskUsage>,
) -> Vec<TaskStatus> {
    // A task that was launched again has channels in each life; the last are those it has now.
    let mut channels: HashMap<&str, Channels> = HashMap::new();
    for task in links.iter().flat_map(|link| &link.tasks) {
        channels.entry(&task.task).or_default().add(task);
    }
    let heard_of = heard_of(tasks).map(|(task, told)| {
        let channels = channels.get(&*task.name).copied().unwrap_or_default();
        let usage = usage(&task.name);
        TaskStatus {
            task: task.name.clone(),
            group: group_of(&task.name).to_owned(),
            state: told.state.name().to_owned(),
            since: told.since.clone(),
            agent: told.agent.as_ref().map(|agent| agent.as_str().to_owned()),
            message: told.message.clone(),
            restarts: task.restarts,
            messages_sent: channels.counters.messages_sent,
            messages_received: channels.counters.messages_received,
            bytes_sent: channels.counters.bytes_sent,
            bytes_received: channels.counters.bytes_received,
            stalls: channels.counters.stalls,
            input: channels.input,
            output: channels.output,
            memory_bytes: usage.map(|usage| usage.memory_bytes),
            memory_bytes_peak: usage.map(|usage| usage.memory_bytes_peak),
            cpu_seconds: usage.map(|usage| usage.cpu_time.as_secs_f64()),
        }
    });
    heard_of.collect()
}

/// Brings up to date what was said of a task, and leaves its counters as they are.
pub(super) fn tell(task: &TaskTally, status: &mut TaskStatus) {
    let Some(told) = &task.told else {
        return;
    };
    group_of(&task.name).clone_into(&mut status.group);
    told.state.name().clone_into(&mut status.state);
    status.since.clone_from(&told.since);
    status.agent = told.agent.as_ref().map(|agent| agent.as_str().to_owned());
    status.message.clone_from(&told.message);
    status.restarts = task.restarts;
}

/// The sums over the tasks of each group of which something was heard.
pub(super) fn group_figures(
    tasks: &[Arc<TaskTally>],
    usage: impl Fn(&str) -> Option<TaskUsage>,
) -> BTreeMap<&str, GroupFigures> {
    let mut groups: BTreeMap<&str, GroupFigures> = BTreeMap::new();
    for (task, _) in heard_of(tasks) {
        let group = groups.entry(group_of(&task.name)).or_default();
        group.restarts += u64::from(task.restarts);
        if let Some(usage) = usage(&task.name) {
            group.memory_bytes = group.memory_bytes.saturating_add(usage.memory_bytes);
            group.cpu_seconds += usage.cpu_time.as_secs_f64();
        }
    }
    groups
}

fn heard_of(tasks: &[Arc<TaskTally>]) -> impl Iterator<Item = (&TaskTally, &Told)> {
    let tasks = tasks.iter();
    tasks.filter_map(|task| Some((&**task, task.told.as_ref()?)))
}

/// What went over a task's channels in all its lives, and how those of the last one are.
#[derive(Debug, Clone, Copy, Default)]
struct Channels {
    counters: ChannelTotals,
    input: Option<ChannelStatus>,
    output: Option<ChannelStatus>,
}

impl Channels {
    fn add(&mut self, task: &TaskTraffic) {
        self.counters.messages_sent += task.counters.messages_sent;
        self.counters.messages_received += task.counters.messages_received;
        self.counters.bytes_sent += task.counters.bytes_sent;
        self.counters.bytes_received += task.counters.bytes_received;
        self.counters.stalls += task.counters.stalls;
        self.input = Some(channel(&task.input));
        self.output = Some(channel(&task.output));
    }
}

fn channel(traffic: &ChannelTraffic) -> ChannelStatus {
    ChannelStatus {
        depth: traffic.messages,
        is_full: traffic.is_full,
        is_sender_blocked: traffic.is_sender_blocked == Some(true),
    }
}

#[cfg(test)]
mod tests;
