//! What an app scheduler holds: the other ends of its tasks' channels, the events of the job, and
//! the control of it.

use std::fmt;
use std::time::Duration;

use crate::error::{RecvTimeoutError, RequestError, SendError, TryRecvError, TrySendError};
use crate::{select, sys};

/// A message of a task, or to one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskMessage {
    /// The task that sent it, or that it is for, such as `elevator-0`.
    pub task: String,
    /// The message.
    pub data: Vec<u8>,
}

/// The `out` channels of all tasks in one. Messages of one task are in order.
///
/// A task that is restarted after a failure is still there, and what it sends is under the same
/// name: behind all that its predecessor sent, unless that is still on its way.
pub struct TaskReceiver {
    sys: sys::TaskReceiver,
}

impl TaskReceiver {
    pub(crate) fn from_sys(sys: sys::TaskReceiver) -> Self {
        Self { sys }
    }

    /// Waits for a message. `None`: no task is left that could send one, until the next
    /// [`spawn`](Control::spawn).
    pub fn recv(&self) -> Option<TaskMessage> {
        self.sys.recv()
    }

    /// A message that is there already.
    ///
    /// # Errors
    ///
    /// `Empty` when nothing is there yet, `Closed` when no task is left that could send one.
    pub fn try_recv(&self) -> Result<TaskMessage, TryRecvError> {
        self.sys.try_recv()
    }

    /// Waits for a message, but not longer than `timeout`.
    ///
    /// # Errors
    ///
    /// `Timeout` when nothing came in time, `Closed` when no task is left that could send.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<TaskMessage, RecvTimeoutError> {
        self.sys.recv_timeout(timeout)
    }

    /// Waits for a message and takes up to `max` that are there, and fewer if together they would
    /// be larger than [`MESSAGE_BYTES_MAX`](crate::MESSAGE_BYTES_MAX). Empty: no task is left. A
    /// `max` of 0 counts as 1.
    pub fn recv_many(&self, max: usize) -> Vec<TaskMessage> {
        self.sys.recv_many(max.max(1))
    }

    /// The messages for as long as there are tasks, waiting for each.
    pub fn iter(&self) -> TaskReceiverIter<'_> {
        TaskReceiverIter { inbox: self }
    }
}

impl fmt::Debug for TaskReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskReceiver").finish_non_exhaustive()
    }
}

impl select::Sealed for TaskReceiver {
    fn readiness(&self) -> select::Readiness {
        select::Readiness(self.sys.subscribe())
    }
}

/// Ready when a message is there or no task is left.
impl select::Selectable for TaskReceiver {}

impl<'a> IntoIterator for &'a TaskReceiver {
    type Item = TaskMessage;
    type IntoIter = TaskReceiverIter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The messages of a [`TaskReceiver`].
#[derive(Debug)]
pub struct TaskReceiverIter<'a> {
    inbox: &'a TaskReceiver,
}

impl Iterator for TaskReceiverIter<'_> {
    type Item = TaskMessage;

    fn next(&mut self) -> Option<Self::Item> {
        self.inbox.recv()
    }
}

/// The `in` channels of all tasks. Dropping it closes them.
///
/// A task that is restarted after a failure has a fresh, empty channel. What its predecessor did
/// not take is not sent again, but counted in the event of that one's end.
pub struct TaskSender {
    sys: sys::TaskSender,
}

impl TaskSender {
    pub(crate) fn from_sys(sys: sys::TaskSender) -> Self {
        Self { sys }
    }

    /// Sends a message to a task; waits while that task's channel is full, and while the task waits
    /// to be launched again after a failure.
    ///
    /// # Errors
    ///
    /// `UnknownTask` when no task has that name, `Closed` when it is gone for good or its channel
    /// was closed, `TooLarge` above [`MESSAGE_BYTES_MAX`](crate::MESSAGE_BYTES_MAX).
    pub fn send(&self, task: &str, message: impl AsRef<[u8]>) -> Result<(), SendError> {
        self.sys.send(task, message.as_ref())
    }

    /// Sends a message to a task unless its channel is full.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and `Full`: nothing was sent. A task that waits to be launched
    /// again counts as full.
    pub fn try_send(&self, task: &str, message: impl AsRef<[u8]>) -> Result<(), TrySendError> {
        self.sys.try_send(task, message.as_ref())
    }

    /// Sends messages in order; waits while a channel is full. Cheaper than one
    /// [`send`](Self::send) each.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), for the first message that could not be sent; those before it were.
    pub fn send_many(&self, messages: Vec<TaskMessage>) -> Result<(), SendError> {
        self.sys.send_many(messages)
    }

    /// Closes a task's `in` channel: tells the task to exit. Messages sent before come first. To
    /// close it again, or when the task is gone already, changes nothing. If the task fails instead
    /// and is restarted, its next channel is closed, too.
    ///
    /// # Errors
    ///
    /// `UnknownTask` when no task has that name.
    pub fn close(&self, task: &str) -> Result<(), SendError> {
        self.sys.close(task)
    }

    /// The room in a task's channel, to [`select`](crate::select) on.
    pub fn writable<'a>(&'a self, task: &'a str) -> Writable<'a> {
        Writable { outbox: self, task }
    }
}

impl fmt::Debug for TaskSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskSender").finish_non_exhaustive()
    }
}

