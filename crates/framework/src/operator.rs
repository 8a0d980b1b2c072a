//! The way into a running job for people: messages to its tasks, their end, and their next life.
//!
//! ```text
//!          run begins            all tasks are up             the end begins            run ends
//! No job ────────────► Starting ──────────────────► Running ─────────────────► Ending ─────────► No job
//! ```
//! Messages go straight into the tasks' channels; everything else is asked of the driver, which
//! asks the scheduler machine.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use link::MESSAGE_BYTES_MAX;
use link::app::{AppSendError, AppTrySendError, Outbox, TaskSummary};
use scheduler::{KillRefused, Phase, RestartRefused};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

/// How many requests may wait for the driver; those who ask more wait to ask. People and pages ask
/// now and then, so it is only a bound.
const REQUESTS_MAX: usize = 64;

/// Commands for a running job; shared by all clones.
///
/// It is made before the run and given with its configuration. While no job runs, before and
/// after, everything is refused. It is for one run at a time.
#[derive(Debug, Clone, Default)]
pub struct Operator {
    job: Arc<Mutex<Option<RunningJob>>>,
}

/// Why a command was not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OperatorError {
    /// The run has not begun, or is over.
    #[error("no job runs")]
    NoJob,
    /// The gang is being placed and launched: try again when the app scheduler runs.
    #[error("the job's tasks are not all up yet")]
    NotUp,
    /// All tasks are ending.
    #[error("the job is being shut down")]
    ShuttingDown,
    /// No task has that name.
    #[error("no task has that name")]
    UnknownTask,
    /// The task's channel is full, or the task waits for its next life.
    #[error("channel is full")]
    Full,
    /// The task has ended, or the app scheduler has closed its channel.
    #[error("channel is closed")]
    Closed,
    /// The message is larger than a channel carries.
    #[error("message is larger than {MESSAGE_BYTES_MAX} bytes")]
    TooLarge,
    /// The task is about to have its next life, or its first.
    #[error("the task is being started or restarted already")]
    Starting,
    /// The task belongs to a spawn that has failed.
    #[error("the task never began: others that were spawned with it failed")]
    NeverBegan,
}

#[derive(Debug)]
struct RunningJob {
    phase: Phase,
    outbox: Outbox,
    requests: mpsc::Sender<Request>,
}

/// A request with the place for its answer.
#[derive(Debug)]
pub(crate) enum Request {
    Tasks(oneshot::Sender<Vec<TaskSummary>>),
    Kill {
        task: String,
        reply: oneshot::Sender<Result<(), KillRefused>>,
    },
    Restart {
        task: String,
        reply: oneshot::Sender<Result<(), RestartRefused>>,
    },
}

impl Operator {
    /// Without a job.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends a message to a task, in order with what the app scheduler sends; waits while that
    /// task's channel is full or the task waits for its next life. Cancellation safe.
    ///
    /// # Errors
    /// When it cannot be sent.
    pub async fn send(&self, task: &str, message: Bytes) -> Result<(), OperatorError> {
        let outbox = self.outbox()?;
        let sent = outbox.send(task, message).await;
        sent.map_err(|error| match error {
            AppSendError::Closed => self.closed(),
            AppSendError::TooLarge => OperatorError::TooLarge,
            AppSendError::UnknownTask => OperatorError::UnknownTask,
        })
    }

    /// Sends a message to a task unless its channel is full or the task waits for its next life.
    ///
    /// # Errors
    /// When it is not sent.
    pub fn try_send(&self, task: &str, message: Bytes) -> Result<(), OperatorError> {
        let sent = self.outbox()?.try_send(task, message);
        sent.map_err(|error| match error {
            AppTrySendError::Full => OperatorError::Full,
            AppTrySendError::Closed => self.closed(),
            AppTrySendError::TooLarge => OperatorError::TooLarge,
            AppTrySendError::UnknownTask => OperatorError::UnknownTask,
        })
    }

    /// Kills a task: its `in` channel closes, and after its grace it is stopped. One that has ended
    /// stays as it is; it does not come back, whatever its group says.
    ///
    /// Answers when that has begun. When the future is dropped, it may begin all the same.
    ///
    /// # Errors
    /// When it is not killed.
    pub async fn kill(&self, task: &str) -> Result<(), OperatorError> {
        // A gang that is not up yet would be incomplete without it.
        self.outbox()?;
        let task = task.to_owned();
        let killed = self.ask(|reply| Request::Kill { task, reply }).await?;
        killed.map_err(|refused| match refused {
            KillRefused::Unknown => OperatorError::UnknownTask,
            KillRefused::ShuttingDown => OperatorError::ShuttingDown,
        })
    }

    /// Gives a task a new life, whatever its group says of failures: it is killed with its grace if
    /// it lives, and launched again under its name, which does not count among its restarts. The
    /// rest of the job goes on; whoever sends to the task waits for its next life. Without a place
    /// for it in time the job ends, unless its group ignores failures.
    ///
    /// Answers when that has begun. When the future is dropped, it may begin all the same.
    ///
    /// # Errors
    /// When it is not restarted.
    pub async fn restart(&self, task: &str) -> Result<(), OperatorError> {
        let task = task.to_owned();
        let restarted = self.ask(|reply| Request::Restart { task, reply }).await?;
        restarted.map_err(|refused| match refused {
            RestartRefused::Unknown => OperatorError::UnknownTask,
            RestartRefused::NotUp => OperatorError::NotUp,
            RestartRefused::ShuttingDown => OperatorError::ShuttingDown,
            RestartRefused::Starting => OperatorError::Starting,
            RestartRefused::NeverBegan => OperatorError::NeverBegan,
        })
    }

