//! Scripts about what goes away: subscriptions, agents, executors, masters.

use expect_test::expect;

use super::play::{check, up};

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
                report `t-0` TASK_LOST on agent a1 (REASON_AGENT_REMOVED): its agent stayed unreachable
                report Stopping(TaskFailed(TaskReport { task: "t-0", state: Lost, source: Master, reason: Some(Reason("REASON_AGENT_REMOVED")), message: Some("its agent stayed unreachable"), agent: Some(a1) }))
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
                report `t-0` TASK_FAILED on agent a1 (REASON_EXECUTOR_TERMINATED): killed by SIGKILL
                report Stopping(TaskFailed(TaskReport { task: "t-0", state: Failed, source: Executor, reason: Some(Reason("REASON_EXECUTOR_TERMINATED")), message: Some("killed by SIGKILL"), agent: Some(a1) }))
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
        &up("abandon job.r.1 | abandon job.r.9 | abandon job.r.1
            advance 20 | failed t-0 EXECUTOR_TERMINATED | failed t-1 EXECUTOR_TERMINATED
            advance 100"),
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
            0s abandon job.r.1
            10s
                SHUTDOWN job.r.1
            20s failed t-0 EXECUTOR_TERMINATED
                event TaskFailed t-0
                report `t-0` TASK_FAILED on agent a1 (REASON_EXECUTOR_TERMINATED)
                report Stopping(TaskFailed(TaskReport { task: "t-0", state: Failed, source: Executor, reason: Some(Reason("REASON_EXECUTOR_TERMINATED")), message: None, agent: Some(a1) }))
                event Shutdown
                CloseInputs(["t-1"])
                ACKNOWLEDGE t-0.r.1 3
            20s failed t-1 EXECUTOR_TERMINATED
                event TaskFailed t-1
                report `t-1` TASK_FAILED on agent a1 (REASON_EXECUTOR_TERMINATED)
                ACKNOWLEDGE t-1.r.1 4
                EndEvents
            25s
                AbortApp
                TEARDOWN
                finished, failed: `t-0` TASK_FAILED on agent a1 (REASON_EXECUTOR_TERMINATED)
        "#]],
    );
}

