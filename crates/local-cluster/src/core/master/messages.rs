//! Framework messages on their way through the master, and what befalls them on command.
//!
//! Mesos drops them in silence wherever the next stop is not there (PROTOCOL §10), and so does
//! [`Master::deliver`]. The faults come before that: what they drop could have been lost anywhere.

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::Bytes;
use mesos::v1::scheduler::call;
use mesos::{AgentId, ExecutorId, FrameworkId};

use super::{Master, events};
use crate::core::faults::{Fate, Faults, MessageCounts};
use crate::core::wire::{AgentIndex, ToAgent};

/// The messages that are held back, and what decides about the others.
#[derive(Debug)]
pub(super) struct Messages {
    faults: Faults,
    rng: fastrand::Rng,
    counts: MessageCounts,
    /// By the time at which they go on, and then by the order in which they came.
    delayed: BTreeMap<(Instant, u64), Message>,
    /// How many were ever held back.
    delayed_count: u64,
}

/// A message on its way.
#[derive(Debug, Clone)]
enum Message {
    Down {
        framework: FrameworkId,
        agent: AgentId,
        executor: ExecutorId,
        data: Bytes,
    },
    Up {
        agent: AgentIndex,
        framework: FrameworkId,
        executor: ExecutorId,
        data: Bytes,
    },
}

/// How many messages are held back at once; more go on as if there were no delay. At the largest
/// usual size, 256 KiB, they take 256 MiB, as much as may wait in a queue.
const DELAYED_MAX: usize = 1024;

impl Messages {
    /// Draws from a seed of its own, so that faults change nothing else.
    pub(super) fn new(faults: Faults, seed: u64) -> Self {
        Self {
            faults,
            rng: fastrand::Rng::with_seed(seed),
            counts: MessageCounts::default(),
            delayed: BTreeMap::new(),
            delayed_count: 0,
        }
    }

    pub(super) fn set_faults(&mut self, faults: Faults) {
        self.faults = faults;
    }

    pub(super) fn counts(&self) -> MessageCounts {
        self.counts
    }

    /// When the next one goes on that was held back.
    pub(super) fn due(&self) -> Option<Instant> {
        let ((due, _), _) = self.delayed.first_key_value()?;
        Some(*due)
    }

    /// How often a message is to be delivered at once.
    fn receive(&mut self, now: Instant, message: &Message) -> usize {
        let faults = match message {
            Message::Down { data, .. } => {
                self.counts.down += 1;
                self.counts.bytes += data.len() as u64;
                self.faults.messages_down
            }
            Message::Up { data, .. } => {
                self.counts.up += 1;
                self.counts.bytes += data.len() as u64;
                self.faults.messages_up
            }
        };
        match faults.draw(&mut self.rng) {
            Fate::Dropped => {
                self.counts.dropped += 1;
                tracing::debug!(?message, "dropped a framework message on command");
                0
            }
            Fate::Duplicated => {
                self.counts.duplicated += 1;
                tracing::debug!(?message, "duplicated a framework message on command");
                2
            }
            Fate::Delayed(time) if self.delayed.len() < DELAYED_MAX => {
                self.counts.delayed += 1;
                self.delayed_count += 1;
                tracing::debug!(?message, ?time, "held a framework message back on command");
                let key = (now + time, self.delayed_count);
                self.delayed.insert(key, message.clone());
                0
            }
            Fate::Delivered | Fate::Delayed(_) => 1,
        }
    }

    fn take_due(&mut self, now: Instant) -> Option<Message> {
        let first = self.delayed.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }
}

impl Master {
    /// MESSAGE of a scheduler.
    pub(super) fn message_to_executor(
        &mut self,
        now: Instant,
        framework: &FrameworkId,
        message: call::Message,
    ) {
        let message = Message::Down {
            framework: framework.clone(),
            agent: AgentId::from(message.agent_id.value),
            executor: ExecutorId::from(message.executor_id.value),
            data: message.data,
        };
        self.carry(now, message);
    }

    /// A message of an executor.
    pub(super) fn message_to_framework(
        &mut self,
        now: Instant,
        agent: AgentIndex,
        framework: FrameworkId,
        executor: ExecutorId,
        data: Bytes,
    ) {
        let message = Message::Up {
            agent,
            framework,
            executor,
            data,
        };
        self.carry(now, message);
    }

    /// Sends on what was held back for long enough.
    pub(super) fn deliver_delayed(&mut self, now: Instant) {
        while let Some(message) = self.messages.take_due(now) {
            self.deliver(message);
        }
    }

    fn carry(&mut self, now: Instant, message: Message) {
        for _ in 0..self.messages.receive(now, &message) {
            self.deliver(message.clone());
        }
    }

    /// Drops it without a word when the agent or the framework is not there. Whether there is such
    /// an executor is the agent's question.
    fn deliver(&mut self, message: Message) {
        match message {
            Message::Down {
                framework,
                agent,
                executor,
                data,
            } => {
                if let Some(agent) = self.agent_by_id(&agent) {
                    let message = ToAgent::FrameworkMessage {
                        framework_id: framework,
                        executor_id: executor,
                        data,
                    };
                    self.send_to_agent(agent.index(), message);
                }
            }
            Message::Up {
                agent,
                framework,
                executor,
                data,
            } => {
                if let Some(agent) = self.agents.get(&agent) {
                    let event = events::message(agent.id(), executor, data);
                    self.send(&framework, event);
                }
            }
        }
    }
}
