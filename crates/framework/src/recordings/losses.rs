//! Lost streams, masters and executors.

use std::time::Duration;

use expect_test::expect;

use super::{check, gang};

#[test]
fn a_stream_that_breaks_is_no_harm() {
    check(
        include_str!("resubscribe.jsonl"),
        gang(2, "cpus:1;mem:64"),
        Duration::from_secs(2),
        &expect![[r#"
            0.0s SUBSCRIBED
                event Registered
            0.0s OFFERS O0
                ACCEPT O0 job.r.1: t-0.r.1 t-1.r.1
                event TaskLaunched t-0
                event TaskLaunched t-1
                SUPPRESS
            0.1s UPDATE t-0.r.1 TASK_RUNNING Executor
                event TaskRunning t-0
                ACKNOWLEDGE t-0.r.1 S0 a89c
            0.1s UPDATE t-1.r.1 TASK_RUNNING Executor
                event TaskRunning t-1
                ACKNOWLEDGE t-1.r.1 S0 484c
                LiftBarrier([job.r.1])
                StartApp
            0.3s the stream ends
                event Disconnected
            1.0s SUBSCRIBED
                event Reregistered
                RECONCILE t-0.r.1@S0 t-1.r.1@S0
                SUPPRESS
            1.0s OFFERS O1
                DECLINE O1 for 60s
            1.0s UPDATE t-0.r.1 TASK_FINISHED Executor
                event TaskFinished t-0
                ACKNOWLEDGE t-0.r.1 S0 1032
            1.5s the stream ends
                event Disconnected
            1.8s SUBSCRIBED
                event Reregistered
                RECONCILE t-1.r.1@S0
                SUPPRESS
            1.8s OFFERS O2
                DECLINE O2 for 60s
            1.8s the stream ends
                event Disconnected
        "#]],
    );
}

#[test]
fn a_master_that_was_restarted_is_asked_until_it_knows_the_tasks_again() {
    check(
        include_str!("master-restart.jsonl"),
        gang(3, "cpus:1;mem:64"),
        Duration::from_secs(0),
        &expect![[r#"
            0.0s SUBSCRIBED
                event Registered
            0.0s OFFERS O0
                ACCEPT O0 job.r.1: t-0.r.1 t-1.r.1 t-2.r.1
                event TaskLaunched t-0
                event TaskLaunched t-1
                event TaskLaunched t-2
                SUPPRESS
            0.1s UPDATE t-0.r.1 TASK_RUNNING Executor
                event TaskRunning t-0
                ACKNOWLEDGE t-0.r.1 S0 bc04
            0.1s UPDATE t-1.r.1 TASK_RUNNING Executor
                event TaskRunning t-1
                ACKNOWLEDGE t-1.r.1 S0 f476
            0.7s the stream ends
                event Disconnected
            1.5s SUBSCRIBED
                event Reregistered
                RECONCILE t-0.r.1@S0 t-1.r.1@S0 t-2.r.1@S0
                SUPPRESS
            1.5s UPDATE nope TASK_UNKNOWN Master REASON_RECONCILIATION
            2.5s
                RECONCILE t-0.r.1@S0 t-1.r.1@S0 t-2.r.1@S0
            4.5s
                RECONCILE t-0.r.1@S0 t-1.r.1@S0 t-2.r.1@S0
            5.8s OFFERS O0
                DECLINE O0 for 60s
            5.8s UPDATE t-1.r.1 TASK_RUNNING Executor
                ACKNOWLEDGE t-1.r.1 S0 f476
            5.8s UPDATE t-0.r.1 TASK_RUNNING Executor
                ACKNOWLEDGE t-0.r.1 S0 7878
            5.8s UPDATE t-1.r.1 TASK_RUNNING Executor
                ACKNOWLEDGE t-1.r.1 S0 f476
            5.8s UPDATE t-0.r.1 TASK_RUNNING Executor
                ACKNOWLEDGE t-0.r.1 S0 7878
            7.3s UPDATE t-0.r.1 TASK_RUNNING Master REASON_RECONCILIATION
            7.3s UPDATE t-0.r.1 TASK_RUNNING Master REASON_RECONCILIATION
            7.3s UPDATE nope TASK_GONE Master REASON_RECONCILIATION
            7.3s UPDATE nope TASK_UNKNOWN Master REASON_RECONCILIATION
            7.3s UPDATE t-0.r.1 TASK_RUNNING Master REASON_RECONCILIATION
            7.3s UPDATE t-1.r.1 TASK_RUNNING Master REASON_RECONCILIATION
            7.3s UPDATE t-2.r.1 TASK_STAGING Master REASON_RECONCILIATION
        "#]],
    );
}

#[test]
fn an_executor_that_was_killed_ends_the_job() {
    check(
        include_str!("executor-killed.jsonl"),
        gang(3, "cpus:1;mem:64"),
        Duration::from_secs(0),
        &expect![[r#"
            0.0s SUBSCRIBED
                event Registered
            0.0s OFFERS O0
                ACCEPT O0 job.r.1: t-0.r.1 t-1.r.1 t-2.r.1
                event TaskLaunched t-0
                event TaskLaunched t-1
                event TaskLaunched t-2
                SUPPRESS
            0.0s OFFERS O1
                DECLINE O1 for 60s
            0.1s UPDATE t-0.r.1 TASK_RUNNING Executor
                event TaskRunning t-0
                ACKNOWLEDGE t-0.r.1 S0 cd32
            0.1s UPDATE t-2.r.1 TASK_FINISHED Executor
                event TaskFinished t-2
                ACKNOWLEDGE t-2.r.1 S0 0222
            0.2s FAILURE of executor job.r.1
                ExecutorGone(job.r.1)
                event ExecutorLost
            0.2s UPDATE t-0.r.1 TASK_FAILED Agent REASON_EXECUTOR_TERMINATED
                ExecutorGone(job.r.1)
                event TaskFailed t-0
                event Shutdown
                CloseInputs(["t-1"])
                ACKNOWLEDGE t-0.r.1 S0 8ad6
                KILL t-1.r.1 Some(0ns)
            0.2s UPDATE t-1.r.1 TASK_FAILED Agent REASON_EXECUTOR_TERMINATED
                ExecutorGone(job.r.1)
                event TaskFailed t-1
                ACKNOWLEDGE t-1.r.1 S0 0155
                TEARDOWN
                Finished(TaskFailed(TaskReport { task: "t-0", state: Failed, source: Agent, reason: Some(Reason("REASON_EXECUTOR_TERMINATED")), message: Some("Executor terminated: killed by SIGKILL"), agent: Some(fb2d7894-6f7a-4aa6-af1f-0369c90e3c60-S0) }))
        "#]],
    );
}

#[test]
fn an_executor_that_never_subscribes_ends_the_job() {
    check(
        include_str!("executor-never-subscribes.jsonl"),
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
            3.0s FAILURE of executor job.r.1
                ExecutorGone(job.r.1)
                event ExecutorLost
            3.0s UPDATE t-0.r.1 TASK_FAILED Agent REASON_EXECUTOR_REGISTRATION_TIMEOUT
                event TaskFailed t-0
                event Shutdown
                CloseInputs(["t-1"])
                ACKNOWLEDGE t-0.r.1 S0 bd43
                KILL t-1.r.1 Some(0ns)
            3.0s UPDATE t-1.r.1 TASK_FAILED Agent REASON_EXECUTOR_REGISTRATION_TIMEOUT
                event TaskFailed t-1
                ACKNOWLEDGE t-1.r.1 S0 db9c
                TEARDOWN
                Finished(TaskFailed(TaskReport { task: "t-0", state: Failed, source: Agent, reason: Some(Reason("REASON_EXECUTOR_REGISTRATION_TIMEOUT")), message: Some("Executor did not register within 3secs"), agent: Some(7cf30fc3-485a-42a5-ad67-f995b877d293-S0) }))
        "#]],
    );
}

#[test]
fn an_executor_that_died_with_its_agent_ends_the_job() {
    check(
        include_str!("executor-late.jsonl"),
        gang(3, "cpus:1;mem:64"),
        Duration::from_secs(0),
        &expect![[r#"
            0.0s SUBSCRIBED
                event Registered
            0.0s OFFERS O0
                ACCEPT O0 job.r.1: t-0.r.1 t-1.r.1 t-2.r.1
                event TaskLaunched t-0
                event TaskLaunched t-1
                event TaskLaunched t-2
                SUPPRESS
            0.1s OFFERS O1
                DECLINE O1 for 60s
            0.1s UPDATE t-0.r.1 TASK_RUNNING Executor
                event TaskRunning t-0
                ACKNOWLEDGE t-0.r.1 S0 9c7c
            0.1s UPDATE t-1.r.1 TASK_RUNNING Executor
                event TaskRunning t-1
                ACKNOWLEDGE t-1.r.1 S0 31fe
            0.2s UPDATE t-2.r.1 TASK_RUNNING Executor
                event TaskRunning t-2
                ACKNOWLEDGE t-2.r.1 S0 d5c4
                LiftBarrier([job.r.1])
                StartApp
            0.2s RESCIND O1
            5.1s UPDATE t-1.r.1 TASK_FAILED Agent REASON_EXECUTOR_TERMINATED
                ExecutorGone(job.r.1)
                event TaskFailed t-1
                event Shutdown
                CloseInputs(["t-0", "t-2"])
                ACKNOWLEDGE t-1.r.1 S0 c4e2
            5.1s UPDATE t-1.r.1 TASK_FAILED Agent REASON_EXECUTOR_TERMINATED
                ACKNOWLEDGE t-1.r.1 S0 c4e2
        "#]],
    );
}
