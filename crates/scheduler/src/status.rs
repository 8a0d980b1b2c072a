//! Task states, reasons and status updates as values.
//!
//! The numbers of the wire stop at the shell: TASK_STARTING is 0 there, and so is a reason
//! (PROTOCOL §8.1), which makes a default value a lie. Here everything has a name.

use std::borrow::Cow;
use std::fmt;

use mesos::{AgentId, TaskId};

/// The state of a task, as Mesos names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TaskState {
    /// Launched; nothing has been heard of it yet.
    Staging,
    /// The executor prepares it.
    Starting,
    /// It is up.
    Running,
    /// It was told to end.
    Killing,
    /// Its agent does not answer; it may come back.
    Unreachable,
    /// It ended well.
    Finished,
    /// It ended badly.
    Failed,
    /// It ended because it was killed.
    Killed,
    /// It could not be launched: the description is wrong.
    Error,
    /// It is lost, for frameworks that are not partition-aware and for agents that left.
    Lost,
    /// It was never launched.
    Dropped,
    /// Its agent runs, but does not know it any more.
    Gone,
    /// An operator has declared its agent gone for good.
    GoneByOperator,
    /// The master does not know it.
    Unknown,
}

impl TaskState {
    /// All states, in the order of a task's life.
    pub const ALL: [Self; 14] = [
        Self::Staging,
        Self::Starting,
        Self::Running,
        Self::Killing,
        Self::Unreachable,
        Self::Finished,
        Self::Failed,
        Self::Killed,
        Self::Error,
        Self::Lost,
        Self::Dropped,
        Self::Gone,
        Self::GoneByOperator,
        Self::Unknown,
    ];

    /// Whether a task in this state is over for its framework.
    ///
    /// TASK_UNKNOWN counts, although Mesos does not call it terminal: reconciliation always names
    /// the agent here, so it is the answer about an agent that has left the cluster (PROTOCOL §8.4).
    pub fn is_end(self) -> bool {
        match self {
            Self::Staging | Self::Starting | Self::Running | Self::Killing | Self::Unreachable => {
                false
            }
            Self::Finished
            | Self::Failed
            | Self::Killed
            | Self::Error
            | Self::Lost
            | Self::Dropped
            | Self::Gone
            | Self::GoneByOperator
            | Self::Unknown => true,
        }
    }

    /// The name that Mesos uses, such as `TASK_RUNNING`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Staging => "TASK_STAGING",
            Self::Starting => "TASK_STARTING",
            Self::Running => "TASK_RUNNING",
            Self::Killing => "TASK_KILLING",
            Self::Unreachable => "TASK_UNREACHABLE",
            Self::Finished => "TASK_FINISHED",
            Self::Failed => "TASK_FAILED",
            Self::Killed => "TASK_KILLED",
            Self::Error => "TASK_ERROR",
            Self::Lost => "TASK_LOST",
            Self::Dropped => "TASK_DROPPED",
            Self::Gone => "TASK_GONE",
            Self::GoneByOperator => "TASK_GONE_BY_OPERATOR",
            Self::Unknown => "TASK_UNKNOWN",
        }
    }
}

impl fmt::Display for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a task is in its state, as Mesos names it, such as `REASON_INVALID_OFFERS`.
///
/// Text, because a newer Mesos may know reasons that we do not; those that decide something here
/// are constants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason(Cow<'static, str>);

impl Reason {
    /// The ACCEPT named an offer that was no longer valid.
    pub const INVALID_OFFERS: Self = Self(Cow::Borrowed("REASON_INVALID_OFFERS"));
    /// The agent's connection to the master is broken.
    pub const AGENT_DISCONNECTED: Self = Self(Cow::Borrowed("REASON_AGENT_DISCONNECTED"));
    /// The master has removed the agent.
    pub const AGENT_REMOVED: Self = Self(Cow::Borrowed("REASON_AGENT_REMOVED"));
    /// The agent was restarted before it had given the task to its executor.
    pub const AGENT_RESTARTED: Self = Self(Cow::Borrowed("REASON_AGENT_RESTARTED"));
    /// The executor is gone.
    pub const EXECUTOR_TERMINATED: Self = Self(Cow::Borrowed("REASON_EXECUTOR_TERMINATED"));
    /// An answer to a reconciliation.
    pub const RECONCILIATION: Self = Self(Cow::Borrowed("REASON_RECONCILIATION"));

    /// The reason of this name.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self(name.into())
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who made a status update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The master, of its own knowledge.
    Master,
    /// The agent, about an executor that cannot speak for itself.
    Agent,
    /// The executor.
    Executor,
}

/// The id of one reliable status update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Uuid(pub [u8; 16]);

/// What a master says about a task.
#[derive(Debug, Clone, PartialEq)]
pub struct StatusUpdate {
    /// The task that is meant.
    pub task: TaskId,
    /// Its state.
    pub state: TaskState,
    /// Its agent. Only answers about unknown tasks lack it (PROTOCOL §8.2).
    pub agent: Option<AgentId>,
    /// Who says so.
    pub source: Source,
    /// Why.
    pub reason: Option<Reason>,
    /// A text for people.
    pub message: Option<String>,
    /// Set when the update is reliable: it comes again until it is acknowledged. Updates without
    /// it are made by the master, come once and are never acknowledged (PROTOCOL §8.2).
    pub uuid: Option<Uuid>,
}

impl StatusUpdate {
    /// Its text, with what it means for a task that ran.
    ///
    /// What a master itself has to say of a task it says once, and to nobody while the stream is
    /// down (PROTOCOL §8.2): that an agent was lost is then never heard. The answer to a later
    /// question is only that nobody knows the task, and which of master and agent does not says
    /// what was lost (PROTOCOL §8.4).
    pub(crate) fn explained(&self) -> Option<String> {
        let explanation = match self.state {
            TaskState::Unknown => "the agent was lost while the master could not tell us",
            TaskState::Gone => {
                "the executor or the agent's process was lost while the master could not tell us"
            }
            _ => return self.message.clone(),
        };
        if self.reason.as_ref() != Some(&Reason::RECONCILIATION) {
            return self.message.clone();
        }
        Some(match &self.message {
            Some(message) => format!("{message}: {explanation}"),
            None => explanation.to_owned(),
        })
    }
}
