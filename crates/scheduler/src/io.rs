//! Everything that the machine hears and says.
//!
//! No wire messages and no text that anything depends on: what decides is in the variants.

use std::fmt;
use std::time::Duration;

use mesos::resources::Resources;
use mesos::{AgentId, ExecutorId, FrameworkId, OfferId, TaskId};

use crate::offers::Offer;
use crate::placement::Shortfall;
use crate::record::Record;
use crate::status::{Reason, Source, StatusUpdate, TaskState, Uuid};

/// What has happened.
///
/// MESSAGE events are not here: they need no decision, and the shell hands them to their link.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// The framework has subscribed, for the first time or again. All earlier offers are void.
    Subscribed(FrameworkId),
    /// The subscription is lost; somebody else renews it.
    Disconnected {
        /// Why, for people.
        reason: String,
    },
    /// The subscription was refused for good.
    Refused {
        /// Why, for people.
        reason: String,
    },
    /// Offers of one OFFERS event.
    Offers(Vec<Offer>),
    /// An offer is no longer valid.
    Rescind(OfferId),
    /// A status update.
    Update(StatusUpdate),
    /// An executor or a whole agent is gone.
    Failure(Failure),
    /// A call that an output asked for did not succeed.
    CallFailed {
        /// Which.
        call: FailedCall,
        /// What is known about its effect.
        fault: CallFault,
    },
    /// Somebody wants something.
    Command(Command),
    /// The time of [`poll_timeout`](crate::Scheduler::poll_timeout) has come.
    Tick,
}

/// What is wanted of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// The app scheduler has returned.
    AppReturned(Result<(), String>),
    /// The job is to end.
    Stop(Stop),
    /// An executor breaks the rules of its link: it is to be shut down.
    Abandon(ExecutorId),
    /// There is a connection to an executor. For jobs that wait for these.
    Connected(ExecutorId),
    /// There is no connection to an executor, and no hope for one: the job is to end.
    Unconnected {
        /// The executor.
        executor: ExecutorId,
        /// Why, in words for people.
        reason: String,
    },
}

/// How the job is to end when somebody asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// Tasks get their grace.
    Graceful,
    /// Without waiting for anything.
    Now,
}

/// A FAILURE event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The agent that is gone, or on which the executor was.
    pub agent: AgentId,
    /// The executor that is gone; none: the agent is.
    pub executor: Option<ExecutorId>,
    /// Its wait status (PROTOCOL §9.3).
    pub status: Option<i32>,
}

/// A call that did not succeed. The others need no answer: they are repeated or harmless.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FailedCall {
    /// ACCEPT, for these tasks.
    Accept(Vec<TaskId>),
    /// SUPPRESS or REVIVE.
    Interest,
}

/// What is known about the effect of a call that did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallFault {
    /// It had none: it was not sent, or it was refused.
    NoEffect,
    /// It may have been carried out.
    Unknown,
}

/// What is to be done, in this order.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// ACCEPT these offers, of one agent, and LAUNCH these tasks in a new executor.
    Accept {
        /// The offers, all used up.
        offers: Vec<OfferId>,
        /// The executor to describe in every task.
        executor: ExecutorLaunch,
        /// The tasks.
        tasks: Vec<TaskLaunch>,
        /// For how long what is left over is refused.
        refuse: Duration,
    },
    /// A call to the master that needs nothing beside it.
    Call(Call),
    /// The functions of the tasks of these executors may begin.
    LiftBarrier(Vec<ExecutorId>),
    /// The app scheduler is to run.
    StartApp,
    /// The app scheduler is to be stopped, wherever it is.
    AbortApp,
    /// The `in` channels of these tasks are to be closed.
    CloseInputs(Vec<String>),
    /// Nothing more will come of this executor, nor reach it.
    ExecutorGone(ExecutorId),
    /// This task, whose group is restarted when it fails, will not be launched again.
    TaskOver(String),
    /// What became of a spawn; once for each.
    Spawned {
        /// Which.
        spawn: SpawnId,
        /// The names of its tasks, all of which are up.
        result: Result<Vec<String>, SpawnFailed>,
    },
    /// Something to be kept before any later output is acted upon.
    Remember(Record),
    /// Something for the app scheduler to hear.
    Event(JobEvent),
    /// The app scheduler hears nothing more after the events so far.
    EndEvents,
    /// Something for people to know.
    Report(Progress),
    /// The last output.
    Finished(Outcome),
}

/// One request for more tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpawnId(pub(crate) u64);

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

