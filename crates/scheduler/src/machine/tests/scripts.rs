//! The lives of gangs, as scripts in virtual time.

use expect_test::expect;

use super::play::{check, check_connected};

/// Two tasks on one agent, up and running.
const UP: &str = "
    subscribe | offer o1 a1 cpus:4
    running t-0 | running t-1
";

fn up(script: &str) -> String {
    format!("{UP}{script}")
}

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
fn a_gang_that_does_not_fit_is_not_launched_in_part() {
    check(
        &["small*1 cpus:1", "large*1 cpus:2"],
        "
        subscribe
        offer o1 a1 cpus:1.5 o2 a2 cpus:1.5
        offer o3 a3 cpus:8
        ",
        &expect![[r#"
            0s subscribe
                report Subscribed { framework: fw, first: true }
                event Registered
            0s offer o1 a1 cpus:1.5 o2 a2 cpus:1.5
                report waiting: on offer are 2 agents; no place for 1 of 1 `large`: one and its executor need 2.1 cpus, the most that any agent offers is 1.5 (`a2.test`); it would fit with 0.6 more cpus on `a2.test`
            0s offer o3 a3 cpus:8
                report Placed { tasks: 2, agents: 1 }
                ACCEPT [o3] on a3: job.r.1 cpus:0.1 with [small-0.r.1 cpus:1, large-0.r.1 cpus:2]
                event TaskLaunched small-0
                event TaskLaunched large-0
                DECLINE [o1, o2] for 60s
                SUPPRESS
        "#]],
    );
}

#[test]
fn offers_are_collected_over_batches_and_given_back_together() {
    check(
        &["t*2 cpus:1"],
        "
        subscribe | offer o1 a1 cpus:1.5 | advance 4 | offer o2 a2 cpus:0.5 | rescind o1
        offer o3 a3 cpus:1.5 | advance 20
        ",
        &expect![[r#"
            0s subscribe
                report Subscribed { framework: fw, first: true }
                event Registered
            0s offer o1 a1 cpus:1.5
                report waiting: on offer is 1 agent; no place for 1 of 2 `t`: 0.6 cpus are missing in all; it would fit with 0.6 more cpus on `a1.test`, or with 1 more agent like `a1.test`
            4s offer o2 a2 cpus:0.5
                DECLINE [o2] for 30s
                report waiting: on offer are 2 agents; no place for 1 of 2 `t`: 0.1 cpus are missing in all; it would fit with 0.6 more cpus on `a1.test`, or with 1 more agent like `a1.test`
            4s rescind o1
                event OfferRescinded
            4s offer o3 a3 cpus:1.5
                report waiting: on offer is 1 agent; no place for 1 of 2 `t`: 0.6 cpus are missing in all; it would fit with 0.6 more cpus on `a3.test`, or with 1 more agent like `a3.test`
            14s
                DECLINE [o3] for 9s
        "#]],
    );
}

#[test]
fn a_gang_that_never_fits_ends_with_the_reason() {
    check(
        &["t*2 cpus:8"],
        "subscribe | advance 20 | offer o1 a1 cpus:4 | advance 300",
        &expect![[r#"
            0s subscribe
                report Subscribed { framework: fw, first: true }
                event Registered
            3s
                report waiting: no agent offers anything
            20s offer o1 a1 cpus:4
                DECLINE [o1] for 30s
                report waiting: on offer is 1 agent; no place for 2 of 2 `t`: one and its executor need 8.1 cpus, the most that any agent offers is 4 (`a1.test`); it would fit with 12.1 more cpus on `a1.test`
            300s
                report Stopping(NeverPlaced(NoPlace(Shortfall { agents: 1, leftovers: [Leftover { group: "t", tasks: 2, count: 2, obstacle: TooLarge { resource: "cpus", wanted: Scalar(8100), most: Scalar(4000), hostname: "a1.test" }, stops: [Stop { cause: Resource("cpus"), agents: 1 }] }], certainty: Impossible, remedies: [MoreOnAgent { hostname: "a1.test", amounts: [("cpus", Scalar(12100))] }] })))
                event Shutdown
                TEARDOWN
                finished, never placed: on offer is 1 agent; no place for 2 of 2 `t`: one and its executor need 8.1 cpus, the most that any agent offers is 4 (`a1.test`); it would fit with 12.1 more cpus on `a1.test`
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
                KILL t-1.r.1 Some(0ns)
                ACKNOWLEDGE t-1.r.1 3
            0s offer o3 a1 cpus:2
                report Placed { tasks: 1, agents: 1 }
                ACCEPT [o3] on a1: job.r.3 cpus:0.1 with [t-1.r.2 cpus:1]
                event TaskLaunched t-1
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
            0s accept fails t-0 unknown
            1s
                RECONCILE [(t-0.r.2, a1)]
                SUPPRESS
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
                report Stopping(NeverPlaced(NotUp { up: 1, tasks: 2, first: ("t-1", Some(Staging)) }))
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
                report waiting: on offer is 1 agent; no place for 2 of 2 `t`: one and its executor need 1.1 cpus, the most that any agent offers is 1 (`a1.test`); it would fit with 1.1 more cpus on `a1.test`
            0s stop
                report Stopping(Interrupted)
                event Shutdown
                TEARDOWN
                Finished(Interrupted)
        "#]],
    );
}

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
                KILL stranger Some(0ns)
                ACKNOWLEDGE stranger 5
        "#]],
    );
}

#[test]
fn after_a_new_subscription_all_tasks_are_asked_about_until_they_answer() {
    check(
        &["t*2 cpus:1"],
        &up("
        kill t-0 | disconnect | advance 10 | subscribe | running! t-1 RECONCILIATION
        advance 4 | killed t-0 | advance 60
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
            0s kill t-0
                KILL t-0.r.1 None
            0s disconnect
                event Disconnected
                report Disconnected { reason: "broken pipe" }
            10s subscribe
                report Subscribed { framework: fw, first: false }
                event Reregistered
                KILL t-0.r.1 None
                RECONCILE [(t-0.r.1, a1), (t-1.r.1, a1)]
                SUPPRESS
            10s running! t-1 RECONCILIATION
            11s
                RECONCILE [(t-0.r.1, a1)]
            13s
                RECONCILE [(t-0.r.1, a1)]
            14s killed t-0
                event TaskKilled t-0
                report `t-0` TASK_KILLED on agent a1
                ACKNOWLEDGE t-0.r.1 4
        "#]],
    );
}

#[test]
fn a_lost_agent_takes_the_job_along_unless_it_comes_back_in_time() {
    check(
        &["t*1 cpus:1"],
        "
        subscribe | offer o1 a1 cpus:4 | running t-0
        unreachable! t-0 AGENT_REMOVED | failure a1 | failure a7 | advance 30
        running! t-0 AGENT_REREGISTERED
        unreachable! t-0 AGENT_REMOVED | advance 60
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
            0s running t-0
                event TaskRunning t-0
                report `t-0` TASK_RUNNING on agent a1
                ACKNOWLEDGE t-0.r.1 1
                LiftBarrier([job.r.1])
                StartApp
                report AppStarted
            0s unreachable! t-0 AGENT_REMOVED
                event TaskLost t-0
                report `t-0` TASK_UNREACHABLE on agent a1 (REASON_AGENT_REMOVED)
            0s failure a1
                event AgentLost
            0s failure a7
            30s running! t-0 AGENT_REREGISTERED
                event TaskRunning t-0
                report `t-0` TASK_RUNNING on agent a1 (REASON_AGENT_REREGISTERED)
            30s unreachable! t-0 AGENT_REMOVED
                event TaskLost t-0
                report `t-0` TASK_UNREACHABLE on agent a1 (REASON_AGENT_REMOVED)
            90s
                ExecutorGone(job.r.1)
                event TaskLost t-0
                report `t-0` TASK_UNREACHABLE on agent a1 (REASON_AGENT_REMOVED): its agent stayed unreachable
                report Stopping(TaskFailed(TaskReport { task: "t-0", state: Unreachable, source: Master, reason: Some(Reason("REASON_AGENT_REMOVED")), message: Some("its agent stayed unreachable"), agent: Some(a1) }))
                event Shutdown
                EndEvents
        "#]],
    );
}

#[test]
fn a_dead_executor_is_told_before_its_tasks() {
    check(
        &["t*1 cpus:1"],
        "
        subscribe | offer o1 a1 cpus:4 | running t-0
        failure a1 job.r.1 | failed t-0 EXECUTOR_TERMINATED
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
            0s running t-0
                event TaskRunning t-0
                report `t-0` TASK_RUNNING on agent a1
                ACKNOWLEDGE t-0.r.1 1
                LiftBarrier([job.r.1])
                StartApp
                report AppStarted
            0s failure a1 job.r.1
                ExecutorGone(job.r.1)
                event ExecutorLost
            0s failed t-0 EXECUTOR_TERMINATED
                event TaskFailed t-0
                report `t-0` TASK_FAILED on agent a1 (REASON_EXECUTOR_TERMINATED)
                report Stopping(TaskFailed(TaskReport { task: "t-0", state: Failed, source: Executor, reason: Some(Reason("REASON_EXECUTOR_TERMINATED")), message: None, agent: Some(a1) }))
                event Shutdown
                ACKNOWLEDGE t-0.r.1 2
                EndEvents
        "#]],
    );
}

#[test]
fn an_executor_that_breaks_the_rules_of_its_link_is_shut_down() {
    check(
        &["t*2 cpus:1"],
        &up("abandon job.r.1 | abandon job.r.9"),
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
            0s abandon job.r.1
                ExecutorGone(job.r.1)
                SHUTDOWN job.r.1
            0s abandon job.r.9
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
                report Stopping(Unconnected(Unconnected { executor: job.r.1, agent: a1, reason: "it had not connected when the time of the gang was over" }))
                event Shutdown
                CloseInputs(["t-0"])
                KILL t-0.r.1 Some(0ns)
            300s killed t-0
                event TaskKilled t-0
                report `t-0` TASK_KILLED on agent a1
                ACKNOWLEDGE t-0.r.1 2
                TEARDOWN
                finished, unconnected: no direct path to executor `job.r.1` on agent a1: it had not connected when the time of the gang was over
        "#]],
    );
}

#[test]
fn a_master_that_is_not_there_or_refuses_is_told_from_one_that_goes_away() {
    check(
        &["t*1 cpus:1"],
        "disconnect | advance 31",
        &expect![[r#"
        0s disconnect
            report Disconnected { reason: "broken pipe" }
        30s
            Finished(Unreachable { reason: Some("broken pipe") })
    "#]],
    );
    check(
        &["t*1 cpus:1"],
        "refuse",
        &expect![[r#"
        0s refuse
            Finished(Refused { reason: "role not allowed" })
    "#]],
    );
    check(
        &["t*1 cpus:1"],
        "subscribe | disconnect | stop | advance 16",
        &expect![[r#"
            0s subscribe
                report Subscribed { framework: fw, first: true }
                event Registered
            0s disconnect
                event Disconnected
                report Disconnected { reason: "broken pipe" }
            0s stop
                report Stopping(Interrupted)
                event Shutdown
            15s
                report NotTornDown
                Finished(Interrupted)
        "#]],
    );
}

#[test]
fn a_wish_that_did_not_reach_the_master_is_said_again() {
    check(
        &["t*1 cpus:1"],
        "subscribe | offer o1 a1 cpus:4 | suppress fails | advance 2",
        &expect![[r#"
            0s subscribe
                report Subscribed { framework: fw, first: true }
                event Registered
            0s offer o1 a1 cpus:4
                report Placed { tasks: 1, agents: 1 }
                ACCEPT [o1] on a1: job.r.1 cpus:0.1 with [t-0.r.1 cpus:1]
                event TaskLaunched t-0
                SUPPRESS
            0s suppress fails
            1s
                SUPPRESS
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
        "#]],
    );
}
