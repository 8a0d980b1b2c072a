//! What people do to a job that runs.

use std::time::Duration;

use bytes::Bytes;
use link::app::{App, EventKind};
use mesos::v1::scheduler::call::Type as CallType;
use mesosgot_framework::operator::{Operator, OperatorError};
use mesosgot_framework::{JobOutcome, Progress};
use tokio::time::timeout;

use crate::cluster::{Cluster, End, behaviour, echo};
use crate::runs::{config, rules, run};

#[tokio::test]
async fn messages_of_people_come_in_order_with_those_of_the_app_scheduler() {
    let cluster = Cluster::start(rules(echo())).await;
    let config = config(cluster.address);
    let operator = config.operator.clone();
    let early = operator.try_send("t-0", Bytes::new());
    assert_eq!(early, Err(OperatorError::NoJob));
    let inside = operator.clone();
    let (outcome, _) = run(config, |app| async move {
        // The driver tells the handle behind the start of the app scheduler.
        while inside.try_send("t-0", "1".into()) == Err(OperatorError::NotUp) {
            tokio::task::yield_now().await;
        }
        let refused = |error: link::app::AppSendError| error.to_string();
        app.outbox.send("t-0", "2".into()).await.map_err(refused)?;
        let sent = inside.send("t-0", "3".into()).await;
        sent.map_err(|error| error.to_string())?;
        for expected in ["1", "2", "3"] {
            let message = app.inbox.recv().await.ok_or("no echo")?;
            assert_eq!(&message.data[..], expected.as_bytes());
        }
        let unknown = inside.send("nobody", Bytes::new()).await;
        assert_eq!(unknown, Err(OperatorError::UnknownTask));
        let tasks = inside.tasks().await.map_err(|error| error.to_string())?;
        assert_eq!(tasks.len(), 2);
        assert_eq!(inside.kill("nobody").await, Err(OperatorError::UnknownTask));
        app.outbox.close("t-1").map_err(refused)?;
        let closed = inside.send("t-1", Bytes::new()).await;
        assert_eq!(closed, Err(OperatorError::Closed));
        Ok(())
    })
    .await;
    assert_eq!(outcome.unwrap(), JobOutcome::Succeeded);
    let late = operator.try_send("t-0", Bytes::new());
    assert_eq!(late, Err(OperatorError::NoJob));
    assert_eq!(operator.restart("t-0").await, Err(OperatorError::NoJob));
}

/// Waits for an event about `t-0`.
async fn heard(app: &App, kind: EventKind) -> Result<(), String> {
    loop {
        let event = app.events.next().await.ok_or("the events have ended")?;
        if event.kind == kind && event.task.as_deref() == Some("t-0") {
            return Ok(());
        }
    }
}

async fn accepted(command: impl Future<Output = Result<(), OperatorError>>) -> Result<(), String> {
    let answer = timeout(Duration::from_secs(20), command).await;
    let answer = answer.map_err(|_| "no answer")?;
    answer.map_err(|error| error.to_string())
}

/// Waits until the handle knows that all tasks are up.
async fn up(operator: &Operator) {
    while operator.restart("nobody").await == Err(OperatorError::NotUp) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_restarted_task_has_a_new_life_for_which_senders_wait() {
    let cluster = Cluster::start(rules(echo())).await;
    let config = config(cluster.address);
    let operator = config.operator.clone();
    let (outcome, progress) = run(config, |app| async move {
        up(&operator).await;
        accepted(operator.restart("t-0")).await?;
        heard(&app, EventKind::TaskKilled).await?;
        // Its group would end the job; and nobody who sends is refused meanwhile.
        let sent = app.outbox.send("t-0", "again".into()).await;
        sent.map_err(|error| error.to_string())?;
        heard(&app, EventKind::TaskRunning).await?;
        let message = app.inbox.recv().await.ok_or("no echo")?;
        assert_eq!(&message.data[..], b"again");
        Ok(())
    })
    .await;
    assert_eq!(outcome.unwrap(), JobOutcome::Succeeded);
    let task = "t-0".to_owned();
    assert!(progress.contains(&Progress::RestartingByRequest { task }));
    assert!(cluster.master.calls().contains(&CallType::Kill));
}

#[tokio::test]
async fn a_task_that_has_ended_can_be_restarted_while_the_job_runs() {
    // A life ends with its first message.
    let once = behaviour(|_, sender, receiver| async move {
        if let Some(message) = receiver.recv().await {
            sender.send(message).await.unwrap();
        }
        End::finished()
    });
    let cluster = Cluster::start(rules(once)).await;
    let config = config(cluster.address);
    let operator = config.operator.clone();
    let (outcome, _) = run(config, |app| async move {
        up(&operator).await;
        for text in ["first life", "second life"] {
            accepted(operator.send("t-0", text.into())).await?;
            let message = app.inbox.recv().await.ok_or("no echo")?;
            assert_eq!(&message.data[..], text.as_bytes());
            heard(&app, EventKind::TaskFinished).await?;
            let closed = operator.try_send("t-0", Bytes::new());
            assert_eq!(closed, Err(OperatorError::Closed), "{text} is over");
            accepted(operator.restart("t-0")).await?;
        }
        accepted(operator.kill("t-0")).await?;
        heard(&app, EventKind::TaskKilled).await
    })
    .await;
    assert_eq!(outcome.unwrap(), JobOutcome::Succeeded);
}
