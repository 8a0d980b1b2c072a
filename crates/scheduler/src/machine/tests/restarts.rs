//! Scripts about tasks that come back after a failure.

use expect_test::expect;

use super::play::{check, up};

#[test]
fn a_task_that_fails_is_launched_again_and_begins_when_it_is_up() {
    check(
        &["t*2 cpus:1 | restart 5"],
        &up("
        failed t-0 TASK_FAILED_BY_ITSELF it_broke
        advance 1
        offer o2 a2 cpus:0.5 o3 a3 cpus:2
        running t-0
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
                report restart 1 of 5 in 0.7s: `t-0` TASK_FAILED on agent a1 (REASON_TASK_FAILED_BY_ITSELF): it_broke
                ACKNOWLEDGE t-0.r.1 3
            0.69785287s
                REVIVE
            1s offer o2 a2 cpus:0.5 o3 a3 cpus:2
                report Placed { tasks: 1, agents: 1 }
                ACCEPT [o3] on a3: job.r.2 cpus:0.1 with [t-0.r.2 cpus:1]
                event TaskLaunched t-0
                DECLINE [o2] for 60s
                SUPPRESS
            1s running t-0
                event TaskRunning t-0
                report `t-0` TASK_RUNNING on agent a3
                ACKNOWLEDGE t-0.r.2 4
                LiftBarrier([job.r.2])
            1s app ok
                report AppReturned(Ok(()))
                report Stopping(Succeeded)
                event Shutdown
                CloseInputs(["t-0", "t-1"])
        "#]],
    );
}

#[test]
fn a_task_that_fails_too_often_ends_the_job() {
    check(
        &["t*2 cpus:1 | restart 1"],
        &up("
        failed t-0
        advance 1
        offer o2 a1 cpus:2
        running t-0
        failed t-0 TASK_FAILED_BY_ITSELF again
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
            0s failed t-0
                event TaskFailed t-0
                report `t-0` TASK_FAILED on agent a1
                report restart 1 of 1 in 0.7s: `t-0` TASK_FAILED on agent a1
                ACKNOWLEDGE t-0.r.1 3
            0.69785287s
                REVIVE
            1s offer o2 a1 cpus:2
                report Placed { tasks: 1, agents: 1 }
                ACCEPT [o2] on a1: job.r.2 cpus:0.1 with [t-0.r.2 cpus:1]
                event TaskLaunched t-0
                SUPPRESS
            1s running t-0
                event TaskRunning t-0
                report `t-0` TASK_RUNNING on agent a1
                ACKNOWLEDGE t-0.r.2 4
                LiftBarrier([job.r.2])
            1s failed t-0 TASK_FAILED_BY_ITSELF again
                event TaskFailed t-0
                report `t-0` TASK_FAILED on agent a1 (REASON_TASK_FAILED_BY_ITSELF): again
                TaskOver("t-0")
                report stopping: `t-0` TASK_FAILED on agent a1 (REASON_TASK_FAILED_BY_ITSELF): again; it was restarted once within 600s already
                event Shutdown
                CloseInputs(["t-1"])
                ACKNOWLEDGE t-0.r.2 5
        "#]],
    );
}

#[test]
fn a_restart_without_a_place_in_time_ends_the_job() {
    check(
        &["t*2 cpus:1 | restart 5"],
        &up("
        failed t-0
        advance 1
        offer o2 a1 cpus:0.5
        advance 310
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
            0s failed t-0
                event TaskFailed t-0
                report `t-0` TASK_FAILED on agent a1
                report restart 1 of 5 in 0.7s: `t-0` TASK_FAILED on agent a1
                ACKNOWLEDGE t-0.r.1 3
            0.69785287s
                REVIVE
            1s offer o2 a1 cpus:0.5
                DECLINE [o2] for 30s
                report waiting 1: on offer is 1 agent; no place for 1 of 1 `t`: one and its executor need 1.1 cpus, the most that any agent offers is 0.5 (`a1.test`); it would fit with 0.6 more cpus on `a1.test`
            300.69785287s
                report Stopping(NeverPlaced(NotRestarted { task: "t-0", why: NoPlace(Shortfall { agents: 1, leftovers: [Leftover { group: "t", tasks: 1, count: 1, obstacle: TooLarge { resource: Amount("cpus"), wanted: Scalar(1100), most: Scalar(500), hostname: "a1.test" }, stops: [Stop { cause: Resource(Amount("cpus")), agents: 1 }] }], certainty: Impossible, remedies: [MoreOnAgent { hostname: "a1.test", amounts: [("cpus", Scalar(600))] }] }) }))
                event Shutdown
                report waiting 1 is over
                TaskOver("t-0")
                CloseInputs(["t-1"])
                SUPPRESS
            305.69785287s
                KILL t-1.r.1 Some(0ns)
            310.69785287s
                KILL t-1.r.1 Some(0ns)
        "#]],
    );
}

#[test]
fn tasks_that_one_executor_took_along_come_back_together() {
    check(
        &["t*2 cpus:1 | restart 5"],
        &up("
        failure a1 job.r.1
        failed! t-0 EXECUTOR_TERMINATED
        failed! t-1 EXECUTOR_TERMINATED
        advance 1
        offer o2 a1 cpus:2.1
        running t-0
        running t-1
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
            0s failure a1 job.r.1
                ExecutorGone(job.r.1)
                event ExecutorLost
            0s failed! t-0 EXECUTOR_TERMINATED
                ExecutorGone(job.r.1)
                event TaskFailed t-0
                report `t-0` TASK_FAILED on agent a1 (REASON_EXECUTOR_TERMINATED): killed by SIGKILL
                report restart 1 of 5 in 0.7s: `t-0` TASK_FAILED on agent a1 (REASON_EXECUTOR_TERMINATED): killed by SIGKILL
            0s failed! t-1 EXECUTOR_TERMINATED
                ExecutorGone(job.r.1)
                event TaskFailed t-1
                report `t-1` TASK_FAILED on agent a1 (REASON_EXECUTOR_TERMINATED): killed by SIGKILL
                report restart 1 of 5 in 0.7s: `t-1` TASK_FAILED on agent a1 (REASON_EXECUTOR_TERMINATED): killed by SIGKILL
            0.722519766s
                REVIVE
            1s offer o2 a1 cpus:2.1
                report Placed { tasks: 2, agents: 1 }
                ACCEPT [o2] on a1: job.r.2 cpus:0.1 with [t-0.r.2 cpus:1, t-1.r.2 cpus:1]
                event TaskLaunched t-0
                event TaskLaunched t-1
                SUPPRESS
            1s running t-0
                event TaskRunning t-0
                report `t-0` TASK_RUNNING on agent a1
                ACKNOWLEDGE t-0.r.2 5
            1s running t-1
                event TaskRunning t-1
                report `t-1` TASK_RUNNING on agent a1
                ACKNOWLEDGE t-1.r.2 6
                LiftBarrier([job.r.2])
        "#]],
    );
}

#[test]
fn constraints_count_the_tasks_that_still_run() {
    check(
        &["t*2 cpus:1 | hostname unique | restart 5"],
        "
        subscribe | offer o1 a1 cpus:2 o2 a2 cpus:2 | running t-0 | running t-1
        failed t-1
        advance 1
        offer o3 a1 cpus:2
        offer o4 a2 cpus:2
        ",
        &expect![[r#"
            0s subscribe
                report Subscribed { framework: fw, first: true }
                event Registered
            0s offer o1 a1 cpus:2 o2 a2 cpus:2
                report Placed { tasks: 2, agents: 2 }
                ACCEPT [o1] on a1: job.r.1 cpus:0.1 with [t-0.r.1 cpus:1]
                event TaskLaunched t-0
                ACCEPT [o2] on a2: job.r.2 cpus:0.1 with [t-1.r.1 cpus:1]
                event TaskLaunched t-1
                SUPPRESS
            0s running t-0
                event TaskRunning t-0
                report `t-0` TASK_RUNNING on agent a1
                ACKNOWLEDGE t-0.r.1 1
            0s running t-1
                event TaskRunning t-1
                report `t-1` TASK_RUNNING on agent a2
                ACKNOWLEDGE t-1.r.1 2
                LiftBarrier([job.r.1, job.r.2])
                StartApp
                report AppStarted
            0s failed t-1
                event TaskFailed t-1
                report `t-1` TASK_FAILED on agent a2
                report restart 1 of 5 in 0.7s: `t-1` TASK_FAILED on agent a2
                ACKNOWLEDGE t-1.r.1 3
            0.69785287s
                REVIVE
            1s offer o3 a1 cpus:2
                DECLINE [o3] for 30s
                report waiting 1: on offer is 1 agent; no place for 1 of 1 `t`: `hostname unique` allows no more; it would fit with `hostname max-per 2` in place of `hostname unique` of `t`, or with 1 more agent like `a1.test`
            1s offer o4 a2 cpus:2
                report waiting 1 is over
                report Placed { tasks: 1, agents: 1 }
                ACCEPT [o4] on a2: job.r.3 cpus:0.1 with [t-1.r.2 cpus:1]
                event TaskLaunched t-1
                SUPPRESS
        "#]],
    );
}

#[test]
fn a_task_may_fail_and_come_back_before_the_gang_is_up() {
    check(
        &["t*2 cpus:1 | restart 5"],
        "
        subscribe | offer o1 a1 cpus:3
        running t-0
        failed t-1 CONTAINER_LAUNCH_FAILED
        advance 1
        offer o2 a1 cpus:2
        running t-1
        ",
        &expect![[r#"
            0s subscribe
                report Subscribed { framework: fw, first: true }
                event Registered
            0s offer o1 a1 cpus:3
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
                report restart 1 of 5 in 0.7s: `t-1` TASK_FAILED on agent a1 (REASON_CONTAINER_LAUNCH_FAILED)
                ACKNOWLEDGE t-1.r.1 2
            0.69785287s
                REVIVE
            1s offer o2 a1 cpus:2
                report Placed { tasks: 1, agents: 1 }
                ACCEPT [o2] on a1: job.r.2 cpus:0.1 with [t-1.r.2 cpus:1]
                event TaskLaunched t-1
                SUPPRESS
            1s running t-1
                event TaskRunning t-1
                report `t-1` TASK_RUNNING on agent a1
                ACKNOWLEDGE t-1.r.2 3
                LiftBarrier([job.r.1, job.r.2])
                StartApp
                report AppStarted
        "#]],
    );
}

#[test]
fn a_task_that_waits_for_its_restart_can_be_killed() {
    check(
        &["t*2 cpus:1 | restart 5"],
        &up("failed t-0 | kill t-0 | advance 2 | kill t-0 | running t-0"),
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
            0s failed t-0
                event TaskFailed t-0
                report `t-0` TASK_FAILED on agent a1
                report restart 1 of 5 in 0.7s: `t-0` TASK_FAILED on agent a1
                ACKNOWLEDGE t-0.r.1 3
            0s kill t-0
                TaskOver("t-0")
                event TaskKilled t-0
                report `t-0` TASK_KILLED: it was killed before it was launched
            2s kill t-0
            2s running t-0
                ACKNOWLEDGE t-0.r.1 4
                KILL t-0.r.1 Some(0ns)
        "#]],
    );
}

#[test]
fn nothing_is_restarted_once_the_job_ends() {
    check(
        &["t*2 cpus:1 | restart 5"],
        &up("failed t-0 | app ok | failed t-1"),
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
            0s failed t-0
                event TaskFailed t-0
                report `t-0` TASK_FAILED on agent a1
                report restart 1 of 5 in 0.7s: `t-0` TASK_FAILED on agent a1
                ACKNOWLEDGE t-0.r.1 3
            0s app ok
                report AppReturned(Ok(()))
                report Stopping(Succeeded)
                event Shutdown
                TaskOver("t-0")
                CloseInputs(["t-1"])
            0s failed t-1
                event TaskFailed t-1
                report `t-1` TASK_FAILED on agent a1
                TaskOver("t-1")
                report ignored `t-1` TASK_FAILED on agent a1
                ACKNOWLEDGE t-1.r.1 4
                TEARDOWN
                Finished(Succeeded)
        "#]],
    );
}

#[test]
fn a_task_that_is_done_or_was_killed_does_not_come_back() {
    check(
        &["t*3 cpus:1 | restart 5"],
        "
        subscribe | offer o1 a1 cpus:4 | running t-0 | running t-1 | running t-2
        finished t-0
        kill t-1
        killed t-1
        kill t-2
        failed t-2
        advance 10
        ",
        &expect![[r#"
            0s subscribe
                report Subscribed { framework: fw, first: true }
                event Registered
            0s offer o1 a1 cpus:4
                report Placed { tasks: 3, agents: 1 }
                ACCEPT [o1] on a1: job.r.1 cpus:0.1 with [t-0.r.1 cpus:1, t-1.r.1 cpus:1, t-2.r.1 cpus:1]
                event TaskLaunched t-0
                event TaskLaunched t-1
                event TaskLaunched t-2
                SUPPRESS
            0s running t-0
                event TaskRunning t-0
                report `t-0` TASK_RUNNING on agent a1
                ACKNOWLEDGE t-0.r.1 1
            0s running t-1
                event TaskRunning t-1
                report `t-1` TASK_RUNNING on agent a1
                ACKNOWLEDGE t-1.r.1 2
            0s running t-2
                event TaskRunning t-2
                report `t-2` TASK_RUNNING on agent a1
                ACKNOWLEDGE t-2.r.1 3
                LiftBarrier([job.r.1])
                StartApp
                report AppStarted
            0s finished t-0
                event TaskFinished t-0
                report `t-0` TASK_FINISHED on agent a1
                TaskOver("t-0")
                ACKNOWLEDGE t-0.r.1 4
            0s kill t-1
                KILL t-1.r.1 None
            0s killed t-1
                event TaskKilled t-1
                report `t-1` TASK_KILLED on agent a1
                TaskOver("t-1")
                ACKNOWLEDGE t-1.r.1 5
            0s kill t-2
                KILL t-2.r.1 None
            0s failed t-2
                event TaskFailed t-2
                report `t-2` TASK_FAILED on agent a1
                TaskOver("t-2")
                report ignored `t-2` TASK_FAILED on agent a1
                ACKNOWLEDGE t-2.r.1 6
        "#]],
    );
}

#[test]
fn a_task_that_rests_is_not_told_to_wait_for_a_place() {
    check(
        &["t*2 cpus:1 | restart 5"],
        &up("
        failed t-0 | advance 1 | offer o2 a1 cpus:4 | running t-0
        failed t-0 | advance 2 | offer o3 a1 cpus:4 | running t-0
        failed t-0 | advance 4 | offer o4 a1 cpus:4 | running t-0
        failed t-0 | advance 3.5
        starting t-1
        advance 4
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
            0s failed t-0
                event TaskFailed t-0
                report `t-0` TASK_FAILED on agent a1
                report restart 1 of 5 in 0.7s: `t-0` TASK_FAILED on agent a1
                ACKNOWLEDGE t-0.r.1 3
            0.69785287s
                REVIVE
            1s offer o2 a1 cpus:4
                report Placed { tasks: 1, agents: 1 }
                ACCEPT [o2] on a1: job.r.2 cpus:0.1 with [t-0.r.2 cpus:1]
                event TaskLaunched t-0
                SUPPRESS
            1s running t-0
                event TaskRunning t-0
                report `t-0` TASK_RUNNING on agent a1
                ACKNOWLEDGE t-0.r.2 4
                LiftBarrier([job.r.2])
            1s failed t-0
                event TaskFailed t-0
                report `t-0` TASK_FAILED on agent a1
                report restart 2 of 5 in 1.4s: `t-0` TASK_FAILED on agent a1
                ACKNOWLEDGE t-0.r.2 5
            2.445039531s
                REVIVE
            3s offer o3 a1 cpus:4
                report Placed { tasks: 1, agents: 1 }
                ACCEPT [o3] on a1: job.r.3 cpus:0.1 with [t-0.r.3 cpus:1]
                event TaskLaunched t-0
                SUPPRESS
            3s running t-0
                event TaskRunning t-0
                report `t-0` TASK_RUNNING on agent a1
                ACKNOWLEDGE t-0.r.3 6
                LiftBarrier([job.r.3])
            3s failed t-0
                event TaskFailed t-0
                report `t-0` TASK_FAILED on agent a1
                report restart 3 of 5 in 2.5s: `t-0` TASK_FAILED on agent a1
                ACKNOWLEDGE t-0.r.3 7
            5.470131859s
                REVIVE
            7s offer o4 a1 cpus:4
                report Placed { tasks: 1, agents: 1 }
                ACCEPT [o4] on a1: job.r.4 cpus:0.1 with [t-0.r.4 cpus:1]
                event TaskLaunched t-0
                SUPPRESS
            7s running t-0
                event TaskRunning t-0
                report `t-0` TASK_RUNNING on agent a1
                ACKNOWLEDGE t-0.r.4 8
                LiftBarrier([job.r.4])
            7s failed t-0
                event TaskFailed t-0
                report `t-0` TASK_FAILED on agent a1
                report restart 4 of 5 in 4.5s: `t-0` TASK_FAILED on agent a1
                ACKNOWLEDGE t-0.r.4 9
            10.5s starting t-1
                ACKNOWLEDGE t-1.r.1 10
            11.489490329s
                REVIVE
            14.489490329s
                report waiting 1: no agent offers anything
        "#]],
    );
}
