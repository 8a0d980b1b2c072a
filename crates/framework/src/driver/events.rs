//! Events for the app scheduler; the last one of a task waits for the task's messages.
//!
//! UPDATE and MESSAGE race in Mesos (PROTOCOL §10), so that a task may have ended while what it
//! sent before is still on its way.

use std::collections::HashSet;
use std::future::pending;
use std::time::Duration;

use link::Sender;
use link::app::{Event, EventKind};
use scheduler::{JobEvent, JobEventKind};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long the end of a task waits for the end of its `out` channel: several resends on a bad
/// path. A task that was never begun does not close it at all. Shorter than the time that an app
/// scheduler has to return, so that it hears of the last task.
const MESSAGES_PATIENCE: Duration = Duration::from_secs(2);

/// Events that wait for messages; at most one for each task of the job, and the shutdown.
#[derive(Default)]
pub(super) struct HeldEvents {
    waiting: JoinSet<(Event, Sender)>,
    /// The tasks of the events that wait.
    tasks: HashSet<String>,
    /// The shutdown, and the tasks whose ends come first: one of them may be its cause.
    shutdown: Option<(Event, HashSet<String>)>,
}

impl HeldEvents {
    /// Answers the event if it can be told at once, and holds it otherwise.
    pub(super) fn push(&mut self, event: JobEvent, sender: Option<Sender>) -> Option<Event> {
        let is_end = event.state.is_some_and(|state| state.is_end());
        let told = told(event);
        if told.kind == EventKind::Shutdown && !self.tasks.is_empty() {
            self.shutdown = Some((told, self.tasks.clone()));
            return None;
        }
        let Some(sender) = sender.filter(|_| is_end) else {
            return Some(told);
        };
        self.tasks.insert(sender.name().to_string());
        self.waiting.spawn(async move {
            // Whether it has closed or not: the event comes now.
            let _ = timeout(MESSAGES_PATIENCE, sender.peer_closed()).await;
            (told, sender)
        });
        None
    }

    /// Waits for the next event that can be told, with the channel of its task if it is the end
    /// of one. Cancellation safe.
    pub(super) async fn next(&mut self) -> (Event, Option<Sender>) {
        if let Some((event, _)) = self.shutdown.take_if(|(_, before)| before.is_empty()) {
            return (event, None);
        }
        loop {
            match self.waiting.join_next().await {
                Some(Ok((event, sender))) => {
                    self.tasks.remove(&**sender.name());
                    if let Some((_, before)) = &mut self.shutdown {
                        before.remove(&**sender.name());
                    }
                    return (event, Some(sender));
                }
                // Such a task neither panics nor is aborted while we are here.
                Some(Err(_)) => {}
                None => pending().await,
            }
        }
    }
}

fn told(event: JobEvent) -> Event {
    Event {
        task: event.task,
        state: event.state.map(|state| state.name().to_owned()),
        reason: event.reason.map(|reason| reason.name().to_owned()),
        message: event.message,
        agent: event.agent.map(|agent| agent.as_str().to_owned()),
        ..Event::new(kind(event.kind))
    }
}

fn kind(kind: JobEventKind) -> EventKind {
    match kind {
        JobEventKind::Registered => EventKind::Registered,
        JobEventKind::Reregistered => EventKind::Reregistered,
        JobEventKind::Disconnected => EventKind::Disconnected,
        JobEventKind::TaskLaunched => EventKind::TaskLaunched,
        JobEventKind::TaskRunning => EventKind::TaskRunning,
        JobEventKind::TaskFinished => EventKind::TaskFinished,
        JobEventKind::TaskFailed => EventKind::TaskFailed,
        JobEventKind::TaskKilled => EventKind::TaskKilled,
        JobEventKind::TaskLost => EventKind::TaskLost,
        JobEventKind::OfferRescinded => EventKind::OfferRescinded,
        JobEventKind::AgentLost => EventKind::AgentLost,
        JobEventKind::ExecutorLost => EventKind::ExecutorLost,
        JobEventKind::Shutdown => EventKind::Shutdown,
    }
}
