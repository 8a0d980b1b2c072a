//! The functions of tasks: they begin, exchange messages, and end in one way or another.

use std::time::Duration;

use mesos::TaskId;
use scheduler::TaskState;

use super::Executor;
use crate::checker::Direction;
use crate::net::{Happening, Net};
use crate::profile::Fault;
use crate::shell::links;

/// A task's function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Preparing,
    Ready,
    /// It acts so many times more, and then ends in its style.
    Running {
        acts: u32,
        style: Style,
    },
    Over,
}

/// How a function ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// When its `in` channel closes.
    Waits,
    /// By itself, well.
    Finishes,
    /// By itself, badly.
    Fails,
    /// Never by itself.
    Stubborn,
}

impl Executor {
    /// A task is instantiated.
    pub(crate) fn ready(&mut self, net: &mut Net, id: &TaskId) {
        let Some(task) = self.tasks.get_mut(id) else {
            return;
        };
        if task.function != Function::Preparing {
            return;
        }
        task.function = Function::Ready;
        net.checker.truth.up(net.now, id);
        self.update(net, id, TaskState::Running);
        if self.is_lifted {
            self.begin(net, id);
        }
        self.pump(net);
    }

    pub(super) fn begin(&mut self, net: &mut Net, id: &TaskId) {
        let Some(task) = self.tasks.get_mut(id) else {
            return;
        };
        if task.function != Function::Ready {
            return;
        }
        let fails = net.weather.has(Fault::TaskFailure) && net.guests.u32(0..8) == 0;
        let style = match net.guests.u32(0..10) {
            _ if fails => Style::Fails,
            0 => Style::Stubborn,
            1 => Style::Finishes,
            _ => Style::Waits,
        };
        let acts = net.guests.u32(0..12);
        task.function = Function::Running { acts, style };
        let is_closed = task.is_closed;
        net.note(|| format!("    {id} begins ({style:?})"));
        net.checker.truth.began(id);
        self.act_later(net, id);
        if is_closed {
            self.inbox_closed(net, id);
        }
    }

    fn act_later(&self, net: &mut Net, id: &TaskId) {
        let max = if net.guests.bool() { 300 } else { 20_000 };
        let after = Duration::from_millis(net.guests.u64(1..max));
        let acts = Happening::Acts {
            executor: self.id.clone(),
            task: id.clone(),
        };
        net.later(after, acts);
    }

    /// A function does something: it takes messages, and sends some.
    pub(crate) fn act(&mut self, net: &mut Net, id: &TaskId) {
        let Some(task) = self.tasks.get_mut(id) else {
            return;
        };
        let Function::Running { acts, style } = task.function else {
            return;
        };
        let (messages, bytes) = std::mem::take(&mut task.inbox);
        self.link.take(task.channel, messages, bytes);
        for _ in 0..net.guests.u32(0..4) {
            let streams = &mut net.checker.streams;
            let number = streams.next(&self.id, &task.name, Direction::Out);
            if self
                .link
                .send(task.channel, links::message(number))
                .is_err()
            {
                break;
            }
            streams.sent(&self.id, &task.name, Direction::Out);
        }
        if let Some(acts) = acts.checked_sub(1) {
            task.function = Function::Running { acts, style };
            self.act_later(net, id);
        } else {
            match style {
                Style::Waits | Style::Stubborn => {}
                Style::Finishes => self.over(net, id, TaskState::Finished),
                Style::Fails => self.over(net, id, TaskState::Failed),
            }
        }
        self.pump(net);
    }

    /// The `in` channel of a task is closed.
    pub(super) fn inbox_closed(&mut self, net: &mut Net, id: &TaskId) {
        let Some(task) = self.tasks.get_mut(id) else {
            return;
        };
        task.is_closed = true;
        if let Function::Running { style, .. } = task.function
            && style != Style::Stubborn
        {
            let after = Duration::from_millis(net.guests.u64(0..4000));
            let returns = Happening::Returns {
                executor: self.id.clone(),
                task: id.clone(),
                state: TaskState::Finished,
            };
            net.later(after, returns);
        }
    }

    /// A task is told to end.
    pub(super) fn kill(&mut self, net: &mut Net, id: &TaskId, grace: Option<Duration>) {
        let Some(task) = self.tasks.get_mut(id) else {
            return;
        };
        let grace = grace.unwrap_or(task.grace);
        match task.function {
            Function::Over => {}
            Function::Preparing | Function::Ready => {
                task.is_killed = true;
                self.over(net, id, TaskState::Killed);
            }
            Function::Running { .. } => {
                let is_first = !std::mem::replace(&mut task.is_killed, true);
                let force = Happening::Force {
                    executor: self.id.clone(),
                    task: id.clone(),
                };
                net.later(grace, force);
                if is_first {
                    self.update(net, id, TaskState::Killing);
                    self.inbox_closed(net, id);
                }
            }
        }
    }

    /// A function returns, or is stopped by force.
    pub(crate) fn returns(&mut self, net: &mut Net, id: &TaskId, state: TaskState) {
        self.over(net, id, state);
        self.pump(net);
    }

    /// A task's life is over: its channel closes behind what it sent, then its update goes out.
    fn over(&mut self, net: &mut Net, id: &TaskId, state: TaskState) {
        let Some(task) = self.tasks.get_mut(id) else {
            return;
        };
        if task.function == Function::Over {
            return;
        }
        task.function = Function::Over;
        let state = if task.is_killed {
            TaskState::Killed
        } else {
            state
        };
        self.link.close(task.channel);
        self.link.stop(task.channel);
        let streams = &mut net.checker.streams;
        streams.closed(&self.id, &task.name, Direction::Out);
        streams.stopped(&self.id, &task.name, Direction::In);
        net.note(|| format!("    {id} is over: {state}"));
        net.checker.truth.ended(net.now, id);
        self.update(net, id, state);
    }
}
