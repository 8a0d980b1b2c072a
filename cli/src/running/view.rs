//! What is known about a running job: told what happens, it answers how things are. No clock, no
//! socket; times are given as text.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use framework::{
    ChannelTraffic, Delivering, LinkTraffic, Progress, TaskReport, TaskState, TaskTraffic,
    TaskUsage, TotalTraffic, WaveId,
};
use job::Job;
use mesos::AgentId;

use super::names::Names;
use super::status::{
    AgentStatus, ChannelStatus, ChannelTotals, DeliveringStatus, Forgotten, GroupStatus, JobId,
    Phase, Status, TaskStatus,
};

/// What is known.
#[derive(Debug)]
pub(super) struct View {
    id: JobId,
    started: String,
    phase: Phase,
    /// What it waits for, by those that are placed together.
    waits: BTreeMap<WaveId, String>,
    /// Why it stops.
    stops: Option<String>,
    disconnected: Option<String>,
    framework_id: Option<String>,
    /// Name and size of each group, in the order of the job file.
    groups: Vec<(String, u32)>,
    /// By their names.
    tasks: HashMap<String, Task>,
    delivering: Option<Delivering>,
}

/// What is known of a task.
#[derive(Debug)]
struct Task {
    state: TaskState,
    since: String,
    agent: Option<AgentId>,
    message: Option<String>,
    restarts: u32,
}

/// What is counted elsewhere, and looked up when somebody asks.
pub(super) struct Figures<'a> {
    /// Since the job began.
    pub(super) uptime: Duration,
    pub(super) total: TotalTraffic,
    pub(super) links: Vec<LinkTraffic>,
    /// What a task took, as far as it was told.
    pub(super) usage: &'a dyn Fn(&str) -> Option<TaskUsage>,
    pub(super) hostnames: HashMap<AgentId, String>,
    pub(super) forgotten: Forgotten,
}

impl View {
    /// A job of which nothing has happened yet.
    pub(super) fn new(job: &Job, started: String) -> Self {
        let groups = job.groups.iter();
        Self {
            id: JobId {
                job: job.name.clone(),
                pid: std::process::id(),
            },
            started,
            phase: Phase::Subscribing,
            waits: BTreeMap::new(),
            stops: None,
            disconnected: None,
            framework_id: None,
            groups: groups.map(|it| (it.name.clone(), it.count)).collect(),
            tasks: HashMap::new(),
            delivering: None,
        }
    }

    /// Which job it is.
    pub(super) fn id(&self) -> &JobId {
        &self.id
    }

    /// How far it is, and whether a master has it.
    pub(super) fn health(&self) -> (Phase, bool) {
        let is_connected = self.framework_id.is_some() && self.disconnected.is_none();
        (self.phase, is_connected)
    }

    /// The names that there are.
    pub(super) fn names(&self) -> Names {
        let gang = self.groups.iter();
        let gang = gang.flat_map(|(group, count)| {
            let numbers = 0..*count;
            numbers.map(move |number| format!("{group}-{number}"))
        });
        let mut tasks: Vec<String> = gang.collect();
        let known: HashSet<&str> = tasks.iter().map(String::as_str).collect();
        let spawned = self.tasks.keys().filter(|task| !known.contains(&***task));
        let mut spawned: Vec<String> = spawned.cloned().collect();
        spawned.sort_by_cached_key(|task| (group_of(task).to_owned(), number_of(task)));
        tasks.extend(spawned);
        Names {
            job: self.id.job.clone(),
            groups: self.groups.iter().map(|(group, _)| group.clone()).collect(),
            tasks,
        }
    }

    /// Takes a report of the framework into account.
    pub(super) fn handle(&mut self, now: String, progress: &Progress) {
        match progress {
            Progress::Subscribed { framework, .. } => {
                self.framework_id = Some(framework.as_str().to_owned());
                self.disconnected = None;
                if self.phase == Phase::Subscribing {
                    self.phase = Phase::Waiting;
                }
            }
            Progress::Disconnected { reason } => self.disconnected = Some(reason.clone()),
            Progress::Waiting { wave, shortfall } => {
                self.waits.insert(*wave, shortfall.to_string());
            }
            Progress::WaitOver(wave) => {
                self.waits.remove(wave);
            }
            Progress::Placed { .. } => {
                if self.phase == Phase::Waiting {
                    self.phase = Phase::Launching;
                }
            }
            Progress::Task(task) | Progress::PlacedAgain(task) | Progress::Ignored(task) => {
                self.note(now, task);
            }
            Progress::Restarting { task, .. } => {
                self.note(now, task);
                if let Some(task) = self.tasks.get_mut(&task.task) {
                    task.restarts += 1;
                }
            }
            // Its end has been told already, like that of every task.
            Progress::RestartingByRequest { task } => {
                if let Some(task) = self.tasks.get_mut(task) {
                    task.restarts += 1;
                }
            }
            Progress::Delivering(delivering) => {
                let is_over = *delivering == Delivering::default();
                self.delivering = (!is_over).then_some(*delivering);
            }
            Progress::AppStarted => self.phase = Phase::Running,
            Progress::Stopping(outcome) => {
                self.phase = Phase::Stopping;
                self.stops = Some(crate::gang::stopping(outcome));
            }
            Progress::SpawnFailed { .. }
            | Progress::AppReturned(_)
            | Progress::NotTornDown { .. } => {}
        }
    }

