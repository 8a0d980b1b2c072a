//! What operators hear, and what their calls do.

use expect_test::expect;

use super::check;

#[test]
fn an_operator_hears_of_frameworks_tasks_and_agents() {
    check(
        r#"
        operator {"type":"SUBSCRIBE"}
        agent 0 cpus:1;mem:64
        subscribe f {}
        f launch O0 t cpus:0.5;mem:32 e
        update 0 f t TASK_RUNNING
        update 0 f t TASK_RUNNING
        left 0
        f {"type":"TEARDOWN"}
        advance 15
        "#,
        expect![[r#"
            > operator {"type":"SUBSCRIBE"}
            0.0 operator: 200 stream
            0.0 operator < {"type":"SUBSCRIBED","subscribed":{"get_state":{"get_tasks":{"tasks":[],"completed_tasks":[],"unreachable_tasks":[]},"get_executors":{"executors":[]},"get_frameworks":{"frameworks":[],"completed_frameworks":[]},"get_agents":{"agents":[],"recovered_agents":[]}},"heartbeat_interval_seconds":15.0}}
            0.0 operator < {"type":"HEARTBEAT"}
            > agent 0 cpus:1;mem:64
            0.0 operator < {"type":"AGENT_ADDED","agent_added":{"agent":{"agent_info":{"hostname":"localhost","resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":1.0}},{"name":"mem","type":"SCALAR","scalar":{"value":64.0}}],"id":{"value":"M-S0"},"port":5051},"active":true,"version":"1.12.0","pid":"slave(1)@127.0.0.1:5051","registered_time":{"nanoseconds":1000000000000},"total_resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":1.0},"role":"*"},{"name":"mem","type":"SCALAR","scalar":{"value":64.0},"role":"*"}],"capabilities":[{"type":"MULTI_ROLE"},{"type":"HIERARCHICAL_ROLE"},{"type":"RESERVATION_REFINEMENT"},{"type":"RESOURCE_PROVIDER"},{"type":"RESIZE_VOLUME"},{"type":"AGENT_OPERATION_FEEDBACK"},{"type":"AGENT_DRAINING"},{"type":"TASK_RESOURCE_LIMITS"}],"deactivated":false}}}
            0.0 agent 0 < Registered M-S0
            > subscribe f {}
            0.0 200 stream
            0.0 operator < {"type":"FRAMEWORK_ADDED","framework_added":{"framework":{"framework_info":{"user":"root","name":"f","id":{"value":"M-0000"},"failover_timeout":3600.0,"checkpoint":false,"capabilities":[{"type":"MULTI_ROLE"},{"type":"RESERVATION_REFINEMENT"},{"type":"PARTITION_AWARE"}],"roles":["rec"]},"active":true,"connected":true,"registered_time":{"nanoseconds":1000000000000},"reregistered_time":{"nanoseconds":1000000000000},"unregistered_time":{"nanoseconds":0},"recovered":false}}}
            0.0 f < SUBSCRIBED M-0000
            0.0 f < HEARTBEAT
            0.0 f < OFFERS M-O0 of M-S0: cpus(allocated: rec):1; mem(allocated: rec):64
            > f launch O0 t cpus:0.5;mem:32 e
            0.0 operator < {"type":"TASK_ADDED","task_added":{"task":{"name":"t","task_id":{"value":"t"},"framework_id":{"value":"M-0000"},"executor_id":{"value":"e"},"agent_id":{"value":"M-S0"},"state":"TASK_STAGING","resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":0.5},"allocation_info":{"role":"rec"}},{"name":"mem","type":"SCALAR","scalar":{"value":32.0},"allocation_info":{"role":"rec"}}]}}}
            0.0 agent 0 < RunTasks t on new e
            0.0 202
            > update 0 f t TASK_RUNNING
            0.0 operator < {"type":"TASK_UPDATED","task_updated":{"framework_id":{"value":"M-0000"},"status":{"task_id":{"value":"t"},"state":"TASK_RUNNING","agent_id":{"value":"M-S0"},"timestamp":1.0,"healthy":true,"source":"SOURCE_EXECUTOR","uuid":"VEFTS19SVU5OSU5H"},"state":"TASK_RUNNING"}}
            0.0 f < t TASK_RUNNING [uuid]
            > update 0 f t TASK_RUNNING
            0.0 f < t TASK_RUNNING [uuid]
            > left 0
            0.0 operator < {"type":"TASK_UPDATED","task_updated":{"framework_id":{"value":"M-0000"},"status":{"task_id":{"value":"t"},"state":"TASK_LOST","message":"Agent localhost removed: the agent unregistered","agent_id":{"value":"M-S0"},"timestamp":1000.0,"source":"SOURCE_MASTER","reason":"REASON_AGENT_REMOVED"},"state":"TASK_LOST"}}
            0.0 f < t TASK_LOST SOURCE_MASTER REASON_AGENT_REMOVED "Agent localhost removed: the agent unregistered" [executor id]
            0.0 operator < {"type":"AGENT_REMOVED","agent_removed":{"agent_id":{"value":"M-S0"}}}
            0.0 f < FAILURE executor None status None
            > f {"type":"TEARDOWN"}
            0.0 operator < {"type":"FRAMEWORK_REMOVED","framework_removed":{"framework_info":{"user":"root","name":"f","id":{"value":"M-0000"},"failover_timeout":3600.0,"checkpoint":false,"capabilities":[{"type":"MULTI_ROLE"},{"type":"RESERVATION_REFINEMENT"},{"type":"PARTITION_AWARE"}],"roles":["rec"]}}}
            0.0 f ends
            0.0 202
            > advance 15
            15.0 operator < {"type":"HEARTBEAT"}
        "#]],
    );
}

