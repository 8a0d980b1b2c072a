//! The app scheduler, and what it is told.

use std::time::Duration;

use bytes::Bytes;
use mesos::ExecutorId;
use scheduler::{Command, JobEvent, JobEventKind};

use super::Shell;
use super::links;
use crate::checker::Direction;
use crate::net::{Happening, Net};
use crate::profile::Fault;

/// How long the end of a task waits for its last message.
const EXECUTOR_PATIENCE: Duration = Duration::from_secs(60);

/// The same for one that was lost.
const SHORT_PATIENCE: Duration = Duration::from_secs(2);

/// The app scheduler, before, while and after it runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum AppRun {
    #[default]
    NotStarted,
    /// It acts so many times more, and then returns, if nothing else happens before.
    Running {
        acts: u32,
        style: Style,
    },
    Over,
}

/// How an app scheduler ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// When it has done its work.
    Works,
    /// The same, but badly.
    Fails,
    /// When it hears nothing more; something else must stop the job.
    Listens,
    /// Never.
    Stubborn,
}

impl Shell {
    pub(super) fn start_app(&mut self, net: &mut Net) {
        net.happened.starts += 1;
        let fails = net.weather.has(Fault::AppFailure) && net.guests.u32(0..2) == 0;
        let style = match net.guests.u32(0..8) {
            0 | 1 if fails => Style::Stubborn,
            _ if fails => Style::Fails,
            0 => Style::Listens,
            _ => Style::Works,
        };
        let acts = net.guests.u32(1..25);
        self.app = AppRun::Running { acts, style };
        self.act_later(net);
        if let Style::Listens | Style::Stubborn = style {
            let after = Duration::from_secs(net.guests.u64(1..2000));
            net.later(after, Happening::StopJob(scheduler::Stop::Graceful));
        }
    }

    fn act_later(&self, net: &mut Net) {
        // Some sit for a long time in which nothing should go wrong unseen.
        let max = match net.guests.u32(0..20) {
            0 => 900_000,
            1..8 => 20_000,
            _ => 500,
        };
        let after = Duration::from_millis(net.guests.u64(1..max));
        net.later(after, Happening::AppActs);
    }

    /// The app scheduler takes messages, sends some, and perhaps kills or spawns tasks.
    pub(crate) fn app_acts(&mut self, net: &mut Net) {
        let AppRun::Running { acts, style } = self.app else {
            return;
        };
        self.take_all(net);
        let tasks: Vec<String> = self.by_task.keys().cloned().collect();
        for _ in 0..net.guests.u32(0..6) {
            let task = &tasks[net.guests.usize(0..tasks.len())];
            self.send_to(net, task);
        }
        if net.weather.has(Fault::AppKill) && net.guests.u32(0..30) == 0 {
            let task = self.any_task(net);
            self.kill(net, &task);
        }
        if net.weather.has(Fault::AppSpawn) && net.guests.u32(0..12) == 0 {
            self.spawn(net);
        }
        if net.weather.has(Fault::Restart) && net.guests.u32(0..15) == 0 {
            let task = self.any_task(net);
            self.restart(net, &task);
        }
        if let Some(acts) = acts.checked_sub(1) {
            self.app = AppRun::Running { acts, style };
            self.act_later(net);
        } else {
            match style {
                Style::Works => net.later(Duration::ZERO, Happening::AppReturns(Ok(()))),
                Style::Fails => {
                    let result = Err("trap".to_owned());
                    net.later(Duration::ZERO, Happening::AppReturns(result));
                }
                Style::Listens | Style::Stubborn => {}
            }
        }
        self.pump_links(net);
    }

    /// What a task is sent, if it has room.
    fn send_to(&mut self, net: &mut Net, task: &str) {
        let Some(executor) = self.by_task.get(task) else {
            return;
        };
        let link = self.links.get_mut(executor);
        let Some((end, channel)) = link.and_then(|link| link.sender(task)) else {
            return;
        };
        let streams = &mut net.checker.streams;
        let number = streams.next(executor, task, Direction::In);
        if end.send(channel, links::message(number)).is_ok() {
            streams.sent(executor, task, Direction::In);
        }
    }

