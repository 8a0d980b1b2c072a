//! Tasks that come back, and tasks that are added while the job runs.

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Ended, Scene};

/// Runs a job of these groups under `director`, with as much time to be up as `timeout`.
#[track_caller]
fn run(director: &str, timeout: &str, groups: &str) -> Ended {
    let scene = Scene::new();
    let job = scene.job(&text(director, timeout, groups));
    scene.run(&["run", &job.display().to_string(), "--output", "json"])
}

fn text(director: &str, timeout: &str, groups: &str) -> String {
    format!(
        "job: policies
scheduler: {{ module: guests/director, args: {director} }}
gang: {{ timeout: {timeout} }}
defaults: {{ cpus: 0.1, mem: 32MiB, restart: {{ backoff: 100ms, max: 2 }} }}
tasks:
{groups}
"
    )
}

#[test]
fn a_task_that_fails_comes_back_with_its_name_and_a_fresh_channel() {
    let ended = run(
        "[revive, 2]",
        "1m",
        "  bad: { module: guests/actor, args: [obey, out of luck], on_failure: restart }
  good: { module: guests/actor }",
    );
    ended.assert_code(0);
    assert_eq!(
        ended.lines_of("scheduler"),
        [
            "director is up: revive",
            "TaskFailed: out of luck, 1 undelivered",
            "bad-0 says are you back",
            "TaskFailed: out of luck, 1 undelivered",
            "bad-0 says are you back",
        ]
    );
}

#[test]
fn a_task_that_fails_too_often_ends_the_job_with_what_it_said() {
    let ended = run(
        "[wait]",
        "1m",
        "  bad: { module: guests/actor, args: [broken, beyond repair], on_failure: restart }",
    );
    ended.assert_code(1);
    let outcome = ended.outcome();
    assert_eq!(outcome["outcome"], "failed", "{outcome}");
    let reason = outcome["reason"].as_str().expect("a failure has a reason");
    for text in [
        "`bad-0` TASK_FAILED",
        "beyond repair",
        "restarted 2 times within 600s",
    ] {
        assert!(reason.contains(text), "`{text}` is not in `{reason}`");
    }
}

#[test]
fn tasks_come_back_together_when_their_executor_is_killed() {
    let scene = Scene::new();
    let group = "  echo: { module: guests/actor, count: 3, on_failure: restart }";
    let job = scene.job(&text("[bury, 3]", "1m", group));
    let job = job.display().to_string();
    let mut running = scene.start(&["run", &job, "--output", "json"]);
    running.wait_for("the app scheduler is up", |line| {
        line.contains("director is up")
    });
    let executors = scene.executors();
    assert!(
        !executors.is_empty(),
        "the executor is a process of its own"
    );
    for pid in executors {
        let pid = Pid::from_raw(pid).expect("a process id is not zero");
        // A helper of the executor may end with it, before its turn.
        let _ = kill_process(pid, Signal::KILL);
    }
    let ended = running.wait();
    scene.assert_clean();
    ended.assert_code(0);
    let mut said = ended.lines_of("scheduler");
    said.sort();
    assert_eq!(
        said,
        [
            "director is up: bury",
            "echo-0 says hello echo-0",
            "echo-1 says hello echo-1",
            "echo-2 says hello echo-2",
        ]
    );
    let placed = |events: &[serde_json::Value]| {
        let placed = events.iter().filter(|event| event["event"] == "placed");
        placed
            .map(|event| event["tasks"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(placed(&ended.events()), [3, 3]);
}

#[test]
fn tasks_are_added_while_the_job_runs() {
    let ended = run(
        "[spawn, echo, 3]",
        "1m",
        "  echo: { module: guests/actor, count: 2 }",
    );
    ended.assert_code(0);
    let mut said = ended.lines_of("scheduler");
    said.sort();
    assert_eq!(
        said,
        [
            "director is up: spawn",
            "echo-0 says hello echo-0",
            "echo-1 says hello echo-1",
            "echo-2 says hello echo-2",
            "echo-3 says hello echo-3",
            "echo-4 says hello echo-4",
            "spawned echo-2 echo-3 echo-4",
        ]
    );
}

#[test]
fn tasks_that_find_no_place_are_refused_and_the_job_goes_on() {
    let ended = run(
        "[spawn, lonely, 1]",
        "3s",
        "  lonely: { module: guests/actor, constraints: [hostname unique] }",
    );
    ended.assert_code(0);
    assert_eq!(
        ended.lines_of("scheduler"),
        [
            "director is up: spawn",
            "not spawned: NoPlace",
            "lonely-0 says hello lonely-0",
        ]
    );
}

#[test]
fn a_task_that_finds_no_place_again_ends_the_job() {
    let scene = Scene::new();
    // The embedded agent has 16,384 MiB, which the gang takes to the last: an executor for the
    // task alone has no room beside.
    let job = scene.job(
        "job: full
scheduler: { module: guests/director, args: [revive, 1] }
gang: { timeout: 3s }
defaults: { cpus: 0.1, mem: 32MiB, restart: { backoff: 100ms } }
tasks:
  bad: { module: guests/actor, mem: 16288MiB, args: [obey, no luck], on_failure: restart }
  good: { module: guests/actor }
executor: { mem: 64MiB }
",
    );
    let ended = scene.run(&["run", &job.display().to_string(), "--output", "json"]);
    ended.assert_code(4);
    let outcome = ended.outcome();
    assert_eq!(outcome["outcome"], "never_placed", "{outcome}");
    let reason = outcome["reason"].as_str().expect("it has a reason");
    assert!(
        reason.contains("`bad-0` could not be restarted") && reason.contains("mem"),
        "{reason}"
    );
}
