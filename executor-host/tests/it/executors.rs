//! The whole executor at an agent.

use executor_host::{Exit, RunError, modules::Digest};
use link::spec;
use mesos::v1::{TaskState, task_status::Reason};

use crate::agent::Agent;

#[tokio::test]
async fn tasks_begin_at_the_start_talk_and_finish() {
    let mut agent = Agent::start().await;
    let executor = agent.executor().await;
    let mut ends = Vec::new();
    for name in ["a", "b"] {
        ends.push(agent.link.open(name).unwrap());
        agent.launch(&agent.task(name, &["echo"]));
    }
    for _ in 0..2 {
        assert_eq!(agent.next().await.1, TaskState::TaskRunning);
    }
    agent.begin().await;
    for (outbox, inbox) in &ends {
        outbox.send("ping".into()).await.unwrap();
        assert_eq!(inbox.recv().await.as_deref(), Some(b"ping".as_slice()));
        outbox.close();
    }
    for _ in 0..2 {
        let (_, state, status) = agent.next().await;
        assert_eq!(state, TaskState::TaskFinished);
        assert!(status.timestamp.is_some() && status.executor_id.is_some());
    }
    for (_, inbox) in &ends {
        assert_eq!(inbox.recv().await, None);
    }
    assert_eq!(executor.exit().await, Ok(Exit::Done));
}

/// The task sends more than fits into any buffer on the way, and ends at once.
#[tokio::test]
async fn the_last_messages_of_the_last_task_are_not_lost() {
    let mut agent = Agent::start().await;
    let executor = agent.executor().await;
    let (outbox, inbox) = agent.link.open("a").unwrap();
    agent.launch(&agent.task("a", &["fill"]));
    agent.begin().await;
    assert_eq!(agent.next().await.1, TaskState::TaskRunning);
    outbox.send("go on".into()).await.unwrap();
    let mut last = None;
    let mut count = 0;
    while let Some(message) = inbox.recv().await {
        count += 1;
        last = Some(message);
    }
    assert_eq!(last.unwrap(), format!("full after {}", count - 1));
    assert_eq!(agent.next().await.1, TaskState::TaskFinished);
    assert_eq!(executor.exit().await, Ok(Exit::Done));
}

#[tokio::test]
async fn a_task_that_traps_fails_with_its_backtrace_and_its_neighbour_goes_on() {
    let mut agent = Agent::start().await;
    let executor = agent.executor().await;
    let (outbox, inbox) = agent.link.open("good").unwrap();
    agent.run(&agent.task("good", &["echo"])).await;
    agent.begin().await;
    agent.run(&agent.task("bad", &["panic"])).await;
    let (task, state, status) = agent.next().await;
    assert_eq!((task.as_str(), state), ("bad", TaskState::TaskFailed));
    let message = status.message.unwrap();
    assert!(message.contains("the doors are jammed"), "{message}");
    assert!(message.contains("open_the_doors"), "{message}");
    outbox.send("ping".into()).await.unwrap();
    assert_eq!(inbox.recv().await.as_deref(), Some(b"ping".as_slice()));
    outbox.close();
    assert_eq!(agent.next().await.1, TaskState::TaskFinished);
    assert_eq!(executor.exit().await, Ok(Exit::Done));
}

#[tokio::test]
async fn a_kill_closes_the_inbox_and_stops_by_force_what_does_not_listen() {
    let mut agent = Agent::start().await;
    let executor = agent.executor().await;
    agent.begin().await;
    agent.launch(&agent.task("listens", &["echo"]));
    let deaf = spec::TaskSpec {
        kill_grace_ms: 20,
        ..agent.task("deaf", &["deaf"])
    };
    agent.launch(&deaf);
    for _ in 0..2 {
        assert_eq!(agent.next().await.1, TaskState::TaskRunning);
    }
    for name in ["listens", "deaf"] {
        agent.kill(name);
    }
    let mut messages = Vec::new();
    for _ in 0..2 {
        let (task, state, status) = agent.next().await;
        assert_eq!(state, TaskState::TaskKilled);
        messages.push((task, status.message.unwrap()));
    }
    messages.sort();
    assert!(messages[0].1.ends_with("stopped by force"), "{messages:?}");
    assert_eq!(messages[1].1, "the task returned");
    assert_eq!(executor.exit().await, Ok(Exit::Done));
}

