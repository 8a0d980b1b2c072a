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

#[test]
fn updates_are_dropped_doubled_and_held_back_while_it_lasts() {
    check(
        r#"agent 0 cpus:4;mem:1024
           subscribe a {"suppressed_roles": ["rec"]}
           ---
           disturb updates drop=1 duplicate=0 delay=0 delay_max_ms=0 for_ms=1000
           update 0 a t1 TASK_RUNNING
           message 0 a ex heard
           disturb updates drop=0 duplicate=1 delay=0 delay_max_ms=0 for_ms=1000
           update 0 a t1 TASK_RUNNING
           disturb updates drop=0 duplicate=0 delay=1 delay_max_ms=5000 for_ms=1000
           update 0 a t1 TASK_RUNNING
           advance 1
           update 0 a t1 TASK_FINISHED
           advance 5"#,
        expect![[r#"
            > disturb updates drop=1 duplicate=0 delay=0 delay_max_ms=0 fo…
            > update 0 a t1 TASK_RUNNING
            > message 0 a ex heard
            0.0 a < MESSAGE ex b"heard"
            > disturb updates drop=0 duplicate=1 delay=0 delay_max_ms=0 fo…
            > update 0 a t1 TASK_RUNNING
            0.0 a < t1 TASK_RUNNING [uuid]
            0.0 a < t1 TASK_RUNNING [uuid]
            > disturb updates drop=0 duplicate=0 delay=1 delay_max_ms=5000…
            > update 0 a t1 TASK_RUNNING
            > advance 1
            > update 0 a t1 TASK_FINISHED
            1.0 a < t1 TASK_FINISHED [uuid]
            > advance 5
            3.9 a < t1 TASK_RUNNING [uuid]
        "#]],
    );
}

#[test]
fn an_update_that_was_held_back_is_lost_with_its_agent() {
    check(
        r#"agent 0 cpus:4;mem:1024
           subscribe a {"suppressed_roles": ["rec"]}
           ---
           disturb updates drop=0 duplicate=0 delay=1 delay_max_ms=5000 for_ms=1000
           update 0 a t1 TASK_RUNNING
           left 0
           agent 0 cpus:4;mem:1024
           advance 5"#,
        expect![[r#"
            > disturb updates drop=0 duplicate=0 delay=1 delay_max_ms=5000…
            > update 0 a t1 TASK_RUNNING
            > left 0
            0.0 a < FAILURE executor None status None
            > agent 0 cpus:4;mem:1024
            0.0 agent 0 < Registered M-S1
            > advance 5
        "#]],
    );
}

#[test]
fn a_master_that_is_unavailable_answers_503_and_goes_on() {
    check(
        r#"agent 0 cpus:4;mem:1024
           subscribe a
           ---
           disturb unavailable for_ms=800
           a {"type": "REVIVE"}
           subscribe b
           message 0 a ex hello
           advance 0.8
           a {"type": "REVIVE"}"#,
        expect![[r#"
            > disturb unavailable for_ms=800
            > a {"type": "REVIVE"}
            0.0 503 Master has not finished recovery
            > subscribe b
            0.0 503 Master has not finished recovery
            > message 0 a ex hello
            0.0 a < MESSAGE ex b"hello"
            > advance 0.8
            > a {"type": "REVIVE"}
            0.8 202
        "#]],
    );
}

#[test]
fn offers_come_late_when_they_are_delayed() {
    check(
        r#"disturb delay_offers for_ms=2500
           agent 0 cpus:4;mem:1024
           subscribe a
           a {"type": "REVIVE"}
           advance 4"#,
        expect![[r#"
            > disturb delay_offers for_ms=2500
            > agent 0 cpus:4;mem:1024
            0.0 agent 0 < Registered M-S0
            > subscribe a
            0.0 200 stream
            0.0 a < SUBSCRIBED M-0000
            0.0 a < HEARTBEAT
            > a {"type": "REVIVE"}
            0.0 202
            > advance 4
            3.0 a < OFFERS M-O0 of M-S0: cpus(allocated: rec):4; mem(allocated: rec):1024
        "#]],
    );
}

#[test]
fn an_agent_that_has_shrunk_offers_less_until_it_is_whole_again() {
    check(
        r#"agent 0 cpus:4;mem:1024
           subscribe a
           disturb shrink_agent agent=0 percent=75 for_ms=5000
           advance 1
           disturb shrink_agent agent=7 percent=75 for_ms=5000
           a {"type": "DECLINE", "decline": {"offer_ids": [{"value": "M-O1"}], "filters": {"refuse_seconds": 60}}}
           advance 5"#,
        expect![[r#"
            > agent 0 cpus:4;mem:1024
            0.0 agent 0 < Registered M-S0
            > subscribe a
            0.0 200 stream
            0.0 a < SUBSCRIBED M-0000
            0.0 a < HEARTBEAT
            0.0 a < OFFERS M-O0 of M-S0: cpus(allocated: rec):4; mem(allocated: rec):1024
            > disturb shrink_agent agent=0 percent=75 for_ms=5000
            0.0 a < RESCIND M-O0
            > advance 1
            1.0 a < OFFERS M-O1 of M-S0: cpus(allocated: rec):1; mem(allocated: rec):256
            > disturb shrink_agent agent=7 percent=75 for_ms=5000
            > a {"type": "DECLINE", "decline": {"offer_ids": [{"value": "M…
            1.0 202
            > advance 5
            5.0 a < OFFERS M-O2 of M-S0: cpus(allocated: rec):4; mem(allocated: rec):1024
        "#]],
    );
}

#[test]
fn what_tasks_hold_of_an_agent_that_has_shrunk_is_withheld_when_they_end() {
    check(
        r#"agent 0 cpus:4;mem:1024
           subscribe a
           a launch M-O0 t1 cpus:2;mem:512 ex
           ---
           disturb shrink_agent agent=0 percent=75 for_ms=60000
           advance 1
           update 0 a t1 TASK_FINISHED
           advance 1
           left 0
           agent 0 cpus:4;mem:1024
           advance 60"#,
        expect![[r#"
            > disturb shrink_agent agent=0 percent=75 for_ms=60000
            0.0 a < RESCIND M-O0
            > advance 1
            1.0 a < OFFERS M-O1 of M-S0: cpus(allocated: rec):1; mem(allocated: rec):256
            > update 0 a t1 TASK_FINISHED
            1.0 a < t1 TASK_FINISHED [uuid]
            > advance 1
            > left 0
            2.0 a < RESCIND M-O1
            2.0 a < FAILURE executor None status None
            > agent 0 cpus:4;mem:1024
            2.0 agent 0 < Registered M-S1
            2.0 a < OFFERS M-O2 of M-S1: cpus(allocated: rec):4; mem(allocated: rec):1024
            > advance 60
            15.0 a < HEARTBEAT
            30.0 a < HEARTBEAT
            45.0 a < HEARTBEAT
            60.0 a < HEARTBEAT
        "#]],
    );
}
