//! Jobs that fail: exit code 1, and the message names the task, the state, the reason, the text.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::{Ended, Scene};

/// Runs two tasks under `director`, of which the first is an `actor` with these arguments.
#[track_caller]
fn run(scene: &Scene, director: &str, actor: &str) -> Ended {
    let job = scene.job(&format!(
        "job: failing
scheduler: {{ module: guests/director, args: {director} }}
tasks:
  bad: {{ module: guests/actor, count: 1, cpus: 0.1, mem: 32MiB, args: {actor} }}
  good: {{ module: guests/actor, count: 1, cpus: 0.1, mem: 32MiB }}
"
    ));
    scene.run(&["run", &job.display().to_string(), "--output", "json"])
}

#[track_caller]
fn assert_failed(ended: &Ended, texts: &[&str]) {
    ended.assert_code(1);
    let outcome = ended.outcome();
    assert_eq!(outcome["outcome"], "failed", "{outcome}");
    let reason = outcome["reason"].as_str().expect("a failure has a reason");
    for text in texts {
        assert!(reason.contains(text), "`{text}` is not in `{reason}`");
    }
}

#[test]
fn a_task_that_returns_an_error_ends_the_job_with_its_text() {
    let ended = run(&Scene::new(), "[poke]", "[fail, out of cheese]");
    assert_failed(&ended, &["bad-0", "TASK_FAILED", "out of cheese"]);
}

#[test]
fn a_failure_that_its_group_ignores_is_told_and_the_job_succeeds() {
    let scene = Scene::new();
    let job = scene.job(
        "job: careless
scheduler: { module: guests/director, args: [fates] }
tasks:
  bad: { module: guests/actor, cpus: 0.1, mem: 32MiB, args: [fail, spilt milk], on_failure: ignore }
  good: { module: guests/actor, cpus: 0.1, mem: 32MiB, args: [burst, 1] }
",
    );
    let ended = scene.run(&["run", &job.display().to_string(), "--output", "json"]);
    ended.assert_code(0);
    let mut said = ended.lines_of("scheduler");
    said.sort();
    assert_eq!(
        said,
        [
            "bad-0: TaskFailed, spilt milk",
            "director is up: fates",
            "good-0: TaskFinished, -",
        ]
    );
    let outcome = ended.outcome();
    assert_eq!(outcome["outcome"], "succeeded", "{outcome}");
    assert_eq!(outcome["failures_ignored"], 1, "{outcome}");
}

#[test]
fn a_task_that_traps_ends_the_job_with_its_backtrace() {
    let ended = run(&Scene::new(), "[poke]", "[trap, a cliff]");
    assert_failed(
        &ended,
        &["bad-0", "TASK_FAILED", "fell over \"a cliff\"", "fall_over"],
    );
}

#[test]
fn a_killed_executor_fails_its_tasks_and_ends_the_job() {
    let scene = Scene::new();
    let job = scene.job(
        "job: killed
scheduler: { module: guests/director, args: [wait] }
tasks:
  echo: { module: guests/actor, count: 2, cpus: 0.1, mem: 32MiB }
",
    );
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
    assert_failed(
        &ended,
        &["echo-", "TASK_FAILED", "REASON_EXECUTOR_TERMINATED"],
    );
}

#[test]
fn an_app_scheduler_that_returns_an_error_ends_the_job_with_its_text() {
    let ended = run(&Scene::new(), "[fail, no more floors]", "[echo]");
    assert_failed(&ended, &["app scheduler", "no more floors"]);
}

#[test]
fn an_app_scheduler_that_traps_ends_the_job_with_what_it_said() {
    let ended = run(&Scene::new(), "[trap]", "[echo]");
    assert_failed(&ended, &["app scheduler", "the director fell over"]);
}

#[test]
fn a_task_that_never_listens_is_stopped_by_force_when_the_job_ends() {
    let scene = Scene::new();
    let job = scene.job(
        "job: deaf
scheduler: { module: guests/director, args: [return] }
tasks:
  deaf: { module: guests/actor, count: 1, cpus: 0.1, mem: 32MiB, args: [deaf], kill_grace: 1s }
  echo: { module: guests/actor, count: 1, cpus: 0.1, mem: 32MiB }
",
    );
    let ended = scene.run(&["run", &job.display().to_string(), "--output", "json"]);
    ended.assert_code(0);
    let state = |task: &str| {
        let of_task = |event: &&Value| event["event"] == "task" && event["task"] == task;
        let events = ended.events();
        events
            .iter()
            .rfind(of_task)
            .map(|event| event["state"].clone())
    };
    assert_eq!(
        state("deaf-0"),
        Some("TASK_KILLED".into()),
        "{}",
        ended.stdout
    );
    assert_eq!(
        state("echo-0"),
        Some("TASK_FINISHED".into()),
        "{}",
        ended.stdout
    );
}

#[test]
fn a_master_that_is_not_there_is_exit_code_3() {
    let scene = Scene::new();
    // A port that was free a moment ago: nobody listens.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener
        .local_addr()
        .expect("it has an address")
        .to_string();
    drop(listener);
    let job = scene.job(
        "job: lost
cluster: { timeout: 1s }
scheduler: { module: guests/director, args: [return] }
tasks:
  echo: { module: guests/actor, count: 1, cpus: 0.1, mem: 32MiB }
",
    );
    let job = job.display().to_string();
    let ended = scene.run(&["run", &job, "--master", &address, "--output", "json"]);
    ended.assert_code(3);
    let outcome = ended.outcome();
    assert_eq!(outcome["outcome"], "unreachable");
    let reason = outcome["reason"].as_str().expect("there is a reason");
    assert!(reason.contains(&address), "{reason}");
}