#[tokio::test]
async fn what_cannot_be_run_fails_with_its_reason() {
    let mut agent = Agent::start().await;
    let executor = agent.executor().await;
    let mut other = agent.task("other-bytes", &["echo"]);
    other.module.as_mut().unwrap().sha256 = Digest::of(b"others").as_bytes().to_vec();
    agent.launch(&other);
    let (_, state, status) = agent.next().await;
    assert_eq!(state, TaskState::TaskFailed);
    assert_eq!(status.reason(), Reason::ContainerLaunchFailed);
    assert!(status.message.unwrap().contains("gave other bytes"));
    agent.launch_data("no-data", None);
    let (_, state, status) = agent.next().await;
    assert_eq!(
        (state, status.reason()),
        (TaskState::TaskFailed, Reason::TaskInvalid)
    );
    // Nobody lists a folder of this name where tests run.
    let folder = spec::Folder {
        name: "folder-of-a-test".to_owned(),
        write: false,
    };
    let allow = spec::Allow {
        folders: vec![folder],
        ..spec::Allow::default()
    };
    agent.launch(&spec::TaskSpec {
        allow: Some(allow),
        ..agent.task("folder", &["echo"])
    });
    let (_, state, status) = agent.next().await;
    assert_eq!(
        (state, status.reason()),
        (TaskState::TaskFailed, Reason::TaskInvalid)
    );
    let message = status.message.unwrap();
    assert!(message.contains("`folder-of-a-test`"), "{message}");
    assert_eq!(executor.exit().await, Ok(Exit::Done));
}

#[tokio::test]
async fn a_broken_stream_is_renewed_with_what_was_not_acknowledged() {
    let mut agent = Agent::start().await;
    let executor = agent.executor().await;
    let (outbox, inbox) = agent.link.open("a").unwrap();
    agent.launch(&agent.task("a", &["echo"]));
    let running = agent.update().await;
    agent.break_stream();
    let subscribe = agent.subscribed().await;
    let tasks: Vec<_> = subscribe
        .unacknowledged_tasks
        .iter()
        .map(|task| &task.task_id)
        .collect();
    assert_eq!(tasks, [&running.task_id]);
    assert_eq!(
        subscribe.unacknowledged_updates[0].status.uuid,
        running.uuid
    );
    agent.acknowledge(&running);
    agent.begin().await;
    outbox.send("still there".into()).await.unwrap();
    assert_eq!(
        inbox.recv().await.as_deref(),
        Some(b"still there".as_slice())
    );
    outbox.close();
    loop {
        // The first one may come again before its acknowledgement arrives.
        let (_, state, _) = agent.next().await;
        if state == TaskState::TaskFinished {
            break;
        }
    }
    assert_eq!(executor.exit().await, Ok(Exit::Done));
}

#[tokio::test]
async fn a_shutdown_ends_all_tasks() {
    let mut agent = Agent::start().await;
    let executor = agent.executor().await;
    agent.run(&agent.task("waits", &["echo"])).await;
    agent.shutdown();
    let (_, state, status) = agent.next().await;
    assert_eq!(
        (state, status.reason()),
        (TaskState::TaskKilled, Reason::TaskKilledDuringLaunch)
    );
    assert_eq!(executor.exit().await, Ok(Exit::Shutdown));
}

#[tokio::test]
async fn a_signal_counts_as_a_shutdown() {
    let mut agent = Agent::start().await;
    let executor = agent.executor().await;
    agent.begin().await;
    agent.run(&agent.task("runs", &["echo"])).await;
    executor.stop();
    assert_eq!(agent.next().await.1, TaskState::TaskKilled);
    assert_eq!(executor.exit().await, Ok(Exit::Shutdown));
}

#[tokio::test]
async fn without_its_agent_the_executor_ends() {
    let mut agent = Agent::start().await;
    let executor = agent.executor().await;
    agent.begin().await;
    agent.run(&agent.task("runs", &["echo"])).await;
    agent.die();
    assert_eq!(executor.exit().await, Ok(Exit::AgentLost));
}

#[tokio::test]
async fn the_executor_of_another_framework_does_not_begin() {
    let agent = Agent::start_with(b"something else".as_slice().into()).await;
    let outcome = agent.start_executor().exit().await;
    assert!(matches!(outcome, Err(RunError::Spec(_))), "{outcome:?}");
}
