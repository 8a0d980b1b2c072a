//! What is said of some events, and that nothing in them reaches a terminal as it is.

use expect_test::{Expect, expect};
use framework::TotalTraffic;

use super::*;

#[track_caller]
fn check(event: &Event<'_>, expected: &Expect) {
    let mut names = Names::default();
    names.align(["elevator-1"]);
    let (kind, line) = match render(event, names) {
        Rendered::Result(line) => ("stdout", line),
        Rendered::Talk(line) => ("stderr unless quiet", line),
        Rendered::Error(line) => ("stderr", line),
        Rendered::Nothing => ("nowhere", String::new()),
    };
    let plain = anstream::adapter::strip_str(&line).to_string();
    expected.assert_eq(&format!("{kind}:\n{plain}\n"));
}

#[test]
fn output_of_tasks_starts_in_one_column() {
    let event = Event::Output {
        task: "floor-1",
        stream: Stream::Stdout,
        time: None,
        line: "ding",
    };
    check(
        &event,
        &expect![[r#"
            stdout:
            floor-1    | ding
        "#]],
    );
}

#[test]
fn a_failed_task_is_told_with_state_reason_and_text() {
    let event = Event::Task {
        task: "a-0",
        state: "TASK_FAILED".to_owned(),
        agent: Some("S0"),
        reason: Some("REASON_EXECUTOR_TERMINATED".to_owned()),
        message: Some("Executor terminated"),
        usage: None,
    };
    check(
        &event,
        &expect![[r#"
            stderr:
                  Failed task `a-0`: TASK_FAILED (REASON_EXECUTOR_TERMINATED): Executor terminated
        "#]],
    );
}

#[test]
fn what_others_have_written_moves_no_cursor() {
    let evil = "a\x1b[2J\x1b]0;owned\x07b\r\u{9b}31m\u{202e}c";
    let texts = |text: &str| text.to_owned();
    let events = [
        Event::Disconnected { reason: evil },
        Event::Waiting {
            reason: texts(evil),
        },
        Event::Warning { message: evil },
        Event::Lost { message: evil },
        Event::PlannedAgent {
            agent: "S0",
            hostname: evil,
            tasks: [("floor", 1)].into(),
        },
        Event::Planned {
            job: "job",
            fits: false,
            tasks: 1,
            agents: 1,
            reason: Some(texts(evil)),
            remedies: Vec::new(),
            exit_code: 1,
        },
        Event::Task {
            task: evil,
            state: "TASK_FAILED".to_owned(),
            agent: Some(evil),
            reason: Some(texts(evil)),
            message: Some(evil),
            usage: None,
        },
        Event::Output {
            task: evil,
            stream: Stream::Stderr,
            time: None,
            line: evil,
        },
        Event::Error {
            message: texts(evil),
            causes: vec![texts(evil)],
            help: Some(texts(evil)),
        },
        Event::Stopping {
            reason: texts(evil),
        },
        Event::Finding {
            area: "master",
            level: "problem",
            message: evil,
            repair: Some(evil),
        },
        Event::Message {
            task: evil,
            message: evil,
        },
    ];
    for event in events {
        let (Rendered::Result(line) | Rendered::Talk(line) | Rendered::Error(line)) =
            render(&event, Names::default())
        else {
            panic!("{event:?} makes no line");
        };
        // What is left are the colours that are our own.
        let plain = anstream::adapter::strip_str(&line).to_string();
        let obeyed = |char: char| (char.is_control() && char != '\n') || char == '\u{202e}';
        assert!(plain.contains("abc"), "{event:?}: {line:?}");
        assert!(!plain.contains(obeyed), "{event:?}: {line:?}");
        assert!(!line.contains("[2J") && !line.contains("owned"), "{line:?}");
    }
}

#[test]
fn a_running_task_makes_no_line() {
    let event = Event::Task {
        task: "a-0",
        state: "TASK_RUNNING".to_owned(),
        agent: None,
        reason: None,
        message: None,
        usage: None,
    };
    check(
        &event,
        &expect![[r#"
            nowhere:

        "#]],
    );
}

#[test]
fn an_error_has_its_causes_and_a_hint() {
    let event = Event::Error {
        message: "failed to subscribe to `h:5050`".to_owned(),
        causes: vec!["connection refused".to_owned()],
        help: Some("is the master running?".to_owned()),
    };
    check(
        &event,
        &expect![[r#"
            stderr:
            error: failed to subscribe to `h:5050`
              caused by: connection refused

            hint: is the master running?
        "#]],
    );
}

#[test]
fn the_outcome_says_how_long_it_took() {
    let outcome = Outcome {
        job: "elevator",
        outcome: "succeeded",
        exit_code: 0,
        seconds: 10.25,
        tasks: 12,
        failures_ignored: 0,
        reason: None,
        channels: TotalTraffic::default().into(),
        usage: Total::default(),
        help: None,
    };
    let with_failures = Outcome {
        failures_ignored: 2,
        usage: Total {
            ends: 12,
            cpu_seconds: 0.321,
            memory_bytes_peak: 1_300_000,
            traps: 2,
        },
        ..outcome.clone()
    };
    check(
        &Event::Outcome(with_failures),
        &expect![[r#"
            stderr unless quiet:
                Finished job `elevator`: 12 tasks in 10.2s, 2 failures ignored (0.32s of CPU, at most 1.2 MiB in a task)
        "#]],
    );
    check(
        &Event::Outcome(outcome),
        &expect![[r#"
            stderr unless quiet:
                Finished job `elevator`: 12 tasks in 10.2s
        "#]],
    );
}
