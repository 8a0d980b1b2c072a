//! Scripts about restarts that somebody has asked for.

use expect_test::expect;

use super::play::{check, check_connected, up};

#[test]
fn a_task_that_is_to_be_restarted_is_killed_and_has_its_next_life_at_once() {
    check(
        &["t*2 cpus:1"],
        &up("
        restart t-0
        restart t-0
        killing t-0
        killed t-0
        restart t-0
        offer o2 a2 cpus:2
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
            0s restart t-0
                TaskReturns("t-0")
                KILL t-0.r.1 None
            0s restart t-0
                refused: the task is being started or restarted already
            0s killing t-0
                report `t-0` TASK_KILLING on agent a1
                CloseInputForNow("t-0")
                ACKNOWLEDGE t-0.r.1 3
            0s killed t-0
                event TaskKilled t-0
                report `t-0` TASK_KILLED on agent a1
                report restart of t-0
                ACKNOWLEDGE t-0.r.1 4
                REVIVE
            0s restart t-0
                refused: the task is being started or restarted already
            0s offer o2 a2 cpus:2
                report Placed { tasks: 1, agents: 1 }
                ACCEPT [o2] on a2: job.r.2 cpus:0.1 with [t-0.r.2 cpus:1]
                event TaskLaunched t-0
                SUPPRESS
            0s running t-0
                event TaskRunning t-0
                report `t-0` TASK_RUNNING on agent a2
                ACKNOWLEDGE t-0.r.2 5
                LiftBarrier([job.r.2])
            0s app ok
                report AppReturned(Ok(()))
                report Stopping(Succeeded)
                event Shutdown
                CloseInputs(["t-0", "t-1"])
        "#]],
    );
}

#[test]
fn a_task_that_has_ended_can_be_restarted_whatever_its_group_says() {
    check(
        &["t*2 cpus:1 | restart 1"],
        &up("
        finished t-0
        restart t-0
        offer o2 a2 cpus:2
        running t-0
        failed t-0 | advance 1 | offer o3 a2 cpus:2 | running t-0
        finished t-0
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
            0s finished t-0
                event TaskFinished t-0
                report `t-0` TASK_FINISHED on agent a1
                TaskOver("t-0")
                ACKNOWLEDGE t-0.r.1 3
            0s restart t-0
                TaskReturns("t-0")
                report restart of t-0
                REVIVE
            0s offer o2 a2 cpus:2
                report Placed { tasks: 1, agents: 1 }
                ACCEPT [o2] on a2: job.r.2 cpus:0.1 with [t-0.r.2 cpus:1]
                event TaskLaunched t-0
                SUPPRESS
            0s running t-0
                event TaskRunning t-0
                report `t-0` TASK_RUNNING on agent a2
                ACKNOWLEDGE t-0.r.2 4
                LiftBarrier([job.r.2])
            0s failed t-0
                event TaskFailed t-0
                report `t-0` TASK_FAILED on agent a2
                report restart 1 of 1 in 0.7s: `t-0` TASK_FAILED on agent a2
                ACKNOWLEDGE t-0.r.2 5
            0.69785287s
                REVIVE
            1s offer o3 a2 cpus:2
                report Placed { tasks: 1, agents: 1 }
                ACCEPT [o3] on a2: job.r.3 cpus:0.1 with [t-0.r.3 cpus:1]
                event TaskLaunched t-0
                SUPPRESS
            1s running t-0
                event TaskRunning t-0
                report `t-0` TASK_RUNNING on agent a2
                ACKNOWLEDGE t-0.r.3 6
                LiftBarrier([job.r.3])
            1s finished t-0
                event TaskFinished t-0
                report `t-0` TASK_FINISHED on agent a2
                TaskOver("t-0")
                ACKNOWLEDGE t-0.r.3 7
        "#]],
    );
}

#[test]
fn nothing_is_restarted_before_the_gang_is_up_nor_after_its_end() {
    check(
        &["t*2 cpus:1"],
        "
        restart t-0
        subscribe | offer o1 a1 cpus:4 | running t-0
        restart t-0
        running t-1
        restart t-9
        stop
        restart t-0
        ",
        &expect![[r#"
            0s restart t-0
                refused: the gang is not up yet
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
            0s restart t-0
                refused: the gang is not up yet
            0s running t-1
                event TaskRunning t-1
                report `t-1` TASK_RUNNING on agent a1
                ACKNOWLEDGE t-1.r.1 2
                LiftBarrier([job.r.1])
                StartApp
                report AppStarted
            0s restart t-9
                refused: there is no such task
            0s stop
                report Stopping(Interrupted)
                event Shutdown
                CloseInputs(["t-0", "t-1"])
            0s restart t-0
                refused: the job is being shut down
        "#]],
    );
}

#[test]
fn a_kill_takes_the_restart_back_and_the_other_way_round() {
    check(
        &["t*2 cpus:1 | ignore"],
        &up("
        restart t-0 | killing t-0 | kill t-0 | killed t-0
        kill t-1 | killing t-1 | restart t-1 | killed t-1
        kill t-1
        restart t-1
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
            0s restart t-0
                TaskReturns("t-0")
                KILL t-0.r.1 None
            0s killing t-0
                report `t-0` TASK_KILLING on agent a1
                CloseInputForNow("t-0")
                ACKNOWLEDGE t-0.r.1 3
            0s kill t-0
                KILL t-0.r.1 None
            0s killed t-0
                event TaskKilled t-0
                report `t-0` TASK_KILLED on agent a1
                TaskOver("t-0")
                ACKNOWLEDGE t-0.r.1 4
            0s kill t-1
                KILL t-1.r.1 None
            0s killing t-1
                report `t-1` TASK_KILLING on agent a1
                CloseInputs(["t-1"])
                ACKNOWLEDGE t-1.r.1 5
            0s restart t-1
                TaskReturns("t-1")
                KILL t-1.r.1 None
            0s killed t-1
                event TaskKilled t-1
                report `t-1` TASK_KILLED on agent a1
                report restart of t-1
                ACKNOWLEDGE t-1.r.1 6
                REVIVE
            0s kill t-1
                TaskOver("t-1")
                event TaskKilled t-1
                report `t-1` TASK_KILLED: it was killed before it was launched
                SUPPRESS
            0s restart t-1
                TaskReturns("t-1")
                report restart of t-1
                REVIVE
        "#]],
    );
}

#[test]
fn a_failure_in_the_life_that_was_asked_for_is_judged_by_its_group() {
    check(
        &["t*2 cpus:1 | ignore", "u*1 cpus:1"],
        "
        subscribe | offer o1 a1 cpus:4
        running t-0 | running t-1 | running u-0
        restart t-0 | killed t-0 | offer o2 a2 cpus:2 | failed t-0
        restart u-0 | failed u-0 | offer o3 a2 cpus:2 | failed u-0
        ",
        &expect![[r#"
            0s subscribe
                report Subscribed { framework: fw, first: true }
                event Registered
            0s offer o1 a1 cpus:4
                report Placed { tasks: 3, agents: 1 }
                ACCEPT [o1] on a1: job.r.1 cpus:0.1 with [t-0.r.1 cpus:1, t-1.r.1 cpus:1, u-0.r.1 cpus:1]
                event TaskLaunched t-0
                event TaskLaunched t-1
                event TaskLaunched u-0
                SUPPRESS
            0s running t-0
                event TaskRunning t-0
                report `t-0` TASK_RUNNING on agent a1
                ACKNOWLEDGE t-0.r.1 1
            0s running t-1
                event TaskRunning t-1
                report `t-1` TASK_RUNNING on agent a1
                ACKNOWLEDGE t-1.r.1 2
            0s running u-0
                event TaskRunning u-0
                report `u-0` TASK_RUNNING on agent a1
                ACKNOWLEDGE u-0.r.1 3
                LiftBarrier([job.r.1])
                StartApp
                report AppStarted
            0s restart t-0
                TaskReturns("t-0")
                KILL t-0.r.1 None
            0s killed t-0
                event TaskKilled t-0
                report `t-0` TASK_KILLED on agent a1
                report restart of t-0
                ACKNOWLEDGE t-0.r.1 4
                REVIVE
            0s offer o2 a2 cpus:2
                report Placed { tasks: 1, agents: 1 }
                ACCEPT [o2] on a2: job.r.2 cpus:0.1 with [t-0.r.2 cpus:1]
                event TaskLaunched t-0
                SUPPRESS
            0s failed t-0
                event TaskFailed t-0
                report `t-0` TASK_FAILED on agent a2
                TaskOver("t-0")
                report ignored `t-0` TASK_FAILED on agent a2
                ACKNOWLEDGE t-0.r.2 5
            0s restart u-0
                TaskReturns("u-0")
                KILL u-0.r.1 None
            0s failed u-0
                event TaskFailed u-0
                report `u-0` TASK_FAILED on agent a1
                report restart of u-0
                ACKNOWLEDGE u-0.r.1 6
                REVIVE
            0s offer o3 a2 cpus:2
                report Placed { tasks: 1, agents: 1 }
                ACCEPT [o3] on a2: job.r.3 cpus:0.1 with [u-0.r.2 cpus:1]
                event TaskLaunched u-0
                SUPPRESS
            0s failed u-0
                event TaskFailed u-0
                report `u-0` TASK_FAILED on agent a2
                TaskOver("u-0")
                report Stopping(TaskFailed(TaskReport { task: "u-0", state: Failed, source: Executor, reason: None, message: None, agent: Some(a2) }))
                event Shutdown
                CloseInputs(["t-1"])
                ACKNOWLEDGE u-0.r.2 7
        "#]],
    );
}

#[test]
fn a_restart_that_finds_no_place_in_time_ends_the_job() {
    check(
        &["t*2 cpus:1"],
        &up("
        restart t-0 | killed t-0
        advance 301
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
            0s restart t-0
                TaskReturns("t-0")
                KILL t-0.r.1 None
            0s killed t-0
                event TaskKilled t-0
                report `t-0` TASK_KILLED on agent a1
                report restart of t-0
                ACKNOWLEDGE t-0.r.1 3
                REVIVE
            3s
                report waiting 1: no agent offers anything
            300s
                report Stopping(NeverPlaced(NotRestarted { task: "t-0", why: NoPlace(Shortfall { agents: 0, leftovers: [Leftover { group: "t", tasks: 1, count: 1, obstacle: NothingOffered, stops: [] }], certainty: Impossible, remedies: [] }) }))
                event Shutdown
                report waiting 1 is over
                TaskOver("t-0")
                CloseInputs(["t-1"])
                SUPPRESS
        "#]],
    );
}

#[test]
fn a_restart_without_a_place_waits_on_where_failures_are_ignored() {
    check(
        &["t*2 cpus:1 | ignore"],
        &up("
        restart t-0 | killed t-0
        offer o2 a2 cpus:0.5
        advance 700
        offer o3 a2 cpus:2
        running t-0
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
            0s restart t-0
                TaskReturns("t-0")
                KILL t-0.r.1 None
            0s killed t-0
                event TaskKilled t-0
                report `t-0` TASK_KILLED on agent a1
                report restart of t-0
                ACKNOWLEDGE t-0.r.1 3
                REVIVE
            0s offer o2 a2 cpus:0.5
                DECLINE [o2] for 30s
                report waiting 1: on offer is 1 agent; no place for 1 of 1 `t`: one and its executor need 1.1 cpus, the most that any agent offers is 0.5 (`a2.test`); it would fit with 0.6 more cpus on `a2.test`
            700s offer o3 a2 cpus:2
                report waiting 1 is over
                report Placed { tasks: 1, agents: 1 }
                ACCEPT [o3] on a2: job.r.2 cpus:0.1 with [t-0.r.2 cpus:1]
                event TaskLaunched t-0
                SUPPRESS
            700s running t-0
                event TaskRunning t-0
                report `t-0` TASK_RUNNING on agent a2
                ACKNOWLEDGE t-0.r.2 4
                LiftBarrier([job.r.2])
        "#]],
    );
}

#[test]
fn a_stop_lets_nothing_come_back() {
    check(
        &["t*2 cpus:1"],
        &up("
        restart t-0
        stop
        killed t-0
        restart t-1
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
            0s restart t-0
                TaskReturns("t-0")
                KILL t-0.r.1 None
            0s stop
                report Stopping(Interrupted)
                event Shutdown
                CloseInputs(["t-0", "t-1"])
            0s killed t-0
                event TaskKilled t-0
                report `t-0` TASK_KILLED on agent a1
                TaskOver("t-0")
                ACKNOWLEDGE t-0.r.1 3
            0s restart t-1
                refused: the job is being shut down
        "#]],
    );
}

#[test]
fn a_task_that_is_killed_before_its_next_life_has_begun_does_not_come_back() {
    check_connected(
        &["t*2 cpus:1 | restart 1"],
        &up("
        connected job.r.1
        restart t-0 | killed t-0 | offer o2 a2 cpus:2 | running t-0
        kill t-0
        lost t-0
        advance 10
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
            0s connected job.r.1
                LiftBarrier([job.r.1])
                StartApp
                report AppStarted
            0s restart t-0
                TaskReturns("t-0")
                KILL t-0.r.1 None
            0s killed t-0
                event TaskKilled t-0
                report `t-0` TASK_KILLED on agent a1
                report restart of t-0
                ACKNOWLEDGE t-0.r.1 3
                REVIVE
            0s offer o2 a2 cpus:2
                report Placed { tasks: 1, agents: 1 }
                ACCEPT [o2] on a2: job.r.2 cpus:0.1 with [t-0.r.2 cpus:1]
                event TaskLaunched t-0
                SUPPRESS
            0s running t-0
                event TaskRunning t-0
                report `t-0` TASK_RUNNING on agent a2
                ACKNOWLEDGE t-0.r.2 4
            0s kill t-0
                KILL t-0.r.2 None
            0s lost t-0
                ExecutorGone(job.r.2)
                event TaskLost t-0
                report `t-0` TASK_LOST on agent a2
                TaskOver("t-0")
                report ignored `t-0` TASK_LOST on agent a2
                ACKNOWLEDGE t-0.r.2 5
        "#]],
    );
}
