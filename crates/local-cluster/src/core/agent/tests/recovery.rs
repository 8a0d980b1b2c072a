//! The restart of an agent, as in the recordings 11a, 11b and 11c.

use expect_test::expect;

use super::RUNNING;
use super::script::check;

#[test]
fn executors_that_checkpoint_come_back_within_the_window() {
    check(
        &format!(
            "checkpoint
            {RUNNING}
            join ex unacked
            join ex silent
            join ex both
            update ex t1 TASK_RUNNING #a
            ack t1 #a
            update ex unacked TASK_RUNNING #b
            update ex both TASK_RUNNING #c
            ack both #c
            update ex both TASK_FINISHED #d
            quiet
            restart
            message ex lost
            subscribe ex tasks=silent updates=t1:TASK_RUNNING#e
            heartbeat ex
            say ex in the window
            update ex t1 TASK_RUNNING #f
            wait 3s
            register
            resubscribed
            kill t1
            update ex t1 TASK_RUNNING #f
            ack t1 #e
            say ex after it
            "
        ),
        expect![[r#"
            > restart
            > message ex lost
            > subscribe ex tasks=silent updates=t1:TASK_RUNNING#e
                answer r6 Stream
                stream r6 SUBSCRIBED f ex on m-S0 in c1
                stream r6 ACKNOWLEDGED t1 #e
            > heartbeat ex
                answer r7 Accepted
            > say ex in the window
                answer r8 Recovering
            > update ex t1 TASK_RUNNING #f
                answer r9 Recovering
            > wait 3s
                after 2s: master register localhost as m-S0, framework f, executor ex, t1 TASK_RUNNING, unacked TASK_RUNNING, silent TASK_STAGING, both TASK_FINISHED
            > register
                master UPDATE both TASK_FINISHED #d in c1 pid 77 at 127.0.0.1
                master UPDATE t1 TASK_RUNNING #e in c1 pid 77 at 127.0.0.1
                master UPDATE unacked TASK_RUNNING #b in c1 pid 77 at 127.0.0.1
            > resubscribed
                master UPDATE both TASK_FINISHED #d in c1 pid 77 at 127.0.0.1
                master UPDATE t1 TASK_RUNNING #e in c1 pid 77 at 127.0.0.1
                master UPDATE unacked TASK_RUNNING #b in c1 pid 77 at 127.0.0.1
            > kill t1
                stream r6 KILL t1
            > update ex t1 TASK_RUNNING #f
                answer r10 Accepted
                stream r6 ACKNOWLEDGED t1 #f
            > ack t1 #e
                master UPDATE t1 TASK_RUNNING #f in c1 pid 77 at 127.0.0.1
            > say ex after it
                answer r11 Accepted
                master MESSAGE of ex: after it
        "#]],
    );
}

#[test]
fn executors_that_do_not_checkpoint_are_forgotten() {
    check(
        &format!(
            "{RUNNING}
            update ex t1 TASK_RUNNING #a
            quiet
            restart
            subscribe ex
            register
            subscribe ex
            exit c1 9
            wait 1h
            "
        ),
        expect![[r#"
            > restart
                master register localhost as m-S0
            > subscribe ex
                answer r3 UnknownFramework
            > register
            > subscribe ex
                answer r4 UnknownFramework
            > exit c1 9
            > wait 1h
        "#]],
    );
}

#[test]
fn executors_that_died_or_come_too_late_lose_their_tasks() {
    check(
        "
        checkpoint
        register
        launch dead t-dead
        started c1 77
        subscribe dead
        update dead t-dead TASK_RUNNING #a
        ack t-dead #a
        launch late t-late
        started c2 78
        subscribe late
        update late t-late TASK_RUNNING #b
        ack t-late #b
        launch good t-good
        started c3 79
        subscribe good
        update good t-good TASK_RUNNING #c
        ack t-good #c
        quiet
        restart
        exit c1 9
        subscribe good
        wait 2s
        subscribe late
        register
        exit c2 9
        ack t-dead #own1
        wait 1s
        ack t-late #own2
        ",
        expect![[r#"
            > restart
            > exit c1 9
            > subscribe good
                answer r7 Stream
                stream r7 SUBSCRIBED f good on m-S0 in c3
            > wait 2s
                after 2s: destroy c2
                after 2s: master register localhost as m-S0, framework f, executor good, executor late, t-dead TASK_FAILED, t-good TASK_RUNNING, t-late TASK_RUNNING
            > subscribe late
                answer r8 Stream
                stream r8 SHUTDOWN
                stream r8 ends
            > register
                master UPDATE t-dead TASK_FAILED #own1 executor dead SOURCE_AGENT REASON_EXECUTOR_TERMINATED `Executor terminated`
            > exit c2 9
            > ack t-dead #own1
            > wait 1s
                after 3s: master executor late exited with 9
                after 3s: master UPDATE t-late TASK_GONE #own2 executor late SOURCE_AGENT REASON_EXECUTOR_REREGISTRATION_TIMEOUT `Executor did not reregister within 2secs`
            > ack t-late #own2
        "#]],
    );
}

#[test]
fn who_does_not_know_gone_is_told_lost_after_a_restart() {
    check(
        &format!(
            "legacy
            checkpoint
            {RUNNING}
            update ex t1 TASK_RUNNING #a
            ack t1 #a
            quiet
            restart
            wait 2s
            register
            exit c1 9
            wait 1s
            "
        ),
        expect![[r#"
            > restart
            > wait 2s
                after 2s: destroy c1
                after 2s: master register localhost as m-S0, framework f, executor ex, t1 TASK_RUNNING
            > register
            > exit c1 9
            > wait 1s
                after 3s: master executor ex exited with 9
                after 3s: master UPDATE t1 TASK_LOST #own1 executor ex SOURCE_AGENT REASON_EXECUTOR_REREGISTRATION_TIMEOUT `Executor did not reregister within 2secs`
        "#]],
    );
}

#[test]
fn a_task_that_waited_for_its_executor_is_lost_with_the_agent() {
    check(
        "
        checkpoint
        register
        launch ex t1
        started c1 77
        quiet
        restart
        subscribe ex
        wait 2s
        register
        ",
        expect![[r#"
            > restart
            > subscribe ex
                answer r1 Stream
                stream r1 SUBSCRIBED f ex on m-S0 in c1
            > wait 2s
                after 2s: master register localhost as m-S0, framework f, executor ex, t1 TASK_DROPPED
            > register
                master UPDATE t1 TASK_DROPPED #own1 executor ex SOURCE_AGENT REASON_AGENT_RESTARTED `Task launched during agent restart`
        "#]],
    );
}

#[test]
fn an_agent_that_can_restart_again_and_again_draws_no_uuid_twice() {
    check(
        &format!(
            "checkpoint
            {RUNNING}
            quiet
            join nope t2
            restart
            wait 1s
            restart
            wait 1s
            subscribe ex tasks=t1
            wait 1s
            register
            join nope t3
            "
        ),
        expect![[r#"
            > join nope t2
                master UPDATE t2 TASK_DROPPED #own1 executor nope SOURCE_AGENT REASON_EXECUTOR_TERMINATED `No executor is expected to launch and there is none running`
            > restart
            > wait 1s
            > restart
            > wait 1s
            > subscribe ex tasks=t1
                answer r2 Stream
                stream r2 SUBSCRIBED f ex on m-S0 in c1
            > wait 1s
                after 3s: master register localhost as m-S0, framework f, executor ex, t1 TASK_STAGING
            > register
                master UPDATE t2 TASK_DROPPED #own1 executor nope SOURCE_AGENT REASON_EXECUTOR_TERMINATED `No executor is expected to launch and there is none running`
            > join nope t3
                master UPDATE t3 TASK_DROPPED #own2 executor nope SOURCE_AGENT REASON_EXECUTOR_TERMINATED `No executor is expected to launch and there is none running`
        "#]],
    );
}

#[test]
fn a_framework_that_ended_before_the_restart_is_not_brought_back() {
    check(
        &format!(
            "checkpoint
            {RUNNING}
            quiet
            teardown
            restart
            subscribe ex tasks=t1
            wait 2s
            register
            exit c1 9
            wait 1h
            "
        ),
        expect![[r#"
            > teardown
                stream r1 SHUTDOWN
            > restart
            > subscribe ex tasks=t1
                answer r2 Stream
                stream r2 SHUTDOWN
                stream r2 ends
            > wait 2s
                after 2s: destroy c1
                after 2s: master register localhost as m-S0
            > register
            > exit c1 9
            > wait 1h
                after 3s: master executor ex exited with 9
        "#]],
    );
}
