//! First-fit-decreasing: the largest kind of task first. Fast, and right nearly always.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Layout;
use super::amounts::Problem;
use crate::job::Strategy;

/// Places what it can; what is left over may still fit in another way.
pub(super) fn place(problem: &Problem, strategy: Strategy) -> Layout {
    let mut layout = Layout::new(problem);
    match strategy {
        Strategy::Pack => pack(problem, &mut layout),
        Strategy::Spread => spread(problem, &mut layout),
    }
    layout
}

/// Fills one site after the other, the largest first, so that few are used.
fn pack(problem: &Problem, layout: &mut Layout) {
    let mut sites: Vec<usize> = (0..problem.sites.len()).collect();
    let size = |site: &usize| problem.sites[*site].dominant_share(&problem.total);
    sites.sort_by(|a, b| size(b).total_cmp(&size(a)).then(a.cmp(b)));
    for &want in &problem.by_size {
        for &site in &sites {
            while layout.left[want] > 0 && layout.fits(problem, want, site) {
                layout.put(problem, want, site);
            }
        }
    }
}

/// Gives each task to the site that has the fewest, so that many are used evenly.
fn spread(problem: &Problem, layout: &mut Layout) {
    for &want in &problem.by_size {
        // A site that cannot hold a task of this kind never can again: it leaves the heap.
        let mut sites: BinaryHeap<Reverse<(u32, usize)>> = (0..problem.sites.len())
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
}
