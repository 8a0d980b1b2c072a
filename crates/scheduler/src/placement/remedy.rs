//! The smallest changes that would make a gang fit, each of them tried out.

use std::fmt;

use mesos::AgentId;
use mesos::resources::{Resource, Resources, Scalar};

use super::amounts::Amounts;
use super::layout::Layout;
use super::measure::Measure;
use super::problem::Problem;
use super::{Effort, Site, Want, solve};
use crate::constraint::{Constraint, Operator};
use crate::job::Strategy;

/// A change with which the gang would fit.
#[derive(Debug, Clone, PartialEq)]
pub enum Remedy {
    /// One agent offers more.
    MoreOnAgent {
        /// The host name of the agent.
        hostname: String,
        /// How much more of what; never empty.
        amounts: Vec<(String, Scalar)>,
    },
    /// There are more agents of a kind that is there.
    MoreAgents {
        /// How many more.
        agents: usize,
        /// The host name of one of the kind.
        hostname: String,
    },
    /// A group has another constraint, or none, in the place of one of its own.
    Constraint {
        /// The group.
        group: String,
        /// The constraint that it has.
        old: String,
        /// What would do instead; none: to leave it out.
        new: Option<String>,
    },
    /// A group is not colocated.
    NotColocated {
        /// The group.
        group: String,
    },
}

/// How much work all trials together may be, counted in tasks and in kinds times sites: some ten
/// milliseconds. A gang of 64 tasks on 50 agents has some 100 trials, one of 10,000 on 1,000 six.
const WORK_MAX: usize = 200_000;

/// How far one trial may look: a hundred of them are to take no longer than the search itself.
const EFFORT: Effort = Effort {
    greedy: 100_000,
    repair: 50_000,
    search: 5_000,
};

/// The most agents that are asked for more of.
const AGENTS_MAX: usize = 64;

/// Finds for each kind of change the smallest that helps; the most likely one first.
pub(super) fn find(
    problem: &Problem,
    wants: &[Want<'_>],
    executor: &Resources,
    sites: &[Site],
    strategy: Strategy,
    layout: &Layout,
) -> Vec<Remedy> {
    if sites.is_empty() {
        return Vec::new();
    }
    let mut trials = Trials {
        executor,
        strategy,
        work: WORK_MAX,
    };
    let constraint = trials.constraint(wants, sites, layout);
    let whole = with_whole_groups_left(problem, wants, layout);
    let more = trials.more_on_agent(problem, wants, sites, &whole);
    let agents = trials.more_agents(problem, wants, sites, layout);
    [constraint, more, agents].into_iter().flatten().collect()
}

struct Trials<'a> {
    executor: &'a Resources,
    strategy: Strategy,
    /// How much work may still be done.
    work: usize,
}

