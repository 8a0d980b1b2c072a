//! The host's resources.

use std::time::{Duration, Instant};

use super::NOTHING_TO_WAIT_FOR;
use crate::bindings::mesosgot::guest::{app_channels, job_control, task_channels, types};
use crate::bindings::wasi::clocks::monotonic_clock;
use crate::bindings::wasi::io::poll as wasi_poll;
use crate::{
    Event, EventKind, RecvTimeoutError, RequestError, SendError, TaskMessage, TaskSummary,
    TryRecvError, TrySendError,
};

/// A wait in the host's nanoseconds; what is longer than they reach is for ever anyway.
fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A number of messages in the host's width.
fn at_most(max: usize) -> u32 {
    u32::try_from(max).unwrap_or(u32::MAX)
}

/// Something to wait for. `None`: never ready.
pub(crate) struct Pollable(Option<wasi_poll::Pollable>);

impl Pollable {
    pub(crate) fn timer(due: Option<Instant>) -> Self {
        Self(due.map(|due| {
            let rest = due.saturating_duration_since(Instant::now());
            monotonic_clock::subscribe_duration(nanoseconds(rest))
        }))
    }
}

/// Waits until some of `pollables` are ready, and answers their indices, ascending.
pub(crate) fn poll(pollables: &[Pollable], timeout: Option<Duration>) -> Vec<usize> {
    let timeout = timeout.map(|timeout| monotonic_clock::subscribe_duration(nanoseconds(timeout)));
    let (indices, handles): (Vec<usize>, Vec<&wasi_poll::Pollable>) = pollables
        .iter()
        .enumerate()
        .filter_map(|(index, pollable)| Some((index, pollable.0.as_ref()?)))
        .chain(timeout.as_ref().map(|timeout| (usize::MAX, timeout)))
        .unzip();
    assert!(!handles.is_empty(), "{NOTHING_TO_WAIT_FOR}");
    let mut ready: Vec<usize> = wasi_poll::poll(&handles)
        .into_iter()
        .filter_map(|position| indices.get(position as usize).copied())
        .filter(|index| *index != usize::MAX)
        .collect();
    ready.sort_unstable();
    ready
}

/// The `in` channel of a task.
pub(crate) struct Receiver(task_channels::Receiver);

impl Receiver {
    pub(crate) fn new(resource: task_channels::Receiver) -> Self {
        Self(resource)
    }

    pub(crate) fn recv(&self) -> Option<Vec<u8>> {
        self.0.recv()
    }

    pub(crate) fn try_recv(&self) -> Result<Vec<u8>, TryRecvError> {
        Ok(self.0.try_recv()?)
    }

    pub(crate) fn recv_timeout(&self, timeout: Duration) -> Result<Vec<u8>, RecvTimeoutError> {
        Ok(self.0.recv_timeout(nanoseconds(timeout))?)
    }

    pub(crate) fn recv_many(&self, max: usize) -> Vec<Vec<u8>> {
        self.0.recv_many(at_most(max))
    }

    pub(crate) fn subscribe(&self) -> Pollable {
        Pollable(Some(self.0.subscribe()))
    }
}

/// The `out` channel of a task.
pub(crate) struct Sender(task_channels::Sender);

impl Sender {
    pub(crate) fn new(resource: task_channels::Sender) -> Self {
        Self(resource)
    }

    pub(crate) fn send(&self, message: &[u8]) -> Result<(), SendError> {
        Ok(self.0.send(message)?)
    }

    pub(crate) fn try_send(&self, message: &[u8]) -> Result<(), TrySendError> {
        Ok(self.0.try_send(message)?)
    }

    pub(crate) fn send_many(&self, messages: &[Vec<u8>]) -> Result<(), SendError> {
        Ok(self.0.send_many(messages)?)
    }

    pub(crate) fn subscribe(&self) -> Pollable {
        Pollable(Some(self.0.subscribe()))
    }
}

/// The `out` channels of all tasks.
pub(crate) struct TaskReceiver(app_channels::TaskReceiver);

impl TaskReceiver {
    pub(crate) fn new(resource: app_channels::TaskReceiver) -> Self {
        Self(resource)
    }

    pub(crate) fn recv(&self) -> Option<TaskMessage> {
        self.0.recv().map(TaskMessage::from)
    }

    pub(crate) fn try_recv(&self) -> Result<TaskMessage, TryRecvError> {
        Ok(self.0.try_recv()?.into())
    }

    pub(crate) fn recv_timeout(&self, timeout: Duration) -> Result<TaskMessage, RecvTimeoutError> {
        Ok(self.0.recv_timeout(nanoseconds(timeout))?.into())
    }

