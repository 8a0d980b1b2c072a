//! Constraints that count, as numbers: how many tasks of a group on agents of the same value.
//!
//! Every rule is a set of upper bounds, so that a layout that breaks one never mends by adding
//! tasks. `group-by` becomes one by fixing on how many values the tasks will be (its *width*); all
//! widths are tried in turn.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::{Site, Want};
use crate::constraint::Operator;

/// A bound on where the tasks of one want are together.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    /// Where it comes from.
    pub(super) source: Source,
    /// The class of each site; sites of the same value are of the same class. None: the site has
    /// no value, and the want cannot go there.
    pub(super) class_of: Vec<Option<usize>>,
    /// How many sites each class has.
    pub(super) sites_in: Vec<u32>,
    /// How many tasks of the group are in each class already.
    pub(super) base: Vec<u32>,
    /// The most tasks of a class.
    pub(super) per_class: u32,
    /// The most classes that are used.
    pub(super) classes: u32,
    /// The most classes that hold `per_class`.
    pub(super) full: u32,
    /// Of `group-by`: all tasks of the group, and the widths that are to be tried.
    pub(super) widths: Option<(u32, RangeInclusive<u32>)>,
}

/// Where a rule comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    /// The constraint of the want with this index.
    Constraint(usize),
    /// The want is colocated.
    Colocation,
}

impl Rule {
    /// The rules of a want, which count; those that choose agents one by one are not among them.
    pub(super) fn all(want: &Want<'_>, sites: &[Site]) -> Vec<Self> {
        let mut rules = Vec::new();
        for (index, constraint) in want.constraints.iter().enumerate() {
            let operator = &constraint.operator;
            let field = |traits: crate::constraint::Traits<'_>| traits.value(&constraint.field);
            let rule = |per_class: u32| Self {
                per_class,
                ..Self::unbounded(
                    Source::Constraint(index),
                    sites.iter().map(|site| field(site.traits())),
                    want.beside
                        .iter()
                        .map(|beside| (field(beside.traits()), beside.tasks)),
                )
            };
            match operator {
                Operator::Unique => rules.push(rule(1)),
                Operator::MaxPer(most) => rules.push(rule(*most)),
                Operator::GroupBy(values) => rules.push(rule(0).grouped(want, *values)),
                Operator::Is(_) | Operator::Like(_) | Operator::Unlike(_) => {}
            }
        }
        if want.colocate {
            let agents = sites.iter().map(|site| Some(site.agent.to_string()));
            let beside = want.beside.iter();
            let beside = beside.map(|beside| (Some(beside.agent.to_string()), beside.tasks));
            rules.push(Self {
                classes: 1,
                ..Self::unbounded(Source::Colocation, agents, beside)
            });
        }
        rules
    }

    fn unbounded(
        source: Source,
        sites: impl Iterator<Item = Option<String>>,
        beside: impl Iterator<Item = (Option<String>, u32)>,
    ) -> Self {
        let mut known: BTreeMap<String, usize> = BTreeMap::new();
        let mut class = |value: String| {
            let next = known.len();
            *known.entry(value).or_insert(next)
        };
        let class_of: Vec<Option<usize>> = sites.map(|value| value.map(&mut class)).collect();
        let beside: Vec<(usize, u32)> = beside
            .filter_map(|(value, tasks)| Some((value.map(&mut class)?, tasks)))
            .collect();
        let mut sites_in = vec![0; known.len()];
        for &class in class_of.iter().flatten() {
            sites_in[class] += 1;
        }
        let mut base = vec![0; known.len()];
        for (class, tasks) in beside {
            base[class] += tasks;
        }
        Self {
            source,
            class_of,
            sites_in,
            base,
            per_class: u32::MAX,
            classes: u32::MAX,
            full: u32::MAX,
            widths: None,
        }
    }

    /// `group-by` on so many values at least, at its first width.
    fn grouped(mut self, want: &Want<'_>, values: u32) -> Self {
        let all = want
            .beside
            .iter()
            .fold(want.count, |all, beside| all.saturating_add(beside.tasks));
        let least = values.min(all).max(1);
        let known = u32::try_from(self.base.len()).unwrap_or(u32::MAX);
        let most = known.min(all).max(least);
        self.widths = Some((all, least..=most));
        self.set_width(least);
        self
    }

    /// Whether it is a bound for each site by itself, whatever is on the others.
    pub(super) fn is_for_each_site(&self) -> bool {
        self.classes == u32::MAX
            && self.full == u32::MAX
            && self.sites_in.iter().all(|&sites| sites <= 1)
    }

    /// Lets the tasks be on exactly so many values, as evenly as can be.
    pub(super) fn set_width(&mut self, width: u32) {
        let Some((all, _)) = self.widths else { return };
        self.classes = width;
        self.per_class = all.div_ceil(width);
        self.full = match all % width {
            0 => width,
            rest => rest,
        };
    }
}

/// How many tasks of a want are in each class of a rule.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    in_class: Vec<u32>,
    used: u32,
    full: u32,
}

impl Tally {
    pub(super) fn new(rule: &Rule) -> Self {
        let used = rule.base.iter().filter(|&&tasks| tasks > 0).count();
        let full = rule.base.iter().filter(|&&tasks| tasks >= rule.per_class);
        Self {
            used: u32::try_from(used).unwrap_or(u32::MAX),
            full: u32::try_from(full.count()).unwrap_or(u32::MAX),
            in_class: rule.base.clone(),
        }
    }

    /// How many more tasks one class may take, as things are.
    pub(super) fn room(&self, rule: &Rule, class: usize) -> u32 {
        let tasks = self.in_class[class];
        if tasks == 0 && self.used >= rule.classes {
            return 0;
        }
        let room = rule.per_class.saturating_sub(tasks);
        // The last task that makes it full may be one too many.
        if room > 0 && self.full >= rule.full {
            room - 1
        } else {
            room
        }
    }

    /// How many more tasks all classes may take, if `held` is what the sites of each could hold.
    pub(super) fn room_in_all(&self, rule: &Rule, held: &[u32]) -> u32 {
        let mut opened: Vec<u32> = Vec::new();
        let mut sum = 0_u32;
        for (class, &held) in held.iter().enumerate() {
            let room = self.room(rule, class).min(held);
            if self.in_class[class] == 0 && room > 0 {
                opened.push(room);
            } else {
                sum = sum.saturating_add(room);
            }
        }
        let free = rule.classes.saturating_sub(self.used) as usize;
        if opened.len() > free {
            opened.sort_unstable_by(|a, b| b.cmp(a));
            opened.truncate(free);
        }
        opened
            .into_iter()
            .fold(sum, |sum, room| sum.saturating_add(room))
    }

    /// The tasks of each class.
    pub(super) fn in_class(&self) -> &[u32] {
        &self.in_class
    }

    pub(super) fn add(&mut self, rule: &Rule, class: usize) {
        let tasks = &mut self.in_class[class];
        self.used += u32::from(*tasks == 0);
        *tasks += 1;
        self.full += u32::from(*tasks == rule.per_class);
    }

    pub(super) fn remove(&mut self, rule: &Rule, class: usize) {
        let tasks = &mut self.in_class[class];
        self.full -= u32::from(*tasks == rule.per_class);
        *tasks -= 1;
        self.used -= u32::from(*tasks == 0);
    }
}
