//! From offers to launches.

use std::collections::{BTreeMap, HashSet};
use std::time::Instant;

use mesos::resources::Resources;
use mesos::{AgentId, ExecutorId};

use super::{Scheduler, Wave};
use crate::constraint::Attribute;
use crate::io::{Call, ExecutorLaunch, JobEvent, JobEventKind, Output, Progress, TaskLaunch};
use crate::offers::{Offer, REFUSE_UNWANTED, REFUSE_USELESS};
use crate::placement::{self, Assignment, Beside, Shortfall, Site, Want};
use crate::status::TaskState;

/// What constraints can know of an agent.
#[derive(Debug)]
pub(super) struct KnownAgent {
    hostname: String,
    attributes: Vec<Attribute>,
}

/// What is going to be launched on one site.
struct Launch {
    site: Site,
    /// Tasks by index, and what each takes.
    tasks: Vec<(usize, Resources)>,
    executor: Resources,
}

/// A wave that does not fit.
struct Unplaced {
    wave: usize,
    /// What it was offered, and whether each of these could hold any of its tasks.
    sites: Vec<Site>,
    helps: Vec<bool>,
    /// Why it does not fit, if that is to be told now.
    why: Option<Shortfall>,
}

impl Scheduler {
    pub(super) fn handle_offers(&mut self, now: Instant, offers: Vec<Offer>) {
        let is_wanted = self.interest.is_wanted();
        let refused = if is_wanted {
            self.pool.add(now, offers)
        } else {
            // They were on their way when SUPPRESS was sent.
            offers.into_iter().map(|offer| offer.id).collect()
        };
        if !refused.is_empty() {
            self.call(Call::Decline {
                offers: refused,
                refuse: REFUSE_UNWANTED,
            });
        }
        if is_wanted {
            self.place(now);
        }
    }

    /// Launches all pending tasks of each wave if all of them have a place, and says why if they
    /// have not. The waves choose in the order in which they began.
    pub(super) fn place(&mut self, now: Instant) {
        let mut unplaced = Vec::new();
        for index in 0..self.waves.len() {
            let wants = Wants::of(self, &self.waves[index]);
            if wants.is_empty() {
                continue;
            }
            let sites = self.pool.sites();
            let wanted = wants.as_slice(self);
            let (executor, strategy) = (&self.job.executor, self.job.strategy);
            match placement::place(&wanted, executor, &sites, strategy) {
                Ok(assignments) => match self.carve(&wants, sites, assignments) {
                    Ok(launches) => self.launch(index, launches),
                    Err(site) => self.refuse_sites(std::iter::once(&*site)),
                },
                Err(misfit) => {
                    let helps = placement::helps(&wanted, executor, &sites);
                    let why = self.waves[index]
                        .may_explain(now)
                        .then(|| misfit.explain(&wanted, executor, &sites, strategy));
                    unplaced.push(Unplaced {
                        wave: index,
                        sites,
                        helps,
                        why,
                    });
                }
            }
        }
        self.refuse_useless(&unplaced);
        for Unplaced {
            wave, sites, why, ..
        } in unplaced
        {
            match why {
                Some(why) => self.tell_shortfall(now, wave, why),
                None => self.waves[wave].explain_later(sites),
            }
        }
        self.settle_offers();
    }

    /// Gives back at once what helps none of the waves that do not fit. Sites are used as a whole,
    /// so those that are left are what they were when each wave looked at them.
    fn refuse_useless(&mut self, unplaced: &[Unplaced]) {
        if unplaced.is_empty() {
            return;
        }
        let mut useful = HashSet::new();
        for Unplaced { sites, helps, .. } in unplaced {
            let helpful = sites.iter().zip(helps).filter(|(_, helps)| **helps);
            useful.extend(helpful.map(|(site, _)| (&site.agent, &site.role)));
        }
        let sites = self.pool.sites();
        let useless = sites
            .iter()
            .filter(|site| !useful.contains(&(&site.agent, &site.role)));
        self.refuse_sites(useless);
    }

    /// Says why a wave does not fit, if that was put off.
    pub(super) fn explain(&mut self, now: Instant, wave: usize) {
        let Some(sites) = self.waves[wave].take_unexplained() else {
            return;
        };
        let wants = Wants::of(self, &self.waves[wave]);
        let wanted = wants.as_slice(self);
        let (executor, strategy) = (&self.job.executor, self.job.strategy);
        // It fits by now if less is wanted, and is launched with the next offers.
        if let Err(misfit) = placement::place(&wanted, executor, &sites, strategy) {
            let why = misfit.explain(&wanted, executor, &sites, strategy);
            self.tell_shortfall(now, wave, why);
        }
    }

    fn tell_shortfall(&mut self, now: Instant, wave: usize, why: Shortfall) {
        if self.waves[wave].note(now, &why) {
            self.tell_waiting(wave, why);
        }
    }

