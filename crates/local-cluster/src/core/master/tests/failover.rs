//! A master that takes over from another one.

use expect_test::expect;

use super::check;

#[test]
fn a_new_master_knows_no_framework_and_takes_every_id() {
    check(
        r#"agent 0 cpus:4;mem:1024
           subscribe a
           failover
           ---
           a {"type":"REVIVE"}
           subscribe a again
           a {"type":"REVIVE"}"#,
        expect![[r#"
            > a {"type":"REVIVE"}
            0.0 400 Framework cannot be found
            > subscribe a again
            0.0 200 stream
            0.0 a < SUBSCRIBED M-0000
            0.0 a < HEARTBEAT
            > a {"type":"REVIVE"}
            0.0 202
        "#]],
    );
}

#[test]
fn tasks_come_back_with_their_agent_and_updates_are_asked_for_twice() {
    check(
        r#"agent 0 cpus:4;mem:1024
           subscribe a
           a launch O0 t1 cpus:1;mem:64 e
           failover
           ---
           subscribe a again
           back 0 cpus:4;mem:1024 a t1 TASK_RUNNING cpus:1;mem:64 e
           a {"type":"RECONCILE","reconcile":{"tasks":[]}}
           update 0 a t1 TASK_FINISHED"#,
        expect![[r#"
            > subscribe a again
            0.0 200 stream
            0.0 a < SUBSCRIBED M-0000
            0.0 a < HEARTBEAT
            > back 0 cpus:4;mem:1024 a t1 TASK_RUNNING cpus:1;mem:64 e
            0.0 agent 0 < Registered M-S0
            0.0 agent 0 < UpdateFramework a
            0.0 a < OFFERS N-O0 of M-S0: cpus(allocated: rec):2.9; mem(allocated: rec):928 with e
            > a {"type":"RECONCILE","reconcile":{"tasks":[]}}
            0.0 a < t1 TASK_RUNNING SOURCE_MASTER REASON_RECONCILIATION "Reconciliation: Latest task state" [executor id]
            0.0 202
            > update 0 a t1 TASK_FINISHED
            0.0 a < t1 TASK_FINISHED [uuid]
        "#]],
    );
}

#[test]
fn updates_are_not_asked_for_on_behalf_of_a_framework_that_has_not_subscribed_again() {
    check(
        r#"agent 0 cpus:4;mem:1024
           subscribe a
           a launch O0 t1 cpus:1;mem:64 e
           failover
           ---
           back 0 cpus:4;mem:1024 a t1 TASK_RUNNING cpus:1;mem:64 e
           subscribe a again"#,
        expect![[r#"
            > back 0 cpus:4;mem:1024 a t1 TASK_RUNNING cpus:1;mem:64 e
            0.0 agent 0 < Registered M-S0
            > subscribe a again
            0.0 200 stream
            0.0 agent 0 < UpdateFramework a
            0.0 a < SUBSCRIBED M-0000
            0.0 a < HEARTBEAT
            0.0 a < OFFERS N-O0 of M-S0: cpus(allocated: rec):2.9; mem(allocated: rec):928 with e
        "#]],
    );
}

#[test]
fn a_framework_that_only_its_agents_know_is_recovered_and_waits_without_end() {
    check(
        r#"agent 0 cpus:4;mem:1024
           subscribe a
           a launch O0 t1 cpus:1;mem:64 e
           failover
           ---
           back 0 cpus:4;mem:1024 a t1 TASK_RUNNING cpus:1;mem:64 e
           a {"type":"REVIVE"}
           advance 100000
           ---
           subscribe a again
           a {"type":"RECONCILE","reconcile":{"tasks":[]}}"#,
        expect![[r#"
            > subscribe a again
            100000.0 200 stream
            100000.0 agent 0 < UpdateFramework a
            100000.0 a < SUBSCRIBED M-0000
            100000.0 a < HEARTBEAT
            100000.0 a < OFFERS N-O0 of M-S0: cpus(allocated: rec):2.9; mem(allocated: rec):928 with e
            > a {"type":"RECONCILE","reconcile":{"tasks":[]}}
            100000.0 a < t1 TASK_RUNNING SOURCE_MASTER REASON_RECONCILIATION "Reconciliation: Latest task state" [executor id]
            100000.0 202
        "#]],
    );
}

#[test]
fn nothing_is_said_of_tasks_whose_agents_have_not_come_back() {
    check(
        r#"agent 0 cpus:4;mem:1024
           subscribe a
           a launch O0 t1 cpus:1;mem:64 e
           failover
           subscribe a again
           ---
           a {"type":"RECONCILE","reconcile":{"tasks":[{"task_id":{"value":"t1"},"agent_id":{"value":"M-S0"}},{"task_id":{"value":"t1"}},{"task_id":{"value":"t2"},"agent_id":{"value":"nope"}}]}}
           a {"type":"RECONCILE","reconcile":{"tasks":[]}}
           a {"type":"KILL","kill":{"task_id":{"value":"t1"},"agent_id":{"value":"M-S0"}}}"#,
        expect![[r#"
            > a {"type":"RECONCILE","reconcile":{"tasks":[{"task_id":{"val…
            0.0 a < t2 TASK_UNKNOWN SOURCE_MASTER REASON_RECONCILIATION "Reconciliation: Task is unknown"
            0.0 202
            > a {"type":"RECONCILE","reconcile":{"tasks":[]}}
            0.0 202
            > a {"type":"KILL","kill":{"task_id":{"value":"t1"},"agent_id"…
            0.0 202
        "#]],
    );
}

#[test]
fn agents_that_do_not_come_back_within_ten_minutes_are_unreachable() {
    check(
        r#"agent 0 cpus:4;mem:1024
           subscribe a
           a launch O0 t1 cpus:1;mem:64 e
           failover
           subscribe a again
           advance 599
           ---
           a {"type":"RECONCILE","reconcile":{"tasks":[{"task_id":{"value":"t1"},"agent_id":{"value":"M-S0"}}]}}
           advance 1
           a {"type":"RECONCILE","reconcile":{"tasks":[{"task_id":{"value":"t1"},"agent_id":{"value":"M-S0"}},{"task_id":{"value":"t1"}}]}}"#,
        expect![[r#"
            > a {"type":"RECONCILE","reconcile":{"tasks":[{"task_id":{"val…
            599.0 202
            > advance 1
            600.0 a < HEARTBEAT
            > a {"type":"RECONCILE","reconcile":{"tasks":[{"task_id":{"val…
            600.0 a < t1 TASK_UNREACHABLE SOURCE_MASTER REASON_RECONCILIATION "Reconciliation: Task is unreachable" [unreachable time]
            600.0 a < t1 TASK_UNKNOWN SOURCE_MASTER REASON_RECONCILIATION "Reconciliation: Task is unknown" [no agent]
            600.0 202
        "#]],
    );
}

#[test]
fn what_was_torn_down_before_its_agent_came_back_is_shut_down_there() {
    check(
        r#"agent 0 cpus:4;mem:1024
           subscribe a
           a launch O0 t1 cpus:1;mem:64 e
           failover
           subscribe a again
           a {"type":"TEARDOWN"}
           ---
           back 0 cpus:4;mem:1024 a t1 TASK_RUNNING cpus:1;mem:64 e"#,
        expect![[r#"
            > back 0 cpus:4;mem:1024 a t1 TASK_RUNNING cpus:1;mem:64 e
            0.0 agent 0 < Registered M-S0
            0.0 agent 0 < ShutdownFramework M-0000
        "#]],
    );
}

#[test]
fn agents_that_were_unreachable_are_so_for_the_next_master() {
    check(
        r#"agent 0 cpus:4;mem:1024
           subscribe a
           lost 0
           advance 75
           failover
           subscribe a again
           ---
           a {"type":"RECONCILE","reconcile":{"tasks":[{"task_id":{"value":"t1"},"agent_id":{"value":"M-S0"}}]}}
           back 0 cpus:4;mem:1024"#,
        expect![[r#"
            > a {"type":"RECONCILE","reconcile":{"tasks":[{"task_id":{"val…
            75.0 a < t1 TASK_UNREACHABLE SOURCE_MASTER REASON_RECONCILIATION "Reconciliation: Task is unreachable" [unreachable time]
            75.0 202
            > back 0 cpus:4;mem:1024
            75.0 agent 0 < Registered M-S0
            75.0 a < OFFERS N-O0 of M-S0: cpus(allocated: rec):4; mem(allocated: rec):1024
        "#]],
    );
}

#[test]
fn a_task_that_two_agents_have_is_the_one_of_the_last() {
    check(
        r#"back 0 cpus:4;mem:1024 a t1 TASK_RUNNING cpus:1;mem:64 ex1
           back 1 cpus:4;mem:1024 a t1 TASK_RUNNING cpus:1;mem:64 ex1
           ---
           exited 0 a ex1 0
           subscribe b"#,
        expect![[r#"
            > exited 0 a ex1 0
            > subscribe b
            0.0 200 stream
            0.0 b < SUBSCRIBED M-0000
            0.0 b < HEARTBEAT
            0.0 b < OFFERS M-O0 of M-S0: cpus(allocated: rec):4; mem(allocated: rec):1024 | M-O1 of M-S1: cpus(allocated: rec):2.9; mem(allocated: rec):928
        "#]],
    );
}
