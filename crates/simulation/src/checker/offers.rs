//! Which offers are open: each is answered once, rescinded, or void with the subscription.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use mesos::resources::Resources;
use mesos::{AgentId, OfferId};
use scheduler::Offer;

use crate::violation::Violation;

/// The offers that the machine was told of and has not answered.
#[derive(Debug, Default)]
pub(super) struct Offers {
    open: BTreeMap<OfferId, Open>,
}

#[derive(Debug)]
struct Open {
    agent: AgentId,
    resources: Resources,
    since: Instant,
}

impl Offers {
    pub(super) fn add(&mut self, now: Instant, offer: &Offer) {
        let open = Open {
            agent: offer.agent.clone(),
            resources: offer.resources.clone(),
            since: now,
        };
        self.open.insert(offer.id.clone(), open);
    }

    pub(super) fn rescind(&mut self, offer: &OfferId) {
        self.open.remove(offer);
    }

    pub(super) fn void(&mut self) {
        self.open.clear();
    }

    pub(super) fn open(&self) -> usize {
        self.open.len()
    }

    pub(super) fn answer(&mut self, offer: &OfferId) -> Result<(AgentId, Resources), Violation> {
        let open = self.open.remove(offer);
        open.map(|open| (open.agent, open.resources))
            .ok_or_else(|| Violation::AnsweredTwice(offer.clone()))
    }

    /// All that offers of one agent hold.
    pub(super) fn accept(
        &mut self,
        offers: &[OfferId],
        agent: &AgentId,
    ) -> Result<Resources, Violation> {
        let mut held = Resources::new();
        for offer in offers {
            let (on, resources) = self.answer(offer)?;
            if on == *agent {
                held += resources;
            }
        }
        Ok(held)
    }

    /// An offer that should have been given back.
    pub(super) fn held_since_before(&self, now: Instant, hold: Duration) -> Option<OfferId> {
        let mut open = self.open.iter();
        open.find(|(_, open)| open.since + hold < now)
            .map(|(id, _)| id.clone())
    }
}
