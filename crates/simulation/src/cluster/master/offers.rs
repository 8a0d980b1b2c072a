//! What is offered, and what is taken back (PROTOCOL §6).

use std::time::Duration;

use mesos::OfferId;
use mesos::resources::Resources;
use scheduler::{Input, Offer};

use super::{Master, Offered, Standing};
use crate::job::{ANY_ROLE, ROLE};
use crate::net::{Event, Happening, Net};

/// Time between two allocation runs.
const ALLOCATION_INTERVAL: Duration = Duration::from_secs(1);

impl Master {
    pub(super) fn allocate_soon(&mut self, net: &mut Net, after: Duration) {
        let Some(life) = self.life.filter(|_| !self.allocates) else {
            return;
        };
        self.allocates = true;
        net.later(after, Happening::Allocate { life });
    }

    /// An allocation run.
    pub(crate) fn allocate(&mut self, net: &mut Net, life: u64) {
        if self.life != Some(life) {
            return;
        }
        self.allocates = false;
        if self.stream.is_none() || self.is_suppressed {
            return;
        }
        let mut made = Vec::new();
        self.filters.retain(|filter| filter.until > net.now);
        for index in 0..self.agents.len() {
            if !matches!(self.agents[index].standing, Standing::Connected { .. }) {
                continue;
            }
            let is_filtered = |free: &Resources| {
                let mut filters = self.filters.iter();
                filters.any(|it| it.agent == index && it.resources.contains(free))
            };
            let shares = self.shares(index).into_iter();
            let shares = shares.filter(|(_, share)| !share.is_empty() && !is_filtered(share));
            let shares: Vec<_> = shares.collect();
            for (role, share) in shares {
                made.push(self.offer(index, role, share));
            }
        }
        if !made.is_empty() {
            self.send(net, Event::Input(Input::Offers(made)));
        }
        self.allocate_soon(net, ALLOCATION_INTERVAL);
    }

    /// What is free on an agent, by the role that it is for.
    fn shares(&self, agent: usize) -> [(&'static str, Resources); 2] {
        let free = self.free(agent);
        let machine = &self.agents[agent].machine;
        let (mut reserved, mut others) = (Resources::new(), Resources::new());
        for resource in free.iter().cloned() {
            match resource.reservations().is_empty() && machine.role == ANY_ROLE {
                true => others += Resources::from(resource),
                false => reserved += Resources::from(resource),
            }
        }
        [(ROLE, reserved), (ANY_ROLE, others)].map(|(role, share)| (role, share.allocate(role)))
    }

    fn offer(&mut self, agent: usize, role: &str, resources: Resources) -> Offer {
        self.offers_made += 1;
        let id = OfferId::new(format!("o{}", self.offers_made));
        let offered = Offered {
            agent,
            resources: resources.clone(),
        };
        self.offers.insert(id.clone(), offered);
        Offer {
            id,
            agent: self.agents[agent].id.clone(),
            hostname: format!("host{agent}"),
            attributes: self.agents[agent].machine.attributes.clone(),
            role: role.to_owned(),
            resources,
        }
    }

    /// What nobody holds on an agent.
    fn free(&self, agent: usize) -> Resources {
        let offered = self.offers.values().filter(|it| it.agent == agent);
        let tasks = self.tasks.values().filter(|it| it.agent == agent);
        let executors = self.executors.values().filter(|(on, _)| *on == agent);
        let held = offered
            .map(|it| &it.resources)
            .chain(tasks.map(|it| &it.resources))
            .chain(executors.map(|(_, resources)| resources));
        let held = held.fold(Resources::new(), |sum, it| sum + it).unallocate();
        // What came back with an agent may not fit beside what was offered meanwhile.
        let free = self.agents[agent].machine.resources.checked_sub(&held);
        free.unwrap_or_default()
    }

    /// Takes back the offers of an agent, all or one.
    pub(crate) fn rescind(&mut self, net: &mut Net, agent: Option<usize>) {
        let of = |offered: &Offered| agent.is_none_or(|agent| offered.agent == agent);
        let taken: Vec<OfferId> = self
            .offers
            .iter()
            .filter(|(_, offered)| of(offered))
            .map(|(id, _)| id.clone())
            .collect();
        for id in taken {
            self.offers.remove(&id);
            self.send(net, Event::Input(Input::Rescind(id)));
        }
    }
}