/// A call to the master.
#[derive(Debug, Clone, PartialEq)]
pub enum Call {
    /// DECLINE offers.
    Decline {
        /// Which; at least one.
        offers: Vec<OfferId>,
        /// For how long they are refused.
        refuse: Duration,
    },
    /// SUPPRESS: no offers are wanted.
    Suppress,
    /// REVIVE: offers are wanted, at once and without filters.
    Revive,
    /// ACKNOWLEDGE an update that has been handled.
    Acknowledge {
        /// The agent that keeps it.
        agent: AgentId,
        /// The task.
        task: TaskId,
        /// The update.
        uuid: Uuid,
    },
    /// RECONCILE these tasks; an empty list asks about all.
    Reconcile(Vec<(TaskId, AgentId)>),
    /// KILL a task.
    Kill {
        /// The task.
        task: TaskId,
        /// Its agent.
        agent: Option<AgentId>,
        /// The grace period to be told; none: that of the task.
        grace: Option<Duration>,
    },
    /// SHUTDOWN an executor.
    ShutdownExecutor {
        /// The executor.
        executor: ExecutorId,
        /// Its agent.
        agent: AgentId,
    },
    /// TEARDOWN the framework.
    Teardown,
}

/// An executor to be launched.
#[derive(Debug, Clone, PartialEq)]
pub struct ExecutorLaunch {
    /// Its id, never used before.
    pub id: ExecutorId,
    /// Its agent.
    pub agent: AgentId,
    /// What it takes, as offered.
    pub resources: Resources,
}

/// A task to be launched.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskLaunch {
    /// Its id, never used before.
    pub id: TaskId,
    /// Its name, which stays the same over all attempts.
    pub name: String,
    /// Its group, by index.
    pub group: usize,
    /// What it takes, as offered.
    pub resources: Resources,
}

/// Something that the app scheduler hears, as in `sdk/wit/scheduler.wit`.
#[derive(Debug, Clone, PartialEq)]
pub struct JobEvent {
    /// What has happened.
    pub kind: JobEventKind,
    /// The task's name.
    pub task: Option<String>,
    /// The task's state.
    pub state: Option<TaskState>,
    /// The reason.
    pub reason: Option<Reason>,
    /// A text for people.
    pub message: Option<String>,
    /// The agent.
    pub agent: Option<AgentId>,
    /// The executor; with it the shell finds the link whose messages come first.
    pub executor: Option<ExecutorId>,
}

impl JobEvent {
    /// An event about which nothing else is known.
    pub fn new(kind: JobEventKind) -> Self {
        Self {
            kind,
            task: None,
            state: None,
            reason: None,
            message: None,
            agent: None,
            executor: None,
        }
    }
}

/// What has happened to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobEventKind {
    /// The framework has subscribed.
    Registered,
    /// The framework has subscribed again.
    Reregistered,
    /// The subscription is lost.
    Disconnected,
    /// A task was launched.
    TaskLaunched,
    /// A task is up.
    TaskRunning,
    /// A task ended well.
    TaskFinished,
    /// A task ended badly.
    TaskFailed,
    /// A task was killed.
    TaskKilled,
    /// A task is lost, for now or for good: its state tells.
    TaskLost,
    /// An offer was taken back by the master.
    OfferRescinded,
    /// An agent is gone.
    AgentLost,
    /// An executor is gone.
    ExecutorLost,
    /// The job is being shut down.
    Shutdown,
}

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
    /// The gang does not fit yet.
    Waiting(Shortfall),
    /// Places were found.
    Placed {
        /// For how many tasks.
        tasks: usize,
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
    /// The app scheduler wanted more tasks and does not get them.
    SpawnFailed {
        /// Their group.
        group: String,
        /// So many.
        count: usize,
        /// Why not.
        why: SpawnFailed,
    },
    /// All tasks are up; the app scheduler runs.
    AppStarted,
    /// The app scheduler has returned.
    AppReturned(Result<(), String>),
    /// The job is ending, so or worse.
    Stopping(Outcome),
    /// The framework could not be torn down because there was no connection to the master.
    NotTornDown,
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
        /// The first task that was not, and its state; none: it had no place.
        first: (String, Option<TaskState>),
    },
    /// A task that had failed was not up again in time.
    NotRestarted {
        /// The task.
        task: String,
        /// Why not.
        why: Box<Self>,
    },
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
                first: (task, Some(state)),
            } => {
                write!(f, "{up} of {tasks} tasks were up; `{task}` was {state}")
            }
            Self::NotUp {
                up,
                tasks,
                first: (task, None),
            } => {
                write!(f, "{up} of {tasks} tasks were up; `{task}` had no place")
            }
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