#[test]
fn a_task_that_was_given_up_and_runs_is_killed_until_it_has_ended() {
    check(
        &["t*1 cpus:1"],
        "subscribe | offer o1 a1 cpus:4 | accept fails t-0 unknown | gone! t-0 RECONCILIATION
        running t-0.r.1 | advance 35 | disconnect | subscribe | killed t-0.r.1 | advance 100",
        &expect![[r#"
            0s subscribe
                report Subscribed { framework: fw, first: true }
                event Registered
            0s offer o1 a1 cpus:4
                report Placed { tasks: 1, agents: 1 }
                ACCEPT [o1] on a1: job.r.1 cpus:0.1 with [t-0.r.1 cpus:1]
                event TaskLaunched t-0
                SUPPRESS
            0s accept fails t-0 unknown
            0s gone! t-0 RECONCILIATION
                ExecutorGone(job.r.1)
                report again `t-0` TASK_GONE on agent a1 (REASON_RECONCILIATION)
                REVIVE
            0s running t-0.r.1
                ACKNOWLEDGE t-0.r.1 2
                KILL t-0.r.1 Some(0ns)
            10s
                KILL t-0.r.1 Some(0ns)
            30s
                KILL t-0.r.1 Some(0ns)
            35s disconnect
                event Disconnected
                report Disconnected { reason: "broken pipe" }
            35s subscribe
                report Subscribed { framework: fw, first: false }
                event Reregistered
                KILL t-0.r.1 Some(0ns)
            35s killed t-0.r.1
                ACKNOWLEDGE t-0.r.1 3
        "#]],
    );
}

#[test]
fn a_gang_does_not_start_with_an_executor_that_is_to_be_shut_down() {
    check(
        &["t*2 cpus:1"],
        "subscribe | offer o1 a1 cpus:4 | running t-0 | abandon job.r.1 | running t-1
        advance 299 | advance 40",
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
            0s abandon job.r.1
                ExecutorGone(job.r.1)
                SHUTDOWN job.r.1
            0s running t-1
                event TaskRunning t-1
                report `t-1` TASK_RUNNING on agent a1
                ACKNOWLEDGE t-1.r.1 2
            10s
                SHUTDOWN job.r.1
            30s
                SHUTDOWN job.r.1
            70s
                SHUTDOWN job.r.1
            130s
                SHUTDOWN job.r.1
            190s
                SHUTDOWN job.r.1
            250s
                SHUTDOWN job.r.1
            300s
                report Stopping(NeverPlaced(NotUp { up: 0, tasks: 2, first: ("t-0", Abandoned) }))
                event Shutdown
                CloseInputs(["t-0", "t-1"])
                KILL t-0.r.1 Some(0ns)
                KILL t-1.r.1 Some(0ns)
            305s
                KILL t-0.r.1 Some(0ns)
                KILL t-1.r.1 Some(0ns)
            310s
                SHUTDOWN job.r.1
            315s
                KILL t-0.r.1 Some(0ns)
                KILL t-1.r.1 Some(0ns)
                TEARDOWN
                finished, never placed: 0 of 2 tasks were up; `t-0` could not be spoken to: its executor broke the rules
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
                report NotTornDown { framework: fw, reason: "there was no connection to the master" }
                Finished(Interrupted)
        "#]],
    );
}

#[test]
fn the_time_of_an_unreachable_task_begins_anew_with_each_subscription() {
    check(
        &["t*1 cpus:1"],
        "
        subscribe | offer o1 a1 cpus:4 | running t-0
        unreachable! t-0 AGENT_REMOVED | advance 50 | disconnect | advance 1000
        subscribe | unreachable! t-0 RECONCILIATION | advance 59
        running! t-0 AGENT_REREGISTERED | advance 100
        unreachable! t-0 AGENT_REMOVED | advance 40 | disconnect | advance 1 | subscribe | advance 60
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
            50s disconnect
                event Disconnected
                report Disconnected { reason: "broken pipe" }
            1050s subscribe
                report Subscribed { framework: fw, first: false }
                event Reregistered
                RECONCILE [(t-0.r.1, a1)]
                SUPPRESS
            1050s unreachable! t-0 RECONCILIATION
            1109s running! t-0 AGENT_REREGISTERED
                event TaskRunning t-0
                report `t-0` TASK_RUNNING on agent a1 (REASON_AGENT_REREGISTERED)
            1209s unreachable! t-0 AGENT_REMOVED
                event TaskLost t-0
                report `t-0` TASK_UNREACHABLE on agent a1 (REASON_AGENT_REMOVED)
            1249s disconnect
                event Disconnected
                report Disconnected { reason: "broken pipe" }
            1250s subscribe
                report Subscribed { framework: fw, first: false }
                event Reregistered
                RECONCILE [(t-0.r.1, a1)]
                SUPPRESS
            1251s
                RECONCILE [(t-0.r.1, a1)]
            1253s
                RECONCILE [(t-0.r.1, a1)]
            1257s
                RECONCILE [(t-0.r.1, a1)]
            1265s
                RECONCILE [(t-0.r.1, a1)]
            1281s
                RECONCILE [(t-0.r.1, a1)]
            1310s
                ExecutorGone(job.r.1)
                event TaskLost t-0
                report `t-0` TASK_LOST on agent a1 (REASON_AGENT_REMOVED): its agent stayed unreachable
                report Stopping(TaskFailed(TaskReport { task: "t-0", state: Lost, source: Master, reason: Some(Reason("REASON_AGENT_REMOVED")), message: Some("its agent stayed unreachable"), agent: Some(a1) }))
                event Shutdown
                EndEvents
        "#]],
    );
}

#[test]
fn all_tasks_are_asked_about_every_quarter_of_an_hour_while_there_is_a_subscription() {
    check(
        &["t*2 cpus:1"],
        &up("
        advance 1000 | running! t-0 RECONCILIATION | disconnect | advance 3000
        subscribe | running! t-0 RECONCILIATION | running! t-1 RECONCILIATION | advance 901
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
            900s
                RECONCILE []
            1000s running! t-0 RECONCILIATION
            1000s disconnect
                event Disconnected
                report Disconnected { reason: "broken pipe" }
            4000s subscribe
                report Subscribed { framework: fw, first: false }
                event Reregistered
                RECONCILE [(t-0.r.1, a1), (t-1.r.1, a1)]
                SUPPRESS
            4000s running! t-0 RECONCILIATION
            4000s running! t-1 RECONCILIATION
            4900s
                RECONCILE []
        "#]],
    );
}

#[test]
fn what_was_lost_while_nobody_heard_the_master_is_told_all_the_same() {
    check(
        &["t*2 cpus:1"],
        &up("disconnect | advance 1 | subscribe | unknown! t-0 RECONCILIATION"),
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
            0s disconnect
                event Disconnected
                report Disconnected { reason: "broken pipe" }
            1s subscribe
                report Subscribed { framework: fw, first: false }
                event Reregistered
                RECONCILE [(t-0.r.1, a1), (t-1.r.1, a1)]
                SUPPRESS
            1s unknown! t-0 RECONCILIATION
                ExecutorGone(job.r.1)
                event TaskLost t-0
                report `t-0` TASK_UNKNOWN on agent a1 (REASON_RECONCILIATION): the agent was lost while the master could not tell us
                report Stopping(TaskFailed(TaskReport { task: "t-0", state: Unknown, source: Master, reason: Some(Reason("REASON_RECONCILIATION")), message: Some("the agent was lost while the master could not tell us"), agent: Some(a1) }))
                event Shutdown
                CloseInputs(["t-1"])
        "#]],
    );
    check(
        &["t*2 cpus:1"],
        &up("disconnect | advance 1 | subscribe | gone! t-0 RECONCILIATION"),
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
            0s disconnect
                event Disconnected
                report Disconnected { reason: "broken pipe" }
            1s subscribe
                report Subscribed { framework: fw, first: false }
                event Reregistered
                RECONCILE [(t-0.r.1, a1), (t-1.r.1, a1)]
                SUPPRESS
            1s gone! t-0 RECONCILIATION
                ExecutorGone(job.r.1)
                event TaskLost t-0
                report `t-0` TASK_GONE on agent a1 (REASON_RECONCILIATION): the executor or the agent's process was lost while the master could not tell us
                report Stopping(TaskFailed(TaskReport { task: "t-0", state: Gone, source: Master, reason: Some(Reason("REASON_RECONCILIATION")), message: Some("the executor or the agent's process was lost while the master could not tell us"), agent: Some(a1) }))
                event Shutdown
                CloseInputs(["t-1"])
        "#]],
    );
}
