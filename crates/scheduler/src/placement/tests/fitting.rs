//! What fits where, and what does not.

use expect_test::expect;

use super::*;

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
            Impossible: on offer is 1 agent; no place for 1 of 1 `task`: one needs 1 gpus, which no agent offers; it would fit with 1 more gpus on `a1.test`
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
