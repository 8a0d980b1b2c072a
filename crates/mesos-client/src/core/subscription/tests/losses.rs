//! How streams are lost, and what follows.

use expect_test::expect;

use super::*;

#[test]
fn five_missed_heartbeats_end_the_stream_and_any_event_counts() {
    check(
        scheduler(&["a"]),
        "start
        subscribed 15
        advance 74999
        heard
        advance 74999
        advance 1
        wait",
        expect![[r#"
            start
                     0 open #1 http://a:5050/
            subscribed 15
            advance 74999
            heard
            advance 74999
            advance 1
                149999 close
                149999 lost: nothing was heard for 75s
            wait
                150327 open #2 http://a:5050/
            next at 165327
        "#]],
    );
}

#[test]
fn without_an_interval_silence_is_no_loss() {
    check(
        executor(Duration::ZERO),
        "start
        subscribed
        advance 3600000
        heard",
        expect![[r#"
            start
                     0 open #1 http://agent:5050/
            subscribed
            advance 3600000
            heard
        "#]],
    );
}

#[test]
fn heartbeats_that_come_untold_are_counted_on_from_the_first() {
    check(
        executor(Duration::from_secs(60)),
        "start
        subscribed
        advance 86400000
        heartbeat
        advance 8999999
        heard
        wait
        wait
        subscribed
        advance 86400000",
        expect![[r#"
            start
                     0 open #1 http://agent:5050/
            subscribed
            advance 86400000
            heartbeat
            advance 8999999
            heard
            wait
                104399999 close
                104399999 lost: nothing was heard for 9000s
            wait
                104400327 open #2 http://agent:5050/
            subscribed
            advance 86400000
        "#]],
    );
}

#[test]
fn a_call_that_is_not_subscribed_ends_its_own_stream_only() {
    check(
        scheduler(&["a"]),
        "start
        subscribed 15
        not-subscribed 1
        wait
        subscribed 15
        not-subscribed 1
        not-subscribed 2",
        expect![[r#"
            start
                     0 open #1 http://a:5050/
            subscribed 15
            not-subscribed 1
                     0 close
                     0 lost: a call was told that there is no subscription
            wait
                   328 open #2 http://a:5050/
            subscribed 15
            not-subscribed 1
            not-subscribed 2
                   328 close
                   328 lost: a call was told that there is no subscription
            next at 863
        "#]],
    );
}

#[test]
fn an_error_event_ends_it_before_and_after_subscribed() {
    check(
        scheduler(&["a"]),
        "start
        error Framework has been removed
        eof",
        expect![[r#"
            start
                     0 open #1 http://a:5050/
            error Framework has been removed
                     0 close
                     0 ended: Error { message: "Framework has been removed" }
            eof
        "#]],
    );
    check(
        scheduler(&["a"]),
        "start
        subscribed 15
        error Framework failed over
        eof",
        expect![[r#"
            start
                     0 open #1 http://a:5050/
            subscribed 15
            error Framework failed over
                     0 close
                     0 ended: Error { message: "Framework failed over" }
            eof
        "#]],
    );
}

#[test]
fn streams_that_end_at_once_slow_us_down_until_one_lasts() {
    check(
        scheduler(&["a"]),
        "start
        subscribed 15
        eof
        wait
        subscribed 15
        eof
        wait
        subscribed 15
        eof
        wait
        subscribed 15
        advance 15000
        eof",
        expect![[r#"
            start
                     0 open #1 http://a:5050/
            subscribed 15
            eof
                     0 lost: the stream was closed
            wait
                   328 open #2 http://a:5050/
            subscribed 15
            eof
                   328 lost: the stream was closed
            wait
                   863 open #3 http://a:5050/
            subscribed 15
            eof
                   863 lost: the stream was closed
            wait
                  1342 open #4 http://a:5050/
            subscribed 15
            advance 15000
            eof
                 16342 lost: the stream was closed
            next at 16731
        "#]],
    );
}

#[test]
fn without_patience_the_first_failure_after_a_loss_is_the_last() {
    check(
        executor(Duration::ZERO),
        "start
        refused
        wait
        subscribed
        eof
        wait
        subscribed
        eof
        wait
        refused",
        expect![[r#"
            start
                     0 open #1 http://agent:5050/
            refused
                     0 failed: cannot reach `it`: connection refused; again in 328
            wait
                   328 open #2 http://agent:5050/
            subscribed
            eof
                   328 lost: the stream was closed
            wait
                   328 open #3 http://agent:5050/
            subscribed
            eof
                   328 lost: the stream was closed
            wait
                   328 open #4 http://agent:5050/
            refused
                   328 ended: OutOfPatience(Unreachable { endpoint: "it", detail: "connection refused" })
        "#]],
    );
}

#[test]
fn with_checkpointing_an_agent_may_take_its_recovery_timeout() {
    check(
        executor(Duration::from_secs(2)),
        "start
        subscribed
        eof
        wait
        refused
        wait
        answer 503 Agent has not finished recovery
        advance 1000
        answer 503 Agent has not finished recovery
        advance 1000
        answer 503 Agent has not finished recovery",
        expect![[r#"
            start
                     0 open #1 http://agent:5050/
            subscribed
            eof
                     0 lost: the stream was closed
            wait
                   328 open #2 http://agent:5050/
            refused
                   328 failed: cannot reach `it`: connection refused; again in 267
            wait
                   595 open #3 http://agent:5050/
            answer 503 Agent has not finished recovery
                   595 failed: `http://agent:5050/` does not serve now, status 503: Agent has not finished recovery; again in 119
            advance 1000
                  1595 open #4 http://agent:5050/
            answer 503 Agent has not finished recovery
                  1595 failed: `http://agent:5050/` does not serve now, status 503: Agent has not finished recovery; again in 389
            advance 1000
                  2595 open #5 http://agent:5050/
            answer 503 Agent has not finished recovery
                  2595 ended: OutOfPatience(Unavailable { endpoint: "http://agent:5050/", status: 503, text: "Agent has not finished recovery" })
        "#]],
    );
}
