//! Scripts about tasks that the app scheduler adds.

use expect_test::expect;

use super::play::{check, up};

#[test]
fn a_spawn_is_answered_when_all_of_it_is_up() {
    check(
        &["t*2 cpus:1"],
        &up("
        spawn t 2
        offer o2 a2 cpus:1.5
        offer o3 a3 cpus:3
        running t-2
        running t-3
        spawn t 0
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
            0s spawn t 2
                REVIVE
            0s offer o2 a2 cpus:1.5
                report waiting 1: on offer is 1 agent; no place for 1 of 2 `t`: 0.6 cpus are missing in all; it would fit with 0.6 more cpus on `a2.test`, or with 1 more agent like `a2.test`
            0s offer o3 a3 cpus:3
                report waiting 1 is over
                report Placed { tasks: 2, agents: 1 }
                ACCEPT [o3] on a3: job.r.2 cpus:0.1 with [t-2.r.1 cpus:1, t-3.r.1 cpus:1]
                event TaskLaunched t-2
                event TaskLaunched t-3
                DECLINE [o2] for 60s
                SUPPRESS
            0s running t-2
                event TaskRunning t-2
                report `t-2` TASK_RUNNING on agent a3
                ACKNOWLEDGE t-2.r.1 3
            0s running t-3
                event TaskRunning t-3
                report `t-3` TASK_RUNNING on agent a3
                ACKNOWLEDGE t-3.r.1 4
                LiftBarrier([job.r.2])
                spawned ["t-2", "t-3"]
            0s spawn t 0
                spawned []
            0s app ok
                report AppReturned(Ok(()))
                report Stopping(Succeeded)
                event Shutdown
                CloseInputs(["t-0", "t-1", "t-2", "t-3"])
        "#]],
    );
}

#[test]
fn a_spawn_that_does_not_fit_in_time_leaves_the_job_alone() {
    check(
        &["t*2 cpus:1"],
        &up("
        spawn t 2
        offer o2 a2 cpus:1.5
        advance 301
        spawn t 1
        offer o3 a2 cpus:1.5
        running t-4
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
            0s spawn t 2
                REVIVE
            0s offer o2 a2 cpus:1.5
                report waiting 1: on offer is 1 agent; no place for 1 of 2 `t`: 0.6 cpus are missing in all; it would fit with 0.6 more cpus on `a2.test`, or with 1 more agent like `a2.test`
            10s
                DECLINE [o2] for 10s
            300s
                report waiting 1 is over
                report no spawn of 2 t: on offer is 1 agent; no place for 1 of 2 `t`: 0.6 cpus are missing in all; it would fit with 0.6 more cpus on `a2.test`, or with 1 more agent like `a2.test`
                not spawned: on offer is 1 agent; no place for 1 of 2 `t`: 0.6 cpus are missing in all; it would fit with 0.6 more cpus on `a2.test`, or with 1 more agent like `a2.test`
                SUPPRESS
            301s spawn t 1
                REVIVE
            301s offer o3 a2 cpus:1.5
                report Placed { tasks: 1, agents: 1 }
                ACCEPT [o3] on a2: job.r.2 cpus:0.1 with [t-4.r.1 cpus:1]
                event TaskLaunched t-4
                SUPPRESS
            301s running t-4
                event TaskRunning t-4
                report `t-4` TASK_RUNNING on agent a2
                ACKNOWLEDGE t-4.r.1 3
                LiftBarrier([job.r.2])
                spawned ["t-4"]
        "#]],
    );
}

#[test]
fn a_task_that_fails_before_its_spawn_is_up_takes_only_the_spawn_along() {
    check(
        &["t*2 cpus:1"],
        &up("
        spawn t 2
        offer o2 a2 cpus:3
        running t-2
        failed t-3 CONTAINER_LAUNCH_FAILED
        failed t-2
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
            0s spawn t 2
                REVIVE
            0s offer o2 a2 cpus:3
                report Placed { tasks: 2, agents: 1 }
                ACCEPT [o2] on a2: job.r.2 cpus:0.1 with [t-2.r.1 cpus:1, t-3.r.1 cpus:1]
                event TaskLaunched t-2
                event TaskLaunched t-3
                SUPPRESS
            0s running t-2
                event TaskRunning t-2
                report `t-2` TASK_RUNNING on agent a2
                ACKNOWLEDGE t-2.r.1 3
            0s failed t-3 CONTAINER_LAUNCH_FAILED
                event TaskFailed t-3
                report `t-3` TASK_FAILED on agent a2 (REASON_CONTAINER_LAUNCH_FAILED)
                CloseInputs(["t-2"])
                report no spawn of 2 t: `t-3` TASK_FAILED on agent a2 (REASON_CONTAINER_LAUNCH_FAILED)
                not spawned: `t-3` TASK_FAILED on agent a2 (REASON_CONTAINER_LAUNCH_FAILED)
                ACKNOWLEDGE t-3.r.1 4
                KILL t-2.r.1 Some(0ns)
            0s failed t-2
                event TaskFailed t-2
                report `t-2` TASK_FAILED on agent a2
                ACKNOWLEDGE t-2.r.1 5
        "#]],
    );
}

#[test]
fn two_spawns_and_a_restart_wait_side_by_side() {
    check(
        &["t*2 cpus:1", "u*1 cpus:3 | restart 1"],
        "
        subscribe | offer o1 a1 cpus:8 | running t-0 | running t-1 | running u-0
        failed u-0
        spawn u 1
        spawn t 1
        advance 1
        offer o2 a1 cpus:2
        offer o3 a2 cpus:3.5 o4 a3 cpus:3.5
        running u-0 | running u-1 | running t-2
        ",
        &expect![[r#"
            0s subscribe
                report Subscribed { framework: fw, first: true }
                event Registered
            0s offer o1 a1 cpus:8
                report Placed { tasks: 3, agents: 1 }
                ACCEPT [o1] on a1: job.r.1 cpus:0.1 with [t-0.r.1 cpus:1, t-1.r.1 cpus:1, u-0.r.1 cpus:3]
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
            0s failed u-0
                event TaskFailed u-0
                report `u-0` TASK_FAILED on agent a1
                report restart 1 of 1 in 0.7s: `u-0` TASK_FAILED on agent a1
                ACKNOWLEDGE u-0.r.1 4
            0s spawn u 1
                REVIVE
            0s spawn t 1
            1s offer o2 a1 cpus:2
                report Placed { tasks: 1, agents: 1 }
                ACCEPT [o2] on a1: job.r.2 cpus:0.1 with [t-2.r.1 cpus:1]
                event TaskLaunched t-2
                report waiting 1: on offer is 1 agent; no place for 1 of 1 `u`: one and its executor need 3.1 cpus, the most that any agent offers is 2 (`a1.test`); it would fit with 1.1 more cpus on `a1.test`
                report waiting 2: on offer is 1 agent; no place for 1 of 1 `u`: one and its executor need 3.1 cpus, the most that any agent offers is 2 (`a1.test`); it would fit with 1.1 more cpus on `a1.test`
            1s offer o3 a2 cpus:3.5 o4 a3 cpus:3.5
                report waiting 1 is over
                report Placed { tasks: 1, agents: 1 }
                ACCEPT [o3] on a2: job.r.3 cpus:0.1 with [u-0.r.2 cpus:3]
                event TaskLaunched u-0
                report waiting 2 is over
                report Placed { tasks: 1, agents: 1 }
                ACCEPT [o4] on a3: job.r.4 cpus:0.1 with [u-1.r.1 cpus:3]
                event TaskLaunched u-1
                SUPPRESS
            1s running u-0
                event TaskRunning u-0
                report `u-0` TASK_RUNNING on agent a2
                ACKNOWLEDGE u-0.r.2 5
                LiftBarrier([job.r.3])
            1s running u-1
                event TaskRunning u-1
                report `u-1` TASK_RUNNING on agent a3
                ACKNOWLEDGE u-1.r.1 6
                LiftBarrier([job.r.4])
                spawned ["u-1"]
            1s running t-2
                event TaskRunning t-2
                report `t-2` TASK_RUNNING on agent a1
                ACKNOWLEDGE t-2.r.1 7
                LiftBarrier([job.r.2])
                spawned ["t-2"]
        "#]],
    );
}

#[test]
fn what_cannot_be_spawned_is_refused() {
    check(
        &["t*2 cpus:1"],
        &up("spawn u 1 | spawn t 31999 | spawn t 1 | app ok | spawn t 1"),
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
            0s spawn u 1
                refused: there is no such group
            0s spawn t 31999
                refused: the job would have more than 32000 tasks
            0s spawn t 1
                REVIVE
            0s app ok
                report AppReturned(Ok(()))
                report Stopping(Succeeded)
                event Shutdown
                report no spawn of 1 t: the job is being shut down
                not spawned: the job is being shut down
                CloseInputs(["t-0", "t-1"])
                SUPPRESS
            0s spawn t 1
                refused: the job is being shut down
        "#]],
    );
}

#[test]
fn a_spawn_is_answered_even_if_the_framework_is_removed_meanwhile() {
    check(
        &["t*2 cpus:1"],
        &up("
        spawn t 1
        disconnect
        refuse
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
            0s spawn t 1
                REVIVE
            0s disconnect
                event Disconnected
                report Disconnected { reason: "broken pipe" }
            0s refuse
                report no spawn of 1 t: the job is being shut down
                not spawned: the job is being shut down
                AbortApp
                Finished(Refused { reason: "role not allowed" })
        "#]],
    );
}

#[test]
fn a_job_that_ends_while_a_spawn_waits_for_offers_answers_it_and_launches_nothing_more() {
    check(
        &["t*2 cpus:1"],
        &up("
        spawn t 3 | offer o2 a2 cpus:2 | stop | offer o3 a3 cpus:8 | spawn t 1
        advance 5 | killed t-0 | killed t-1 | app ok
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
            0s spawn t 3
                REVIVE
            0s offer o2 a2 cpus:2
                report waiting 1: on offer is 1 agent; no place for 2 of 3 `t`: 1.1 cpus are missing in all; it would fit with 1.1 more cpus on `a2.test`, or with 2 more agents like `a2.test`
            0s stop
                report Stopping(Interrupted)
                event Shutdown
                report waiting 1 is over
                report no spawn of 3 t: the job is being shut down
                not spawned: the job is being shut down
                DECLINE [o2] for 60s
                CloseInputs(["t-0", "t-1"])
                SUPPRESS
            0s offer o3 a3 cpus:8
                DECLINE [o3] for 60s
            0s spawn t 1
                refused: the job is being shut down
            5s
                KILL t-0.r.1 Some(0ns)
                KILL t-1.r.1 Some(0ns)
            5s killed t-0
                event TaskKilled t-0
                report `t-0` TASK_KILLED on agent a1
                ACKNOWLEDGE t-0.r.1 3
            5s killed t-1
                event TaskKilled t-1
                report `t-1` TASK_KILLED on agent a1
                ACKNOWLEDGE t-1.r.1 4
                EndEvents
            5s app ok
                report AppReturned(Ok(()))
                TEARDOWN
                Finished(Interrupted)
        "#]],
    );
}

#[test]
fn each_of_several_waits_is_over_by_itself() {
    check(
        &["t*2 cpus:1", "u*1 cpus:2"],
        "
        subscribe | offer o1 a1 cpus:8
        running t-0 | running t-1 | running u-0
        spawn t 1 | spawn u 1
        offer o2 a2 cpus:0.5
        offer o3 a2 cpus:1.5
        running t-2
        advance 300
        ",
        &expect![[r#"
            0s subscribe
                report Subscribed { framework: fw, first: true }
                event Registered
            0s offer o1 a1 cpus:8
                report Placed { tasks: 3, agents: 1 }
                ACCEPT [o1] on a1: job.r.1 cpus:0.1 with [t-0.r.1 cpus:1, t-1.r.1 cpus:1, u-0.r.1 cpus:2]
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
            0s spawn t 1
                REVIVE
            0s spawn u 1
            0s offer o2 a2 cpus:0.5
                DECLINE [o2] for 30s
                report waiting 1: on offer is 1 agent; no place for 1 of 1 `t`: one and its executor need 1.1 cpus, the most that any agent offers is 0.5 (`a2.test`); it would fit with 0.6 more cpus on `a2.test`
                report waiting 2: on offer is 1 agent; no place for 1 of 1 `u`: one and its executor need 2.1 cpus, the most that any agent offers is 0.5 (`a2.test`); it would fit with 1.6 more cpus on `a2.test`
            0s offer o3 a2 cpus:1.5
                report waiting 1 is over
                report Placed { tasks: 1, agents: 1 }
                ACCEPT [o3] on a2: job.r.2 cpus:0.1 with [t-2.r.1 cpus:1]
                event TaskLaunched t-2
            0s running t-2
                event TaskRunning t-2
                report `t-2` TASK_RUNNING on agent a2
                ACKNOWLEDGE t-2.r.1 4
                LiftBarrier([job.r.2])
                spawned ["t-2"]
            1s
                report waiting 2: no agent offers anything
            300s
                report waiting 2 is over
                report no spawn of 1 u: no agent offers anything
                not spawned: no agent offers anything
                SUPPRESS
        "#]],
    );
}

#[test]
fn what_is_pending_of_a_failed_spawn_and_was_launched_before_is_told_to_be_killed() {
    check(
        &["t*2 cpus:1 | restart 3"],
        &up("
        spawn t 2
        offer o2 a2 cpus:3
        failed t-2
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
            0s spawn t 2
                REVIVE
            0s offer o2 a2 cpus:3
                report Placed { tasks: 2, agents: 1 }
                ACCEPT [o2] on a2: job.r.2 cpus:0.1 with [t-2.r.1 cpus:1, t-3.r.1 cpus:1]
                event TaskLaunched t-2
                event TaskLaunched t-3
                SUPPRESS
            0s failed t-2
                event TaskFailed t-2
                report `t-2` TASK_FAILED on agent a2
                report restart 1 of 3 in 0.7s: `t-2` TASK_FAILED on agent a2
                ACKNOWLEDGE t-2.r.1 3
            0.69785287s
                REVIVE
            300s
                TaskOver("t-2")
                event TaskKilled t-2
                report `t-2` TASK_KILLED: it was killed before it was launched
                CloseInputs(["t-3"])
                report no spawn of 2 t: 0 of 2 tasks were up; `t-2` had no place
                not spawned: 0 of 2 tasks were up; `t-2` had no place
                KILL t-3.r.1 Some(0ns)
                SUPPRESS
            305s
                KILL t-3.r.1 Some(0ns)
        "#]],
    );
}
