//! Scripts about offers: what is held, declined and wished for.

use expect_test::expect;

use super::play::check;

#[test]
fn a_gang_that_does_not_fit_is_not_launched_in_part() {
    check(
        &["small*1 cpus:1", "large*1 cpus:2"],
        "
        subscribe
        offer o1 a1 cpus:1.5 o2 a2 cpus:1.5
        offer o3 a3 cpus:8
        ",
        &expect![[r#"
            0s subscribe
                report Subscribed { framework: fw, first: true }
                event Registered
            0s offer o1 a1 cpus:1.5 o2 a2 cpus:1.5
                report waiting 1: on offer are 2 agents; no place for 1 of 1 `large`: one and its executor need 2.1 cpus, the most that any agent offers is 1.5 (`a2.test`); it would fit with 0.6 more cpus on `a2.test`
            0s offer o3 a3 cpus:8
                report waiting 1 is over
                report Placed { tasks: 2, agents: 1 }
                ACCEPT [o3] on a3: job.r.1 cpus:0.1 with [small-0.r.1 cpus:1, large-0.r.1 cpus:2]
                event TaskLaunched small-0
                event TaskLaunched large-0
                DECLINE [o1, o2] for 60s
                SUPPRESS
        "#]],
    );
}

#[test]
fn offers_are_collected_over_batches_and_given_back_together() {
    check(
        &["t*2 cpus:1"],
        "
        subscribe | offer o1 a1 cpus:1.5 | advance 4 | offer o2 a2 cpus:0.5 | rescind o1
        offer o3 a3 cpus:1.5 | advance 20
        ",
        &expect![[r#"
            0s subscribe
                report Subscribed { framework: fw, first: true }
                event Registered
            0s offer o1 a1 cpus:1.5
                report waiting 1: on offer is 1 agent; no place for 1 of 2 `t`: 0.6 cpus are missing in all; it would fit with 0.6 more cpus on `a1.test`, or with 1 more agent like `a1.test`
            4s offer o2 a2 cpus:0.5
                DECLINE [o2] for 30s
                report waiting 1: on offer are 2 agents; no place for 1 of 2 `t`: 0.1 cpus are missing in all; it would fit with 0.6 more cpus on `a1.test`, or with 1 more agent like `a1.test`
            4s rescind o1
                event OfferRescinded
            4s offer o3 a3 cpus:1.5
            5s
                report waiting 1: on offer is 1 agent; no place for 1 of 2 `t`: 0.6 cpus are missing in all; it would fit with 0.6 more cpus on `a3.test`, or with 1 more agent like `a3.test`
            14s
                DECLINE [o3] for 10s
        "#]],
    );
}

#[test]
fn a_gang_that_never_fits_ends_with_the_reason() {
    check(
        &["t*2 cpus:8"],
        "subscribe | advance 20 | offer o1 a1 cpus:4 | advance 300",
        &expect![[r#"
            0s subscribe
                report Subscribed { framework: fw, first: true }
                event Registered
            3s
                report waiting 1: no agent offers anything
            20s offer o1 a1 cpus:4
                DECLINE [o1] for 30s
                report waiting 1: on offer is 1 agent; no place for 2 of 2 `t`: one and its executor need 8.1 cpus, the most that any agent offers is 4 (`a1.test`); it would fit with 12.1 more cpus on `a1.test`
            300s
                report Stopping(NeverPlaced(NoPlace(Shortfall { agents: 1, leftovers: [Leftover { group: "t", tasks: 2, count: 2, obstacle: TooLarge { resource: Amount("cpus"), wanted: Scalar(8100), most: Scalar(4000), hostname: "a1.test" }, stops: [Stop { cause: Resource(Amount("cpus")), agents: 1 }] }], certainty: Impossible, remedies: [MoreOnAgent { hostname: "a1.test", amounts: [("cpus", Scalar(12100))] }] })))
                event Shutdown
                report waiting 1 is over
                TEARDOWN
                finished, never placed: on offer is 1 agent; no place for 2 of 2 `t`: one and its executor need 8.1 cpus, the most that any agent offers is 4 (`a1.test`); it would fit with 12.1 more cpus on `a1.test`
        "#]],
    );
}

#[test]
fn a_wish_that_did_not_reach_the_master_is_said_again() {
    check(
        &["t*1 cpus:1"],
        "subscribe | offer o1 a1 cpus:4 | suppress fails | advance 2",
        &expect![[r#"
            0s subscribe
                report Subscribed { framework: fw, first: true }
                event Registered
            0s offer o1 a1 cpus:4
                report Placed { tasks: 1, agents: 1 }
                ACCEPT [o1] on a1: job.r.1 cpus:0.1 with [t-0.r.1 cpus:1]
                event TaskLaunched t-0
                SUPPRESS
            0s suppress fails
            1s
                SUPPRESS
        "#]],
    );
}

#[test]
fn why_a_gang_does_not_fit_is_told_at_once_and_then_once_a_second() {
    check(
        &["t*9 cpus:1"],
        "
        subscribe
        offer o1 a1 cpus:1.5 | advance 0.2
        offer o2 a2 cpus:1.5 | advance 0.2
        offer o3 a3 cpus:1.5 | advance 0.7
        offer o4 a4 cpus:1.5
        ",
        &expect![[r#"
            0s subscribe
                report Subscribed { framework: fw, first: true }
                event Registered
            0s offer o1 a1 cpus:1.5
                report waiting 1: on offer is 1 agent; no place for 8 of 9 `t`: 7.6 cpus are missing in all; it would fit with 7.6 more cpus on `a1.test`, or with 8 more agents like `a1.test`
            0.2s offer o2 a2 cpus:1.5
            0.4s offer o3 a3 cpus:1.5
            1s
                report waiting 1: on offer are 3 agents; no place for 6 of 9 `t`: 4.6 cpus are missing in all; it would fit with 5.6 more cpus on `a1.test`, or with 6 more agents like `a1.test`
            1.1s offer o4 a4 cpus:1.5
        "#]],
    );
}

#[test]
fn the_last_misfit_is_told_although_its_offers_are_gone() {
    check(
        &["t*9 cpus:1"],
        "
        subscribe
        offer o1 a1 cpus:1.5 | advance 0.2
        offer o2 a2 cpus:0.5 o3 a3 cpus:3.1 | rescind o1 | rescind o3 | disconnect | advance 1
        ",
        &expect![[r#"
            0s subscribe
                report Subscribed { framework: fw, first: true }
                event Registered
            0s offer o1 a1 cpus:1.5
                report waiting 1: on offer is 1 agent; no place for 8 of 9 `t`: 7.6 cpus are missing in all; it would fit with 7.6 more cpus on `a1.test`, or with 8 more agents like `a1.test`
            0.2s offer o2 a2 cpus:0.5 o3 a3 cpus:3.1
                DECLINE [o2] for 30s
            0.2s rescind o1
                event OfferRescinded
            0.2s rescind o3
                event OfferRescinded
            0.2s disconnect
                event Disconnected
                report Disconnected { reason: "broken pipe" }
            1s
                report waiting 1: on offer are 3 agents; no place for 5 of 9 `t`: 4 cpus are missing in all; it would fit with 4.6 more cpus on `a1.test`, or with 2 more agents like `a3.test`
        "#]],
    );
}

#[test]
fn a_gang_that_ends_for_want_of_room_names_what_was_offered_last() {
    check(
        &["t*9 cpus:1"],
        "
        subscribe | advance 299.5
        offer o1 a1 cpus:1.5 | advance 0.2
        offer o2 a2 cpus:1.5 | advance 1
        ",
        &expect![[r#"
            0s subscribe
                report Subscribed { framework: fw, first: true }
                event Registered
            3s
                report waiting 1: no agent offers anything
            299.5s offer o1 a1 cpus:1.5
                report waiting 1: on offer is 1 agent; no place for 8 of 9 `t`: 7.6 cpus are missing in all; it would fit with 7.6 more cpus on `a1.test`, or with 8 more agents like `a1.test`
            299.7s offer o2 a2 cpus:1.5
            300s
                report waiting 1: on offer are 2 agents; no place for 7 of 9 `t`: 6.1 cpus are missing in all; it would fit with 6.6 more cpus on `a1.test`, or with 7 more agents like `a1.test`
                report Stopping(NeverPlaced(NoPlace(Shortfall { agents: 2, leftovers: [Leftover { group: "t", tasks: 7, count: 9, obstacle: TooLittle { resource: Amount("cpus"), missing: Scalar(6100) }, stops: [Stop { cause: Resource(Amount("cpus")), agents: 2 }] }], certainty: Impossible, remedies: [MoreOnAgent { hostname: "a1.test", amounts: [("cpus", Scalar(6600))] }, MoreAgents { agents: 7, hostname: "a1.test" }] })))
                event Shutdown
                report waiting 1 is over
                DECLINE [o1, o2] for 60s
                TEARDOWN
                finished, never placed: on offer are 2 agents; no place for 7 of 9 `t`: 6.1 cpus are missing in all; it would fit with 6.6 more cpus on `a1.test`, or with 7 more agents like `a1.test`
        "#]],
    );
}
