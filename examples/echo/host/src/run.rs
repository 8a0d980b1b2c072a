//! What the three modes have in common: the tasks and what has been sent to and heard of them.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use echo_messages::{Order, Tally, write};
use mesosgot_sdk::{
    Error, Event, Events, SendError, TaskMessage, TaskReceiver, TaskSender, TryRecvError, select,
};

use crate::histogram::Histogram;
use crate::report::Report;
use crate::settings::{Mode, Settings};

/// A run of the host.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) inbox: TaskReceiver,
    pub(crate) outbox: TaskSender,
    events: Events,
    pub(crate) settings: Settings,
    pub(crate) tasks: Vec<Task>,
    index: HashMap<String, usize>,
    round_trips: Histogram,
    time: Duration,
}

/// A task, seen from here.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) name: String,
    pub(crate) sent: u64,
    pub(crate) tally: Tally,
    /// When a number was sent, at its place modulo the window.
    sent_at: Vec<Instant>,
    /// Whether its channel was closed, so that its end is no surprise.
    pub(crate) is_closed: bool,
}

impl Run {
    pub(crate) fn new(
        inbox: TaskReceiver,
        outbox: TaskSender,
        events: Events,
        settings: Settings,
    ) -> Result<Self, Error> {
        let window = match settings.mode {
            Mode::Stream => settings.window,
            Mode::Ping | Mode::OneWay => 1,
        };
        let now = Instant::now();
        let tasks = events.control().list_tasks().into_iter();
        let tasks: Vec<_> = tasks
            .map(|task| Task::new(task.name, window, now))
            .collect();
        if tasks.is_empty() {
            return Err(Error::msg("there are no tasks to send to"));
        }
        let names = tasks.iter().map(|task| task.name.clone());
        Ok(Self {
            index: names.zip(0..).collect(),
            inbox,
            outbox,
            events,
            settings,
            tasks,
            round_trips: Histogram::default(),
            time: Duration::ZERO,
        })
    }

    /// Sends everything and hears the answers. An error is an end of the job that should not be;
    /// what got lost on a living channel is no error here, but in the report.
    pub(crate) fn run(&mut self) -> Result<(), Error> {
        let order = match self.settings.mode {
            Mode::Ping | Mode::Stream => Order::Echo,
            Mode::OneWay => Order::Count,
        };
        for task in &self.tasks {
            let sent = self.outbox.send(&task.name, order.as_bytes());
            sent.map_err(|error| self.explain(error))?;
        }
        let start = Instant::now();
        let outcome = match self.settings.mode {
            Mode::Ping => self.ping(),
            Mode::Stream => self.stream(),
            Mode::OneWay => self.one_way(),
        };
        self.time = start.elapsed();
        outcome
    }

    pub(crate) fn into_report(self) -> Report {
        let mut tally = Tally::default();
        for task in &self.tasks {
            tally.add(&task.tally);
        }
        Report {
            sent: self.tasks.iter().map(|task| task.sent).sum(),
            tasks: self.tasks.len(),
            settings: self.settings,
            tally,
            time: self.time,
            round_trips: self.round_trips,
        }
    }

    /// Waits for messages of tasks and takes those that are there, some at least; none when none
    /// came in time.
    pub(crate) fn take(&self, max: usize) -> Result<Vec<TaskMessage>, Error> {
        let deadline = Instant::now() + self.settings.patience;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let selected = select(&[&self.inbox, &self.events], Some(left));
            if selected.is_ready(0) {
                let messages = self.inbox.recv_many(max);
                if messages.is_empty() {
                    self.check_events()?;
                    return Err(Error::msg("all tasks have ended early"));
                }
                return Ok(messages);
            }
            if selected.is_ready(1) {
                self.check_events()?;
            }
            if selected.timed_out() {
                return Ok(Vec::new());
            }
        }
    }

    /// Counts an answer and how long it took; whether it is one that had not come before.
    pub(crate) fn count(&mut self, message: &TaskMessage, now: Instant) -> Result<bool, Error> {
        let task = self.task(&message.task)?;
        let before = task.tally.distinct();
        let number = task.tally.count(&message.data, task.sent);
        let is_new = task.tally.distinct() > before;
        if let Some(number) = number.filter(|_| is_new) {
            let sent_at = task.sent_at[place(number, task.sent_at.len())];
            let time = now.saturating_duration_since(sent_at);
            self.round_trips.count(time, 1);
        }
        Ok(is_new)
    }

    pub(crate) fn task(&mut self, name: &str) -> Result<&mut Task, Error> {
        let index = self.index.get(name);
        let task = index.and_then(|index| self.tasks.get_mut(*index));
        task.ok_or_else(|| Error::msg(format!("a message of `{name}`, which is no task of ours")))
    }

    /// What an error of a channel comes from: mostly the end of a task.
    pub(crate) fn explain(&self, error: SendError) -> Error {
        match self.check_events() {
            Ok(()) => Error::from(error).context("failed to send"),
            Err(cause) => cause,
        }
    }

    /// Whether everything that has happened was to be expected.
    pub(crate) fn check_events(&self) -> Result<(), Error> {
        loop {
            let event = match self.events.try_recv() {
                Ok(event) => event,
                Err(TryRecvError::Empty) => return Ok(()),
                Err(TryRecvError::Closed) => return Err(Error::msg("the job has ended early")),
            };
            let name = event.task.as_deref().unwrap_or_default();
            let is_closed = self
                .index
                .get(name)
                .is_some_and(|index| self.tasks[*index].is_closed);
            if event.kind.ends_task() && !is_closed {
                return Err(Error::msg(ended_early(&event)));
            }
        }
    }
}

impl Task {
    fn new(name: String, window: usize, now: Instant) -> Self {
        Self {
            name,
            sent: 0,
            tally: Tally::default(),
            sent_at: vec![now; window],
            is_closed: false,
        }
    }

    /// The next message, to be sent at this moment.
    pub(crate) fn next_message(&mut self, bytes: usize, now: Instant) -> Vec<u8> {
        let number = self.sent;
        let window = self.sent_at.len();
        self.sent_at[place(number, window)] = now;
        self.sent += 1;
        write(number, bytes)
    }

    /// How many messages are without an answer.
    pub(crate) fn outstanding(&self) -> u64 {
        self.tally.lost(self.sent)
    }
}

/// Where the time of this number is kept. No more than a window is on its way, so none is
/// overwritten before its answer came.
fn place(number: u64, window: usize) -> usize {
    usize::try_from(number % window as u64).unwrap_or(0)
}

fn ended_early(event: &Event) -> String {
    let task = event.task.as_deref().unwrap_or("of unknown name");
    let mut text = format!("task `{task}` has ended early: {:?}", event.kind);
    for detail in [&event.reason, &event.message].into_iter().flatten() {
        text.push_str(&format!(", {detail}"));
    }
    if let Some(undelivered) = event.undelivered {
        text.push_str(&format!(", {undelivered} messages undelivered"));
    }
    text
}
