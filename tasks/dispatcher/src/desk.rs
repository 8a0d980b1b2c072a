//! The dispatcher's ears and voice: what the tasks report and what happens to them, in the right
//! order, and orders to them.
//!
//! A task that ends without a goodbye is an error here, so that nobody waits for it in vain.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Instant;

use elevator_messages::{Order, Report, Role};
use mesosgot_sdk::{
    Error, Event, EventKind, Events, TaskReceiver, TaskSender, Timer, TryRecvError, TypedError,
    TypedTaskReceiver, TypedTaskSender, select,
};

use crate::group;

/// A task of the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task {
    /// Car or floor.
    pub role: Role,
    /// Which of them.
    pub number: u16,
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", group(self.role), self.number)
    }
}

/// What comes to the desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening {
    /// A task reports.
    Report {
        /// Which task.
        from: Task,
        /// What it reports.
        report: Report,
    },
    /// The time that was asked for has come.
    Time,
}

/// The dispatcher's ends of all channels.
#[derive(Debug)]
pub struct Desk {
    inbox: TypedTaskReceiver<Report>,
    outbox: TypedTaskSender<Order>,
    events: Events,
    more_events: bool,
    tasks: Vec<Task>,
    /// The same by name, as their reports are signed.
    by_name: BTreeMap<String, Task>,
    departed: BTreeSet<String>,
    /// The end of a task: what it sent before may still be in the inbox.
    ended: Option<Event>,
}

impl Desk {
    /// A desk for these tasks.
    pub fn new(inbox: TaskReceiver, outbox: TaskSender, events: Events, tasks: Vec<Task>) -> Self {
        Self {
            inbox: TypedTaskReceiver::new(inbox),
            outbox: TypedTaskSender::new(outbox),
            events,
            more_events: true,
            by_name: tasks.iter().map(|task| (task.to_string(), *task)).collect(),
            tasks,
            departed: BTreeSet::new(),
            ended: None,
        }
    }

    /// All tasks, cars first.
    pub fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    /// Gives an order.
    ///
    /// # Errors
    ///
    /// When the task is gone.
    pub fn send(&self, task: Task, order: &Order) -> Result<(), Error> {
        let name = task.to_string();
        self.outbox
            .send(&name, order)
            .map_err(|error| Error::from(error).context(format!("`{name}` could not be told")))
    }

    /// Waits for what comes next, but not longer than until `due`.
    ///
    /// # Errors
    ///
    /// When a task has ended without a goodbye, when the job is being shut down, or when a message
    /// is no report or from no task of ours.
    pub fn next(&mut self, due: Option<Instant>) -> Result<Happening, Error> {
        let mut timer = Timer::at_rest();
        timer.set(due);
        loop {
            let tasks_are_gone = match self.inbox.try_recv() {
                Ok(message) => return self.reported(&message.task, message.value),
                Err(TypedError::Channel(TryRecvError::Empty)) => false,
                Err(TypedError::Channel(TryRecvError::Closed)) => true,
                Err(error) => return Err(error.into()),
            };
            // The end of a task is told after its last message: with an empty inbox, all that it
            // had to say has been heard.
            if let Some(event) = self.ended.take() {
                self.judge(&event)?;
            }
            match self.events.try_recv() {
                Ok(event) => {
                    self.note(event)?;
                    continue;
                }
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Closed) => self.more_events = false,
            }
            // The events, which say why, come first.
            if tasks_are_gone {
                return Err("all tasks are gone".into());
            }
            if timer.fire() {
                return Ok(Happening::Time);
            }
            if self.more_events {
                select(&[&self.inbox, &timer, &self.events], None);
            } else {
                select(&[&self.inbox, &timer], None);
            }
        }
    }

    fn reported(&mut self, name: &str, report: Report) -> Result<Happening, Error> {
        let Some(&from) = self.by_name.get(name) else {
            return Err(Error::msg(format!(
                "`{name}` is neither a car nor a floor of this house"
            )));
        };
        if matches!(report, Report::Goodbye { .. }) {
            self.departed.insert(name.to_owned());
        }
        Ok(Happening::Report { from, report })
    }

    fn note(&mut self, event: Event) -> Result<(), Error> {
        match event.kind {
            kind if kind.ends_task() => self.ended = Some(event),
            EventKind::Shutdown => return Err("the job is being shut down".into()),
            EventKind::Error => {
                return Err(event
                    .message
                    .unwrap_or_else(|| "the job has met an error".into())
                    .into());
            }
            _ => {}
        }
        Ok(())
    }

    /// A task may end when it has said goodbye.
    fn judge(&self, event: &Event) -> Result<(), Error> {
        let name = event.task.as_deref().unwrap_or("a task");
        if self.departed.contains(name) {
            return Ok(());
        }
        let known = [&event.state, &event.reason, &event.message]
            .into_iter()
            .flatten();
        let known: Vec<&str> = known.map(String::as_str).collect();
        Err(Error::msg(format!(
            "`{name}` ended without a goodbye: {}",
            known.join(", ")
        )))
    }
}
