//! Placements, some against brute force.

use expect_test::{Expect, expect};
use proptest::prelude::{ProptestConfig, any, prop, prop_assert, prop_assert_eq, proptest};

use super::*;
use crate::constraint::AttributeValue;
use crate::constraint::tests::constraint;

fn resources(text: &str) -> Resources {
    Resources::parse(text).unwrap()
}

/// An agent that offers this: resources and attributes (`rack=r1`), with blanks between.
fn site(agent: &str, text: &str) -> Site {
    let (attributes, offered): (Vec<&str>, Vec<&str>) =
        text.split_whitespace().partition(|word| word.contains('='));
    let attributes = attributes.iter().map(|word| {
        let (name, value) = word.split_once('=').unwrap();
        Attribute {
            name: name.to_owned(),
            value: AttributeValue::Text(value.to_owned()),
        }
    });
    Site {
        agent: agent.into(),
        hostname: format!("{agent}.test"),
        attributes: attributes.collect(),
        role: "*".to_owned(),
        offers: vec![format!("o-{agent}").into()],
        resources: resources(&offered.join(";")),
    }
}

/// A group of which nothing is placed yet.
struct Group {
    name: String,
    count: u32,
    resources: Resources,
    constraints: Vec<Constraint>,
    colocate: bool,
}

impl Group {
    /// Reads `name*count cpus:… | rack is r1 | colocate`.
    fn parse(text: &str) -> Self {
        let mut parts = text.split('|').map(str::trim);
        let (head, needs) = parts.next().unwrap().split_once(' ').unwrap();
        let (name, count) = head.split_once('*').unwrap();
        let (colocate, constraints): (Vec<&str>, Vec<&str>) =
            parts.partition(|part| *part == "colocate");
        Self {
            name: name.to_owned(),
            count: count.parse().unwrap(),
            resources: resources(needs),
            constraints: constraints.into_iter().map(constraint).collect(),
            colocate: !colocate.is_empty(),
        }
    }

    fn want(&self) -> Want<'_> {
        Want {
            group: &self.name,
            count: self.count,
            resources: &self.resources,
            constraints: &self.constraints,
            colocate: self.colocate,
            beside: Vec::new(),
        }
    }
}

/// Places groups (`name*count cpus:…`) on agents (`name cpus:…`) and tells the answer.
#[track_caller]
fn check(strategy: Strategy, executor: &str, groups: &[&str], agents: &[&str], expect: &Expect) {
    let groups: Vec<Group> = groups.iter().map(|group| Group::parse(group)).collect();
    let wants: Vec<Want<'_>> = groups.iter().map(Group::want).collect();
    let sites: Vec<Site> = agents
        .iter()
        .map(|agent| {
            let (name, offered) = agent.split_once(' ').unwrap();
            site(name, offered)
        })
        .collect();
    expect.assert_eq(&answer(&wants, &resources(executor), &sites, strategy));
}

