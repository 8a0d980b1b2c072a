//! Jobs with the console as app scheduler: messages in a pipe.

use std::io::Write as _;
use std::thread;

use expect_test::expect;
use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Ended, Running, Scene};

fn job(tasks: &str) -> String {
    format!(
        "job: talk
scheduler: console
defaults: {{ cpus: 0.1, mem: 32MiB, kill_grace: 5s }}
tasks:
{tasks}"
    )
}

/// Starts a job, `--quiet`: it says nothing but messages.
fn start(scene: &Scene, tasks: &str, flags: &[&str]) -> Running {
    let job = scene.job(&job(tasks));
    let job = job.to_str().expect("the path is text");
    let args = [&["run", job, "--quiet"], flags].concat();
    scene.start_fed(&args)
}

const ECHOES: &str = "  echo: { module: guests/actor, count: 2, args: [echo] }
  other: { module: guests/actor, count: 1, args: [echo] }
";

/// Ends stdin and waits for the end of a job that has gone well.
#[track_caller]
fn finish(scene: &Scene, mut running: Running) -> Ended {
    drop(running.take_stdin());
    let ended = running.wait();
    scene.assert_clean();
    ended.assert_code(0);
    ended
}

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<_> = text.lines().collect();
    lines.sort_unstable();
    lines
}

#[test]
fn lines_go_to_tasks_and_their_messages_are_lines() {
    let scene = Scene::new();
    let mut running = start(&scene, ECHOES, &[]);
    running.feed(b"echo-0: one\necho-1:two\n\nother: three: \x1b[2J\xff\n*: all\necho: both\n");
    // The last line has no end.
    running.feed(b"other-0:  last");
    let ended = finish(&scene, running);
    assert_eq!(
        sorted(&ended.stdout),
        [
            "echo-0: all",
            "echo-0: both",
            "echo-0: one",
            "echo-1: all",
            "echo-1: both",
            "echo-1: two",
            "other-0:  last",
            "other-0: all",
            "other-0: three: \\x1b[2J\\xff",
        ]
    );
    let of_other = ended
        .stdout
        .lines()
        .filter(|line| line.starts_with("other"));
    let in_order = [
        "other-0: three: \\x1b[2J\\xff",
        "other-0: all",
        "other-0:  last",
    ];
    assert_eq!(of_other.collect::<Vec<_>>(), in_order);
    assert_eq!(ended.stderr, "");
}

#[test]
fn the_example_greets_whom_it_is_told_to() {
    let scene = Scene::new();
    let mut running = scene.start_fed(&["run", "examples/hello/console.yaml", "--quiet"]);
    running.feed(b"greeter-0: start\n");
    let ended = finish(&scene, running);
    assert_eq!(
        sorted(&ended.stdout),
        [
            "greeter-0: good morning, world",
            "greeter-0: goodbye",
            "greeter-0: hello",
            "greeter-1: hello",
        ]
    );
}

#[test]
fn a_message_is_answered_while_stdin_goes_on() {
    let scene = Scene::new();
    let mut running = start(&scene, ECHOES, &[]);
    for number in 0..3 {
        running.feed(format!("echo-1: {number}\n").as_bytes());
        let line = running.wait_for("the answer", |_| true);
        assert_eq!(line, format!("echo-1: {number}\n"));
    }
    finish(&scene, running);
}

#[test]
fn with_json_each_message_is_an_event() {
    let scene = Scene::new();
    let mut running = start(&scene, ECHOES, &["--output", "json"]);
    running.feed(b"echo-0: \"tab\t and \xff\n");
    let ended = finish(&scene, running);
    let mut events = ended.events().into_iter();
    let message = events.find(|event| event["event"] == "message");
    let expected = r#"{"event":"message","task":"echo-0","message":"\"tab\t and \\xff"}"#;
    let expected: Value = serde_json::from_str(expected).expect("it is JSON");
    assert_eq!(message, Some(expected));
    assert_eq!(ended.outcome()["outcome"], "succeeded");
}

