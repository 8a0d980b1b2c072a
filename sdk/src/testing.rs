//! Ends of channels in memory, so that tasks and app schedulers are tested without WebAssembly.
//!
//! The rules are the host's: order, bounded channels whose senders wait, messages before the
//! close. Time is the real one: give what a test should not wait for as an argument.
//!
//! ```
//! use mesosgot_sdk::{Args, Env, Error, Events, TaskReceiver, TaskSender, testing};
//!
//! /// Greets each task and waits for all goodbyes.
//! #[mesosgot_sdk::scheduler]
//! fn host(
//!     inbox: TaskReceiver,
//!     outbox: TaskSender,
//!     events: Events,
//!     _args: Args,
//!     _env: Env,
//! ) -> Result<(), Error> {
//!     for task in events.control().list_tasks() {
//!         outbox.send(&task.name, "hello")?;
//!     }
//!     inbox.iter().for_each(drop);
//!     Ok(())
//! }
//!
//! # fn main() -> Result<(), Error> {
//! let (inbox, outbox, events, job) = testing::scheduler();
//! let guest = job.add_task("guest");
//! let host = std::thread::spawn(|| host(inbox, outbox, events, Args::default(), Env::default()));
//! assert_eq!(guest.name, "guest-0");
//! assert_eq!(guest.inbox.recv().as_deref(), Some("hello".as_bytes()));
//! drop(guest); // The task ends.
//! host.join().expect("the host does not panic")?;
//! # Ok(())
//! # }
//! ```

use std::fmt;
use std::time::Duration;

use crate::{
    Event, Events, Receiver, RecvTimeoutError, RequestError, SendError, Sender, TaskReceiver,
    TaskSender, TryRecvError, TrySendError, sys,
};

/// How many messages a channel holds: the host's default.
pub const WINDOW_MESSAGES: usize = 256;

/// The name of the only task of [`task`].
const TASK: &str = "task-0";

/// The ends of a task, and a handle that plays the app scheduler.
pub fn task() -> (Receiver, Sender, TaskHandle) {
    task_with_window(WINDOW_MESSAGES)
}

/// As [`task`], with channels that hold so many messages.
///
/// # Panics
///
/// When `window` is 0.
pub fn task_with_window(window: usize) -> (Receiver, Sender, TaskHandle) {
    let (inbox, outbox, _events, job) = scheduler_with_window(window);
    let TaskEnds {
        inbox: task_inbox,
        outbox: task_outbox,
        ..
    } = job.add_task("task");
    (task_inbox, task_outbox, TaskHandle { inbox, outbox })
}

/// The other ends of a task's channels. Dropping it closes the task's `in`.
#[derive(Debug)]
pub struct TaskHandle {
    inbox: TaskReceiver,
    outbox: TaskSender,
}

impl TaskHandle {
    /// Sends to the task's `in`; waits while it is full.
    ///
    /// # Errors
    ///
    /// `Closed` when the task is gone or its `in` was closed, `TooLarge`.
    pub fn send(&self, message: impl AsRef<[u8]>) -> Result<(), SendError> {
        self.outbox.send(TASK, message)
    }

    /// Sends to the task's `in` unless it is full.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and `Full`.
    pub fn try_send(&self, message: impl AsRef<[u8]>) -> Result<(), TrySendError> {
        self.outbox.try_send(TASK, message)
    }

    /// Waits for a message on the task's `out`. `None`: the task is gone.
    pub fn recv(&self) -> Option<Vec<u8>> {
        self.inbox.recv().map(|message| message.data)
    }

    /// A message that is on the task's `out` already.
    ///
    /// # Errors
    ///
    /// `Empty` when nothing is there yet, `Closed` when the task is gone.
    pub fn try_recv(&self) -> Result<Vec<u8>, TryRecvError> {
        self.inbox.try_recv().map(|message| message.data)
    }

    /// Waits for a message on the task's `out`, but not longer than `timeout`.
    ///
    /// # Errors
    ///
    /// `Timeout` when nothing came in time, `Closed` when the task is gone.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<Vec<u8>, RecvTimeoutError> {
        self.inbox.recv_timeout(timeout).map(|message| message.data)
    }

    /// Closes the task's `in`: tells the task to exit.
    pub fn close(&self) {
        // A task that is gone needs to be told nothing.
        let _ = self.outbox.close(TASK);
    }
}

/// The ends of an app scheduler, and a handle that plays the job around it. There are no tasks
/// yet: add them before the app scheduler receives, which ends where no task is left.
pub fn scheduler() -> (TaskReceiver, TaskSender, Events, JobHandle) {
    scheduler_with_window(WINDOW_MESSAGES)
}

/// As [`scheduler`], with channels that hold so many messages each.
///
/// # Panics
///
/// When `window` is 0.
pub fn scheduler_with_window(window: usize) -> (TaskReceiver, TaskSender, Events, JobHandle) {
    let job = sys::Job::new(window);
    let (inbox, outbox, events) = job.scheduler();
    (
        TaskReceiver::from_sys(inbox),
        TaskSender::from_sys(outbox),
        Events::from_sys(events),
        JobHandle { job },
    )
}

/// The job around an app scheduler under test.
#[derive(Clone)]
pub struct JobHandle {
    job: sys::Job,
}

impl JobHandle {
    /// Adds the group's next task, named as the host names them: `floor-0`, `floor-1`, …
    ///
    /// The task lives until its `outbox` is dropped. Its ends are for the test to use, or to give
    /// to the task's function on a thread of its own.
    pub fn add_task(&self, group: &str) -> TaskEnds {
        TaskEnds::new(self.job.add_task(group))
    }

    /// The tasks that the app scheduler has spawned since the last call.
    pub fn take_spawned(&self) -> Vec<TaskEnds> {
        self.job
            .take_spawned()
            .into_iter()
            .map(TaskEnds::new)
            .collect()
    }

    /// Lets the app scheduler spawn nothing from now on, for this reason; `None` lets it again.
    pub fn refuse_spawns(&self, reason: impl Into<Option<RequestError>>) {
        self.job.refuse_spawns(reason.into());
    }

    /// The tasks that the app scheduler has killed.
    pub fn killed(&self) -> Vec<String> {
        self.job.killed()
    }

    /// Lets something happen.
    pub fn push_event(&self, event: Event) {
        self.job.push_event(event);
    }

    /// Lets nothing more happen: the events end after those that are there.
    pub fn end_events(&self) {
        self.job.end_events();
    }

    /// Shuts the job down: every `in` closes, and nothing can be spawned or killed any more.
    pub fn shut_down(&self) {
        self.job.shut_down();
    }
}

impl fmt::Debug for JobHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobHandle").finish_non_exhaustive()
    }
}

/// A task's own ends.
#[derive(Debug)]
pub struct TaskEnds {
    /// The task's name, such as `floor-3`.
    pub name: String,
    /// Its `in`.
    pub inbox: Receiver,
    /// Its `out`.
    pub outbox: Sender,
}

impl TaskEnds {
    fn new((name, inbox, outbox): (String, sys::Receiver, sys::Sender)) -> Self {
        Self {
            name,
            inbox: Receiver::from_sys(inbox),
            outbox: Sender::from_sys(outbox),
        }
    }
}

#[cfg(test)]
mod tests;
