//! Scripts about the ordered end of a job.

use expect_test::expect;

use super::play::{check, up};

#[test]
fn a_task_that_fails_ends_the_job_in_order() {
    check(
        &["t*2 cpus:1"],
        &up("
        failed t-0 TASK_FAILED_BY_ITSELF it_broke
        advance 6
        killed t-1
        app ok
        "),
        &expect![[r#"
            0s subscribe
                report Subscribed { framework: fw, first: true }
                event Registered
            0s offer o1 a1 cpus:4
                report Placed { tasks: 2, agents: 1 }
                ACCEPT [o1] on a1: job.r.1 cpus:0.1 with [t-0.r.1 cpus:1, t-1.r.1 cpus:1]
                event TaskLaunched t-0
                event TaskLaunched t-1
                SUPPRESS
            0s running t-0
                event TaskRunning t-0
                report `t-0` TASK_RUNNING on agent a1
                ACKNOWLEDGE t-0.r.1 1
            0s running t-1
                event TaskRunning t-1
                report `t-1` TASK_RUNNING on agent a1
                ACKNOWLEDGE t-1.r.1 2
                LiftBarrier([job.r.1])
                StartApp
                report AppStarted
            0s failed t-0 TASK_FAILED_BY_ITSELF it_broke
                event TaskFailed t-0
                report `t-0` TASK_FAILED on agent a1 (REASON_TASK_FAILED_BY_ITSELF): it_broke
                report Stopping(TaskFailed(TaskReport { task: "t-0", state: Failed, source: Executor, reason: Some(Reason("REASON_TASK_FAILED_BY_ITSELF")), message: Some("it_broke"), agent: Some(a1) }))
                event Shutdown
                CloseInputs(["t-1"])
                ACKNOWLEDGE t-0.r.1 3
            5s
                KILL t-1.r.1 Some(0ns)
            6s killed t-1
                event TaskKilled t-1
                report `t-1` TASK_KILLED on agent a1
                ACKNOWLEDGE t-1.r.1 4
                EndEvents
            6s app ok
                report AppReturned(Ok(()))
                TEARDOWN
                finished, failed: `t-0` TASK_FAILED on agent a1 (REASON_TASK_FAILED_BY_ITSELF): it_broke
        "#]],
    );
}

#[test]
fn a_task_may_finish_before_the_others() {
    check(
        &["t*2 cpus:1"],
        &up("finished t-0 | app ok | advance 2 | finished t-1"),
        &expect![[r#"
            0s subscribe
                report Subscribed { framework: fw, first: true }
                event Registered
            0s offer o1 a1 cpus:4
                report Placed { tasks: 2, agents: 1 }
                ACCEPT [o1] on a1: job.r.1 cpus:0.1 with [t-0.r.1 cpus:1, t-1.r.1 cpus:1]
                event TaskLaunched t-0
                event TaskLaunched t-1
                SUPPRESS
            0s running t-0
                event TaskRunning t-0
                report `t-0` TASK_RUNNING on agent a1
                ACKNOWLEDGE t-0.r.1 1
            0s running t-1
                event TaskRunning t-1
                report `t-1` TASK_RUNNING on agent a1
                ACKNOWLEDGE t-1.r.1 2
                LiftBarrier([job.r.1])
                StartApp
                report AppStarted
            0s finished t-0
                event TaskFinished t-0
                report `t-0` TASK_FINISHED on agent a1
                ACKNOWLEDGE t-0.r.1 3
            0s app ok
                report AppReturned(Ok(()))
                report Stopping(Succeeded)
                event Shutdown
                CloseInputs(["t-1"])
            2s finished t-1
                event TaskFinished t-1
                report `t-1` TASK_FINISHED on agent a1
                ACKNOWLEDGE t-1.r.1 4
                TEARDOWN
                Finished(Succeeded)
        "#]],
    );
}

#[test]
fn tasks_have_their_grace_when_the_app_has_returned_and_are_killed_then() {
    check(
        &["t*2 cpus:1"],
        &up("app ok | finished t-0 | advance 30"),
        &expect![[r#"
            0s subscribe
                report Subscribed { framework: fw, first: true }
                event Registered
            0s offer o1 a1 cpus:4
                report Placed { tasks: 2, agents: 1 }
                ACCEPT [o1] on a1: job.r.1 cpus:0.1 with [t-0.r.1 cpus:1, t-1.r.1 cpus:1]
                event TaskLaunched t-0
                event TaskLaunched t-1
                SUPPRESS
            0s running t-0
                event TaskRunning t-0
                report `t-0` TASK_RUNNING on agent a1
                ACKNOWLEDGE t-0.r.1 1
            0s running t-1
                event TaskRunning t-1
                report `t-1` TASK_RUNNING on agent a1
                ACKNOWLEDGE t-1.r.1 2
                LiftBarrier([job.r.1])
                StartApp
                report AppStarted
            0s app ok
                report AppReturned(Ok(()))
                report Stopping(Succeeded)
                event Shutdown
                CloseInputs(["t-0", "t-1"])
            0s finished t-0
                event TaskFinished t-0
                report `t-0` TASK_FINISHED on agent a1
                ACKNOWLEDGE t-0.r.1 3
            5s
                KILL t-1.r.1 Some(0ns)
            10s
                KILL t-1.r.1 Some(0ns)
            20s
                KILL t-1.r.1 Some(0ns)
                TEARDOWN
                Finished(Succeeded)
        "#]],
    );
}

#[test]
fn a_task_that_fails_while_the_job_ends_spoils_its_success() {
    check(
        &["t*2 cpus:1"],
        &up("app ok | finished t-0 | failed t-1"),
        &expect![[r#"
            0s subscribe
                report Subscribed { framework: fw, first: true }
                event Registered
            0s offer o1 a1 cpus:4
                report Placed { tasks: 2, agents: 1 }
                ACCEPT [o1] on a1: job.r.1 cpus:0.1 with [t-0.r.1 cpus:1, t-1.r.1 cpus:1]
                event TaskLaunched t-0
                event TaskLaunched t-1
                SUPPRESS
            0s running t-0
                event TaskRunning t-0
                report `t-0` TASK_RUNNING on agent a1
                ACKNOWLEDGE t-0.r.1 1
            0s running t-1
                event TaskRunning t-1
                report `t-1` TASK_RUNNING on agent a1
                ACKNOWLEDGE t-1.r.1 2
                LiftBarrier([job.r.1])
                StartApp
                report AppStarted
            0s app ok
                report AppReturned(Ok(()))
                report Stopping(Succeeded)
                event Shutdown
                CloseInputs(["t-0", "t-1"])
            0s finished t-0
                event TaskFinished t-0
                report `t-0` TASK_FINISHED on agent a1
                ACKNOWLEDGE t-0.r.1 3
            0s failed t-1
                event TaskFailed t-1
                report `t-1` TASK_FAILED on agent a1
                ACKNOWLEDGE t-1.r.1 4
                TEARDOWN
                finished, failed: `t-1` TASK_FAILED on agent a1
        "#]],
    );
}

#[test]
fn an_app_that_fails_or_does_not_return_ends_the_job() {
    check(
        &["t*2 cpus:1"],
        &up("finished t-1 | app err trap | finished t-0"),
        &expect![[r#"
            0s subscribe
                report Subscribed { framework: fw, first: true }
                event Registered
            0s offer o1 a1 cpus:4
                report Placed { tasks: 2, agents: 1 }
                ACCEPT [o1] on a1: job.r.1 cpus:0.1 with [t-0.r.1 cpus:1, t-1.r.1 cpus:1]
                event TaskLaunched t-0
                event TaskLaunched t-1
                SUPPRESS
            0s running t-0
                event TaskRunning t-0
                report `t-0` TASK_RUNNING on agent a1
                ACKNOWLEDGE t-0.r.1 1
            0s running t-1
                event TaskRunning t-1
                report `t-1` TASK_RUNNING on agent a1
                ACKNOWLEDGE t-1.r.1 2
                LiftBarrier([job.r.1])
                StartApp
                report AppStarted
            0s finished t-1
                event TaskFinished t-1
                report `t-1` TASK_FINISHED on agent a1
                ACKNOWLEDGE t-1.r.1 3
            0s app err trap
                report AppReturned(Err("trap"))
                report Stopping(AppFailed { message: "trap" })
                event Shutdown
                CloseInputs(["t-0"])
            0s finished t-0
                event TaskFinished t-0
                report `t-0` TASK_FINISHED on agent a1
                ACKNOWLEDGE t-0.r.1 4
                TEARDOWN
                Finished(AppFailed { message: "trap" })
        "#]],
    );
    check(
        &["t*2 cpus:1"],
        &up("finished t-1 | stop | finished t-0 | advance 5"),
        &expect![[r#"
            0s subscribe
                report Subscribed { framework: fw, first: true }
                event Registered
            0s offer o1 a1 cpus:4
                report Placed { tasks: 2, agents: 1 }
                ACCEPT [o1] on a1: job.r.1 cpus:0.1 with [t-0.r.1 cpus:1, t-1.r.1 cpus:1]
                event TaskLaunched t-0
                event TaskLaunched t-1
                SUPPRESS
            0s running t-0
                event TaskRunning t-0
                report `t-0` TASK_RUNNING on agent a1
                ACKNOWLEDGE t-0.r.1 1
            0s running t-1
                event TaskRunning t-1
                report `t-1` TASK_RUNNING on agent a1
                ACKNOWLEDGE t-1.r.1 2
                LiftBarrier([job.r.1])
                StartApp
                report AppStarted
            0s finished t-1
                event TaskFinished t-1
                report `t-1` TASK_FINISHED on agent a1
                ACKNOWLEDGE t-1.r.1 3
            0s stop
                report Stopping(Interrupted)
                event Shutdown
                CloseInputs(["t-0"])
            0s finished t-0
                event TaskFinished t-0
                report `t-0` TASK_FINISHED on agent a1
                ACKNOWLEDGE t-0.r.1 4
                EndEvents
            5s
                AbortApp
                TEARDOWN
                Finished(Interrupted)
        "#]],
    );
}

#[test]
fn a_second_interrupt_waits_for_nothing() {
    check(
        &["t*2 cpus:1"],
        &up("stop | stop now"),
        &expect![[r#"
        0s subscribe
            report Subscribed { framework: fw, first: true }
            event Registered
        0s offer o1 a1 cpus:4
            report Placed { tasks: 2, agents: 1 }
            ACCEPT [o1] on a1: job.r.1 cpus:0.1 with [t-0.r.1 cpus:1, t-1.r.1 cpus:1]
            event TaskLaunched t-0
            event TaskLaunched t-1
            SUPPRESS
        0s running t-0
            event TaskRunning t-0
            report `t-0` TASK_RUNNING on agent a1
            ACKNOWLEDGE t-0.r.1 1
        0s running t-1
            event TaskRunning t-1
            report `t-1` TASK_RUNNING on agent a1
            ACKNOWLEDGE t-1.r.1 2
            LiftBarrier([job.r.1])
            StartApp
            report AppStarted
        0s stop
            report Stopping(Interrupted)
            event Shutdown
            CloseInputs(["t-0", "t-1"])
        0s stop now
            AbortApp
            TEARDOWN
            Finished(Interrupted)
    "#]],
    );
    check(
        &["t*2 cpus:1"],
        "stop",
        &expect![[r#"
        0s stop
            Finished(Interrupted)
    "#]],
    );
    check(
        &["t*2 cpus:1"],
        "subscribe | offer o1 a1 cpus:1 | stop",
        &expect![[r#"
            0s subscribe
                report Subscribed { framework: fw, first: true }
                event Registered
            0s offer o1 a1 cpus:1
                DECLINE [o1] for 30s
                report waiting 1: on offer is 1 agent; no place for 2 of 2 `t`: one and its executor need 1.1 cpus, the most that any agent offers is 1 (`a1.test`); it would fit with 1.1 more cpus on `a1.test`
            0s stop
                report Stopping(Interrupted)
                event Shutdown
                report waiting 1 is over
                TEARDOWN
                Finished(Interrupted)
        "#]],
    );
}

#[test]
fn a_failure_that_is_ignored_is_told_and_changes_nothing() {
    check(
        &["t*2 cpus:1 | ignore"],
        &up("failed t-0 TASK_FAILED_BY_ITSELF it_broke | app ok | finished t-1"),
        &expect![[r#"
            0s subscribe
                report Subscribed { framework: fw, first: true }
                event Registered
            0s offer o1 a1 cpus:4
                report Placed { tasks: 2, agents: 1 }
                ACCEPT [o1] on a1: job.r.1 cpus:0.1 with [t-0.r.1 cpus:1, t-1.r.1 cpus:1]
                event TaskLaunched t-0
                event TaskLaunched t-1
                SUPPRESS
            0s running t-0
                event TaskRunning t-0
                report `t-0` TASK_RUNNING on agent a1
                ACKNOWLEDGE t-0.r.1 1
            0s running t-1
                event TaskRunning t-1
                report `t-1` TASK_RUNNING on agent a1
                ACKNOWLEDGE t-1.r.1 2
                LiftBarrier([job.r.1])
                StartApp
                report AppStarted
            0s failed t-0 TASK_FAILED_BY_ITSELF it_broke
                event TaskFailed t-0
                report `t-0` TASK_FAILED on agent a1 (REASON_TASK_FAILED_BY_ITSELF): it_broke
                report ignored `t-0` TASK_FAILED on agent a1 (REASON_TASK_FAILED_BY_ITSELF): it_broke
                ACKNOWLEDGE t-0.r.1 3
            0s app ok
                report AppReturned(Ok(()))
                report Stopping(Succeeded)
                event Shutdown
                CloseInputs(["t-1"])
            0s finished t-1
                event TaskFinished t-1
                report `t-1` TASK_FINISHED on agent a1
                ACKNOWLEDGE t-1.r.1 4
                TEARDOWN
                Finished(Succeeded)
        "#]],
    );
}

#[test]
fn no_gang_starts_without_a_task_whose_failure_would_be_ignored_later() {
    check(
        &["t*2 cpus:1 | ignore"],
        "subscribe | offer o1 a1 cpus:4 | running t-0 | failed t-1 CONTAINER_LAUNCH_FAILED",
        &expect![[r#"
            0s subscribe
                report Subscribed { framework: fw, first: true }
                event Registered
            0s offer o1 a1 cpus:4
                report Placed { tasks: 2, agents: 1 }
                ACCEPT [o1] on a1: job.r.1 cpus:0.1 with [t-0.r.1 cpus:1, t-1.r.1 cpus:1]
                event TaskLaunched t-0
                event TaskLaunched t-1
                SUPPRESS
            0s running t-0
                event TaskRunning t-0
                report `t-0` TASK_RUNNING on agent a1
                ACKNOWLEDGE t-0.r.1 1
            0s failed t-1 CONTAINER_LAUNCH_FAILED
                event TaskFailed t-1
                report `t-1` TASK_FAILED on agent a1 (REASON_CONTAINER_LAUNCH_FAILED)
                report Stopping(TaskFailed(TaskReport { task: "t-1", state: Failed, source: Executor, reason: Some(Reason("REASON_CONTAINER_LAUNCH_FAILED")), message: None, agent: Some(a1) }))
                event Shutdown
                CloseInputs(["t-0"])
                ACKNOWLEDGE t-1.r.1 2
                KILL t-0.r.1 Some(0ns)
        "#]],
    );
}
