//! The executor with an agent that restarts, is not ready, refuses or repeats.

use axum::http::StatusCode;
use executor_host::Exit;
use mesos::v1::TaskState;

use crate::agent::Agent;

#[tokio::test]
async fn updates_that_the_agent_cannot_take_yet_come_when_it_can() {
    let mut agent = Agent::start().await;
    let executor = agent.executor().await;
    agent.answer_updates(|_| StatusCode::SERVICE_UNAVAILABLE);
    let (outbox, _inbox) = agent.link.open("a").unwrap();
    agent.launch(&agent.task("a", &["echo"]));
    agent.begin().await;
    outbox.close();
    for _ in 0..3 {
        assert_eq!(agent.refused().await.state(), TaskState::TaskRunning);
    }
    agent.answer_updates(|_| StatusCode::ACCEPTED);
    assert_eq!(agent.next().await.1, TaskState::TaskRunning);
    assert_eq!(agent.next().await.1, TaskState::TaskFinished);
    assert_eq!(executor.exit().await, Ok(Exit::Done));
}

#[tokio::test]
async fn an_end_that_is_refused_is_told_without_its_message_and_holds_up_no_other() {
    let mut agent = Agent::start().await;
    let executor = agent.executor().await;
    agent.answer_updates(|status| match status.message {
        Some(_) => StatusCode::BAD_REQUEST,
        None => StatusCode::ACCEPTED,
    });
    agent.launch_data("broken", None);
    let refused = agent.refused().await;
    assert!(refused.message().contains("cannot be run"), "{refused:?}");
    let told = agent.update().await;
    assert_eq!(
        (told.state(), told.message.as_ref()),
        (TaskState::TaskFailed, None)
    );
    assert_ne!(told.uuid, refused.uuid);
    agent.acknowledge(&told);
    assert_eq!(executor.exit().await, Ok(Exit::Done));
}

#[tokio::test]
async fn what_comes_twice_happens_once() {
    let mut agent = Agent::start().await;
    let executor = agent.executor().await;
    let (outbox, inbox) = agent.link.open("a").unwrap();
    agent.launch(&agent.task("a", &["echo"]));
    // The first counts.
    agent.launch(&agent.task("a", &["panic"]));
    agent.begin().await;
    let running = agent.update().await;
    for _ in 0..3 {
        agent.acknowledge(&running);
    }
    outbox.send("ping".into()).await.unwrap();
    assert_eq!(inbox.recv().await.as_deref(), Some(b"ping".as_slice()));
    agent.kill("a");
    agent.kill("a");
    let (_, state, status) = agent.next().await;
    assert_eq!(state, TaskState::TaskKilled);
    // All of that is late.
    agent.acknowledge(&status);
    agent.acknowledge(&running);
    agent.kill("a");
    agent.launch(&agent.task("a", &["panic"]));
    assert_eq!(executor.exit().await, Ok(Exit::Done));
}

#[tokio::test]
async fn an_executor_that_knows_what_is_to_come_stays_for_it() {
    let mut agent = Agent::start_of(2).await;
    let executor = agent.executor().await;
    agent.begin().await;
    agent.launch_data("broken", None);
    assert_eq!(agent.next().await.1, TaskState::TaskFailed);
    // Whatever it does in between, it subscribes again.
    agent.break_stream();
    agent.subscribed().await;
    agent.launch_data("broken too", None);
    assert_eq!(agent.next().await.1, TaskState::TaskFailed);
    assert_eq!(executor.exit().await, Ok(Exit::Done));
}

#[tokio::test]
async fn the_last_messages_are_not_lost_when_the_stream_breaks_after_the_last_task() {
    let mut agent = Agent::start_of(1).await;
    let executor = agent.executor().await;
    let (outbox, inbox) = agent.link.open("a").unwrap();
    agent.launch(&agent.task("a", &["echo"]));
    agent.begin().await;
    assert_eq!(agent.next().await.1, TaskState::TaskRunning);
    outbox.send("ping".into()).await.unwrap();
    assert_eq!(inbox.recv().await.as_deref(), Some(b"ping".as_slice()));
    agent.drop_frames(true);
    for number in 0..20 {
        outbox
            .send(format!("message {number}").into())
            .await
            .unwrap();
    }
    outbox.close();
    assert_eq!(agent.next().await.1, TaskState::TaskFinished);
    agent.break_stream();
    agent.subscribed().await;
    agent.drop_frames(false);
    for number in 0..20 {
        let message = inbox.recv().await.unwrap();
        assert_eq!(message, format!("message {number}"));
    }
    assert_eq!(inbox.recv().await, None);
    assert_eq!(executor.exit().await, Ok(Exit::Done));
}

#[tokio::test]
async fn another_agent_in_the_place_of_the_first_is_not_ours() {
    let mut agent = Agent::start().await;
    let executor = agent.executor().await;
    agent.begin().await;
    agent.launch(&agent.task("runs", &["echo"]));
    assert_eq!(agent.next().await.1, TaskState::TaskRunning);
    agent.be("S1");
    agent.break_stream();
    assert_eq!(executor.exit().await, Ok(Exit::AgentLost));
}

#[tokio::test]
async fn an_agent_that_does_not_know_the_executor_has_lost_it() {
    let mut agent = Agent::start().await;
    let executor = agent.executor().await;
    agent.begin().await;
    agent.launch(&agent.task("runs", &["echo"]));
    assert_eq!(agent.next().await.1, TaskState::TaskRunning);
    agent.forget();
    agent.break_stream();
    assert_eq!(executor.exit().await, Ok(Exit::AgentLost));
}
