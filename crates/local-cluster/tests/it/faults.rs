//! What goes wrong on command, seen from outside.

use mesosgot_local_cluster::{Fault, Faults};
use serde_json::{Value, json};

use crate::scheduler::{Scheduler, example, executor};

fn message(agent_id: &Value, data: &str) -> Value {
    json!({ "agent_id": agent_id, "executor_id": { "value": "ex" }, "data": data })
}

#[tokio::test]
async fn messages_are_dropped_while_they_are_to_be_and_counted() {
    let mut scheduler = Scheduler::start().await;
    let trouble = scheduler.cluster.trouble();
    let agent_id = scheduler.launch(&executor("ex", example()), &["a"]).await;
    scheduler.update().await;

    trouble.set_faults(Faults::drop_messages(1.0));
    let counts = trouble.message_counts().await.expect("a cluster");
    assert_eq!((counts.down, counts.up, counts.dropped), (0, 0, 0));
    scheduler
        .call("MESSAGE", message(&agent_id, "bG9zdA=="))
        .await;
    trouble.set_faults(Faults::default());
    // Answered: the faults are set.
    trouble.message_counts().await.expect("a cluster");
    let heard = message(&agent_id, "aGVhcmQ=");
    scheduler.call("MESSAGE", heard.clone()).await;
    assert_eq!(scheduler.event("MESSAGE").await, heard);

    let counts = trouble.message_counts().await.expect("a cluster");
    assert_eq!((counts.down, counts.up, counts.dropped), (2, 1, 1));
    scheduler.cluster.stop().await;
    assert_eq!(trouble.message_counts().await, None);
}

#[tokio::test]
async fn the_streams_of_frameworks_and_executors_are_cut() {
    let mut scheduler = Scheduler::start().await;
    let trouble = scheduler.cluster.trouble();
    scheduler.launch(&executor("ex", example()), &["a"]).await;
    scheduler.update().await;
    // The example executor ends when its stream does.
    trouble.cut_executors();
    assert_ne!(scheduler.event("FAILURE").await["status"], 0);
    trouble.cut_frameworks();
    scheduler.end_of_stream().await;
    scheduler.cluster.stop().await;
}

#[tokio::test]
async fn an_executor_is_killed_and_calls_are_refused_for_a_while() {
    let mut scheduler = Scheduler::start().await;
    let trouble = scheduler.cluster.trouble();
    // None runs yet.
    trouble.make(Fault::KillExecutor { pick: 7 }).await;
    scheduler.launch(&executor("ex", example()), &["a"]).await;
    scheduler.update().await;
    trouble.make(Fault::KillExecutor { pick: 7 }).await;
    assert_eq!(scheduler.event("FAILURE").await["status"], 9);

    let refused = "unavailable for_ms=600000".parse().expect("a fault");
    trouble.make(refused).await;
    let answer = scheduler.answer("REVIVE", json!({})).await;
    assert_eq!(answer, (503, "Master has not finished recovery".to_owned()));
    scheduler.cluster.stop().await;
}
