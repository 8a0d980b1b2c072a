//! Exhaustive search agent by agent, for gangs that need nearly all that is on offer.
//!
//! Prices (see [`prices`](super::prices)) say how much worth may be lost on all agents together, and
//! so which patterns each agent can have at all. One agent after the other, that with the least
//! choice first, gets one of its patterns, the most precious first. After each the prices are looked
//! for again, for what is left: that leaves fewer patterns to the others, or shows that there is no
//! way on. An agent does not stay without a task that would still fit, and what was found to be in
//! vain is remembered.

use std::collections::BTreeSet;

use super::layout::Layout;
use super::prices::{self, Pattern, Shelf};
use super::problem::Problem;
use super::search::Answer;

/// The most patterns of one agent that are looked at. Where there are more the problem is not tight,
/// and only those are tried that lose little.
const PATTERNS_MAX: usize = 20_000;

/// Parts of the slack that one agent may lose alone, tried in turn until its patterns are not too
/// many. Only with all of it a search that finds nothing proves that there is nothing.
const PARTS: [i64; 4] = [1, 4, 16, 64];

/// The most situations that are remembered; some ten megabytes.
const REMEMBERED_MAX: usize = 50_000;

/// How often prices are changed between two agents. They are good already, for a little more.
const ROUNDS: usize = 4;

/// What an agent and its pattern cost beside the patterns that are looked at.
const LOOKS_EACH: u64 = 50;

/// Looks for a complete layout. `looks` is how many patterns may be looked at; what is used of it is
/// taken off.
pub(super) fn place(problem: &Problem, alike: &[usize], looks: &mut u64) -> Answer {
    let shelves = prices::shelves(problem, alike);
    let Some(found) = prices::find(problem, &shelves, looks) else {
        return Answer::GaveUp;
    };
    if found.slack < 0 {
        return Answer::Impossible;
    }
    let mut patterns = Vec::with_capacity(shelves.len());
    let mut is_proof = true;
    for (shelf, best) in shelves.iter().zip(&found.best) {
        let few = PARTS.into_iter().find_map(|part| {
            let at_least = best - found.slack / part;
            prices::patterns(problem, shelf, &found.of, at_least, PATTERNS_MAX, looks)
                .map(|patterns| (part, patterns))
        });
        let Some((part, few)) = few else {
            return Answer::GaveUp;
        };
        is_proof &= part == 1;
        patterns.push(few);
    }
    let rest = Rest {
        prices: found.of,
        open: shelves
            .iter()
            .zip(&patterns)
            .map(|(shelf, patterns)| Open {
                sites: shelf.sites.len(),
                patterns: (0..patterns.len()).collect(),
            })
            .collect(),
    };
    let is_movable = problem.wants.iter().map(|kind| {
        let mut rules = kind.rules.iter();
        rules.all(super::rules::Rule::is_for_each_site)
    });
    let mut fill = Fill {
        problem,
        shelves: &shelves,
        patterns: &patterns,
        is_movable: is_movable.collect(),
        layout: Layout::new(problem),
        failed: BTreeSet::new(),
        looks: *looks,
    };
    let answer = fill.go(rest);
    *looks = fill.looks;
    match answer {
        Some(true) => Answer::Found(fill.layout),
        Some(false) if is_proof => Answer::Impossible,
        Some(false) | None => Answer::GaveUp,
    }
}

struct Fill<'a> {
    problem: &'a Problem,
    shelves: &'a [Shelf],
    /// Per shelf.
    patterns: &'a [Vec<Pattern>],
    /// Kinds that can be moved to any agent with room for them: no constraint looks at several
    /// agents at once.
    is_movable: Vec<bool>,
    layout: Layout,
    failed: BTreeSet<Vec<u32>>,
    looks: u64,
}

/// What is still to be decided.
#[derive(Clone)]
struct Rest {
    prices: Vec<i64>,
    /// Per shelf.
    open: Vec<Open>,
}

