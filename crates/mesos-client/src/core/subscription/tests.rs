//! Transcripts: lines of input on one side, what the machine wants and when on the other.

mod attempts;
mod losses;

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
