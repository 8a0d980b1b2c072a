//! A layout that is being worked out: how many tasks of each want are on each site.

use super::Assignment;
use super::amounts::Amounts;
use super::problem::Problem;
use super::rules::{Source, Tally};

/// How many tasks of each want are on each site.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// What is free for tasks per site.
    pub(super) free: Vec<Amounts>,
    /// Tasks per site, per want. Empty: the site is not used.
    pub(super) tasks: Vec<Vec<u32>>,
    /// Tasks without a place, per want.
    pub(super) left: Vec<u32>,
    /// Per want and rule.
    tallies: Vec<Vec<Tally>>,
}

impl Layout {
    pub(super) fn new(problem: &Problem) -> Self {
        let tallies = |rules: &Vec<_>| rules.iter().map(Tally::new).collect();
        Self {
            free: problem.for_tasks.clone(),
            tasks: vec![Vec::new(); problem.sites.len()],
            left: problem.wants.iter().map(|want| want.count).collect(),
            tallies: problem
                .wants
                .iter()
                .map(|want| tallies(&want.rules))
                .collect(),
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.left.iter().all(|&count| count == 0)
    }

    pub(super) fn tasks_left(&self) -> u64 {
        self.left.iter().map(|&count| u64::from(count)).sum()
    }

    pub(super) fn count(&self, want: usize, site: usize) -> u32 {
        self.tasks[site].get(want).copied().unwrap_or(0)
    }

    /// Whether constraints let one more task of the want onto the site.
    pub(super) fn allows(&self, problem: &Problem, want: usize, site: usize) -> bool {
        problem.wants[want].eligible[site] && self.allowance(problem, want, site) > 0
    }

    /// How many more tasks of the want the rules let onto the site.
    pub(super) fn allowance(&self, problem: &Problem, want: usize, site: usize) -> u32 {
        let rules = problem.wants[want].rules.iter().zip(&self.tallies[want]);
        let allowances = rules
            .map(|(rule, tally)| rule.class_of[site].map_or(0, |class| tally.room(rule, class)));
        allowances.min().unwrap_or(u32::MAX)
    }

    /// The rule that keeps one more task of the want off the site.
    pub(super) fn stopped_by(&self, problem: &Problem, want: usize, site: usize) -> Option<Source> {
        let mut rules = problem.wants[want].rules.iter().zip(&self.tallies[want]);
        let stopped = rules.find(|(rule, tally)| {
            rule.class_of[site].is_some_and(|class| tally.room(rule, class) == 0)
        });
        stopped.map(|(rule, _)| rule.source)
    }

    /// Whether one more task of the want has a place on the site.
    pub(super) fn fits(&self, problem: &Problem, want: usize, site: usize) -> bool {
        self.free[site].holds(&problem.wants[want].need) && self.allows(problem, want, site)
    }

    /// How many more tasks of the want these sites could take if nothing else came to them; an upper
    /// bound. `usable` is told each site that could take one.
    pub(super) fn room(
        &self,
        problem: &Problem,
        want: usize,
        sites: impl Iterator<Item = usize>,
        mut usable: impl FnMut(usize),
    ) -> u32 {
        let kind = &problem.wants[want];
        let mut held: Vec<Vec<u32>> = kind
            .rules
            .iter()
            .map(|rule| vec![0; rule.base.len()])
            .collect();
        let mut sum = 0_u32;
        for site in sites {
            if !self.fits(problem, want, site) {
                continue;
            }
            usable(site);
            let times = self.free[site].times(&kind.need);
            sum = sum.saturating_add(times);
            for (rule, held) in kind.rules.iter().zip(&mut held) {
                if let Some(class) = rule.class_of[site] {
                    held[class] = held[class].saturating_add(times);
                }
            }
        }
        let rules = kind.rules.iter().zip(&self.tallies[want]).zip(&held);
        let bounds = rules.map(|((rule, tally), held)| tally.room_in_all(rule, held));
        bounds.fold(sum, u32::min)
    }

    /// What of the tasks so far counts for those to come, beside what is free.
    pub(super) fn append_tallies(&self, problem: &Problem, to: &mut Vec<u32>) {
        for (kind, tallies) in problem.wants.iter().zip(&self.tallies) {
            for (rule, tally) in kind.rules.iter().zip(tallies) {
                if !rule.is_for_each_site() {
                    to.extend_from_slice(tally.in_class());
                }
            }
        }
    }

    /// The sites on which a rule of few classes is best kept: those of the classes with most room.
    pub(super) fn roomiest(&self, problem: &Problem, want: usize) -> Vec<bool> {
        let kind = &problem.wants[want];
        let mut chosen = vec![true; self.free.len()];
        for (rule, tally) in kind.rules.iter().zip(&self.tallies[want]) {
            if rule.classes as usize >= rule.base.len() {
                continue;
            }
            let mut room = vec![0_u32; rule.base.len()];
            for (site, _) in chosen.iter().enumerate().filter(|(_, chosen)| **chosen) {
                if let Some(class) = rule.class_of[site]
                    && self.fits(problem, want, site)
                {
                    let times = self.free[site].times(&kind.need);
                    room[class] = room[class].saturating_add(times);
                }
            }
            let mut classes: Vec<usize> = (0..room.len()).collect();
            let worth = |class: &usize| (rule.base[*class], room[*class].min(rule.per_class));
            classes.sort_by_key(|class| std::cmp::Reverse(worth(class)));
            let mut keep = vec![false; room.len()];
            for class in classes.into_iter().take(rule.classes as usize) {
                keep[class] = tally.room(rule, class) > 0;
            }
            for (site, chosen) in chosen.iter_mut().enumerate() {
                *chosen &= rule.class_of[site].is_some_and(|class| keep[class]);
            }
        }
        chosen
    }

    pub(super) fn put(&mut self, problem: &Problem, want: usize, site: usize) {
        if self.tasks[site].is_empty() {
            self.tasks[site] = vec![0; problem.wants.len()];
        }
        self.free[site].take(&problem.wants[want].need);
        self.tasks[site][want] += 1;
        self.left[want] -= 1;
        for (rule, tally) in problem.wants[want]
            .rules
            .iter()
            .zip(&mut self.tallies[want])
        {
            if let Some(class) = rule.class_of[site] {
                tally.add(rule, class);
            }
        }
    }

    pub(super) fn unput(&mut self, problem: &Problem, want: usize, site: usize) {
        self.free[site].give(&problem.wants[want].need);
        self.tasks[site][want] -= 1;
        self.left[want] += 1;
        if self.tasks[site].iter().all(|&count| count == 0) {
            self.tasks[site].clear();
        }
        for (rule, tally) in problem.wants[want]
            .rules
            .iter()
            .zip(&mut self.tallies[want])
        {
            if let Some(class) = rule.class_of[site] {
                tally.remove(rule, class);
            }
        }
    }

    pub(super) fn assignments(self) -> Vec<Assignment> {
        self.tasks
            .into_iter()
            .enumerate()
            .filter(|(_, tasks)| !tasks.is_empty())
            .map(|(site, tasks)| Assignment { site, tasks })
            .collect()
    }
}