#[test]
fn lines_that_cannot_be_sent_are_told_with_their_numbers_and_the_job_goes_on() {
    let scene = Scene::new();
    let job = scene.job(&job(ECHOES));
    let job = job.to_str().expect("the path is text");
    // What is lost is told to the quiet as well.
    let mut running = scene.start_fed(&["run", job, "--quiet"]);
    running.feed(b"hello\nnobody: x\nno name: x\necho-0: ");
    running.feed(&vec![b'x'; 17 << 20]);
    running.feed(b"\necho-0: fine\n");
    let ended = finish(&scene, running);
    assert_eq!(ended.stdout, "echo-0: fine\n");
    let warnings = ended
        .stderr
        .lines()
        .filter(|line| line.starts_with("warning"));
    let warnings: String = warnings.map(|line| format!("{line}\n")).collect();
    expect![[r#"
        warning: line 1 of stdin was not sent: it does not say to whom; write `TASK: MESSAGE`
        warning: line 2 of stdin was not sent: no task or group is called `nobody`; the groups are `echo`, `other`, a task is `echo-0`, and `*` is all tasks
        warning: line 3 of stdin was not sent: what stands before the colon is no name; write `TASK: MESSAGE`
        warning: line 4 of stdin was not sent: it is longer than a message can be, 16777216 bytes
    "#]].assert_eq(&warnings);
}

#[test]
fn without_input_the_job_ends_when_its_tasks_have_ended() {
    let scene = Scene::new();
    let burst = "  burst: { module: guests/actor, count: 2, args: [burst, '300'] }\n";
    let job = scene.job(&job(burst));
    let ended = scene.run(&["run", job.to_str().expect("the path is text")]);
    ended.assert_code(0);
    let messages = |task: &str| {
        let name = format!("{task}: ");
        let mut lines = ended.stdout.lines();
        lines
            .by_ref()
            .filter(|line| line.starts_with(&name))
            .count()
    };
    assert_eq!((messages("burst-0"), messages("burst-1")), (300, 300));

    // Also when more could be sent: nobody would take it.
    let running = start(&scene, burst, &[]);
    let ended = running.wait();
    scene.assert_clean();
    ended.assert_code(0);
    assert_eq!(ended.stdout.lines().count(), 600);
}

#[test]
fn what_tasks_print_is_apart_from_their_messages() {
    let scene = Scene::new();
    let printer = "  printer: { module: guests/actor, count: 1, args: [print, '2'] }\n";
    let mut running = start(&scene, printer, &[]);
    running.feed(b"printer-0: a message\n");
    let ended = finish(&scene, running);
    assert_eq!(ended.stdout, "printer-0: a message\n");
    expect![[r#"
        printer-0 | line 0 of 2
        printer-0 | line 1 of 2
    "#]]
    .assert_eq(&ended.stderr);
}

/// More than all queues between writer and reader hold.
#[test]
fn a_slow_reader_holds_up_tasks_and_writer_and_loses_nothing() {
    const LINES: usize = 6000;
    let line = |number: usize| format!("echo-0: {number} {}\n", "~".repeat(1000));
    let scene = Scene::new();
    let mut running = start(&scene, ECHOES, &[]);
    let mut stdin = running.take_stdin();
    let writer = thread::spawn(move || {
        for number in 0..LINES {
            stdin
                .write_all(line(number).as_bytes())
                .expect("somebody reads");
        }
    });
    running.wait_until_full();
    assert!(!writer.is_finished(), "it is held up");
    let ended = running.wait();
    writer.join().expect("all was written");
    scene.assert_clean();
    ended.assert_code(0);
    assert_eq!(ended.stdout.lines().count(), LINES);
    assert!(
        ended.stdout == (0..LINES).map(line).collect::<String>(),
        "in order"
    );
}

#[test]
fn a_reader_that_goes_away_ends_the_job() {
    let scene = Scene::new();
    let mut running = start(&scene, ECHOES, &[]);
    running.feed(b"echo-0: one\n");
    running.wait_for("the answer", |_| true);
    running.close_stdout();
    running.feed(b"echo-0: two\n");
    let ended = running.wait();
    scene.assert_clean();
    ended.assert_code(130);
}

#[test]
fn an_interrupt_ends_the_job_although_stdin_goes_on() {
    let scene = Scene::new();
    let mut running = start(&scene, ECHOES, &[]);
    running.feed(b"echo-0: one\n");
    running.wait_for("the answer", |_| true);
    running.signal(Signal::INT);
    let ended = running.wait();
    scene.assert_clean();
    ended.assert_code(130);
}

#[test]
fn a_console_takes_no_arguments() {
    let scene = Scene::new();
    let job = scene.job(&job(ECHOES));
    let job = job.to_str().expect("the path is text");
    let ended = scene.run(&["run", job, "--quiet", "--", "--seconds", "3"]);
    ended.assert_code(2);
    expect![[r#"
        error: `scheduler: console` takes no arguments: ["--seconds", "3"]

        hint: leave out `--` and what stands behind it
    "#]]
    .assert_eq(&ended.stderr);
}
