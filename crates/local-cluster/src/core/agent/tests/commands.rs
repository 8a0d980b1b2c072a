//! Command tasks: the agent plays the part of their executor.

use expect_test::expect;

use super::script::check;

#[test]
fn a_command_starts_runs_and_finishes() {
    check(
        "
        register
        command t1
        quiet
        started c1 77
        ack t1 #own1
        ack t1 #own2
        exit c1 0
        ack t1 #own3
        wait 1h
        ",
        expect![[r#"
            > started c1 77
                master UPDATE t1 TASK_STARTING #own1 executor t1 in c1 pid 77 at 127.0.0.1
            > ack t1 #own1
                master UPDATE t1 TASK_RUNNING #own2 executor t1 in c1 pid 77 at 127.0.0.1
            > ack t1 #own2
            > exit c1 0
                master UPDATE t1 TASK_FINISHED #own3 executor t1 in c1 pid 77 at 127.0.0.1 `Command exited with status 0`
            > ack t1 #own3
            > wait 1h
        "#]],
    );
}

#[test]
fn a_command_that_fails_says_how() {
    check(
        "
        register
        command t1
        started c1 77
        ack t1 #own1
        ack t1 #own2
        command t2
        started c2 78
        ack t2 #own3
        ack t2 #own4
        quiet
        exit c1 256
        exit c2 9
        ",
        expect![[r#"
            > exit c1 256
                master UPDATE t1 TASK_FAILED #own5 executor t1 in c1 pid 77 at 127.0.0.1 `Command exited with status 1`
            > exit c2 9
                master UPDATE t2 TASK_FAILED #own6 executor t2 in c2 pid 78 at 127.0.0.1 `Command terminated with signal Killed`
        "#]],
    );
}

#[test]
fn a_command_that_is_killed_gets_its_grace() {
    check(
        "
        killing
        register
        command t1
        started c1 77
        ack t1 #own1
        ack t1 #own2
        quiet
        kill t1
        ack t1 #own3
        kill t1 grace=1s
        wait 5s
        exit c1 9
        ",
        expect![[r#"
            > kill t1
                master UPDATE t1 TASK_KILLING #own3 executor t1 in c1 pid 77 at 127.0.0.1
                terminate c1
            > ack t1 #own3
            > kill t1 grace=1s
            > wait 5s
                after 1s: destroy c1
            > exit c1 9
                master UPDATE t1 TASK_KILLED #own4 executor t1 in c1 pid 77 at 127.0.0.1 `Command terminated with signal Killed`
        "#]],
    );
}

#[test]
fn a_command_whose_executor_is_shut_down_is_killed() {
    check(
        "
        register
        command t1 grace=1s
        started c1 77
        ack t1 #own1
        ack t1 #own2
        quiet
        shutdown t1
        subscribe t1
        exit c1 15
        ",
        expect![[r#"
            > shutdown t1
                terminate c1
            > subscribe t1
                answer r1 Stream
                stream r1 SHUTDOWN
                stream r1 ends
            > exit c1 15
                master UPDATE t1 TASK_KILLED #own3 executor t1 in c1 pid 77 at 127.0.0.1 `Command terminated with signal Terminated`
        "#]],
    );
}

#[test]
fn a_command_that_is_killed_before_it_runs_never_does() {
    check(
        "
        register
        command t1
        quiet
        kill t1
        started c1 77
        exit c1 9
        ",
        expect![[r#"
            > kill t1
                master UPDATE t1 TASK_KILLED #own1 executor t1 SOURCE_AGENT REASON_TASK_KILLED_DURING_LAUNCH `Killed before delivery to the executor`
            > started c1 77
                destroy c1
            > exit c1 9
        "#]],
    );
}

#[test]
fn a_command_outlives_its_agent_if_its_framework_checkpoints() {
    check(
        "
        checkpoint
        register
        command t1
        started c1 77
        ack t1 #own1
        ack t1 #own2
        quiet
        restart
        exit c1 0
        wait 2s
        register
        ",
        expect![[r#"
            > restart
            > exit c1 0
            > wait 2s
                after 2s: master register localhost as m-S0, framework f, t1 TASK_FINISHED
            > register
                master UPDATE t1 TASK_FINISHED #own3 executor t1 in c1 pid 77 at 127.0.0.1 `Command exited with status 0`
        "#]],
    );
}

/// Recording 07a: the executor says that it starts the task, and dies.
#[test]
fn a_command_without_a_value_starts_and_comes_to_nothing() {
    check(
        "
        register
        command t1 valueless
        quiet
        started c1 77
        kill t1
        exit c1 34304
        ack t1 #own1
        ",
        expect![[r#"
            > started c1 77
                master UPDATE t1 TASK_STARTING #own1 executor t1 in c1 pid 77 at 127.0.0.1
            > kill t1
            > exit c1 34304
            > ack t1 #own1
                master UPDATE t1 TASK_FAILED #own2 executor t1 SOURCE_AGENT REASON_EXECUTOR_TERMINATED `Executor terminated`
        "#]],
    );
}
