//! Transcripts: lines of input on one side, what the machine wants and when on the other.

use expect_test::{Expect, expect};

use super::*;

/// Two masters, and the timing of a scheduler.
fn scheduler(masters: &[&str]) -> Rules {
    Rules {
        targets: Targets::Fixed(masters.iter().map(|master| endpoint(master)).collect()),
        backoff: Backoff {
            first: Duration::from_millis(500),
            max: Duration::from_secs(15),
        },
        answer_timeout: Duration::from_secs(15),
        first_patience: None,
        patience: None,
        untold_heartbeat: None,
    }
}

/// Masters that are detected, and the timing of a scheduler.
fn detecting() -> Rules {
    Rules {
        targets: Targets::Detected(None),
        ..scheduler(&[])
    }
}

/// One agent, and the timing of an executor with a patience of its own.
fn executor(patience: Duration) -> Rules {
    Rules {
        targets: Targets::Fixed(vec![endpoint("agent")]),
        backoff: Backoff {
            first: Duration::from_millis(500),
            max: Duration::from_millis(500),
        },
        answer_timeout: Duration::from_secs(15),
        first_patience: Some(Duration::from_secs(60)),
        patience: Some(patience),
        untold_heartbeat: Some(Duration::from_secs(1800)),
    }
}

fn endpoint(host: &str) -> Endpoint {
    Endpoint::parse(host, 5050, "/").unwrap()
}

/// Feeds the lines of `script` and compares what came out.
///
/// `wait` goes to the next deadline, `advance <ms>` runs the clock, every other line is an input
/// at the present moment.
#[track_caller]
fn check(rules: Rules, script: &str, expected: Expect) {
    let start = Instant::now();
    let mut now = start;
    let mut machine = Subscription::new(rules, fastrand::Rng::with_seed(1));
    let mut transcript = String::new();
    for line in script
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        transcript += &format!("{line}\n");
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let input = match word {
            "wait" => {
                now = machine.poll_timeout().expect("there is a deadline");
                Input::Timeout
            }
            "advance" => {
                now += Duration::from_millis(rest.parse().unwrap());
                Input::Timeout
            }
            _ => input(word, rest),
        };
        machine.handle(now, input);
        while let Some(output) = machine.poll_output() {
            let at = (now - start).as_millis();
            transcript += &format!("    {at:>6} {}\n", describe(&output));
        }
    }
    if let Some(due) = machine.poll_timeout() {
        transcript += &format!("next at {}\n", (due - start).as_millis());
    }
    expected.assert_eq(&transcript);
}

fn input(word: &str, rest: &str) -> Input {
    match word {
        "start" => Input::Start,
        "answer" => {
            let (status, text) = rest.split_once(' ').unwrap_or((rest, ""));
            let (location, text) = match text.strip_prefix("to ") {
                Some(location) => (Some(location.to_owned()), String::new()),
                None => (None, text.to_owned()),
            };
            let status = status.parse().unwrap();
            Input::Answered {
                status,
                location,
                text,
            }
        }
        "refused" => Input::Failed(DisconnectReason::Unreachable {
            endpoint: "it".to_owned(),
            detail: "connection refused".to_owned(),
        }),
        "eof" => Input::Failed(DisconnectReason::Closed),
        "subscribed" => Input::Subscribed {
            heartbeat: rest.parse().ok().map(Duration::from_secs),
        },
        "heard" => Input::Heard,
        "heartbeat" => Input::Heartbeat,
        "leader" => Input::Leader(endpoint(rest)),
        "nobody" => Input::NoLeader(no_leader(rest)),
        "unknown" => Input::NotDetected {
            reason: no_leader(rest),
            retry_in: Duration::from_millis(200),
        },
        "error" => Input::Error {
            message: rest.to_owned(),
        },
        "not-subscribed" => Input::NotSubscribed {
            generation: rest.parse().unwrap(),
        },
        other => panic!("no such input: {other}"),
    }
}

fn no_leader(detail: &str) -> DisconnectReason {
    DisconnectReason::NoLeader {
        place: "zk://a/mesos".to_owned(),
        detail: detail.to_owned(),
    }
}

fn describe(output: &Output) -> String {
    match output {
        Output::Open {
            generation,
            endpoint,
        } => format!("open #{generation} {endpoint}"),
        Output::Close => "close".to_owned(),
        Output::Lost(reason) => format!("lost: {reason}"),
        Output::AttemptFailed { reason, retry_in } => {
            format!("failed: {reason}; again in {}", retry_in.as_millis())
        }
        Output::Ended(end) => format!("ended: {end:?}"),
    }
}

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

#[test]
fn durations_beyond_the_clock_mean_never() {
    let mut rules = executor(Duration::MAX);
    rules.answer_timeout = Duration::MAX;
    rules.first_patience = Some(Duration::MAX);
    let mut machine = Subscription::new(rules, fastrand::Rng::with_seed(1));
    let now = Instant::now();
    let heartbeat = Some(Duration::MAX);
    machine.handle(now, Input::Start);
    machine.handle(now, Input::Subscribed { heartbeat });
    machine.handle(now, Input::Heard);
    assert_eq!(machine.poll_timeout(), Some(now + EVER));
    machine.handle(now, Input::Failed(DisconnectReason::Closed));
    assert!(
        machine
            .poll_timeout()
            .is_some_and(|until| until < now + EVER)
    );
}

#[test]
fn an_event_before_subscribed_does_not_make_a_subscription() {
    check(
        executor(Duration::ZERO),
        "start
        heard
        eof",
        expect![[r#"
            start
                     0 open #1 http://agent:5050/
            heard
            eof
                     0 failed: the stream was closed; again in 328
            next at 328
        "#]],
    );
}

#[test]
fn no_input_in_any_order_makes_it_panic_or_open_twice() {
    let words = [
        "start",
        "answer 307 to //x:1/",
        "answer 503",
        "refused",
        "eof",
        "subscribed 15",
        "subscribed",
        "heard",
        "not-subscribed 3",
        "wait",
        "advance 100000",
        "answer 307",
    ];
    for seed in 0..200 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut machine = Subscription::new(scheduler(&["a", "b"]), random.fork());
        let mut now = Instant::now();
        let mut open = false;
        for _ in 0..200 {
            let line = random.choice(words).unwrap();
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            let input = match word {
                "wait" => Input::Timeout,
                "advance" => {
                    now += Duration::from_millis(rest.parse().unwrap());
                    Input::Timeout
                }
                _ => input(word, rest),
            };
            // These say that the shell has no connection any more.
            if matches!(input, Input::Failed(_) | Input::Answered { .. }) {
                if !open {
                    continue;
                }
                open = false;
            }
            let was_connecting = matches!(machine.state, State::Connecting(_));
            if matches!(input, Input::Answered { .. }) && !was_connecting {
                open = true;
                continue;
            }
            machine.handle(now, input);
            while let Some(output) = machine.poll_output() {
                match output {
                    Output::Open { .. } => {
                        assert!(!open, "seed {seed}: one connection at a time");
                        open = true;
                    }
                    Output::Close => open = false,
                    _ => {}
                }
            }
        }
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