#[test]
fn nothing_of_a_deactivated_agent_is_offered_until_it_is_reactivated() {
    check(
        r#"
        agent 0 cpus:1;mem:64
        subscribe f {}
        operator {"type":"DEACTIVATE_AGENT","deactivate_agent":{"agent_id":{"value":"M-S0"}}}
        advance 5
        operator {"type":"REACTIVATE_AGENT","reactivate_agent":{"agent_id":{"value":"M-S0"}}}
        "#,
        expect![[r#"
            > agent 0 cpus:1;mem:64
            0.0 agent 0 < Registered M-S0
            > subscribe f {}
            0.0 200 stream
            0.0 f < SUBSCRIBED M-0000
            0.0 f < HEARTBEAT
            0.0 f < OFFERS M-O0 of M-S0: cpus(allocated: rec):1; mem(allocated: rec):64
            > operator {"type":"DEACTIVATE_AGENT","deactivate_agent":{"age…
            0.0 f < RESCIND M-O0
            0.0 operator: 200
            > advance 5
            > operator {"type":"REACTIVATE_AGENT","reactivate_agent":{"age…
            5.0 f < OFFERS M-O1 of M-S0: cpus(allocated: rec):1; mem(allocated: rec):64
            5.0 operator: 200
        "#]],
    );
}

#[test]
fn tasks_of_an_agent_that_is_marked_gone_are_gone_by_operator_and_its_executors_shut_down() {
    check(
        r#"
        agent 0 cpus:1;mem:64
        subscribe f {}
        f launch O0 t cpus:0.5;mem:32 e
        update 0 f t TASK_RUNNING
        ---
        operator {"type":"MARK_AGENT_GONE","mark_agent_gone":{"agent_id":{"value":"M-S0"}}}
        "#,
        expect![[r#"
            > operator {"type":"MARK_AGENT_GONE","mark_agent_gone":{"agent…
            0.0 agent 0 < Shutdown Agent has been marked gone
            0.0 f < t TASK_GONE_BY_OPERATOR SOURCE_MASTER REASON_AGENT_REMOVED_BY_OPERATOR "Agent has been marked gone" [executor id]
            0.0 f < FAILURE executor None status None
            0.0 operator: 200
        "#]],
    );
}

#[test]
fn after_a_failover_agents_and_frameworks_are_listed_as_recovered_until_they_come() {
    check(
        r#"agent 0 cpus:4;mem:1024
        agent 1 cpus:1;mem:64
        subscribe a
        a launch O0 t1 cpus:1;mem:64 e
        failover
        ---
        operator {"type":"GET_AGENTS"}
        back 0 cpus:4;mem:1024 a t1 TASK_RUNNING cpus:1;mem:64 e
        operator {"type":"GET_FRAMEWORKS"}
        operator {"type":"GET_TASKS"}
        subscribe a again
        operator {"type":"GET_FRAMEWORKS"}"#,
        expect![[r#"
            > operator {"type":"GET_AGENTS"}
            0.0 operator: {"type":"GET_AGENTS","get_agents":{"agents":[],"recovered_agents":[{"hostname":"localhost","resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":4.0}},{"name":"mem","type":"SCALAR","scalar":{"value":1024.0}}],"id":{"value":"M-S0"},"port":5051},{"hostname":"localhost","resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":1.0}},{"name":"mem","type":"SCALAR","scalar":{"value":64.0}}],"id":{"value":"M-S1"},"port":5051}]}}
            > back 0 cpus:4;mem:1024 a t1 TASK_RUNNING cpus:1;mem:64 e
            0.0 agent 0 < Registered M-S0
            > operator {"type":"GET_FRAMEWORKS"}
            0.0 operator: {"type":"GET_FRAMEWORKS","get_frameworks":{"frameworks":[{"framework_info":{"user":"","name":"a","id":{"value":"M-0000"},"failover_timeout":0.0,"checkpoint":false},"active":false,"connected":false,"allocated_resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":1.1},"role":"*","allocation_info":{"role":"rec"}},{"name":"mem","type":"SCALAR","scalar":{"value":96.0},"role":"*","allocation_info":{"role":"rec"}}],"recovered":true,"offer_constraints":{}}],"completed_frameworks":[]}}
            > operator {"type":"GET_TASKS"}
            0.0 operator: {"type":"GET_TASKS","get_tasks":{"tasks":[{"name":"t1","task_id":{"value":"t1"},"framework_id":{"value":"M-0000"},"executor_id":{"value":"e"},"agent_id":{"value":"M-S0"},"state":"TASK_RUNNING","resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":1.0},"allocation_info":{"role":"rec"}},{"name":"mem","type":"SCALAR","scalar":{"value":64.0},"allocation_info":{"role":"rec"}}],"statuses":[{"task_id":{"value":"t1"},"state":"TASK_RUNNING","message":"before","source":"SOURCE_EXECUTOR"}]}],"completed_tasks":[],"unreachable_tasks":[]}}
            > subscribe a again
            0.0 200 stream
            0.0 agent 0 < UpdateFramework a
            0.0 a < SUBSCRIBED M-0000
            0.0 a < HEARTBEAT
            0.0 a < OFFERS N-O0 of M-S0: cpus(allocated: rec):2.9; mem(allocated: rec):928 with e
            > operator {"type":"GET_FRAMEWORKS"}
            0.0 operator: {"type":"GET_FRAMEWORKS","get_frameworks":{"frameworks":[{"framework_info":{"user":"","name":"a","id":{"value":"M-0000"},"failover_timeout":3600.0,"checkpoint":false,"capabilities":[{"type":"MULTI_ROLE"},{"type":"RESERVATION_REFINEMENT"},{"type":"PARTITION_AWARE"}],"roles":["rec"]},"active":true,"connected":true,"registered_time":{"nanoseconds":1000000000000},"reregistered_time":{"nanoseconds":1000000000000},"offers":[{"id":{"value":"N-O0"},"framework_id":{"value":"M-0000"},"agent_id":{"value":"M-S0"},"hostname":"localhost","resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":2.9},"allocation_info":{"role":"rec"}},{"name":"mem","type":"SCALAR","scalar":{"value":928.0},"allocation_info":{"role":"rec"}}],"executor_ids":[{"value":"e"}],"url":{"scheme":"http","address":{"hostname":"localhost","ip":"127.0.0.1","port":5051},"path":"/slave(1)"},"allocation_info":{"role":"rec"}}],"allocated_resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":1.1},"role":"*","allocation_info":{"role":"rec"}},{"name":"mem","type":"SCALAR","scalar":{"value":96.0},"role":"*","allocation_info":{"role":"rec"}}],"offered_resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":2.9},"role":"*","allocation_info":{"role":"rec"}},{"name":"mem","type":"SCALAR","scalar":{"value":928.0},"role":"*","allocation_info":{"role":"rec"}}],"recovered":false,"offer_constraints":{}}],"completed_frameworks":[]}}
        "#]],
    );
}
