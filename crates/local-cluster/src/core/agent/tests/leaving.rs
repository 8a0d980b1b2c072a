//! Agents that leave, are not wanted, or were not pinged.

use expect_test::expect;

use super::RUNNING;
use super::script::check;

#[test]
fn the_executors_of_an_agent_that_leaves_are_shut_down_and_nobody_hears_of_their_tasks() {
    check(
        &format!(
            "{RUNNING}
            launch other t2
            quiet
            leave
            kill t1
            update ex t1 TASK_FINISHED #a
            say ex bye
            master
            register
            exit c1 0
            wait 5s
            exit c2 9
            "
        ),
        expect![[r#"
            > leave
                stream r1 SHUTDOWN
            > kill t1
            > update ex t1 TASK_FINISHED #a
                answer r2 Accepted
            > say ex bye
                answer r3 Accepted
            > master
            > register
            > exit c1 0
                stream r1 ends
                master executor ex exited with 0
            > wait 5s
                after 5s: destroy c2
            > exit c2 9
                master executor other exited with 9
        "#]],
    );
}

#[test]
fn an_agent_that_is_not_wanted_leaves() {
    check(
        &format!(
            "{RUNNING}
            quiet
            unwanted Agent has been marked gone
            exit c1 0
            "
        ),
        expect![[r#"
            > unwanted Agent has been marked gone
                stream r1 SHUTDOWN
            > exit c1 0
                stream r1 ends
                master executor ex exited with 0
        "#]],
    );
}

#[test]
fn an_agent_that_has_left_comes_back_with_its_id_and_nothing_else() {
    check(
        &format!(
            "checkpoint
            {RUNNING}
            quiet
            leave
            restart
            "
        ),
        expect![[r#"
            > leave
                stream r1 SHUTDOWN
            > restart
                master register localhost as m-S0
        "#]],
    );
}

#[test]
fn an_agent_that_was_not_pinged_for_too_long_registers_anew() {
    check(
        &format!(
            "{RUNNING}
            quiet
            thaw 74s
            message ex heard
            thaw 75s
            message ex lost
            update ex t1 TASK_RUNNING #a
            wait 1s
            register
            "
        ),
        expect![[r#"
            > thaw 74s
            > message ex heard
                stream r1 MESSAGE heard
            > thaw 75s
            > message ex lost
            > update ex t1 TASK_RUNNING #a
                answer r2 Accepted
                stream r1 ACKNOWLEDGED t1 #a
            > wait 1s
                after 0s: master register localhost as m-S0, framework f, executor ex, t1 TASK_RUNNING
            > register
                master UPDATE t1 TASK_RUNNING #a in c1 pid 77 at 127.0.0.1
        "#]],
    );
}
