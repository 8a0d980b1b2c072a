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
    role: String,
    resources: Resources,
    since: Instant,
}

impl Offers {
    pub(super) fn add(&mut self, now: Instant, offer: &Offer) {
        let open = Open {
            agent: offer.agent.clone(),
            role: offer.role.clone(),
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

    pub(super) fn answer(&mut self, offer: &OfferId) -> Result<(), Violation> {
        self.take(offer).map(|_| ())
    }

    fn take(&mut self, offer: &OfferId) -> Result<Open, Violation> {
        let open = self.open.remove(offer);
        open.ok_or_else(|| Violation::AnsweredTwice(offer.clone()))
    }

    /// All that offers hold, which must be of this agent, and to one role.
    pub(super) fn accept(
        &mut self,
        offers: &[OfferId],
        agent: &AgentId,
    ) -> Result<Resources, Violation> {
        let mut held = Resources::new();
        let mut role = None;
        for offer in offers {
            let open = self.take(offer)?;
            if open.agent != *agent || role.get_or_insert_with(|| open.role.clone()) != &open.role {
                return Err(Violation::Mixed(offer.clone()));
            }
            held += open.resources;
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
