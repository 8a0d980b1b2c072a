//! Which task goes to which agent, and why a gang does not fit.
//!
//! A gang fits only when every task has a place of its own on some agent, the executor counted
//! once on each agent that is used; sums over agents mean nothing. [`place`] is a pure function:
//! first-fit-decreasing, and for small gangs that this leaves over a bounded exhaustive search.
//! It refuses to know about offers, attempts and time.

use std::fmt;

use mesos::resources::{Resources, Scalar};
use mesos::{AgentId, OfferId};

use crate::job::Strategy;

mod amounts;
mod explain;
mod greedy;
mod search;

pub use explain::{Leftover, Obstacle, Shortfall};

use amounts::{Amounts, Problem};

/// What one agent offers to one role: what a single ACCEPT can use.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    /// The agent.
    pub agent: AgentId,
    /// Its host name, for people.
    pub hostname: String,
    /// The role.
    pub role: String,
    /// The offers, to be used together.
    pub offers: Vec<OfferId>,
    /// What they hold together.
    pub resources: Resources,
}

/// Tasks that want a place: so many equal ones.
#[derive(Debug, Clone, Copy)]
pub struct Want<'a> {
    /// The name of their group.
    pub group: &'a str,
    /// How many.
    pub count: u32,
    /// What one of them needs: scalars, unreserved.
    pub resources: &'a Resources,
}

/// The places of one site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The site, by its index.
    pub site: usize,
    /// How many tasks of each want it takes, by the index of the want. At least one is not 0.
    pub tasks: Vec<u32>,
}

/// Whether the answer "it does not fit" is certain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certainty {
    /// No placement exists.
    Impossible,
    /// None was found, with a method that may miss one.
    NotFound,
}

/// Finds a place for every task, or says why there is none.
///
/// Everything fits or nothing does. Up to 64 tasks a placement that exists is found, unless the
/// search comes to its limit; above, first-fit-decreasing may miss one.
///
/// # Errors
/// What is left over and what stops it.
pub fn place(
    wants: &[Want<'_>],
    executor: &Resources,
    sites: &[Site],
    strategy: Strategy,
) -> Result<Vec<Assignment>, Shortfall> {
    let problem = Problem::new(wants, executor, sites);
    let greedy = greedy::place(&problem, strategy);
    if greedy.is_complete() {
        return Ok(greedy.assignments());
    }
    let certainty = match search::place(&problem) {
        search::Answer::Found(layout) => return Ok(layout.assignments()),
        search::Answer::Impossible => Certainty::Impossible,
        search::Answer::GaveUp => Certainty::NotFound,
    };
    Err(explain::shortfall(
        &problem, wants, sites, &greedy, certainty,
    ))
}

/// Why nothing fits when there is nothing to fit on.
pub fn nothing_offered(wants: &[Want<'_>]) -> Shortfall {
    let leftovers = wants.iter().map(|want| Leftover {
        group: want.group.to_owned(),
        tasks: want.count,
        count: want.count,
        obstacle: Obstacle::NothingOffered,
    });
    Shortfall {
        agents: 0,
        leftovers: leftovers.collect(),
        certainty: Certainty::Impossible,
    }
}

/// Whether a site can hold an executor with at least one of the tasks.
pub fn helps(wants: &[Want<'_>], executor: &Resources, site: &Site) -> bool {
    let problem = Problem::new(wants, executor, std::slice::from_ref(site));
    (0..problem.wants.len())
        .any(|want| problem.wants[want].count > 0 && problem.fits_alone(want, 0))
}

/// How many tasks of each want are on each site, while it is being worked out.
#[derive(Debug, Clone)]
struct Layout {
    /// What is free per site.
    free: Vec<Amounts>,
    /// Tasks per site, per want. Empty: the site is not used.
    tasks: Vec<Vec<u32>>,
    /// Tasks without a place, per want.
    left: Vec<u32>,
}

impl Layout {
    fn new(problem: &Problem) -> Self {
        Self {
            free: problem.sites.clone(),
            tasks: vec![Vec::new(); problem.sites.len()],
            left: problem.wants.iter().map(|want| want.count).collect(),
        }
    }

    fn is_complete(&self) -> bool {
        self.left.iter().all(|&count| count == 0)
    }

    fn is_open(&self, site: usize) -> bool {
        !self.tasks[site].is_empty()
    }

    /// Whether a task of the want fits on the site as it is now, with an executor if need be.
    fn fits(&self, problem: &Problem, want: usize, site: usize) -> bool {
        let need = &problem.wants[want].need;
        if self.is_open(site) {
            self.free[site].holds(need)
        } else {
            problem.fits_alone(want, site)
        }
    }

    fn put(&mut self, problem: &Problem, want: usize, site: usize) {
        if !self.is_open(site) {
            self.free[site].take(&problem.executor);
            self.tasks[site] = vec![0; problem.wants.len()];
        }
        self.free[site].take(&problem.wants[want].need);
        self.tasks[site][want] += 1;
        self.left[want] -= 1;
    }

    fn unput(&mut self, problem: &Problem, want: usize, site: usize) {
        self.free[site].give(&problem.wants[want].need);
        self.tasks[site][want] -= 1;
        self.left[want] += 1;
        if self.tasks[site].iter().all(|&count| count == 0) {
            self.free[site].give(&problem.executor);
            self.tasks[site].clear();
        }
    }

    fn assignments(self) -> Vec<Assignment> {
        self.tasks
            .into_iter()
            .enumerate()
            .filter(|(_, tasks)| !tasks.is_empty())
            .map(|(site, tasks)| Assignment { site, tasks })
            .collect()
    }
}

/// Takes what the executor and the tasks of an assignment need out of a site's resources, with
/// roles and reservations as offered.
///
/// `None` when the site does not hold it, which [`place`] never answers for scalars.
pub fn carve(
    site: &Site,
    executor: &Resources,
    tasks: &[&Resources],
) -> Option<(Resources, Vec<Resources>)> {
    let mut rest = site.resources.clone();
    let executor = take(&mut rest, executor)?;
    let mut carved = Vec::with_capacity(tasks.len());
    for task in tasks {
        carved.push(take(&mut rest, task)?);
    }
    Some((executor, carved))
}

fn take(rest: &mut Resources, wanted: &Resources) -> Option<Resources> {
    let found = rest.find(wanted)?;
    *rest = rest.checked_sub(&found)?;
    Some(found)
}

/// Writes an amount with the name of its resource: `0.5 cpus`, `64 MiB of mem`.
struct Amount<'a>(Scalar, &'a str);

impl fmt::Display for Amount<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(amount, name) = self;
        match *name {
            // Mesos counts both in mebibytes.
            "mem" | "disk" => write!(f, "{amount} MiB of {name}"),
            _ => write!(f, "{amount} {name}"),
        }
    }
}

#[cfg(test)]
mod tests;