    fn take_all(&mut self, net: &mut Net) {
        for link in self.links.values_mut() {
            link.take_all();
        }
        self.pump_links(net);
    }

    /// Any task that can be listed, launched or not.
    fn any_task(&self, net: &mut Net) -> String {
        let tasks = self.scheduler.tasks();
        let tasks: Vec<_> = tasks.map(|it| it.name.to_owned()).collect();
        tasks[net.guests.usize(0..tasks.len())].clone()
    }

    /// Somebody wants a task to have its next life.
    fn restart(&mut self, net: &mut Net, task: &str) {
        net.note(|| format!("> restart {task}"));
        if self.scheduler.restart(net.now, task).is_ok() {
            net.happened.restarts_asked += 1;
            if net.checker.restart(task) {
                net.checker.truth.kill_ordered(net.now, task);
            }
        }
        self.drain(net);
    }

    fn kill(&mut self, net: &mut Net, task: &str) {
        net.note(|| format!("> kill {task}"));
        let was_living = net.checker.kill(task);
        if self.scheduler.kill(net.now, task).is_ok() && was_living {
            net.checker.truth.kill_ordered(net.now, task);
        }
        self.drain(net);
    }

    /// The app scheduler wants more tasks of a group.
    fn spawn(&mut self, net: &mut Net) {
        let groups = &net.job.groups;
        let group = groups[net.guests.usize(0..groups.len())].name.clone();
        let count = net.guests.u32(1..=3);
        net.note(|| format!("> spawn {count} of {group}"));
        match self.scheduler.spawn(net.now, &group, count) {
            Ok(spawn) => net.checker.spawn(net.now, spawn, &group, count),
            Err(_) => net.checker.refuse_spawn(),
        }
        self.drain(net);
    }

    /// The app scheduler returns, if it still runs.
    pub(crate) fn app_returns(&mut self, net: &mut Net, result: Result<(), String>) {
        if let AppRun::Running { .. } = self.app {
            self.app = AppRun::Over;
            self.command(net, Command::AppReturned(result));
        }
    }

    /// Tells an event, or holds it back: the end of a task comes behind its last message.
    pub(super) fn hold_event(&mut self, net: &mut Net, event: &JobEvent) {
        let is_end = event.state.is_some_and(|state| state.is_end());
        let (Some(task), Some(executor), true) = (&event.task, &event.executor, is_end) else {
            return;
        };
        if self.by_task.get(task) != Some(executor) {
            return;
        }
        let channel = self
            .links
            .get(executor)
            .and_then(|link| link.channels.get(task));
        if channel.is_none_or(|channel| channel.is_over) {
            return;
        }
        self.held.insert(task.clone(), executor.clone());
        let patience = match event.kind {
            JobEventKind::TaskLost => SHORT_PATIENCE,
            _ => EXECUTOR_PATIENCE,
        };
        net.later(patience, Happening::EndDue { task: task.clone() });
    }

    /// Nothing more comes out of a task's channel.
    pub(super) fn channel_over(&mut self, net: &mut Net, task: &str, executor: &ExecutorId) {
        if self.held.get(task) == Some(executor) {
            self.held.remove(task);
            self.told_all(net);
        }
    }

    /// The end of a task has waited for long enough.
    pub(crate) fn end_due(&mut self, net: &mut Net, task: &str) {
        if self.held.remove(task).is_some() {
            self.told_all(net);
        }
    }

    /// Whoever only listens returns when everything has been told.
    pub(super) fn told_all(&mut self, net: &mut Net) {
        let is_over = self.is_sealed && self.held.is_empty();
        if let (AppRun::Running { style, .. }, true) = (self.app, is_over)
            && style != Style::Stubborn
        {
            net.later(Duration::ZERO, Happening::AppReturns(Ok(())));
        }
    }

    /// An executor says what makes no sense.
    pub(crate) fn hear_nonsense(&mut self, net: &mut Net, executor: &ExecutorId) {
        self.hear_frame(net, executor, Bytes::from_static(b"\xff\xff\xff"));
    }
}
