//! Tasks that are plain shell commands.

use serde_json::json;

use crate::executors::summary;
use crate::scheduler::{Scheduler, text};

#[tokio::test]
async fn a_command_runs_and_its_exit_code_is_told() {
    let mut scheduler = Scheduler::start().await;
    let command = json!({ "value": "echo hello; exit 3" });
    let agent_id = scheduler.launch_command("t1", command).await;
    for state in ["TASK_STARTING", "TASK_RUNNING"] {
        assert_eq!(summary(&scheduler.update().await), format!("t1 {state} -"));
    }
    let failed = scheduler.update().await;
    assert_eq!(summary(&failed), "t1 TASK_FAILED -");
    assert_eq!(text(&failed["message"]), "Command exited with status 3");
    assert_eq!(failed["executor_id"], json!({ "value": "t1" }));
    assert_eq!(scheduler.read(&agent_id, "t1", "stdout"), "hello\n");
    scheduler.cluster.stop().await;
}

#[tokio::test]
async fn a_command_is_asked_to_end_before_it_is_killed() {
    let mut scheduler = Scheduler::start().await;
    let script = "trap 'echo asked; exit 1' TERM; echo > ready; while :; do sleep 0.01; done";
    let command = json!({ "value": script });
    let agent_id = scheduler.launch_command("t1", command).await;
    scheduler.update().await;
    scheduler.update().await;
    scheduler.read_when_written(&agent_id, "t1", "ready").await;
    scheduler
        .call("KILL", json!({ "task_id": { "value": "t1" } }))
        .await;
    assert_eq!(summary(&scheduler.update().await), "t1 TASK_KILLED -");
    assert_eq!(scheduler.read(&agent_id, "t1", "stdout"), "asked\n");
    scheduler.cluster.stop().await;
}
