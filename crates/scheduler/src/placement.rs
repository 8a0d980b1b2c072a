//! Which task goes to which agent, and why a gang does not fit.
//!
//! A gang fits only when every task has a place of its own on some agent that its constraints
//! allow, the executor counted once on each agent that is used; sums over agents mean nothing.
//! [`place`] is a pure function: first-fit-decreasing with repair, and for small gangs that this
//! leaves over a bounded exhaustive search. It refuses to know about offers, attempts and time.

use std::fmt;

use mesos::resources::{Resources, Scalar};
use mesos::{AgentId, OfferId};

use crate::constraint::{Attribute, Constraint, Traits};
use crate::job::Strategy;

mod amounts;
mod carve;
mod explain;
mod fill;
mod greedy;
mod layout;
mod measure;
mod prices;
mod problem;
mod remedy;
mod repair;
mod rules;
mod search;

pub use carve::carve;
pub use explain::{Cause, Leftover, Obstacle, Shortfall, Stop};
pub use measure::{Measure, PORTS};
pub use remedy::Remedy;

use layout::Layout;
use problem::Problem;

/// What one agent offers to one role: what a single ACCEPT can use.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    /// The agent.
    pub agent: AgentId,
    /// Its host name.
    pub hostname: String,
    /// Its attributes.
    pub attributes: Vec<Attribute>,
    /// The role.
    pub role: String,
    /// The offers, to be used together.
    pub offers: Vec<OfferId>,
    /// What they hold together.
    pub resources: Resources,
}

impl Site {
    fn traits(&self) -> Traits<'_> {
        Traits {
            hostname: &self.hostname,
            attributes: &self.attributes,
        }
    }

    /// Whether constraints that look at one agent alone let the want come here.
    fn satisfies(&self, want: &Want<'_>) -> bool {
        let traits = self.traits();
        want.constraints
            .iter()
            .all(|constraint| traits.satisfies(constraint))
    }
}

/// Tasks that want a place: so many equal ones.
#[derive(Debug, Clone)]
pub struct Want<'a> {
    /// The name of their group.
    pub group: &'a str,
    /// How many.
    pub count: u32,
    /// What one of them needs, unreserved: of ranges an amount is so many numbers, whichever.
    pub resources: &'a Resources,
    /// Where they may go.
    pub constraints: &'a [Constraint],
    /// Whether all tasks of the group are to be on one agent.
    pub colocate: bool,
    /// Where tasks of the group are already; constraints count them too.
    pub beside: Vec<Beside<'a>>,
}

/// Tasks that have a place already.
#[derive(Debug, Clone)]
pub struct Beside<'a> {
    /// Their agent.
    pub agent: &'a AgentId,
    /// Its host name.
    pub hostname: &'a str,
    /// Its attributes.
    pub attributes: &'a [Attribute],
    /// How many tasks.
    pub tasks: u32,
}

impl Beside<'_> {
    fn traits(&self) -> Traits<'_> {
        Traits {
            hostname: self.hostname,
            attributes: self.attributes,
        }
    }
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

/// How far to look for a placement. What is used is taken off.
#[derive(Debug, Clone, Copy)]
struct Effort {
    /// Tasks placed, and kinds held against sites, by first-fit-decreasing at all widths.
    greedy: u64,
    /// Places that repairs look at.
    repair: usize,
    /// How often the search may begin a pattern, or hold a task and a site against each other.
    search: u64,
}

/// Some ten milliseconds for each method, and a tenth of a second at most for the search, so that a
/// batch of offers is answered at once even when the answer is "gave up".
const EFFORT: Effort = Effort {
    greedy: 500_000,
    repair: 500_000,
    search: 3_000_000,
};

/// The most combinations of widths of `group-by` that are tried. One group rarely has more values
/// to choose from; with several groups the combinations multiply.
const WIDTHS_MAX: usize = 32;