    /// Gives back at once what cannot help.
    fn refuse_sites<'a>(&mut self, sites: impl Iterator<Item = &'a Site>) {
        let offers: Vec<_> = sites.flat_map(|site| self.pool.take(site)).collect();
        if !offers.is_empty() {
            self.call(Call::Decline {
                offers,
                refuse: REFUSE_USELESS,
            });
        }
    }

    /// Picks tasks and resources for every assignment; the site that does not hold them if the
    /// numbers have deceived, which plain resources do not.
    fn carve(
        &self,
        wants: &Wants,
        sites: Vec<Site>,
        assignments: Vec<Assignment>,
    ) -> Result<Vec<Launch>, Box<Site>> {
        let mut sites: Vec<Option<Site>> = sites.into_iter().map(Some).collect();
        let mut pending: Vec<_> = wants
            .tasks
            .iter()
            .map(|tasks| tasks.iter().copied())
            .collect();
        let mut launches = Vec::with_capacity(assignments.len());
        for assignment in assignments {
            let site = sites[assignment.site]
                .take()
                .expect("a site is assigned once");
            let mut picked = Vec::new();
            for (want, &count) in assignment.tasks.iter().enumerate() {
                picked.extend(pending[want].by_ref().take(count as usize));
            }
            let needs: Vec<&Resources> = picked
                .iter()
                .map(|&index| {
                    let group = self.ledger.tasks()[index].group();
                    &self.job.groups[group].resources
                })
                .collect();
            let Some((executor, carved)) = placement::carve(&site, &self.job.executor, &needs)
            else {
                return Err(Box::new(site));
            };
            let tasks = picked.into_iter().zip(carved).collect();
            launches.push(Launch {
                site,
                tasks,
                executor,
            });
        }
        Ok(launches)
    }

    fn launch(&mut self, wave: usize, launches: Vec<Launch>) {
        let waits = self.waves[wave].take_waits();
        self.end_wait(waits);
        let tasks = launches.iter().flat_map(|launch| &launch.tasks);
        let tasks = tasks.map(|(task, _)| self.ledger.tasks()[*task].name().to_owned());
        self.report(Progress::Placed {
            tasks: tasks.collect(),
            agents: launches.len(),
        });
        for launch in launches {
            self.launch_on(launch);
        }
        self.waves[wave].launched();
    }

    fn launch_on(&mut self, launch: Launch) {
        let Launch {
            site,
            tasks,
            executor,
        } = launch;
        self.executors += 1;
        let (job, run) = (&self.job.name, &self.job.run);
        let id = ExecutorId::new(format!("{job}.{run}.{}", self.executors));
        let agent = site.agent.clone();
        let known = KnownAgent {
            hostname: site.hostname.clone(),
            attributes: site.attributes.clone(),
        };
        self.agents.insert(agent.clone(), known);
        let mut launched = Vec::with_capacity(tasks.len());
        let mut events = Vec::with_capacity(tasks.len());
        for (index, resources) in tasks {
            let task_id = self.ledger.launch(index, &agent, &id);
            let task = &self.ledger.tasks()[index];
            launched.push(TaskLaunch {
                id: task_id,
                name: task.name().to_owned(),
                group: task.group(),
                resources,
            });
            events.push(JobEvent {
                task: Some(task.name().to_owned()),
                state: Some(TaskState::Staging),
                agent: Some(agent.clone()),
                executor: Some(id.clone()),
                ..JobEvent::new(JobEventKind::TaskLaunched)
            });
        }
        let offers = self.pool.take(&site);
        self.output(Output::Accept {
            offers,
            executor: ExecutorLaunch {
                id,
                agent,
                resources: executor,
            },
            tasks: launched,
            refuse: REFUSE_UNWANTED,
        });
        self.outputs.extend(events.into_iter().map(Output::Event));
    }

    /// What to say of a wave while nothing is offered.
    pub(super) fn nothing_offered(&self, wave: usize) -> Shortfall {
        let wants = Wants::of(self, &self.waves[wave]);
        placement::nothing_offered(&wants.as_slice(self))
    }
}

/// The tasks of a wave that want a place, by group.
struct Wants {
    groups: Vec<usize>,
    tasks: Vec<Vec<usize>>,
}

impl Wants {
    fn of(scheduler: &Scheduler, wave: &Wave) -> Self {
        let mut by_group: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for index in wave.wanting(&scheduler.ledger) {
            let group = scheduler.ledger.tasks()[index].group();
            by_group.entry(group).or_default().push(index);
        }
        let (groups, tasks) = by_group.into_iter().unzip();
        Self { groups, tasks }
    }

    fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    fn as_slice<'a>(&self, scheduler: &'a Scheduler) -> Vec<Want<'a>> {
        let wants = self.groups.iter().zip(&self.tasks);
        wants
            .map(|(&index, tasks)| {
                let group = &scheduler.job.groups[index];
                Want {
                    group: &group.name,
                    // The count of a group is a u32.
                    count: u32::try_from(tasks.len()).unwrap_or(u32::MAX),
                    resources: &group.resources,
                    constraints: &group.constraints,
                    colocate: group.colocate,
                    beside: beside(scheduler, index),
                }
            })
            .collect()
    }
}

/// Where living tasks of a group are.
fn beside(scheduler: &Scheduler, group: usize) -> Vec<Beside<'_>> {
    if scheduler.ledger.live() == 0 {
        return Vec::new();
    }
    let tasks = scheduler.ledger.tasks().iter();
    let living = tasks.filter(|task| task.group() == group && !task.is_over());
    let mut on_agent: BTreeMap<&AgentId, u32> = BTreeMap::new();
    for agent in living.filter_map(|task| task.agent()) {
        *on_agent.entry(agent).or_default() += 1;
    }
    on_agent
        .into_iter()
        .filter_map(|(agent, tasks)| {
            let known = scheduler.agents.get(agent)?;
            Some(Beside {
                agent,
                hostname: &known.hostname,
                attributes: &known.attributes,
                tasks,
            })
        })
        .collect()
}
