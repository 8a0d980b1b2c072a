//! The offers that are out: by id, by agent and by framework.
//!
//! Owns nothing but what is promised to whom; that the resources are taken from the agent, and come
//! back to it, is for the caller to see to.

use std::collections::{BTreeMap, BTreeSet};

use mesos::resources::Resources;
use mesos::{FrameworkId, OfferId};

use crate::core::wire::AgentIndex;

/// Resources that a framework may use, until it says so or they are taken back.
#[derive(Debug)]
pub(super) struct Offer {
    pub(super) framework: FrameworkId,
    pub(super) agent: AgentIndex,
    pub(super) role: String,
    /// Allocated to the role.
    pub(super) resources: Resources,
}

/// All offers that are out. An offer that is in does not change, so that it is found where it was
/// put.
#[derive(Debug, Default)]
pub(super) struct Offers {
    all: BTreeMap<OfferId, Offer>,
    by_agent: BTreeMap<AgentIndex, BTreeSet<OfferId>>,
    by_framework: BTreeMap<FrameworkId, BTreeSet<OfferId>>,
}

impl Offers {
    /// Puts a new offer in.
    pub(super) fn insert(&mut self, id: OfferId, offer: Offer) {
        debug_assert!(!self.all.contains_key(&id), "offer ids are given once");
        self.by_agent
            .entry(offer.agent)
            .or_default()
            .insert(id.clone());
        self.by_framework
            .entry(offer.framework.clone())
            .or_default()
            .insert(id.clone());
        self.all.insert(id, offer);
    }

    /// Takes an offer out, if it is still there.
    pub(super) fn remove(&mut self, id: &OfferId) -> Option<Offer> {
        let offer = self.all.remove(id)?;
        remove_from(&mut self.by_agent, &offer.agent, id);
        remove_from(&mut self.by_framework, &offer.framework, id);
        Some(offer)
    }

    pub(super) fn get(&self, id: &OfferId) -> Option<&Offer> {
        self.all.get(id)
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Sorted by id.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&OfferId, &Offer)> {
        self.all.iter()
    }

    /// Sorted by id.
    pub(super) fn values(&self) -> impl Iterator<Item = &Offer> {
        self.all.values()
    }

    /// The offers of one agent, sorted by id.
    pub(super) fn on(&self, agent: AgentIndex) -> Vec<OfferId> {
        self.by_agent
            .get(&agent)
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }

    /// The offers that one framework has, sorted by id.
    pub(super) fn of(&self, framework: &FrameworkId) -> Vec<OfferId> {
        self.by_framework
            .get(framework)
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }

    /// Fails when it is found in another way than it was put in.
    #[cfg(test)]
    pub(super) fn check(&self) {
        let mut by_agent: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        let mut by_framework: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for (id, offer) in &self.all {
            by_agent.entry(offer.agent).or_default().insert(id.clone());
            let framework = offer.framework.clone();
            by_framework
                .entry(framework)
                .or_default()
                .insert(id.clone());
        }
        assert_eq!(self.by_agent, by_agent);
        assert_eq!(self.by_framework, by_framework);
    }
}

/// Takes one value of a key out, and the key with the last.
pub(super) fn remove_from<K: Ord, V: Ord>(
    index: &mut BTreeMap<K, BTreeSet<V>>,
    key: &K,
    value: &V,
) {
    if let Some(values) = index.get_mut(key) {
        values.remove(value);
        if values.is_empty() {
            index.remove(key);
        }
    }
}
