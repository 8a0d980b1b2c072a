//! What becomes of executors when their agent ends and another takes its place.

use std::net::TcpStream;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::executors::{is_alive, pid, summary};
use crate::scheduler::{Scheduler, example, executor, text};

#[tokio::test]
async fn an_executor_that_checkpoints_outlives_its_agent() {
    let mut scheduler = Scheduler::start_as(json!({ "checkpoint": true })).await;
    let tasks = ["a", "silent"];
    let agent_id = scheduler.launch(&executor("ex", example()), &tasks).await;
    let running = scheduler.update().await;
    assert_eq!(summary(&running), "a TASK_RUNNING -");
    let pid = pid(&running);
    let address = scheduler.cluster.agent_addresses()[0];

    scheduler.cluster.stop_agent(0).await;
    scheduler.cluster.stop_agent(0).await;
    assert!(TcpStream::connect(address).is_err(), "nobody is there");
    assert!(scheduler.cluster.agent_addresses().is_empty());
    // What is for an agent that is away: the message is lost, the master keeps the KILL.
    let executor_id = json!({ "value": "ex" });
    let message = json!({ "agent_id": agent_id, "executor_id": executor_id, "data": "aGVsbG8=" });
    scheduler.call("MESSAGE", message.clone()).await;
    scheduler
        .call("KILL", json!({ "task_id": { "value": "a" } }))
        .await;
    assert!(is_alive(pid));

    scheduler.cluster.start_agent(0).await.expect("its port");
    scheduler.cluster.start_agent(0).await.expect("no fault");
    assert_eq!(scheduler.cluster.agent_addresses(), [address]);
    let killed = scheduler.update().await;
    assert_eq!(summary(&killed), "a TASK_KILLED -");
    assert_eq!(killed["container_status"], running["container_status"]);
    assert_eq!(killed["agent_id"], agent_id);

    scheduler.call("MESSAGE", message.clone()).await;
    assert_eq!(scheduler.event("MESSAGE").await, message);
    let reconcile =
        json!({ "tasks": [{ "task_id": { "value": "silent" }, "agent_id": agent_id }] });
    scheduler.call("RECONCILE", reconcile).await;
    let status = scheduler.event("UPDATE").await["status"].clone();
    assert_eq!(
        summary(&status),
        "silent TASK_STAGING REASON_RECONCILIATION",
        "the executor has told that it knows the task"
    );
    scheduler.cluster.stop().await;
    assert!(!is_alive(pid));
}

#[tokio::test]
async fn an_executor_that_died_while_its_agent_was_away_fails_its_task() {
    let mut scheduler = Scheduler::start_as(json!({ "checkpoint": true })).await;
    scheduler.launch(&executor("ex", example()), &["a"]).await;
    let pid = pid(&scheduler.update().await);
    scheduler.cluster.stop_agent(0).await;
    kill_process(Pid::from_raw(pid).expect("a number"), Signal::KILL).expect("it lives");
    scheduler.cluster.start_agent(0).await.expect("its port");
    // No FAILURE comes before it.
    assert_eq!(
        summary(&scheduler.update().await),
        "a TASK_FAILED REASON_EXECUTOR_TERMINATED"
    );
    scheduler.cluster.stop().await;
}

#[tokio::test]
async fn an_executor_that_does_not_checkpoint_loses_its_tasks_at_once_and_is_an_orphan() {
    let mut scheduler = Scheduler::start().await;
    let command = json!({ "value": "echo $$ > pid.new; mv pid.new pid; exec sleep 1000" });
    let agent_id = scheduler.launch(&executor("ex", command), &["a"]).await;
    let pid = scheduler.read_when_written(&agent_id, "ex", "pid").await;
    let pid = pid.trim().parse().expect("a number");
    scheduler.cluster.stop_agent(0).await;
    let status = scheduler.event("UPDATE").await["status"].clone();
    assert_eq!(summary(&status), "a TASK_LOST REASON_AGENT_DISCONNECTED");
    assert_eq!(text(&status["message"]), "Agent localhost disconnected");
    scheduler.cluster.start_agent(0).await.expect("its port");
    let offer = scheduler.event("OFFERS").await["offers"][0].clone();
    assert_eq!(offer["agent_id"], agent_id, "it has kept its id");
    assert!(is_alive(pid), "nobody kills the orphan");
    scheduler.cluster.stop().await;
    assert!(!is_alive(pid), "but the end of the cluster");
}

#[tokio::test]
async fn a_cluster_leaves_nothing_even_when_an_agent_is_stopped_at_its_end() {
    let mut scheduler = Scheduler::start_as(json!({ "checkpoint": true })).await;
    scheduler
        .launch(&executor("ex", example()), &["deaf"])
        .await;
    let executor = pid(&scheduler.update().await);
    scheduler.cluster.stop_agent(0).await;
    assert!(is_alive(executor));
    let work_dir = scheduler.cluster.work_dir().to_owned();
    scheduler.cluster.stop().await;
    assert!(!is_alive(executor));
    assert!(!work_dir.exists());
}

#[tokio::test]
async fn a_stopped_agent_can_lose_power_too() {
    let mut scheduler = Scheduler::start_as(json!({ "checkpoint": true })).await;
    scheduler.launch(&executor("ex", example()), &["a"]).await;
    let executor = pid(&scheduler.update().await);
    scheduler.cluster.stop_agent(0).await;
    scheduler.cluster.kill_agent(0).await;
    assert!(!is_alive(executor));
    scheduler.cluster.start_agent(0).await.expect("no fault");
    assert!(scheduler.cluster.agent_addresses().is_empty());
    scheduler.cluster.stop().await;
}
