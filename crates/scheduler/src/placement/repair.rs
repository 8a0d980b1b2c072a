//! Makes room for what is left over by moving one task at a time elsewhere.

use super::layout::Layout;
use super::problem::Problem;

/// Places as much of what is left over as moving single tasks makes room for. `looks` is how many
/// places it may look at; what is used of it is taken off.
pub(super) fn mend(problem: &Problem, layout: &mut Layout, looks: &mut usize) {
    for want in problem.most_bound_first() {
        while layout.left[want] > 0 && *looks > 0 {
            if !put_directly(problem, layout, want, looks)
                && !put_by_move(problem, layout, want, looks)
            {
                break;
            }
        }
    }
}

fn put_directly(problem: &Problem, layout: &mut Layout, want: usize, looks: &mut usize) -> bool {
    *looks = looks.saturating_sub(problem.sites.len());
    let site = (0..problem.sites.len()).find(|&site| layout.fits(problem, want, site));
    if let Some(site) = site {
        layout.put(problem, want, site);
    }
    site.is_some()
}

/// Puts a task where another has to leave for it, if that one fits elsewhere.
fn put_by_move(problem: &Problem, layout: &mut Layout, want: usize, looks: &mut usize) -> bool {
    // Where a task of each kind could go now; moving it off its site only makes that more.
    let elsewhere: Vec<Vec<usize>> = (0..problem.wants.len())
        .map(|kind| {
            *looks = looks.saturating_sub(problem.sites.len());
            let fits = |&site: &usize| layout.fits(problem, kind, site);
            (0..problem.sites.len()).filter(fits).take(2).collect()
        })
        .collect();
    for site in 0..problem.sites.len() {
        if !problem.wants[want].eligible[site] {
            continue;
        }
        for (kind, targets) in elsewhere.iter().enumerate() {
            *looks = looks.saturating_sub(1);
            if layout.count(kind, site) == 0 {
                continue;
            }
            let Some(&target) = targets.iter().find(|&&target| target != site) else {
                continue;
            };
            layout.unput(problem, kind, site);
            if layout.fits(problem, want, site) {
                layout.put(problem, want, site);
                // With a rule between both, the new task may have taken the place of the old one.
                if layout.fits(problem, kind, target) {
                    layout.put(problem, kind, target);
                    return true;
                }
                layout.unput(problem, want, site);
            }
            layout.put(problem, kind, site);
        }
        if *looks == 0 {
            return false;
        }
    }
    false
}
