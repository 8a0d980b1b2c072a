//! Offers: filters, suppressed roles, and who is offered what.

use std::time::Duration;

use expect_test::expect;

use super::{Timeouts, check, check_with};

#[test]
fn what_was_declined_comes_again_when_the_filter_is_over() {
    check(
        r#"agent 0 cpus:4;mem:1024
           subscribe a
           a {"type": "DECLINE", "decline": {"offer_ids": [{"value": "M-O0"}], "filters": {"refuse_seconds": 3}}}
           advance 3
           a {"type": "DECLINE", "decline": {"offer_ids": [{"value": "M-O1"}], "filters": {"refuse_seconds": 0}}}
           advance 1
           a {"type": "DECLINE", "decline": {"offer_ids": [{"value": "M-O2"}, {"value": "nope"}]}}
           advance 6"#,
        expect![[r#"
            > agent 0 cpus:4;mem:1024
            0.0 agent 0 < Registered M-S0
            > subscribe a
            0.0 200 stream
            0.0 a < SUBSCRIBED M-0000
            0.0 a < HEARTBEAT
            0.0 a < OFFERS M-O0 of M-S0: cpus(allocated: rec):4; mem(allocated: rec):1024
            > a {"type": "DECLINE", "decline": {"offer_ids": [{"value": "M…
            0.0 202
            > advance 3
            3.0 a < OFFERS M-O1 of M-S0: cpus(allocated: rec):4; mem(allocated: rec):1024
            > a {"type": "DECLINE", "decline": {"offer_ids": [{"value": "M…
            3.0 202
            > advance 1
            4.0 a < OFFERS M-O2 of M-S0: cpus(allocated: rec):4; mem(allocated: rec):1024
            > a {"type": "DECLINE", "decline": {"offer_ids": [{"value": "M…
            4.0 202
            > advance 6
            9.0 a < OFFERS M-O3 of M-S0: cpus(allocated: rec):4; mem(allocated: rec):1024
        "#]],
    );
}

#[test]
fn a_filter_hides_less_than_was_refused_and_not_more() {
    check(
        r#"agent 0 cpus:4;mem:1024
           subscribe a
           a launch O0 t1 cpus:1;mem:64 ex1
           advance 1
           a {"type": "DECLINE", "decline": {"offer_ids": [{"value": "M-O1"}], "filters": {"refuse_seconds": 3600}}}
           advance 2
           update 0 a t1 TASK_FINISHED
           advance 1
           a launch O2 t2 cpus:2;mem:64 ex1
           advance 2"#,
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
            > a {"type": "DECLINE", "decline": {"offer_ids": [{"value": "M…
            1.0 202
            > advance 2
            > update 0 a t1 TASK_FINISHED
            3.0 a < t1 TASK_FINISHED [uuid]
            > advance 1
            4.0 a < OFFERS M-O2 of M-S0: cpus(allocated: rec):3.9; mem(allocated: rec):992 with ex1
            > a launch O2 t2 cpus:2;mem:64 ex1
            4.0 agent 0 < RunTasks t2 on ex1
            4.0 202
            > advance 2
        "#]],
    );
}

#[test]
fn suppressed_roles_are_not_offered_until_they_are_revived() {
    check(
        r#"agent 0 cpus:4;mem:1024
           subscribe a {"suppressed_roles": ["rec"]}
           advance 2
           a {"type": "REVIVE", "revive": {"roles": ["rec", "nope"]}}
           a {"type": "REVIVE", "revive": {"roles": ["rec"]}}
           a {"type": "SUPPRESS"}
           a {"type": "DECLINE", "decline": {"offer_ids": [{"value": "M-O0"}], "filters": {"refuse_seconds": 3600}}}
           advance 2
           a {"type": "REVIVE"}"#,
        expect![[r#"
            > agent 0 cpus:4;mem:1024
            0.0 agent 0 < Registered M-S0
            > subscribe a {"suppressed_roles": ["rec"]}
            0.0 200 stream
            0.0 a < SUBSCRIBED M-0000
            0.0 a < HEARTBEAT
            > advance 2
            > a {"type": "REVIVE", "revive": {"roles": ["rec", "nope"]}}
            2.0 202
            > a {"type": "REVIVE", "revive": {"roles": ["rec"]}}
            2.0 a < OFFERS M-O0 of M-S0: cpus(allocated: rec):4; mem(allocated: rec):1024
            2.0 202
            > a {"type": "SUPPRESS"}
            2.0 202
            > a {"type": "DECLINE", "decline": {"offer_ids": [{"value": "M…
            2.0 202
            > advance 2
            > a {"type": "REVIVE"}
            4.0 a < OFFERS M-O1 of M-S0: cpus(allocated: rec):4; mem(allocated: rec):1024
            4.0 202
        "#]],
    );
}

#[test]
fn resubscribing_sets_the_suppressed_roles_anew_and_drops_their_filters() {
    check(
        r#"agent 0 cpus:4;mem:1024
           subscribe a
           a {"type": "DECLINE", "decline": {"offer_ids": [{"value": "M-O0"}], "filters": {"refuse_seconds": 3600}}}
           a {"type": "SUPPRESS"}
           subscribe a again
           advance 1"#,
        expect![[r#"
            > agent 0 cpus:4;mem:1024
            0.0 agent 0 < Registered M-S0
            > subscribe a
            0.0 200 stream
            0.0 a < SUBSCRIBED M-0000
            0.0 a < HEARTBEAT
            0.0 a < OFFERS M-O0 of M-S0: cpus(allocated: rec):4; mem(allocated: rec):1024
            > a {"type": "DECLINE", "decline": {"offer_ids": [{"value": "M…
            0.0 202
            > a {"type": "SUPPRESS"}
            0.0 202
            > subscribe a again
            0.0 200 stream
            0.0 old stream < ERROR Framework failed over
            0.0 old stream ends
            0.0 agent 0 < UpdateFramework a
            0.0 a < SUBSCRIBED M-0000
            0.0 a < HEARTBEAT
            > advance 1
            1.0 a < OFFERS M-O1 of M-S0: cpus(allocated: rec):4; mem(allocated: rec):1024
        "#]],
    );
}

#[test]
fn the_framework_that_has_less_goes_first() {
    check(
        r#"agent 0 cpus:4;mem:1024
           subscribe a
           subscribe b {"roles": ["other"]}
           a launch O0 t1 cpus:3;mem:64 ex1
           advance 1
           b {"type": "DECLINE", "decline": {"offer_ids": [{"value": "M-O1"}]}}
           advance 1"#,
        expect![[r#"
            > agent 0 cpus:4;mem:1024
            0.0 agent 0 < Registered M-S0
            > subscribe a
            0.0 200 stream
            0.0 a < SUBSCRIBED M-0000
            0.0 a < HEARTBEAT
            0.0 a < OFFERS M-O0 of M-S0: cpus(allocated: rec):4; mem(allocated: rec):1024
            > subscribe b {"roles": ["other"]}
            0.0 200 stream
            0.0 b < SUBSCRIBED M-0001
            0.0 b < HEARTBEAT
            > a launch O0 t1 cpus:3;mem:64 ex1
            0.0 agent 0 < RunTasks t1 on new ex1
            0.0 202
            > advance 1
            1.0 b < OFFERS M-O1 of M-S0: cpus(allocated: other):0.9; mem(allocated: other):928
            > b {"type": "DECLINE", "decline": {"offer_ids": [{"value": "M…
            1.0 202
            > advance 1
            2.0 a < OFFERS M-O2 of M-S0: cpus(allocated: rec):0.9; mem(allocated: rec):928 with ex1
        "#]],
    );
}

#[test]
fn reserved_resources_go_to_their_role_and_those_below_it() {
    check(
        r#"agent 0 cpus:2;cpus(eng):1;mem:512;mem(sales):64
           subscribe a {"roles": ["eng/dev"]}
           subscribe b {"roles": ["sales"]}
           subscribe c {"roles": ["eng"]}"#,
        expect![[r#"
            > agent 0 cpus:2;cpus(eng):1;mem:512;mem(sales):64
            0.0 agent 0 < Registered M-S0
            > subscribe a {"roles": ["eng/dev"]}
            0.0 200 stream
            0.0 a < SUBSCRIBED M-0000
            0.0 a < HEARTBEAT
            0.0 a < OFFERS M-O0 of M-S0: cpus(allocated: eng/dev)(reservations: [(STATIC,eng)]):1; cpus(allocated: eng/dev):2; mem(allocated: eng/dev):512
            > subscribe b {"roles": ["sales"]}
            0.0 200 stream
            0.0 b < SUBSCRIBED M-0001
            0.0 b < HEARTBEAT
            0.0 b < OFFERS M-O1 of M-S0: mem(allocated: sales)(reservations: [(STATIC,sales)]):64
            > subscribe c {"roles": ["eng"]}
            0.0 200 stream
            0.0 c < SUBSCRIBED M-0002
            0.0 c < HEARTBEAT
        "#]],
    );
}

#[test]
fn too_little_is_not_offered_unless_a_framework_says_so() {
    check(
        r#"agent 0 cpus:0.005;mem:16;disk:100
           subscribe a
           subscribe b {"offer_filters": {"rec": {"min_allocatable_resources": {"quantities": [{"quantities": {"disk": {"value": 100}}}]}}}}"#,
        expect![[r#"
            > agent 0 cpus:0.005;mem:16;disk:100
            0.0 agent 0 < Registered M-S0
            > subscribe a
            0.0 200 stream
            0.0 a < SUBSCRIBED M-0000
            0.0 a < HEARTBEAT
            > subscribe b {"offer_filters": {"rec": {"min_allocatable_reso…
            0.0 200 stream
            0.0 b < SUBSCRIBED M-0001
            0.0 b < HEARTBEAT
            0.0 b < OFFERS M-O0 of M-S0: cpus(allocated: rec):0.005; mem(allocated: rec):16; disk(allocated: rec):100
        "#]],
    );
}

#[test]
fn gpus_are_kept_for_frameworks_that_know_them() {
    check(
        r#"agent 0 cpus:4;mem:1024;gpus:1
           subscribe a
           subscribe b {"capabilities": [{"type": "MULTI_ROLE"}, {"type": "GPU_RESOURCES"}]}"#,
        expect![[r#"
            > agent 0 cpus:4;mem:1024;gpus:1
            0.0 agent 0 < Registered M-S0
            > subscribe a
            0.0 200 stream
            0.0 a < SUBSCRIBED M-0000
            0.0 a < HEARTBEAT
            > subscribe b {"capabilities": [{"type": "MULTI_ROLE"}, {"type…
            0.0 200 stream
            0.0 b < SUBSCRIBED M-0001
            0.0 b < HEARTBEAT
            0.0 b < OFFERS M-O0 of M-S0: cpus(allocated: rec):4; mem(allocated: rec):1024; gpus(allocated: rec):1
        "#]],
    );
}

#[test]
fn an_agent_that_comes_is_offered_at_once_and_rescinded_when_it_is_lost() {
    check(
        r#"subscribe a
           agent 0 cpus:4;mem:1024
           agent 1 cpus:2;mem:512
           lost 0
           left 1"#,
        expect![[r#"
            > subscribe a
            0.0 200 stream
            0.0 a < SUBSCRIBED M-0000
            0.0 a < HEARTBEAT
            > agent 0 cpus:4;mem:1024
            0.0 agent 0 < Registered M-S0
            0.0 a < OFFERS M-O0 of M-S0: cpus(allocated: rec):4; mem(allocated: rec):1024
            > agent 1 cpus:2;mem:512
            0.0 agent 1 < Registered M-S1
            0.0 a < OFFERS M-O1 of M-S1: cpus(allocated: rec):2; mem(allocated: rec):512
            > lost 0
            0.0 a < RESCIND M-O0
            > left 1
            0.0 a < RESCIND M-O1
            0.0 a < FAILURE executor None status None
        "#]],
    );
}

#[test]
fn an_offer_that_nobody_answers_is_rescinded_and_made_again() {
    let timeouts = Timeouts {
        offer: Some(Duration::from_secs(2)),
        ..Timeouts::default()
    };
    check_with(
        timeouts,
        r#"agent 0 cpus:4;mem:1024
           subscribe a
           ---
           advance 3.5
           a {"type": "ACCEPT", "accept": {"offer_ids": [{"value": "M-O0"}]}}
           advance 0.5
           a {"type": "DECLINE", "decline": {"offer_ids": [{"value": "M-O1"}]}}
           advance 2"#,
        expect![[r#"
            > advance 3.5
            2.0 a < RESCIND M-O0
            3.0 a < OFFERS M-O1 of M-S0: cpus(allocated: rec):4; mem(allocated: rec):1024
            > a {"type": "ACCEPT", "accept": {"offer_ids": [{"value": "M-O…
            3.5 202
            > advance 0.5
            > a {"type": "DECLINE", "decline": {"offer_ids": [{"value": "M…
            4.0 202
            > advance 2
        "#]],
    );
}

#[test]
fn what_was_declined_elsewhere_is_not_offered_with_an_agent_that_comes() {
    check(
        r#"agent 0 cpus:4;mem:1024
           subscribe a
           a {"type": "DECLINE", "decline": {"offer_ids": [{"value": "M-O0"}], "filters": {"refuse_seconds": 0}}}
           ---
           agent 1 cpus:2;mem:1024
           advance 1"#,
        expect![[r#"
            > agent 1 cpus:2;mem:1024
            0.0 agent 1 < Registered M-S1
            0.0 a < OFFERS M-O1 of M-S1: cpus(allocated: rec):2; mem(allocated: rec):1024
            > advance 1
            1.0 a < OFFERS M-O2 of M-S0: cpus(allocated: rec):4; mem(allocated: rec):1024
        "#]],
    );
}

#[test]
fn in_one_run_each_offer_counts_for_the_next() {
    check(
        r#"disturb delay_offers for_ms=1000
           subscribe a
           subscribe b {"roles": ["rec", "other"]}
           agent 0 cpus:4;mem:1024
           agent 1 cpus:2;mem:1024
           agent 2 cpus:2;mem:1024
           agent 3 cpus:2;mem:1024
           ---
           advance 1"#,
        expect![[r#"
            > advance 1
            1.0 a < OFFERS M-O1 of M-S1: cpus(allocated: rec):2; mem(allocated: rec):1024
            1.0 b < OFFERS M-O0 of M-S0: cpus(allocated: other):4; mem(allocated: other):1024 | M-O2 of M-S2: cpus(allocated: rec):2; mem(allocated: rec):1024 | M-O3 of M-S3: cpus(allocated: other):2; mem(allocated: other):1024
        "#]],
    );
}

#[test]
fn of_roles_that_have_nothing_the_one_with_fewer_offers_goes_first() {
    check(
        r#"subscribe a {"roles": ["one"]}
           subscribe b {"roles": ["two"]}
           ---
           agent 0 cpus:4;mem:1024
           a {"type": "DECLINE", "decline": {"offer_ids": [{"value": "M-O0"}], "filters": {"refuse_seconds": 0}}}
           advance 1
           b {"type": "DECLINE", "decline": {"offer_ids": [{"value": "M-O1"}], "filters": {"refuse_seconds": 0}}}
           advance 1"#,
        expect![[r#"
            > agent 0 cpus:4;mem:1024
            0.0 agent 0 < Registered M-S0
            0.0 a < OFFERS M-O0 of M-S0: cpus(allocated: one):4; mem(allocated: one):1024
            > a {"type": "DECLINE", "decline": {"offer_ids": [{"value": "M…
            0.0 202
            > advance 1
            1.0 b < OFFERS M-O1 of M-S0: cpus(allocated: two):4; mem(allocated: two):1024
            > b {"type": "DECLINE", "decline": {"offer_ids": [{"value": "M…
            1.0 202
            > advance 1
            2.0 a < OFFERS M-O2 of M-S0: cpus(allocated: one):4; mem(allocated: one):1024
        "#]],
    );
}

#[test]
fn a_framework_of_several_roles_is_offered_each_agent_in_one_of_them() {
    check(
        r#"subscribe a {"roles": ["one", "two"]}
           ---
           agent 0 cpus:4;mem:1024
           agent 1 cpus:4;mem:1024
           agent 2 cpus:4;mem:1024;cpus(one):1
           a {"type": "DECLINE", "decline": {"offer_ids": [{"value": "M-O0"}]}}
           a {"type": "SUPPRESS", "suppress": {"roles": ["one"]}}
           advance 1
           a {"type": "SUPPRESS", "suppress": {"roles": ["three", "two"]}}
           a {"type": "REVIVE", "revive": {"roles": ["three", "one"]}}
           a {"type": "REVIVE", "revive": {"roles": ["one"]}}"#,
        expect![[r#"
            > agent 0 cpus:4;mem:1024
            0.0 agent 0 < Registered M-S0
            0.0 a < OFFERS M-O0 of M-S0: cpus(allocated: one):4; mem(allocated: one):1024
            > agent 1 cpus:4;mem:1024
            0.0 agent 1 < Registered M-S1
            0.0 a < OFFERS M-O1 of M-S1: cpus(allocated: two):4; mem(allocated: two):1024
            > agent 2 cpus:4;mem:1024;cpus(one):1
            0.0 agent 2 < Registered M-S2
            0.0 a < OFFERS M-O2 of M-S2: cpus(allocated: one)(reservations: [(STATIC,one)]):1; cpus(allocated: one):4; mem(allocated: one):1024
            > a {"type": "DECLINE", "decline": {"offer_ids": [{"value": "M…
            0.0 202
            > a {"type": "SUPPRESS", "suppress": {"roles": ["one"]}}
            0.0 202
            > advance 1
            1.0 a < OFFERS M-O3 of M-S0: cpus(allocated: two):4; mem(allocated: two):1024
            > a {"type": "SUPPRESS", "suppress": {"roles": ["three", "two"…
            1.0 202
            > a {"type": "REVIVE", "revive": {"roles": ["three", "one"]}}
            1.0 202
            > a {"type": "REVIVE", "revive": {"roles": ["one"]}}
            1.0 202
        "#]],
    );
}

#[test]
fn a_framework_of_one_role_is_offered_what_is_reserved_for_it_without_allocation() {
    check(
        r#"agent 0 cpus:4;mem:1024;cpus(old):1
           subscribe a {"roles": [], "role": "old", "capabilities": []}"#,
        expect![[r#"
            > agent 0 cpus:4;mem:1024;cpus(old):1
            0.0 agent 0 < Registered M-S0
            > subscribe a {"roles": [], "role": "old", "capabilities": []}
            0.0 200 stream
            0.0 a < SUBSCRIBED M-0000
            0.0 a < HEARTBEAT
            0.0 a < OFFERS M-O0 of M-S0: cpus(reservations: [(STATIC,old)]):1; cpus:4; mem:1024
        "#]],
    );
}

#[test]
fn what_is_left_of_an_agent_is_offered_in_the_order_of_mesos() {
    check(
        r#"agent 0 cpus:2;cpus(rec):1;mem:1024;mem(rec):512;disk:2048
           ---
           subscribe a {"roles": ["other", "rec"]}
           a {"type": "DECLINE", "decline": {"offer_ids": [{"value": "M-O0"}, {"value": "M-O1"}], "filters": {"refuse_seconds": 0}}}
           a {"type": "SUPPRESS", "suppress": {"roles": ["other"]}}
           advance 1"#,
        expect![[r#"
            > subscribe a {"roles": ["other", "rec"]}
            0.0 200 stream
            0.0 a < SUBSCRIBED M-0000
            0.0 a < HEARTBEAT
            0.0 a < OFFERS M-O0 of M-S0: cpus(allocated: other):2; mem(allocated: other):1024; disk(allocated: other):2048 | M-O1 of M-S0: mem(allocated: rec)(reservations: [(STATIC,rec)]):512; cpus(allocated: rec)(reservations: [(STATIC,rec)]):1
            > a {"type": "DECLINE", "decline": {"offer_ids": [{"value": "M…
            0.0 202
            > a {"type": "SUPPRESS", "suppress": {"roles": ["other"]}}
            0.0 202
            > advance 1
            1.0 a < OFFERS M-O2 of M-S0: cpus(allocated: rec)(reservations: [(STATIC,rec)]):1; mem(allocated: rec)(reservations: [(STATIC,rec)]):512; cpus(allocated: rec):2; mem(allocated: rec):1024; disk(allocated: rec):2048
        "#]],
    );
}