    pub(crate) fn recv_many(&self, max: usize) -> Vec<TaskMessage> {
        self.0
            .recv_many(at_most(max))
            .into_iter()
            .map(TaskMessage::from)
            .collect()
    }

    pub(crate) fn subscribe(&self) -> Pollable {
        Pollable(Some(self.0.subscribe()))
    }
}

/// The `in` channels of all tasks.
pub(crate) struct TaskSender(app_channels::TaskSender);

impl TaskSender {
    pub(crate) fn new(resource: app_channels::TaskSender) -> Self {
        Self(resource)
    }

    pub(crate) fn send(&self, task: &str, message: &[u8]) -> Result<(), SendError> {
        Ok(self.0.send(task, message)?)
    }

    pub(crate) fn try_send(&self, task: &str, message: &[u8]) -> Result<(), TrySendError> {
        Ok(self.0.try_send(task, message)?)
    }

    pub(crate) fn send_many(&self, messages: Vec<TaskMessage>) -> Result<(), SendError> {
        let messages: Vec<_> = messages
            .into_iter()
            .map(|TaskMessage { task, data }| app_channels::TaskMessage { task, data })
            .collect();
        Ok(self.0.send_many(&messages)?)
    }

    pub(crate) fn close(&self, task: &str) -> Result<(), SendError> {
        Ok(self.0.close(task)?)
    }

    pub(crate) fn subscribe(&self, task: &str) -> Pollable {
        Pollable(Some(self.0.subscribe(task)))
    }
}

/// The events of the job.
pub(crate) struct Events(job_control::Events);

impl Events {
    pub(crate) fn new(resource: job_control::Events) -> Self {
        Self(resource)
    }

    pub(crate) fn recv(&self) -> Option<Event> {
        self.0.next().map(Event::from)
    }

    pub(crate) fn try_recv(&self) -> Result<Event, TryRecvError> {
        Ok(self.0.try_next()?.into())
    }

    pub(crate) fn recv_timeout(&self, timeout: Duration) -> Result<Event, RecvTimeoutError> {
        Ok(self.0.next_timeout(nanoseconds(timeout))?.into())
    }

    pub(crate) fn subscribe(&self) -> Pollable {
        Pollable(Some(self.0.subscribe()))
    }

    #[expect(
        clippy::unused_self,
        reason = "in memory the control is the events' job"
    )]
    pub(crate) fn control(&self) -> Control {
        Control
    }
}

/// The control of the job.
#[derive(Clone)]
pub(crate) struct Control;

impl Control {
    pub(crate) fn list_tasks(&self) -> Vec<TaskSummary> {
        job_control::list_tasks()
            .into_iter()
            .map(
                |job_control::TaskSummary {
                     name,
                     group,
                     state,
                     agent,
                 }| TaskSummary {
                    name,
                    group,
                    state,
                    agent,
                },
            )
            .collect()
    }

    pub(crate) fn kill(&self, task: &str) -> Result<(), RequestError> {
        Ok(job_control::kill(task)?)
    }

    pub(crate) fn spawn(&self, group: &str, count: u32) -> Result<Vec<String>, RequestError> {
        Ok(job_control::spawn(group, count)?)
    }
}

impl From<app_channels::TaskMessage> for TaskMessage {
    fn from(message: app_channels::TaskMessage) -> Self {
        Self {
            task: message.task,
            data: message.data,
        }
    }
}

impl From<job_control::Event> for Event {
    fn from(event: job_control::Event) -> Self {
        let job_control::Event {
            kind,
            task,
            state,
            reason,
            message,
            agent,
            undelivered,
        } = event;
        Self {
            kind: kind.into(),
            task,
            state,
            reason,
            message,
            agent,
            undelivered,
        }
    }
}

/// The same names on both sides.
macro_rules! same_variants {
    ($($from:path => $into:ident { $($variant:ident),* $(,)? })*) => { $(
        impl From<$from> for $into {
            fn from(value: $from) -> Self {
                type From = $from;
                match value { $(From::$variant => Self::$variant,)* }
            }
        }
    )* };
}

same_variants! {
    types::TryRecvError => TryRecvError { Empty, Closed }
    types::RecvTimeoutError => RecvTimeoutError { Timeout, Closed }
    types::SendError => SendError { Closed, TooLarge, UnknownTask }
    types::TrySendError => TrySendError { Full, Closed, TooLarge, UnknownTask }
    job_control::RequestError => RequestError { Unknown, ShuttingDown, NoPlace, Failed, TooMany }
    job_control::EventKind => EventKind {
        Registered, Reregistered, Disconnected, TaskLaunched, TaskRunning, TaskFinished, TaskFailed,
        TaskKilled, TaskLost, OfferRescinded, AgentLost, ExecutorLost, Shutdown, Error,
    }
}
