//! Jobs that succeed.

use std::collections::BTreeSet;

use crate::support::{Ended, Scene};

#[track_caller]
fn agents_of_running_tasks(ended: &Ended) -> (BTreeSet<String>, BTreeSet<String>) {
    let events = ended.events();
    let running = events
        .iter()
        .filter(|event| event["event"] == "task" && event["state"] == "TASK_RUNNING");
    running
        .map(|event| {
            let text = |key: &str| event[key].as_str().expect("it is text").to_owned();
            (text("task"), text("agent"))
        })
        .unzip()
}

/// The line of the summary that depends on the arguments alone.
#[track_caller]
fn seeded_summary(ended: &Ended) -> String {
    let mut lines = ended.lines_of("scheduler").into_iter();
    let line = lines.find(|line| line.starts_with("summary: ") && line.contains("riders"));
    line.unwrap_or_else(|| panic!("no summary in:\n{}", ended.stdout))
}

const ELEVATOR: [&str; 5] = ["run", "elevator.yaml", "--output", "json", "--quiet"];
const ELEVATOR_ARGS: [&str; 7] = ["--", "--seconds", "3", "--seed", "7", "--speed", "4"];

#[test]
fn the_elevator_job_runs_its_twelve_tasks_and_delivers_its_riders() {
    let scene = Scene::new();
    let ended = scene.run(&[&ELEVATOR[..], &ELEVATOR_ARGS].concat());
    ended.assert_code(0);
    assert_eq!(ended.outcome()["outcome"], "succeeded");
    let (tasks, agents) = agents_of_running_tasks(&ended);
    assert_eq!(tasks.len(), 12, "{tasks:?}");
    assert_eq!(agents.len(), 1, "{agents:?}");
    let first = seeded_summary(&ended);
    let mut numbers = first
        .split(|char: char| !char.is_ascii_digit())
        .filter(|text| !text.is_empty());
    let mut number = || numbers.next().and_then(|text| text.parse::<u32>().ok());
    let (riders, delivered) = (number(), number());
    assert!(riders > Some(0) && delivered == riders, "{first}");

    let again = Scene::new().run(&[&ELEVATOR[..], &ELEVATOR_ARGS].concat());
    assert_eq!(
        seeded_summary(&again),
        first,
        "the same seed brings the same riders"
    );
}

#[test]
fn on_three_agents_the_elevator_job_has_three_executors() {
    let scene = Scene::new();
    let ended = scene.run(&[&ELEVATOR[..], &["--agents", "3"], &ELEVATOR_ARGS].concat());
    ended.assert_code(0);
    let (tasks, agents) = agents_of_running_tasks(&ended);
    assert_eq!((tasks.len(), agents.len()), (12, 3));
}

#[test]
fn hello_is_a_whole_job() {
    let scene = Scene::new();
    let ended = scene.run(&["run", "examples/hello/hello.yaml", "--output", "json"]);
    ended.assert_code(0);
    let said = ended.lines_of("scheduler");
    assert!(
        said.iter().any(|line| line.starts_with("7 tasks said")),
        "{said:?}"
    );
    let took: Vec<_> = ended
        .events()
        .into_iter()
        .filter(|event| event["event"] == "task" && event["state"] == "TASK_FINISHED")
        .map(|event| event["usage"].clone())
        .collect();
    assert_eq!(took.len(), 7, "{took:?}");
    for usage in &took {
        for key in ["cpu_seconds", "memory_bytes_peak", "messages_out"] {
            assert!(usage[key].as_f64() > Some(0.0), "{key}: {usage}");
        }
    }
    let total = &ended.outcome()["usage"];
    assert_eq!((&total["ends"], &total["traps"]), (&7.into(), &0.into()));
    assert!(total["cpu_seconds"].as_f64() >= took[0]["cpu_seconds"].as_f64());
}

#[test]
fn echo_counts_every_message_in_every_mode() {
    for mode in ["ping", "stream", "oneway"] {
        let scene = Scene::new();
        let run = ["run", "examples/echo/echo.yaml", "--output", "json", "--"];
        let ended = scene.run(&[&run[..], &["--mode", mode, "--messages", "300"]].concat());
        ended.assert_code(0);
        let lines = ended.lines_of("scheduler");
        let [line] = &lines[..] else {
            panic!("one line, not {lines:?}");
        };
        let report: serde_json::Value = serde_json::from_str(line).expect("it is JSON");
        assert_eq!(report["mode"], mode);
        for (key, count) in [("tasks", 2), ("sent", 600), ("received", 600), ("lost", 0)] {
            assert_eq!(report[key], count, "{key} in {line}");
        }
    }
}

#[test]
fn every_task_answers_and_no_line_is_lost_or_garbled() {
    let scene = Scene::new();
    let job = scene.job(
        "job: printing
scheduler: { module: guests/director, args: [greet] }
tasks:
  printer: { module: guests/actor, count: 5, cpus: 0.1, mem: 32MiB, args: [print, '400'] }
",
    );
    let ended = scene.run(&["run", &job.display().to_string(), "--output", "json"]);
    ended.assert_code(0);
    let expected: Vec<_> = (0..400)
        .map(|number| format!("line {number} of 400"))
        .collect();
    for number in 0..5 {
        let task = format!("printer-{number}");
        assert_eq!(ended.lines_of(&task), expected, "lines of {task}");
        let answer = format!("{task} says hello {task}");
        assert!(
            ended.lines_of("scheduler").contains(&answer),
            "{}",
            ended.stdout
        );
    }
    let channels = &ended.outcome()["channels"];
    let bytes = "hello printer-0".len() * 5;
    for direction in ["sent", "received"] {
        assert_eq!(channels[format!("messages_{direction}")], 5, "{channels}");
        assert_eq!(channels[format!("bytes_{direction}")], bytes, "{channels}");
    }
}

#[test]
fn task_output_is_told_apart_by_name_and_talk_goes_to_stderr() {
    let scene = Scene::new();
    let job = scene.job(
        "job: talking
scheduler: { module: guests/director, args: [greet] }
tasks:
  printer: { module: guests/actor, count: 1, cpus: 0.1, mem: 32MiB, args: [print, '1'] }
",
    );
    let ended = scene.run(&["run", &job.display().to_string()]);
    ended.assert_code(0);
    let mut lines: Vec<_> = ended.stdout.lines().collect();
    lines.sort_unstable();
    let expected = [
        "printer-0 | line 0 of 1",
        "scheduler | director is up: greet",
        "scheduler | printer-0 says hello printer-0",
    ];
    assert_eq!(lines, expected);
    assert!(
        ended.stderr.contains("Finished job `talking`: 1 task in"),
        "{}",
        ended.stderr
    );
}

#[test]
fn build_makes_the_modules_and_check_finds_them_in_order() {
    let scene = Scene::new();
    let built = scene.run(&["build", "examples/hello/hello.yaml", "--output", "json"]);
    built.assert_code(0);
    let modules = built
        .events()
        .iter()
        .filter(|event| event["event"] == "module")
        .count();
    assert_eq!(modules, 3, "{}", built.stdout);
    let checked = scene.run(&["check", "examples/hello/hello.yaml", "--output", "json"]);
    checked.assert_code(0);
    let last = checked.events().pop().expect("there is an event");
    assert_eq!(
        (&last["event"], &last["tasks"]),
        (&"checked".into(), &7.into())
    );
}
