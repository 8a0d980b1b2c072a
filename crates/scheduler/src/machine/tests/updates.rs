//! Scripts about status updates and kills of single tasks.

use expect_test::expect;

use super::play::{check, up};

#[test]
fn a_kill_of_the_app_is_repeated_closes_the_tasks_input_once_heard_and_is_no_failure() {
    check(
        &["t*2 cpus:1"],
        &up("kill t-0 | kill t-9 | advance 5 | killing t-0 | killed t-0 | stop | kill t-1"),
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
            0s kill t-0
                KILL t-0.r.1 None
            0s kill t-9
                refused: there is no such task
            5s
                KILL t-0.r.1 None
            5s killing t-0
                report `t-0` TASK_KILLING on agent a1
                CloseInputs(["t-0"])
                ACKNOWLEDGE t-0.r.1 3
            5s killed t-0
                event TaskKilled t-0
                report `t-0` TASK_KILLED on agent a1
                ACKNOWLEDGE t-0.r.1 4
            5s stop
                report Stopping(Interrupted)
                event Shutdown
                CloseInputs(["t-1"])
            5s kill t-1
                refused: the job is being shut down
        "#]],
    );
}

#[test]
fn doubled_updates_are_acknowledged_and_not_applied_twice() {
    check(
        &["t*1 cpus:1"],
        "
        subscribe | offer o1 a1 cpus:4 | starting t-0 | again starting t-0
        running t-0 | starting t-0 | staging! t-0 RECONCILIATION
        running stranger
        ",
        &expect![[r#"
            0s subscribe
                report Subscribed { framework: fw, first: true }
                event Registered
            0s offer o1 a1 cpus:4
                report Placed { tasks: 1, agents: 1 }
                ACCEPT [o1] on a1: job.r.1 cpus:0.1 with [t-0.r.1 cpus:1]
                event TaskLaunched t-0
                SUPPRESS
            0s starting t-0
                report `t-0` TASK_STARTING on agent a1
                ACKNOWLEDGE t-0.r.1 1
            0s again starting t-0
                ACKNOWLEDGE t-0.r.1 1
            0s running t-0
                event TaskRunning t-0
                report `t-0` TASK_RUNNING on agent a1
                ACKNOWLEDGE t-0.r.1 2
                LiftBarrier([job.r.1])
                StartApp
                report AppStarted
            0s starting t-0
                ACKNOWLEDGE t-0.r.1 3
            0s staging! t-0 RECONCILIATION
            0s running stranger
                ACKNOWLEDGE stranger 5
                KILL stranger Some(0ns)
        "#]],
    );
}
