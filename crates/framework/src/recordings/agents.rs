//! Agents that restart, fall silent, or go.

use std::time::Duration;

use expect_test::expect;

use super::{check, gang};

#[test]
fn an_agent_that_restarts_keeps_its_tasks_and_is_told_to_kill_until_it_has() {
    check(
        include_str!("agent-restart.jsonl"),
        gang(4, "cpus:0.5;mem:64"),
        Duration::from_secs(10),
        &expect![[r#"
            0.0s SUBSCRIBED
                event Registered
            0.0s OFFERS O0
                ACCEPT O0 job.r.1: t-0.r.1 t-1.r.1 t-2.r.1 t-3.r.1
                event TaskLaunched t-0
                event TaskLaunched t-1
                event TaskLaunched t-2
                event TaskLaunched t-3
                SUPPRESS
            0.1s OFFERS O1
                DECLINE O1 for 60s
            0.1s UPDATE t-0.r.1 TASK_RUNNING Executor
                event TaskRunning t-0
                ACKNOWLEDGE t-0.r.1 S0 45d5
            0.1s UPDATE t-1.r.1 TASK_RUNNING Executor
                event TaskRunning t-1
                ACKNOWLEDGE t-1.r.1 S0 787e
            0.1s UPDATE t-3.r.1 TASK_RUNNING Executor
                event TaskRunning t-3
                ACKNOWLEDGE t-3.r.1 S0 e2c5
            0.1s UPDATE t-3.r.1 TASK_FINISHED Executor
                event TaskFinished t-3
                ACKNOWLEDGE t-3.r.1 S0 1119
            0.3s RESCIND O1
            0.6s the app kills t-0
                KILL t-0.r.1 None
            5.6s
                KILL t-0.r.1 None
            8.0s UPDATE t-0.r.1 TASK_RUNNING Executor
                ACKNOWLEDGE t-0.r.1 S0 a2ba
            8.0s UPDATE t-1.r.1 TASK_RUNNING Executor
                ACKNOWLEDGE t-1.r.1 S0 787e
            8.0s UPDATE t-3.r.1 TASK_FINISHED Executor
                ACKNOWLEDGE t-3.r.1 S0 1119
            8.0s UPDATE t-0.r.1 TASK_RUNNING Executor
                ACKNOWLEDGE t-0.r.1 S0 a2ba
            8.0s UPDATE t-1.r.1 TASK_RUNNING Executor
                ACKNOWLEDGE t-1.r.1 S0 787e
            8.0s UPDATE t-3.r.1 TASK_FINISHED Executor
                ACKNOWLEDGE t-3.r.1 S0 1119
            8.0s UPDATE t-0.r.1 TASK_RUNNING Executor
                ACKNOWLEDGE t-0.r.1 S0 6df8
            15.6s
                KILL t-0.r.1 None
        "#]],
    );
}

#[test]
fn an_agent_that_restarts_without_checkpoints_has_lost_its_tasks() {
    check(
        include_str!("agent-restart-without-checkpoint.jsonl"),
        gang(2, "cpus:1;mem:64"),
        Duration::from_secs(0),
        &expect![[r#"
            0.0s SUBSCRIBED
                event Registered
            0.0s OFFERS O0
                ACCEPT O0 job.r.1: t-0.r.1 t-1.r.1
                event TaskLaunched t-0
                event TaskLaunched t-1
                SUPPRESS
            0.0s OFFERS O1
                DECLINE O1 for 60s
            0.1s UPDATE t-0.r.1 TASK_RUNNING Executor
                event TaskRunning t-0
                ACKNOWLEDGE t-0.r.1 S0 1e49
            0.1s RESCIND O1
            0.1s UPDATE t-1.r.1 TASK_LOST Master REASON_AGENT_DISCONNECTED
                ExecutorGone(job.r.1)
                placed again: t-1 TASK_LOST
                REVIVE
            0.1s UPDATE t-0.r.1 TASK_LOST Master REASON_AGENT_DISCONNECTED
                ExecutorGone(job.r.1)
                event TaskLost t-0
                event Shutdown
                TEARDOWN
                Finished(TaskFailed(TaskReport { task: "t-0", state: Lost, source: Master, reason: Some(Reason("REASON_AGENT_DISCONNECTED")), message: Some("Agent localhost disconnected"), agent: Some(791f0eac-a013-40d5-98cb-aeb2cfa7ee9b-S0) }))
        "#]],
    );
}

#[test]
fn a_task_on_a_silent_agent_is_waited_for() {
    check(
        include_str!("agent-unreachable-and-back.jsonl"),
        gang(1, "cpus:1;mem:64"),
        Duration::from_secs(0),
        &expect![[r#"
            0.0s SUBSCRIBED
                event Registered
            0.0s OFFERS O0
                ACCEPT O0 job.r.1: t-0.r.1
                event TaskLaunched t-0
                SUPPRESS
            0.1s UPDATE t-0.r.1 TASK_RUNNING Executor
                event TaskRunning t-0
                ACKNOWLEDGE t-0.r.1 S0 c685
                LiftBarrier([job.r.1])
                StartApp
            5.0s UPDATE t-0.r.1 TASK_UNREACHABLE Master REASON_AGENT_REMOVED
                event TaskLost t-0
            5.0s FAILURE of agent S0
                event AgentLost
            5.4s UPDATE t-0.r.1 TASK_UNREACHABLE Master REASON_RECONCILIATION
            5.4s UPDATE other TASK_UNREACHABLE Master REASON_RECONCILIATION
                KILL other Some(0ns)
            5.6s UPDATE t-0.r.1 TASK_UNREACHABLE Master REASON_RECONCILIATION
            7.1s UPDATE t-0.r.1 TASK_RUNNING Master REASON_AGENT_REREGISTERED
                event TaskRunning t-0
        "#]],
    );
}

#[test]
fn a_task_on_an_agent_that_stays_silent_is_lost_after_a_while() {
    check(
        include_str!("agent-killed.jsonl"),
        gang(1, "cpus:1;mem:64"),
        Duration::from_secs(60),
        &expect![[r#"
            0.0s SUBSCRIBED
                event Registered
            0.0s OFFERS O0
                ACCEPT O0 job.r.1: t-0.r.1
                event TaskLaunched t-0
                SUPPRESS
            0.1s UPDATE t-0.r.1 TASK_RUNNING Executor
                event TaskRunning t-0
                ACKNOWLEDGE t-0.r.1 S0 5c40
                LiftBarrier([job.r.1])
                StartApp
            1.1s UPDATE t-0.r.1 TASK_RUNNING Executor
                ACKNOWLEDGE t-0.r.1 S0 7c01
            5.0s UPDATE t-0.r.1 TASK_UNREACHABLE Master REASON_AGENT_REMOVED
                event TaskLost t-0
            5.0s FAILURE of agent S0
                event AgentLost
            5.5s UPDATE t-0.r.1 TASK_UNREACHABLE Master REASON_RECONCILIATION
            65.0s
                ExecutorGone(job.r.1)
                event TaskLost t-0
                event Shutdown
                EndEvents
        "#]],
    );
}

#[test]
fn a_task_on_an_agent_that_leaves_is_lost_at_once() {
    check(
        include_str!("agent-leaves.jsonl"),
        gang(1, "cpus:1;mem:64"),
        Duration::from_secs(0),
        &expect![[r#"
            0.0s SUBSCRIBED
                event Registered
            0.0s OFFERS O0
                ACCEPT O0 job.r.1: t-0.r.1
                event TaskLaunched t-0
                SUPPRESS
            0.1s UPDATE t-0.r.1 TASK_RUNNING Executor
                event TaskRunning t-0
                ACKNOWLEDGE t-0.r.1 S0 d6a2
                LiftBarrier([job.r.1])
                StartApp
            1.1s UPDATE t-0.r.1 TASK_LOST Master REASON_AGENT_REMOVED
                ExecutorGone(job.r.1)
                event TaskLost t-0
                event Shutdown
                EndEvents
            1.1s FAILURE of agent S0
        "#]],
    );
}

#[test]
fn a_task_on_an_agent_that_is_declared_gone_is_lost_at_once() {
    check(
        include_str!("agent-marked-gone.jsonl"),
        gang(1, "cpus:1;mem:64"),
        Duration::from_secs(0),
        &expect![[r#"
            0.0s SUBSCRIBED
                event Registered
            0.0s OFFERS O0
                ACCEPT O0 job.r.1: t-0.r.1
                event TaskLaunched t-0
                SUPPRESS
            0.1s UPDATE t-0.r.1 TASK_RUNNING Executor
                event TaskRunning t-0
                ACKNOWLEDGE t-0.r.1 S0 2cff
                LiftBarrier([job.r.1])
                StartApp
            1.0s UPDATE t-0.r.1 TASK_GONE_BY_OPERATOR Master REASON_AGENT_REMOVED_BY_OPERATOR
                ExecutorGone(job.r.1)
                event TaskLost t-0
                event Shutdown
                EndEvents
            1.1s FAILURE of agent S0
        "#]],
    );
}
