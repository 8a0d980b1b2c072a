//! Exhaustive search for small gangs, within a stated limit.
//!
//! Tasks are put one after the other, the largest kind first; equal tasks go to sites in
//! ascending order and equal sites are tried once, so that no layout is looked at twice.

use super::Layout;
use super::amounts::{Amounts, Problem};

/// The largest gang that is searched for exhaustively.
pub(super) const TASKS_MAX: u64 = 64;

/// The most sites that one search looks at: some ten milliseconds, so that a batch of offers is
/// answered at once even when the answer is "gave up".
const LOOKS_MAX: u64 = 1_000_000;

/// What a search has found.
pub(super) enum Answer {
    /// A place for every task.
    Found(Layout),
    /// There is none.
    Impossible,
    /// The gang is too large or the limit was reached: there may be one.
    GaveUp,
}

/// Looks for a complete layout.
pub(super) fn place(problem: &Problem) -> Answer {
    let mut wanted = problem.together(problem.wants.iter().map(|want| want.count));
    let without_place = (0..problem.wants.len()).any(|want| fits_nowhere(problem, want));
    if without_place || !problem.total.holds(&wanted) {
        return Answer::Impossible;
    }
    let tasks: u64 = problem.wants.iter().map(|want| u64::from(want.count)).sum();
    if tasks > TASKS_MAX {
        return Answer::GaveUp;
    }
    // From here on executors are counted as they are opened.
    wanted.take(&problem.executor);
    let layout = Layout::new(problem);
    let mut search = Search {
        problem,
        layout,
        wanted,
        free: problem.total.clone(),
        looks: 0,
    };
    match search.descend(0, 0) {
        Some(true) => Answer::Found(search.layout),
        Some(false) => Answer::Impossible,
        None => Answer::GaveUp,
    }
}

fn fits_nowhere(problem: &Problem, want: usize) -> bool {
    problem.wants[want].count > 0
        && !(0..problem.sites.len()).any(|site| problem.fits_alone(want, site))
}

struct Search<'a> {
    problem: &'a Problem,
    layout: Layout,
    /// What the tasks without a place need.
    wanted: Amounts,
    /// What is free on all sites.
    free: Amounts,
    /// How many sites were looked at.
    looks: u64,
}

impl Search<'_> {
    /// Puts the next task; `rank` is its kind's place in `by_size`, `from` the first site for it.
    /// `None`: the limit was reached. The depth is the number of tasks, at most [`TASKS_MAX`].
    fn descend(&mut self, rank: usize, from: usize) -> Option<bool> {
        let Some(&want) = self.problem.by_size.get(rank) else {
            return Some(true);
        };
        if self.layout.left[want] == 0 {
            return self.descend(rank + 1, 0);
        }
        if !self.free.holds(&self.wanted) {
            return Some(false);
        }
        for site in from..self.problem.sites.len() {
            // Looking for a twin goes through all sites before this one.
            self.looks += (site - from) as u64 + 1;
            if self.looks > LOOKS_MAX {
                return None;
            }
            if !self.layout.fits(self.problem, want, site) || self.has_twin(want, from, site) {
                continue;
            }
            self.put(want, site);
            if self.descend(rank, site)? {
                return Some(true);
            }
            self.unput(want, site);
        }
        Some(false)
    }

    /// Whether an earlier site that was tried at this step is in the same state.
    ///
    /// Tasks of the same kind must not tell them apart either: with ascending order, a site with
    /// none of them stands for another with none of them only.
    fn has_twin(&self, want: usize, from: usize, site: usize) -> bool {
        let of_kind = |site: usize| self.layout.tasks[site].get(want).copied().unwrap_or(0);
        (from..site).any(|earlier| {
            self.layout.is_open(earlier) == self.layout.is_open(site)
                && self.layout.free[earlier] == self.layout.free[site]
                && of_kind(earlier) == 0
                && of_kind(site) == 0
        })
    }

    fn put(&mut self, want: usize, site: usize) {
        let opened = !self.layout.is_open(site);
        self.layout.put(self.problem, want, site);
        self.wanted.take(&self.problem.wants[want].need);
        self.free.take(&self.problem.wants[want].need);
        if opened {
            self.free.take(&self.problem.executor);
        }
    }

    fn unput(&mut self, want: usize, site: usize) {
        self.layout.unput(self.problem, want, site);
        self.wanted.give(&self.problem.wants[want].need);
        self.free.give(&self.problem.wants[want].need);
        if !self.layout.is_open(site) {
            self.free.give(&self.problem.executor);
        }
    }
}
