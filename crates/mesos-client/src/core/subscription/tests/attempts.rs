//! Whom to ask, and when again: until somebody takes the subscription.

use expect_test::expect;

use super::*;

#[test]
fn a_master_that_is_not_ready_is_asked_again_with_growing_delays() {
    check(
        scheduler(&["a"]),
        "start
        refused
        wait
        answer 404 404 Not Found.
        wait
        answer 503 Master has not finished recovery
        wait
        subscribed 15",
        expect![[r#"
            start
                     0 open #1 http://a:5050/
            refused
                     0 failed: cannot reach `it`: connection refused; again in 328
            wait
                   328 open #2 http://a:5050/
            answer 404 404 Not Found.
                   328 failed: `http://a:5050/` does not serve now, status 404: 404 Not Found.; again in 534
            wait
                   863 open #3 http://a:5050/
            answer 503 Master has not finished recovery
                   863 failed: `http://a:5050/` does not serve now, status 503: Master has not finished recovery; again in 479
            wait
                  1342 open #4 http://a:5050/
            subscribed 15
            next at 76342
        "#]],
    );
}

#[test]
fn a_redirect_is_followed_at_once_and_the_leader_comes_first_after_a_loss() {
    check(
        scheduler(&["a", "b"]),
        "start
        answer 307 to //leader:5053/master/api/v1/scheduler
        subscribed 15
        eof
        wait
        refused
        wait
        answer 503 No leader elected
        wait",
        expect![[r#"
            start
                     0 open #1 http://a:5050/
            answer 307 to //leader:5053/master/api/v1/scheduler
                     0 open #2 http://leader:5053/master/api/v1/scheduler
            subscribed 15
            eof
                     0 lost: the stream was closed
            wait
                   328 open #3 http://leader:5053/master/api/v1/scheduler
            refused
                   328 failed: cannot reach `it`: connection refused; again in 0
            wait
                   328 open #4 http://b:5050/
            answer 503 No leader elected
                   328 failed: `http://b:5050/` does not serve now, status 503: No leader elected; again in 534
            wait
                   863 open #5 http://a:5050/
            next at 15863
        "#]],
    );
}

#[test]
fn masters_that_point_at_each_other_are_left_after_some_redirects() {
    check(
        scheduler(&["a"]),
        "start
        answer 307 to //b:1/x
        answer 307 to //a:1/x
        answer 307 to //b:1/x
        answer 307 to //a:1/x
        answer 307 to //b:1/x",
        expect![[r#"
            start
                     0 open #1 http://a:5050/
            answer 307 to //b:1/x
                     0 open #2 http://b:1/x
            answer 307 to //a:1/x
                     0 open #3 http://a:1/x
            answer 307 to //b:1/x
                     0 open #4 http://b:1/x
            answer 307 to //a:1/x
                     0 open #5 http://a:1/x
            answer 307 to //b:1/x
                     0 failed: redirected to `//b:1/x`, which is not followed; again in 328
            next at 328
        "#]],
    );
}

#[test]
fn a_leader_that_cannot_be_subscribed_with_is_told_with_who_names_it() {
    check(
        scheduler(&["a"]),
        "start
        answer 307 to //leader:5053/x
        refused
        wait
        refused",
        expect![[r#"
            start
                     0 open #1 http://a:5050/
            answer 307 to //leader:5053/x
                     0 open #2 http://leader:5053/x
            refused
                     0 failed: `http://a:5050/` says that another master leads: cannot reach `it`: connection refused; again in 328
            wait
                   328 open #3 http://a:5050/
            refused
                   328 failed: cannot reach `it`: connection refused; again in 534
            next at 863
        "#]],
    );
}

#[test]
fn a_redirect_that_leads_nowhere_is_a_failure() {
    check(
        scheduler(&["a"]),
        "start
        answer 307
        wait
        answer 307 to nowhere",
        expect![[r#"
            start
                     0 open #1 http://a:5050/
            answer 307
                     0 failed: redirected to ``, which is not followed; again in 328
            wait
                   328 open #2 http://a:5050/
            answer 307 to nowhere
                   328 failed: redirected to `nowhere`, which is not followed; again in 534
            next at 863
        "#]],
    );
}

#[test]
fn every_master_is_tried_before_anything_is_waited_for() {
    check(
        scheduler(&["a", "b", "c"]),
        "start
        refused
        wait
        refused
        wait
        refused
        wait
        refused",
        expect![[r#"
            start
                     0 open #1 http://a:5050/
            refused
                     0 failed: cannot reach `it`: connection refused; again in 0
            wait
                     0 open #2 http://b:5050/
            refused
                     0 failed: cannot reach `it`: connection refused; again in 0
            wait
                     0 open #3 http://c:5050/
            refused
                     0 failed: cannot reach `it`: connection refused; again in 328
            wait
                   328 open #4 http://a:5050/
            refused
                   328 failed: cannot reach `it`: connection refused; again in 0
            next at 328
        "#]],
    );
}

#[test]
fn an_attempt_that_is_not_answered_ends() {
    check(
        scheduler(&["a"]),
        "start
        advance 14999
        advance 1",
        expect![[r#"
            start
                     0 open #1 http://a:5050/
            advance 14999
            advance 1
                 15000 close
                 15000 failed: `http://a:5050/` has not answered within 15s; again in 328
            next at 15328
        "#]],
    );
}

#[test]
fn what_no_repetition_changes_ends_it() {
    for (answer, end) in [
        (
            "answer 401 401 Unauthorized.",
            r#"Rejected { status: 401, text: "401 Unauthorized." }"#,
        ),
        (
            "answer 400 Failed to validate",
            r#"Rejected { status: 400, text: "Failed to validate" }"#,
        ),
        ("answer 415 x", r#"Rejected { status: 415, text: "x" }"#),
    ] {
        let mut machine = Subscription::new(scheduler(&["a", "b"]), fastrand::Rng::with_seed(1));
        let now = Instant::now();
        machine.handle(now, Input::Start);
        let (word, rest) = answer.split_once(' ').unwrap();
        machine.handle(now, input(word, rest));
        assert!(matches!(machine.poll_output(), Some(Output::Open { .. })));
        let output = machine.poll_output().map(|output| describe(&output));
        assert_eq!(output, Some(format!("ended: {end}")));
        machine.handle(now, Input::Start);
        assert_eq!(machine.poll_output(), None, "the end is the end");
        assert_eq!(machine.poll_timeout(), None);
    }
}

#[test]
fn a_detected_leader_is_followed() {
    check(
        detecting(),
        "start
        unknown `a`: connection refused
        nobody no master has registered there
        leader m1
        subscribed 15
        leader m1
        unknown `a`: eof
        nobody no master has registered there
        heard
        leader m2
        subscribed 15
        eof
        leader m3
        leader m4
        subscribed 15",
        expect![[r#"
            start
            unknown `a`: connection refused
                     0 failed: no leading master is known from `zk://a/mesos`: `a`: connection refused; again in 200
            nobody no master has registered there
                     0 failed: no leading master is known from `zk://a/mesos`: no master has registered there; again in 0
            leader m1
                     0 open #1 http://m1:5050/
            subscribed 15
            leader m1
            unknown `a`: eof
            nobody no master has registered there
            heard
            leader m2
                     0 close
                     0 lost: another master leads: `http://m2:5050/`
                     0 open #2 http://m2:5050/
            subscribed 15
            eof
                     0 lost: the stream was closed
            leader m3
                     0 open #3 http://m3:5050/
            leader m4
                     0 close
                     0 open #4 http://m4:5050/
            subscribed 15
            next at 75000
        "#]],
    );
}

#[test]
fn a_leader_that_does_not_answer_is_tried_again_until_there_is_another() {
    check(
        detecting(),
        "start
        leader m1
        refused
        wait
        refused
        leader m1
        wait
        answer 307 to //m2:5050/x
        subscribed 15
        leader m2
        nobody no master has registered there
        eof
        wait
        leader m2",
        expect![[r#"
            start
            leader m1
                     0 open #1 http://m1:5050/
            refused
                     0 failed: cannot reach `it`: connection refused; again in 328
            wait
                   328 open #2 http://m1:5050/
            refused
                   328 failed: cannot reach `it`: connection refused; again in 534
            leader m1
            wait
                   863 open #3 http://m1:5050/
            answer 307 to //m2:5050/x
                   863 open #4 http://m2:5050/x
            subscribed 15
            leader m2
            nobody no master has registered there
            eof
                   863 lost: the stream was closed
            wait
            leader m2
                  1342 open #5 http://m2:5050/
            next at 16342
        "#]],
    );
}
