//! The host against the real task and against faulty ones, on channels in memory.

use std::thread;

use mesosgot_sdk::testing::{self, TaskEnds};
use mesosgot_sdk::{Event, EventKind};

use super::*;
use crate::report::Report;

/// Runs the host with two tasks that do `task`.
fn run(args: &str, task: fn(TaskEnds) -> Result<(), Error>) -> (Result<(), String>, Report) {
    let (inbox, outbox, events, job) = testing::scheduler();
    let tasks = [job.add_task("echo"), job.add_task("echo")];
    let threads = tasks.map(|ends| {
        let job = job.clone();
        thread::spawn(move || {
            let name = ends.name.clone();
            let kind = match task(ends) {
                Ok(()) => EventKind::TaskFinished,
                Err(_) => EventKind::TaskFailed,
            };
            job.push_event(Event::of_task(kind, name));
        })
    });
    let settings = Settings::parse(Args::new(args.split_whitespace())).expect("good arguments");
    let mut run = Run::new(inbox, outbox, events, settings).expect("there are tasks");
    let outcome = run.run().map_err(|error| error.to_string());
    let report = run.into_report();
    for thread in threads {
        thread.join().expect("tasks do not panic");
    }
    (outcome, report)
}

/// The real task.
fn echo(ends: TaskEnds) -> Result<(), Error> {
    echo_task::echo(ends.inbox, ends.outbox, Args::default(), Env::default())
}

/// A task that answers what `answers` makes of each message and its number.
fn faulty(ends: &TaskEnds, answers: impl Fn(u64) -> Vec<u64>) -> Result<(), Error> {
    ends.inbox.recv();
    for message in &ends.inbox {
        let number = echo_messages::read(&message).ok_or("it is numbered")?;
        for answer in answers(number) {
            ends.outbox
                .send(echo_messages::write(answer, message.len()))?;
        }
    }
    Ok(())
}

fn verdict(report: &Report) -> String {
    let verdict = report.verdict();
    verdict.map_or_else(|error| error.to_string(), |()| "good".to_owned())
}

#[test]
fn every_mode_counts_all_messages_of_all_tasks() {
    for args in [
        "--mode ping --messages 20",
        "--mode stream --messages 3000 --window 256",
        "--mode stream --messages 3 --window 256",
        "--mode stream --messages 30 --window 1",
        "--mode stream --messages 30 --window 4 --size 100000",
        "--mode oneway --messages 3000",
        "--mode oneway --messages 5 --size 3000000 --window 1",
    ] {
        let (outcome, report) = run(args, echo);
        assert_eq!(outcome, Ok(()), "{args}");
        assert_eq!(verdict(&report), "good", "{args}");
        assert_eq!(report.sent, 2 * report.settings.messages, "{args}");
        assert_eq!(report.tally.received, report.sent, "{args}");
    }
}

#[test]
fn a_report_is_one_line_of_json() {
    let (_, mut report) = run("--mode ping --messages 5", echo);
    report.time = std::time::Duration::from_millis(4);
    report.round_trips = histogram::Histogram::default();
    assert_eq!(
        report.to_string(),
        r#"{"mode":"ping","tasks":2,"size":20,"window":64,"sent":10,"received":10,"lost":0,"duplicated":0,"reordered":0,"damaged":0,"seconds":0.004000,"msgs_per_s":2500,"rtt_p50_us":null,"rtt_p99_us":null}"#
    );
    let (_, report) = run("--mode ping --messages 5", echo);
    assert!(!report.to_string().contains("null"), "{report}");
}

#[test]
fn what_is_lost_doubled_or_late_fails_the_run() {
    let args = "--mode stream --messages 10 --window 10 --patience 0.05";
    let lost = |ends: TaskEnds| {
        faulty(
            &ends,
            |number| if number == 3 { vec![] } else { vec![number] },
        )
    };
    let (outcome, report) = run(args, lost);
    assert_eq!(outcome, Ok(()));
    assert_eq!(verdict(&report), "of 20 messages: 2 lost");

    let doubled = |ends: TaskEnds| {
        faulty(&ends, |number| {
            if number == 3 {
                vec![3, 3]
            } else {
                vec![number]
            }
        })
    };
    assert_eq!(
        verdict(&run(args, doubled).1),
        "of 20 messages: 2 duplicated"
    );

    let late = |ends: TaskEnds| {
        faulty(&ends, |number| match number {
            3 => vec![],
            4 => vec![4, 3],
            number => vec![number],
        })
    };
    assert_eq!(verdict(&run(args, late).1), "of 20 messages: 2 reordered");

    let invented = |ends: TaskEnds| faulty(&ends, |number| vec![number + 1]);
    assert_eq!(
        verdict(&run("--mode ping --messages 1 --patience 0.05", invented).1),
        "of 1 messages: 1 lost, 1 damaged"
    );
}

#[test]
fn a_ping_without_an_answer_is_lost() {
    let lost = |ends: TaskEnds| {
        faulty(
            &ends,
            |number| if number == 3 { vec![] } else { vec![number] },
        )
    };
    let (outcome, report) = run("--mode ping --messages 10 --patience 0.05", lost);
    assert_eq!(outcome, Ok(()));
    assert_eq!(verdict(&report), "of 7 messages: 1 lost");
}

#[test]
fn a_task_that_ends_early_is_told_by_name() {
    let leaves = |ends: TaskEnds| {
        if ends.name == "echo-1" {
            ends.inbox.recv();
            return Err(Error::msg("enough"));
        }
        echo(ends)
    };
    for mode in ["ping", "stream"] {
        let args = format!("--mode {mode} --messages 100");
        let (outcome, _) = run(&args, leaves);
        let error = outcome.expect_err("a task is gone");
        assert!(
            error == "task `echo-1` has ended early: TaskFailed"
                || error.starts_with("failed to send"),
            "{error}"
        );
    }
}
