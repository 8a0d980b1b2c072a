//! What would make a gang fit.

use expect_test::expect;

use super::*;

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
