//! What a guest calls: the host side of `sdk/wit`, an implementation for each interface.
//!
//! A blocking call is an async function; while it waits the guest's fiber is parked and holds no
//! thread. Handles that the guest made up, or uses after dropping them, trap the guest. Waiting
//! for readiness goes through WASI's pollables, so that channels, events and timers mix.

mod app_channels;
mod job_control;
mod task_channels;

use std::time::Duration;

use link::Alarm;
use tokio::time::Instant;
use wasmtime_wasi::{
    async_trait,
    p2::{DynPollable, Pollable, subscribe},
};

use crate::inbox::TaskInbox;

/// Messages that one `recv-many` answers at most: what the guest asks for is its own number, and
/// the answer is built in host memory.
const RECV_MANY_MAX: u32 = 1024;

/// The `in` channel of a task, as the guest's handle names it.
pub type TaskReceiver = Timed<TaskInbox>;

/// The `out` channel of a task, as the guest's handle names it.
pub struct TaskSender {
    sender: link::Sender,
    /// What it has sent, or tried to.
    sends: u32,
}

/// The `out` channels of all tasks, as the app scheduler's handle names them.
pub type AppReceiver = Timed<link::Inbox>;

/// The `in` channels of all tasks, as the app scheduler's handle names them.
pub struct AppSender(pub(crate) link::app::Outbox);

/// The events of the job, as the app scheduler's handle names them.
pub type AppEvents = Timed<link::app::Events>;

/// What a guest receives from, with the timer of its timed waits.
pub struct Timed<T> {
    source: T,
    alarm: Alarm,
}

impl<T> Timed<T> {
    pub(crate) fn new(source: T) -> Self {
        let alarm = Alarm::new();
        Self { source, alarm }
    }
}

impl TaskSender {
    pub(crate) fn new(sender: link::Sender) -> Self {
        Self { sender, sends: 0 }
    }
}

/// Waits for one channel of an app scheduler's outbox to be writable.
struct TaskWritable {
    outbox: link::app::Outbox,
    task: String,
}

#[async_trait]
impl Pollable for TaskReceiver {
    async fn ready(&mut self) {
        self.source.readable().await;
    }
}

#[async_trait]
impl Pollable for TaskSender {
    async fn ready(&mut self) {
        self.sender.writable().await;
    }
}

#[async_trait]
impl Pollable for AppReceiver {
    async fn ready(&mut self) {
        self.source.readable().await;
    }
}

#[async_trait]
impl Pollable for AppEvents {
    async fn ready(&mut self) {
        self.source.readable().await;
    }
}

#[async_trait]
impl Pollable for TaskWritable {
    async fn ready(&mut self) {
        self.outbox.writable(&self.task).await;
    }
}

/// Waits for `wait`, but not longer than so many nanoseconds. `None`: the time has passed.
///
/// What is there already wins over a time of zero.
async fn within<T>(
    nanoseconds: u64,
    alarm: &mut Alarm,
    wait: impl Future<Output = T>,
) -> Option<T> {
    // A time that the clock does not know never comes.
    let due = Instant::now().checked_add(Duration::from_nanos(nanoseconds));
    tokio::select! {
        biased;
        value = wait => Some(value),
        () = alarm.until(due.map(Instant::into_std)) => None,
    }
}
