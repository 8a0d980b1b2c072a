//! Tasks that run: reconciliation, kills, messages, the loss of agents.

use expect_test::expect;

use super::check;

#[test]
fn reconciliation_knows_what_was_forwarded() {
    check(
        r#"agent 0 cpus:4;mem:1024
           subscribe a
           a launch O0 t1 cpus:1;mem:64 ex1
           a {"type": "RECONCILE", "reconcile": {}}
           update 0 a t1 TASK_RUNNING TASK_FINISHED
           a {"type": "RECONCILE", "reconcile": {"tasks": [{"task_id": {"value": "t1"}}, {"task_id": {"value": "t1"}, "agent_id": {"value": "nope"}}]}}
           a {"type": "RECONCILE", "reconcile": {"tasks": [{"task_id": {"value": "x"}}, {"task_id": {"value": "x"}, "agent_id": {"value": "M-S0"}}, {"task_id": {"value": "x"}, "agent_id": {"value": "nope"}}]}}
           a {"type": "RECONCILE_OPERATIONS", "reconcile_operations": {"operations": [{"operation_id": {"value": "op"}}]}}"#,
        expect![[r#"
            > agent 0 cpus:4;mem:1024
            0.0 agent 0 < Registered M-S0
            > subscribe a
            0.0 200 stream
            0.0 a < SUBSCRIBED M-0000
            0.0 a < HEARTBEAT
            0.0 a < OFFERS M-O0 of M-S0: cpus(allocated: rec):4; mem(allocated: rec):1024
            > a launch O0 t1 cpus:1;mem:64 ex1
            0.0 agent 0 < RunTasks t1 on new ex1
            0.0 202
            > a {"type": "RECONCILE", "reconcile": {}}
            0.0 a < t1 TASK_STAGING SOURCE_MASTER REASON_RECONCILIATION "Reconciliation: Latest task state" [executor id]
            0.0 202
            > update 0 a t1 TASK_RUNNING TASK_FINISHED
            0.0 a < t1 TASK_RUNNING [uuid]
            > a {"type": "RECONCILE", "reconcile": {"tasks": [{"task_id": …
            0.0 a < t1 TASK_RUNNING SOURCE_MASTER REASON_RECONCILIATION "Reconciliation: Latest task state" [executor id]
            0.0 a < t1 TASK_RUNNING SOURCE_MASTER REASON_RECONCILIATION "Reconciliation: Latest task state" [executor id]
            0.0 202
            > a {"type": "RECONCILE", "reconcile": {"tasks": [{"task_id": …
            0.0 a < x TASK_UNKNOWN SOURCE_MASTER REASON_RECONCILIATION "Reconciliation: Task is unknown" [no agent]
            0.0 a < x TASK_GONE SOURCE_MASTER REASON_RECONCILIATION "Reconciliation: Task is unknown to the agent"
            0.0 a < x TASK_UNKNOWN SOURCE_MASTER REASON_RECONCILIATION "Reconciliation: Task is unknown"
            0.0 202
            > a {"type": "RECONCILE_OPERATIONS", "reconcile_operations": {…
            0.0 a < UPDATE_OPERATION_STATUS op OPERATION_UNKNOWN Reconciliation: Operation is unknown
            0.0 202
        "#]],
    );
}

#[test]
fn without_partition_awareness_what_is_unknown_is_lost() {
    check(
        r#"agent 0 cpus:4;mem:1024
           subscribe a {"capabilities": [{"type": "MULTI_ROLE"}]}
           a launch nope t1 cpus:1;mem:64 ex1
           a {"type": "KILL", "kill": {"task_id": {"value": "x"}}}
           a {"type": "KILL", "kill": {"task_id": {"value": "x"}, "agent_id": {"value": "M-S0"}}}"#,
        expect![[r#"
            > agent 0 cpus:4;mem:1024
            0.0 agent 0 < Registered M-S0
            > subscribe a {"capabilities": [{"type": "MULTI_ROLE"}]}
            0.0 200 stream
            0.0 a < SUBSCRIBED M-0000
            0.0 a < HEARTBEAT
            0.0 a < OFFERS M-O0 of M-S0: cpus(allocated: rec):4; mem(allocated: rec):1024
            > a launch nope t1 cpus:1;mem:64 ex1
            0.0 a < t1 TASK_LOST SOURCE_MASTER REASON_INVALID_OFFERS "Task launched with invalid offers: Offer M-nope is no longer valid"
            0.0 202
            > a {"type": "KILL", "kill": {"task_id": {"value": "x"}}}
            0.0 a < x TASK_LOST SOURCE_MASTER REASON_RECONCILIATION "Reconciliation: Task is unknown" [no agent]
            0.0 202
            > a {"type": "KILL", "kill": {"task_id": {"value": "x"}, "agen…
            0.0 a < x TASK_LOST SOURCE_MASTER REASON_RECONCILIATION "Reconciliation: Task is unknown to the agent"
            0.0 202
        "#]],
    );
}

#[test]
fn a_kill_goes_to_the_agent_every_time() {
    check(
        r#"agent 0 cpus:4;mem:1024
           subscribe a
           a launch O0 t1 cpus:1;mem:64 ex1
           a {"type": "KILL", "kill": {"task_id": {"value": "t1"}, "kill_policy": {"grace_period": {"nanoseconds": 3}}}}
           a {"type": "KILL", "kill": {"task_id": {"value": "t1"}, "agent_id": {"value": "M-S0"}}}
           a {"type": "KILL", "kill": {"task_id": {"value": "t1"}, "agent_id": {"value": "nope"}}}
           a {"type": "KILL", "kill": {"task_id": {"value": "x"}}}"#,
        expect![[r#"
            > agent 0 cpus:4;mem:1024
            0.0 agent 0 < Registered M-S0
            > subscribe a
            0.0 200 stream
            0.0 a < SUBSCRIBED M-0000
            0.0 a < HEARTBEAT
            0.0 a < OFFERS M-O0 of M-S0: cpus(allocated: rec):4; mem(allocated: rec):1024
            > a launch O0 t1 cpus:1;mem:64 ex1
            0.0 agent 0 < RunTasks t1 on new ex1
            0.0 202
            > a {"type": "KILL", "kill": {"task_id": {"value": "t1"}, "kil…
            0.0 agent 0 < KillTask t1 with a policy
            0.0 202
            > a {"type": "KILL", "kill": {"task_id": {"value": "t1"}, "age…
            0.0 agent 0 < KillTask t1
            0.0 202
            > a {"type": "KILL", "kill": {"task_id": {"value": "t1"}, "age…
            0.0 202
            > a {"type": "KILL", "kill": {"task_id": {"value": "x"}}}
            0.0 a < x TASK_UNKNOWN SOURCE_MASTER REASON_RECONCILIATION "Reconciliation: Task is unknown" [no agent]
            0.0 202
        "#]],
    );
}

#[test]
fn what_a_task_held_is_free_as_soon_as_its_end_is_known_to_the_agent() {
    check(
        r#"agent 0 cpus:4;mem:1024
           subscribe a
           a launch O0 t1 cpus:3.9;mem:64 ex1
           a {"type": "DECLINE", "decline": {"offer_ids": [{"value": "M-O1"}]}}
           advance 1
           update 0 a t1 TASK_RUNNING TASK_FINISHED
           advance 1
           exited 0 a ex1 256
           exited 0 a ex1 256
           advance 1"#,
        expect![[r#"
            > agent 0 cpus:4;mem:1024
            0.0 agent 0 < Registered M-S0
            > subscribe a
            0.0 200 stream
            0.0 a < SUBSCRIBED M-0000
            0.0 a < HEARTBEAT
            0.0 a < OFFERS M-O0 of M-S0: cpus(allocated: rec):4; mem(allocated: rec):1024
            > a launch O0 t1 cpus:3.9;mem:64 ex1
            0.0 agent 0 < RunTasks t1 on new ex1
            0.0 202
            > a {"type": "DECLINE", "decline": {"offer_ids": [{"value": "M…
            0.0 202
            > advance 1
            1.0 a < OFFERS M-O1 of M-S0: mem(allocated: rec):928 with ex1
            > update 0 a t1 TASK_RUNNING TASK_FINISHED
            1.0 a < t1 TASK_RUNNING [uuid]
            > advance 1
            2.0 a < OFFERS M-O2 of M-S0: cpus(allocated: rec):3.9; mem(allocated: rec):64 with ex1
            > exited 0 a ex1 256
            2.0 a < FAILURE executor Some("ex1") status Some(256)
            > exited 0 a ex1 256
            > advance 1
            3.0 a < OFFERS M-O3 of M-S0: cpus(allocated: rec):0.1; mem(allocated: rec):32
        "#]],
    );
}

#[test]
fn messages_are_dropped_where_mesos_drops_them() {
    check(
        r#"agent 0 cpus:4;mem:1024
           subscribe a
           a {"type": "MESSAGE", "message": {"agent_id": {"value": "M-S0"}, "executor_id": {"value": "any"}, "data": "aGk="}}
           a {"type": "MESSAGE", "message": {"agent_id": {"value": "nope"}, "executor_id": {"value": "any"}, "data": "aGk="}}
           message 0 a ex1 hello
           message 0 nobody ex1 hello
           close a
           message 0 a ex1 lost
           subscribe a again
           lost 0
           a {"type": "MESSAGE", "message": {"agent_id": {"value": "M-S0"}, "executor_id": {"value": "any"}, "data": "aGk="}}"#,
        expect![[r#"
            > agent 0 cpus:4;mem:1024
            0.0 agent 0 < Registered M-S0
            > subscribe a
            0.0 200 stream
            0.0 a < SUBSCRIBED M-0000
            0.0 a < HEARTBEAT
            0.0 a < OFFERS M-O0 of M-S0: cpus(allocated: rec):4; mem(allocated: rec):1024
            > a {"type": "MESSAGE", "message": {"agent_id": {"value": "M-S…
            0.0 agent 0 < FrameworkMessage any b"hi"
            0.0 202
            > a {"type": "MESSAGE", "message": {"agent_id": {"value": "nop…
            0.0 202
            > message 0 a ex1 hello
            0.0 a < MESSAGE ex1 b"hello"
            > message 0 nobody ex1 hello
            > close a
            > message 0 a ex1 lost
            > subscribe a again
            0.0 200 stream
            0.0 agent 0 < UpdateFramework a
            0.0 a < SUBSCRIBED M-0000
            0.0 a < HEARTBEAT
            0.0 a < OFFERS M-O1 of M-S0: cpus(allocated: rec):4; mem(allocated: rec):1024
            > lost 0
            0.0 a < RESCIND M-O1
            > a {"type": "MESSAGE", "message": {"agent_id": {"value": "M-S…
            0.0 202
        "#]],
    );
}

#[test]
fn shutdown_of_an_executor_goes_to_its_agent() {
    check(
        r#"agent 0 cpus:4;mem:1024
           subscribe a
           a {"type": "SHUTDOWN", "shutdown": {"agent_id": {"value": "M-S0"}, "executor_id": {"value": "ex1"}}}
           a {"type": "SHUTDOWN", "shutdown": {"agent_id": {"value": "nope"}, "executor_id": {"value": "ex1"}}}"#,
        expect![[r#"
            > agent 0 cpus:4;mem:1024
            0.0 agent 0 < Registered M-S0
            > subscribe a
            0.0 200 stream
            0.0 a < SUBSCRIBED M-0000
            0.0 a < HEARTBEAT
            0.0 a < OFFERS M-O0 of M-S0: cpus(allocated: rec):4; mem(allocated: rec):1024
            > a {"type": "SHUTDOWN", "shutdown": {"agent_id": {"value": "M…
            0.0 agent 0 < ShutdownExecutor ex1
            0.0 202
            > a {"type": "SHUTDOWN", "shutdown": {"agent_id": {"value": "n…
            0.0 202
        "#]],
    );
}

#[test]
fn updates_are_swallowed_while_nobody_listens_and_asked_for_again() {
    check(
        r#"agent 0 cpus:4;mem:1024
           subscribe a
           a launch O0 t1 cpus:1;mem:64 ex1
           close a
           update 0 a t1 TASK_RUNNING
           subscribe a again
           update 0 a t1 TASK_RUNNING"#,
        expect![[r#"
            > agent 0 cpus:4;mem:1024
            0.0 agent 0 < Registered M-S0
            > subscribe a
            0.0 200 stream
            0.0 a < SUBSCRIBED M-0000
            0.0 a < HEARTBEAT
            0.0 a < OFFERS M-O0 of M-S0: cpus(allocated: rec):4; mem(allocated: rec):1024
            > a launch O0 t1 cpus:1;mem:64 ex1
            0.0 agent 0 < RunTasks t1 on new ex1
            0.0 202
            > close a
            > update 0 a t1 TASK_RUNNING
            > subscribe a again
            0.0 200 stream
            0.0 agent 0 < UpdateFramework a
            0.0 a < SUBSCRIBED M-0000
            0.0 a < HEARTBEAT
            0.0 a < OFFERS M-O1 of M-S0: cpus(allocated: rec):2.9; mem(allocated: rec):928 with ex1
            > update 0 a t1 TASK_RUNNING
            0.0 a < t1 TASK_RUNNING [uuid]
        "#]],
    );
}

#[test]
fn tasks_without_checkpoint_are_lost_with_the_link_to_their_agent() {
    check(
        r#"agent 0 cpus:4;mem:1024
           subscribe a
           a launch O0 t1 cpus:1;mem:64 ex1
           lost 0
           advance 75"#,
        expect![[r#"
            > agent 0 cpus:4;mem:1024
            0.0 agent 0 < Registered M-S0
            > subscribe a
            0.0 200 stream
            0.0 a < SUBSCRIBED M-0000
            0.0 a < HEARTBEAT
            0.0 a < OFFERS M-O0 of M-S0: cpus(allocated: rec):4; mem(allocated: rec):1024
            > a launch O0 t1 cpus:1;mem:64 ex1
            0.0 agent 0 < RunTasks t1 on new ex1
            0.0 202
            > lost 0
            0.0 a < t1 TASK_LOST SOURCE_MASTER REASON_AGENT_DISCONNECTED "Agent localhost disconnected" [executor id]
            > advance 75
            15.0 a < HEARTBEAT
            30.0 a < HEARTBEAT
            45.0 a < HEARTBEAT
            60.0 a < HEARTBEAT
            75.0 a < HEARTBEAT
            75.0 a < FAILURE executor None status None
        "#]],
    );
}

#[test]
fn tasks_with_checkpoint_wait_until_their_agent_is_unreachable() {
    check(
        r#"agent 0 cpus:4;mem:1024
           subscribe a {"checkpoint": true}
           a launch O0 t1 cpus:1;mem:64 ex1
           lost 0
           a {"type": "KILL", "kill": {"task_id": {"value": "t1"}}}
           a {"type": "RECONCILE", "reconcile": {"tasks": [{"task_id": {"value": "t1"}}, {"task_id": {"value": "x"}, "agent_id": {"value": "M-S0"}}]}}
           advance 76
           a {"type": "RECONCILE", "reconcile": {"tasks": [{"task_id": {"value": "t1"}, "agent_id": {"value": "M-S0"}}]}}"#,
        expect![[r#"
            > agent 0 cpus:4;mem:1024
            0.0 agent 0 < Registered M-S0
            > subscribe a {"checkpoint": true}
            0.0 200 stream
            0.0 a < SUBSCRIBED M-0000
            0.0 a < HEARTBEAT
            0.0 a < OFFERS M-O0 of M-S0: cpus(allocated: rec):4; mem(allocated: rec):1024
            > a launch O0 t1 cpus:1;mem:64 ex1
            0.0 agent 0 < RunTasks t1 on new ex1
            0.0 202
            > lost 0
            > a {"type": "KILL", "kill": {"task_id": {"value": "t1"}}}
            0.0 202
            > a {"type": "RECONCILE", "reconcile": {"tasks": [{"task_id": …
            0.0 a < t1 TASK_STAGING SOURCE_MASTER REASON_RECONCILIATION "Reconciliation: Latest task state" [executor id]
            0.0 a < x TASK_GONE SOURCE_MASTER REASON_RECONCILIATION "Reconciliation: Task is unknown to the agent"
            0.0 202
            > advance 76
            15.0 a < HEARTBEAT
            30.0 a < HEARTBEAT
            45.0 a < HEARTBEAT
            60.0 a < HEARTBEAT
            75.0 a < HEARTBEAT
            75.0 a < t1 TASK_UNREACHABLE SOURCE_MASTER REASON_AGENT_REMOVED "health check timed out" [executor id] [unreachable time]
            75.0 a < FAILURE executor None status None
            > a {"type": "RECONCILE", "reconcile": {"tasks": [{"task_id": …
            76.0 a < t1 TASK_UNREACHABLE SOURCE_MASTER REASON_RECONCILIATION "Reconciliation: Task is unreachable" [unreachable time]
            76.0 202
        "#]],
    );
}

#[test]
fn an_agent_that_comes_back_without_its_tasks_has_lost_them() {
    check(
        r#"agent 0 cpus:4;mem:1024
           subscribe a {"checkpoint": true}
           a launch O0 t1 cpus:1;mem:64 ex1
           lost 0
           agent 0 cpus:4;mem:1024"#,
        expect![[r#"
            > agent 0 cpus:4;mem:1024
            0.0 agent 0 < Registered M-S0
            > subscribe a {"checkpoint": true}
            0.0 200 stream
            0.0 a < SUBSCRIBED M-0000
            0.0 a < HEARTBEAT
            0.0 a < OFFERS M-O0 of M-S0: cpus(allocated: rec):4; mem(allocated: rec):1024
            > a launch O0 t1 cpus:1;mem:64 ex1
            0.0 agent 0 < RunTasks t1 on new ex1
            0.0 202
            > lost 0
            > agent 0 cpus:4;mem:1024
            0.0 a < t1 TASK_DROPPED SOURCE_MASTER REASON_RECONCILIATION "Task is unknown to the agent" [executor id]
            0.0 agent 0 < Registered M-S0
            0.0 a < OFFERS M-O1 of M-S0: cpus(allocated: rec):4; mem(allocated: rec):1024
        "#]],
    );
}

#[test]
fn the_tasks_of_an_agent_that_leaves_are_lost() {
    check(
        r#"agent 0 cpus:4;mem:1024
           subscribe a {"checkpoint": true}
           a launch O0 t1 cpus:1;mem:64 ex1
           left 0
           a {"type": "RECONCILE", "reconcile": {"tasks": [{"task_id": {"value": "t1"}, "agent_id": {"value": "M-S0"}}]}}"#,
        expect![[r#"
            > agent 0 cpus:4;mem:1024
            0.0 agent 0 < Registered M-S0
            > subscribe a {"checkpoint": true}
            0.0 200 stream
            0.0 a < SUBSCRIBED M-0000
            0.0 a < HEARTBEAT
            0.0 a < OFFERS M-O0 of M-S0: cpus(allocated: rec):4; mem(allocated: rec):1024
            > a launch O0 t1 cpus:1;mem:64 ex1
            0.0 agent 0 < RunTasks t1 on new ex1
            0.0 202
            > left 0
            0.0 a < t1 TASK_LOST SOURCE_MASTER REASON_AGENT_REMOVED "Agent localhost removed: the agent unregistered" [executor id]
            0.0 a < FAILURE executor None status None
            > a {"type": "RECONCILE", "reconcile": {"tasks": [{"task_id": …
            0.0 a < t1 TASK_UNKNOWN SOURCE_MASTER REASON_RECONCILIATION "Reconciliation: Task is unknown"
            0.0 202
        "#]],
    );
}

#[test]
fn an_agent_that_is_gone_is_not_listened_to_until_it_registers() {
    check(
        r#"agent 0 cpus:4;mem:1024
           subscribe a {"checkpoint": true}
           a launch O0 t1 cpus:1;mem:64 ex1
           ---
           lost 0
           update 0 a t1 TASK_RUNNING
           message 0 a ex1 hello
           exited 0 a ex1 256
           left 0
           update 0 a t1 TASK_RUNNING"#,
        expect![[r#"
            > lost 0
            > update 0 a t1 TASK_RUNNING
            > message 0 a ex1 hello
            > exited 0 a ex1 256
            > left 0
            0.0 a < t1 TASK_LOST SOURCE_MASTER REASON_AGENT_REMOVED "Agent localhost removed: the agent unregistered" [executor id]
            0.0 a < FAILURE executor None status None
            > update 0 a t1 TASK_RUNNING
        "#]],
    );
}

#[test]
fn a_task_is_not_changed_by_another_agent() {
    check(
        r#"agent 0 cpus:4;mem:1024
           agent 1 cpus:4;mem:1024
           subscribe a
           a launch O0 t1 cpus:1;mem:64 ex1
           update 0 a t1 TASK_RUNNING
           ---
           update 1 a t1 TASK_FINISHED
           a {"type": "RECONCILE", "reconcile": {}}"#,
        expect![[r#"
            > update 1 a t1 TASK_FINISHED
            0.0 a < t1 TASK_FINISHED [uuid]
            > a {"type": "RECONCILE", "reconcile": {}}
            0.0 a < t1 TASK_RUNNING SOURCE_MASTER REASON_RECONCILIATION "Reconciliation: Latest task state" [executor id]
            0.0 202
        "#]],
    );
}

#[test]
fn the_end_of_a_task_is_not_acknowledged_to_another_agent() {
    check(
        r#"agent 0 cpus:4;mem:1024
           agent 1 cpus:4;mem:1024
           subscribe a
           a launch O0 t1 cpus:1;mem:64 ex1
           update 0 a t1 TASK_KILLED TASK_KILLED AYwuXgAAQAAAAAAAAACrzQ==
           ---
           a {"type": "ACKNOWLEDGE", "acknowledge": {"agent_id": {"value": "M-S1"}, "task_id": {"value": "t1"}, "uuid": "AYwuXgAAQAAAAAAAAACrzQ=="}}
           a {"type": "RECONCILE", "reconcile": {}}
           a {"type": "ACKNOWLEDGE", "acknowledge": {"agent_id": {"value": "M-S0"}, "task_id": {"value": "t1"}, "uuid": "AYwuXgAAQAAAAAAAAACrzQ=="}}
           a {"type": "RECONCILE", "reconcile": {}}"#,
        expect![[r#"
            > a {"type": "ACKNOWLEDGE", "acknowledge": {"agent_id": {"valu…
            0.0 agent 1 < AcknowledgeUpdate t1
            0.0 202
            > a {"type": "RECONCILE", "reconcile": {}}
            0.0 a < t1 TASK_KILLED SOURCE_MASTER REASON_RECONCILIATION "Reconciliation: Latest task state" [executor id]
            0.0 202
            > a {"type": "ACKNOWLEDGE", "acknowledge": {"agent_id": {"valu…
            0.0 agent 0 < AcknowledgeUpdate t1
            0.0 202
            > a {"type": "RECONCILE", "reconcile": {}}
            0.0 202
        "#]],
    );
}

#[test]
fn the_id_of_an_unreachable_task_is_not_free() {
    check(
        r#"agent 0 cpus:4;mem:1024
           subscribe a {"checkpoint": true}
           a launch O0 t1 cpus:1;mem:64 ex1
           lost 0
           advance 76
           agent 1 cpus:4;mem:1024
           ---
           a launch O1 t1 cpus:1;mem:64 ex1"#,
        expect![[r#"
            > a launch O1 t1 cpus:1;mem:64 ex1
            76.0 a < t1 TASK_ERROR SOURCE_MASTER REASON_TASK_INVALID "Task reuses the ID of an unreachable task: t1"
            76.0 202
        "#]],
    );
}
