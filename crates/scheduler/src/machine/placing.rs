//! From offers to launches.

use std::collections::BTreeMap;
use std::time::Instant;

use mesos::resources::Resources;
use mesos::{AgentId, ExecutorId};

use super::{Scheduler, State};
use crate::constraint::Attribute;
use crate::io::{
    Call, ExecutorLaunch, JobEvent, JobEventKind, NeverPlaced, Outcome, Output, Progress,
    TaskLaunch,
};
use crate::ledger::Task;
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

    /// Launches all pending tasks if all have a place, and says why if they have not.
    fn place(&mut self, now: Instant) {
        let sites = self.pool.sites();
        let wants = Wants::of(self);
        let wanted = wants.as_slice(self);
        let (executor, strategy) = (&self.job.executor, self.job.strategy);
        match placement::place(&wanted, executor, &sites, strategy) {
            Ok(assignments) => match self.carve(&wants, sites, assignments) {
                Ok(launches) => self.launch(now, launches),
                Err(site) => self.refuse_sites(std::iter::once(&*site)),
            },
            Err(shortfall) => {
                let helps = placement::helps(&wanted, executor, &sites);
                let useless = sites.iter().zip(helps).filter(|(_, helps)| !helps);
                self.refuse_sites(useless.map(|(site, _)| site));
                self.tell_shortfall(shortfall);
            }
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

    fn launch(&mut self, now: Instant, launches: Vec<Launch>) {
        self.report(Progress::Placed {
            tasks: launches.iter().map(|launch| launch.tasks.len()).sum(),
            agents: launches.len(),
        });
        for launch in launches {
            self.launch_on(launch);
        }
        self.decline_held();
        if let State::Placing { until, .. } = self.state {
            self.state = State::Launching {
                until: until.max(now),
            };
        }
        if self.ledger.is_placed() {
            self.interest.want_nothing();
        }
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

    /// Says why the gang does not fit, unless that was said already.
    fn tell_shortfall(&mut self, new: Shortfall) {
        if let State::Placing {
            shortfall, tell_at, ..
        } = &mut self.state
        {
            *tell_at = None;
            // Once offers have been given back, what is offered next is only a part of the
            // picture again; it is still what is known.
            if shortfall.as_ref() != Some(&new) {
                *shortfall = Some(new.clone());
                self.report(Progress::Waiting(new));
            }
        }
    }

    /// Says that nothing is offered.
    pub(super) fn tell_quiet(&mut self) {
        let nothing = self.nothing_offered();
        if let State::Placing { tell_at, .. } = &mut self.state {
            *tell_at = None;
        }
        self.report(Progress::Waiting(nothing));
    }

    fn nothing_offered(&self) -> Shortfall {
        let wants = Wants::of(self);
        placement::nothing_offered(&wants.as_slice(self))
    }

    /// The gang was not up in time.
    pub(super) fn give_up_placing(&mut self, now: Instant) {
        if let State::Launching { .. } = self.state
            && self.ledger.is_up()
            && let Some(executor) = self.unconnected().cloned()
        {
            let reason = "it had not connected when the time of the gang was over".to_owned();
            return self.give_up_connecting(now, executor, reason);
        }
        let never = match &self.state {
            State::Placing { shortfall, .. } => {
                let shortfall = shortfall.clone().unwrap_or_else(|| self.nothing_offered());
                NeverPlaced::NoPlace(shortfall)
            }
            _ => {
                let tasks = self.ledger.tasks();
                let is_late = |task: &&Task| {
                    let mut executor = task.executor().into_iter();
                    task.state() != Some(TaskState::Running)
                        || executor.any(|executor| self.abandoned.contains(executor))
                };
                let first = tasks.iter().find(is_late);
                let first = first.expect("a gang that is up does not time out");
                NeverPlaced::NotUp {
                    up: self.ledger.running(),
                    tasks: tasks.len(),
                    first: (first.name().to_owned(), first.state()),
                }
            }
        };
        self.begin_stopping(now, Outcome::NeverPlaced(never));
    }
}

/// The pending tasks by group.
struct Wants {
    groups: Vec<usize>,
    tasks: Vec<Vec<usize>>,
}

impl Wants {
    fn of(scheduler: &Scheduler) -> Self {
        let mut wants = Self {
            groups: Vec::new(),
            tasks: Vec::new(),
        };
        for index in scheduler.ledger.pending() {
            let group = scheduler.ledger.tasks()[index].group();
            if wants.groups.last() != Some(&group) {
                wants.groups.push(group);
                wants.tasks.push(Vec::new());
            }
            let tasks = wants.tasks.last_mut().expect("it was pushed above");
            tasks.push(index);
        }
        wants
    }

    fn as_slice<'a>(&self, scheduler: &'a Scheduler) -> Vec<Want<'a>> {
        let wants = self.groups.iter().zip(&self.tasks);
        wants
            .map(|(&index, tasks)| {
                let group = &scheduler.job.groups[index];
                let is_whole = tasks.len() == group.count as usize;
                Want {
                    group: &group.name,
                    // The count of a group is a u32.
                    count: u32::try_from(tasks.len()).unwrap_or(u32::MAX),
                    resources: &group.resources,
                    constraints: &group.constraints,
                    colocate: group.colocate,
                    beside: if is_whole {
                        Vec::new()
                    } else {
                        beside(scheduler, index)
                    },
                }
            })
            .collect()
    }
}

/// Where living tasks of a group are.
fn beside(scheduler: &Scheduler, group: usize) -> Vec<Beside<'_>> {
    let tasks = scheduler.ledger.tasks().iter();
    let living = tasks.filter(|task| task.group() == group && task.ended().is_none());
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
