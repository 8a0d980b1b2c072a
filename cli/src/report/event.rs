//! Everything that can be said, as plain data. These are the lines of `--output json`: adding a
//! field is compatible, taking one away is not.

use std::collections::BTreeMap;

use framework::{TaskUsage, TotalTraffic, TotalUsage};
use local_cluster::Happening;
use serde::{Deserialize, Serialize};

use super::status_text::Shape;
use crate::running::journal::{EventEntry, LineEntry};
use crate::running::status::{JobId, Status};

/// One happening.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Event<'a> {
    /// Guest projects are compiled.
    Building { modules: Vec<&'a str> },
    /// The toolchain lacks the target that guests are compiled for.
    InstallingTarget { target: &'a str },
    /// A module of the job is ready.
    Module {
        module: &'a str,
        bytes: usize,
        sha256: String,
    },
    /// A module of the job is being fetched; again while that takes long.
    Fetching {
        module: &'a str,
        bytes: u64,
        /// 0: not known.
        bytes_total: u64,
    },
    /// The job file and its modules are in order.
    Checked { job: &'a str, tasks: usize },
    /// The folder of a new job is made.
    Made {
        job: &'a str,
        folder: &'a str,
        job_file: &'a str,
    },
    /// The manual pages are written.
    Written { folder: &'a str },
    /// A part of the gang would go to this agent.
    PlannedAgent {
        agent: &'a str,
        hostname: &'a str,
        tasks: BTreeMap<&'a str, u32>,
    },
    /// Whether the gang would fit; last.
    Planned {
        job: &'a str,
        fits: bool,
        tasks: usize,
        /// How many agents are used, or were on offer if it does not fit.
        agents: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// What would make it fit, each by itself.
        remedies: Vec<String>,
        exit_code: u8,
    },
    /// Something that a run of the job needs was looked at.
    Finding {
        /// What it is about: `job`, `toolchain`, `master`, …
        area: &'static str,
        /// `ok`, `warning` or `problem`.
        level: &'static str,
        message: &'a str,
        /// What to do about it.
        #[serde(skip_serializing_if = "Option::is_none")]
        repair: Option<&'a str>,
    },
    /// All of it was; last.
    Examined {
        job: &'a str,
        problems: usize,
        warnings: usize,
        exit_code: u8,
    },
    /// The embedded cluster is up.
    ClusterStarted {
        /// The one that leads.
        master: String,
        masters: usize,
        agents: usize,
    },
    /// Where the embedded cluster serves, when it runs by itself.
    ClusterServes {
        /// The one that leads.
        master: &'a str,
        masters: &'a [String],
        agents: &'a [String],
        work_dir: &'a str,
        /// Where faults can be asked for.
        #[serde(skip_serializing_if = "Option::is_none")]
        faults: Option<String>,
    },
    /// Something goes wrong in the embedded cluster, as it was asked to.
    Fault {
        /// From what it was planned, seed and profile, unless somebody asked for it by itself.
        #[serde(skip_serializing_if = "Option::is_none")]
        chaos: Option<String>,
        /// When, since the cluster began.
        seconds: f64,
        /// What, as it can be asked for.
        fault: String,
    },
    /// The embedded cluster that ran by itself has ended; then this is last.
    ClusterStopped { exit_code: u8 },
    /// How a running job is, for whoever has asked.
    Status {
        #[serde(flatten)]
        status: &'a Status,
        #[serde(skip)]
        shape: Shape,
    },
    /// The process of a job does not answer.
    Silent {
        #[serde(flatten)]
        id: &'a JobId,
    },
    /// A job that was asked to end has ended.
    Stopped {
        job: &'a str,
        #[serde(flatten)]
        ended: Ended,
    },
    /// Messages went into the channel of a task.
    Sent {
        task: &'a str,
        messages: u64,
        /// Of all of them.
        bytes: u64,
    },
    /// A message waits for room in the channel of its task.
    ChannelFull { task: &'a str },
    /// A task that was to be killed has ended.
    Killed {
        task: &'a str,
        state: &'a str,
        /// It had ended before.
        already: bool,
    },
    /// A task that was to be restarted runs.
    Restarted { task: &'a str },
    /// A job does not remember all that was asked for.
    Forgotten {
        /// `lines` or `events`.
        kind: &'static str,
        count: u64,
    },
    /// A line that a job remembers.
    #[serde(rename = "output")]
    Line(&'a LineEntry),
    /// The dashboard can be looked at.
    DashboardServes {
        /// With the token behind `#`, which browsers send to nobody.
        url: &'a str,
    },
    /// The master has accepted us.
    Subscribed { framework_id: &'a str, again: bool },
    /// The subscription is lost and is being renewed.
    Disconnected { reason: &'a str },
    /// The gang does not fit into what is on offer.
    Waiting { reason: String },
    /// The gang has its places.
    Placed { tasks: usize, agents: usize },
    /// A task has a new state.
    Task {
        task: &'a str,
        state: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        agent: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        message: Option<&'a str>,
        /// What it took, when it has ended.
        #[serde(skip_serializing_if = "Option::is_none")]
        usage: Option<Usage>,
    },
    /// A task has its next life, because somebody has asked for it.
    Restarting { task: &'a str },
    /// Executors get modules ready; again while that takes long, and once when it is done.
    Delivering {
        executors: usize,
        fetching: u64,
        compiling: u64,
        /// Of the modules that are being fetched.
        bytes: u64,
        /// 0: not known.
        bytes_total: u64,
    },
    /// All tasks are up and the app scheduler begins.
    AppStarted,
    /// The app scheduler has returned.
    AppReturned {
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<&'a str>,
    },
    /// The job is coming to its end.
    Stopping { reason: String },
    /// A line that a task, the app scheduler or an executor has printed.
    Output {
        task: &'a str,
        stream: Stream,
        /// When it was printed: RFC 3339, UTC, as the machine there knows it.
        #[serde(skip_serializing_if = "Option::is_none")]
        time: Option<&'a str>,
        line: &'a str,
    },
    /// A message that a task has sent to the console. Bytes that are not UTF-8 are `\xNN`.
    Message { task: &'a str, message: &'a str },
    /// Something is wrong but goes on.
    Warning { message: &'a str },
    /// The same, where something is lost: a message that was not sent, output that is not shown.
    #[serde(rename = "warning")]
    Lost { message: &'a str },
    /// Something is wrong with the job file.
    Diagnostic {
        /// `error` or `warning`.
        severity: &'a str,
        file: &'a str,
        line: usize,
        column: usize,
        message: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        help: Option<&'a str>,
    },
    /// The command could not be done.
    Error {
        message: String,
        causes: Vec<String>,
        help: Option<String>,
    },
    /// How the job ended; always last.
    Outcome(Outcome<'a>),
    /// There was no job to run, or none that could be; then this is last.
    #[serde(rename = "outcome")]
    NotRun {
        /// `not_run` or `interrupted`.
        outcome: &'static str,
        exit_code: u8,
    },
    /// Something that has happened to a job, as it remembers it: with the word for it.
    #[serde(untagged)]
    Entry(&'a EventEntry),
}

impl Event<'_> {
    /// That a fault happens.
    pub(crate) fn fault(happening: &Happening) -> Self {
        Self::Fault {
            chaos: happening.chaos.map(|chaos| chaos.to_string()),
            seconds: happening.at.as_secs_f64(),
            fault: happening.fault.to_string(),
        }
    }
}

/// Where a line was printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stream {
    /// To standard output.
    Stdout,
    /// To standard error.
    Stderr,
}

/// How a job ended that was asked to, as far as it says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Ended {
    /// As of [`Outcome`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) outcome: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) exit_code: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seconds: Option<f64>,
    /// Why, unless it succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

/// How the job ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Outcome<'a> {
    pub(crate) job: &'a str,
    /// `succeeded`, `failed`, `never_placed`, `interrupted`, `unreachable` or
    /// `refused`.
    pub(crate) outcome: &'static str,
    pub(crate) exit_code: u8,
    pub(crate) seconds: f64,
    pub(crate) tasks: usize,
    /// How many tasks have failed without harm for the job.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) failures_ignored: usize,
    /// Why, unless it succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// What the user can do about that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) help: Option<&'static str>,
    pub(crate) channels: Channels,
    /// What the tasks took that have ended.
    pub(crate) usage: Total,
}

/// What went over the channels of all tasks: *sent* is what the app scheduler sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Channels {
    pub(crate) messages_sent: u64,
    pub(crate) messages_received: u64,
    pub(crate) bytes_sent: u64,
    pub(crate) bytes_received: u64,
    /// Frames that took it to the executors, acknowledgements among them.
    pub(crate) frames_sent: u64,
    /// Those of them that were sent again, because nobody acknowledged them in time.
    pub(crate) frames_resent: u64,
    /// How often the app scheduler found a channel full.
    pub(crate) stalls: u64,
    /// How often a link changed its path or its connection.
    pub(crate) moves: u64,
}

/// What one task took from its launch to its end.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Usage {
    /// Seconds of processor time.
    pub(crate) cpu_seconds: f64,
    /// The linear memory that it had at its end.
    pub(crate) memory_bytes: u64,
    /// The most that it had.
    pub(crate) memory_bytes_peak: u64,
    /// What its function received.
    pub(crate) messages_in: u64,
    /// What it sent.
    pub(crate) messages_out: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    /// How often wasm stopped it where it was: by its own doing or at a limit.
    pub(crate) traps: u32,
}

/// What all tasks took that have ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(crate) struct Total {
    /// How many ends were told with what the task took.
    pub(crate) ends: u64,
    /// Seconds of processor time of all.
    pub(crate) cpu_seconds: f64,
    /// The most linear memory that one of them had.
    pub(crate) memory_bytes_peak: u64,
    pub(crate) traps: u64,
}

impl From<TaskUsage> for Usage {
    fn from(usage: TaskUsage) -> Self {
        Self {
            cpu_seconds: usage.cpu_time.as_secs_f64(),
            memory_bytes: usage.memory_bytes,
            memory_bytes_peak: usage.memory_bytes_peak,
            messages_in: usage.messages_in,
            messages_out: usage.messages_out,
            bytes_in: usage.bytes_in,
            bytes_out: usage.bytes_out,
            traps: usage.traps,
        }
    }
}

impl From<TotalUsage> for Total {
    fn from(total: TotalUsage) -> Self {
        Self {
            ends: total.ends,
            cpu_seconds: total.cpu_time.as_secs_f64(),
            memory_bytes_peak: total.memory_bytes_peak,
            traps: total.traps,
        }
    }
}

impl From<TotalTraffic> for Channels {
    fn from(total: TotalTraffic) -> Self {
        let TotalTraffic {
            messages_sent,
            messages_received,
            bytes_sent,
            bytes_received,
            frames_sent,
            frames_resent,
            stalls,
            moves,
        } = total;
        Self {
            messages_sent,
            messages_received,
            bytes_sent,
            bytes_received,
            frames_sent,
            frames_resent,
            stalls,
            moves,
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over references"
)]
fn is_zero(number: &usize) -> bool {
    *number == 0
}
