//! What happens to a job, oldest first.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use crate::error::TryRecvError;
use crate::link::lock;

/// The most events that wait to be heard: some three for each of 10,000 tasks, twice over. At a
/// few hundred bytes each that is some 16 MiB. Beyond it the oldest is dropped for each new one,
/// and an [`EventKind::Error`] in their place says how many.
///
/// Events do not wait for the app scheduler as messages do: the framework must never be held up
/// by it.
pub const EVENTS_MAX: usize = 65_536;

/// What has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// A task ended by itself.
    TaskFinished,
    /// A task failed.
    TaskFailed,
    /// A task was killed.
    TaskKilled,
    /// A task was lost.
    TaskLost,
    /// An offer was rescinded.
    OfferRescinded,
    /// An agent was lost.
    AgentLost,
    /// An executor was lost.
    ExecutorLost,
    /// The job is being shut down; every `in` channel closes.
    Shutdown,
    /// Something went wrong.
    Error,
}

/// One happening, with what is known about it.
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// The events of a job, oldest first; shared by all clones, each event goes to one of them.
#[derive(Debug, Clone)]
pub struct Events {
    shared: Arc<EventsShared>,
}

#[derive(Debug)]
struct EventsShared {
    state: Mutex<State>,
    readable: Notify,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Event>,
    dropped: u64,
    is_closed: bool,
}

impl Event {
    /// An event of which nothing but the kind is known.
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
}

impl Events {
    pub(super) fn new() -> Self {
        Self {
            shared: Arc::new(EventsShared {
                state: Mutex::new(State::default()),
                readable: Notify::new(),
            }),
        }
    }

    /// Waits for an event; `None`: nothing more will happen. Cancellation safe.
    pub async fn next(&self) -> Option<Event> {
        loop {
            let changed = self.shared.readable.notified();
            match self.try_next() {
                Ok(event) => return Some(event),
                Err(TryRecvError::Closed) => return None,
                Err(TryRecvError::Empty) => changed.await,
            }
        }
    }

    /// An event that is there already.
    ///
    /// # Errors
    /// When there is none.
    pub fn try_next(&self) -> Result<Event, TryRecvError> {
        let mut state = lock(&self.shared.state);
        if state.dropped > 0 {
            let dropped = std::mem::take(&mut state.dropped);
            let message = format!("{dropped} events were not heard in time and are lost");
            return Ok(Event {
                message: Some(message),
                ..Event::new(EventKind::Error)
            });
        }
        match state.queue.pop_front() {
            Some(event) => Ok(event),
            None if state.is_closed => Err(TryRecvError::Closed),
            None => Err(TryRecvError::Empty),
        }
    }

    /// Waits until an event is there or nothing more will happen. Cancellation safe.
    pub async fn readable(&self) {
        loop {
            let changed = self.shared.readable.notified();
            {
                let state = lock(&self.shared.state);
                if !state.queue.is_empty() || state.is_closed {
                    return;
                }
            }
            changed.await;
        }
    }

    /// After the close nothing is told any more.
    pub(super) fn push(&self, event: Event) {
        {
            let mut state = lock(&self.shared.state);
            if state.is_closed {
                return;
            }
            if state.queue.len() == EVENTS_MAX {
                state.queue.pop_front();
                state.dropped += 1;
            }
            state.queue.push_back(event);
        }
        self.shared.readable.notify_waiters();
    }

    pub(super) fn close(&self) {
        lock(&self.shared.state).is_closed = true;
        self.shared.readable.notify_waiters();
    }
}