/// A shelf whose agents are not all decided.
#[derive(Clone)]
struct Open {
    /// How many of its sites are not, the first ones.
    sites: usize,
    /// The patterns that they can have.
    patterns: Vec<usize>,
}

impl Fill<'_> {
    /// Decides all that is left to be. `None`: no looks are left. The depth is the number of sites
    /// that can hold a task, which a tight problem has few of.
    fn go(&mut self, mut rest: Rest) -> Option<bool> {
        if self.layout.is_complete() {
            return Some(true);
        }
        self.looks = self.looks.checked_sub(LOOKS_EACH)?;
        let mut situation: Vec<u32> = rest.open.iter().map(|open| open.sites as u32).collect();
        situation.extend_from_slice(&self.layout.left);
        self.layout.append_tallies(self.problem, &mut situation);
        if self.failed.contains(&situation) {
            return Some(false);
        }
        let is_found = self.tighten(&mut rest)? && self.branch(&rest)?;
        if !is_found && self.failed.len() < REMEMBERED_MAX {
            self.failed.insert(situation);
        }
        Some(is_found)
    }

    /// Gives the agent that has the least choice each of its patterns in turn.
    fn branch(&mut self, rest: &Rest) -> Option<bool> {
        let open = rest.open.iter().enumerate();
        let open = open.filter(|(_, open)| open.sites > 0);
        let Some((shelf, open)) = open.min_by_key(|(_, open)| open.patterns.len()) else {
            return Some(false);
        };
        let patterns: &[Pattern] = &self.patterns[shelf];
        let mut order = open.patterns.clone();
        order.sort_by_key(|&pattern| std::cmp::Reverse(patterns[pattern].worth_at(&rest.prices)));
        let site = self.shelves[shelf].sites[open.sites - 1];
        for pattern in order {
            let pattern = &patterns[pattern];
            if !self.put(site, pattern) {
                continue;
            }
            if !self.could_hold_more(site) {
                let mut next = rest.clone();
                next.open[shelf].sites -= 1;
                if self.go(next)? {
                    return Some(true);
                }
            }
            self.unput(site, pattern);
        }
        Some(false)
    }

    /// Takes out patterns that no agent can have any more; whether there may be a way on.
    fn tighten(&mut self, rest: &mut Rest) -> Option<bool> {
        if !self.has_room(rest) || !self.drop_too_large(rest)? {
            return Some(false);
        }
        let mut step = 1.0;
        let mut least: Option<(i64, Vec<i64>)> = None;
        for _ in 0..ROUNDS {
            let Some((slack, missing)) = self.slack(rest)? else {
                return Some(false);
            };
            match &least {
                Some((known, _)) if slack >= *known => step /= 2.0,
                _ => least = Some((slack, rest.prices.clone())),
            }
            if !prices::change(&mut rest.prices, &missing, slack, step) {
                break;
            }
        }
        if let Some((_, prices)) = least {
            rest.prices = prices;
        }
        Some(true)
    }

    /// The slack at these prices, and of which kinds the best patterns hold too few; with the
    /// patterns taken out that lose more. The inner none: there is no way on.
    fn slack(&mut self, rest: &mut Rest) -> Option<Option<(i64, Vec<i64>)>> {
        let left = &self.layout.left;
        let mut missing: Vec<i64> = left.iter().map(|&left| i64::from(left)).collect();
        let worths = missing.iter().zip(&rest.prices);
        let mut slack = -worths.map(|(left, price)| left * price).sum::<i64>();
        let mut worths: Vec<Vec<i64>> = Vec::with_capacity(rest.open.len());
        for (open, patterns) in rest.open.iter().zip(self.patterns) {
            if open.sites == 0 {
                worths.push(Vec::new());
                continue;
            }
            self.looks = self.looks.checked_sub(open.patterns.len() as u64)?;
            let of_open = open.patterns.iter();
            let of_open: Vec<i64> = of_open
                .map(|&pattern| patterns[pattern].worth_at(&rest.prices))
                .collect();
            let best = (0..of_open.len()).max_by_key(|&index| of_open[index]);
            let Some(best) = best else {
                return Some(None);
            };
            let sites = open.sites as i64;
            slack = slack.saturating_add(of_open[best].saturating_mul(sites));
            let tasks = &patterns[open.patterns[best]].tasks;
            for (missing, tasks) in missing.iter_mut().zip(tasks) {
                *missing -= i64::from(*tasks) * sites;
            }
            worths.push(of_open);
        }
        if slack < 0 {
            return Some(None);
        }
        for (open, worths) in rest.open.iter_mut().zip(worths) {
            let best = worths.iter().max().copied().unwrap_or(0);
            let mut worths = worths.into_iter();
            open.patterns
                .retain(|_| worths.next().is_some_and(|worth| best - worth <= slack));
        }
        Some(Some((slack, missing)))
    }

    /// Takes out patterns with more tasks than are left, or than constraints still let onto the
    /// site; whether every agent has one.
    fn drop_too_large(&mut self, rest: &mut Rest) -> Option<bool> {
        for (index, open) in rest.open.iter_mut().enumerate() {
            if open.sites == 0 {
                continue;
            }
            self.looks = self.looks.checked_sub(open.patterns.len() as u64)?;
            let site = self.shelves[index].sites[open.sites - 1];
            let most: Vec<u32> = (0..self.problem.wants.len())
                .map(|want| {
                    let allowance = self.layout.allowance(self.problem, want, site);
                    allowance.min(self.layout.left[want])
                })
                .collect();
            let patterns: &[Pattern] = &self.patterns[index];
            open.patterns.retain(|&pattern| {
                let mut tasks = patterns[pattern].tasks.iter().zip(&most);
                tasks.all(|(tasks, most)| tasks <= most)
            });
            if open.patterns.is_empty() {
                return Some(false);
            }
        }
        Some(true)
    }

    /// Whether the agents that are left could hold all that is left of each kind by itself, as far
    /// as constraints go that look at several agents.
    fn has_room(&self, rest: &Rest) -> bool {
        let problem = self.problem;
        (0..problem.wants.len()).all(|want| {
            let left = self.layout.left[want];
            if left == 0 || self.is_movable[want] {
                return true;
            }
            let open = rest.open.iter().zip(self.shelves);
            let sites = open.flat_map(|(open, shelf)| shelf.sites[..open.sites].iter().copied());
            self.layout.room(problem, want, sites, |_| {}) >= left
        })
    }

    /// Whether a task that is left could come here without anything else changing: then another
    /// pattern does as well.
    fn could_hold_more(&self, site: usize) -> bool {
        (0..self.problem.wants.len()).any(|want| {
            self.is_movable[want]
                && self.layout.left[want] > 0
                && self.layout.fits(self.problem, want, site)
        })
    }

    /// Puts the tasks of a pattern on a site, all or none.
    fn put(&mut self, site: usize, pattern: &Pattern) -> bool {
        for (want, &count) in pattern.tasks.iter().enumerate() {
            for done in 0..count {
                if self.layout.left[want] > 0 && self.layout.fits(self.problem, want, site) {
                    self.layout.put(self.problem, want, site);
                    continue;
                }
                self.take(site, want, done);
                for (earlier, &count) in pattern.tasks[..want].iter().enumerate() {
                    self.take(site, earlier, count);
                }
                return false;
            }
        }
        true
    }

    fn unput(&mut self, site: usize, pattern: &Pattern) {
        for (want, &count) in pattern.tasks.iter().enumerate() {
            self.take(site, want, count);
        }
    }

    fn take(&mut self, site: usize, want: usize, count: u32) {
        for _ in 0..count {
            self.layout.unput(self.problem, want, site);
        }
    }
}
