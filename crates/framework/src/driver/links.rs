//! One link for each executor, and the tasks' channels on them.
//!
//! Frames go down as MESSAGE calls from a task of the runtime per link, each waiting for its
//! answer before it makes the next: a master is a control channel for a whole cluster (PROTOCOL
//! §10), and a frame takes along all that has gathered in the meantime.

mod traffic;

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use link::app::{AppDriver, Life};
use link::{
    Alarm, FrameError, Link, LinkConfig, OpenError, Role, Sender, TellError, Undelivered, spec,
};
use mesos::{AgentId, ExecutorId};
use mesos_client::SchedulerHandle;
use scheduler::{ExecutorLaunch, JobEvent};
use tokio::sync::Semaphore;
use tracing::{debug, warn};

use super::attending::{Library, attend};
use super::deliveries::Deliveries;
use super::direct::{Incarnations, Listener};
use crate::convert;
use crate::usage::Usages;

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
    library: Library,
    deliveries: Deliveries,
    usages: Usages,
    /// How many MESSAGE calls may be under way.
    calls: Arc<Semaphore>,
    by_executor: HashMap<ExecutorId, Entry>,
    by_task: HashMap<String, TaskChannel>,
}

struct Entry {
    link: Link,
    /// Its tasks, also those that have been launched again elsewhere.
    senders: Vec<Sender>,
    /// Whether anything was ever heard on it.
    is_heard: bool,
    /// What was never delivered; known when the link is shut.
    undelivered: Arc<OnceLock<Undelivered>>,
}

struct TaskChannel {
    executor: ExecutorId,
    sender: Sender,
}

/// The channel to one incarnation of a task.
#[derive(Clone)]
pub(super) struct Channel {
    sender: Sender,
    undelivered: Arc<OnceLock<Undelivered>>,
}

impl Channel {
    pub(super) fn sender(&self) -> &Sender {
        &self.sender
    }

    /// How many messages the task never took, as far as is known.
    pub(super) fn undelivered(&self) -> u64 {
        let shut = self.undelivered.get();
        let lost = shut.and_then(|lost| lost.channels.get(self.sender.name()).copied());
        lost.unwrap_or(0).max(self.sender.untaken())
    }

    #[cfg(test)]
    pub(super) fn new(sender: Sender) -> Self {
        let undelivered = Arc::default();
        Self {
            sender,
            undelivered,
        }
    }
}

impl Links {
    pub(super) fn new(
        handle: SchedulerHandle,
        config: LinkConfig,
        listener: Option<Listener>,
        library: Library,
        deliveries: Deliveries,
        usages: Usages,
    ) -> Self {
        Self {
            handle,
            config,
            listener,
            library,
            deliveries,
            usages,
            calls: Arc::new(Semaphore::new(CALLS_MAX)),
            by_executor: HashMap::new(),
            by_task: HashMap::new(),
        }
    }

    /// Makes the link to an executor that is being launched, and opens its tasks' channels.
    ///
    /// # Errors
    /// When a channel cannot be opened, or no direct path be announced.
    pub(super) fn open(
        &mut self,
        executor: &ExecutorLaunch,
        incarnations: Incarnations,
        tasks: &[(String, Life)],
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
        let (library, deliveries) = (self.library.clone(), self.deliveries.clone());
        let usages = self.usages.clone();
        let failures = attend(&link, &executor.id, library, deliveries, usages);
        if let Some(listener) = &self.listener {
            listener.expect(&link, executor, incarnations, failures)?;
        }
        let entry = self
            .by_executor
            .entry(executor.id.clone())
            .or_insert(Entry {
                link: link.clone(),
                senders: Vec::with_capacity(tasks.len()),
                is_heard: false,
                undelivered: Arc::default(),
            });
        let mut replaced = false;
        for (task, life) in tasks {
            let sender = link.open_into(task, app.inbox())?;
            entry.senders.push(sender.clone());
            app.add_task(task, sender.clone(), *life);
            let channel = TaskChannel {
                executor: executor.id.clone(),
                sender,
            };
            replaced |= self.by_task.insert(task.to_owned(), channel).is_some();
        }
        if replaced {
            self.retire();
        }
        Ok(())
    }

    /// Shuts and forgets links whose tasks were all launched again elsewhere, once nothing more
    /// can come over them: an executor may still have something to say of a task that has failed.
    fn retire(&mut self) {
        let used: HashSet<&ExecutorId> = self
            .by_task
            .values()
            .map(|channel| &channel.executor)
            .collect();
        self.by_executor.retain(|executor, entry| {
            let is_over = |sender: &Sender| sender.is_peer_closed();
            let is_needed = entry.is_heard && !entry.senders.iter().all(is_over);
            let is_kept = used.contains(executor) || is_needed;
            if !is_kept {
                entry.shut();
            }
            is_kept
        });
    }

    /// Takes in a frame of an executor.
    pub(super) fn handle_frame(&mut self, executor: &ExecutorId, frame: Bytes) -> FrameFate {
        let Some(entry) = self.by_executor.get_mut(executor) else {
            debug!(%executor, "left out a frame of an unknown executor");
            return FrameFate::Fine;
        };
        entry.is_heard = true;
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
            // It has room, or will have. If the link is shut, the executor is gone.
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
        if let Some(entry) = self.by_executor.get(executor) {
            entry.shut();
        }
    }

    /// Shuts all links.
    pub(super) fn shut(&mut self) {
        self.by_executor.values().for_each(Entry::shut);
    }

    /// The channel to the task that an event is about, in the executor that it is about.
    pub(super) fn channel_of(&self, event: &JobEvent) -> Option<Channel> {
        let channel = self.by_task.get(event.task.as_ref()?)?;
        let executor = event
            .executor
            .as_ref()
            .filter(|id| **id == channel.executor)?;
        let entry = self.by_executor.get(executor)?;
        Some(Channel {
            sender: channel.sender.clone(),
            undelivered: Arc::clone(&entry.undelivered),
        })
    }
}

impl Entry {
    fn shut(&self) {
        let undelivered = self.link.shut();
        // A link that was shut before has nothing to tell any more.
        self.undelivered.get_or_init(|| undelivered);
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