    /// All tasks of the job as they are now, also before all are up.
    ///
    /// # Errors
    /// When no job runs.
    pub async fn tasks(&self) -> Result<Vec<TaskSummary>, OperatorError> {
        self.ask(Request::Tasks).await
    }

    /// The way to the tasks, once all are up.
    fn outbox(&self) -> Result<Outbox, OperatorError> {
        match &*self.lock() {
            None => Err(OperatorError::NoJob),
            Some(job) => match job.phase {
                Phase::Starting => Err(OperatorError::NotUp),
                Phase::Running => Ok(job.outbox.clone()),
                Phase::Ending => Err(OperatorError::ShuttingDown),
            },
        }
    }

    /// Why a channel is closed.
    fn closed(&self) -> OperatorError {
        match &*self.lock() {
            None => OperatorError::NoJob,
            Some(job) if job.phase == Phase::Ending => OperatorError::ShuttingDown,
            Some(_) => OperatorError::Closed,
        }
    }

    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<T>) -> Request,
    ) -> Result<T, OperatorError> {
        let requests = self.lock().as_ref().map(|job| job.requests.clone());
        let requests = requests.ok_or(OperatorError::NoJob)?;
        let (reply, answer) = oneshot::channel();
        let asked = requests.send(request(reply)).await;
        asked.map_err(|_| OperatorError::NoJob)?;
        answer.await.map_err(|_| OperatorError::NoJob)
    }

    fn lock(&self) -> MutexGuard<'_, Option<RunningJob>> {
        self.job.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The driver's side of an [`Operator`]. There is no job for that once this is dropped.
#[derive(Debug)]
pub(crate) struct Desk {
    operator: Operator,
    phase: Phase,
    requests: mpsc::Receiver<Request>,
}

impl Desk {
    /// Lets a job be operated that starts.
    pub(crate) fn open(operator: Operator, outbox: Outbox) -> Self {
        let (sender, requests) = mpsc::channel(REQUESTS_MAX);
        let phase = Phase::Starting;
        *operator.lock() = Some(RunningJob {
            phase,
            outbox,
            requests: sender,
        });
        Self {
            operator,
            phase,
            requests,
        }
    }

    /// Notes how far the job is.
    pub(crate) fn set_phase(&mut self, phase: Phase) {
        if self.phase != phase {
            self.phase = phase;
            if let Some(job) = &mut *self.operator.lock() {
                job.phase = phase;
            }
        }
    }

    /// Waits for the next request; for ever once the desk is closed. Cancellation safe. A request
    /// whose reply is dropped is refused: no job runs.
    pub(crate) async fn next(&mut self) -> Request {
        match self.requests.recv().await {
            Some(request) => request,
            None => std::future::pending().await,
        }
    }

    /// Refuses everything from now on, what waits included.
    pub(crate) fn close(&mut self) {
        *self.operator.lock() = None;
        self.requests.close();
        while self.requests.try_recv().is_ok() {}
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests {
    use link::app::App;

    use super::*;

    #[tokio::test]
    async fn everything_is_refused_while_no_job_runs() {
        let operator = Operator::new();
        let all_refused = async |operator: &Operator| {
            let no_job = Err(OperatorError::NoJob);
            assert_eq!(operator.send("t-0", Bytes::new()).await, no_job);
            assert_eq!(operator.try_send("t-0", Bytes::new()), no_job);
            assert_eq!(operator.kill("t-0").await, no_job);
            assert_eq!(operator.restart("t-0").await, no_job);
            assert_eq!(operator.tasks().await, Err(OperatorError::NoJob));
        };
        all_refused(&operator).await;
        let (_app, driver) = App::new();
        drop(Desk::open(operator.clone(), driver.outbox().clone()));
        all_refused(&operator).await;
    }

    #[tokio::test]
    async fn messages_and_kills_are_refused_until_all_tasks_are_up_and_once_they_end() {
        let operator = Operator::new();
        let (_app, driver) = App::new();
        let mut desk = Desk::open(operator.clone(), driver.outbox().clone());
        let sent = |operator: &Operator| operator.try_send("t-0", Bytes::new());
        assert_eq!(sent(&operator), Err(OperatorError::NotUp));
        assert_eq!(operator.kill("t-0").await, Err(OperatorError::NotUp));
        desk.set_phase(Phase::Running);
        assert_eq!(sent(&operator), Err(OperatorError::UnknownTask));
        desk.set_phase(Phase::Ending);
        assert_eq!(sent(&operator), Err(OperatorError::ShuttingDown));
        assert_eq!(operator.kill("t-0").await, Err(OperatorError::ShuttingDown));
    }

    #[tokio::test]
    async fn a_request_that_waits_when_the_run_ends_is_refused() {
        let operator = Operator::new();
        let (_app, driver) = App::new();
        let mut desk = Desk::open(operator.clone(), driver.outbox().clone());
        let asked = tokio::spawn(async move { operator.restart("t-0").await });
        let request = desk.next().await;
        assert!(matches!(&request, Request::Restart { task, .. } if task == "t-0"));
        desk.close();
        drop(request);
        assert_eq!(asked.await.unwrap(), Err(OperatorError::NoJob));
    }
}
