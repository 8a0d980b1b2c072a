//! The state of a job's channels, and the rules by which it changes.
//!
//! Nothing waits here: an attempt answers at once, and `Full` or `Empty` means to try again later.

use std::collections::VecDeque;
use std::thread::{self, Thread};

use crate::{Event, MESSAGE_BYTES_MAX, RequestError, TaskMessage, TryRecvError, TrySendError};

/// The channels of a job and what is on its way in them.
pub(super) struct State {
    pub(super) window: usize,
    pub(super) tasks: Vec<Task>,
    /// What the tasks have sent, in the order of sending.
    pub(super) inbox: VecDeque<(usize, Vec<u8>)>,
    pub(super) scheduler_receives: bool,
    pub(super) scheduler_sends: bool,
    pub(super) events: VecDeque<Event>,
    pub(super) more_events: bool,
    pub(super) shutting_down: bool,
    /// Tasks whose ends nobody has taken yet.
    pub(super) spawned: Vec<usize>,
    /// Why nothing can be spawned at the moment.
    pub(super) spawns_refused: Option<RequestError>,
    /// Threads to wake at the next change.
    pub(super) watchers: Vec<Thread>,
}

/// A task and what is on its way to it.
pub(super) struct Task {
    pub(super) name: String,
    pub(super) group: String,
    pub(super) inbox: VecDeque<Vec<u8>>,
    /// Of this task in the job's inbox.
    pub(super) sent: usize,
    pub(super) inbox_closed: bool,
    pub(super) receives: bool,
    pub(super) sends: bool,
    pub(super) killed: bool,
}

impl State {
    /// No tasks yet, and channels that hold so many messages each.
    pub(super) fn new(window: usize) -> Self {
        Self {
            window,
            tasks: Vec::new(),
            inbox: VecDeque::new(),
            scheduler_receives: true,
            scheduler_sends: true,
            events: VecDeque::new(),
            more_events: true,
            shutting_down: false,
            spawned: Vec::new(),
            spawns_refused: None,
            watchers: Vec::new(),
        }
    }

    pub(super) fn add_task(&mut self, group: &str) -> usize {
        let number = self.tasks.iter().filter(|task| task.group == group).count();
        self.tasks.push(Task {
            name: format!("{group}-{number}"),
            group: group.to_owned(),
            inbox: VecDeque::new(),
            sent: 0,
            inbox_closed: !self.scheduler_sends || self.shutting_down,
            receives: true,
            sends: true,
            killed: false,
        });
        self.tasks.len() - 1
    }

    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.tasks.iter().position(|task| task.name == name)
    }

    /// Notes the calling thread, to be woken by the next change.
    pub(super) fn watch(&mut self) {
        let current = thread::current();
        if self
            .watchers
            .iter()
            .all(|watcher| watcher.id() != current.id())
        {
            self.watchers.push(current);
        }
    }

    pub(super) fn take_of_task(&mut self, task: usize) -> Result<Vec<u8>, TryRecvError> {
        let task = &mut self.tasks[task];
        match task.inbox.pop_front() {
            Some(message) => Ok(message),
            None if task.inbox_closed => Err(TryRecvError::Closed),
            None => Err(TryRecvError::Empty),
        }
    }

    pub(super) fn take_of_scheduler(&mut self) -> Result<TaskMessage, TryRecvError> {
        match self.inbox.pop_front() {
            Some((task, data)) => {
                let task = &mut self.tasks[task];
                task.sent -= 1;
                Ok(TaskMessage {
                    task: task.name.clone(),
                    data,
                })
            }
            None if self.tasks.iter().all(|task| !task.sends) => Err(TryRecvError::Closed),
            None => Err(TryRecvError::Empty),
        }
    }

    pub(super) fn take_event(&mut self) -> Result<Event, TryRecvError> {
        match self.events.pop_front() {
            Some(event) => Ok(event),
            None if !self.more_events => Err(TryRecvError::Closed),
            None => Err(TryRecvError::Empty),
        }
    }

    pub(super) fn send_of_task(&mut self, task: usize, message: &[u8]) -> Result<(), TrySendError> {
        if message.len() > MESSAGE_BYTES_MAX {
            return Err(TrySendError::TooLarge);
        }
        if !self.scheduler_receives {
            return Err(TrySendError::Closed);
        }
        if self.tasks[task].sent >= self.window {
            return Err(TrySendError::Full);
        }
        self.tasks[task].sent += 1;
        self.inbox.push_back((task, message.to_vec()));
        Ok(())
    }

    pub(super) fn send_of_scheduler(
        &mut self,
        name: &str,
        message: &[u8],
    ) -> Result<(), TrySendError> {
        let window = self.window;
        let Some(task) = self.position(name) else {
            return Err(TrySendError::UnknownTask);
        };
        let task = &mut self.tasks[task];
        if message.len() > MESSAGE_BYTES_MAX {
            return Err(TrySendError::TooLarge);
        }
        if !task.receives || task.inbox_closed {
            return Err(TrySendError::Closed);
        }
        if task.inbox.len() >= window {
            return Err(TrySendError::Full);
        }
        task.inbox.push_back(message.to_vec());
        Ok(())
    }
}
