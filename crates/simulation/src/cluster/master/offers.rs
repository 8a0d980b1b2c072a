//! What is offered, and what is taken back (PROTOCOL §6).

use std::time::Duration;

use mesos::OfferId;
use mesos::resources::Resources;
use scheduler::{Input, Offer};

use super::{Filter, Master, Offered, Standing};
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
            let free = self.free(index);
            let is_filtered = |it: &Filter| it.agent == index && it.resources.contains(&free);
            if free.is_empty() || self.filters.iter().any(is_filtered) {
                continue;
            }
            self.offers_made += 1;
            let id = OfferId::new(format!("o{}", self.offers_made));
            let offered = Offered {
                agent: index,
                resources: free.clone(),
            };
            self.offers.insert(id.clone(), offered);
            made.push(Offer {
                id,
                agent: self.agents[index].id.clone(),
                hostname: format!("host{index}"),
                attributes: Vec::new(),
                role: "*".to_owned(),
                resources: free,
            });
        }
        if !made.is_empty() {
            self.send(net, Event::Input(Input::Offers(made)));
        }
        self.allocate_soon(net, ALLOCATION_INTERVAL);
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
        let held = held.fold(Resources::new(), |sum, it| sum + it);
        // What came back with an agent may not fit beside what was offered meanwhile.
        let free = self.agents[agent].total.checked_sub(&held);
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
