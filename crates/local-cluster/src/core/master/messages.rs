//! Framework messages and status updates on their way through the master, and what befalls them on
//! command.
//!
//! Mesos drops messages in silence wherever the next stop is not there (PROTOCOL §10), and so does
//! [`Master::deliver`]. The faults come before that: what they drop could have been lost anywhere.
//! Updates that are lost come again from their agent.

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::Bytes;
use mesos::v1;
use mesos::v1::scheduler::call;
use mesos::{AgentId, ExecutorId, FrameworkId};

use super::{Master, events};
use crate::core::faults::{Fate, Faults, MessageCounts, MessageFaults};
use crate::core::wire::{AgentIndex, ToAgent};

/// The messages that are held back, and what decides about the others.
#[derive(Debug)]
pub(super) struct Messages {
    faults: Faults,
    /// What they suffer for a while in place of that, messages and updates.
    messages_disturbed: Option<(MessageFaults, Instant)>,
    updates_disturbed: Option<(MessageFaults, Instant)>,
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
    Update {
        /// Who sent it: another agent may have its place when it arrives.
        agent: (AgentIndex, AgentId),
        framework: FrameworkId,
        status: Box<v1::TaskStatus>,
        latest_state: v1::TaskState,
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
            messages_disturbed: None,
            updates_disturbed: None,
            rng: fastrand::Rng::with_seed(seed),
            counts: MessageCounts::default(),
            delayed: BTreeMap::new(),
            delayed_count: 0,
        }
    }

    pub(super) fn set_faults(&mut self, faults: Faults) {
        self.faults = faults;
    }

    /// Lets framework messages suffer this until then.
    pub(super) fn disturb_messages(&mut self, faults: MessageFaults, until: Instant) {
        self.messages_disturbed = Some((faults, until));
    }

    /// Lets status updates suffer this until then.
    pub(super) fn disturb_updates(&mut self, faults: MessageFaults, until: Instant) {
        self.updates_disturbed = Some((faults, until));
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
        let fate = self.draw(now, message);
        self.count(message, fate);
        if fate != Fate::Delivered {
            tracing::debug!(?message, ?fate, "a message suffers on command");
        }
        match fate {
            Fate::Dropped => 0,
            Fate::Delivered => 1,
            Fate::Duplicated => 2,
            Fate::Delayed(time) => {
                self.delayed_count += 1;
                let key = (now + time, self.delayed_count);
                self.delayed.insert(key, message.clone());
                0
            }
        }
    }

    fn draw(&mut self, now: Instant, message: &Message) -> Fate {
        let (usual, disturbed) = match message {
            Message::Down { .. } => (self.faults.messages_down, self.messages_disturbed),
            Message::Up { .. } => (self.faults.messages_up, self.messages_disturbed),
            Message::Update { .. } => (self.faults.updates, self.updates_disturbed),
        };
        let faults = match disturbed {
            Some((faults, until)) if now < until => faults,
            _ => usual,
        };
        match faults.draw(&mut self.rng) {
            Fate::Delayed(_) if self.delayed.len() >= DELAYED_MAX => Fate::Delivered,
            fate => fate,
        }
    }

    fn count(&mut self, message: &Message, fate: Fate) {
        let counts = &mut self.counts;
        let [dropped, duplicated, delayed] = match message {
            Message::Update { .. } => {
                let updates = &mut counts.updates;
                updates.seen += 1;
                [
                    &mut updates.dropped,
                    &mut updates.duplicated,
                    &mut updates.delayed,
                ]
            }
            Message::Down { data, .. } | Message::Up { data, .. } => {
                match message {
                    Message::Down { .. } => counts.down += 1,
                    _ => counts.up += 1,
                }
                counts.bytes += data.len() as u64;
                [
                    &mut counts.dropped,
                    &mut counts.duplicated,
                    &mut counts.delayed,
                ]
            }
        };
        match fate {
            Fate::Delivered => {}
            Fate::Dropped => *dropped += 1,
            Fate::Duplicated => *duplicated += 1,
            Fate::Delayed(_) => *delayed += 1,
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

    /// A status update of an agent that is connected.
    pub(super) fn update_to_framework(
        &mut self,
        now: Instant,
        agent: AgentIndex,
        framework: FrameworkId,
        status: v1::TaskStatus,
        latest_state: v1::TaskState,
    ) {
        let Some(id) = self.agents.get(&agent).map(|agent| agent.id().clone()) else {
            return;
        };
        let message = Message::Update {
            agent: (agent, id),
            framework,
            status: Box::new(status),
            latest_state,
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
    /// an executor is the agent's question. An update of an agent that was given up meanwhile would
    /// contradict what schedulers have been told.
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
            Message::Update {
                agent: (agent, id),
                framework,
                status,
                latest_state,
            } => {
                let known = self.agents.get(&agent);
                if known.is_some_and(|known| *known.id() == id && known.is_connected()) {
                    self.forward_update(agent, &framework, *status, latest_state);
                }
            }
        }
    }
}
