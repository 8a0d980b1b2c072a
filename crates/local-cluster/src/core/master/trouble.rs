//! Trouble that the master makes on command and for a while: it answers 503, makes no offers, or
//! an agent has less to offer.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use mesos::resources::{Resource, Resources, Scalar, Value};

use super::{Master, Rejection};
use crate::core::faults::{Fault, MessageFaults};
use crate::core::wire::AgentIndex;

/// What goes wrong for a while, from now on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Disturbance {
    kind: DisturbanceKind,
    lasts: Duration,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
enum DisturbanceKind {
    /// Framework messages of both directions suffer this.
    Messages(MessageFaults),
    /// Status updates of agents suffer this.
    Updates(MessageFaults),
    /// Calls of schedulers are answered with 503.
    Unavailable,
    /// There are no offers.
    DelayOffers,
    /// An agent has so many percent less to offer.
    Shrink { agent: AgentIndex, percent: u8 },
}

impl Disturbance {
    /// What a fault is to a master, if it lasts and is the master's to make.
    pub(crate) fn of(fault: Fault) -> Option<Self> {
        let (kind, lasts) = match fault {
            Fault::Messages { faults, lasts } => (DisturbanceKind::Messages(faults), lasts),
            Fault::Updates { faults, lasts } => (DisturbanceKind::Updates(faults), lasts),
            Fault::Unavailable { lasts } => (DisturbanceKind::Unavailable, lasts),
            Fault::DelayOffers { lasts } => (DisturbanceKind::DelayOffers, lasts),
            Fault::ShrinkAgent {
                agent,
                percent,
                lasts,
            } => {
                let agent = AgentIndex(agent);
                (DisturbanceKind::Shrink { agent, percent }, lasts)
            }
            Fault::CutFrameworks
            | Fault::CutExecutors
            | Fault::KillExecutor { .. }
            | Fault::StopAgent { .. }
            | Fault::StartAgent { .. }
            | Fault::LoseAgent { .. }
            | Fault::FailOverMaster => return None,
        };
        Some(Self { kind, lasts })
    }
}

/// Until when the master is in trouble.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    unavailable_until: Option<Instant>,
    no_offers_until: Option<Instant>,
    /// Agents that have shrunk, until they are whole again.
    shrunk: BTreeMap<AgentIndex, Instant>,
}

impl Troubles {
    /// The answer to every call, while there is none better.
    pub(super) fn refusal(&self, now: Instant) -> Option<Rejection> {
        // As a master that has just been elected (PROTOCOL §1).
        let refusal = || Rejection::new(503, "Master has not finished recovery");
        is_ahead(self.unavailable_until, now).then(refusal)
    }

    /// Whether offers have to wait. Allocation runs come in any case, so nobody is woken when they
    /// need not any more.
    pub(super) fn holds_offers(&self, now: Instant) -> bool {
        is_ahead(self.no_offers_until, now)
    }

    /// When the next agent is whole again.
    pub(super) fn due(&self) -> Option<Instant> {
        self.shrunk.values().min().copied()
    }
}

fn is_ahead(until: Option<Instant>, now: Instant) -> bool {
    until.is_some_and(|until| now < until)
}

impl Master {
    /// Begins what was asked for. Of one kind, the last one counts.
    pub(super) fn disturb(&mut self, now: Instant, Disturbance { kind, lasts }: Disturbance) {
        let until = now + lasts;
        match kind {
            DisturbanceKind::Messages(faults) => self.messages.disturb_messages(faults, until),
            DisturbanceKind::Updates(faults) => self.messages.disturb_updates(faults, until),
            DisturbanceKind::Unavailable => self.troubles.unavailable_until = Some(until),
            DisturbanceKind::DelayOffers => self.troubles.no_offers_until = Some(until),
            DisturbanceKind::Shrink { agent, percent } => self.shrink(agent, percent, until),
        }
    }

    /// Gives agents back what they could not offer for long enough.
    pub(super) fn end_shrinking(&mut self, now: Instant) {
        let over: Vec<AgentIndex> = self
            .troubles
            .shrunk
            .iter()
            .filter(|(_, until)| **until <= now)
            .map(|(agent, _)| *agent)
            .collect();
        for agent in over {
            self.make_whole(agent);
        }
    }

    /// Takes offers of an agent back, as Mesos does when an agent's total changes, and withholds a
    /// part of it from later ones.
    fn shrink(&mut self, index: AgentIndex, percent: u8, until: Instant) {
        self.rescind_offers_of(index);
        if let Some(agent) = self.agents.get_mut(&index) {
            agent.withhold(percent);
            self.troubles.shrunk.insert(index, until);
        }
    }

    fn make_whole(&mut self, index: AgentIndex) {
        self.troubles.shrunk.remove(&index);
        if let Some(agent) = self.agents.get_mut(&index) {
            agent.restore();
        }
    }
}

/// What of an agent nobody is offered, because it has shrunk.
#[derive(Debug, Default)]
pub(super) struct Withheld {
    taken: Resources,
    /// Amounts by name that are to be taken as soon as they are free.
    owed: BTreeMap<String, Scalar>,
}

impl Withheld {
    /// So many percent of each amount of `total`; volumes, ports and sets stay whole.
    pub(super) fn part_of(total: &Resources, percent: u8) -> Self {
        let mut owed: BTreeMap<String, Scalar> = BTreeMap::new();
        for (name, amount) in total.iter().filter_map(plain_amount) {
            let part = amount.thousandths() / 100 * i64::from(percent.min(100));
            *owed.entry(name.to_owned()).or_default() += Scalar::from_thousandths(part);
        }
        Self {
            taken: Resources::new(),
            owed,
        }
    }

    /// Takes what it can get.
    pub(super) fn take_from(&mut self, free: &mut Resources) {
        for (name, owed) in &mut self.owed {
            let amounts = free.iter().filter_map(plain_amount);
            let there: Scalar = amounts
                .filter(|(of, _)| of == name)
                .map(|(_, amount)| amount)
                .sum();
            let wanted = Resource::scalar(name.as_str(), there.min(*owed));
            if let Some(taken) = free.withdraw(&Resources::from(wanted)) {
                *owed -= taken.scalar(name);
                self.taken += taken;
            }
        }
        self.owed.retain(|_, owed| *owed > Scalar::ZERO);
    }

    #[cfg(test)]
    pub(super) fn taken(&self) -> &Resources {
        &self.taken
    }

    /// All that it has taken.
    pub(super) fn into_taken(self) -> Resources {
        self.taken
    }
}

/// An amount that can be divided.
fn plain_amount(resource: &Resource) -> Option<(&str, Scalar)> {
    match resource.value() {
        Value::Scalar(amount) if !resource.is_special() => Some((resource.name(), *amount)),
        Value::Scalar(_) | Value::Ranges(_) | Value::Set(_) => None,
    }
}
