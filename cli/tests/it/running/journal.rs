//! What a running job remembers, read by others.

use serde_json::Value;

use super::{job, patient, stop};
use crate::support::{Running, Scene};

/// A job with two tasks that print five lines each and wait.
fn printing(scene: &Scene) -> Running {
    let tasks = "  \
  talk: { module: guests/actor, count: 2, cpus: 0.1, mem: 32MiB, args: [print, '5'] }
  mute: { module: guests/actor, cpus: 0.1, mem: 32MiB }";
    let mut running = job(scene, "wait", tasks, &[]);
    for _ in 0..2 {
        running.wait_for("the last line", |line| line.contains("line 4 of 5"));
    }
    running
}

fn lines(scene: &Scene, arguments: &[&str]) -> Vec<String> {
    let ended = scene.start(&[&["logs"], arguments].concat()).wait();
    ended.assert_code(0);
    ended.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn lines_of_tasks_groups_and_patterns_are_shown_in_their_order() {
    let scene = Scene::new();
    let job = printing(&scene);
    let of_task = |name: &str| -> Vec<String> {
        let line = |number| format!("{name:<9} | line {number} of 5");
        (0..5).map(line).collect()
    };
    assert_eq!(lines(&scene, &["talk-0"]), of_task("talk-0"));
    assert_eq!(lines(&scene, &["talk-?", "--tail", "0"]), [""; 0]);
    assert_eq!(
        lines(&scene, &["talk-1", "-n", "2"]),
        of_task("talk-1")[3..]
    );
    for both in [&["talk"][..], &["*-0", "talk-1"], &["talk-*"]] {
        let lines = lines(&scene, both);
        assert_eq!(lines.len(), 10, "{both:?}");
        for name in ["talk-0", "talk-1"] {
            let mut of_it = lines.clone();
            of_it.retain(|line| line.starts_with(name));
            assert_eq!(of_it, of_task(name), "{both:?}");
        }
    }
    assert_eq!(lines(&scene, &["mute"]), [""; 0]);
    let all = lines(&scene, &["--since", "2000-01-01"]);
    assert!(all.len() > 10, "{all:#?}");
    assert_eq!(lines(&scene, &["--since", "2100-01-01"]), [""; 0]);
    let of_scheduler = lines(&scene, &["scheduler", "--since", "1h"]);
    assert_eq!(of_scheduler[0], "scheduler | director is up: wait");

    let told = scene.start(&["logs", "talk-1", "--output", "json"]).wait();
    let told = told.events();
    assert_eq!(told.len(), 5);
    let places = told.iter().map(|line| line["seq"].as_u64());
    assert!(places.is_sorted(), "{told:?}");
    for (name, value) in [
        ("event", "output"),
        ("task", "talk-1"),
        ("stream", "stdout"),
    ] {
        assert!(told.iter().all(|line| line[name] == value), "{told:?}");
    }
    stop(&scene, job);
    scene.assert_clean();
}

#[test]
fn whoever_follows_reads_to_the_end_of_the_job() {
    let scene = Scene::new();
    let job = printing(&scene);
    let mut lines = scene.start(&["logs", "--follow"]);
    lines.wait_for("a line of before", |line| line.contains("line 4 of 5"));
    let mut events = scene.start(&["events", "-f", "--output", "json"]);
    events.wait_for("an event of before", |line| line.contains("app_started"));
    let ended = stop(&scene, job);

    let lines = lines.wait();
    lines.assert_code(0);
    let sorted = |text: &str| {
        let mut lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        lines.sort_unstable();
        lines.join("\n")
    };
    assert_eq!(sorted(&lines.stdout), sorted(&ended.stdout));
    let events = events.wait();
    events.assert_code(0);
    let last = events.events().pop().unwrap();
    assert_eq!(last["event"], "outcome");
    assert_eq!(last["exit_code"], 130);
    assert!(last["seq"].is_u64() && last["time"].is_string(), "{last}");
    scene.assert_clean();
}

#[test]
fn a_reader_that_has_seen_enough_and_one_that_interrupts_go_quietly() {
    let scene = Scene::new();
    let job = printing(&scene);
    let mut head = scene.start(&["logs", "-f"]);
    head.wait_for("a line", |_| true);
    head.close_stdout();
    // There is nobody for this line.
    scene.start(&["kill", "mute-0"]).wait().assert_code(0);
    let head = head.wait();
    head.assert_code(0);
    assert_eq!(head.stderr, "");

    let mut follower = scene.start(&["logs", "-f"]);
    follower.wait_for("a line", |_| true);
    follower.signal(rustix::process::Signal::INT);
    let follower = follower.wait();
    follower.assert_code(130);
    assert_eq!(follower.stderr, "");
    stop(&scene, job);
    scene.assert_clean();
}

#[test]
fn events_are_lines_with_their_time() {
    let scene = Scene::new();
    let job = patient(&scene, &[]);
    let shown = scene.start(&["events"]).wait();
    shown.assert_code(0);
    let running = shown.stdout.lines().filter(|line| {
        let rest = line.get(19..).unwrap_or_default();
        rest.starts_with(" task task=echo-") && rest.contains(" state=TASK_RUNNING")
    });
    assert_eq!(running.count(), 2, "{}", shown.stdout);
    let told = scene
        .start(&["events", "-n", "1", "--output", "json"])
        .wait();
    let told: Vec<Value> = told.events();
    assert_eq!(told.len(), 1);
    // What comes last depends on when executors say that they are done.
    assert!(told[0]["event"].is_string(), "{}", told[0]);
    assert!(shown.stdout.contains(" app_started\n"), "{}", shown.stdout);
    stop(&scene, job);
    scene.assert_clean();
}
