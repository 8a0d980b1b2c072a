//! Who has how much of the cluster, for the order in which offers are made (PROTOCOL §6).
//!
//! It is made for one allocation run, and kept up with the offers of that run. Between runs nothing
//! is counted: launches and ends of tasks are many, comparisons of frameworks few.

use std::collections::BTreeMap;

use mesos::FrameworkId;
use mesos::resources::{Resources, Scalar, Value};

use super::Master;
use super::agents::Agent;

/// What is allocated, running or offered, by role and framework, and what there is.
#[derive(Debug, Default)]
pub(super) struct Shares {
    total: Amounts,
    roles: BTreeMap<String, Held>,
}

#[derive(Debug, Default)]
struct Held {
    all: Amounts,
    /// Offers made so far.
    offers: u64,
    frameworks: BTreeMap<FrameworkId, Own>,
}

#[derive(Debug, Default)]
struct Own {
    amounts: Amounts,
    offers: u64,
}

/// Scalars by name.
#[derive(Debug, Default)]
struct Amounts(BTreeMap<String, Scalar>);

impl Shares {
    /// As it is now.
    pub(super) fn of(master: &Master) -> Self {
        let mut shares = Self::default();
        for agent in master.agents.values() {
            for resource in agent.total() {
                if let Value::Scalar(amount) = resource.value() {
                    shares.total.add(resource.name(), *amount);
                }
            }
        }
        let offered = master
            .offers
            .values()
            .map(|offer| (&offer.framework, &offer.resources));
        let running = master.frameworks.iter().flat_map(|(id, framework)| {
            let tasks = framework.tasks.values();
            tasks.map(move |task| (id, &task.resources))
        });
        let executors = master.agents.values().flat_map(Agent::executor_resources);
        for (framework, resources) in offered.chain(running).chain(executors) {
            shares.add(framework, resources);
        }
        for (id, framework) in &master.frameworks {
            for (role, offers) in &framework.offers_made {
                shares.add_offers(id, role, *offers);
            }
        }
        shares
    }

    /// So many offers were made.
    pub(super) fn add_offers(&mut self, framework: &FrameworkId, role: &str, offers: u64) {
        let held = entry(&mut self.roles, role);
        held.offers += offers;
        held.own(framework).offers += offers;
    }

    /// Somebody has got this, allocated to a role.
    pub(super) fn add(&mut self, framework: &FrameworkId, resources: &Resources) {
        for resource in resources {
            let Value::Scalar(amount) = resource.value() else {
                continue;
            };
            let role = resource.allocation_role().unwrap_or_default();
            let held = entry(&mut self.roles, role);
            held.all.add(resource.name(), *amount);
            let own = held.own(framework);
            own.amounts.add(resource.name(), *amount);
        }
    }

    /// The dominant share of a role: of the scalar that it has most of, how much of the cluster's;
    /// and how often it was offered anything.
    pub(super) fn of_role(&self, role: &str) -> (f64, u64) {
        self.roles.get(role).map_or((0.0, 0), |held| {
            (held.all.dominant_share(&self.total), held.offers)
        })
    }

    /// Those of one framework in a role.
    pub(super) fn of_framework(&self, framework: &FrameworkId, role: &str) -> (f64, u64) {
        self.roles
            .get(role)
            .and_then(|held| held.frameworks.get(framework))
            .map_or((0.0, 0), |own| {
                (own.amounts.dominant_share(&self.total), own.offers)
            })
    }
}

impl Held {
    fn own(&mut self, framework: &FrameworkId) -> &mut Own {
        if !self.frameworks.contains_key(framework) {
            self.frameworks.insert(framework.clone(), Own::default());
        }
        let own = self.frameworks.get_mut(framework);
        own.expect("it has just been put in")
    }
}

impl Amounts {
    fn add(&mut self, name: &str, amount: Scalar) {
        *entry(&mut self.0, name) += amount;
    }

    fn dominant_share(&self, total: &Self) -> f64 {
        let share = |(name, amount): (&String, &Scalar)| {
            let total = total.0.get(name).copied().unwrap_or_default().to_f64();
            if total > 0.0 {
                amount.to_f64() / total
            } else {
                0.0
            }
        };
        self.0.iter().map(share).fold(0.0, f64::max)
    }
}

/// Without a copy of a name that is there already.
fn entry<'a, V: Default>(map: &'a mut BTreeMap<String, V>, name: &str) -> &'a mut V {
    if !map.contains_key(name) {
        map.insert(name.to_owned(), V::default());
    }
    map.get_mut(name).expect("it has just been put in")
}
