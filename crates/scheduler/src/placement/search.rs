//! Exhaustive search for small gangs, within a stated limit.
//!
//! First agent by agent, which decides where nearly all is needed that is on offer (see [`fill`]);
//! if that gave up, task by task. One kind of task after the other is placed completely, that with
//! the least choice first. Equal tasks go to sites in one order and sites that are alike are tried
//! once; what is left for the remaining kinds and was found to be too little is remembered, so that
//! no situation is looked at twice. A branch ends as soon as some kind has not enough room by
//! itself, or all of them together have not enough of some resource.

use std::collections::{BTreeMap, BTreeSet};

use super::amounts::Amounts;
use super::layout::Layout;
use super::problem::Problem;
use super::{fill, greedy};
use crate::job::Strategy;

/// The largest gang that is searched for exhaustively.
pub(super) const TASKS_MAX: u64 = 64;

/// The most situations that are remembered; with 50 sites some ten megabytes.
const REMEMBERED_MAX: usize = 10_000;

/// What a search has found.
pub(super) enum Answer {
    /// A place for every task.
    Found(Layout),
    /// There is none.
    Impossible,
    /// The gang is too large or the limit was reached: there may be one.
    GaveUp,
}

/// Looks for a complete layout, at the widths that the problem has now. `looks` is how often a
/// task and a site may be held against each other; what is used of it is taken off.
pub(super) fn place(problem: &Problem, strategy: Strategy, looks: &mut u64) -> Answer {
    let mut search = Search {
        problem,
        alike: alike(problem),
        within: within(problem),
        layout: Layout::new(problem),
        failed: BTreeSet::new(),
        looks: *looks,
    };
    if search.rooms().is_none() || !search.has_enough_everywhere() {
        return Answer::Impossible;
    }
    if problem.tasks() > TASKS_MAX {
        return Answer::GaveUp;
    }
    // What is there is mostly found by chance sooner than in order.
    if let Some(layout) = greedy::place_shuffled(problem, strategy, &mut search.looks) {
        return Answer::Found(layout);
    }
    match fill::place(problem, &search.alike, &mut search.looks) {
        Answer::GaveUp => {}
        answer => {
            *looks = search.looks;
            return answer;
        }
    }
    let found = search.next_want();
    *looks = search.looks;
    match found {
        Some(true) => Answer::Found(search.layout),
        Some(false) => Answer::Impossible,
        None => Answer::GaveUp,
    }
}

/// Sites with the same number differ in nothing but what is free: they are good for the same
/// tasks, and no rule tells them apart but by what is put there.
fn alike(problem: &Problem) -> Vec<usize> {
    let mut known: BTreeMap<Vec<u32>, usize> = BTreeMap::new();
    let marks = (0..problem.sites.len()).map(|site| {
        let mut marks = Vec::new();
        for kind in &problem.wants {
            marks.push(u32::from(kind.eligible[site]));
            for rule in &kind.rules {
                // A class of a single site is like another such class; one of several is itself.
                match rule.class_of[site] {
                    None => marks.extend([0, 0]),
                    Some(class) if rule.sites_in[class] == 1 => {
                        marks.extend([1, rule.base[class]]);
                    }
                    Some(class) => marks.extend([2, u32::try_from(class).unwrap_or(u32::MAX)]),
                }
            }
        }
        marks
    });
    marks
        .map(|marks| {
            let next = known.len();
            *known.entry(marks).or_insert(next)
        })
        .collect()
}

/// For each want those which can go nowhere but where it can go itself.
fn within(problem: &Problem) -> Vec<Vec<usize>> {
    let eligible = |want: usize| &problem.wants[want].eligible;
    let is_within = |inner: usize, outer: usize| {
        let mut sites = eligible(inner).iter().zip(eligible(outer));
        sites.all(|(inner, outer)| !inner || *outer)
    };
    let wants = 0..problem.wants.len();
    wants
        .clone()
        .map(|outer| {
            wants
                .clone()
                .filter(|&inner| is_within(inner, outer))
                .collect()
        })
        .collect()
}

struct Search<'a> {
    problem: &'a Problem,
    /// See [`within`].
    within: Vec<Vec<usize>>,
    /// See [`alike`].
    alike: Vec<usize>,
    layout: Layout,
    /// Situations between two kinds from which there is no way on.
    failed: BTreeSet<Vec<i64>>,
    looks: u64,
}