impl Trials<'_> {
    /// Whether these fit on those; "no" when there is no time left to find out.
    fn fits(&mut self, wants: &[Want<'_>], sites: &[Site]) -> bool {
        let tasks: usize = wants.iter().map(|want| want.count as usize).sum();
        let work = tasks + wants.len() * sites.len();
        let Some(rest) = self.work.checked_sub(work) else {
            self.work = 0;
            return false;
        };
        self.work = rest;
        let mut problem = Problem::new(wants, self.executor, sites);
        solve(&mut problem, self.strategy, EFFORT).is_ok()
    }

    /// The least number in `1..=most` for which it fits, if growing numbers only help.
    fn least(
        &mut self,
        most: usize,
        mut fits: impl FnMut(&mut Self, usize) -> bool,
    ) -> Option<usize> {
        let (mut too_few, mut enough) = (0, 1);
        while !fits(self, enough) {
            if enough >= most {
                return None;
            }
            too_few = enough;
            enough = (enough * 2).min(most);
        }
        Some(self.least_between(too_few, enough, fits))
    }

    /// The least number for which it fits, if it does for `enough` and not for `too_few`; a larger
    /// one when there is no time left to find out.
    fn least_between(
        &mut self,
        mut too_few: usize,
        mut enough: usize,
        mut fits: impl FnMut(&mut Self, usize) -> bool,
    ) -> usize {
        while enough - too_few > 1 && self.work > 0 {
            let middle = too_few + (enough - too_few) / 2;
            if fits(self, middle) {
                enough = middle;
            } else {
                too_few = middle;
            }
        }
        enough
    }

    /// Weakens one constraint of one of the groups that are left over.
    fn constraint(
        &mut self,
        wants: &[Want<'_>],
        sites: &[Site],
        layout: &Layout,
    ) -> Option<Remedy> {
        for (index, want) in wants.iter().enumerate() {
            if layout.left[index] == 0 {
                continue;
            }
            for number in 0..want.constraints.len() {
                if let Some(new) = self.weakened(wants, sites, index, number) {
                    return Some(Remedy::Constraint {
                        group: want.group.to_owned(),
                        old: want.constraints[number].to_string(),
                        new: new.map(|constraint| constraint.to_string()),
                    });
                }
            }
            let mut changed = wants.to_vec();
            changed[index].colocate = false;
            if want.colocate && self.fits(&changed, sites) {
                return Some(Remedy::NotColocated {
                    group: want.group.to_owned(),
                });
            }
        }
        None
    }

    /// The strongest constraint that could be in the place of one that is too strong; the inner
    /// none: none at all. The outer none: this one is not at fault.
    fn weakened(
        &mut self,
        wants: &[Want<'_>],
        sites: &[Site],
        want: usize,
        number: usize,
    ) -> Option<Option<Constraint>> {
        let old = &wants[want].constraints[number];
        let mut without = wants[want].constraints.to_vec();
        without.remove(number);
        let fits_with = |trials: &mut Self, new: Option<Constraint>| {
            let constraints: Vec<Constraint> = without.iter().cloned().chain(new).collect();
            let mut changed = wants.to_vec();
            changed[want].constraints = &constraints;
            trials.fits(&changed, sites)
        };
        if !fits_with(self, None) {
            return None;
        }
        let with = |operator: Operator| Constraint {
            field: old.field.clone(),
            operator,
        };
        let most = wants[want].count as usize;
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let new = match old.operator {
            Operator::Is(_) | Operator::Like(_) | Operator::Unlike(_) => None,
            Operator::Unique | Operator::MaxPer(_) => {
                let from = match old.operator {
                    Operator::MaxPer(now) => now as usize,
                    _ => 1,
                };
                let least = self.least(most.saturating_sub(from).max(1), |trials, more| {
                    let new = with(Operator::MaxPer(number(from + more)));
                    fits_with(trials, Some(new))
                });
                least.map(|more| with(Operator::MaxPer(number(from + more))))
            }
            Operator::GroupBy(now) => {
                let least = self.least((now as usize).saturating_sub(1).max(1), |trials, fewer| {
                    let values = now.saturating_sub(number(fewer)).max(1);
                    fits_with(trials, Some(with(Operator::GroupBy(values))))
                });
                least.map(|fewer| with(Operator::GroupBy(now.saturating_sub(number(fewer)).max(1))))
            }
        };
        Some(new)
    }

    /// Lets the agent that comes nearest take all that is left over.
    fn more_on_agent(
        &mut self,
        problem: &Problem,
        wants: &[Want<'_>],
        sites: &[Site],
        layout: &Layout,
    ) -> Option<Remedy> {
        let lacking = (0..sites.len())
            .filter_map(|site| Some((site, lacking(problem, wants, sites, layout, site)?)));
        let size = |lacking: &Amounts| lacking.dominant_share(&problem.total);
        let (site, lacking) = lacking.min_by(|(_, a), (_, b)| size(a).total_cmp(&size(b)))?;
        let mut amounts: Vec<(String, Scalar)> = problem
            .columns
            .iter()
            .enumerate()
            .map(|(column, measure)| (measure.resource().to_owned(), lacking.column(column)))
            .filter(|(_, amount)| !amount.is_zero())
            .collect();
        let with = |amounts: &[(String, Scalar)]| {
            let mut sites = sites.to_vec();
            for (name, amount) in amounts {
                sites[site].resources += Resources::from(Resource::scalar(name, *amount));
            }
            sites
        };
        if amounts.is_empty() || !self.fits(wants, &with(&amounts)) {
            return None;
        }
        // The rest may be laid out better than it was; then less will do.
        if let [(name, amount)] = &mut amounts[..] {
            let most = usize::try_from(amount.thousandths()).unwrap_or(usize::MAX);
            let thousandths =
                |number: usize| Scalar::from_thousandths(i64::try_from(number).unwrap_or(i64::MAX));
            let least = self.least_between(0, most, |trials, more| {
                trials.fits(wants, &with(&[(name.clone(), thousandths(more))]))
            });
            *amount = thousandths(least);
        }
        Some(Remedy::MoreOnAgent {
            hostname: sites[site].hostname.clone(),
            amounts,
        })
    }

    /// Adds agents like the largest that can take what is left over.
    fn more_agents(
        &mut self,
        problem: &Problem,
        wants: &[Want<'_>],
        sites: &[Site],
        layout: &Layout,
    ) -> Option<Remedy> {
        let left = |want: &usize| layout.left[*want] > 0;
        let left: Vec<usize> = (0..wants.len()).filter(left).collect();
        let takes = |site: &&usize| {
            left.iter()
                .all(|&want| problem.wants[want].eligible[**site])
        };
        let like = *problem.largest_first.iter().find(takes)?;
        let agents = self.least(AGENTS_MAX, |trials, agents| {
            let mut sites = sites.to_vec();
            for number in 0..agents {
                // Names that no agent has.
                sites.push(Site {
                    agent: AgentId::new(format!("{} {number}", sites[like].agent)),
                    hostname: format!("{} {number}", sites[like].hostname),
                    ..sites[like].clone()
                });
            }
            trials.fits(wants, &sites)
        })?;
        Some(Remedy::MoreAgents {
            agents,
            hostname: sites[like].hostname.clone(),
        })
    }
}

/// The layout without the tasks of colocated groups of which some are left over: those can only go
/// to another agent together.
fn with_whole_groups_left(problem: &Problem, wants: &[Want<'_>], layout: &Layout) -> Layout {
    let mut layout = layout.clone();
    for (index, want) in wants.iter().enumerate() {
        if !want.colocate || layout.left[index] == 0 {
            continue;
        }
        for site in 0..problem.sites.len() {
            while layout.count(index, site) > 0 {
                layout.unput(problem, index, site);
            }
        }
    }
    layout
}

/// What a site lacks to take all that is left over, if no constraint is in the way.
fn lacking(
    problem: &Problem,
    wants: &[Want<'_>],
    sites: &[Site],
    layout: &Layout,
    site: usize,
) -> Option<Amounts> {
    let mut needed = Amounts::zero(problem.columns.len());
    for (want, kind) in problem.wants.iter().enumerate() {
        let left = layout.left[want];
        if left > 0 {
            let may_come = sites[site].satisfies(&wants[want]);
            if !may_come || layout.allowance(problem, want, site) < left {
                return None;
            }
            needed.give_times(&kind.need, left);
        }
    }
    let lacking = if problem.sites[site].holds(&problem.executor) {
        needed.beyond(&layout.free[site])
    } else {
        needed.plus(&problem.executor).beyond(&problem.sites[site])
    };
    // A second port of the same number is nothing that an agent could have.
    let mut columns = problem.columns.iter().enumerate();
    let is_number = |column: &Measure| matches!(column, Measure::Number(..));
    let can_grow =
        columns.all(|(index, column)| !is_number(column) || lacking.column(index).is_zero());
    can_grow.then_some(lacking)
}

/// Writes an amount that is added: `0.4 more cpus`, `64 MiB more of mem`.
fn write_more(f: &mut fmt::Formatter<'_>, name: &str, amount: Scalar) -> fmt::Result {
    match name {
        // Mesos counts both in mebibytes.
        "mem" | "disk" => write!(f, "{amount} MiB more of {name}"),
        _ => write!(f, "{amount} more {name}"),
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MoreOnAgent { hostname, amounts } => {
                f.write_str("with ")?;
                for (index, (name, amount)) in amounts.iter().enumerate() {
                    let separator = if index == 0 { "" } else { " and " };
                    f.write_str(separator)?;
                    write_more(f, name, *amount)?;
                }
                write!(f, " on `{hostname}`")
            }
            Self::MoreAgents {
                agents: 1,
                hostname,
            } => {
                write!(f, "with 1 more agent like `{hostname}`")
            }
            Self::MoreAgents { agents, hostname } => {
                write!(f, "with {agents} more agents like `{hostname}`")
            }
            Self::Constraint {
                group,
                old,
                new: None,
            } => {
                write!(f, "without `{old}` of `{group}`")
            }
            Self::Constraint {
                group,
                old,
                new: Some(new),
            } => {
                write!(f, "with `{new}` in place of `{old}` of `{group}`")
            }
            Self::NotColocated { group } => write!(f, "without `colocate` of `{group}`"),
        }
    }
}