/// Finds a place for every task.
///
/// Everything fits or nothing does. Up to 64 tasks a placement that exists is found, unless the
/// search comes to its limit; above, first-fit-decreasing with repair may miss one.
///
/// # Errors
/// What can be explained, when there is no place for all.
pub fn place(
    wants: &[Want<'_>],
    executor: &Resources,
    sites: &[Site],
    strategy: Strategy,
) -> Result<Vec<Assignment>, Box<Misfit>> {
    let mut problem = Problem::new(wants, executor, sites);
    match solve(&mut problem, strategy, EFFORT) {
        Ok(layout) => Ok(layout.assignments()),
        Err((layout, certainty)) => Err(Box::new(Misfit {
            problem,
            layout,
            certainty,
        })),
    }
}

/// A gang that does not fit. To say why takes longer than to find that out, so it is done for those
/// who want to know.
#[derive(Debug)]
pub struct Misfit {
    problem: Problem,
    /// As much as could be placed.
    layout: Layout,
    certainty: Certainty,
}

impl Misfit {
    /// What is left over, what stops it, and what would help; of the very things that
    /// [`place`] was given.
    pub fn explain(
        &self,
        wants: &[Want<'_>],
        executor: &Resources,
        sites: &[Site],
        strategy: Strategy,
    ) -> Shortfall {
        let Self {
            problem,
            layout,
            certainty,
        } = self;
        let mut shortfall = explain::shortfall(problem, wants, sites, layout, *certainty);
        shortfall.remedies = remedy::find(problem, wants, executor, sites, strategy, layout);
        shortfall
    }
}

/// A complete layout, or one with as much as could be placed. Leaves the first widths set, to
/// which the latter belongs.
fn solve(
    problem: &mut Problem,
    strategy: Strategy,
    mut effort: Effort,
) -> Result<Layout, (Layout, Certainty)> {
    let mut partial = None;
    let work = problem.tasks() + (problem.wants.len() * problem.sites.len()) as u64;
    for _ in 0..WIDTHS_MAX {
        let mut layout = greedy::place(problem, strategy);
        if !layout.is_complete() {
            repair::mend(problem, &mut layout, &mut effort.repair);
        }
        if layout.is_complete() {
            return Ok(layout);
        }
        partial.get_or_insert(layout);
        effort.greedy = effort.greedy.saturating_sub(work);
        if effort.greedy == 0 || !problem.next_widths() {
            break;
        }
    }
    problem.first_widths();
    let mut certainty = Certainty::NotFound;
    for _ in 0..WIDTHS_MAX {
        match search::place(problem, strategy, &mut effort.search) {
            search::Answer::Found(layout) => return Ok(layout),
            search::Answer::Impossible => {}
            search::Answer::GaveUp => break,
        }
        if !problem.next_widths() {
            certainty = Certainty::Impossible;
            break;
        }
    }
    problem.first_widths();
    let partial = partial.unwrap_or_else(|| Layout::new(problem));
    Err((partial, certainty))
}

/// Why nothing fits when there is nothing to fit on.
pub fn nothing_offered(wants: &[Want<'_>]) -> Shortfall {
    let leftovers = wants.iter().map(|want| Leftover {
        group: want.group.to_owned(),
        tasks: want.count,
        count: want.count,
        obstacle: Obstacle::NothingOffered,
        stops: Vec::new(),
    });
    Shortfall {
        agents: 0,
        leftovers: leftovers.collect(),
        certainty: Certainty::Impossible,
        remedies: Vec::new(),
    }
}

/// Whether each site can hold an executor with at least one of the tasks.
pub fn helps(wants: &[Want<'_>], executor: &Resources, sites: &[Site]) -> Vec<bool> {
    let problem = Problem::new(wants, executor, sites);
    let layout = Layout::new(&problem);
    let helps = |site: usize| {
        (0..problem.wants.len())
            .any(|want| problem.wants[want].count > 0 && layout.fits(&problem, want, site))
    };
    (0..sites.len()).map(helps).collect()
}

/// Writes an amount with the name of its resource: `0.5 cpus`, `64 MiB of mem`, `port 8080`.
struct Amount<'a>(Scalar, &'a Measure);

impl fmt::Display for Amount<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(amount, measure) = self;
        match measure {
            // Mesos counts both in mebibytes.
            Measure::Amount(name) if name == "mem" || name == "disk" => {
                write!(f, "{amount} MiB of {name}")
            }
            Measure::Amount(name) => write!(f, "{amount} {name}"),
            Measure::Number(..) => measure.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests;
