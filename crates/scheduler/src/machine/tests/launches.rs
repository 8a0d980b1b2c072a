//! Scripts about launches, from the first ACCEPT to the start of the app scheduler.

use expect_test::expect;

use super::play::{UP, check, check_connected, up};

#[test]
fn a_gang_is_launched_at_once_and_the_app_starts_when_all_are_up() {
    check(
        &["t*2 cpus:1"],
        UP,
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
    "#]],
    );
}

#[test]
fn a_launch_with_a_stale_offer_is_placed_again() {
    check(
        &["t*2 cpus:1"],
        "
        subscribe | offer o1 a1 cpus:1.2 o2 a2 cpus:1.2
        running t-0 | dropped! t-1 INVALID_OFFERS
        running t-1.r.1
        offer o3 a1 cpus:2
        running t-1
        ",
        &expect![[r#"
            0s subscribe
                report Subscribed { framework: fw, first: true }
                event Registered
            0s offer o1 a1 cpus:1.2 o2 a2 cpus:1.2
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
            0s dropped! t-1 INVALID_OFFERS
                report again `t-1` TASK_DROPPED on agent a2 (REASON_INVALID_OFFERS)
                REVIVE
            0s running t-1.r.1
                ACKNOWLEDGE t-1.r.1 3
                KILL t-1.r.1 Some(0ns)
            0s offer o3 a1 cpus:2
                report Placed { tasks: 1, agents: 1 }
                ACCEPT [o3] on a1: job.r.3 cpus:0.1 with [t-1.r.2 cpus:1]
                event TaskLaunched t-1
                SUPPRESS
            0s running t-1
                event TaskRunning t-1
                report `t-1` TASK_RUNNING on agent a1
                ACKNOWLEDGE t-1.r.2 4
                LiftBarrier([job.r.1, job.r.3])
                StartApp
                report AppStarted
        "#]],
    );
}

#[test]
fn an_accept_that_was_not_sent_is_placed_again_and_one_that_may_have_been_is_asked_about() {
    check(
        &["t*1 cpus:1"],
        "
        subscribe | offer o1 a1 cpus:2 | accept fails t-0
        offer o2 a1 cpus:2 | accept fails t-0 unknown | advance 4
        gone! t-0 RECONCILIATION | advance 1
        ",
        &expect![[r#"
            0s subscribe
                report Subscribed { framework: fw, first: true }
                event Registered
            0s offer o1 a1 cpus:2
                report Placed { tasks: 1, agents: 1 }
                ACCEPT [o1] on a1: job.r.1 cpus:0.1 with [t-0.r.1 cpus:1]
                event TaskLaunched t-0
                SUPPRESS
            0s accept fails t-0
                REVIVE
            0s offer o2 a1 cpus:2
                report Placed { tasks: 1, agents: 1 }
                ACCEPT [o2] on a1: job.r.2 cpus:0.1 with [t-0.r.2 cpus:1]
                event TaskLaunched t-0
                SUPPRESS
            0s accept fails t-0 unknown
            1s
                RECONCILE [(t-0.r.2, a1)]
            2s
                RECONCILE [(t-0.r.2, a1)]
            4s
                RECONCILE [(t-0.r.2, a1)]
            4s gone! t-0 RECONCILIATION
                ExecutorGone(job.r.2)
                report again `t-0` TASK_GONE on agent a1 (REASON_RECONCILIATION)
                REVIVE
        "#]],
    );
}

#[test]
fn a_gang_that_does_not_come_up_is_undone() {
    check(
        &["t*2 cpus:1"],
        "
        subscribe | offer o1 a1 cpus:4 | running t-0 | advance 301
        killed t-0 | killed! t-1 TASK_KILLED_DURING_LAUNCH
        ",
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
            300s
                report Stopping(NeverPlaced(NotUp { up: 1, tasks: 2, first: ("t-1", State(Staging)) }))
                event Shutdown
                CloseInputs(["t-0", "t-1"])
                KILL t-0.r.1 Some(0ns)
                KILL t-1.r.1 Some(0ns)
            301s killed t-0
                event TaskKilled t-0
                report `t-0` TASK_KILLED on agent a1
                ACKNOWLEDGE t-0.r.1 2
            301s killed! t-1 TASK_KILLED_DURING_LAUNCH
                event TaskKilled t-1
                report `t-1` TASK_KILLED on agent a1 (REASON_TASK_KILLED_DURING_LAUNCH)
                TEARDOWN
                finished, never placed: 1 of 2 tasks were up; `t-1` was TASK_STAGING
        "#]],
    );
}

#[test]
fn a_task_that_is_placed_again_keeps_apart_from_those_that_run() {
    check(
        &["t*2 cpus:1 | hostname unique"],
        "subscribe
         offer o1 a1 cpus:4 o2 a2 cpus:4
         running t-0
         accept fails t-1
         offer o3 a1 cpus:4
         offer o4 a3 cpus:4",
        &expect![[r#"
            0s subscribe
                report Subscribed { framework: fw, first: true }
                event Registered
            0s offer o1 a1 cpus:4 o2 a2 cpus:4
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
            0s accept fails t-1
                REVIVE
            0s offer o3 a1 cpus:4
                DECLINE [o3] for 30s
            0s offer o4 a3 cpus:4
                report Placed { tasks: 1, agents: 1 }
                ACCEPT [o4] on a3: job.r.3 cpus:0.1 with [t-1.r.2 cpus:1]
                event TaskLaunched t-1
                SUPPRESS
        "#]],
    );
}

#[test]
fn a_job_that_wants_connections_waits_for_them() {
    check_connected(
        &["t*2 cpus:1"],
        &up("connected job.r.9 | connected job.r.1 | unconnected job.r.9"),
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
            0s connected job.r.9
            0s connected job.r.1
                LiftBarrier([job.r.1])
                StartApp
                report AppStarted
            0s unconnected job.r.9
        "#]],
    );
}

#[test]
fn a_job_that_wants_a_connection_and_gets_none_ends() {
    check_connected(
        &["t*1 cpus:1"],
        "subscribe | offer o1 a1 cpus:4 | unconnected job.r.1 | killed t-0 | unconnected job.r.1",
        &expect![[r#"
            0s subscribe
                report Subscribed { framework: fw, first: true }
                event Registered
            0s offer o1 a1 cpus:4
                report Placed { tasks: 1, agents: 1 }
                ACCEPT [o1] on a1: job.r.1 cpus:0.1 with [t-0.r.1 cpus:1]
                event TaskLaunched t-0
                SUPPRESS
            0s unconnected job.r.1
                report Stopping(Unconnected(Unconnected { executor: job.r.1, agent: a1, reason: "no route" }))
                event Shutdown
                CloseInputs(["t-0"])
                KILL t-0.r.1 Some(0ns)
            0s killed t-0
                event TaskKilled t-0
                report `t-0` TASK_KILLED on agent a1
                ACKNOWLEDGE t-0.r.1 1
                TEARDOWN
                finished, unconnected: no direct path to executor `job.r.1` on agent a1: no route
            0s unconnected job.r.1
        "#]],
    );
    check_connected(
        &["t*1 cpus:1"],
        "subscribe | offer o1 a1 cpus:4 | running t-0 | advance 300 | killed t-0",
        &expect![[r#"
            0s subscribe
                report Subscribed { framework: fw, first: true }
                event Registered
            0s offer o1 a1 cpus:4
                report Placed { tasks: 1, agents: 1 }
                ACCEPT [o1] on a1: job.r.1 cpus:0.1 with [t-0.r.1 cpus:1]
                event TaskLaunched t-0
                SUPPRESS
            0s running t-0
                event TaskRunning t-0
                report `t-0` TASK_RUNNING on agent a1
                ACKNOWLEDGE t-0.r.1 1
            300s
                report Stopping(Unconnected(Unconnected { executor: job.r.1, agent: a1, reason: "it had not connected in time" }))
                event Shutdown
                CloseInputs(["t-0"])
                KILL t-0.r.1 Some(0ns)
            300s killed t-0
                event TaskKilled t-0
                report `t-0` TASK_KILLED on agent a1
                ACKNOWLEDGE t-0.r.1 2
                TEARDOWN
                finished, unconnected: no direct path to executor `job.r.1` on agent a1: it had not connected in time
        "#]],
    );
}
