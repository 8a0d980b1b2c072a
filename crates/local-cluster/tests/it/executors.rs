//! What a scheduler sees of executors that are real processes.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::scheduler::{Scheduler, example, example_path, executor, text, until};

/// Task, state and reason of a status.
pub(crate) fn summary(status: &Value) -> String {
    let reason = status["reason"].as_str().unwrap_or("-");
    format!(
        "{} {} {reason}",
        text(&status["task_id"]["value"]),
        text(&status["state"])
    )
}

/// The process of an executor, as an update of it says.
pub(crate) fn pid(status: &Value) -> i32 {
    let pid = status["container_status"]["executor_pid"].as_i64();
    pid.and_then(|pid| i32::try_from(pid).ok())
        .expect("a process")
}

pub(crate) fn is_alive(pid: i32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

#[tokio::test]
async fn tasks_run_hear_speak_and_are_killed() {
    let mut scheduler = Scheduler::start().await;
    let agent_id = scheduler
        .launch(&executor("ex", example()), &["a", "b"])
        .await;
    let first = scheduler.update().await;
    let mut running = [summary(&first), summary(&scheduler.update().await)];
    running.sort();
    assert_eq!(running, ["a TASK_RUNNING -", "b TASK_RUNNING -"]);

    let executor_id = json!({ "value": "ex" });
    let message = json!({ "agent_id": agent_id, "executor_id": executor_id, "data": "aGVsbG8=" });
    scheduler.call("MESSAGE", message.clone()).await;
    assert_eq!(scheduler.event("MESSAGE").await, message);

    scheduler
        .call("KILL", json!({ "task_id": { "value": "a" } }))
        .await;
    assert_eq!(summary(&scheduler.update().await), "a TASK_KILLED -");

    let shutdown = json!({ "executor_id": executor_id, "agent_id": agent_id });
    scheduler.call("SHUTDOWN", shutdown).await;
    let failure = scheduler.event("FAILURE").await;
    assert_eq!(failure["status"], 0);
    assert_eq!(
        summary(&scheduler.update().await),
        "b TASK_FAILED REASON_EXECUTOR_TERMINATED"
    );
    assert!(!is_alive(pid(&first)));
    assert_eq!(
        scheduler.read(&agent_id, "ex", "stdout"),
        "launched a\nlaunched b\n"
    );
    let work_dir = scheduler.cluster.work_dir().to_owned();
    scheduler.cluster.stop().await;
    assert!(!work_dir.exists());
}

#[tokio::test]
async fn an_executor_is_fetched_and_its_exit_code_told() {
    let mut scheduler = Scheduler::start().await;
    let command = json!({
        "value": "exec ./here",
        "uris": [{ "value": example_path(), "executable": true, "output_file": "here" }],
    });
    let agent_id = scheduler
        .launch(&executor("ex", command), &["exit-3"])
        .await;
    assert_eq!(scheduler.event("FAILURE").await["status"], 768);
    assert_eq!(
        summary(&scheduler.update().await),
        "exit-3 TASK_FAILED REASON_EXECUTOR_TERMINATED"
    );
    assert_eq!(
        scheduler.read(&agent_id, "ex", "stdout"),
        "launched exit-3\n"
    );
    scheduler.cluster.stop().await;
}

#[tokio::test]
async fn an_artifact_that_is_not_there_fails_the_task() {
    let mut scheduler = Scheduler::start().await;
    let command = json!({ "value": "true", "uris": [{ "value": "/no/such/file" }] });
    scheduler.launch(&executor("ex", command), &["a"]).await;
    assert_eq!(scheduler.event("FAILURE").await["status"], 256);
    let status = scheduler.update().await;
    assert_eq!(
        summary(&status),
        "a TASK_FAILED REASON_CONTAINER_LAUNCH_FAILED"
    );
    assert!(
        text(&status["message"]).ends_with("': exited with status 1"),
        "{status}"
    );
    scheduler.cluster.stop().await;
}

#[tokio::test]
async fn a_deaf_executor_is_killed_when_its_framework_ends() {
    let mut scheduler = Scheduler::start().await;
    scheduler
        .launch(&executor("ex", example()), &["deaf"])
        .await;
    let pid = pid(&scheduler.update().await);
    assert!(is_alive(pid));
    scheduler.call("TEARDOWN", json!({})).await;
    until(|| !is_alive(pid)).await;
    scheduler.cluster.stop().await;
}

#[tokio::test]
async fn a_stopped_cluster_leaves_neither_processes_nor_files() {
    let mut scheduler = Scheduler::start().await;
    let script = "sleep 1000 & echo $! > child; mv child children; exec \"$EXECUTOR\"";
    let variable = json!({ "name": "EXECUTOR", "value": example_path() });
    let command = json!({ "value": script, "environment": { "variables": [variable] } });
    let agent_id = scheduler.launch(&executor("ex", command), &["deaf"]).await;
    let executor = pid(&scheduler.update().await);
    let child = scheduler
        .read(&agent_id, "ex", "children")
        .trim()
        .parse()
        .unwrap();
    assert!(is_alive(executor) && is_alive(child));
    let work_dir = scheduler.cluster.work_dir().to_owned();
    scheduler.cluster.stop().await;
    assert!(!is_alive(executor));
    let stat = fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
    assert!(
        stat.is_empty() || stat.contains(") Z "),
        "dead, perhaps not reaped by init: {stat}"
    );
    assert!(!work_dir.exists());
}
