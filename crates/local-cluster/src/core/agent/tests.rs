//! The agent by scripts in virtual time: what comes in, and what it wants done.

mod commands;
mod delivery;
mod describe;
mod ends;
mod leaving;
mod masters;
mod property;
mod recovery;
mod script;
mod streams;
mod updates;

use expect_test::expect;
use script::check;

/// Registered, with one running executor `ex` in container c1 that has the task t1.
const RUNNING: &str = "
    register
    launch ex t1
    started c1 77
    subscribe ex
";

#[test]
fn a_task_lives_and_dies_as_in_the_ordinary_recording() {
    check(
        "
        register
        launch ex t1
        join ex t2
        started c1 77
        subscribe ex
        update ex t1 TASK_RUNNING #a
        ack t1 #a
        update ex t1 TASK_FINISHED #b
        ack t1 #b
        update ex t2 TASK_KILLED #c
        ack t2 #c
        exit c1 0
        say ex hello
        ",
        expect![[r#"
                master register localhost
            > register
            > launch ex t1
                launch c1 ex, grace 5s
            > join ex t2
            > started c1 77
            > subscribe ex
                answer r1 Stream
                stream r1 SUBSCRIBED f ex on m-S0 in c1
                stream r1 LAUNCH t1
                stream r1 LAUNCH t2
            > update ex t1 TASK_RUNNING #a
                answer r2 Accepted
                master UPDATE t1 TASK_RUNNING #a in c1 pid 77 at 127.0.0.1
                stream r1 ACKNOWLEDGED t1 #a
            > ack t1 #a
            > update ex t1 TASK_FINISHED #b
                answer r3 Accepted
                master UPDATE t1 TASK_FINISHED #b in c1 pid 77 at 127.0.0.1
                stream r1 ACKNOWLEDGED t1 #b
            > ack t1 #b
            > update ex t2 TASK_KILLED #c
                answer r4 Accepted
                master UPDATE t2 TASK_KILLED #c in c1 pid 77 at 127.0.0.1
                stream r1 ACKNOWLEDGED t2 #c
            > ack t2 #c
            > exit c1 0
                stream r1 ends
                master executor ex exited with 0
            > say ex hello
                answer r5 UnknownFramework
        "#]],
    );
}

#[test]
fn nothing_is_done_before_the_registration() {
    check(
        "
        launch ex t1
        kill t1
        teardown
        register
        ",
        expect![[r#"
                master register localhost
            > launch ex t1
            > kill t1
            > teardown
            > register
        "#]],
    );
}
