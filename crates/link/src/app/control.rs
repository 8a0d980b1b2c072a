//! What an app scheduler may ask the framework for.

use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

/// How many requests may wait for the framework; those who ask more wait to ask. Requests are
/// rare, so it is only a bound.
const REQUESTS_MAX: usize = 64;

/// Asks the framework; shared by all clones.
#[derive(Debug, Clone)]
pub struct AppControl {
    requests: mpsc::Sender<Request>,
}

/// A request with the place for its answer.
#[derive(Debug)]
pub enum Request {
    /// All tasks of the job.
    ListTasks {
        /// The answer.
        reply: oneshot::Sender<Vec<TaskSummary>>,
    },
    /// Kills a task: its `in` channel closes, and after its grace period it is stopped.
    Kill {
        /// The task's name.
        task: String,
        /// The answer.
        reply: oneshot::Sender<Result<(), RequestError>>,
    },
    /// Starts more tasks of a group, all or none.
    Spawn {
        /// The group's name.
        group: String,
        /// So many.
        count: u32,
        /// The answer: their names.
        reply: oneshot::Sender<Result<Vec<String>, RequestError>>,
    },
}

/// A task of the job as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskSummary {
    /// The task's name, such as `elevator-0`.
    pub name: String,
    /// The group's name, such as `elevator`.
    pub group: String,
    /// The Mesos task state, such as `TASK_RUNNING`.
    pub state: String,
    /// The agent's id, once launched.
    pub agent: Option<String>,
}

/// Why a request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RequestError {
    /// No task or group has that name.
    #[error("no task or group has that name")]
    Unknown,
    /// The job is being shut down.
    #[error("job is being shut down")]
    ShuttingDown,
    /// The tasks were not all up in time: they had no place, or some did not start.
    #[error("the tasks were not up in time")]
    NoPlace,
    /// One of the tasks failed before all of them were up.
    #[error("a task failed before all were up")]
    Failed,
    /// The job would have more tasks than it may.
    #[error("the job would have too many tasks")]
    TooMany,
}

impl AppControl {
    pub(super) fn new() -> (Self, mpsc::Receiver<Request>) {
        let (requests, receiver) = mpsc::channel(REQUESTS_MAX);
        (Self { requests }, receiver)
    }

    /// All tasks of the job; none once the framework is gone.
    pub async fn list_tasks(&self) -> Vec<TaskSummary> {
        self.ask(|reply| Request::ListTasks { reply })
            .await
            .unwrap_or_default()
    }

    /// Kills a task: its `in` channel closes, and after its grace period it is stopped.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn kill(&self, task: impl Into<String>) -> Result<(), RequestError> {
        let task = task.into();
        self.ask(|reply| Request::Kill { task, reply })
            .await
            .unwrap_or(Err(RequestError::ShuttingDown))
    }

    /// Starts so many more tasks of a group, all or none; answers their names.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn spawn(
        &self,
        group: impl Into<String>,
        count: u32,
    ) -> Result<Vec<String>, RequestError> {
        let group = group.into();
        let request = |reply| Request::Spawn {
            group,
            count,
            reply,
        };
        self.ask(request)
            .await
            .unwrap_or(Err(RequestError::ShuttingDown))
    }

    /// The answer; `None` if the framework is gone or drops the request.
    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(request(reply)).await.ok()?;
        answer.await.ok()
    }
}