    fn note(&mut self, now: String, report: &TaskReport) {
        let known = self.tasks.get(&report.task);
        let is_known = known.is_some_and(|task| task.state == report.state);
        let task = Task {
            state: report.state,
            since: known
                .filter(|_| is_known)
                .map_or(now, |task| task.since.clone()),
            agent: report
                .agent
                .clone()
                .or_else(|| known.and_then(|task| task.agent.clone())),
            message: report.message.clone(),
            restarts: known.map_or(0, |task| task.restarts),
        };
        self.tasks.insert(report.task.clone(), task);
    }

    /// How things are.
    pub(super) fn status(&self, figures: Figures<'_>) -> Status {
        let total = figures.total;
        Status {
            id: self.id.clone(),
            phase: self.phase,
            reason: self
                .stops
                .as_ref()
                .or_else(|| self.waits.values().next())
                .cloned(),
            disconnected: self.disconnected.clone(),
            framework_id: self.framework_id.clone(),
            started: self.started.clone(),
            uptime_seconds: figures.uptime.as_secs_f64(),
            groups: self.groups(),
            agents: self.agents(&figures.hostnames),
            tasks: self.tasks(&figures),
            channels: ChannelTotals {
                messages_sent: total.messages_sent,
                messages_received: total.messages_received,
                bytes_sent: total.bytes_sent,
                bytes_received: total.bytes_received,
                stalls: total.stalls,
            },
            delivering: self.delivering.map(|it| DeliveringStatus {
                executors: it.executors,
                fetching: it.fetching,
                compiling: it.compiling,
                bytes: it.bytes,
                bytes_total: it.bytes_total,
            }),
            forgotten: figures.forgotten,
        }
    }

    /// The state of a task, once it was launched.
    pub(super) fn state(&self, task: &str) -> Option<TaskState> {
        self.tasks.get(task).map(|task| task.state)
    }

    fn groups(&self) -> Vec<GroupStatus> {
        let mut states: HashMap<&str, BTreeMap<String, usize>> = HashMap::new();
        for (name, task) in &self.tasks {
            let states = states.entry(group_of(name)).or_default();
            *states.entry(task.state.name().to_owned()).or_default() += 1;
        }
        let groups = self.groups.iter().map(|(group, count)| GroupStatus {
            group: group.clone(),
            count: *count,
            states: states.remove(group.as_str()).unwrap_or_default(),
        });
        groups.collect()
    }

    fn agents(&self, hostnames: &HashMap<AgentId, String>) -> Vec<AgentStatus> {
        let mut tasks: BTreeMap<&str, usize> = BTreeMap::new();
        for task in self.tasks.values().filter(|task| !task.state.is_end()) {
            if let Some(agent) = &task.agent {
                *tasks.entry(agent.as_str()).or_default() += 1;
            }
        }
        let agents = tasks.into_iter().map(|(agent, tasks)| AgentStatus {
            agent: agent.to_owned(),
            hostname: hostnames
                .get(&AgentId::from(agent))
                .cloned()
                .unwrap_or_default(),
            tasks,
        });
        agents.collect()
    }

    fn tasks(&self, figures: &Figures<'_>) -> Vec<TaskStatus> {
        // A task that was launched again has channels in each life; the last are those it has now.
        let mut channels: HashMap<&str, Channels> = HashMap::new();
        for task in figures.links.iter().flat_map(|link| &link.tasks) {
            channels.entry(&task.task).or_default().add(task);
        }
        let tasks = self.tasks.iter().map(|(name, task)| {
            let channels = channels.get(name.as_str()).copied().unwrap_or_default();
            let usage = (figures.usage)(name);
            TaskStatus {
                task: name.clone(),
                group: group_of(name).to_owned(),
                state: task.state.name().to_owned(),
                since: task.since.clone(),
                agent: task.agent.as_ref().map(|agent| agent.as_str().to_owned()),
                message: task.message.clone(),
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
        let mut tasks: Vec<TaskStatus> = tasks.collect();
        let order: HashMap<&str, usize> = self
            .groups
            .iter()
            .enumerate()
            .map(|(index, (group, _))| (group.as_str(), index))
            .collect();
        tasks.sort_by_cached_key(|task| {
            let group = order.get(task.group.as_str()).copied();
            (group, number_of(&task.task), task.task.clone())
        });
        tasks
    }
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

/// The group of a task: `floor-b` of `floor-b-0`.
pub(super) fn group_of(task: &str) -> &str {
    task.rsplit_once('-').map_or(task, |(group, _)| group)
}

/// The number of a task within its group.
fn number_of(task: &str) -> u64 {
    let number = task.rsplit_once('-').map(|(_, number)| number);
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests;
