//! Restarts by request that do not come up: killed meanwhile, without a connection, or not in time.

use super::play::{check, check_connected, up};
use expect_test::expect;

#[test]
fn a_restart_that_is_killed_while_it_waits_is_over() {
    check(
        &["t*2 cpus:1"],
        &up("
        restart t-0 | killed t-0
        offer o2 a2 cpus:0.5
        kill t-0
        advance 400
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
            0s kill t-0
                TaskOver("t-0")
                event TaskKilled t-0
                report `t-0` TASK_KILLED: it was killed before it was launched
                report waiting 1 is over
                SUPPRESS
        "#]],
    );
}

#[test]
fn a_restart_without_a_connection_fails_alone_where_failures_are_ignored() {
    check_connected(
        &["t*2 cpus:1 | ignore"],
        &up("
        connected job.r.1
        restart t-0 | killed t-0
        offer o2 a2 cpus:2 | running t-0
        unconnected job.r.2 | unconnected job.r.2
        connected job.r.2
        killing t-0 | killed t-0
        advance 700
        restart t-0
        offer o3 a2 cpus:2 | running t-0 | connected job.r.3
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
            0s unconnected job.r.2
                KILL t-0.r.2 Some(0ns)
            0s unconnected job.r.2
            0s connected job.r.2
            0s killing t-0
                report `t-0` TASK_KILLING on agent a2
                CloseInputForNow("t-0")
                ACKNOWLEDGE t-0.r.2 5
            0s killed t-0
                event TaskKilled t-0
                report `t-0` TASK_KILLED on agent a2: no direct path to executor `job.r.2` on agent a2: no route
                TaskOver("t-0")
                report ignored `t-0` TASK_KILLED on agent a2: no direct path to executor `job.r.2` on agent a2: no route
                ACKNOWLEDGE t-0.r.2 6
            700s restart t-0
                TaskReturns("t-0")
                report restart of t-0
                REVIVE
            700s offer o3 a2 cpus:2
                report Placed { tasks: 1, agents: 1 }
                ACCEPT [o3] on a2: job.r.3 cpus:0.1 with [t-0.r.3 cpus:1]
                event TaskLaunched t-0
                SUPPRESS
            700s running t-0
                event TaskRunning t-0
                report `t-0` TASK_RUNNING on agent a2
                ACKNOWLEDGE t-0.r.3 7
            700s connected job.r.3
                LiftBarrier([job.r.3])
        "#]],
    );
}

#[test]
fn a_restart_without_a_connection_is_restarted_where_failures_are() {
    check_connected(
        &["t*2 cpus:1 | restart 1"],
        &up("
        connected job.r.1
        restart t-0 | killed t-0
        offer o2 a2 cpus:2 | running t-0
        unconnected job.r.2 | killed t-0
        advance 1
        offer o3 a3 cpus:2 | running t-0
        unconnected job.r.3 | killed t-0
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
            0s unconnected job.r.2
                KILL t-0.r.2 Some(0ns)
            0s killed t-0
                event TaskKilled t-0
                report `t-0` TASK_KILLED on agent a2: no direct path to executor `job.r.2` on agent a2: no route
                report restart 1 of 1 in 0.7s: `t-0` TASK_KILLED on agent a2: no direct path to executor `job.r.2` on agent a2: no route
                ACKNOWLEDGE t-0.r.2 5
            0.69785287s
                REVIVE
            1s offer o3 a3 cpus:2
                report Placed { tasks: 1, agents: 1 }
                ACCEPT [o3] on a3: job.r.3 cpus:0.1 with [t-0.r.3 cpus:1]
                event TaskLaunched t-0
                SUPPRESS
            1s running t-0
                event TaskRunning t-0
                report `t-0` TASK_RUNNING on agent a3
                ACKNOWLEDGE t-0.r.3 6
            1s unconnected job.r.3
                KILL t-0.r.3 Some(0ns)
            1s killed t-0
                event TaskKilled t-0
                report `t-0` TASK_KILLED on agent a3: no direct path to executor `job.r.3` on agent a3: no route
                TaskOver("t-0")
                report stopping: `t-0` TASK_KILLED on agent a3: no direct path to executor `job.r.3` on agent a3: no route; it was restarted once within 600s already
                event Shutdown
                CloseInputs(["t-1"])
                ACKNOWLEDGE t-0.r.3 7
        "#]],
    );
}

#[test]
fn a_restart_without_a_connection_ends_the_job_where_failures_do() {
    check_connected(
        &["t*2 cpus:1"],
        &up("
        connected job.r.1
        restart t-0 | killed t-0
        offer o2 a2 cpus:2 | running t-0
        unconnected job.r.2
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
            0s unconnected job.r.2
                report Stopping(Unconnected(Unconnected { executor: job.r.2, agent: a2, reason: "no route" }))
                event Shutdown
                CloseInputs(["t-0", "t-1"])
        "#]],
    );
}

#[test]
fn a_restart_that_is_not_up_in_time_fails_alone_where_failures_are_ignored() {
    // It stays what it was when it was launched, or comes up and never connects.
    check_connected(
        &["t*2 cpus:1 | ignore"],
        &up("
        connected job.r.1
        restart t-0 | killed t-0
        offer o2 a2 cpus:2 | starting t-0
        advance 300
        killed t-0
        restart t-1 | killed t-1
        offer o3 a2 cpus:2 | running t-1
        advance 300
        killed t-1
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
            0s starting t-0
                report `t-0` TASK_STARTING on agent a2
                ACKNOWLEDGE t-0.r.2 4
            300s
                KILL t-0.r.2 Some(0ns)
            300s killed t-0
                event TaskKilled t-0
                report `t-0` TASK_KILLED on agent a2: not up in time: it was TASK_STARTING
                TaskOver("t-0")
                report ignored `t-0` TASK_KILLED on agent a2: not up in time: it was TASK_STARTING
                ACKNOWLEDGE t-0.r.2 5
            300s restart t-1
                TaskReturns("t-1")
                KILL t-1.r.1 None
            300s killed t-1
                event TaskKilled t-1
                report `t-1` TASK_KILLED on agent a1
                report restart of t-1
                ACKNOWLEDGE t-1.r.1 6
                REVIVE
            300s offer o3 a2 cpus:2
                report Placed { tasks: 1, agents: 1 }
                ACCEPT [o3] on a2: job.r.3 cpus:0.1 with [t-1.r.2 cpus:1]
                event TaskLaunched t-1
                SUPPRESS
            300s running t-1
                event TaskRunning t-1
                report `t-1` TASK_RUNNING on agent a2
                ACKNOWLEDGE t-1.r.2 7
            600s
                KILL t-1.r.2 Some(0ns)
            600s killed t-1
                event TaskKilled t-1
                report `t-1` TASK_KILLED on agent a2: no direct path to executor `job.r.3` on agent a2: it had not connected in time
                TaskOver("t-1")
                report ignored `t-1` TASK_KILLED on agent a2: no direct path to executor `job.r.3` on agent a2: it had not connected in time
                ACKNOWLEDGE t-1.r.2 8
        "#]],
    );
}

#[test]
fn a_task_that_is_given_up_and_killed_by_somebody_does_not_come_back() {
    check_connected(
        &["t*2 cpus:1 | restart 3"],
        &up("
        connected job.r.1
        failed t-0 | advance 1
        offer o2 a2 cpus:2 | running t-0
        unconnected job.r.2
        kill t-0
        killed t-0
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
            0s failed t-0
                event TaskFailed t-0
                report `t-0` TASK_FAILED on agent a1
                report restart 1 of 3 in 0.7s: `t-0` TASK_FAILED on agent a1
                ACKNOWLEDGE t-0.r.1 3
            0.69785287s
                REVIVE
            1s offer o2 a2 cpus:2
                report Placed { tasks: 1, agents: 1 }
                ACCEPT [o2] on a2: job.r.2 cpus:0.1 with [t-0.r.2 cpus:1]
                event TaskLaunched t-0
                SUPPRESS
            1s running t-0
                event TaskRunning t-0
                report `t-0` TASK_RUNNING on agent a2
                ACKNOWLEDGE t-0.r.2 4
            1s unconnected job.r.2
                KILL t-0.r.2 Some(0ns)
            1s kill t-0
                KILL t-0.r.2 None
            1s killed t-0
                event TaskKilled t-0
                report `t-0` TASK_KILLED on agent a2
                TaskOver("t-0")
                ACKNOWLEDGE t-0.r.2 5
        "#]],
    );
}

#[test]
fn a_task_that_is_given_up_and_does_not_end_is_waited_for_like_its_restart() {
    check_connected(
        &["t*2 cpus:1 | restart 3"],
        &up("
        connected job.r.1
        failed t-0 | advance 1
        offer o2 a2 cpus:2 | running t-0
        unconnected job.r.2
        connected job.r.2
        advance 300
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
            0s failed t-0
                event TaskFailed t-0
                report `t-0` TASK_FAILED on agent a1
                report restart 1 of 3 in 0.7s: `t-0` TASK_FAILED on agent a1
                ACKNOWLEDGE t-0.r.1 3
            0.69785287s
                REVIVE
            1s offer o2 a2 cpus:2
                report Placed { tasks: 1, agents: 1 }
                ACCEPT [o2] on a2: job.r.2 cpus:0.1 with [t-0.r.2 cpus:1]
                event TaskLaunched t-0
                SUPPRESS
            1s running t-0
                event TaskRunning t-0
                report `t-0` TASK_RUNNING on agent a2
                ACKNOWLEDGE t-0.r.2 4
            1s unconnected job.r.2
                KILL t-0.r.2 Some(0ns)
            1s connected job.r.2
            6s
                KILL t-0.r.2 Some(0ns)
            16s
                KILL t-0.r.2 Some(0ns)
            36s
                KILL t-0.r.2 Some(0ns)
            76s
                KILL t-0.r.2 Some(0ns)
            136s
                KILL t-0.r.2 Some(0ns)
            196s
                KILL t-0.r.2 Some(0ns)
            256s
                KILL t-0.r.2 Some(0ns)
            301s
                report Stopping(NeverPlaced(NotRestarted { task: "t-0", why: NotUp { up: 0, tasks: 1, first: ("t-0", NotKilled) } }))
                event Shutdown
                CloseInputs(["t-0", "t-1"])
        "#]],
    );
}
