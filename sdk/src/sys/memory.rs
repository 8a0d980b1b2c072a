//! Channels in memory: what [`testing`](crate::testing) makes the ends of.
//!
//! One [`Job`] holds the state of all its channels under one lock. A thread that must wait notes
//! itself in each job that it waits for and parks; every change of a job wakes all that noted
//! themselves, and they look again.
//!
//! The rules are the host's: order, a bounded window per channel, `closed` only after everything
//! that was sent before, `closed` to the sender when the other end has gone.

mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use self::state::State;
use super::NOTHING_TO_WAIT_FOR;
use crate::{
    Event, RecvTimeoutError, RequestError, SendError, TaskMessage, TaskSummary, TryRecvError,
    TrySendError,
};

/// All channels of a job.
#[derive(Clone)]
pub(crate) struct Job {
    state: Arc<Mutex<State>>,
}

impl Job {
    /// A job whose channels hold so many messages each.
    pub(crate) fn new(window: usize) -> Self {
        assert!(window > 0, "a channel holds at least one message");
        Self {
            state: Arc::new(Mutex::new(State::new(window))),
        }
    }

    /// The scheduler's ends. To be taken once.
    pub(crate) fn scheduler(&self) -> (TaskReceiver, TaskSender, Events) {
        (
            TaskReceiver(self.clone()),
            TaskSender(self.clone()),
            Events(self.clone()),
        )
    }

    /// Adds the group's next task.
    pub(crate) fn add_task(&self, group: &str) -> (String, Receiver, Sender) {
        self.change(|state| {
            let index = state.add_task(group);
            let name = state.tasks[index].name.clone();
            (
                name,
                Receiver(self.clone(), index),
                Sender(self.clone(), index),
            )
        })
    }

    /// The tasks that the scheduler has spawned since the last call.
    pub(crate) fn take_spawned(&self) -> Vec<(String, Receiver, Sender)> {
        self.change(|state| {
            let spawned = std::mem::take(&mut state.spawned);
            let ends = |index: usize| {
                let name = state.tasks[index].name.clone();
                (
                    name,
                    Receiver(self.clone(), index),
                    Sender(self.clone(), index),
                )
            };
            spawned.into_iter().map(ends).collect()
        })
    }

    pub(crate) fn refuse_spawns(&self, reason: Option<RequestError>) {
        self.change(|state| state.spawns_refused = reason);
    }

    pub(crate) fn push_event(&self, event: Event) {
        self.change(|state| state.events.push_back(event));
    }

    pub(crate) fn end_events(&self) {
        self.change(|state| state.more_events = false);
    }

    pub(crate) fn shut_down(&self) {
        self.change(|state| {
            state.shutting_down = true;
            state
                .tasks
                .iter_mut()
                .for_each(|task| task.inbox_closed = true);
        });
    }

    pub(crate) fn killed(&self) -> Vec<String> {
        let state = self.lock();
        state
            .tasks
            .iter()
            .filter(|task| task.killed)
            .map(|task| task.name.clone())
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic of one test thread must not hide its cause behind a second one.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.lock();
        let answer = change(&mut state);
        wake(state);
        answer
    }

    /// Makes `attempt` until it answers, which changes something, or until the time is up.
    fn wait<R>(
        &self,
        deadline: Option<Instant>,
        mut attempt: impl FnMut(&mut State) -> Option<R>,
    ) -> Option<R> {
        let mut in_time = true;
        loop {
            let mut state = self.lock();
            if let Some(answer) = attempt(&mut state) {
                wake(state);
                return Some(answer);
            }
            if !in_time {
                return None;
            }
            // Under the same lock as the attempt, so no change can slip in between.
            state.watch();
            drop(state);
            in_time = park_until(deadline);
        }
    }
}

/// Lets all that wait for a change look again.
fn wake(mut state: MutexGuard<'_, State>) {
    let watchers = std::mem::take(&mut state.watchers);
    drop(state);
    watchers.iter().for_each(Thread::unpark);
}

/// Parks until woken or until the time is up, and says whether it is not up yet.
fn park_until(deadline: Option<Instant>) -> bool {
    match deadline {
        None => {
            thread::park();
            true
        }
        Some(deadline) => {
            let rest = deadline.saturating_duration_since(Instant::now());
            if !rest.is_zero() {
                thread::park_timeout(rest);
            }
            !rest.is_zero()
        }
    }
}

/// `None`: try again later.
fn received<R>(attempt: Result<R, TryRecvError>) -> Option<Option<R>> {
    match attempt {
        Ok(received) => Some(Some(received)),
        Err(TryRecvError::Closed) => Some(None),
        Err(TryRecvError::Empty) => None,
    }
}

