//! Prices that show how tight a problem is.
//!
//! Give every kind of task a price. An agent cannot hold tasks of more worth than its best
//! *pattern*, the most precious set of tasks that fits there. If all tasks are worth more than the
//! best patterns of all agents together, there is no placement, whatever the prices were; what the
//! patterns are worth more is the *slack*, all that a placement may lose on the agents. Good prices
//! leave little of it: a kind of which the best patterns hold too few becomes dearer, one of which
//! they hold too many cheaper (a subgradient method for the dual of packing by patterns).
//!
//! Constraints that count tasks on several agents are left out: what is impossible without them is
//! so with them.

use super::layout::Layout;
use super::problem::Problem;

/// What all tasks together cost at first. Prices are whole numbers, so that a proof does not hang on
/// rounding.
const WORTH: f64 = 1e9;

/// How far one pattern is looked for. Where there are so many, tasks are small beside agents, and the
/// best pattern is worth little less than tasks that are cut to fit.
const LOOKS_MAX: u64 = 1000;

/// Shorter steps change nothing any more.
const STEP_MIN: f64 = 0.02;

/// The steps get shorter when so many rounds in a row have shown nothing new.
const PATIENCE: usize = 6;

/// Agents that can hold the same patterns.
#[derive(Debug)]
pub(super) struct Shelf {
    /// The agents, as sites.
    pub(super) sites: Vec<usize>,
    /// What each has for tasks.
    free: Vec<i64>,
    /// The most tasks of each kind that one can hold, whatever else it holds.
    most: Vec<u32>,
}

/// Prices, and what they show.
#[derive(Debug, Clone)]
pub(super) struct Prices {
    /// Per kind.
    pub(super) of: Vec<i64>,
    /// The worth of the best pattern, per shelf.
    pub(super) best: Vec<i64>,
    /// By how much all best patterns are worth more than all tasks; negative: there is no
    /// placement.
    pub(super) slack: i64,
}

/// A set of tasks that an agent can hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    pub(super) worth: i64,
    /// Per kind.
    pub(super) tasks: Vec<u32>,
}

impl Pattern {
    /// What it is worth at other prices.
    pub(super) fn worth_at(&self, prices: &[i64]) -> i64 {
        let tasks = self.tasks.iter().zip(prices);
        tasks.map(|(tasks, price)| i64::from(*tasks) * price).sum()
    }
}

/// Sites with the same resources, of which `alike` says that no constraint tells them apart.
pub(super) fn shelves(problem: &Problem, alike: &[usize]) -> Vec<Shelf> {
    let layout = Layout::new(problem);
    let mut shelves: Vec<Shelf> = Vec::new();
    let mut alikes: Vec<usize> = Vec::new();
    for (site, free) in problem.for_tasks.iter().enumerate() {
        let most: Vec<u32> = (0..problem.wants.len())
            .map(|want| {
                let kind = &problem.wants[want];
                if !kind.eligible[site] {
                    return 0;
                }
                let held = free.times(&kind.need).min(kind.count);
                held.min(layout.allowance(problem, want, site))
            })
            .collect();
        if most.iter().all(|&most| most == 0) {
            continue;
        }
        let free = free.thousandths();
        let same = alikes
            .iter()
            .zip(&shelves)
            .position(|(&like, shelf)| like == alike[site] && shelf.free == free);
        match same {
            Some(shelf) => shelves[shelf].sites.push(site),
            None => {
                alikes.push(alike[site]);
                shelves.push(Shelf {
                    sites: vec![site],
                    free: free.to_vec(),
                    most,
                });
            }
        }
    }
    shelves
}

