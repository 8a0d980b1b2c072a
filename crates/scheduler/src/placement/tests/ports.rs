//! Ports, by number and in number, and other resources by name.

use expect_test::expect;
use proptest::prelude::{ProptestConfig, prop, prop_assert, prop_assert_eq, proptest};

use super::*;

#[test]
fn ports_are_counted_and_those_asked_for_by_number_come_first() {
    let agents = ["a1 cpus:8;ports:[8080-8082]", "a2 cpus:8;ports:[8080-8080]"];
    let answer_to = |groups: &[&str], expected: Expect| {
        check(Strategy::Pack, "cpus:0.1", groups, &agents, &expected);
    };
    answer_to(
        &["any*1 cpus:1;ports:2", "web*1 cpus:1;ports:[8080-8080]"],
        expect![[r#"
            a1: 1 any, 1 web
        "#]],
    );
    answer_to(
        &["web*2 cpus:1;ports:[8080-8080]"],
        expect![[r#"
        a1: 1 web
        a2: 1 web
    "#]],
    );
    answer_to(
        &["web*3 cpus:1;ports:[8080-8080]"],
        expect![[r#"
            Impossible: on offer are 2 agents; no place for 1 of 3 `web`: too few agents offer port 8080; it would fit with 1 more agent like `a1.test`
        "#]],
    );
    answer_to(
        &["web*1 cpus:1;ports:[80-80]"],
        expect![[r#"
        Impossible: on offer are 2 agents; no place for 1 of 1 `web`: one needs port 80, which no agent offers
    "#]],
    );
    answer_to(
        &["any*3 cpus:1;ports:2"],
        expect![[r#"
        Impossible: on offer are 2 agents; no place for 2 of 3 `any`: 2 ports are missing in all; it would fit with 3 more ports on `a1.test`, or with 2 more agents like `a1.test`
    "#]],
    );
    answer_to(
        &[
            "any*3 cpus:1;ports:1",
            "web*1 cpus:1;ports:[8081-8081] | hostname is a1.test",
            "one*1 cpus:1;ports:[8082-8082] | hostname is a1.test",
        ],
        expect![[r#"
            Impossible: on offer are 2 agents; no place for 1 of 3 `any`: 1 ports are missing in all; it would fit with 1 more ports on `a1.test`, or with 1 more agent like `a1.test`
        "#]],
    );
}

#[test]
fn chosen_ports_leave_those_that_others_must_have() {
    let site = Site {
        resources: resources("cpus:4;ports:[8080-8082];ports(web):[9000-9000]").allocate("web"),
        ..site("a1", "")
    };
    let any = resources("cpus:1;ports:2");
    let fixed = resources("cpus:1;ports:[8080-8080]");
    let (_, tasks) = carve(&site, &resources("cpus:1"), &[&any, &fixed]).unwrap();
    expect![[r#"
        cpus(allocated: web):1; ports(allocated: web)(reservations: [(STATIC,web)]):[9000-9000]; ports(allocated: web):[8081-8081]
        ports(allocated: web):[8080-8080]; cpus(allocated: web):1
    "#]].assert_eq(&format!("{}\n{}\n", tasks[0], tasks[1]));
    assert_eq!(carve(&site, &Resources::new(), &[&fixed, &fixed]), None);
}

#[test]
fn a_named_resource_that_no_agent_offers_is_named() {
    check(
        Strategy::Pack,
        "cpus:0.1",
        &["task*2 cpus:1;network_bandwidth:100"],
        &["a1 cpus:8;network_bandwidth:150", "a2 cpus:8"],
        &expect![[r#"
            Impossible: on offer are 2 agents; no place for 1 of 2 `task`: 50 network_bandwidth are missing in all; it would fit with 50 more network_bandwidth on `a1.test`, or with 1 more agent like `a1.test`
        "#]],
    );
}

/// Whether tasks have a place: every way to give each an agent is looked at. A task wants so many
/// ports, or the one of a number; an agent has ports 0 to one less than so many.
fn has_place(tasks: &[Ask], agents: &[u64]) -> bool {
    let ways = agents.len().pow(u32::try_from(tasks.len()).unwrap());
    (0..ways).any(|way| {
        let mut rest = way;
        let mut used = vec![(0, Vec::new()); agents.len()];
        for task in tasks {
            let (count, numbers) = &mut used[rest % agents.len()];
            rest /= agents.len();
            match task {
                Ask::Any(ports) => *count += ports,
                Ask::Number(number) => {
                    *count += 1;
                    numbers.push(*number);
                }
            }
        }
        used.iter_mut()
            .zip(agents)
            .all(|((count, numbers), ports)| {
                numbers.sort_unstable();
                let are_apart = numbers.windows(2).all(|pair| pair[0] < pair[1]);
                are_apart && *count <= *ports && numbers.iter().all(|number| number < ports)
            })
    })
}

#[derive(Debug, Clone)]
enum Ask {
    Any(u64),
    Number(u64),
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn ports_are_given_to_each_task_exactly_when_there_are_enough_of_the_right_ones(
        asks in prop::collection::vec((0u64..2, 0u64..4), 1..6),
        agents in prop::collection::vec(0u64..6, 1..4),
    ) {
        let asks: Vec<Ask> = asks
            .into_iter()
            .map(|(kind, number)| if kind == 0 { Ask::Any(number) } else { Ask::Number(number) })
            .collect();
        let needs: Vec<Resources> = asks
            .iter()
            .map(|ask| match ask {
                Ask::Any(ports) => resources(&format!("cpus:0.1;ports:{ports}")),
                Ask::Number(number) => resources(&format!("cpus:0.1;ports:[{number}-{number}]")),
            })
            .collect();
        let wants: Vec<Want<'_>> = needs.iter().map(|need| plain("g", 1, need)).collect();
        let sites: Vec<Site> = agents
            .iter()
            .map(|ports| match ports {
                0 => site("a", "cpus:9"),
                ports => site("a", &format!("cpus:9;ports:[0-{}]", ports - 1)),
            })
            .collect();
        match place(&wants, &Resources::new(), &sites, Strategy::Pack) {
            Ok(assignments) => {
                prop_assert!(has_place(&asks, &agents));
                for assignment in assignments {
                    let here = assignment.tasks.iter().zip(&needs);
                    let needs: Vec<&Resources> =
                        here.filter(|(count, _)| **count > 0).map(|(_, need)| need).collect();
                    let carved = carve(&sites[assignment.site], &Resources::new(), &needs);
                    let (_, tasks) = carved.expect("it was found to fit");
                    let together: Resources = tasks.into_iter().flatten().collect();
                    let wanted: Resources = needs.into_iter().flatten().cloned().collect();
                    let count = |resources: &Resources| -> u128 {
                        resources.iter().map(|resource| match resource.value() {
                            mesos::resources::Value::Ranges(ports) => ports.count(),
                            _ if resource.name() == PORTS => resources.scalar(PORTS).whole().into(),
                            _ => 0,
                        }).sum()
                    };
                    prop_assert_eq!(count(&together), count(&wanted));
                    prop_assert!(sites[assignment.site].resources.contains(&together));
                }
            }
            Err(shortfall) => {
                prop_assert_eq!(shortfall.certainty, Certainty::Impossible);
                prop_assert!(!has_place(&asks, &agents), "{}", shortfall);
            }
        }
    }
}
