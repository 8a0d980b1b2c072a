//! Rules for the places of a group's tasks.

use expect_test::expect;

use super::*;

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
