//! Why a gang does not fit: which tasks are left over, and what stops them where.

use std::collections::BTreeMap;
use std::fmt;

use mesos::resources::Scalar;

use super::layout::Layout;
use super::measure::Measure;
use super::problem::Problem;
use super::remedy::Remedy;
use super::rules::Source;
use super::{Amount, Certainty, Site, Want};

/// Why a gang does not fit on what is offered.
#[derive(Debug, Clone, PartialEq)]
pub struct Shortfall {
    /// How many agents there was a choice of.
    pub agents: usize,
    /// The groups of which tasks are left over when as many as possible were placed.
    pub leftovers: Vec<Leftover>,
    /// Whether that is certain.
    pub certainty: Certainty,
    /// What would make it fit, the most likely first; each by itself.
    pub remedies: Vec<Remedy>,
}

/// Tasks of one group that have no place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// The group.
    pub group: String,
    /// How many of its tasks are left over.
    pub tasks: u32,
    /// Out of how many.
    pub count: u32,
    /// What stops them.
    pub obstacle: Obstacle,
    /// What keeps one more of them off each agent, once all others are placed; the most frequent
    /// first.
    pub stops: Vec<Stop>,
}

/// What stops the tasks of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// There is no offer to use.
    NothingOffered,
    /// No agent satisfies the constraints of the group.
    Excluded {
        /// The constraint that excludes most agents.
        constraint: String,
    },
    /// No agent is large enough for one task.
    TooLarge {
        /// The resource of which the agents have too little.
        resource: Measure,
        /// What a task and its executor need.
        wanted: Scalar,
        /// The most that any agent offers.
        most: Scalar,
        /// The host name of that agent.
        hostname: String,
    },
    /// All agents together do not have enough for the gang.
    TooLittle {
        /// The resource.
        resource: Measure,
        /// How much is missing, at least.
        missing: Scalar,
    },
    /// Agents have room, but a constraint does not let more tasks go there.
    Bounded {
        /// The constraint, or `colocate`.
        constraint: String,
    },
    /// There is enough in sum, but not in pieces of the right size.
    Scattered,
}

/// What keeps a task off so many agents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// What it is.
    pub cause: Cause,
    /// On how many agents.
    pub agents: usize,
}

/// What keeps a task off an agent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// A constraint of its group, as written in a job file, or `colocate`.
    Constraint(String),
    /// Too little is left of this resource.
    Resource(Measure),
}

/// Says what is left over of a layout, and why.
pub(super) fn shortfall(
    problem: &Problem,
    wants: &[Want<'_>],
    sites: &[Site],
    layout: &Layout,
    certainty: Certainty,
) -> Shortfall {
    let leftovers = wants
        .iter()
        .enumerate()
        .filter(|(want, _)| layout.left[*want] > 0)
        .map(|(index, want)| {
            let view = View {
                problem,
                sites,
                layout,
                want,
                index,
            };
            Leftover {
                group: want.group.to_owned(),
                tasks: layout.left[index],
                count: want.count,
                obstacle: view.obstacle(),
                stops: view.stops(),
            }
        })
        .collect();
    Shortfall {
        agents: sites.len(),
        leftovers,
        certainty,
        remedies: Vec::new(),
    }
}

/// A layout from where one of the wants stands.
struct View<'a> {
    problem: &'a Problem,
    sites: &'a [Site],
    layout: &'a Layout,
    want: &'a Want<'a>,
    index: usize,
}

