//! Where a gang would go if it were launched on what is offered now; nothing is launched.

use std::time::{Duration, Instant};

use mesos::{AgentId, OfferId};

use crate::job::{InvalidJob, Job};
use crate::offers::{Offer, OfferPool};
use crate::placement::{self, Misfit, Shortfall, Site, Want};

/// The offers for a job, as they come in.
#[derive(Debug)]
pub struct Plan {
    job: Job,
    pool: OfferPool,
}

/// The tasks that would be launched on one agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedAgent {
    /// The agent.
    pub agent: AgentId,
    /// Its host name.
    pub hostname: String,
    /// The groups, in the order of the job, and how many tasks of each; none with no task.
    pub tasks: Vec<(String, u32)>,
}

impl Plan {
    /// A plan for a job before anything is offered.
    ///
    /// # Errors
    /// When no cluster could run the job.
    pub fn new(job: Job) -> Result<Self, InvalidJob> {
        job.check()?;
        Ok(Self {
            // Whoever listens says when it is enough; nothing is given back before.
            pool: OfferPool::new(Duration::MAX, fastrand::Rng::with_seed(0)),
            job,
        })
    }

    /// Takes offers in; answers those for which there is no room.
    pub fn add(&mut self, now: Instant, offers: Vec<Offer>) -> Vec<OfferId> {
        self.pool.add(now, offers)
    }

    /// An offer is no longer valid.
    pub fn rescind(&mut self, offer: &OfferId) {
        self.pool.rescind(offer);
    }

    /// No offer is valid any more: the subscription is lost.
    pub fn void(&mut self) {
        self.pool.void();
    }

    /// All offers, to be given back.
    pub fn take_all(&mut self) -> Vec<OfferId> {
        self.pool.take_all()
    }

    /// Where the tasks would go, if all have a place.
    pub fn places(&self) -> Option<Vec<PlannedAgent>> {
        let (wants, sites) = (self.wants(), self.pool.sites());
        self.place(&wants, &sites).ok()
    }

    /// Where the tasks would go.
    ///
    /// # Errors
    /// Why there is no place for them on what is offered.
    pub fn answer(&self) -> Result<Vec<PlannedAgent>, Shortfall> {
        let (wants, sites) = (self.wants(), self.pool.sites());
        if sites.is_empty() {
            return Err(placement::nothing_offered(&wants));
        }
        self.place(&wants, &sites)
            .map_err(|misfit| misfit.explain(&wants, &self.job.executor, &sites, self.job.strategy))
    }

    fn wants(&self) -> Vec<Want<'_>> {
        let groups = self.job.groups.iter();
        let wants = groups.map(|group| Want {
            group: &group.name,
            count: group.count,
            resources: &group.resources,
            constraints: &group.constraints,
            colocate: group.colocate,
            beside: Vec::new(),
        });
        wants.collect()
    }

    fn place(&self, wants: &[Want<'_>], sites: &[Site]) -> Result<Vec<PlannedAgent>, Box<Misfit>> {
        let places = placement::place(wants, &self.job.executor, sites, self.job.strategy)?;
        let planned = places.into_iter().map(|assignment| {
            let site = &sites[assignment.site];
            let counts = self.job.groups.iter().zip(assignment.tasks);
            PlannedAgent {
                agent: site.agent.clone(),
                hostname: site.hostname.clone(),
                tasks: counts
                    .filter(|(_, count)| *count > 0)
                    .map(|(group, count)| (group.name.clone(), count))
                    .collect(),
            }
        });
        Ok(planned.collect())
    }
}
