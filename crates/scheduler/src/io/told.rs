//! What people are told: how a job gets on, and how it has ended.

use std::fmt;
use std::time::Duration;

use mesos::{AgentId, ExecutorId, FrameworkId};

use crate::placement::Shortfall;
use crate::status::{Reason, Source, TaskState};

/// What people may want to know while a job runs.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// The framework has subscribed.
    Subscribed {
        /// Its id.
        framework: FrameworkId,
        /// Whether this is the first time.
        first: bool,
    },
    /// The subscription is lost and is being renewed.
    Disconnected {
        /// Why.
        reason: String,
    },
    /// Tasks that are to be placed together, the gang or others, do not fit yet.
    Waiting {
        /// Which tasks.
        wave: WaveId,
        /// Why, in place of what was told of the same ones before.
        shortfall: Shortfall,
    },
    /// What did not fit waits no longer: it is placed, or not wanted any more. Told once.
    WaitOver(WaveId),
    /// Places were found.
    Placed {
        /// The names of the tasks.
        tasks: Vec<String>,
        /// On so many agents.
        agents: usize,
    },
    /// A task has changed its state.
    Task(TaskReport),
    /// A launch came to nothing; the task is placed again.
    PlacedAgain(TaskReport),
    /// A task has failed, and the job goes on as its group wishes.
    Ignored(TaskReport),
    /// A task has failed and is restarted.
    Restarting {
        /// How it ended.
        task: TaskReport,
        /// Which restart it is in the window, from 1.
        number: u32,
        /// So many are allowed in the window.
        max: u32,
        /// How long it rests first.
        wait: Duration,
    },
    /// A task has ended and is launched again, because somebody has asked for it.
    RestartingByRequest {
        /// Its name.
        task: String,
    },
    /// The app scheduler wanted more tasks and does not get them.
    SpawnFailed {
        /// Their group.
        group: String,
        /// So many.
        count: usize,
        /// Why not.
        why: SpawnFailed,
    },
    /// Executors fetch and compile modules; told from time to time by whoever hears them.
    Delivering(Delivering),
    /// All tasks are up; the app scheduler runs.
    AppStarted,
    /// The app scheduler has returned.
    AppReturned(Result<(), String>),
    /// The job is ending, so or worse.
    Stopping(Outcome),
    /// The framework could not be torn down: the master will only do so once its failover timeout
    /// is over.
    NotTornDown {
        /// Its id.
        framework: FrameworkId,
        /// Why not.
        reason: String,
    },
}

/// Tasks that are placed together, and of which it was told that they wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WaveId(pub u64);

/// What executors do for their modules at the moment; all 0 when they have what they want.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Delivering {
    /// So many executors.
    pub executors: usize,
    /// Modules that they fetch.
    pub fetching: u64,
    /// Modules that they compile.
    pub compiling: u64,
    /// Of those that they fetch, so many bytes are there.
    pub bytes: u64,
    /// They have so many bytes, as far as is known.
    pub bytes_total: u64,
}

/// The state of a task and all that is known about it.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskReport {
    /// The task's name.
    pub task: String,
    /// Its state.
    pub state: TaskState,
    /// Who says so.
    pub source: Source,
    /// Why.
    pub reason: Option<Reason>,
    /// A text for people; for a failed task what it returned, or its backtrace.
    pub message: Option<String>,
    /// Its agent.
    pub agent: Option<AgentId>,
}

/// How a job has ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The app scheduler returned well and no task failed.
    Succeeded,
    /// A task failed, and with it the job.
    TaskFailed(TaskReport),
    /// A task failed more often than it may be restarted.
    TooManyRestarts(TooManyRestarts),
    /// The app scheduler failed.
    AppFailed {
        /// What it returned, or its backtrace.
        message: String,
    },
    /// Not all tasks were up in time, at first or again.
    NeverPlaced(NeverPlaced),
    /// There was no connection to an executor, and the job wants one to each.
    Unconnected(Unconnected),
    /// Somebody asked for the end.
    Interrupted,
    /// No master took the subscription in time.
    Unreachable {
        /// What the last attempt ended with, if one has ended.
        reason: Option<String>,
    },
    /// The master refused the framework.
    Refused {
        /// Why.
        reason: String,
    },
}