impl View<'_> {
    fn obstacle(&self) -> Obstacle {
        if self.sites.is_empty() {
            return Obstacle::NothingOffered;
        }
        let open: Vec<usize> = (0..self.sites.len())
            .filter(|&site| self.sites[site].satisfies(self.want))
            .collect();
        self.excluded(&open)
            .or_else(|| self.too_large(&open))
            .or_else(|| self.too_little())
            .or_else(|| self.bounded())
            .unwrap_or(Obstacle::Scattered)
    }

    /// The constraint that excludes most agents, when no agent satisfies all of them.
    fn excluded(&self, open: &[usize]) -> Option<Obstacle> {
        if !open.is_empty() {
            return None;
        }
        let excludes = |site: &Site, constraint| !site.traits().satisfies(constraint);
        let constraint = self
            .want
            .constraints
            .iter()
            .rev()
            .max_by_key(|constraint| {
                let sites = self.sites.iter();
                sites.filter(|site| excludes(site, constraint)).count()
            })?;
        Some(Obstacle::Excluded {
            constraint: constraint.to_string(),
        })
    }

    /// The resource that keeps a single task off every agent, taken from the agent that comes
    /// nearest.
    fn too_large(&self, open: &[usize]) -> Option<Obstacle> {
        let problem = self.problem;
        let need = problem.alone(self.index);
        if open.iter().any(|&site| problem.sites[site].holds(&need)) {
            return None;
        }
        let share = |site: &&usize| need.dominant_share(&problem.sites[**site]);
        let nearest = *open.iter().min_by(|a, b| share(a).total_cmp(&share(b)))?;
        let columns = 0..problem.columns.len();
        let column = columns
            .filter(|&column| problem.sites[nearest].lacks(&need, column).is_some())
            .max_by(|&a, &b| {
                let share = |column: usize| {
                    need.column(column).to_f64() / problem.sites[nearest].column(column).to_f64()
                };
                share(a).total_cmp(&share(b))
            })?;
        let most = *open
            .iter()
            .max_by_key(|&&site| problem.sites[site].column(column))?;
        Some(Obstacle::TooLarge {
            resource: problem.columns[column].clone(),
            wanted: need.column(column),
            most: problem.sites[most].column(column),
            hostname: self.sites[most].hostname.clone(),
        })
    }

    /// The resource that the task needs and of which there is too little for the whole gang.
    fn too_little(&self) -> Option<Obstacle> {
        let problem = self.problem;
        let wanted = problem.together(problem.wants.iter().map(|want| want.count));
        let short = (0..problem.columns.len()).filter_map(|column| {
            let asks = !problem.wants[self.index].need.column(column).is_zero();
            let missing = problem.total.lacks(&wanted, column).filter(|_| asks)?;
            let share = missing.to_f64() / wanted.column(column).to_f64();
            Some((column, missing, share))
        });
        let (column, missing, _) = short.max_by(|a, b| a.2.total_cmp(&b.2))?;
        Some(Obstacle::TooLittle {
            resource: problem.columns[column].clone(),
            missing,
        })
    }

    /// The constraint that keeps tasks off agents with room for them, on most agents.
    fn bounded(&self) -> Option<Obstacle> {
        let need = &self.problem.wants[self.index].need;
        let has_room = |site: &usize| self.layout.free[*site].holds(need);
        let mut counts: BTreeMap<Source, usize> = BTreeMap::new();
        for site in (0..self.sites.len()).filter(has_room) {
            if let Some(source) = self.layout.stopped_by(self.problem, self.index, site) {
                *counts.entry(source).or_default() += 1;
            }
        }
        let most = counts.into_iter().rev().max_by_key(|(_, agents)| *agents);
        most.map(|(source, _)| Obstacle::Bounded {
            constraint: self.name(source),
        })
    }

    fn stops(&self) -> Vec<Stop> {
        let mut counts: BTreeMap<Cause, usize> = BTreeMap::new();
        for site in 0..self.sites.len() {
            if let Some(cause) = self.cause(site) {
                *counts.entry(cause).or_default() += 1;
            }
        }
        let stops = counts.into_iter();
        let mut stops: Vec<Stop> = stops
            .map(|(cause, agents)| Stop { cause, agents })
            .collect();
        stops.sort_by_key(|stop| std::cmp::Reverse(stop.agents));
        stops
    }

    /// What keeps one more task off a site.
    fn cause(&self, site: usize) -> Option<Cause> {
        let traits = self.sites[site].traits();
        let mut constraints = self.want.constraints.iter();
        if let Some(constraint) = constraints.find(|constraint| !traits.satisfies(constraint)) {
            return Some(Cause::Constraint(constraint.to_string()));
        }
        if let Some(source) = self.layout.stopped_by(self.problem, self.index, site) {
            return Some(Cause::Constraint(self.name(source)));
        }
        let problem = self.problem;
        let alone = problem.alone(self.index);
        // A site that is too small for the executor has nothing for tasks.
        let (have, need) = if problem.sites[site].holds(&problem.executor) {
            (&self.layout.free[site], &problem.wants[self.index].need)
        } else {
            (&problem.sites[site], &alone)
        };
        let share = |column: usize| have.column(column).to_f64() / need.column(column).to_f64();
        // Where there are no ports, the one that is missing says more.
        let is_amount = |column: usize| matches!(problem.columns[column], Measure::Amount(_));
        let columns = 0..problem.columns.len();
        let scarcest = columns
            .filter(|&column| have.lacks(need, column).is_some())
            .min_by(|&a, &b| {
                share(a)
                    .total_cmp(&share(b))
                    .then(is_amount(a).cmp(&is_amount(b)))
            })?;
        Some(Cause::Resource(problem.columns[scarcest].clone()))
    }

    fn name(&self, source: Source) -> String {
        match source {
            Source::Constraint(index) => self.want.constraints[index].to_string(),
            Source::Colocation => "colocate".to_owned(),
        }
    }
}

