//! What goes wrong on command.

use expect_test::expect;

use super::check;

/// A MESSAGE of framework `a` with one byte.
fn say(data: &str) -> String {
    format!(
        r#"a {{"type": "MESSAGE", "message": {{"agent_id": {{"value": "M-S0"}}, "executor_id": {{"value": "ex"}}, "data": "{data}"}}}}"#
    )
}

#[test]
fn messages_of_both_directions_are_dropped_and_doubled_and_else_nothing() {
    let (down, up) = (say("QQ=="), "message 0 a ex hello");
    let update = "update 0 a t1 TASK_RUNNING";
    check(
        &format!(
            r#"agent 0 cpus:4;mem:1024
               subscribe a {{"suppressed_roles": ["rec"]}}
               ---
               faults {{"drop": 1}}
               {down}
               {up}
               {update}
               faults {{"duplicate": 1}}
               {down}
               {up}
               {update}
               faults {{}}
               {down}
               {up}"#
        ),
        expect![[r#"
            > faults {"drop": 1}
            > a {"type": "MESSAGE", "message": {"agent_id": {"value": "M-S…
            0.0 202
            > message 0 a ex hello
            > update 0 a t1 TASK_RUNNING
            0.0 a < t1 TASK_RUNNING [uuid]
            > faults {"duplicate": 1}
            > a {"type": "MESSAGE", "message": {"agent_id": {"value": "M-S…
            0.0 agent 0 < FrameworkMessage ex b"A"
            0.0 agent 0 < FrameworkMessage ex b"A"
            0.0 202
            > message 0 a ex hello
            0.0 a < MESSAGE ex b"hello"
            0.0 a < MESSAGE ex b"hello"
            > update 0 a t1 TASK_RUNNING
            0.0 a < t1 TASK_RUNNING [uuid]
            > faults {}
            > a {"type": "MESSAGE", "message": {"agent_id": {"value": "M-S…
            0.0 agent 0 < FrameworkMessage ex b"A"
            0.0 202
            > message 0 a ex hello
            0.0 a < MESSAGE ex b"hello"
        "#]],
    );
}

#[test]
fn a_message_that_is_held_back_is_overtaken() {
    check(
        r#"agent 0 cpus:4;mem:1024
           subscribe a {"suppressed_roles": ["rec"]}
           ---
           faults {"delay": 1, "delay_max": 5}
           message 0 a ex first
           faults {}
           message 0 a ex second
           advance 5"#,
        expect![[r#"
            > faults {"delay": 1, "delay_max": 5}
            > message 0 a ex first
            > faults {}
            > message 0 a ex second
            0.0 a < MESSAGE ex b"second"
            > advance 5
            2.7 a < MESSAGE ex b"first"
        "#]],
    );
}

#[test]
fn a_framework_whose_stream_is_cut_can_come_back() {
    check(
        r#"agent 0 cpus:4;mem:1024
           subscribe a
           subscribe b {"failover_timeout": 0}
           ---
           cut
           message 0 a ex lost
           cut
           subscribe a again
           message 0 a ex hello"#,
        expect![[r#"
            > cut
            0.0 a is cut
            0.0 b is cut
            0.0 agent 0 < ShutdownFramework M-0001
            > message 0 a ex lost
            > cut
            > subscribe a again
            0.0 200 stream
            0.0 agent 0 < UpdateFramework a
            0.0 a < SUBSCRIBED M-0000
            0.0 a < HEARTBEAT
            0.0 a < OFFERS M-O1 of M-S0: cpus(allocated: rec):4; mem(allocated: rec):1024
            > message 0 a ex hello
            0.0 a < MESSAGE ex b"hello"
        "#]],
    );
}
