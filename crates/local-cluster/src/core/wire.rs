//! What master and agents say to each other.
//!
//! Mesos has messages of its own for this; clients never see them, so these are ours. They carry
//! wire messages where Mesos passes them on unchanged. With them go the rules about the wire that both
//! sides keep.

use bytes::Bytes;
use mesos::v1;
use mesos::{AgentId, ExecutorId, FrameworkId, TaskId};

/// Which agent of this cluster: its place in the configuration. Unlike its [`AgentId`], it is there
/// before the agent has registered and never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct AgentIndex(pub(crate) usize);

/// From the master to one agent, in order.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "launches are what most messages are about"
)]
pub(crate) enum ToAgent {
    /// The master knows the agent under this id.
    Registered { agent_id: AgentId },
    /// Launches tasks on one executor, starting it when it is not there yet. Several tasks are a
    /// task group, delivered as one LAUNCH_GROUP.
    RunTasks {
        framework: v1::FrameworkInfo,
        /// `None`: one command task, to which the agent brings an executor of its own.
        executor: Option<v1::ExecutorInfo>,
        tasks: Vec<v1::TaskInfo>,
        /// Whether the tasks are a group.
        group: bool,
        /// Whether the master thinks that the executor has to be started (PROTOCOL §9.3).
        launch_executor: bool,
    },
    /// Kills one task.
    KillTask {
        framework_id: FrameworkId,
        task_id: TaskId,
        kill_policy: Option<v1::KillPolicy>,
    },
    /// Shuts one executor down.
    ShutdownExecutor {
        framework_id: FrameworkId,
        executor_id: ExecutorId,
    },
    /// The framework is gone: shuts all of its executors down.
    ShutdownFramework { framework_id: FrameworkId },
    /// The agent is not part of the cluster: its executors are to end, and it with them.
    Shutdown { message: String },
    /// A framework message for an executor.
    FrameworkMessage {
        framework_id: FrameworkId,
        executor_id: ExecutorId,
        data: Bytes,
    },
    /// The scheduler has acknowledged a status update.
    AcknowledgeUpdate {
        framework_id: FrameworkId,
        task_id: TaskId,
        uuid: Bytes,
    },
    /// The framework has subscribed again; pending updates are to be sent again at once
    /// (PROTOCOL §4).
    UpdateFramework { framework: v1::FrameworkInfo },
    /// From now on this is what the agent has, reservations and volumes included: it tells every
    /// master.
    Checkpoint { resources: Vec<v1::Resource> },
}

/// From one agent to the master, in order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ToMaster {
    /// The agent is there, or there again.
    Register {
        /// Without an id at its first registration.
        agent: v1::AgentInfo,
        /// All that it has, if that is no more what its info says.
        checkpointed: Option<Vec<v1::Resource>>,
        /// Whose executors and tasks these are.
        frameworks: Vec<v1::FrameworkInfo>,
        /// What is running on it: executors and tasks in their latest states.
        executors: Vec<(FrameworkId, v1::ExecutorInfo)>,
        tasks: Vec<(FrameworkId, v1::TaskInfo, v1::TaskState)>,
        /// The same tasks as operators see them.
        shown: Vec<v1::Task>,
    },
    /// A reliable status update on its way to the scheduler, first or repeated.
    StatusUpdate {
        framework_id: FrameworkId,
        status: v1::TaskStatus,
        /// The newest state the agent knows, which can be ahead of `status`.
        latest_state: v1::TaskState,
    },
    /// An executor has ended with this wait status.
    ExecutorExited {
        framework_id: FrameworkId,
        executor_id: ExecutorId,
        status: i32,
    },
    /// A framework message for the scheduler.
    FrameworkMessage {
        framework_id: FrameworkId,
        executor_id: ExecutorId,
        data: Bytes,
    },
}

/// Whether a task in this state has ended (PROTOCOL §8.1).
pub(crate) fn is_terminal(state: v1::TaskState) -> bool {
    use v1::TaskState;
    match state {
        TaskState::TaskFinished
        | TaskState::TaskFailed
        | TaskState::TaskKilled
        | TaskState::TaskLost
        | TaskState::TaskError
        | TaskState::TaskDropped
        | TaskState::TaskGone
        | TaskState::TaskGoneByOperator => true,
        TaskState::TaskStaging
        | TaskState::TaskStarting
        | TaskState::TaskRunning
        | TaskState::TaskKilling
        | TaskState::TaskUnreachable
        | TaskState::TaskUnknown => false,
    }
}

/// Whether these are 16 bytes with a version from 1 to 5; the variant is not looked at
/// (PROTOCOL §3).
pub(crate) fn is_uuid(uuid: &[u8]) -> bool {
    uuid.len() == 16 && (1..=5).contains(&(uuid[6] >> 4))
}
