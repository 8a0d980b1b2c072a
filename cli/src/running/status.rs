//! How a running job is, as it goes over the wire: the lines of `status --output json`. Adding a
//! field is compatible, taking one away is not: whoever reads takes what is missing for nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Which job it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct JobId {
    /// Its name.
    pub(crate) job: String,
    /// The process that is its scheduler.
    #[serde(default)]
    pub(crate) pid: u32,
}

/// How far a job is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    /// No master has taken it yet.
    Subscribing,
    /// It waits for a place.
    Waiting,
    /// It has its places; tasks come up.
    Launching,
    /// All tasks are up, and the app scheduler runs.
    Running,
    /// It comes to its end.
    Stopping,
    /// Another version of this program has a word for it.
    #[default]
    #[serde(other)]
    Unknown,
}

impl Phase {
    /// All of them, in their order.
    pub(crate) const ALL: [Self; 5] = [
        Self::Subscribing,
        Self::Waiting,
        Self::Launching,
        Self::Running,
        Self::Stopping,
    ];

    /// Its name over the wire.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Subscribing => "subscribing",
            Self::Waiting => "waiting",
            Self::Launching => "launching",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Unknown => "unknown",
        }
    }
}

/// How a job is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Status {
    #[serde(flatten)]
    pub(crate) id: JobId,
    pub(crate) phase: Phase,
    /// What it waits for, or why it stops.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// Why there is no connection to a master, when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) disconnected: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) framework_id: Option<String>,
    /// When it began: RFC 3339, UTC.
    pub(crate) started: String,
    pub(crate) uptime_seconds: f64,
    /// In the order of the job file.
    pub(crate) groups: Vec<GroupStatus>,
    /// By their ids.
    pub(crate) agents: Vec<AgentStatus>,
    /// By group, in the order of their numbers.
    pub(crate) tasks: Vec<TaskStatus>,
    pub(crate) channels: ChannelTotals,
    /// What agents do for the job's modules at the moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delivering: Option<DeliveringStatus>,
    pub(crate) forgotten: Forgotten,
}

/// What has happened and was printed, and is not remembered any more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Forgotten {
    pub(crate) events: u64,
    /// They are in the sandboxes.
    pub(crate) lines: u64,
}

/// A group of tasks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct GroupStatus {
    pub(crate) group: String,
    /// How many tasks it is to have.
    pub(crate) count: u32,
    /// How many are in each state, such as `TASK_RUNNING`; those not launched yet in none.
    pub(crate) states: BTreeMap<String, usize>,
}

/// An agent with tasks of the job.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct AgentStatus {
    pub(crate) agent: String,
    pub(crate) hostname: String,
    /// How many tasks it has that have not ended.
    pub(crate) tasks: usize,
}

/// A task that was launched.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct TaskStatus {
    pub(crate) task: String,
    pub(crate) group: String,
    /// The Mesos state, such as `TASK_RUNNING`.
    pub(crate) state: String,
    /// Since when: RFC 3339, UTC.
    pub(crate) since: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) agent: Option<String>,
    /// What was said with the state, if it is not a good one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    /// How often it was launched again.
    pub(crate) restarts: u32,
    /// What the app scheduler sent to it.
    pub(crate) messages_sent: u64,
    /// What the app scheduler received from it.
    pub(crate) messages_received: u64,
    /// Of the messages sent.
    pub(crate) bytes_sent: u64,
    /// Of the messages received.
    pub(crate) bytes_received: u64,
    /// How often the app scheduler found its channel full.
    pub(crate) stalls: u64,
    /// Its `in` channel, which the app scheduler sends to.
    #[serde(rename = "in", skip_serializing_if = "Option::is_none")]
    pub(crate) input: Option<ChannelStatus>,
    /// Its `out` channel, which it sends to.
    #[serde(rename = "out", skip_serializing_if = "Option::is_none")]
    pub(crate) output: Option<ChannelStatus>,
    /// Its linear memory, as last told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) memory_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) memory_bytes_peak: Option<u64>,
    /// Seconds of processor time, as last told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cpu_seconds: Option<f64>,
}

/// How a channel is at this moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ChannelStatus {
    /// Messages on their way, or there and not received.
    pub(crate) depth: u64,
    /// Whether there is no room for another one.
    pub(crate) is_full: bool,
    /// Whether somebody waits for room to send one, as far as that is known.
    pub(crate) is_sender_blocked: bool,
}

/// What went over the channels of all tasks: *sent* is what the app scheduler sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ChannelTotals {
    pub(crate) messages_sent: u64,
    pub(crate) messages_received: u64,
    pub(crate) bytes_sent: u64,
    pub(crate) bytes_received: u64,
    /// How often the app scheduler found a channel full.
    pub(crate) stalls: u64,
}

/// What executors do for modules.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct DeliveringStatus {
    pub(crate) executors: usize,
    pub(crate) fetching: u64,
    pub(crate) compiling: u64,
    pub(crate) bytes: u64,
    /// 0: not known.
    pub(crate) bytes_total: u64,
}
