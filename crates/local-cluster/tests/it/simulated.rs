//! Many agents and tasks without executor processes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mesos::resources::Resources;
use mesosgot_local_cluster::{AgentConfig, ClusterConfig, LocalCluster};
use serde_json::{Value, json};
use testkit::http::Connection;

use crate::scheduler::{Scheduler, executor, text};

const AGENTS: usize = 50;
const TASKS_EACH: usize = 10;

async fn cluster(agents: usize) -> LocalCluster {
    let resources = Resources::parse("cpus:2;mem:1024").expect("valid resources");
    LocalCluster::start(ClusterConfig {
        simulated: true,
        allocation_interval: Duration::from_millis(20),
        ..ClusterConfig::new(vec![AgentConfig::new(resources); agents])
    })
    .await
    .expect("a cluster")
}

/// An executor whose command nobody runs.
fn nobody(id: &str) -> Value {
    executor(id, json!({ "value": "false" }))
}

/// Fills every agent, and waits until all tasks run and that is acknowledged; the agent of each.
async fn fill(scheduler: &mut Scheduler) -> BTreeMap<String, Value> {
    let mut filled = BTreeSet::new();
    let mut running = BTreeMap::new();
    while running.len() < AGENTS * TASKS_EACH {
        let event = scheduler.next().await;
        match event["type"].as_str() {
            Some("OFFERS") => {
                for offer in event["offers"]["offers"].as_array().expect("a list") {
                    // What is left of an agent comes again, later.
                    let agent = text(&offer["agent_id"]["value"]);
                    if filled.insert(agent.clone()) {
                        let names: Vec<String> =
                            (0..TASKS_EACH).map(|n| format!("{agent}-{n}")).collect();
                        let names = names.iter().map(String::as_str);
                        scheduler.launch_on(offer, &nobody("ex"), names).await;
                    }
                }
            }
            Some("UPDATE") => {
                let status = &event["update"]["status"];
                assert_eq!(status["state"], "TASK_RUNNING", "{status}");
                assert_eq!(status["source"], "SOURCE_EXECUTOR", "{status}");
                scheduler.acknowledge(status).await;
                let agent_id = status["agent_id"].clone();
                running.insert(text(&status["task_id"]["value"]), agent_id);
            }
            Some("HEARTBEAT") => {}
            _ => panic!("unexpected: {event}"),
        }
    }
    running
}

#[tokio::test]
async fn tasks_of_many_agents_run_without_processes_and_end_when_they_are_killed() {
    let mut scheduler = Scheduler::subscribe_to(cluster(AGENTS).await, json!({})).await;
    let running = fill(&mut scheduler).await;
    let agents: BTreeSet<String> = running.values().map(|id| text(&id["value"])).collect();
    assert_eq!(agents.len(), AGENTS);

    let (task, agent_id) = running.first_key_value().expect("a task");
    let message = json!({
        "agent_id": agent_id, "executor_id": { "value": "ex" }, "data": "aGVsbG8=",
    });
    scheduler.call("MESSAGE", message).await;
    assert_eq!(scheduler.event("MESSAGE").await["data"], "aGVsbG8=");

    let kill = json!({ "task_id": { "value": task }, "agent_id": agent_id });
    scheduler.call("KILL", kill).await;
    let killed = scheduler.update().await;
    assert_eq!(killed["state"], "TASK_KILLED");
    assert_eq!(killed["task_id"]["value"], task.as_str());

    let shutdown = json!({ "executor_id": { "value": "ex" }, "agent_id": agent_id });
    scheduler.call("SHUTDOWN", shutdown).await;
    for _ in 1..TASKS_EACH {
        assert_eq!(scheduler.update().await["state"], "TASK_KILLED");
    }
    let failure = scheduler.event("FAILURE").await;
    assert_eq!(failure["executor_id"]["value"], "ex");
    assert_eq!(failure["status"], 0);
    scheduler.cluster.stop().await;
}

#[tokio::test]
async fn simulated_tasks_outlive_a_master_and_an_agent() {
    let more = json!({ "checkpoint": true, "failover_timeout": 60.0 });
    let mut scheduler = Scheduler::subscribe_to(cluster(1).await, more.clone()).await;
    scheduler.launch(&nobody("ex"), &["t1"]).await;
    assert_eq!(scheduler.update().await["state"], "TASK_RUNNING");
    scheduler.cluster.stop_agent(0).await;
    scheduler
        .cluster
        .start_agent(0)
        .await
        .expect("the agent starts");
    let Scheduler {
        mut cluster,
        framework_id,
        ..
    } = scheduler;
    cluster.fail_over_master().await.expect("a master");
    let mut more = more;
    more["id"] = json!({ "value": framework_id });
    let mut scheduler = Scheduler::subscribe_to(cluster, more).await;
    // The agent is back when it offers something.
    scheduler.event("OFFERS").await;
    let reconcile = json!({ "tasks": [{ "task_id": { "value": "t1" } }] });
    scheduler.call("RECONCILE", reconcile).await;
    let status = scheduler.event("UPDATE").await["status"].clone();
    assert_eq!(status["state"], "TASK_RUNNING", "{status}");
    scheduler.cluster.stop().await;
}

#[tokio::test]
async fn simulated_executors_bear_trouble_and_leave_with_their_agent() {
    let mut scheduler = Scheduler::subscribe_to(cluster(1).await, json!({})).await;
    scheduler.launch(&nobody("ex"), &["t1", "t2", "t3"]).await;
    for _ in 0..3 {
        assert_eq!(scheduler.update().await["state"], "TASK_RUNNING");
    }
    scheduler.cluster.trouble().cut_executors();
    scheduler.cluster.freeze_agent(0).await;
    scheduler.cluster.thaw_agent(0).await;
    scheduler
        .call("KILL", json!({ "task_id": { "value": "t1" } }))
        .await;
    let killed = scheduler.update().await;
    assert_eq!(killed["task_id"]["value"], "t1");
    assert_eq!(killed["state"], "TASK_KILLED");

    scheduler.cluster.remove_agent(0).await;
    // They end so fast that the master still hears of it.
    let failure = scheduler.event("FAILURE").await;
    assert_eq!(failure["executor_id"]["value"], "ex");
    for _ in 0..2 {
        let status = scheduler.event("UPDATE").await["status"].clone();
        assert_eq!(status["state"], "TASK_LOST", "{status}");
        assert_eq!(status["reason"], "REASON_AGENT_REMOVED", "{status}");
    }
    scheduler.cluster.stop().await;
}

#[tokio::test]
async fn whoever_asks_a_simulated_agent_is_told_what_it_is() {
    let cluster = cluster(3).await;
    let addresses = cluster.agent_addresses();
    assert_eq!(addresses.len(), 1);
    let mut connection = Connection::open(addresses[0]).await;
    let headers = [("Content-Type", "application/json")];
    let call = json!({ "type": "GET_CONTAINERS" }).to_string();
    connection.post("/slave(1)/api/v1", &headers, &call).await;
    let head = connection.head().await;
    let text = connection.body(&head).await;
    assert_eq!(head.status, 501);
    assert!(text.contains("simulated"), "{text}");
    cluster.stop().await;
}
