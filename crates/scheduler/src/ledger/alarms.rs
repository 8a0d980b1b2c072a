//! What the ledger waits for: the effects of kills, and agents that may come back.

use std::time::{Duration, Instant};

use mesos::{AgentId, TaskId};

use super::Ledger;
use super::task::{KillOrder, Live, Phase, Standing};
use crate::io::TaskReport;
use crate::repeat::Repeat;
use crate::status::{Reason, Source, TaskState};

/// How long to wait for the effect of a KILL before it is repeated: it is lost without notice
/// while the executor's stream is broken (PROTOCOL §8.5).
const KILL_AGAIN_MIN: Duration = Duration::from_secs(5);

/// The longest wait between two KILLs of a task.
const KILL_AGAIN_MAX: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Alarm {
    Kill(usize),
    Unreachable(usize),
}

/// What the time has brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fired {
    /// A KILL is to be sent, perhaps again.
    Kill {
        /// The task.
        task: TaskId,
        /// Its agent.
        agent: AgentId,
        /// The grace period to be told.
        grace: Option<Duration>,
    },
    /// The task, by its index, was unreachable for too long: it has ended as lost.
    Lost(usize),
}

impl Ledger {
    /// Orders a living task to be killed from `at` on. It replaces an earlier order, be that sooner
    /// or sharper; only that a KILL was sent already is kept of it.
    pub fn order_kill(&mut self, index: usize, at: Instant, grace: Option<Duration>) {
        let Phase::Live(live) = &mut self.tasks[index].phase else {
            return;
        };
        let mut order = KillOrder {
            grace,
            repeat: Repeat::new(at, KILL_AGAIN_MIN),
            was_sent: false,
        };
        if let Some(earlier) = live.kill.take() {
            self.alarms
                .remove(&(earlier.repeat.next(), Alarm::Kill(index)));
            order.was_sent = earlier.was_sent;
        }
        self.alarms
            .insert((order.repeat.next(), Alarm::Kill(index)));
        live.kill = Some(order);
    }

    /// Makes every KILL due that was sent already: it may have been lost with the subscription.
    pub fn repeat_kills(&mut self, now: Instant) {
        for (index, task) in self.tasks.iter_mut().enumerate() {
            let Phase::Live(Live {
                kill: Some(order), ..
            }) = &mut task.phase
            else {
                continue;
            };
            if order.was_sent {
                self.alarms
                    .remove(&(order.repeat.next(), Alarm::Kill(index)));
                order.repeat.set_next(now);
                self.alarms.insert((now, Alarm::Kill(index)));
            }
        }
    }

    /// Lets no unreachable task be given up: nobody is there to say that it is back.
    pub fn suspend_losses(&mut self) {
        self.wait_for_unreachable(None);
    }

    /// Gives every unreachable task its whole time again: the master that says so now may not have
    /// heard yet from an agent that is back.
    pub fn restart_losses(&mut self, now: Instant) {
        self.wait_for_unreachable(Some(now + self.unreachable_max));
    }

    fn wait_for_unreachable(&mut self, new: Option<Instant>) {
        for (index, task) in self.tasks.iter_mut().enumerate() {
            let Phase::Live(Live {
                standing: Standing::Unreachable { until },
                ..
            }) = &mut task.phase
            else {
                continue;
            };
            let alarm = Alarm::Unreachable(index);
            if let Some(old) = std::mem::replace(until, new) {
                self.alarms.remove(&(old, alarm));
            }
            self.alarms.extend(new.map(|new| (new, alarm)));
        }
    }

    /// A task is not waited for any more.
    pub(super) fn forget_unreachable(&mut self, index: usize, until: Option<Instant>) {
        if let Some(until) = until {
            self.alarms.remove(&(until, Alarm::Unreachable(index)));
        }
    }

    /// What the time has brought; to be called until it answers nothing.
    pub fn fire(&mut self, now: Instant) -> Option<Fired> {
        let &(at, alarm) = self.alarms.first().filter(|(at, _)| *at <= now)?;
        match alarm {
            Alarm::Kill(index) => {
                self.alarms.remove(&(at, alarm));
                let Phase::Live(live) = &mut self.tasks[index].phase else {
                    unreachable!("alarms end with the life of their task");
                };
                let order = live
                    .kill
                    .as_mut()
                    .expect("a kill alarm is that of a kill order");
                order.repeat.made(now, KILL_AGAIN_MAX);
                order.was_sent = true;
                self.alarms.insert((order.repeat.next(), alarm));
                Some(Fired::Kill {
                    task: live.id.clone(),
                    agent: live.agent.clone(),
                    grace: order.grace,
                })
            }
            Alarm::Unreachable(index) => {
                let end = TaskReport {
                    task: self.tasks[index].name.clone(),
                    // Not UNREACHABLE again: that is no end, and has been told.
                    state: TaskState::Lost,
                    source: Source::Master,
                    reason: Some(Reason::AGENT_REMOVED),
                    message: Some("its agent stayed unreachable".to_owned()),
                    agent: self.tasks[index].agent().cloned(),
                };
                self.end(index, end);
                Some(Fired::Lost(index))
            }
        }
    }

    /// When the next alarm is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.alarms.first().map(|(at, _)| *at)
    }
}