/// Looks for prices that leave as little slack as can be, and stops when there is none. `looks` is
/// how many patterns may be begun; what is used of it is taken off. `None`: that was not enough for
/// the first prices.
pub(super) fn find(problem: &Problem, shelves: &[Shelf], looks: &mut u64) -> Option<Prices> {
    let counts: Vec<i64> = problem
        .wants
        .iter()
        .map(|kind| i64::from(kind.count))
        .collect();
    let mut prices = first(problem);
    let mut found: Option<Prices> = None;
    let (mut step, mut in_vain) = (1.0, 0);
    let nothing = vec![0; counts.len()];
    let mut patterns = vec![nothing; shelves.len()];
    while step > STEP_MIN {
        let mut missing = counts.clone();
        let mut best = Vec::with_capacity(shelves.len());
        let mut held = 0_i64;
        for (shelf, tasks) in shelves.iter().zip(&mut patterns) {
            let Some(worth) = improve(problem, shelf, &prices, tasks, looks) else {
                return found;
            };
            let sites = i64::try_from(shelf.sites.len()).unwrap_or(i64::MAX);
            held = held.saturating_add(worth.saturating_mul(sites));
            for (missing, tasks) in missing.iter_mut().zip(tasks) {
                *missing -= i64::from(*tasks) * sites;
            }
            best.push(worth);
        }
        let worth: i64 = counts
            .iter()
            .zip(&prices)
            .map(|(count, price)| count * price)
            .sum();
        let slack = held - worth;
        // Prices have no scale of their own, so slack is compared by its share.
        let share = |prices: &Prices| prices.slack as f64 / all(&counts, &prices.of);
        let now = Prices {
            of: prices.clone(),
            best,
            slack,
        };
        if found
            .as_ref()
            .is_none_or(|known| share(&now) < share(known))
        {
            found = Some(now);
            in_vain = 0;
        } else {
            in_vain += 1;
        }
        if slack < 0 {
            break;
        }
        if in_vain >= PATIENCE {
            (step, in_vain) = (step / 2.0, 0);
        }
        if !change(&mut prices, &missing, slack, step) {
            break;
        }
    }
    found
}

/// Makes kinds dearer of which the best patterns hold too few, and others cheaper; whether anything
/// was missing or too many.
pub(super) fn change(prices: &mut [i64], missing: &[i64], slack: i64, step: f64) -> bool {
    let square: i64 = missing.iter().map(|missing| missing * missing).sum();
    if square == 0 {
        return false;
    }
    // As far as it would take to show no slack if all went on like this, and a little further.
    let length = step * (slack as f64 + WORTH / 100.0) / square as f64;
    for (price, missing) in prices.iter_mut().zip(missing) {
        *price = (*price as f64 + length * *missing as f64).round().max(0.0) as i64;
    }
    true
}

fn all(counts: &[i64], prices: &[i64]) -> f64 {
    let worth: i64 = counts
        .iter()
        .zip(prices)
        .map(|(count, price)| count * price)
        .sum();
    worth.max(1) as f64
}

/// Prices by size: what a task takes of each resource, as a share of what there is of it.
fn first(problem: &Problem) -> Vec<i64> {
    let columns = problem.columns.len();
    let mut total = vec![0_i64; columns];
    for free in &problem.for_tasks {
        for (total, free) in total.iter_mut().zip(free.thousandths()) {
            *total = total.saturating_add(*free);
        }
    }
    let size = |want: usize| {
        let need = problem.wants[want].need.thousandths();
        let shares = need.iter().zip(&total);
        shares
            .map(|(need, total)| *need as f64 / (*total).max(1) as f64)
            .sum::<f64>()
    };
    let sizes: Vec<f64> = (0..problem.wants.len()).map(size).collect();
    let counted = problem.wants.iter().zip(&sizes);
    let sum: f64 = counted
        .map(|(kind, size)| f64::from(kind.count) * size)
        .sum();
    let scale = WORTH / sum.max(f64::MIN_POSITIVE);
    sizes
        .iter()
        .map(|size| (size * scale).round() as i64)
        .collect()
}

/// Makes the most precious pattern of a shelf out of one that it can hold, and answers the most that
/// any can be worth: a little more than that pattern when it could not be found with
/// [`LOOKS_MAX`]. Nothing when there are no looks left.
fn improve(
    problem: &Problem,
    shelf: &Shelf,
    prices: &[i64],
    tasks: &mut [u32],
    looks: &mut u64,
) -> Option<i64> {
    let known = tasks.iter().zip(prices);
    let known: i64 = known.map(|(tasks, price)| i64::from(*tasks) * price).sum();
    let mut own = LOOKS_MAX.min(*looks);
    let before = own;
    let mut filling = Filling::new(problem, shelf, prices, &mut own);
    let at_most = filling.at_most(0);
    let better = filling.go(0, known + 1, &mut |worth, better| {
        tasks.copy_from_slice(better);
        Some(worth + 1)
    });
    *looks -= before - own;
    match better {
        Some(better) => Some(better - 1),
        None if *looks > 0 => Some(at_most),
        None => None,
    }
}

