//! An agent whose master is another one.

use expect_test::expect;

use super::script::check;

#[test]
fn a_new_master_is_told_within_a_second_what_runs_here_and_sent_what_is_unacknowledged() {
    check(
        "
        register
        launch ex t1
        join ex t2
        join ex t3 group
        started c1 77
        subscribe ex
        update ex t1 TASK_RUNNING #a
        update ex t2 TASK_FAILED #b
        quiet
        master
        wait 1s
        register
        ",
        expect![[r#"
            > master
            > wait 1s
                after 0s: master register localhost as m-S0, framework f, executor ex, t1 TASK_RUNNING, t2 TASK_FAILED, t3 TASK_STAGING
            > register
                master UPDATE t1 TASK_RUNNING #a in c1 pid 77 at 127.0.0.1
                master UPDATE t2 TASK_FAILED #b in c1 pid 77 at 127.0.0.1
        "#]],
    );
}

#[test]
fn an_executor_that_has_ended_is_not_named_but_its_unacknowledged_tasks_are() {
    check(
        "
        register
        launch ex t1
        started c1 77
        subscribe ex
        exit c1 256
        quiet
        master
        wait 1s
        ",
        expect![[r#"
            > master
            > wait 1s
                after 0s: master register localhost as m-S0, framework f, t1 TASK_FAILED
        "#]],
    );
}

#[test]
fn every_master_is_told_what_was_reserved_and_so_is_one_after_a_restart() {
    check(
        "
        register
        has cpus:1;cpus(r):3
        master
        wait 1s
        register
        restart
        ",
        expect![[r#"
                master register localhost
            > register
            > has cpus:1;cpus(r):3
            > master
            > wait 1s
                after 0s: master register localhost with cpus:1; cpus(reservations: [(STATIC,r)]):3 as m-S0
            > register
            > restart
                master register localhost with cpus:1; cpus(reservations: [(STATIC,r)]):3 as m-S0
        "#]],
    );
}
