//! Everything that the machine hears and says.
//!
//! No wire messages and no text that anything depends on: what decides is in the variants.

use std::time::Duration;

use mesos::resources::Resources;
use mesos::{AgentId, ExecutorId, FrameworkId, OfferId, TaskId};

use crate::offers::Offer;
use crate::record::Record;
use crate::status::{Reason, StatusUpdate, TaskState, Uuid};

mod told;

pub use told::{
    Delivering, NeverPlaced, NotUp, Outcome, Progress, SpawnFailed, TaskReport, TooManyRestarts,
    Unconnected, WaveId,
};

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
    /// There is no connection to an executor, and no hope for one: the job is to end, or what was
    /// to join it is given up.
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
    /// The `in` channels of these tasks are to be closed, for good.
    CloseInputs(Vec<String>),
    /// The `in` channel of this task is to be closed. It has another in its next life.
    CloseInputForNow(String),
    /// Nothing more will come of this executor, nor reach it.
    ExecutorGone(ExecutorId),
    /// This task, whose group is restarted when it fails or which has returned before, will not be
    /// launched again.
    TaskOver(String),
    /// This task is launched again once it has ended, whatever its group says: whoever sends to it
    /// waits for its next life then, also later, until it is over.
    TaskReturns(String),
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
