//! A whole agent: the master is the test, the executor is a process of which the test makes the
//! calls.

mod fixture;
mod operator;
mod order;
mod refusals;

use mesos::v1::TaskState;
use rustix::process::{Pid, test_kill_process};

use super::*;
use crate::core::wire::{ToAgent, ToMaster};
use fixture::{Fixture, accepted, call, message};

#[tokio::test]
async fn a_task_lives_on_a_real_agent() {
    let mut fixture = Fixture::new().await;
    fixture.run("t1", "sleep 1000", true);
    fixture.run("t2", "sleep 1000", false);
    let mut events = fixture.subscribe_when_launched().await;
    let subscribed = events.next().await;
    assert!(subscribed.starts_with(r#"{"type":"SUBSCRIBED","subscribed":{"executor_info":"#));
    assert!(
        subscribed.contains(r#""agent_info":{"hostname":"localhost","#),
        "{subscribed}"
    );
    assert!(events.next().await.contains(r#""task_id":{"value":"t1"}"#));
    assert!(events.next().await.contains(r#""task_id":{"value":"t2"}"#));

    let status = r#","update":{"status":{"task_id":{"value":"t1"},"state":"TASK_RUNNING","source":"SOURCE_EXECUTOR","uuid":"2MDPvT42R3q6bDHo3SaNAQ=="}}"#;
    assert_eq!(fixture.post(&call("UPDATE", status)).await, accepted());
    let update = fixture.update().await;
    assert_eq!(update.state(), TaskState::TaskRunning);
    let container = update.container_status.expect("what the agent knows of it");
    assert!(container.executor_pid.is_some());
    assert_eq!(
        events.next().await,
        r#"{"type":"ACKNOWLEDGED","acknowledged":{"task_id":{"value":"t1"},"uuid":"2MDPvT42R3q6bDHo3SaNAQ=="}}"#
    );

    assert_eq!(fixture.post(&message()).await, accepted());
    assert!(matches!(
        fixture.heard().await,
        ToMaster::FrameworkMessage { .. }
    ));
    fixture.to_agent.send(ToAgent::ShutdownExecutor {
        framework_id: "f".into(),
        executor_id: "ex".into(),
    });
    assert_eq!(events.next().await, r#"{"type":"SHUTDOWN"}"#);
    // It does not obey.
    assert_eq!(
        fixture.heard().await,
        ToMaster::ExecutorExited {
            framework_id: "f".into(),
            executor_id: "ex".into(),
            status: 9
        }
    );
    // The end of t1 waits for the acknowledgement of its RUNNING.
    let acknowledge = ToAgent::AcknowledgeUpdate {
        framework_id: "f".into(),
        task_id: "t1".into(),
        uuid: update.uuid.unwrap(),
    };
    fixture.to_agent.send(acknowledge);
    let mut failed = [fixture.update().await, fixture.update().await];
    failed.sort_by(|left, right| left.task_id.value.cmp(&right.task_id.value));
    assert!(
        failed
            .iter()
            .all(|status| status.state() == TaskState::TaskFailed)
    );
    assert_eq!(events.next().await, "", "the stream ends well");
    fixture.agent.stop().await;
}

#[tokio::test]
async fn a_stopped_agent_leaves_no_process() {
    let fixture = Fixture::new().await;
    fixture.run(
        "t1",
        "echo $$ > pid.new; mv pid.new pid; trap '' TERM; sleep 1000; sleep 1",
        true,
    );
    let latest = fixture
        .work_dir
        .path()
        .join("slaves/m-S0/frameworks/f/executors/ex/runs/latest");
    let pid = latest.join("pid");
    let written = async {
        while !pid.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), written)
        .await
        .expect("the executor started");
    let pid: i32 = std::fs::read_to_string(pid)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    fixture.agent.stop().await;
    assert!(test_kill_process(Pid::from_raw(pid).unwrap()).is_err());
}

#[tokio::test]
async fn a_second_subscribe_ends_the_first_stream_without_a_word() {
    let fixture = Fixture::new().await;
    fixture.run("t1", "sleep 1000", true);
    let mut first = fixture.subscribe_when_launched().await;
    assert!(first.next().await.contains("SUBSCRIBED"));
    assert!(first.next().await.contains("LAUNCH"));
    let mut second = fixture.subscribe().await;
    assert_eq!(first.next().await, "");
    assert!(second.next().await.contains("SUBSCRIBED"));
    fixture.agent.stop().await;
}
