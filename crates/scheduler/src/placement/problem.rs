//! A placement problem without names: kinds of tasks, sites, and bounds.
//!
//! The executor is taken off every site beforehand: whatever a site is used for, it is used for
//! that first.

use mesos::resources::Resources;

use super::amounts::Amounts;
use super::measure::Measure;
use super::rules::Rule;
use super::{Site, Want};

/// One kind of task.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) count: u32,
    pub(super) need: Amounts,
    /// Whether one fits on a site that nobody else uses, as far as constraints go that look at one
    /// agent alone; per site.
    pub(super) eligible: Vec<bool>,
    pub(super) rules: Vec<Rule>,
}

/// What is to be placed where.
#[derive(Debug)]
pub(super) struct Problem {
    /// What is counted, a column for each.
    pub(super) columns: Vec<Measure>,
    pub(super) wants: Vec<Kind>,
    pub(super) executor: Amounts,
    /// What each site holds.
    pub(super) sites: Vec<Amounts>,
    /// What each site has for tasks; nothing if it cannot even hold the executor.
    pub(super) for_tasks: Vec<Amounts>,
    /// What all sites hold together.
    pub(super) total: Amounts,
    /// The sites, the largest first.
    pub(super) largest_first: Vec<usize>,
}

impl Problem {
    pub(super) fn new(wants: &[Want<'_>], executor: &Resources, sites: &[Site]) -> Self {
        let asked = wants.iter().map(|want| want.resources).chain([executor]);
        let columns = Measure::all(asked);
        let executor = Amounts::asked(&columns, executor);
        let amounts: Vec<Amounts> = sites
            .iter()
            .map(|site| Amounts::usable(&columns, &site.resources))
            .collect();
        let room: Vec<Option<Amounts>> = amounts
            .iter()
            .map(|amounts| amounts.without(&executor))
            .collect();
        let kinds = wants.iter().map(|want| {
            let need = Amounts::asked(&columns, want.resources);
            let rules = Rule::all(want, sites);
            let eligible = sites
                .iter()
                .zip(&room)
                .enumerate()
                .map(|(index, (site, room))| {
                    let fits = room.as_ref().is_some_and(|room| room.holds(&need));
                    let has_class = |rule: &Rule| rule.class_of[index].is_some();
                    fits && site.satisfies(want) && rules.iter().all(has_class)
                });
            Kind {
                count: want.count,
                eligible: eligible.collect(),
                need,
                rules,
            }
        });
        let kinds = kinds.collect();
        let mut total = Amounts::zero(columns.len());
        for site in &amounts {
            total.give(site);
        }
        let mut largest_first: Vec<usize> = (0..sites.len()).collect();
        let size = |site: &usize| amounts[*site].dominant_share(&total);
        largest_first.sort_by(|a, b| size(b).total_cmp(&size(a)).then(a.cmp(b)));
        let nothing = Amounts::zero(columns.len());
        Self {
            wants: kinds,
            executor,
            for_tasks: room
                .into_iter()
                .map(|room| room.unwrap_or_else(|| nothing.clone()))
                .collect(),
            sites: amounts,
            total,
            largest_first,
            columns,
        }
    }

    /// What one task of the want needs with an executor.
    pub(super) fn alone(&self, want: usize) -> Amounts {
        self.wants[want].need.plus(&self.executor)
    }

    /// What `counts` tasks of each want need together, and one executor.
    pub(super) fn together(&self, counts: impl IntoIterator<Item = u32>) -> Amounts {
        let mut sum = self.executor.clone();
        for (kind, count) in self.wants.iter().zip(counts) {
            sum.give_times(&kind.need, count);
        }
        sum
    }

    /// How many tasks there are.
    pub(super) fn tasks(&self) -> u64 {
        self.wants.iter().map(|want| u64::from(want.count)).sum()
    }

    /// The wants, the largest first.
    pub(super) fn largest_wants_first(&self) -> Vec<usize> {
        let mut wants: Vec<usize> = (0..self.wants.len()).collect();
        let size = |want: &usize| self.wants[*want].need.dominant_share(&self.total);
        wants.sort_by(|a, b| size(b).total_cmp(&size(a)).then(a.cmp(b)));
        wants
    }

    /// The wants, those first whose places are bounded by constraints, then the largest.
    pub(super) fn most_bound_first(&self) -> Vec<usize> {
        let mut wants = self.largest_wants_first();
        let is_free = |want: &usize| {
            let kind = &self.wants[*want];
            kind.rules.is_empty() && kind.eligible.iter().all(|&eligible| eligible)
        };
        wants.sort_by_key(is_free);
        wants
    }

    /// Lets every `group-by` begin with its first width.
    pub(super) fn first_widths(&mut self) {
        for rule in self.wants.iter_mut().flat_map(|want| &mut want.rules) {
            if let Some((_, widths)) = rule.widths.clone() {
                rule.set_width(*widths.start());
            }
        }
    }

    /// Lets every `group-by` try its next width; `false` when all combinations were tried.
    pub(super) fn next_widths(&mut self) -> bool {
        let rules = self.wants.iter_mut().flat_map(|want| &mut want.rules);
        for rule in rules {
            let Some((_, widths)) = rule.widths.clone() else {
                continue;
            };
            if rule.classes < *widths.end() {
                rule.set_width(rule.classes + 1);
                return true;
            }
            // Like the digits of a number: this one starts again, and the next one moves.
            rule.set_width(*widths.start());
        }
        false
    }
}
