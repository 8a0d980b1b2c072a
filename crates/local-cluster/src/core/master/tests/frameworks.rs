//! Frameworks: subscriptions, their refusals, failover and removal.

use expect_test::expect;

use super::check;

#[test]
fn a_framework_subscribes_and_is_offered_all_at_once() {
    check(
        "agent 0 cpus:4;mem:1024
         subscribe a
         advance 31",
        expect![[r#"
            > agent 0 cpus:4;mem:1024
            0.0 agent 0 < Registered M-S0
            > subscribe a
            0.0 200 stream
            0.0 a < SUBSCRIBED M-0000
            0.0 a < HEARTBEAT
            0.0 a < OFFERS M-O0 of M-S0: cpus(allocated: rec):4; mem(allocated: rec):1024
            > advance 31
            15.0 a < HEARTBEAT
            30.0 a < HEARTBEAT
        "#]],
    );
}

#[test]
fn a_refused_subscription_is_a_stream_with_an_error() {
    check(
        r#"subscribe a {"role": "x"}
           subscribe a {"capabilities": []}
           subscribe a {"roles": ["a", "b", "a"]}
           subscribe a {"roles": ["a/*"]}
           subscribe a {"id": {"value": "a/b"}}
           subscribe a {"failover_timeout": 1e300}
           subscribe a {"suppressed_roles": ["b"]}"#,
        expect![[r#"
            > subscribe a {"role": "x"}
            0.0 200 stream
            0.0 a < ERROR 'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable
            0.0 a ends
            > subscribe a {"capabilities": []}
            0.0 200 stream
            0.0 a < ERROR 'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable
            0.0 a ends
            > subscribe a {"roles": ["a", "b", "a"]}
            0.0 200 stream
            0.0 a < ERROR 'FrameworkInfo.roles' contains duplicate items: { a }
            0.0 a ends
            > subscribe a {"roles": ["a/*"]}
            0.0 200 stream
            0.0 a < ERROR 'FrameworkInfo.roles' contains invalid role: Role 'a/*' cannot include '*' as a component
            0.0 a ends
            > subscribe a {"id": {"value": "a/b"}}
            0.0 200 stream
            0.0 a < ERROR 'a/b' contains invalid characters
            0.0 a ends
            > subscribe a {"failover_timeout": 1e300}
            0.0 200 stream
            0.0 a < ERROR The framework failover_timeout (1e+300) is invalid
            0.0 a ends
            > subscribe a {"suppressed_roles": ["b"]}
            0.0 200 stream
            0.0 a < ERROR Suppressed roles { b } are not contained in the set of roles
            0.0 a ends
        "#]],
    );
}

#[test]
fn a_second_subscription_takes_over_and_gets_no_rescind() {
    check(
        r#"agent 0 cpus:4;mem:1024
           subscribe a
           a launch O0 t1 cpus:1;mem:64 ex1
           advance 1
           subscribe a again {"name": "renamed", "user": "other"}
           advance 1
           subscribe a again {"principal": "p"}"#,
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
            > advance 1
            1.0 a < OFFERS M-O1 of M-S0: cpus(allocated: rec):2.9; mem(allocated: rec):928 with ex1
            > subscribe a again {"name": "renamed", "user": "other"}
            1.0 200 stream
            1.0 old stream < ERROR Framework failed over
            1.0 old stream ends
            1.0 agent 0 < UpdateFramework renamed
            1.0 a < SUBSCRIBED M-0000
            1.0 a < HEARTBEAT
            > advance 1
            2.0 a < OFFERS M-O2 of M-S0: cpus(allocated: rec):2.9; mem(allocated: rec):928 with ex1
            > subscribe a again {"principal": "p"}
            2.0 200 stream
            2.0 a < ERROR Changing framework's principal is not allowed.
            2.0 a ends
        "#]],
    );
}

#[test]
fn a_framework_that_does_not_come_back_is_removed_and_never_returns() {
    check(
        r#"agent 0 cpus:4;mem:1024
           subscribe a {"failover_timeout": 10}
           a launch O0 t1 cpus:1;mem:64 ex1
           close a
           a {"type": "REVIVE"}
           update 0 a t1 TASK_RUNNING
           advance 9.5
           advance 1
           a {"type": "REVIVE"}
           subscribe a again"#,
        expect![[r#"
            > agent 0 cpus:4;mem:1024
            0.0 agent 0 < Registered M-S0
            > subscribe a {"failover_timeout": 10}
            0.0 200 stream
            0.0 a < SUBSCRIBED M-0000
            0.0 a < HEARTBEAT
            0.0 a < OFFERS M-O0 of M-S0: cpus(allocated: rec):4; mem(allocated: rec):1024
            > a launch O0 t1 cpus:1;mem:64 ex1
            0.0 agent 0 < RunTasks t1 on new ex1
            0.0 202
            > close a
            > a {"type": "REVIVE"}
            0.0 403 Framework is not subscribed
            > update 0 a t1 TASK_RUNNING
            > advance 9.5
            > advance 1
            10.0 agent 0 < ShutdownFramework M-0000
            > a {"type": "REVIVE"}
            10.5 400 Framework cannot be found
            > subscribe a again
            10.5 200 stream
            10.5 a < ERROR Framework has been removed
            10.5 a ends
        "#]],
    );
}

#[test]
fn a_framework_that_comes_back_in_time_is_offered_resources_at_once() {
    check(
        r#"agent 0 cpus:4;mem:1024
           subscribe a {"failover_timeout": 10}
           close a
           advance 5.5
           subscribe a again
           advance 20"#,
        expect![[r#"
            > agent 0 cpus:4;mem:1024
            0.0 agent 0 < Registered M-S0
            > subscribe a {"failover_timeout": 10}
            0.0 200 stream
            0.0 a < SUBSCRIBED M-0000
            0.0 a < HEARTBEAT
            0.0 a < OFFERS M-O0 of M-S0: cpus(allocated: rec):4; mem(allocated: rec):1024
            > close a
            > advance 5.5
            > subscribe a again
            5.5 200 stream
            5.5 agent 0 < UpdateFramework a
            5.5 a < SUBSCRIBED M-0000
            5.5 a < HEARTBEAT
            5.5 a < OFFERS M-O1 of M-S0: cpus(allocated: rec):4; mem(allocated: rec):1024
            > advance 20
            20.5 a < HEARTBEAT
        "#]],
    );
}

#[test]
fn without_a_failover_timeout_the_end_of_the_stream_is_the_end() {
    check(
        r#"agent 0 cpus:4;mem:1024
           subscribe a {"failover_timeout": null}
           close a"#,
        expect![[r#"
            > agent 0 cpus:4;mem:1024
            0.0 agent 0 < Registered M-S0
            > subscribe a {"failover_timeout": null}
            0.0 200 stream
            0.0 a < SUBSCRIBED M-0000
            0.0 a < HEARTBEAT
            0.0 a < OFFERS M-O0 of M-S0: cpus(allocated: rec):4; mem(allocated: rec):1024
            > close a
            0.0 agent 0 < ShutdownFramework M-0000
        "#]],
    );
}

#[test]
fn teardown_ends_the_stream_and_frees_everything() {
    check(
        r#"agent 0 cpus:4;mem:1024
           subscribe a
           a launch O0 t1 cpus:1;mem:64 ex1
           a {"type": "TEARDOWN"}
           a {"type": "TEARDOWN"}
           update 0 a t1 TASK_KILLED
           exited 0 a ex1 0
           subscribe b"#,
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
            > a {"type": "TEARDOWN"}
            0.0 a ends
            0.0 agent 0 < ShutdownFramework M-0000
            0.0 202
            > a {"type": "TEARDOWN"}
            0.0 400 Framework cannot be found
            > update 0 a t1 TASK_KILLED
            > exited 0 a ex1 0
            > subscribe b
            0.0 200 stream
            0.0 b < SUBSCRIBED M-0001
            0.0 b < HEARTBEAT
            0.0 b < OFFERS M-O1 of M-S0: cpus(allocated: rec):4; mem(allocated: rec):1024
        "#]],
    );
}

#[test]
fn an_id_that_the_master_has_never_seen_is_taken() {
    check(
        r#"subscribe a {"id": {"value": "self-chosen ü id"}}
           a {"type": "REVIVE"}"#,
        expect![[r#"
            > subscribe a {"id": {"value": "self-chosen ü id"}}
            0.0 200 stream
            0.0 a < SUBSCRIBED self-chosen ü id
            0.0 a < HEARTBEAT
            > a {"type": "REVIVE"}
            0.0 202
        "#]],
    );
}

#[test]
fn update_framework_changes_all_or_nothing() {
    check(
        r#"agent 0 cpus:4;mem:1024
           subscribe a {"failover_timeout": null}
           a {"type": "UPDATE_FRAMEWORK", "update_framework": {"framework_info": {"user": "nobody", "name": "a", "id": {"value": "M-0000"}}}}
           a {"type": "UPDATE_FRAMEWORK", "update_framework": {"framework_info": {"user": "root", "name": "a", "id": {"value": "M-0000"}}, "suppressed_roles": ["zzz"]}}
           a {"type": "UPDATE_FRAMEWORK", "update_framework": {"framework_info": {"user": "root", "name": "a", "roles": ["x"], "id": {"value": "M-0000"}}}}
           a {"type": "UPDATE_FRAMEWORK", "update_framework": {"framework_info": {"user": "root", "name": "new", "role": "other", "id": {"value": "M-0000"}}}}
           advance 1"#,
        expect![[r#"
            > agent 0 cpus:4;mem:1024
            0.0 agent 0 < Registered M-S0
            > subscribe a {"failover_timeout": null}
            0.0 200 stream
            0.0 a < SUBSCRIBED M-0000
            0.0 a < HEARTBEAT
            0.0 a < OFFERS M-O0 of M-S0: cpus(allocated: rec):4; mem(allocated: rec):1024
            > a {"type": "UPDATE_FRAMEWORK", "update_framework": {"framewo…
            0.0 400 FrameworkInfo update is not valid: Updating 'FrameworkInfo.user' is unsupported; attempted to update from 'root' to 'nobody'
            > a {"type": "UPDATE_FRAMEWORK", "update_framework": {"framewo…
            0.0 400 'UpdateFramework' call is not valid: Suppressed roles { zzz } are not contained in the set of roles
            > a {"type": "UPDATE_FRAMEWORK", "update_framework": {"framewo…
            0.0 400 Supplied FrameworkInfo is not valid: 'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable
            > a {"type": "UPDATE_FRAMEWORK", "update_framework": {"framewo…
            0.0 a < RESCIND M-O0
            0.0 agent 0 < UpdateFramework new
            0.0 200
            > advance 1
            1.0 a < OFFERS M-O1 of M-S0: cpus:4; mem:1024
        "#]],
    );
}

#[test]
fn a_call_of_an_unknown_type_is_not_implemented() {
    check(
        r#"subscribe a
           a {"type": "UNKNOWN"}
           a {"type": "REQUEST", "request": {}}
           a {"type": "ACCEPT_INVERSE_OFFERS", "accept_inverse_offers": {}}"#,
        expect![[r#"
            > subscribe a
            0.0 200 stream
            0.0 a < SUBSCRIBED M-0000
            0.0 a < HEARTBEAT
            > a {"type": "UNKNOWN"}
            0.0 501 501 Not Implemented.
            > a {"type": "REQUEST", "request": {}}
            0.0 202
            > a {"type": "ACCEPT_INVERSE_OFFERS", "accept_inverse_offers":…
            0.0 202
        "#]],
    );
}

#[test]
fn offer_constraints_are_refused_unless_they_are_empty() {
    check(
        r#"subscribe a {"offer_constraints": {"role_constraints": {"rec": {}}}}
           subscribe a {"offer_constraints": {}}
           a {"type": "UPDATE_FRAMEWORK", "update_framework": {"framework_info": {"id": {"value": "M-0000"}, "user": "root", "name": "a", "roles": ["rec"], "capabilities": [{"type": "MULTI_ROLE"}]}, "offer_constraints": {"role_constraints": {"rec": {}}}}}"#,
        expect![[r#"
            > subscribe a {"offer_constraints": {"role_constraints": {"rec…
            0.0 200 stream
            0.0 a < ERROR The embedded cluster does not support 'offer_constraints'
            0.0 a ends
            > subscribe a {"offer_constraints": {}}
            0.0 200 stream
            0.0 a < SUBSCRIBED M-0000
            0.0 a < HEARTBEAT
            > a {"type": "UPDATE_FRAMEWORK", "update_framework": {"framewo…
            0.0 400 'UpdateFramework' call is not valid: The embedded cluster does not support 'offer_constraints'
        "#]],
    );
}

#[test]
fn a_framework_has_the_principal_of_its_caller_and_obeys_no_other() {
    check(
        r#"principal p
           subscribe a
           ---
           principal q
           a {"type": "REVIVE"}
           principal p
           a {"type": "REVIVE"}
           principal q
           subscribe a again"#,
        expect![[r#"
            > principal q
            > a {"type": "REVIVE"}
            0.0 400 Authenticated principal 'q' does not match principal 'p' set in `FrameworkInfo`
            > principal p
            > a {"type": "REVIVE"}
            0.0 202
            > principal q
            > subscribe a again
            0.0 200 stream
            0.0 a < ERROR Changing framework's principal is not allowed.
            0.0 a ends
        "#]],
    );
    check(
        r#"principal p
           subscribe a {"principal": "q"}
           subscribe b {"principal": "p"}"#,
        expect![[r#"
            > principal p
            > subscribe a {"principal": "q"}
            0.0 400 Failed to validate scheduler::Call: Authenticated principal 'p' does not match principal 'q' set in `FrameworkInfo`
            > subscribe b {"principal": "p"}
            0.0 200 stream
            0.0 b < SUBSCRIBED M-0000
            0.0 b < HEARTBEAT
        "#]],
    );
}

#[test]
fn calls_about_offers_that_are_never_made_are_taken() {
    let ids = r#"{"inverse_offer_ids": [{"value": "any"}]}"#;
    check(
        &format!(
            r#"subscribe a
               ---
               a {{"type": "ACCEPT_INVERSE_OFFERS", "accept_inverse_offers": {ids}}}
               a {{"type": "DECLINE_INVERSE_OFFERS", "decline_inverse_offers": {ids}}}
               a {{"type": "DECLINE_INVERSE_OFFERS"}}
               a {{"type": "REQUEST", "request": {{"requests": [{{"resources": []}}]}}}}
               a {{"type": "DECLINE", "decline": {{"offer_ids": [{{"value": "any"}}]}}}}"#
        ),
        expect![[r#"
            > a {"type": "ACCEPT_INVERSE_OFFERS", "accept_inverse_offers":…
            0.0 202
            > a {"type": "DECLINE_INVERSE_OFFERS", "decline_inverse_offers…
            0.0 202
            > a {"type": "DECLINE_INVERSE_OFFERS"}
            0.0 400 Failed to validate scheduler::Call: Expecting 'decline_inverse_offers' to be present
            > a {"type": "REQUEST", "request": {"requests": [{"resources":…
            0.0 202
            > a {"type": "DECLINE", "decline": {"offer_ids": [{"value": "a…
            0.0 202
        "#]],
    );
}

#[test]
fn fifty_frameworks_that_are_gone_are_remembered() {
    let mut script = String::new();
    for number in 0..51 {
        script += &format!("subscribe f{number}\nf{number} {{\"type\": \"TEARDOWN\"}}\n");
    }
    script += "---\nsubscribe f0 again\nsubscribe f1 again\n";
    check(
        &script,
        expect![[r#"
        > subscribe f0 again
        0.0 200 stream
        0.0 f0 < SUBSCRIBED M-0000
        0.0 f0 < HEARTBEAT
        > subscribe f1 again
        0.0 200 stream
        0.0 f1 < ERROR Framework has been removed
        0.0 f1 ends
    "#]],
    );
}