/// `None`: try again later.
fn sent(attempt: Result<(), TrySendError>) -> Option<Result<(), SendError>> {
    match attempt {
        Ok(()) => Some(Ok(())),
        Err(TrySendError::Full) => None,
        Err(TrySendError::Closed) => Some(Err(SendError::Closed)),
        Err(TrySendError::TooLarge) => Some(Err(SendError::TooLarge)),
        Err(TrySendError::UnknownTask) => Some(Err(SendError::UnknownTask)),
    }
}

/// The four ways to receive, over one attempt.
macro_rules! receiving {
    ($item:ty, |$self:ident, $state:ident| $take:expr) => {
        pub(crate) fn recv(&self) -> Option<$item> {
            let $self = self;
            $self.0.wait(None, |$state| received($take)).flatten()
        }

        pub(crate) fn try_recv(&self) -> Result<$item, TryRecvError> {
            let $self = self;
            $self.0.change(|$state| $take)
        }

        pub(crate) fn recv_timeout(&self, timeout: Duration) -> Result<$item, RecvTimeoutError> {
            let $self = self;
            // A time that cannot be told is for ever.
            let deadline = Instant::now().checked_add(timeout);
            match $self.0.wait(deadline, |$state| received($take)) {
                Some(received) => received.ok_or(RecvTimeoutError::Closed),
                None => Err(RecvTimeoutError::Timeout),
            }
        }
    };
}

/// The `in` channel of a task.
pub(crate) struct Receiver(Job, usize);

impl Receiver {
    receiving!(Vec<u8>, |this, state| state.take_of_task(this.1));

    pub(crate) fn recv_many(&self, max: usize) -> Vec<Vec<u8>> {
        let first = self.recv();
        let rest = std::iter::from_fn(|| self.try_recv().ok()).take(max - 1);
        first.into_iter().chain(rest).collect()
    }

    pub(crate) fn subscribe(&self) -> Pollable {
        Pollable::of(&self.0, Readiness::TaskReadable(self.1))
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.0.change(|state| {
            state.tasks[self.1].receives = false;
            state.tasks[self.1].inbox.clear();
        });
    }
}

/// The `out` channel of a task.
pub(crate) struct Sender(Job, usize);

impl Sender {
    pub(crate) fn send(&self, message: &[u8]) -> Result<(), SendError> {
        self.0
            .wait(None, |state| sent(state.send_of_task(self.1, message)))
            .unwrap_or(Err(SendError::Closed))
    }

    pub(crate) fn try_send(&self, message: &[u8]) -> Result<(), TrySendError> {
        self.0.change(|state| state.send_of_task(self.1, message))
    }

    pub(crate) fn send_many(&self, messages: &[Vec<u8>]) -> Result<(), SendError> {
        messages.iter().try_for_each(|message| self.send(message))
    }

    pub(crate) fn subscribe(&self) -> Pollable {
        Pollable::of(&self.0, Readiness::TaskWritable(self.1))
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.0.change(|state| state.tasks[self.1].sends = false);
    }
}

/// The `out` channels of all tasks.
pub(crate) struct TaskReceiver(Job);

impl TaskReceiver {
    receiving!(TaskMessage, |this, state| state.take_of_scheduler());

    pub(crate) fn recv_many(&self, max: usize) -> Vec<TaskMessage> {
        let first = self.recv();
        let rest = std::iter::from_fn(|| self.try_recv().ok()).take(max - 1);
        first.into_iter().chain(rest).collect()
    }

    pub(crate) fn subscribe(&self) -> Pollable {
        Pollable::of(&self.0, Readiness::Inbox)
    }
}

impl Drop for TaskReceiver {
    fn drop(&mut self) {
        self.0.change(|state| {
            state.scheduler_receives = false;
            state.inbox.clear();
        });
    }
}

/// The `in` channels of all tasks.
pub(crate) struct TaskSender(Job);

impl TaskSender {
    pub(crate) fn send(&self, task: &str, message: &[u8]) -> Result<(), SendError> {
        self.0
            .wait(None, |state| sent(state.send_of_scheduler(task, message)))
            .unwrap_or(Err(SendError::Closed))
    }

    pub(crate) fn try_send(&self, task: &str, message: &[u8]) -> Result<(), TrySendError> {
        self.0
            .change(|state| state.send_of_scheduler(task, message))
    }

    pub(crate) fn send_many(&self, messages: Vec<TaskMessage>) -> Result<(), SendError> {
        messages
            .iter()
            .try_for_each(|message| self.send(&message.task, &message.data))
    }

    pub(crate) fn close(&self, task: &str) -> Result<(), SendError> {
        self.0.change(|state| {
            let position = state.position(task).ok_or(SendError::UnknownTask)?;
            state.tasks[position].inbox_closed = true;
            Ok(())
        })
    }

    pub(crate) fn subscribe(&self, task: &str) -> Pollable {
        Pollable::of(&self.0, Readiness::Writable(task.to_owned()))
    }
}

impl Drop for TaskSender {
    fn drop(&mut self) {
        self.0.change(|state| {
            state.scheduler_sends = false;
            state
                .tasks
                .iter_mut()
                .for_each(|task| task.inbox_closed = true);
        });
    }
}