/// A task that failed more often than it may be restarted.
#[derive(Debug, Clone, PartialEq)]
pub struct TooManyRestarts {
    /// How it ended last.
    pub task: TaskReport,
    /// How often it may be restarted in the window.
    pub max: u32,
    /// The window.
    pub window: Duration,
}

/// An executor that could not be connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unconnected {
    /// The executor.
    pub executor: ExecutorId,
    /// Its agent.
    pub agent: AgentId,
    /// Why, in words for people.
    pub reason: String,
}

/// Why a gang was not up in time, or tasks that were to join it.
#[derive(Debug, Clone, PartialEq)]
pub enum NeverPlaced {
    /// It never fitted; the last thing that is known about why.
    NoPlace(Shortfall),
    /// It was launched, but not all tasks came up.
    NotUp {
        /// How many tasks were up.
        up: usize,
        /// Out of how many.
        tasks: usize,
        /// The first task that was not, and what it was instead.
        first: (String, NotUp),
    },
    /// A task that had failed was not up again in time.
    NotRestarted {
        /// The task.
        task: String,
        /// Why not.
        why: Box<Self>,
    },
}

/// Why tasks were not spawned.
#[derive(Debug, Clone, PartialEq)]
pub enum SpawnFailed {
    /// They were not up in time.
    NeverPlaced(NeverPlaced),
    /// One of them failed before all were up.
    TaskFailed(TaskReport),
    /// There was no connection to one of their executors, and the job wants one to each.
    Unconnected(Unconnected),
    /// The job is being shut down.
    ShuttingDown,
}

/// What a task was that was not up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotUp {
    /// It was not launched.
    NoPlace,
    /// It was launched, and in this state.
    State(TaskState),
    /// It ran in an executor that had broken the rules of its link: it could not be spoken to.
    Abandoned,
    /// It was of no use, such as without the connection that the job wants, and was to end.
    NotKilled,
}

impl fmt::Display for TooManyRestarts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { task, max, window } = self;
        let times = if *max == 1 { "once" } else { "times" };
        let number = if *max == 1 {
            String::new()
        } else {
            format!("{max} ")
        };
        write!(
            f,
            "{task}; it was restarted {number}{times} within {window:?} already"
        )
    }
}

impl fmt::Display for SpawnFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeverPlaced(why) => why.fmt(f),
            Self::TaskFailed(task) => task.fmt(f),
            Self::Unconnected(why) => why.fmt(f),
            Self::ShuttingDown => f.write_str("the job is being shut down"),
        }
    }
}

impl fmt::Display for Unconnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            executor,
            agent,
            reason,
        } = self;
        write!(
            f,
            "no direct path to executor `{executor}` on agent {agent}: {reason}"
        )
    }
}

impl fmt::Display for NeverPlaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPlace(shortfall) => shortfall.fmt(f),
            Self::NotRestarted { task, why } => {
                write!(f, "`{task}` could not be restarted: {why}")
            }
            Self::NotUp {
                up,
                tasks,
                first: (task, why),
            } => {
                write!(f, "{up} of {tasks} tasks were up; `{task}` {why}")
            }
        }
    }
}

impl fmt::Display for NotUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPlace => f.write_str("had no place"),
            Self::State(state) => write!(f, "was {state}"),
            Self::Abandoned => f.write_str("could not be spoken to: its executor broke the rules"),
            Self::NotKilled => f.write_str("was killed, as of no use, and did not end"),
        }
    }
}

impl fmt::Display for TaskReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.task, self.state)?;
        if let Some(agent) = &self.agent {
            write!(f, " on agent {agent}")?;
        }
        if let Some(reason) = &self.reason {
            write!(f, " ({reason})")?;
        }
        if let Some(message) = &self.message {
            write!(f, ": {message}")?;
        }
        Ok(())
    }
}
