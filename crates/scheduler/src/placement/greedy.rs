//! First-fit-decreasing: the largest kind of task first. Fast, and right nearly always.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::layout::Layout;
use super::problem::Problem;
use super::repair;
use crate::job::Strategy;

/// Places what it can; what is left over may still fit in another way.
pub(super) fn place(problem: &Problem, strategy: Strategy) -> Layout {
    let by_size = problem.largest_wants_first();
    let first = in_order(problem, strategy, &by_size);
    if first.is_complete() {
        return first;
    }
    // Tasks that few sites are good for may have found them taken.
    let by_choice = problem.most_bound_first();
    if by_choice == by_size {
        return first;
    }
    let second = in_order(problem, strategy, &by_choice);
    if second.tasks_left() < first.tasks_left() {
        second
    } else {
        first
    }
}

/// How often a small gang is tried in an order by chance. Each takes less than a tenth of a
/// millisecond, and finds most of what an exhaustive search would take long to come upon.
const SHUFFLES: usize = 100;

/// How many places the repairs of all of them may look at: some ten milliseconds.
const REPAIR_LOOKS_MAX: usize = 1_000_000;

/// Tries to place everything, the wants in orders by chance; always the same ones.
pub(super) fn place_shuffled(
    problem: &Problem,
    strategy: Strategy,
    looks: &mut u64,
) -> Option<Layout> {
    let mut rng = fastrand::Rng::with_seed(0);
    let mut wants: Vec<usize> = (0..problem.wants.len()).collect();
    let mut sites = problem.largest_first.clone();
    let mut repair_looks = REPAIR_LOOKS_MAX;
    for _ in 0..SHUFFLES {
        let tries = (problem.wants.len() * problem.sites.len()) as u64 + problem.tasks();
        *looks = looks.checked_sub(tries)?;
        rng.shuffle(&mut wants);
        rng.shuffle(&mut sites);
        let mut layout = Layout::new(problem);
        for &want in &wants {
            let chosen = layout.roomiest(problem, want);
            match strategy {
                Strategy::Pack => pack(problem, &mut layout, want, &chosen, &sites),
                Strategy::Spread => spread(problem, &mut layout, want, &chosen),
            }
        }
        if !layout.is_complete() {
            repair::mend(problem, &mut layout, &mut repair_looks);
        }
        if layout.is_complete() {
            return Some(layout);
        }
    }
    None
}

fn in_order(problem: &Problem, strategy: Strategy, wants: &[usize]) -> Layout {
    let mut layout = Layout::new(problem);
    for &want in wants {
        // Without this a rule of few values would take the first that come, however small.
        let chosen = layout.roomiest(problem, want);
        match strategy {
            Strategy::Pack => pack(problem, &mut layout, want, &chosen, &problem.largest_first),
            Strategy::Spread => spread(problem, &mut layout, want, &chosen),
        }
    }
    layout
}

/// Fills one site after the other, so that few are used.
fn pack(problem: &Problem, layout: &mut Layout, want: usize, chosen: &[bool], order: &[usize]) {
    for &site in order.iter().filter(|&&site| chosen[site]) {
        while layout.left[want] > 0 && layout.fits(problem, want, site) {
            layout.put(problem, want, site);
        }
        if layout.left[want] == 0 {
            return;
        }
    }
}

/// Gives each task to the site that has the fewest, so that many are used evenly.
fn spread(problem: &Problem, layout: &mut Layout, want: usize, chosen: &[bool]) {
    // A site that cannot take a task of this kind never can again: it leaves the heap.
    let mut sites: BinaryHeap<Reverse<(u32, usize)>> = (0..problem.sites.len())
        .filter(|&site| chosen[site])
        .map(|site| Reverse((layout.tasks[site].iter().sum(), site)))
        .collect();
    while layout.left[want] > 0 {
        let Some(Reverse((tasks, site))) = sites.pop() else {
            break;
        };
        if layout.fits(problem, want, site) {
            layout.put(problem, want, site);
            sites.push(Reverse((tasks + 1, site)));
        }
    }
}