/// The events of the job.
pub(crate) struct Events(Job);

impl Events {
    receiving!(Event, |this, state| state.take_event());

    pub(crate) fn subscribe(&self) -> Pollable {
        Pollable::of(&self.0, Readiness::Events)
    }

    pub(crate) fn control(&self) -> Control {
        Control(self.0.clone())
    }
}

/// The control of the job.
#[derive(Clone)]
pub(crate) struct Control(Job);

impl Control {
    pub(crate) fn list_tasks(&self) -> Vec<TaskSummary> {
        let state = self.0.lock();
        state
            .tasks
            .iter()
            .map(|task| TaskSummary {
                name: task.name.clone(),
                group: task.group.clone(),
                state: match task {
                    state::Task { sends: true, .. } => "TASK_RUNNING",
                    state::Task { killed: true, .. } => "TASK_KILLED",
                    state::Task { .. } => "TASK_FINISHED",
                }
                .to_owned(),
                agent: None,
            })
            .collect()
    }

    pub(crate) fn kill(&self, task: &str) -> Result<(), RequestError> {
        self.0.change(|state| {
            if state.shutting_down {
                return Err(RequestError::ShuttingDown);
            }
            let position = state.position(task).ok_or(RequestError::Unknown)?;
            state.tasks[position].inbox_closed = true;
            state.tasks[position].killed = true;
            Ok(())
        })
    }

    pub(crate) fn spawn(&self, group: &str, count: u32) -> Result<Vec<String>, RequestError> {
        self.0.change(|state| {
            if state.shutting_down {
                return Err(RequestError::ShuttingDown);
            }
            if state.tasks.iter().all(|task| task.group != group) {
                return Err(RequestError::Unknown);
            }
            if let Some(reason) = state.spawns_refused {
                return Err(reason);
            }
            let added: Vec<usize> = (0..count).map(|_| state.add_task(group)).collect();
            state.spawned.extend_from_slice(&added);
            Ok(added
                .into_iter()
                .map(|index| state.tasks[index].name.clone())
                .collect())
        })
    }
}

/// Something to wait for.
pub(crate) enum Pollable {
    /// Never ready.
    Never,
    /// Ready at this moment.
    At(Instant),
    /// Ready by a change of a job.
    In(Job, Readiness),
}

/// What of a job to wait for.
pub(crate) enum Readiness {
    TaskReadable(usize),
    TaskWritable(usize),
    Inbox,
    Writable(String),
    Events,
}

impl Pollable {
    pub(crate) fn timer(due: Option<Instant>) -> Self {
        due.map_or(Self::Never, Self::At)
    }

    fn of(job: &Job, readiness: Readiness) -> Self {
        Self::In(job.clone(), readiness)
    }

    /// Whether it is ready; if not, the calling thread is woken when that may have changed.
    fn is_ready_or_watch(&self, now: Instant) -> bool {
        let (job, readiness) = match self {
            Self::Never => return false,
            Self::At(due) => return *due <= now,
            Self::In(job, readiness) => (job, readiness),
        };
        let mut state = job.lock();
        let ready = match readiness {
            Readiness::TaskReadable(task) => {
                let task = &state.tasks[*task];
                !task.inbox.is_empty() || task.inbox_closed
            }
            Readiness::TaskWritable(task) => {
                state.tasks[*task].sent < state.window || !state.scheduler_receives
            }
            Readiness::Inbox => {
                !state.inbox.is_empty() || state.tasks.iter().all(|task| !task.sends)
            }
            Readiness::Writable(name) => state.position(name).is_none_or(|position| {
                let task = &state.tasks[position];
                task.inbox.len() < state.window || task.inbox_closed || !task.receives
            }),
            Readiness::Events => !state.events.is_empty() || !state.more_events,
        };
        if !ready {
            state.watch();
        }
        ready
    }
}

/// Waits until some of `pollables` are ready, and answers their indices, ascending.
pub(crate) fn poll(pollables: &[Pollable], timeout: Option<Duration>) -> Vec<usize> {
    let can_end = timeout.is_some() || pollables.iter().any(|p| !matches!(p, Pollable::Never));
    assert!(can_end, "{NOTHING_TO_WAIT_FOR}");
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let timers = pollables.iter().filter_map(|pollable| match pollable {
        Pollable::At(due) => Some(*due),
        _ => None,
    });
    let wake = timers.chain(deadline).min();
    loop {
        let now = Instant::now();
        let ready: Vec<usize> = pollables
            .iter()
            .enumerate()
            .filter(|(_, pollable)| pollable.is_ready_or_watch(now))
            .map(|(index, _)| index)
            .collect();
        if !ready.is_empty() || deadline.is_some_and(|deadline| deadline <= now) {
            return ready;
        }
        park_until(wake);
    }
}
