//! One link for each executor, and the tasks' channels on them.
//!
//! Frames go down as MESSAGE calls from a task of the runtime per link, each waiting for its
//! answer before it makes the next: a master is a control channel for a whole cluster (PROTOCOL
//! §10), and a frame takes along all that has gathered in the meantime.

mod traffic;

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use link::app::{AppDriver, Event};
use link::{
    Alarm, FrameError, Link, LinkConfig, OpenError, Role, Sender, TellError, Undelivered, spec,
};
use mesos::{AgentId, ExecutorId};
use mesos_client::SchedulerHandle;
use scheduler::{ExecutorLaunch, JobEvent};
use tokio::sync::Semaphore;
use tracing::{debug, warn};

use super::direct::{Incarnations, Listener};
use crate::convert;

/// How many MESSAGE calls are under way at a time over all links: a master carries out one after
/// the other, so some keep it busy, and a real one has died of tens of thousands (PROTOCOL §10).
const CALLS_MAX: usize = 32;

/// What became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FrameFate {
    /// It was taken, or it was late and does not matter.
    Fine,
    /// The executor does not keep to the rules: nothing more can come of it.
    Broken,
}

/// Why there is no link to an executor.
#[derive(Debug, thiserror::Error)]
pub(super) enum LaunchError {
    /// A channel cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is no secret for its direct path.
    #[error(transparent)]
    Secret(#[from] io::Error),
    /// Its direct path cannot be announced.
    #[error(transparent)]
    Announce(#[from] TellError),
}

/// The links of a job.
pub(super) struct Links {
    handle: SchedulerHandle,
    config: LinkConfig,
    /// None: there are only framework messages.
    listener: Option<Listener>,
    /// How many MESSAGE calls may be under way.
    calls: Arc<Semaphore>,
    by_executor: HashMap<ExecutorId, Entry>,
    by_task: HashMap<String, TaskChannel>,
}

struct Entry {
    link: Link,
    /// What was never delivered; known when the link is shut.
    undelivered: Option<Undelivered>,
}

struct TaskChannel {
    executor: ExecutorId,
    sender: Sender,
}

impl Links {
    pub(super) fn new(
        handle: SchedulerHandle,
        config: LinkConfig,
        listener: Option<Listener>,
    ) -> Self {
        Self {
            handle,
            config,
            listener,
            calls: Arc::new(Semaphore::new(CALLS_MAX)),
            by_executor: HashMap::new(),
            by_task: HashMap::new(),
        }
    }

    /// Makes the link to an executor that is being launched, and opens its tasks' channels. Links
    /// that no task uses any more are shut: their tasks were placed again.
    ///
    /// # Errors
    /// When a channel cannot be opened, or no direct path be announced.
    pub(super) fn open(
        &mut self,
        executor: &ExecutorLaunch,
        incarnations: Incarnations,
        tasks: &[String],
        app: &AppDriver,
    ) -> Result<(), LaunchError> {
        let link = Link::new(Role::Scheduler, incarnations.here, self.config.clone());
        pump(
            link.clone(),
            self.handle.clone(),
            Arc::clone(&self.calls),
            executor.agent.clone(),
            executor.id.clone(),
        );
        if let Some(listener) = &self.listener {
            listener.expect(&link, executor, incarnations)?;
        }
        self.by_executor.insert(
            executor.id.clone(),
            Entry {
                link: link.clone(),
                undelivered: None,
            },
        );
        let mut replaced = false;
        for task in tasks {
            let sender = link.open_into(task, app.inbox())?;
            app.add_task(task, sender.clone());
            let channel = TaskChannel {
                executor: executor.id.clone(),
                sender,
            };
            replaced |= self.by_task.insert(task.to_owned(), channel).is_some();
        }
        if replaced {
            self.shut_unused();
        }
        Ok(())
    }

    fn shut_unused(&mut self) {
        let used: HashSet<&ExecutorId> = self
            .by_task
            .values()
            .map(|channel| &channel.executor)
            .collect();
        self.by_executor.retain(|executor, entry| {
            let is_used = used.contains(executor);
            if !is_used {
                entry.link.shut();
            }
            is_used
        });
    }

    /// Takes in a frame of an executor.
    pub(super) fn handle_frame(&self, executor: &ExecutorId, frame: Bytes) -> FrameFate {
        let Some(entry) = self.by_executor.get(executor) else {
            debug!(%executor, "left out a frame of an unknown executor");
            return FrameFate::Fine;
        };
        match entry.link.handle_frame(frame) {
            Ok(()) => FrameFate::Fine,
            Err(error @ (FrameError::OtherIncarnation { .. } | FrameError::Shut)) => {
                debug!(%executor, %error, "left out a frame");
                FrameFate::Fine
            }
            Err(error) => {
                warn!(%executor, %error, "executor breaks the rules of its link");
                FrameFate::Broken
            }
        }
    }

    /// Tells executors that the functions of their tasks may begin.
    pub(super) fn lift_barrier(&self, executors: &[ExecutorId]) {
        for entry in executors
            .iter()
            .filter_map(|executor| self.by_executor.get(executor))
        {
            let control = entry.link.control();
            // It has room: this is the first record. If the link is shut, the executor is gone.
            tokio::spawn(async move { control.send(&spec::Control::start()).await });
        }
    }

    /// Closes the `in` channels of tasks.
    pub(super) fn close_inputs(&self, tasks: &[String]) {
        for channel in tasks.iter().filter_map(|task| self.by_task.get(task)) {
            channel.sender.close();
        }
    }

    /// Shuts the link of an executor that is gone.
    pub(super) fn shut_one(&mut self, executor: &ExecutorId) {
        if let Some(entry) = self.by_executor.get_mut(executor) {
            let undelivered = entry.link.shut();
            entry.undelivered.get_or_insert(undelivered);
        }
    }

    /// Shuts all links.
    pub(super) fn shut(&mut self) {
        for entry in self.by_executor.values() {
            entry.link.shut();
        }
    }

    /// The channel to the task that an event is about, in the executor that it is about.
    pub(super) fn sender_of(&self, event: &JobEvent) -> Option<Sender> {
        let channel = self.by_task.get(event.task.as_ref()?)?;
        (event.executor.as_ref() == Some(&channel.executor)).then(|| channel.sender.clone())
    }

    /// Adds to a task's last event how many messages the task never took.
    pub(super) fn with_undelivered(&self, event: Event, sender: &Sender) -> Event {
        let lost = |undelivered: &Undelivered| undelivered.channels.get(sender.name()).copied();
        let shut = self
            .by_task
            .get(&**sender.name())
            .and_then(|channel| self.by_executor.get(&channel.executor))
            .and_then(|entry| entry.undelivered.as_ref());
        let undelivered = shut.map(|undelivered| lost(undelivered).unwrap_or(0));
        Event {
            undelivered: Some(undelivered.unwrap_or(0).max(sender.untaken())),
            ..event
        }
    }
}

impl Drop for Links {
    /// The tasks that transmit frames end with their links.
    fn drop(&mut self) {
        self.shut();
    }
}

/// Transmits frames until the link is shut.
fn pump(
    link: Link,
    handle: SchedulerHandle,
    calls: Arc<Semaphore>,
    agent: AgentId,
    executor: ExecutorId,
) {
    tokio::spawn(async move {
        // A place among the calls is taken when there is a frame, and the frame is made when there
        // is a place: so it carries what has gathered until then.
        let mut alarm = Alarm::new();
        while link.frame_ready(&mut alarm).await {
            let permit = calls.acquire().await;
            let _permit = permit.expect("the semaphore is never closed");
            let Some(frame) = link.try_next_frame() else {
                continue;
            };
            let call = convert::message(&agent, &executor, frame);
            // A frame that is lost is sent again by the link, in its own time.
            if let Err(error) = handle.call(call).await {
                debug!(%executor, %error, "a frame was not transmitted");
            }
        }
    });
}
