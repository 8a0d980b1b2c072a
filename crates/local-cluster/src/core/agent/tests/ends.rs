//! How executors end, and what that does to their tasks.

use expect_test::expect;

use super::RUNNING;
use super::script::check;

#[test]
fn an_executor_that_dies_takes_its_tasks_with_it() {
    check(
        &format!(
            "{RUNNING}
            quiet
            join ex t2
            join ex t3
            update ex t2 TASK_RUNNING #a
            update ex t3 TASK_FINISHED #b
            exit c1 9
            "
        ),
        expect![[r#"
            > join ex t2
                stream r1 LAUNCH t2
            > join ex t3
                stream r1 LAUNCH t3
            > update ex t2 TASK_RUNNING #a
                answer r2 Accepted
                master UPDATE t2 TASK_RUNNING #a in c1 pid 77 at 127.0.0.1
                stream r1 ACKNOWLEDGED t2 #a
            > update ex t3 TASK_FINISHED #b
                answer r3 Accepted
                master UPDATE t3 TASK_FINISHED #b in c1 pid 77 at 127.0.0.1
                stream r1 ACKNOWLEDGED t3 #b
            > exit c1 9
                stream r1 ends
                master executor ex exited with 9
                master UPDATE t1 TASK_FAILED #own1 executor ex SOURCE_AGENT REASON_EXECUTOR_TERMINATED `Executor terminated`
        "#]],
    );
}

#[test]
fn an_executor_is_forgotten_when_all_its_ends_are_acknowledged() {
    check(
        &format!(
            "{RUNNING}
            quiet
            update ex t1 TASK_FINISHED #a
            exit c1 768
            subscribe ex
            say ex still
            launch ex t2
            join ex t3
            ack t1 #a
            say ex gone
            launch ex t4
            "
        ),
        expect![[r#"
            > update ex t1 TASK_FINISHED #a
                answer r2 Accepted
                master UPDATE t1 TASK_FINISHED #a in c1 pid 77 at 127.0.0.1
                stream r1 ACKNOWLEDGED t1 #a
            > exit c1 768
                stream r1 ends
                master executor ex exited with 768
            > subscribe ex
                answer r3 Stream
                stream r3 SHUTDOWN
                stream r3 ends
            > say ex still
                answer r4 Accepted
                master MESSAGE of ex: still
            > launch ex t2
                master executor ex exited with -1
                master UPDATE t2 TASK_DROPPED #own1 executor ex SOURCE_AGENT REASON_EXECUTOR_TERMINATED `Master wants to launch executor, but one already exists`
            > join ex t3
                master UPDATE t3 TASK_DROPPED #own2 SOURCE_AGENT REASON_EXECUTOR_TERMINATED `Executor terminated`
            > ack t1 #a
            > say ex gone
                answer r5 UnknownFramework
            > launch ex t4
                launch c2 ex, grace 5s
        "#]],
    );
}

#[test]
fn an_executor_that_never_subscribes_is_destroyed_after_a_minute() {
    check(
        "
        register
        launch ex t1
        join ex t2
        quiet
        started c1 77
        say ex early
        update ex t1 TASK_RUNNING #a
        message ex early
        wait 2m
        subscribe ex
        exit c1 9
        ",
        expect![[r#"
            > started c1 77
            > say ex early
                answer r1 NotSubscribed
            > update ex t1 TASK_RUNNING #a
                answer r2 NotSubscribed
            > message ex early
            > wait 2m
                after 60s: destroy c1
            > subscribe ex
                answer r3 Stream
                stream r3 SHUTDOWN
                stream r3 ends
            > exit c1 9
                master executor ex exited with 9
                master UPDATE t1 TASK_FAILED #own1 executor ex SOURCE_AGENT REASON_EXECUTOR_REGISTRATION_TIMEOUT `Executor did not register within 1mins`
                master UPDATE t2 TASK_FAILED #own2 executor ex SOURCE_AGENT REASON_EXECUTOR_REGISTRATION_TIMEOUT `Executor did not register within 1mins`
        "#]],
    );
}

#[test]
fn a_container_that_cannot_be_launched_fails_its_tasks() {
    check(
        "
        register
        launch ex t1
        quiet
        failed c1 Failed to fetch all URIs for container 'c1': exited with status 1
        ",
        expect![[r#"
            > failed c1 Failed to fetch all URIs for container 'c1': exited with status 1
                master executor ex exited with 256
                master UPDATE t1 TASK_FAILED #own1 executor ex SOURCE_AGENT REASON_CONTAINER_LAUNCH_FAILED `Failed to launch container: Failed to fetch all URIs for container 'c1': exited with status 1`
        "#]],
    );
}

#[test]
fn shutdown_ignored_ends_in_destruction_but_updates_still_count() {
    check(
        &format!(
            "{RUNNING}
            quiet
            join ex t2
            shutdown ex
            shutdown ex
            kill t1
            message ex late
            join ex t3
            update ex t2 TASK_KILLED #a
            say ex still here
            wait 4s
            subscribe ex
            wait 4s
            exit c1 9
            "
        ),
        expect![[r#"
            > join ex t2
                stream r1 LAUNCH t2
            > shutdown ex
                stream r1 SHUTDOWN
            > shutdown ex
            > kill t1
            > message ex late
            > join ex t3
                master UPDATE t3 TASK_DROPPED #own1 SOURCE_AGENT REASON_EXECUTOR_TERMINATED `Executor terminating`
            > update ex t2 TASK_KILLED #a
                answer r2 Accepted
                master UPDATE t2 TASK_KILLED #a in c1 pid 77 at 127.0.0.1
                stream r1 ACKNOWLEDGED t2 #a
            > say ex still here
                answer r3 Accepted
                master MESSAGE of ex: still here
            > wait 4s
            > subscribe ex
                answer r4 Stream
                stream r4 SHUTDOWN
                stream r4 ends
            > wait 4s
                after 5s: destroy c1
            > exit c1 9
                stream r1 ends
                master executor ex exited with 9
                master UPDATE t1 TASK_FAILED #own2 executor ex SOURCE_AGENT REASON_EXECUTOR_TERMINATED `Executor terminated`
        "#]],
    );
}

#[test]
fn an_executor_has_the_grace_that_its_info_says() {
    check(
        "
        register
        launch ex t1 grace=1s
        quiet
        shutdown ex
        subscribe ex
        wait 10s
        ",
        expect![[r#"
            > shutdown ex
            > subscribe ex
                answer r1 Stream
                stream r1 SHUTDOWN
                stream r1 ends
            > wait 10s
                after 1s: destroy c1
        "#]],
    );
}

#[test]
fn the_end_of_a_framework_shuts_its_executors_down_and_silences_them() {
    check(
        &format!(
            "{RUNNING}
            launch slow t2
            quiet
            update ex t1 TASK_RUNNING #a
            teardown
            update ex t1 TASK_KILLED #b
            say ex too late
            subscribe slow
            wait 4s
            exit c1 0
            wait 6s
            exit c2 9
            say ex gone
            wait 1h
            "
        ),
        expect![[r#"
            > update ex t1 TASK_RUNNING #a
                answer r2 Accepted
                master UPDATE t1 TASK_RUNNING #a in c1 pid 77 at 127.0.0.1
                stream r1 ACKNOWLEDGED t1 #a
            > teardown
                stream r1 SHUTDOWN
            > update ex t1 TASK_KILLED #b
                answer r3 Accepted
            > say ex too late
                answer r4 Accepted
            > subscribe slow
                answer r5 Stream
                stream r5 SHUTDOWN
                stream r5 ends
            > wait 4s
            > exit c1 0
                stream r1 ends
                master executor ex exited with 0
            > wait 6s
                after 5s: destroy c2
            > exit c2 9
                master executor slow exited with 9
            > say ex gone
                answer r6 UnknownFramework
            > wait 1h
        "#]],
    );
}

#[test]
fn an_executor_that_is_killed_on_command_ends_as_one_that_crashes() {
    check(
        "
        register
        kill-executor 3
        launch ex t1
        started c1 77
        subscribe ex
        quiet
        kill-executor 3
        exit c1 9
        kill-executor 3
        ",
        expect![[r#"
            > kill-executor 3
                destroy c1
            > exit c1 9
                stream r1 ends
                master executor ex exited with 9
                master UPDATE t1 TASK_FAILED #own1 executor ex SOURCE_AGENT REASON_EXECUTOR_TERMINATED `Executor terminated`
            > kill-executor 3
        "#]],
    );
}
