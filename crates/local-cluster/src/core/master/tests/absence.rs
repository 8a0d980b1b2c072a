//! Agents that are silent, come back, or never may.

use std::time::Duration;

use expect_test::expect;

use super::{Timeouts, check, check_with};

/// As in recording 12a.
const THREE_PINGS: Timeouts = Timeouts {
    agent_ping: Duration::from_secs(1),
    agent_pings_max: 3,
    offer: None,
};

#[test]
fn a_silent_agent_is_unreachable_after_its_pings_and_its_tasks_come_back_with_it() {
    check_with(
        THREE_PINGS,
        r#"agent 0 cpus:4;mem:1024
           subscribe p {"checkpoint": true}
           p launch O0 p1 cpus:1;mem:64 ex1
           update 0 p p1 TASK_RUNNING
           subscribe n {"capabilities": [{"type": "MULTI_ROLE"}]}
           n launch O1 n1 cpus:1;mem:64 ex1
           update 0 n n1 TASK_RUNNING
           advance 0.5
           ---
           silent 0
           p {"type": "KILL", "kill": {"task_id": {"value": "p1"}}}
           advance 3.4
           advance 0.1
           n {"type": "RECONCILE", "reconcile": {"tasks": [{"task_id": {"value": "n1"}, "agent_id": {"value": "M-S0"}}]}}
           answers 0
           update 0 n n1 TASK_FINISHED
           back 0 cpus:4;mem:1024 p p1 TASK_RUNNING cpus:1;mem:64 ex1"#,
        expect![[r#"
            > silent 0
            > p {"type": "KILL", "kill": {"task_id": {"value": "p1"}}}
            0.5 agent 0 < KillTask p1
            0.5 202
            > advance 3.4
            1.0 p < OFFERS M-O2 of M-S0: cpus(allocated: rec):1.8; mem(allocated: rec):832 with ex1
            > advance 0.1
            4.0 p < p1 TASK_UNREACHABLE SOURCE_MASTER REASON_AGENT_REMOVED "health check timed out" [executor id] [unreachable time]
            4.0 n < n1 TASK_LOST SOURCE_MASTER REASON_AGENT_REMOVED "health check timed out" [executor id] [unreachable time]
            4.0 p < RESCIND M-O2
            4.0 p < FAILURE executor None status None
            4.0 n < FAILURE executor None status None
            > n {"type": "RECONCILE", "reconcile": {"tasks": [{"task_id": …
            4.0 n < n1 TASK_LOST SOURCE_MASTER REASON_RECONCILIATION "Reconciliation: Task is unreachable" [unreachable time]
            4.0 202
            > answers 0
            > update 0 n n1 TASK_FINISHED
            > back 0 cpus:4;mem:1024 p p1 TASK_RUNNING cpus:1;mem:64 ex1
            4.0 p < p1 TASK_RUNNING SOURCE_MASTER REASON_AGENT_REREGISTERED "Unreachable agent re-reregistered" [executor id]
            4.0 agent 0 < Registered M-S0
            4.0 agent 0 < UpdateFramework p
            4.0 n < OFFERS M-O3 of M-S0: cpus(allocated: rec):2.9; mem(allocated: rec):928
        "#]],
    );
}

#[test]
fn of_tasks_that_ended_while_their_agent_was_unreachable_only_the_agent_tells() {
    check_with(
        THREE_PINGS,
        r#"agent 0 cpus:4;mem:1024
           subscribe p {"checkpoint": true}
           p launch O0 p1 cpus:1;mem:64 ex1
           update 0 p p1 TASK_RUNNING
           lost 0
           advance 3
           ---
           back 0 cpus:4;mem:1024 p p1 TASK_FINISHED cpus:1;mem:64 ex1"#,
        expect![[r#"
            > back 0 cpus:4;mem:1024 p p1 TASK_FINISHED cpus:1;mem:64 ex1
            3.0 agent 0 < Registered M-S0
            3.0 agent 0 < UpdateFramework p
            3.0 p < OFFERS M-O1 of M-S0: cpus(allocated: rec):3.9; mem(allocated: rec):992 with ex1
        "#]],
    );
}

#[test]
fn an_agent_that_answers_in_time_was_never_missed() {
    check_with(
        THREE_PINGS,
        r#"agent 0 cpus:4;mem:1024
           subscribe p {"suppressed_roles": ["rec"]}
           ---
           silent 0
           advance 2.9
           answers 0
           advance 1
           silent 0
           advance 2.9
           lost 0
           advance 0.2"#,
        expect![[r#"
            > silent 0
            > advance 2.9
            > answers 0
            > advance 1
            > silent 0
            > advance 2.9
            > lost 0
            > advance 0.2
            7.0 p < FAILURE executor None status None
        "#]],
    );
}

#[test]
fn an_agent_that_is_gone_for_good_is_shut_down_whenever_it_comes() {
    let gone =
        r#"operator {"type":"MARK_AGENT_GONE","mark_agent_gone":{"agent_id":{"value":"M-S0"}}}"#;
    let other =
        r#"operator {"type":"MARK_AGENT_GONE","mark_agent_gone":{"agent_id":{"value":"M-S1"}}}"#;
    check(
        &format!(
            r#"agent 0 cpus:4;mem:1024
               subscribe p {{"checkpoint": true}}
               p launch O0 p1 cpus:1;mem:64 ex1
               lost 0
               advance 75
               ---
               {other}
               {gone}
               {gone}
               p {{"type": "RECONCILE", "reconcile": {{"tasks": [{{"task_id": {{"value": "p1"}}, "agent_id": {{"value": "M-S0"}}}}]}}}}
               back 0 cpus:4;mem:1024
               failover
               {gone}
               back 0 cpus:4;mem:1024
               agent 0 cpus:4;mem:1024"#
        ),
        expect![[r#"
            > operator {"type":"MARK_AGENT_GONE","mark_agent_gone":{"agent…
            75.0 operator: 404 Agent 'M-S1' not found
            > operator {"type":"MARK_AGENT_GONE","mark_agent_gone":{"agent…
            75.0 operator: 200
            > operator {"type":"MARK_AGENT_GONE","mark_agent_gone":{"agent…
            75.0 operator: 200
            > p {"type": "RECONCILE", "reconcile": {"tasks": [{"task_id": …
            75.0 p < p1 TASK_GONE_BY_OPERATOR SOURCE_MASTER REASON_RECONCILIATION "Reconciliation: Task is gone"
            75.0 202
            > back 0 cpus:4;mem:1024
            75.0 agent 0 < Shutdown Agent has been marked gone
            > failover
            > operator {"type":"MARK_AGENT_GONE","mark_agent_gone":{"agent…
            75.0 operator: 200
            > back 0 cpus:4;mem:1024
            75.0 agent 0 < Shutdown Agent has been marked gone
            > agent 0 cpus:4;mem:1024
            75.0 agent 0 < Registered N-S0
        "#]],
    );
}