fn answer(wants: &[Want<'_>], executor: &Resources, sites: &[Site], strategy: Strategy) -> String {
    match place(wants, executor, sites, strategy) {
        Ok(assignments) => assignments
            .iter()
            .map(|assignment| {
                let agent = &sites[assignment.site].agent;
                let tasks = assignment.tasks.iter().zip(wants);
                let tasks = tasks.filter(|(count, _)| **count > 0);
                let tasks: Vec<String> = tasks
                    .map(|(count, want)| format!("{count} {}", want.group))
                    .collect();
                format!("{agent}: {}\n", tasks.join(", "))
            })
            .collect(),
        Err(shortfall) => format!("{:?}: {shortfall}\n", shortfall.certainty),
    }
}

#[test]
fn a_gang_that_fits_in_sum_but_on_no_agents_has_no_place() {
    check(
        Strategy::Pack,
        "cpus:0.1",
        &["small*1 cpus:1", "large*1 cpus:2"],
        &["a1 cpus:1.7", "a2 cpus:1.7"],
        &expect![[r#"
            Impossible: on offer are 2 agents; no place for 1 of 1 `large`: one and its executor need 2.1 cpus, the most that any agent offers is 1.7 (`a2.test`); it would fit with 0.4 more cpus on `a2.test`
        "#]],
    );
}

#[test]
fn the_executor_counts_once_on_each_agent() {
    check(
        Strategy::Pack,
        "cpus:0.5",
        &["task*4 cpus:1"],
        &["a1 cpus:2.5", "a2 cpus:2.5"],
        &expect![[r#"
            a1: 2 task
            a2: 2 task
        "#]],
    );
    check(
        Strategy::Pack,
        "cpus:0.5",
        &["task*4 cpus:1"],
        &["a1 cpus:2.4", "a2 cpus:2.5"],
        &expect![[r#"
            Impossible: on offer are 2 agents; no place for 1 of 4 `task`: what is free is in pieces that are too small (2 agents lack cpus); it would fit with 0.1 more cpus on `a1.test`, or with 1 more agent like `a2.test`
        "#]],
    );
}

#[test]
fn packing_uses_few_agents_and_spreading_uses_many() {
    let groups = ["task*6 cpus:1"];
    let agents = ["a1 cpus:4", "a2 cpus:8", "a3 cpus:4"];
    check(
        Strategy::Pack,
        "cpus:0",
        &groups,
        &agents,
        &expect![[r#"
        a2: 6 task
    "#]],
    );
    check(
        Strategy::Spread,
        "cpus:0",
        &groups,
        &agents,
        &expect![[r#"
        a1: 2 task
        a2: 2 task
        a3: 2 task
    "#]],
    );
}

#[test]
fn a_small_gang_is_placed_even_where_the_largest_first_goes_wrong() {
    // 6 and 5 first leaves no room for both pairs: 5 + 5 and 6 + 4 must be found.
    check(
        Strategy::Pack,
        "cpus:0",
        &["six*1 cpus:6", "five*2 cpus:5", "four*1 cpus:4"],
        &["a1 cpus:10", "a2 cpus:10"],
        &expect![[r#"
            a1: 1 six, 1 four
            a2: 2 five
        "#]],
    );
}

#[test]
fn the_scarcest_resource_is_named() {
    check(
        Strategy::Pack,
        "mem:32",
        &["task*4 cpus:1;mem:512"],
        &["a1 cpus:4;mem:1056", "a2 cpus:1;mem:64"],
        &expect![[r#"
            Impossible: on offer are 2 agents; no place for 2 of 4 `task`: 960 MiB of mem are missing in all; it would fit with 1 more cpus and 992 MiB more of mem on `a2.test`, or with 1 more agent like `a1.test`
        "#]],
    );
    check(
        Strategy::Pack,
        "mem:32",
        &["task*1 cpus:1;gpus:1"],
        &["a1 cpus:4;mem:1056"],
        &expect![[r#"
            Impossible: on offer is 1 agent; no place for 1 of 1 `task`: one and its executor need 1 gpus, the most that any agent offers is 0 (`a1.test`); it would fit with 1 more gpus on `a1.test`
        "#]],
    );
    check(
        Strategy::Pack,
        "cpus:0",
        &["task*3 cpus:2"],
        &["a1 cpus:3", "a2 cpus:3"],
        &expect![[r#"
            Impossible: on offer are 2 agents; no place for 1 of 3 `task`: what is free is in pieces that are too small (2 agents lack cpus); it would fit with 1 more cpus on `a1.test`, or with 1 more agent like `a1.test`
        "#]],
    );
}

/// A want without constraints.
fn plain<'a>(group: &'a str, count: u32, resources: &'a Resources) -> Want<'a> {
    Want {
        group,
        count,
        resources,
        constraints: &[],
        colocate: false,
        beside: Vec::new(),
    }
}

#[test]
fn a_large_gang_that_does_not_fit_is_not_called_impossible() {
    // Each task needs an agent of its own, but either kind alone would fit.
    let sites: Vec<Site> = (0..80).map(|n| site(&format!("a{n}"), "cpus:5")).collect();
    let (three, four) = (resources("cpus:3"), resources("cpus:4"));
    let wants = [plain("three", 60, &three), plain("four", 21, &four)];
    let shortfall = place(&wants, &Resources::new(), &sites, Strategy::Pack).unwrap_err();
    assert_eq!(shortfall.certainty, Certainty::NotFound);
    assert_eq!(shortfall.leftovers[0].tasks, 1);
    assert!(
        shortfall.to_string().contains("may be a place"),
        "{shortfall}"
    );
}

#[test]
fn a_search_without_end_is_given_up() {
    // Almost every combination comes to nearly, but never exactly, what is there.
    let groups: Vec<(String, Resources)> = (0..20)
        .map(|n| {
            (
                format!("g{n}"),
                resources(&format!("cpus:{}", 10.0 + 0.37 * f64::from(n))),
            )
        })
        .collect();
    let wants: Vec<Want<'_>> = groups
        .iter()
        .map(|(group, resources)| plain(group, 3, resources))
        .collect();
    let sites: Vec<Site> = (0..16)
        .map(|n| {
            site(
                &format!("a{n}"),
                &format!("cpus:{}", 51.0 + f64::from(n) * 0.01),
            )
        })
        .collect();
    let shortfall = place(&wants, &Resources::new(), &sites, Strategy::Pack).unwrap_err();
    assert_eq!(shortfall.certainty, Certainty::NotFound);
}

#[test]
fn roles_and_reservations_are_kept_as_offered() {
    let site = Site {
        resources: resources("cpus(prod):1;cpus:2").allocate("prod"),
        ..site("a1", "")
    };
    let need = resources("cpus:1.2");
    let (executor, tasks) = carve(&site, &resources("cpus:0.5"), &[&need]).unwrap();
    assert_eq!(
        executor.to_string(),
        "cpus(allocated: prod)(reservations: [(STATIC,prod)]):0.5"
    );
    assert_eq!(
        tasks[0].to_string(),
        "cpus(allocated: prod)(reservations: [(STATIC,prod)]):0.5; cpus(allocated: prod):0.7"
    );
    assert_eq!(
        carve(&site, &resources("cpus:0.5"), &[&need, &need, &need]),
        None
    );
}

#[test]
fn several_offers_of_an_agent_are_used_together_with_their_kinds_kept_apart() {
    use mesos::v1;

    let reserved_to = |role: &str| v1::resource::ReservationInfo {
        r#type: Some(v1::resource::reservation_info::Type::Dynamic.into()),
        role: Some(role.to_owned()),
        principal: Some("ops".to_owned()),
        ..v1::resource::ReservationInfo::default()
    };
    let gpus = v1::Resource {
        name: "gpus".to_owned(),
        r#type: v1::value::Type::Scalar.into(),
        scalar: Some(v1::value::Scalar { value: 1.0 }),
        reservations: vec![reserved_to("eng"), reserved_to("eng/ml")],
        ..v1::Resource::default()
    };
    // Two offers of one agent to one role: a refined reservation, and the rest.
    let offered = Resources::from_wire(&[gpus]).unwrap() + resources("cpus:2;licences:3");
    let site = Site {
        resources: offered.allocate("eng/ml"),
        offers: vec!["o1".into(), "o2".into()],
        ..site("a1", "")
    };
    let group = Group::parse("task*1 cpus:1.5;gpus:1;licences:2");
    let executor = resources("cpus:0.5");
    let sites = [site];
    let placed = place(&[group.want()], &executor, &sites, Strategy::Pack).unwrap();
    assert_eq!(placed[0].tasks, [1]);
    let (executor, tasks) = carve(&sites[0], &executor, &[&group.resources]).unwrap();
    expect![[r#"
        cpus(allocated: eng/ml):0.5
        cpus(allocated: eng/ml):1.5; gpus(allocated: eng/ml)(reservations: [(DYNAMIC,eng,ops),(DYNAMIC,eng/ml,ops)]):1; licences(allocated: eng/ml):2
    "#]]
    .assert_eq(&format!("{executor}\n{}\n", tasks[0]));
    // One more of the named scalar than there is.
    let group = Group::parse("task*2 cpus:0.5;licences:2");
    let shortfall = place(&[group.want()], &Resources::new(), &sites, Strategy::Pack).unwrap_err();
    assert!(
        shortfall.to_string().contains("1 licences are missing"),
        "{shortfall}"
    );
}

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

#[test]
fn constraints_choose_agents_one_by_one() {
    let agents = [
        "a1 cpus:8 rack=r1 zone=eu-1",
        "a2 cpus:8 rack=r2 zone=us-1",
        "a3 cpus:8 zone=eu-2",
    ];
    let answer_to = |group: &str, expected: Expect| {
        check(Strategy::Pack, "cpus:0", &[group], &agents, &expected);
    };
    answer_to(
        "task*1 cpus:1 | rack is r2",
        expect![[r#"
            a2: 1 task
        "#]],
    );
    answer_to(
        "task*1 cpus:1 | hostname is a3.test",
        expect![[r#"
            a3: 1 task
        "#]],
    );
    answer_to(
        "task*1 cpus:1 | zone like eu-.* | rack like .*",
        expect![[r#"
            a1: 1 task
        "#]],
    );
    answer_to(
        "task*1 cpus:1 | zone unlike us-.* | rack unlike r1",
        expect![[r#"
            a3: 1 task
        "#]],
    );
    answer_to(
        "task*1 cpus:1 | rack is r3",
        expect![[r#"
            Impossible: on offer are 3 agents; no place for 1 of 1 `task`: no agent satisfies its constraints, most not `rack is r3`; it would fit without `rack is r3` of `task`
        "#]],
    );
}

#[test]
fn constraints_count_the_tasks_on_agents_of_one_value() {
    let agents = [
        "a1 cpus:8 rack=r1",
        "a2 cpus:8 rack=r1",
        "a3 cpus:8 rack=r2",
        "a4 cpus:8",
    ];
    let answer_to = |group: &str, expected: Expect| {
        check(Strategy::Pack, "cpus:0", &[group], &agents, &expected);
    };
    answer_to(
        "task*4 cpus:1 | hostname unique",
        expect![[r#"
            a1: 1 task
            a2: 1 task
            a3: 1 task
            a4: 1 task
        "#]],
    );
    answer_to(
        "task*2 cpus:1 | rack unique",
        expect![[r#"
            a1: 1 task
            a3: 1 task
        "#]],
    );
    answer_to(
        "task*3 cpus:1 | rack unique",
        expect![[r#"
            Impossible: on offer are 4 agents; no place for 1 of 3 `task`: `rack unique` allows no more; it would fit with `rack max-per 2` in place of `rack unique` of `task`
        "#]],
    );
    answer_to(
        "task*6 cpus:1 | rack max-per 3",
        expect![[r#"
            a1: 3 task
            a3: 3 task
        "#]],
    );
    answer_to(
        "task*7 cpus:1 | rack max-per 3",
        expect![[r#"
            Impossible: on offer are 4 agents; no place for 1 of 7 `task`: `rack max-per 3` allows no more; it would fit with `rack max-per 4` in place of `rack max-per 3` of `task`
        "#]],
    );
    answer_to(
        "task*5 cpus:1 | rack group-by 2",
        expect![[r#"
            a1: 3 task
            a3: 2 task
        "#]],
    );
    answer_to(
        "task*5 cpus:1 | rack group-by 3",
        expect![[r#"
            Impossible: on offer are 4 agents; no place for 1 of 5 `task`: `rack group-by 3` allows no more; it would fit with `rack group-by 2` in place of `rack group-by 3` of `task`
        "#]],
    );
    answer_to(
        "task*4 cpus:3 | rack unlike r1 | hostname max-per 2",
        expect![[r#"
            a3: 2 task
            a4: 2 task
        "#]],
    );
}

#[test]
fn group_by_takes_more_values_when_as_many_as_wanted_are_too_small() {
    check(
        Strategy::Pack,
        "cpus:0",
        &["task*6 cpus:1 | zone group-by 2"],
        &[
            "a1 cpus:2 zone=z1",
            "a2 cpus:2 zone=z2",
            "a3 cpus:2 zone=z3",
        ],
        &expect![[r#"
            a1: 2 task
            a2: 2 task
            a3: 2 task
        "#]],
    );
}

#[test]
fn a_colocated_group_is_on_one_agent() {
    check(
        Strategy::Spread,
        "cpus:0.5",
        &["pair*2 cpus:2 | colocate", "other*2 cpus:1"],
        &["a1 cpus:3.5", "a2 cpus:4.5", "a3 cpus:3.5"],
        &expect![[r#"
            a1: 1 other
            a2: 2 pair
            a3: 1 other
        "#]],
    );
    check(
        Strategy::Pack,
        "cpus:0.5",
        &["pair*2 cpus:2 | colocate"],
        &["a1 cpus:3", "a2 cpus:4"],
        &expect![[r#"
            Impossible: on offer are 2 agents; no place for 1 of 2 `pair`: `colocate` allows no more (`colocate` rules out 1 agent, 1 agent lacks cpus); it would fit without `colocate` of `pair`, or with 0.5 more cpus on `a2.test`
        "#]],
    );
}

#[test]
fn tasks_that_have_a_place_already_count_for_constraints() {
    let group = Group::parse("task*1 cpus:1 | rack unique");
    let sites = [site("a1", "cpus:8 rack=r1"), site("a2", "cpus:4 rack=r2")];
    let agent = AgentId::from("a9");
    let on_r1 = Beside {
        agent: &agent,
        hostname: "a9.test",
        attributes: &sites[0].attributes,
        tasks: 1,
    };
    let mut want = group.want();
    want.beside = vec![on_r1.clone()];
    let executor = Resources::new();
    let placed = answer(&[want.clone()], &executor, &sites, Strategy::Pack);
    assert_eq!(placed, "a2: 1 task\n");
    // Colocated with one on an agent that offers nothing: there is no way.
    want.constraints = &[];
    want.colocate = true;
    assert_eq!(helps(&[want], &executor, &sites), [false, false]);
}

#[test]
fn the_smallest_changes_that_help_are_named() {
    check(
        Strategy::Pack,
        "cpus:0.1",
        &["task*4 cpus:1;mem:512"],
        &["a1 cpus:2.1;mem:2048", "a2 cpus:1.7;mem:2048"],
        &expect![[r#"
            Impossible: on offer are 2 agents; no place for 1 of 4 `task`: 0.3 cpus are missing in all; it would fit with 0.4 more cpus on `a2.test`, or with 1 more agent like `a1.test`
        "#]],
    );
    check(
        Strategy::Pack,
        "cpus:0.1",
        &["task*6 cpus:1 | rack max-per 2"],
        &["a1 cpus:8 rack=r1", "a2 cpus:8 rack=r2"],
        &expect![[r#"
            Impossible: on offer are 2 agents; no place for 2 of 6 `task`: `rack max-per 2` allows no more; it would fit with `rack max-per 3` in place of `rack max-per 2` of `task`
        "#]],
    );
    check(
        Strategy::Pack,
        "cpus:0.1",
        &["task*20 cpus:1"],
        &["a1 cpus:4", "a2 cpus:4"],
        &expect![[r#"
            Impossible: on offer are 2 agents; no place for 14 of 20 `task`: 12.1 cpus are missing in all; it would fit with 13.1 more cpus on `a1.test`, or with 5 more agents like `a1.test`
        "#]],
    );
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
