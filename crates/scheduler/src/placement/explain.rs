//! Why a gang does not fit: which tasks are left over, and what stops them.

use std::fmt;

use mesos::resources::Scalar;

use super::amounts::Problem;
use super::{Amount, Certainty, Layout, Site, Want};

/// Why a gang does not fit on what is offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortfall {
    /// How many agents there was a choice of.
    pub agents: usize,
    /// The groups of which tasks are left over when as many as possible were placed.
    pub leftovers: Vec<Leftover>,
    /// Whether that is certain.
    pub certainty: Certainty,
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
}

/// What stops the tasks of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// There is no offer to use.
    NothingOffered,
    /// No agent is large enough for one task.
    TooLarge {
        /// The resource of which the agents have too little.
        resource: String,
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
        resource: String,
        /// How much is missing, at least.
        missing: Scalar,
    },
    /// There is enough in sum, but not in pieces of the right size.
    Scattered,
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
        .map(|(index, want)| Leftover {
            group: want.group.to_owned(),
            tasks: layout.left[index],
            count: want.count,
            obstacle: obstacle(problem, sites, index),
        })
        .collect();
    Shortfall {
        agents: sites.len(),
        leftovers,
        certainty,
    }
}

fn obstacle(problem: &Problem, sites: &[Site], want: usize) -> Obstacle {
    if sites.is_empty() {
        return Obstacle::NothingOffered;
    }
    too_large(problem, sites, want)
        .or_else(|| too_little(problem, want))
        .unwrap_or(Obstacle::Scattered)
}

/// The resource that keeps a single task off every agent, taken from the agent that comes nearest.
fn too_large(problem: &Problem, sites: &[Site], want: usize) -> Option<Obstacle> {
    let need = problem.alone(want);
    if (0..sites.len()).any(|site| problem.sites[site].holds(&need)) {
        return None;
    }
    let share = |site: &usize| need.dominant_share(&problem.sites[*site]);
    let nearest = (0..sites.len()).min_by(|a, b| share(a).total_cmp(&share(b)))?;
    let columns = 0..problem.columns.len();
    let column = columns
        .filter(|&column| problem.sites[nearest].lacks(&need, column).is_some())
        .max_by(|&a, &b| {
            let share = |column: usize| {
                need.column(column).to_f64() / problem.sites[nearest].column(column).to_f64()
            };
            share(a).total_cmp(&share(b))
        })?;
    let most = (0..sites.len()).max_by_key(|&site| problem.sites[site].column(column))?;
    Some(Obstacle::TooLarge {
        resource: problem.columns[column].clone(),
        wanted: need.column(column),
        most: problem.sites[most].column(column),
        hostname: sites[most].hostname.clone(),
    })
}

/// The resource that the task needs and of which there is too little for the whole gang.
fn too_little(problem: &Problem, want: usize) -> Option<Obstacle> {
    let wanted = problem.together(problem.wants.iter().map(|want| want.count));
    let short = (0..problem.columns.len()).filter_map(|column| {
        let asks = !problem.wants[want].need.column(column).is_zero();
        let missing = problem.total.lacks(&wanted, column).filter(|_| asks)?;
        Some((
            column,
            missing,
            missing.to_f64() / wanted.column(column).to_f64(),
        ))
    });
    let (column, missing, _) = short.max_by(|a, b| a.2.total_cmp(&b.2))?;
    Some(Obstacle::TooLittle {
        resource: problem.columns[column].clone(),
        missing,
    })
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
        } = self;
        write!(f, "{tasks} of {count} `{group}`: {obstacle}")
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingOffered => f.write_str("nothing is offered"),
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
            Self::TooLittle { resource, missing } => {
                write!(f, "{} are missing in all", Amount(*missing, resource))
            }
            Self::Scattered => f.write_str("what is free is in pieces that are too small"),
        }
    }
}
