//! Placements of small gangs against brute force.

use proptest::prelude::{ProptestConfig, any, prop, prop_assert, prop_assert_eq, proptest};

use super::*;

/// Every way to give each task a site.
fn fits_by_force(tasks: &[(i64, i64)], executor: (i64, i64), sites: &[(i64, i64)]) -> bool {
    fn go(
        tasks: &[(i64, i64)],
        executor: (i64, i64),
        sites: &mut Vec<(i64, i64)>,
        open: &mut Vec<bool>,
    ) -> bool {
        let Some((task, rest)) = tasks.split_first() else {
            return true;
        };
        (0..sites.len()).any(|site| {
            let (before, was_open) = (sites[site], open[site]);
            let overhead = if was_open { (0, 0) } else { executor };
            let after = (
                before.0 - task.0 - overhead.0,
                before.1 - task.1 - overhead.1,
            );
            if after.0 < 0 || after.1 < 0 {
                return false;
            }
            (sites[site], open[site]) = (after, true);
            let found = go(rest, executor, sites, open);
            (sites[site], open[site]) = (before, was_open);
            found
        })
    }
    go(
        tasks,
        executor,
        &mut sites.to_vec(),
        &mut vec![false; sites.len()],
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_small_gang_is_placed_exactly_when_a_placement_exists(
        groups in prop::collection::vec((1u32..4, 1i64..6, 0i64..4), 1..4),
        executor in (0i64..3, 0i64..2),
        sites in prop::collection::vec((0i64..12, 0i64..8), 0..4),
        spread in any::<bool>(),
    ) {
        let text = |(cpus, mem): (i64, i64)| resources(&format!("cpus:{cpus};mem:{mem}"));
        let needs: Vec<Resources> =
            groups.iter().map(|&(_, cpus, mem)| text((cpus, mem))).collect();
        let wants: Vec<Want<'_>> = groups
            .iter()
            .zip(&needs)
            .map(|(&(count, ..), resources)| plain("g", count, resources))
            .collect();
        let tasks: Vec<(i64, i64)> = groups
            .iter()
            .flat_map(|&(count, cpus, mem)| (0..count).map(move |_| (cpus, mem)))
            .collect();
        let offered: Vec<Site> = sites
            .iter()
            .map(|&amounts| Site { resources: text(amounts), ..site("a", "") })
            .collect();
        let strategy = if spread { Strategy::Spread } else { Strategy::Pack };
        let exists = fits_by_force(&tasks, executor, &sites);
        match place(&wants, &text(executor), &offered, strategy) {
            Ok(assignments) => {
                prop_assert!(exists);
                let mut placed = vec![0; wants.len()];
                for assignment in &assignments {
                    let mut needs = Vec::new();
                    for (want, &count) in assignment.tasks.iter().enumerate() {
                        placed[want] += count;
                        needs.extend((0..count).map(|_| wants[want].resources));
                    }
                    prop_assert!(!needs.is_empty());
                    prop_assert!(
                        carve(&offered[assignment.site], &text(executor), &needs).is_some()
                    );
                }
                let counts: Vec<u32> = wants.iter().map(|want| want.count).collect();
                prop_assert_eq!(placed, counts);
            }
            Err(shortfall) => {
                prop_assert!(!exists);
                prop_assert_eq!(shortfall.certainty, Certainty::Impossible);
                prop_assert!(!shortfall.leftovers.is_empty());
            }
        }
    }
}

/// A small case of everything, as plain numbers.
#[derive(Debug, Clone)]
struct Case {
    /// Count, need, and a constraint by its number, per group.
    groups: Vec<(u32, i64, u8)>,
    /// What each agent holds, and its rack.
    agents: Vec<(i64, u8)>,
    executor: i64,
}

/// The constraints that a case chooses from.
const CHOICE: [&str; 8] = [
    "",
    "rack is r0",
    "rack unlike r1",
    "hostname unique",
    "rack max-per 2",
    "rack group-by 2",
    "rack group-by 3",
    "colocate",
];

impl Case {
    fn groups(&self) -> Vec<Group> {
        let groups = self.groups.iter().enumerate();
        let text = groups.map(|(number, (count, need, choice))| {
            let separator = if *choice == 0 { "" } else { "|" };
            let constraint = CHOICE[usize::from(*choice)];
            format!("g{number}*{count} cpus:{need} {separator} {constraint}")
        });
        text.map(|text| Group::parse(&text)).collect()
    }

    fn sites(&self) -> Vec<Site> {
        let agents = self.agents.iter().enumerate();
        let sites = agents.map(|(number, (cpus, rack))| {
            site(&format!("a{number}"), &format!("cpus:{cpus} rack=r{rack}"))
        });
        sites.collect()
    }

    /// Whether these places, an agent for each task of each group, are allowed.
    fn allows(&self, places: &[Vec<usize>]) -> bool {
        let mut used = vec![0; self.agents.len()];
        for (agents, (_, need, _)) in places.iter().zip(&self.groups) {
            for &agent in agents {
                let executor = if used[agent] == 0 { self.executor } else { 0 };
                used[agent] += need + executor;
            }
        }
        let fits = used
            .iter()
            .zip(&self.agents)
            .all(|(used, (cpus, _))| used <= cpus);
        fits && places
            .iter()
            .zip(&self.groups)
            .all(|(agents, (_, _, choice))| {
                let rack = |agent: &usize| self.agents[*agent].1;
                let count = |values: Vec<usize>| {
                    let mut counts = std::collections::BTreeMap::<usize, u32>::new();
                    for value in values {
                        *counts.entry(value).or_default() += 1;
                    }
                    counts.into_values().collect::<Vec<u32>>()
                };
                let racks = count(
                    agents
                        .iter()
                        .map(|agent| usize::from(rack(agent)))
                        .collect(),
                );
                let most = racks.iter().max().copied().unwrap_or(0);
                let least = racks.iter().min().copied().unwrap_or(0);
                match CHOICE[usize::from(*choice)] {
                    "" => true,
                    "rack is r0" => agents.iter().all(|agent| rack(agent) == 0),
                    "rack unlike r1" => agents.iter().all(|agent| rack(agent) != 1),
                    "hostname unique" => count(agents.clone()).into_iter().all(|count| count == 1),
                    "rack max-per 2" => most <= 2,
                    "rack group-by 2" => most - least <= 1 && racks.len() >= 2.min(agents.len()),
                    "rack group-by 3" => most - least <= 1 && racks.len() >= 3.min(agents.len()),
                    "colocate" => count(agents.clone()).len() <= 1,
                    other => panic!("no rule for {other}"),
                }
            })
    }

    /// Whether there is a placement: every way to give each task an agent is looked at.
    fn has_placement(&self) -> bool {
        let tasks: Vec<usize> = self
            .groups
            .iter()
            .enumerate()
            .flat_map(|(group, (count, ..))| vec![group; *count as usize])
            .collect();
        let mut digits = vec![0; tasks.len()];
        loop {
            let mut places = vec![Vec::new(); self.groups.len()];
            for (&group, &agent) in tasks.iter().zip(&digits) {
                places[group].push(agent);
            }
            if self.allows(&places) {
                return true;
            }
            let Some(digit) = digits
                .iter()
                .position(|digit| digit + 1 < self.agents.len())
            else {
                return false;
            };
            digits[digit] += 1;
            digits[..digit].fill(0);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn with_constraints_too_a_placement_is_found_exactly_when_there_is_one(
        groups in prop::collection::vec((1u32..4, 1i64..4, 0u8..8), 1..4),
        agents in prop::collection::vec((1i64..8, 0u8..3), 1..5),
        executor in 0i64..2,
        spread in any::<bool>(),
    ) {
        let case = Case { groups, agents, executor };
        let groups = case.groups();
        let wants: Vec<Want<'_>> = groups.iter().map(Group::want).collect();
        let (sites, executor) = (case.sites(), resources(&format!("cpus:{executor}")));
        let strategy = if spread { Strategy::Spread } else { Strategy::Pack };
        match place(&wants, &executor, &sites, strategy) {
            Ok(assignments) => {
                let mut places = vec![Vec::new(); groups.len()];
                for assignment in assignments {
                    for (want, &count) in assignment.tasks.iter().enumerate() {
                        places[want].extend(vec![assignment.site; count as usize]);
                    }
                }
                let counts: Vec<usize> = places.iter().map(Vec::len).collect();
                let wanted: Vec<usize> = wants.iter().map(|want| want.count as usize).collect();
                prop_assert_eq!(counts, wanted);
                prop_assert!(case.allows(&places), "{:?}", places);
            }
            Err(shortfall) => {
                prop_assert_eq!(shortfall.certainty, Certainty::Impossible);
                prop_assert!(!shortfall.leftovers.is_empty());
                prop_assert!(!case.has_placement(), "{}", shortfall);
            }
        }
    }
}