/// All patterns of a shelf that are worth so much, the most precious first; nothing when they are
/// too many, or there are no looks left.
pub(super) fn patterns(
    problem: &Problem,
    shelf: &Shelf,
    prices: &[i64],
    at_least: i64,
    most: usize,
    looks: &mut u64,
) -> Option<Vec<Pattern>> {
    let mut patterns = Vec::new();
    let mut filling = Filling::new(problem, shelf, prices, looks);
    filling.go(0, at_least, &mut |worth, tasks| {
        patterns.push(Pattern {
            worth,
            tasks: tasks.to_vec(),
        });
        (patterns.len() <= most).then_some(at_least)
    })?;
    patterns.sort_by(|a, b| b.worth.cmp(&a.worth).then_with(|| b.tasks.cmp(&a.tasks)));
    Some(patterns)
}

/// A pattern that is being made, kind after kind, the most worth for its size first.
struct Filling<'a> {
    problem: &'a Problem,
    shelf: &'a Shelf,
    prices: &'a [i64],
    looks: &'a mut u64,
    order: Vec<usize>,
    /// What one task takes of the shelf, per kind: the sum of its shares of all columns.
    size: Vec<f64>,
    free: Vec<i64>,
    room: f64,
    tasks: Vec<u32>,
    worth: i64,
}

impl<'a> Filling<'a> {
    fn new(problem: &'a Problem, shelf: &'a Shelf, prices: &'a [i64], looks: &'a mut u64) -> Self {
        let size = |want: usize| {
            let need = problem.wants[want].need.thousandths();
            let shares = need.iter().zip(&shelf.free).filter(|(_, free)| **free > 0);
            shares
                .map(|(need, free)| *need as f64 / *free as f64)
                .sum::<f64>()
        };
        let size: Vec<f64> = (0..prices.len()).map(size).collect();
        let density = |want: usize| prices[want] as f64 / size[want].max(1e-9);
        let mut order: Vec<usize> = (0..prices.len())
            .filter(|&want| shelf.most[want] > 0)
            .collect();
        order.sort_by(|&a, &b| density(b).total_cmp(&density(a)));
        let columns = shelf.free.iter().filter(|free| **free > 0).count();
        Self {
            order,
            size,
            free: shelf.free.clone(),
            room: columns as f64,
            tasks: vec![0; prices.len()],
            worth: 0,
            problem,
            shelf,
            prices,
            looks,
        }
    }

    /// Tells every pattern of that worth at least, and goes on with the worth that is answered. The
    /// least worth at the end; nothing when there are no looks left or the answer was to stop.
    fn go(
        &mut self,
        index: usize,
        mut at_least: i64,
        tell: &mut impl FnMut(i64, &[u32]) -> Option<i64>,
    ) -> Option<i64> {
        *self.looks = self.looks.checked_sub(1)?;
        let Some(&want) = self.order.get(index) else {
            return if self.worth >= at_least {
                tell(self.worth, &self.tasks)
            } else {
                Some(at_least)
            };
        };
        if self.at_most(index) < at_least {
            return Some(at_least);
        }
        let need = self.problem.wants[want].need.thousandths();
        let columns = self.free.iter().zip(need).filter(|(_, need)| **need > 0);
        let fits = columns.map(|(free, need)| free / need).min();
        let fits = fits.map_or(u32::MAX, |fits| u32::try_from(fits).unwrap_or(u32::MAX));
        let most = fits.min(self.shelf.most[want]);
        self.change(want, i64::from(most));
        for count in (0..=most).rev() {
            self.tasks[want] = count;
            at_least = self.go(index + 1, at_least, tell)?;
            if count > 0 {
                self.change(want, -1);
            }
        }
        Some(at_least)
    }

    /// What the pattern can be worth at most with kinds from this one on: as if tasks could be cut to
    /// fill the room, which is that of all columns together.
    fn at_most(&self, index: usize) -> i64 {
        let mut room = self.room;
        let mut rest = 0.0;
        for &want in &self.order[index..] {
            let need = self.problem.wants[want].need.thousandths();
            if self.free.iter().zip(need).any(|(free, need)| free < need) {
                continue;
            }
            let size = self.size[want];
            let tasks = f64::from(self.shelf.most[want]).min(room / size.max(1e-9));
            rest += tasks * self.prices[want] as f64;
            room -= tasks * size;
            if room <= 0.0 {
                break;
            }
        }
        // Worth is whole; the little more covers what is lost by computing with fractions.
        self.worth + (rest * (1.0 + 1e-9) + 0.5) as i64
    }

    fn change(&mut self, want: usize, tasks: i64) {
        let need = self.problem.wants[want].need.thousandths();
        for (free, need) in self.free.iter_mut().zip(need) {
            *free -= need * tasks;
        }
        self.room -= self.size[want] * tasks as f64;
        self.worth += self.prices[want] * tasks;
    }
}
