//! Tasks on their way to an executor: queues, groups, kills, disagreement with the master.

use expect_test::expect;

use super::RUNNING;
use super::script::check;

#[test]
fn a_task_killed_before_delivery_never_reaches_its_executor() {
    check(
        "
        register
        launch ex t1
        join ex t2
        started c1 77
        quiet
        kill t1
        subscribe ex
        kill t2
        ",
        expect![[r#"
            > kill t1
                master UPDATE t1 TASK_KILLED #own1 executor ex SOURCE_AGENT REASON_TASK_KILLED_DURING_LAUNCH `Killed before delivery to the executor`
            > subscribe ex
                answer r1 Stream
                stream r1 SUBSCRIBED f ex on m-S0 in c1
                stream r1 LAUNCH t2
            > kill t2
                stream r1 KILL t2
        "#]],
    );
}

#[test]
fn an_executor_all_of_whose_tasks_were_killed_gets_shutdown_for_subscribed() {
    check(
        "
        register
        launch ex t1
        started c1 77
        quiet
        kill t1
        subscribe ex
        wait 5s
        exit c1 9
        ",
        expect![[r#"
            > kill t1
                master UPDATE t1 TASK_KILLED #own1 executor ex SOURCE_AGENT REASON_TASK_KILLED_DURING_LAUNCH `Killed before delivery to the executor`
            > subscribe ex
                answer r1 Stream
                stream r1 SHUTDOWN
            > wait 5s
                after 5s: destroy c1
            > exit c1 9
                stream r1 ends
                master executor ex exited with 9
        "#]],
    );
}

#[test]
fn a_group_is_delivered_and_killed_as_a_whole() {
    check(
        "
        register
        launch ex a b group
        join ex c d group
        join ex e
        started c1 77
        quiet
        kill a
        subscribe ex
        join ex f g group
        ",
        expect![[r#"
            > kill a
                master UPDATE a TASK_KILLED #own1 executor ex SOURCE_AGENT REASON_TASK_KILLED_DURING_LAUNCH `Killed before delivery to the executor`
                master UPDATE b TASK_KILLED #own2 executor ex SOURCE_AGENT REASON_TASK_KILLED_DURING_LAUNCH `Killed before delivery to the executor`
            > subscribe ex
                answer r1 Stream
                stream r1 SUBSCRIBED f ex on m-S0 in c1
                stream r1 LAUNCH e
                stream r1 LAUNCH_GROUP c d
            > join ex f g group
                stream r1 LAUNCH_GROUP f g
        "#]],
    );
}

#[test]
fn a_group_of_which_one_task_has_ended_early_is_delivered_without_it() {
    check(
        "
        register
        launch ex a b c group
        started c1 77
        quiet
        subscribe ex updates=b:TASK_FAILED#b
        ",
        expect![[r#"
            > subscribe ex updates=b:TASK_FAILED#b
                answer r1 Stream
                stream r1 SUBSCRIBED f ex on m-S0 in c1
                master UPDATE b TASK_FAILED #b in c1 pid 77 at 127.0.0.1
                stream r1 ACKNOWLEDGED b #b
                stream r1 LAUNCH_GROUP a c
        "#]],
    );
}

#[test]
fn master_and_agent_that_disagree_about_an_executor_lose_the_task_only() {
    check(
        &format!(
            "{RUNNING}
            quiet
            launch ex t2
            join other t3
            kill t9
            "
        ),
        expect![[r#"
            > launch ex t2
                master executor ex exited with -1
                master UPDATE t2 TASK_DROPPED #own1 executor ex SOURCE_AGENT REASON_EXECUTOR_TERMINATED `Master wants to launch executor, but one already exists`
            > join other t3
                master UPDATE t3 TASK_DROPPED #own2 executor other SOURCE_AGENT REASON_EXECUTOR_TERMINATED `No executor is expected to launch and there is none running`
            > kill t9
                master UPDATE t9 TASK_DROPPED #own3 SOURCE_AGENT REASON_EXECUTOR_TERMINATED `Cannot find executor`
        "#]],
    );
}

#[test]
fn who_does_not_know_dropped_is_told_lost() {
    check(
        "
        legacy
        register
        join ex t1
        launch ex t2
        kill t3
        ",
        expect![[r#"
                master register localhost
            > register
            > join ex t1
                master UPDATE t1 TASK_LOST #own1 executor ex SOURCE_AGENT REASON_EXECUTOR_TERMINATED `No executor is expected to launch and there is none running`
            > launch ex t2
                launch c1 ex, grace 5s
            > kill t3
                master UPDATE t3 TASK_LOST #own2 SOURCE_AGENT REASON_EXECUTOR_TERMINATED `Cannot find executor`
        "#]],
    );
}
