//! Jobs whose agent restarts, for a short time or for too long, and whose executor is killed.

use std::time::Duration;

use crate::channels::report;
use crate::rig::{Rig, wait_until};
use crate::support::{Ended, Running};

/// As Mesos has it: far longer than any of these tests.
const PATIENT: Duration = Duration::from_secs(15 * 60);

/// Executors give up when this is over; in tests nothing comes of waiting.
const IMPATIENT: Duration = Duration::from_millis(200);

fn echo(channels: &str) -> String {
    format!(
        "job: echo
scheduler: {{ module: echo/host }}
tasks:
  echo: {{ module: echo/echo, count: 2, cpus: 0.1, mem: 64MiB }}
channels: {{ {channels} }}
"
    )
}

/// Starts the echo job, and waits until its messages are on their way.
fn start_echo(rig: &Rig, channels: &str, messages: &str) -> Running {
    let args = ["--mode", "stream", "--messages", messages, "--window", "16"];
    let mut running = rig.start(&echo(channels), &args);
    running.wait_for("the app scheduler", |line| line.contains("app_started"));
    running
}

/// What a job says that has failed.
#[track_caller]
fn cause(ended: &Ended) -> String {
    ended.assert_code(1);
    let outcome = ended.outcome();
    assert_eq!(outcome["outcome"], "failed", "{outcome}");
    outcome["reason"].as_str().expect("a reason").to_owned()
}

#[test]
fn an_agent_that_restarts_costs_no_message_and_no_task() {
    let mut rig = Rig::of_patience(PATIENT);
    let mut running = start_echo(&rig, "direct: off", "8000");
    let before = rig.message_counts();
    assert!(rig.wait_for_messages(&mut running, before, 10));
    let executors = rig.scene.executors();
    rig.stop_agent();
    assert!(!running.has_ended(), "it was in the midst of it");
    rig.start_agent();
    let before = rig.message_counts();
    assert!(rig.wait_for_messages(&mut running, before, 10));
    assert_eq!(rig.scene.executors(), executors, "they live on");
    assert_eq!(report(&rig.finish(running))["sent"], 16_000);
}

/// Messages have a path of their own: the job comes to its end meanwhile, and its tasks tell theirs
/// to the agent that is back.
#[test]
fn tasks_that_end_while_their_agent_is_away_tell_so_when_it_is_back() {
    let mut rig = Rig::of_patience(PATIENT);
    let mut running = start_echo(&rig, "direct: required", "3000");
    rig.stop_agent();
    running.wait_for("the end of the app scheduler", |line| {
        line.contains("app_returned")
    });
    rig.start_agent();
    let ended = rig.finish(running);
    assert_eq!(report(&ended)["sent"], 6000);
    let finished = ended
        .events()
        .into_iter()
        .filter(|event| event["event"] == "task" && event["state"] == "TASK_FINISHED");
    assert_eq!(finished.count(), 2, "{}", ended.stdout);
}

#[test]
fn an_agent_that_stays_away_for_too_long_fails_the_job_with_its_tasks() {
    let mut rig = Rig::of_patience(IMPATIENT);
    let mut running = start_echo(&rig, "direct: off", "1000000");
    rig.stop_agent();
    let is_over = wait_until(&mut running, || rig.scene.executors().is_empty());
    assert!(is_over, "executors end without their agent");
    rig.start_agent();
    let cause = cause(&rig.finish(running));
    for text in [
        "`echo-",
        "TASK_FAILED on agent",
        "REASON_EXECUTOR_TERMINATED",
    ] {
        assert!(cause.contains(text), "`{text}` is not in `{cause}`");
    }
}

#[test]
fn without_checkpoints_tasks_go_with_their_agent() {
    let mut rig = Rig::of_patience(PATIENT);
    let job = format!(
        "{}cluster: {{ user: nobody, checkpoint: false }}\n",
        echo("direct: off")
    );
    let mut running = rig.start_whole(&job, &["--mode", "stream", "--messages", "1000000"]);
    running.wait_for("the app scheduler", |line| line.contains("app_started"));
    rig.stop_agent();
    let cause = cause(&rig.finish(running));
    for text in ["`echo-", "TASK_LOST on agent", "REASON_AGENT_DISCONNECTED"] {
        assert!(cause.contains(text), "`{text}` is not in `{cause}`");
    }
}

#[test]
fn an_executor_that_is_killed_fails_the_job_and_the_signal_is_told() {
    let rig = Rig::of_patience(PATIENT);
    let mut running = start_echo(&rig, "direct: off", "1000000");
    let before = rig.message_counts();
    assert!(rig.wait_for_messages(&mut running, before, 10));
    assert!(rig.kill_executors() > 0, "there is one");
    let cause = cause(&rig.finish(running));
    for text in [
        "`echo-",
        "TASK_FAILED on agent",
        "Executor terminated: killed by SIGKILL",
    ] {
        assert!(cause.contains(text), "`{text}` is not in `{cause}`");
    }
}

/// What may be restarted comes back in an executor of its own, and the app scheduler hears of it.
#[test]
fn tasks_come_back_when_their_executor_has_given_up_its_agent() {
    let mut rig = Rig::of_patience(IMPATIENT);
    let job = "job: buried
scheduler: { module: guests/director, args: [bury, '2'] }
defaults: { cpus: 0.1, mem: 32MiB, on_failure: restart, restart: { backoff: 100ms } }
tasks:
  echo: { module: guests/actor, count: 2 }
";
    let mut running = rig.start(job, &[]);
    running.wait_for("the app scheduler", |line| line.contains("director is up"));
    rig.stop_agent();
    let is_over = wait_until(&mut running, || rig.scene.executors().is_empty());
    assert!(is_over, "executors end without their agent");
    rig.start_agent();
    let ended = rig.finish(running);
    ended.assert_code(0);
    let mut said = ended.lines_of("scheduler");
    said.sort();
    assert_eq!(
        said,
        [
            "director is up: bury",
            "echo-0 says hello echo-0",
            "echo-1 says hello echo-1"
        ]
    );
}