impl fmt::Display for Shortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let agents = self.agents;
        match agents {
            0 => return f.write_str("no agent offers anything"),
            1 => f.write_str("on offer is 1 agent; no place for ")?,
            _ => write!(f, "on offer are {agents} agents; no place for ")?,
        }
        for (index, leftover) in self.leftovers.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; nor for " };
            write!(f, "{separator}{leftover}")?;
        }
        if self.certainty == Certainty::NotFound {
            f.write_str("; there may be a place that was not found")?;
        }
        for (index, remedy) in self.remedies.iter().enumerate() {
            let separator = if index == 0 {
                "; it would fit "
            } else {
                ", or "
            };
            write!(f, "{separator}{remedy}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Leftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            group,
            tasks,
            count,
            obstacle,
            stops,
        } = self;
        write!(f, "{tasks} of {count} `{group}`: {obstacle}")?;
        // A single cause is mostly what the obstacle has named already.
        if stops.len() < 2 && *obstacle != Obstacle::Scattered {
            return Ok(());
        }
        for (index, stop) in stops.iter().enumerate() {
            write!(f, "{}{stop}", if index == 0 { " (" } else { ", " })?;
        }
        f.write_str(")")
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.agents == 1 { "" } else { "s" };
        let agents = self.agents;
        match &self.cause {
            Cause::Constraint(constraint) => {
                write!(f, "`{constraint}` rules out {agents} agent{plural}")
            }
            Cause::Resource(resource) => {
                let verb = if agents == 1 { "lacks" } else { "lack" };
                write!(f, "{agents} agent{plural} {verb} {resource}")
            }
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingOffered => f.write_str("nothing is offered"),
            Self::Excluded { constraint } => {
                write!(
                    f,
                    "no agent satisfies its constraints, most not `{constraint}`"
                )
            }
            Self::TooLarge {
                resource,
                wanted,
                most,
                ..
            } if most.is_zero() => {
                let wanted = Amount(*wanted, resource);
                write!(f, "one needs {wanted}, which no agent offers")
            }
            Self::TooLarge {
                resource,
                wanted,
                most,
                hostname,
            } => write!(
                f,
                "one and its executor need {}, the most that any agent offers is {most} (`{hostname}`)",
                Amount(*wanted, resource)
            ),
            Self::TooLittle {
                resource: number @ Measure::Number(..),
                ..
            } => write!(f, "too few agents offer {number}"),
            Self::TooLittle { resource, missing } => {
                write!(f, "{} are missing in all", Amount(*missing, resource))
            }
            Self::Bounded { constraint } => write!(f, "`{constraint}` allows no more"),
            Self::Scattered => f.write_str("what is free is in pieces that are too small"),
        }
    }
}
