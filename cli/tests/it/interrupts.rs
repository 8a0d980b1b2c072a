//! Ctrl-C at any moment: exit code 130 and nothing left.

use rustix::process::Signal;

use crate::support::Scene;

/// Starts a job that runs until it is interrupted, and interrupts it after a line with `mark`.
#[track_caller]
fn interrupt_after(mark: &str, cpus: &str) {
    let scene = Scene::new();
    let job = scene.job(&format!(
        "job: patient
scheduler: {{ module: guests/director, args: [wait] }}
tasks:
  echo: {{ module: guests/actor, count: 2, cpus: {cpus}, mem: 32MiB }}
"
    ));
    let job = job.display().to_string();
    let mut running = scene.start(&["run", &job, "--output", "json"]);
    running.wait_for(mark, |line| line.contains(mark));
    running.signal(Signal::INT);
    let ended = running.wait();
    ended.assert_code(130);
    scene.assert_clean();
}

#[test]
fn interrupted_while_it_builds_it_leaves_nothing() {
    interrupt_after("\"event\":\"building\"", "0.1");
}

#[test]
fn interrupted_when_the_cluster_is_up_it_leaves_nothing() {
    interrupt_after("\"event\":\"cluster_started\"", "0.1");
}

#[test]
fn interrupted_while_the_gang_waits_it_leaves_nothing() {
    interrupt_after("\"event\":\"waiting\"", "500");
}

#[test]
fn interrupted_while_tasks_are_launched_it_leaves_nothing() {
    interrupt_after("\"event\":\"placed\"", "0.1");
}

#[test]
fn interrupted_while_the_job_runs_it_ends_it_gracefully() {
    interrupt_after("director is up", "0.1");
}

#[test]
fn a_second_interrupt_ends_a_job_that_will_not_end() {
    let scene = Scene::new();
    let job = scene.job(
        "job: stubborn
scheduler: { module: guests/director, args: [wait] }
tasks:
  deaf: { module: guests/actor, count: 1, cpus: 0.1, mem: 32MiB, args: [deaf], kill_grace: 10m }
",
    );
    let job = job.display().to_string();
    let mut running = scene.start(&["run", &job, "--output", "json"]);
    running.wait_for("the app scheduler is up", |line| {
        line.contains("director is up")
    });
    running.signal(Signal::INT);
    running.wait_for("the job is stopping", |line| {
        line.contains("\"event\":\"stopping\"")
    });
    running.signal(Signal::INT);
    running.wait().assert_code(130);
    scene.assert_clean();
}

#[test]
fn interrupted_while_nobody_reads_its_stdout_it_leaves_nothing() {
    let scene = Scene::new();
    // Many times what the pipe and all buffers hold.
    let job = scene.job(
        "job: talkative
scheduler: { module: guests/director, args: [wait] }
tasks:
  actor: { module: guests/actor, count: 1, cpus: 0.1, mem: 32MiB, args: [print, \"50000\"] }
",
    );
    let job = job.display().to_string();
    let mut running = scene.start(&["run", &job, "--output", "json"]);
    running.wait_for("output of the task", |line| line.contains("line 0 of"));
    running.wait_until_full();
    running.signal(Signal::INT);
    let ended = running.wait_without_reading();
    ended.assert_code(130);
    assert!(
        ended.stderr.contains("nobody reads stdout"),
        "{}",
        ended.stderr
    );
    scene.assert_clean();
}
