//! What tasks print on a cluster that is not the program's own: read through the agents' files API.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use local_cluster::Faults;
use rustix::process::Signal;
use serde_json::Value;

use crate::documented::masked;
use crate::rig::Rig;
use crate::support::{Ended, Running, workspace};

fn job(director: &str, count: u32, actor: &str) -> String {
    format!(
        "job: printing
scheduler: {{ module: guests/director, args: [{director}] }}
defaults: {{ kill_grace: 200ms }}
tasks:
  actor: {{ module: guests/actor, count: {count}, cpus: 0.1, mem: 32MiB, args: [{actor}] }}
"
    )
}

/// Waits for a line of a task that contains `text`.
#[track_caller]
fn wait_for_line(running: &mut Running, text: &str) {
    running.wait_for(text, |line| {
        let event: Value = serde_json::from_str(line).expect("it is JSON");
        event["event"] == "output" && event["line"].as_str().is_some_and(|it| it.contains(text))
    });
}

#[track_caller]
fn assert_interrupted(ended: &Ended) {
    ended.assert_code(130);
    assert_eq!(ended.outcome()["outcome"], "interrupted");
}

/// `line 0 of N`, `line 1 of N` ….
fn lines(count: u32) -> Vec<String> {
    (0..count)
        .map(|number| format!("line {number} of {count}"))
        .collect()
}

/// The files of that name below a folder.
fn files(folder: &Path, name: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder can be read");
    let found = entries.map(|entry| {
        let entry = entry.expect("it can be read");
        let (path, kind) = (entry.path(), entry.file_type().expect("it is there"));
        match kind.is_dir() {
            true => files(&path, name),
            false if entry.file_name() == name => vec![path],
            false => Vec::new(),
        }
    });
    found.flatten().collect()
}

#[test]
fn lines_are_shown_while_the_job_runs_with_time_and_stream() {
    let rig = Rig::new(Faults::default(), 1);
    let mut running = rig.start(&job("wait", 2, "print, '5'"), &[]);
    wait_for_line(&mut running, "line 4 of 5");
    running.signal(Signal::INT);
    let ended = rig.finish(running);
    assert_interrupted(&ended);
    for task in ["actor-0", "actor-1"] {
        assert_eq!(ended.lines_of(task), lines(5));
    }
    let events = ended.events();
    let mut of_tasks = events.iter().filter(|event| event["task"] == "actor-0");
    let is_complete = |event: &Value| {
        let time = event["time"].as_str().unwrap_or_default();
        event["event"] != "output" || (event["stream"] == "stdout" && time.ends_with('Z'))
    };
    assert!(of_tasks.all(is_complete), "{events:#?}");
}

#[test]
fn what_is_printed_last_is_shown_before_the_end() {
    let rig = Rig::new(Faults::default(), 2);
    let running = rig.start(&job("return", 2, "print, '2000'"), &[]);
    let ended = rig.finish(running);
    ended.assert_code(0);
    for task in ["actor-0", "actor-1"] {
        assert_eq!(ended.lines_of(task), lines(2000));
    }
}

/// Five tasks within their share of `stdout` print more than one part of it holds.
#[test]
fn a_file_that_is_rotated_meanwhile_is_shown_whole() {
    const LINES: u32 = 34_000;
    let rig = Rig::new(Faults::default(), 3);
    let mut running = rig.start(&job("wait", 5, &format!("print, '{LINES}'")), &[]);
    let last = format!("line {} of {LINES}", LINES - 1);
    for _ in 0..5 {
        wait_for_line(&mut running, &last);
    }
    assert_eq!(files(&rig.scene.tmp(), "stdout.1").len(), 1);
    running.signal(Signal::INT);
    let ended = rig.finish(running);
    assert_interrupted(&ended);
    let mut of_tasks: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let text = |value: &Value| value.as_str().expect("it is text").to_owned();
    for event in ended.events() {
        if event["event"] == "output" {
            let task = of_tasks.entry(text(&event["task"])).or_default();
            task.push(text(&event["line"]));
        }
    }
    for number in 0..5 {
        assert!(of_tasks[&format!("actor-{number}")] == lines(LINES));
    }
}

#[test]
fn a_flood_is_told_and_holds_nothing_up() {
    let rig = Rig::new(Faults::default(), 4);
    let mut running = rig.start(&job("wait", 2, "flood"), &[]);
    // Both in the order and in the words of the page.
    let page = fs::read_to_string(workspace().join("docs/output.md")).expect("it can be read");
    let shown = page
        .lines()
        .filter_map(|line| line.split_once("WARN output: "));
    let shown: Vec<_> = shown
        .map(|(_, text)| text.replace("floor-", "actor-"))
        .collect();
    for line in &shown {
        running.wait_for(line, |printed| {
            let event: Value = serde_json::from_str(printed).expect("lines are JSON");
            let text = event["line"]
                .as_str()
                .and_then(|it| it.split_once("output: "));
            text.is_some_and(|(_, text)| masked(text) == masked(line))
        });
    }
    assert_eq!(shown.len(), 2);
    running.signal(Signal::INT);
    let ended = rig.finish(running);
    assert_interrupted(&ended);
}

#[test]
fn an_agent_that_cannot_be_asked_is_told_once_and_the_job_goes_on() {
    let mut rig = Rig::new(Faults::default(), 5);
    let mut running = rig.start(&job("wait", 1, "print, '5'"), &[]);
    wait_for_line(&mut running, "line 4 of 5");
    rig.stop_agent();
    running.wait_for("the warning", |line| line.contains("cannot be shown"));
    rig.start_agent();
    running.signal(Signal::INT);
    let ended = rig.finish(running);
    assert_interrupted(&ended);
    let events = ended.events();
    let warnings = events.iter().filter(|event| event["event"] == "warning");
    let about_output = warnings.filter(|event| {
        let message = event["message"].as_str().expect("warnings have a message");
        message.contains("cannot be shown")
    });
    assert_eq!(about_output.count(), 1, "{events:#?}");
    assert_eq!(ended.lines_of("actor-0"), lines(5));
}