/// Ready when the task's channel is not full, is closed, or does not exist.
#[derive(Clone, Copy, Debug)]
pub struct Writable<'a> {
    outbox: &'a TaskSender,
    task: &'a str,
}

impl select::Sealed for Writable<'_> {
    fn readiness(&self) -> select::Readiness {
        select::Readiness(self.outbox.sys.subscribe(self.task))
    }
}

impl select::Selectable for Writable<'_> {}

/// What has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventKind {
    /// The framework has subscribed with a master.
    Registered,
    /// The framework has subscribed again.
    Reregistered,
    /// The subscription was lost; it is being renewed.
    Disconnected,
    /// A task was launched.
    TaskLaunched,
    /// A task runs.
    TaskRunning,
    /// A task has returned without an error.
    TaskFinished,
    /// A task has returned an error, trapped, or hit a limit.
    TaskFailed,
    /// A task has ended because it was killed.
    TaskKilled,
    /// A task is gone, with its agent or executor.
    TaskLost,
    /// An offer was taken back.
    OfferRescinded,
    /// An agent is gone.
    AgentLost,
    /// An executor is gone.
    ExecutorLost,
    /// The job is being shut down; every `in` channel closes.
    Shutdown,
    /// The framework has met an error.
    Error,
}

impl EventKind {
    /// Whether it is the last event of its task.
    pub fn ends_task(self) -> bool {
        matches!(
            self,
            Self::TaskFinished | Self::TaskFailed | Self::TaskKilled | Self::TaskLost
        )
    }
}

/// One happening, with what is known about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What has happened.
    pub kind: EventKind,
    /// The task's name.
    pub task: Option<String>,
    /// The Mesos task state, such as `TASK_FAILED`.
    pub state: Option<String>,
    /// The Mesos reason, such as `REASON_EXECUTOR_TERMINATED`.
    pub reason: Option<String>,
    /// A text for people.
    pub message: Option<String>,
    /// The agent's id.
    pub agent: Option<String>,
    /// Messages to the task that it never took, when that is known. If its executor died, what it
    /// took in its last moments may be among them; none is left out.
    pub undelivered: Option<u64>,
}

impl Event {
    /// An event of which only the kind is known.
    pub fn new(kind: EventKind) -> Self {
        Self {
            kind,
            task: None,
            state: None,
            reason: None,
            message: None,
            agent: None,
            undelivered: None,
        }
    }

    /// An event of a task.
    pub fn of_task(kind: EventKind, task: impl Into<String>) -> Self {
        Self {
            task: Some(task.into()),
            ..Self::new(kind)
        }
    }
}

/// The events of the job, oldest first.
pub struct Events {
    sys: sys::Events,
}

impl Events {
    pub(crate) fn from_sys(sys: sys::Events) -> Self {
        Self { sys }
    }

    /// Waits for an event. `None`: nothing more will happen.
    pub fn recv(&self) -> Option<Event> {
        self.sys.recv()
    }

    /// An event that is there already.
    ///
    /// # Errors
    ///
    /// `Empty` when nothing is there yet, `Closed` when nothing more will happen.
    pub fn try_recv(&self) -> Result<Event, TryRecvError> {
        self.sys.try_recv()
    }

    /// Waits for an event, but not longer than `timeout`.
    ///
    /// # Errors
    ///
    /// `Timeout` when nothing happened in time, `Closed` when nothing more will happen.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<Event, RecvTimeoutError> {
        self.sys.recv_timeout(timeout)
    }

    /// The control of the job.
    pub fn control(&self) -> Control {
        Control {
            sys: self.sys.control(),
        }
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}

impl select::Sealed for Events {
    fn readiness(&self) -> select::Readiness {
        select::Readiness(self.sys.subscribe())
    }
}

/// Ready when an event is there or nothing more will happen.
impl select::Selectable for Events {}

/// A task of the job as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// The control of the job: which tasks there are, fewer of them, more of them.
#[derive(Clone)]
pub struct Control {
    sys: sys::Control,
}

impl Control {
    /// All tasks of the job.
    pub fn list_tasks(&self) -> Vec<TaskSummary> {
        self.sys.list_tasks()
    }

    /// Kills a task: its `in` channel closes, and after its grace period it is stopped. It is not
    /// restarted.
    ///
    /// # Errors
    ///
    /// `Unknown` when no task has that name, `ShuttingDown` when all are being stopped anyway.
    pub fn kill(&self, task: &str) -> Result<(), RequestError> {
        self.sys.kill(task)
    }

    /// Starts so many more tasks of a group, all or none. Waits until all of them are up, and
    /// answers their names, which continue the numbers of the group; none is used twice, even if
    /// the tasks do not come up.
    ///
    /// They get their places together, as the gang did, and can be sent to when this returns. Until
    /// then the events of the job tell of them as of other tasks.
    ///
    /// # Errors
    ///
    /// `Unknown` when no group has that name, `TooMany` when the job would have too many tasks,
    /// `NoPlace` when they were not up within `gang.timeout`, `Failed` when one of them failed
    /// before all were up, `ShuttingDown` when the job ends. Those of them that were launched are
    /// killed then; all other tasks go on.
    pub fn spawn(&self, group: &str, count: u32) -> Result<Vec<String>, RequestError> {
        self.sys.spawn(group, count)
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").finish_non_exhaustive()
    }
}
