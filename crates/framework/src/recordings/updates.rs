//! Launches, updates, kills and questions.

use std::time::Duration;

use expect_test::expect;

use super::{check, gang};

#[test]
fn a_gang_is_launched_told_apart_from_its_executor_and_torn_down() {
    check(
        include_str!("launch-and-kill.jsonl"),
        gang(2, "cpus:1;mem:64"),
        Duration::ZERO,
        &expect![[r#"
            0.0s SUBSCRIBED
                event Registered
            0.0s OFFERS O0
                ACCEPT O0 job.r.1: t-0.r.1 t-1.r.1
                event TaskLaunched t-0
                event TaskLaunched t-1
                SUPPRESS
            0.1s OFFERS O1
                DECLINE O1 for 60s
            0.1s UPDATE t-0.r.1 TASK_RUNNING Executor
                event TaskRunning t-0
                ACKNOWLEDGE t-0.r.1 S0 e301
            0.1s UPDATE t-1.r.1 TASK_STARTING Executor
                ACKNOWLEDGE t-1.r.1 S0 1046
            0.1s UPDATE t-1.r.1 TASK_RUNNING Executor
                event TaskRunning t-1
                ACKNOWLEDGE t-1.r.1 S0 e15d
                LiftBarrier([job.r.1])
                StartApp
            0.1s the app kills t-1
                KILL t-1.r.1 None
            0.1s UPDATE t-1.r.1 TASK_KILLING Executor
                CloseInputs(["t-1"])
                ACKNOWLEDGE t-1.r.1 S0 694c
            0.1s UPDATE t-1.r.1 TASK_KILLED Executor
                event TaskKilled t-1
                ACKNOWLEDGE t-1.r.1 S0 dd0d
            0.1s UPDATE t-0.r.1 TASK_FINISHED Executor
                event TaskFinished t-0
                ACKNOWLEDGE t-0.r.1 S0 73f6
            0.1s FAILURE of executor job.r.1
                ExecutorGone(job.r.1)
                event ExecutorLost
            1.1s OFFERS O2
                DECLINE O2 for 60s
            1.3s the app returns
                event Shutdown
                TEARDOWN
                Finished(Succeeded)
        "#]],
    );
}

#[test]
fn an_update_that_comes_again_is_acknowledged_again_and_applied_once() {
    check(
        include_str!("update-retry.jsonl"),
        gang(2, "cpus:1;mem:64"),
        Duration::ZERO,
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
                ACKNOWLEDGE t-0.r.1 S0 d8c0
            0.1s UPDATE t-1.r.1 TASK_RUNNING Executor
                event TaskRunning t-1
                ACKNOWLEDGE t-1.r.1 S0 77e6
                LiftBarrier([job.r.1])
                StartApp
            0.6s UPDATE t-1.r.1 TASK_RUNNING Master REASON_RECONCILIATION
            0.6s UPDATE t-0.r.1 TASK_RUNNING Master REASON_RECONCILIATION
            10.1s UPDATE t-0.r.1 TASK_RUNNING Executor
                ACKNOWLEDGE t-0.r.1 S0 d8c0
            10.1s UPDATE t-0.r.1 TASK_RUNNING Master REASON_RECONCILIATION
            11.1s OFFERS O1
                DECLINE O1 for 60s
            30.1s UPDATE t-0.r.1 TASK_RUNNING Executor
                ACKNOWLEDGE t-0.r.1 S0 d8c0
            30.1s UPDATE t-0.r.1 TASK_FINISHED Executor
                event TaskFinished t-0
                ACKNOWLEDGE t-0.r.1 S0 d3e3
            30.7s UPDATE t-1.r.1 TASK_RUNNING Executor
                ACKNOWLEDGE t-1.r.1 S0 65e4
            31.2s UPDATE t-1.r.1 TASK_FINISHED Executor
                event TaskFinished t-1
                ACKNOWLEDGE t-1.r.1 S0 2c1e
            32.2s UPDATE t-1.r.1 TASK_RUNNING Executor
                ACKNOWLEDGE t-1.r.1 S0 eb60
                KILL t-1.r.1 Some(0ns)
            32.9s UPDATE never TASK_RUNNING Executor
                ACKNOWLEDGE never S0 c287
                KILL never Some(0ns)
        "#]],
    );
}

#[test]
fn an_offer_that_times_out_is_not_answered() {
    check(
        include_str!("offer-timeout.jsonl"),
        gang(2, "cpus:3;mem:64"),
        Duration::ZERO,
        &expect![[r#"
            0.0s SUBSCRIBED
                event Registered
            0.0s OFFERS O0
            2.0s RESCIND O0
                event OfferRescinded
            2.1s OFFERS O1
            2.1s UPDATE t1 TASK_DROPPED Master REASON_INVALID_OFFERS
            4.1s RESCIND O1
                event OfferRescinded
        "#]],
    );
}

#[test]
fn launches_with_offers_that_are_gone_are_made_again_and_a_doubled_id_is_no_end() {
    check(
        include_str!("stale-offers.jsonl"),
        gang(3, "cpus:1;mem:64"),
        Duration::ZERO,
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
                ACKNOWLEDGE t-0.r.1 S0 7de8
            0.1s UPDATE t-1.r.1 TASK_DROPPED Master REASON_INVALID_OFFERS
                placed again: t-1 TASK_DROPPED
                REVIVE
            0.1s UPDATE t-2.r.1 TASK_DROPPED Master REASON_INVALID_OFFERS
                placed again: t-2 TASK_DROPPED
            0.4s UPDATE stalegroup TASK_DROPPED Master REASON_INVALID_OFFERS
            0.6s UPDATE mixed TASK_DROPPED Master REASON_INVALID_OFFERS
            0.7s OFFERS O2
                ACCEPT O2 job.r.2: t-1.r.2 t-2.r.2
                event TaskLaunched t-1
                event TaskLaunched t-2
                SUPPRESS
            0.9s UPDATE t-1.r.2 TASK_DROPPED Master REASON_INVALID_OFFERS
                placed again: t-1 TASK_DROPPED
                REVIVE
            1.0s OFFERS O3
                ACCEPT O3 job.r.3: t-1.r.3
                event TaskLaunched t-1
                SUPPRESS
            1.1s UPDATE t-2.r.2 TASK_DROPPED Master REASON_INVALID_OFFERS
                placed again: t-2 TASK_DROPPED
                REVIVE
            1.4s UPDATE t-0.r.1 TASK_ERROR Master REASON_TASK_INVALID
            1.5s OFFERS O4
                ACCEPT O4 job.r.4: t-2.r.3
                event TaskLaunched t-2
                SUPPRESS
        "#]],
    );
}

#[test]
fn answers_to_questions_are_not_acknowledged() {
    check(
        include_str!("reconcile.jsonl"),
        gang(4, "cpus:0.5;mem:64"),
        Duration::ZERO,
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
            0.0s UPDATE t-1.r.1 TASK_STAGING Master REASON_RECONCILIATION
            0.1s UPDATE t-1.r.1 TASK_RUNNING Executor
                event TaskRunning t-1
                ACKNOWLEDGE t-1.r.1 S0 f093
            0.1s UPDATE t-2.r.1 TASK_FINISHED Executor
                event TaskFinished t-2
                ACKNOWLEDGE t-2.r.1 S0 a086
            0.1s UPDATE t-3.r.1 TASK_FINISHED Executor
                event TaskFinished t-3
                ACKNOWLEDGE t-3.r.1 S0 29b9
            0.3s UPDATE t-2.r.1 TASK_FINISHED Master REASON_RECONCILIATION
            0.3s UPDATE t-1.r.1 TASK_RUNNING Master REASON_RECONCILIATION
            0.3s UPDATE t-0.r.1 TASK_STAGING Master REASON_RECONCILIATION
            0.3s UPDATE t-0.r.1 TASK_STAGING Master REASON_RECONCILIATION
            0.3s UPDATE t-1.r.1 TASK_RUNNING Master REASON_RECONCILIATION
            0.3s UPDATE t-2.r.1 TASK_FINISHED Master REASON_RECONCILIATION
            0.3s UPDATE t-1.r.1 TASK_RUNNING Master REASON_RECONCILIATION
            0.3s UPDATE t-3.r.1 TASK_UNKNOWN Master REASON_RECONCILIATION
            0.3s UPDATE t-3.r.1 TASK_GONE Master REASON_RECONCILIATION
            0.3s UPDATE nope TASK_UNKNOWN Master REASON_RECONCILIATION
            0.3s UPDATE nope TASK_GONE Master REASON_RECONCILIATION
            0.3s UPDATE nope TASK_UNKNOWN Master REASON_RECONCILIATION
            0.3s UPDATE t-1.r.1 TASK_RUNNING Master REASON_RECONCILIATION
            0.3s UPDATE t-1.r.1 TASK_RUNNING Master REASON_RECONCILIATION
            0.3s UPDATE t-1.r.1 TASK_RUNNING Master REASON_RECONCILIATION
        "#]],
    );
}