impl Search<'_> {
    /// Goes on with the kind that has the least choice. `None`: the limit was reached.
    fn next_want(&mut self) -> Option<bool> {
        if self.layout.is_complete() {
            return Some(true);
        }
        let Some(rooms) = self.rooms() else {
            return Some(false);
        };
        if !self.has_enough_everywhere() {
            return Some(false);
        }
        let situation = self.situation();
        if self.failed.contains(&situation) {
            return Some(false);
        }
        let choice = |want: &usize| f64::from(rooms[*want]) / f64::from(self.layout.left[*want]);
        let waiting = (0..self.problem.wants.len()).filter(|&want| self.layout.left[want] > 0);
        let Some(want) = waiting.min_by(|a, b| choice(a).total_cmp(&choice(b))) else {
            return Some(true);
        };
        let order = self.tightest_first(want);
        let is_found = self.descend(want, &order)?;
        if !is_found && self.failed.len() < REMEMBERED_MAX {
            self.failed.insert(situation);
        }
        Some(is_found)
    }

    /// Puts the next task of the want on one of these sites. The depth is the number of tasks and
    /// of kinds, at most twice [`TASKS_MAX`].
    fn descend(&mut self, want: usize, order: &[usize]) -> Option<bool> {
        if self.layout.left[want] == 0 {
            return self.next_want();
        }
        if self.rooms().is_none() {
            return Some(false);
        }
        for (index, &site) in order.iter().enumerate() {
            // Looking for a twin goes through all sites before this one.
            self.spend(index as u64 + 1)?;
            if !self.layout.fits(self.problem, want, site)
                || self.has_twin(want, &order[..index], site)
            {
                continue;
            }
            self.layout.put(self.problem, want, site);
            if self.descend(want, &order[index..])? {
                return Some(true);
            }
            self.layout.unput(self.problem, want, site);
        }
        Some(false)
    }

    fn spend(&mut self, looks: u64) -> Option<()> {
        self.looks = self.looks.checked_sub(looks)?;
        Some(())
    }

    /// The sites that can take a task of the want, that first which it fills most.
    fn tightest_first(&self, want: usize) -> Vec<usize> {
        let fits = |site: &usize| self.layout.fits(self.problem, want, *site);
        let mut order: Vec<usize> = (0..self.problem.sites.len()).filter(fits).collect();
        let free = |site: &usize| self.layout.free[*site].dominant_share(&self.problem.total);
        order.sort_by(|a, b| free(a).total_cmp(&free(b)).then(a.cmp(b)));
        order
    }

    /// Whether an earlier site that was tried at this step is in the same state.
    ///
    /// Tasks of this kind must not tell them apart either: in one order, a site with none of them
    /// stands for another with none of them only.
    fn has_twin(&self, want: usize, earlier: &[usize], site: usize) -> bool {
        self.layout.count(want, site) == 0
            && earlier.iter().any(|&other| {
                self.alike[other] == self.alike[site]
                    && self.layout.count(want, other) == 0
                    && self.layout.free[other] == self.layout.free[site]
            })
    }

    /// How many tasks of each kind there is room for, if there is enough for each by itself and
    /// enough of every resource for all of them.
    fn rooms(&mut self) -> Option<Vec<u32>> {
        let problem = self.problem;
        let columns = problem.columns.len();
        let mut rooms = vec![0; problem.wants.len()];
        let mut useful = vec![false; problem.sites.len() * columns];
        let mut wanted = Amounts::zero(columns);
        for (want, kind) in problem.wants.iter().enumerate() {
            let left = self.layout.left[want];
            if left == 0 {
                continue;
            }
            self.looks = self.looks.saturating_sub(problem.sites.len() as u64);
            let needs = kind.need.thousandths();
            rooms[want] = self
                .layout
                .room(problem, want, 0..problem.sites.len(), |site| {
                    for (useful, need) in useful[site * columns..].iter_mut().zip(needs) {
                        *useful |= *need > 0;
                    }
                });
            if rooms[want] < left {
                return None;
            }
            wanted.give_times(&kind.need, left);
        }
        let mut free = vec![0_i64; columns];
        for (site, amounts) in self.layout.free.iter().enumerate() {
            for (column, amount) in amounts.thousandths().iter().enumerate() {
                if useful[site * columns + column] {
                    free[column] = free[column].saturating_add(*amount);
                }
            }
        }
        let is_enough = free
            .iter()
            .zip(wanted.thousandths())
            .all(|(free, wanted)| free >= wanted);
        is_enough.then_some(rooms)
    }

    /// Whether the sites that some want can go to have enough for it and all that can go only there.
    fn has_enough_everywhere(&self) -> bool {
        let problem = self.problem;
        let columns = problem.columns.len();
        let waiting = |want: &usize| self.layout.left[*want] > 0;
        (0..problem.wants.len()).filter(waiting).all(|want| {
            let mut wanted = Amounts::zero(columns);
            for &inner in &self.within[want] {
                wanted.give_times(&problem.wants[inner].need, self.layout.left[inner]);
            }
            let mut free = Amounts::zero(columns);
            let sites = problem.wants[want].eligible.iter().zip(&self.layout.free);
            for (_, amounts) in sites.filter(|(eligible, _)| **eligible) {
                free.give(amounts);
            }
            free.holds(&wanted)
        })
    }

    /// What the remaining kinds find, without what makes no difference to them.
    fn situation(&self) -> Vec<i64> {
        let waiting: Vec<usize> = (0..self.problem.wants.len())
            .filter(|&want| self.layout.left[want] > 0)
            .collect();
        let mut sites: Vec<(usize, &[i64])> = self
            .alike
            .iter()
            .enumerate()
            .filter(|(site, _)| {
                let mut kinds = waiting.iter();
                kinds.any(|&want| self.layout.fits(self.problem, want, *site))
            })
            .map(|(site, &alike)| (alike, self.layout.free[site].thousandths()))
            .collect();
        sites.sort_unstable();
        let mut situation: Vec<i64> = waiting.iter().map(|&want| want as i64).collect();
        situation.push(-1);
        for (alike, free) in sites {
            situation.push(alike as i64);
            situation.extend_from_slice(free);
        }
        situation
    }
}
